package org.rafclip.train;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.ops.JavaOps;
import org.rafclip.run.Configs;
import org.rafclip.run.Provenance;
import org.rafclip.train.Checkpoints.State;

/**
 * Training that can be killed at any moment and resumed: steps by (epoch, batch), AdamW, schedule, clipping, validation,
 * best and last checkpoint, early stopping. What is trained, on what, and how it is measured is a {@link Task}'s matter;
 * where everything random in it is a function of (seed, step), a resumed run ends with the same bits as one that was never
 * killed: on the same processor, with the same libraries and Java, on any number of threads. So does a run that was
 * continued with more epochs, beside one that was given its {@code train.continued} and all epochs from the start.
 */
public final class TrainingLoop {

    private static final String DATA_FINGERPRINT = "data-fingerprint";

    private final RunFolder folder;
    private final Provenance provenance;
    private static final String STEP = "step";
    private static final String END = "end";

    private final TrainingListener listener;
    private final Peers peers;

    public TrainingLoop(RunFolder folder, Provenance provenance, TrainingListener listener) {
        this(folder, provenance, listener, Peers.ALONE);
    }

    /** @param peers that {@link #follow} */
    TrainingLoop(RunFolder folder, Provenance provenance, TrainingListener listener, Peers peers) {
        this.peers = peers;
        this.folder = folder;
        this.provenance = provenance;
        this.listener = listener;
    }

    /** What the loop trains. Called from one thread. */
    public interface Task extends AutoCloseable {

        /** The arrays that are updated in place. */
        Map<String, INDArray> parameters();

        int batchesPerEpoch();

        /** An epoch's batches from one of them on; every call gives the same ones. */
        Epoch epoch(int epoch, int firstBatch);

        /** Brings parameters back into their limits after a step. */
        void clamp();

        /** Whether there is something to validate on. */
        boolean validates();

        /** Measures the model as it is. */
        TrainingListener.Validation validate();

        /** Whether the weights give numbers: finite gradients can lead to weights that do not. */
        boolean usable();

        /** Writes the model's files into an existing folder. */
        void save(Path folder, Map<String, String> metadata) throws IOException;

        @Override
        void close();
    }

    /** The batches of an epoch, or its last ones, in order. */
    public interface Epoch extends AutoCloseable {

        boolean hasNext();

        /**
         * Loss and gradients of the next batch.
         *
         * @param dropoutSeed at least 0, a function of (seed, step)
         */
        Computed next(int dropoutSeed);

        @Override
        void close();
    }

    /** The loss and the gradients of a batch. */
    public interface Computed extends AutoCloseable {

        double loss();

        /** One for each parameter, dense in 'c' order. */
        Map<String, INDArray> gradients();

        /** What a listener learns of it, after the parameters were updated with it. */
        TrainingListener.Batch batch();

        @Override
        void close();
    }

    /** How a training ended. */
    public record Outcome(long steps, boolean stoppedEarly, Optional<Double> bestScore, Path folder) {}

    /** Makes the task. */
    public interface Tasks {

        /** @param checkpoint a verified one to read the model from, or empty for a fresh model */
        Task open(Optional<Path> checkpoint) throws IOException, InterruptedException;
    }

    /**
     * Trains to the end.
     *
     * @param config the run's whole configuration; its {@code batch-size}, {@code micro-batch} and {@code freeze} are the
     *     task's matter
     * @param description of what is trained and on what: what {@code provenance.json} says besides the provenance
     * @param resume whether to go on from the last checkpoint; without one it starts at the beginning. A configuration with
     *     more epochs than the run was to have continues it
     * @throws DataException if the folder holds another run, or the loss is no longer a number
     */
    public <C extends Record & TrainedConfig<C>> Outcome train(
            C config, Record description, boolean resume, Tasks tasks) throws IOException, InterruptedException {
        // Reading photos loads OpenCV, and with it OpenBLAS: whoever comes first decides which library multiplies.
        JavaOps.install();
        try {
            config.train().precision().requireAvailable();
        } catch (IllegalArgumentException e) {
            throw new DataException("train.precision: " + e.getMessage(), e);
        }
        Files.createDirectories(folder.dir());
        Closeable lock = folder.lock();
        try {
            C begun = folder.begin(config, description, resume, provenance);
            folder.otherBits(provenance).ifPresent(listener::message);
            Optional<Path> checkpoint = resume ? folder.checkpoints().resumable() : Optional.empty();
            State state = checkpoint.isPresent() ? verified(checkpoint.get()) : State.start();
            peers.word(Configs.toYaml(begun));
            peers.word(checkpoint.map(path -> path.toAbsolutePath().toString()).orElse(""));
            try (Task task = tasks.open(checkpoint);
                    RunMetrics metrics = RunMetrics.open(folder, resume, state.step())) {
                Run run = new Run(task, begun.train(), config.seed(), metrics);
                if (checkpoint.isPresent()) {
                    Checkpoints.restore(checkpoint.get(), run.update.optimizer());
                }
                return run.toEnd(state);
            }
        } finally {
            lock.close();
        }
    }

    /**
     * Does the steps of a loop that the first of the peers runs: the same gradients, the same updates. What is validated and
     * written is the first one's matter.
     *
     * @throws Peers.LostException if one of the peers is gone
     */
    static <C extends Record & TrainedConfig<C>> void follow(C config, Tasks tasks, Peers peers)
            throws IOException, InterruptedException {
        JavaOps.install();
        @SuppressWarnings("unchecked")
        Class<C> type = (Class<C>) config.getClass();
        C begun = Configs.parse(peers.word(""), "what the first worker trains", List.of(), type);
        String named = peers.word("");
        Optional<Path> checkpoint = named.isEmpty() ? Optional.empty() : Optional.of(Path.of(named));
        long step = checkpoint.isPresent()
                ? Checkpoints.verify(checkpoint.get()).state().step()
                : 0;
        TrainConfig settings = begun.train();
        try (Task task = tasks.open(checkpoint)) {
            ParameterUpdate update = new ParameterUpdate(task.parameters(), settings, task::clamp);
            if (checkpoint.isPresent()) {
                Checkpoints.restore(checkpoint.get(), update.optimizer());
            }
            int perEpoch = task.batchesPerEpoch();
            long total = (long) settings.epochs() * perEpoch;
            boolean goesOn = peers.word("").equals(STEP);
            while (goesOn) {
                try (Epoch data = task.epoch((int) (step / perEpoch), (int) (step % perEpoch))) {
                    while (data.hasNext() && goesOn) {
                        try (Computed computed = data.next(dropoutSeed(config.seed(), step))) {
                            update.apply(computed.gradients(), settings.learningRate(step, total), step + 1);
                        }
                        step++;
                        goesOn = peers.word("").equals(STEP);
                    }
                }
            }
        }
    }

    private static int dropoutSeed(long seed, long done) {
        return (int) ((seed * 1_000_003 + done) & Integer.MAX_VALUE);
    }

    private State verified(Path checkpoint) throws IOException {
        Checkpoints.Stored stored = Checkpoints.verify(checkpoint);
        if (!provenance.dataFingerprint().equals(stored.provenance().get(DATA_FINGERPRINT))) {
            throw new DataException(
                    checkpoint + " was trained on other photos, boxes, labels or captions than its data hold now: a"
                            + " run goes on with the data it began with; restore the folder or table, or start the run"
                            + " anew in another output.dir");
        }
        return stored.state();
    }

    /** One training from its model to its end. */
    private final class Run {

        private final Task task;
        private final TrainConfig settings;
        private final long seed;
        private final ParameterUpdate update;
        private final long totalSteps;
        private final Map<String, String> metadata;
        private final RunMetrics metrics;

        Run(Task task, TrainConfig settings, long seed, RunMetrics metrics) {
            this.task = task;
            this.settings = settings;
            this.seed = seed;
            this.metrics = metrics;
            this.update = new ParameterUpdate(task.parameters(), settings, task::clamp);
            this.totalSteps = (long) settings.epochs() * task.batchesPerEpoch();
            this.metadata = Map.of(
                    "config-fingerprint",
                    provenance.configFingerprint(),
                    "seed",
                    Long.toString(provenance.seed()),
                    DATA_FINGERPRINT,
                    provenance.dataFingerprint(),
                    "code",
                    provenance.code().commit());
        }

        Outcome toEnd(State start) throws IOException {
            boolean goesOn = start.step() < totalSteps && !start.stoppedEarly(settings.patience());
            State state = goesOn ? start.unfinished() : start;
            listener.started(state.step(), totalSteps);
            while (!state.finished() && state.step() < totalSteps) {
                int epoch = (int) (state.step() / task.batchesPerEpoch());
                state = epoch(epoch, state);
            }
            peers.word(END);
            return new Outcome(
                    state.step(), state.step() < totalSteps, Optional.ofNullable(state.bestScore()), folder.dir());
        }

        private State epoch(int epoch, State start) throws IOException {
            State state = start;
            int first = (int) (state.step() % task.batchesPerEpoch());
            try (Epoch data = task.epoch(epoch, first)) {
                while (data.hasNext() && !state.finished()) {
                    step(data, epoch, state.step());
                    boolean epochEnds = !data.hasNext();
                    long done = state.step() + 1;
                    long bestStep = task.validates() ? state.bestStep() : done;
                    state = new State(done, state.bestScore(), bestStep, state.sinceBest(), done == totalSteps);
                    boolean due =
                            epochEnds && ((epoch + 1) % settings.validateEvery() == 0 || settings.endedAfter(epoch));
                    if (task.validates() && (due || state.finished())) {
                        state = validate(state);
                    } else if (state.finished() || done % settings.checkpointEvery() == 0) {
                        save(state);
                    }
                }
            }
            return state;
        }

        private void step(Epoch data, int epoch, long done) throws IOException {
            long begin = System.nanoTime();
            double lr = settings.learningRate(done, totalSteps);
            peers.word(STEP);
            try (Computed computed = data.next(dropoutSeed(seed, done))) {
                if (!Double.isFinite(computed.loss())) {
                    throw diverged(done + 1, "loss " + computed.loss());
                }
                double norm = update.apply(computed.gradients(), lr, done + 1);
                if (!Double.isFinite(norm)) {
                    throw diverged(done + 1, "loss " + computed.loss() + ", gradient norm " + norm);
                }
                TrainingListener.Step step = new TrainingListener.Step(
                        done + 1, epoch, lr, norm, (System.nanoTime() - begin) / 1e9, computed.batch());
                metrics.log(step.number(), epoch, step.figures());
                listener.step(step);
            }
        }

        private DataException diverged(long step, String what) {
            String last = folder.checkpoints()
                    .find(Checkpoints.Which.LAST)
                    .map(path -> "the last good checkpoint is " + path)
                    .orElse("there is no checkpoint yet");
            return new DataException("training diverged at step " + step + ": " + what + "; " + last
                    + "; lower train.lr or raise train.warmup, then start anew");
        }

        private State validate(State state) throws IOException {
            requireUsable(state.step());
            TrainingListener.Validation found = task.validate();
            boolean best = state.bestScore() == null || found.score() > state.bestScore();
            int sinceBest = best ? 0 : state.sinceBest() + 1;
            boolean enough = settings.patience() > 0 && sinceBest >= settings.patience();
            State next = new State(
                    state.step(),
                    best ? Double.valueOf(found.score()) : state.bestScore(),
                    best ? state.step() : state.bestStep(),
                    sinceBest,
                    state.finished() || enough);
            int epoch = (int) ((state.step() - 1) / task.batchesPerEpoch());
            metrics.log(state.step(), epoch, found.figures());
            listener.validated(new TrainingListener.Validated(state.step(), epoch, found, best));
            save(next);
            return next;
        }

        private void requireUsable(long step) {
            if (!task.usable()) {
                throw diverged(step, "the weights it came to give embeddings that are no numbers");
            }
        }

        private void save(State state) throws IOException {
            // A useless checkpoint must not replace a good one.
            requireUsable(state.step());
            listener.saving(state.step());
            metrics.force();
            folder.checkpoints().save(dir -> task.save(dir, metadata), update.optimizer(), state, metadata);
        }
    }
}
