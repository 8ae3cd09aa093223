package org.rafclip.sweep;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Closeable;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.deeplearning4j.arbiter.optimize.api.Candidate;
import org.deeplearning4j.arbiter.optimize.api.CandidateGenerator;
import org.deeplearning4j.arbiter.optimize.api.OptimizationResult;
import org.deeplearning4j.arbiter.optimize.api.ParameterSpace;
import org.deeplearning4j.arbiter.optimize.api.TaskCreator;
import org.deeplearning4j.arbiter.optimize.api.data.DataProvider;
import org.deeplearning4j.arbiter.optimize.api.data.DataSource;
import org.deeplearning4j.arbiter.optimize.api.saving.InMemoryResultSaver;
import org.deeplearning4j.arbiter.optimize.api.score.ScoreFunction;
import org.deeplearning4j.arbiter.optimize.api.termination.MaxCandidatesCondition;
import org.deeplearning4j.arbiter.optimize.api.termination.TerminationCondition;
import org.deeplearning4j.arbiter.optimize.config.OptimizationConfiguration;
import org.deeplearning4j.arbiter.optimize.runner.CandidateInfo;
import org.deeplearning4j.arbiter.optimize.runner.CandidateStatus;
import org.deeplearning4j.arbiter.optimize.runner.IOptimizationRunner;
import org.deeplearning4j.arbiter.optimize.runner.LocalOptimizationRunner;
import org.deeplearning4j.arbiter.optimize.runner.listener.StatusListener;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Sha256;
import org.rafclip.launch.Training;
import org.rafclip.ops.Parallel;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Configs;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import org.rafclip.run.TaskCluster;
import org.rafclip.train.MetricsLog;
import org.rafclip.train.RunFolder;
import org.rafclip.train.TrainingLoop;

/**
 * Runs a sweep's trials one after the other on Arbiter's runner. What ended in an earlier process is kept; a trial that was
 * stopped in the middle goes on from its last checkpoint, with the same bits on the same processor, with the same libraries
 * and Java, on any number of threads; one that fails is recorded, and the others go on.
 *
 * <p>The folder has {@code results.json} and {@code results.csv} after every trial, {@code sweep.yaml} with the resolved
 * settings, {@code arbiter.json} with Arbiter's configuration of the search, and at the end {@code scatter.png} and
 * {@code parallel.png}.
 */
public final class SweepRun {

    private final SweepPlan plan;
    private final boolean retryFailed;
    private final Map<String, String> libraries;
    private final List<String> commandLine;
    private final Consumer<String> messages;
    private final ValidationScore score;
    private final Map<Integer, SweepResult.Row> rows = new TreeMap<>();
    private final Map<List<JsonNode>, String> inputs = new HashMap<>();
    private final Set<String> tried = new HashSet<>();
    private Provenance provenance;
    private double secondsComputing;
    private int computed;
    private volatile Throwable stopped;

    /**
     * @param retryFailed whether trials that failed earlier are tried again
     * @param libraries versions by name, for provenance
     * @param commandLine the arguments as given
     * @param messages takes a line when a trial begins and when it ends; called from Arbiter's thread
     */
    public SweepRun(
            SweepPlan plan,
            boolean retryFailed,
            Map<String, String> libraries,
            List<String> commandLine,
            Consumer<String> messages) {
        this.plan = plan;
        this.retryFailed = retryFailed;
        this.libraries = Map.copyOf(libraries);
        this.commandLine = List.copyOf(commandLine);
        this.messages = messages;
        this.score = new ValidationScore(plan.config().metric(), plan.config().goal() == SweepConfig.Goal.MIN);
    }

    /** Where trials are done that this process does not do itself. */
    @FunctionalInterface
    public interface Elsewhere {

        /** @return what failed there and why, by task, besides what the trials say of themselves */
        Map<String, String> run(List<TaskCluster.Task> trials) throws IOException;
    }

    /** What the sweep's results depend on. */
    private record Inputs(SweepConfig sweep, Path base, List<String> baseOverrides) {}

    /**
     * Runs what has not ended yet.
     *
     * @return all trials
     * @throws DataException if the folder holds another sweep, another process works in it, the trials have nothing to
     *     validate on, or none can read its data
     * @throws IOException if results cannot be written
     */
    public SweepResult run() throws IOException, InterruptedException {
        return run(null);
    }

    /**
     * {@link #run()} with the trials done elsewhere, and what came out of them told here.
     *
     * @param elsewhere null for here
     */
    public SweepResult run(Elsewhere elsewhere) throws IOException, InterruptedException {
        Files.createDirectories(plan.dir());
        Closeable lock = new RunFolder(plan.dir()).lock();
        try {
            plan.requireSame();
            requireInputs();
            provenance = provenance();
            AtomicFiles.writeString(plan.dir().resolve("sweep.yaml"), Configs.toYaml(plan.config()));
            TerminationCondition all = new MaxCandidatesCondition(plan.trials().size());
            AtomicFiles.writeString(
                    plan.dir().resolve("arbiter.json"),
                    configuration(Candidates.generator(plan.config()), List.of(all))
                                    .toJson() + "\n");
            if (elsewhere != null) {
                runElsewhere(elsewhere);
            }
            new LocalOptimizationRunner(
                            configuration(new Planned(plan.trials()), List.of(all, new Stopped())), new Tasks())
                    .execute();
            rethrow();
            SweepResult result = result();
            if (!result.scored().isEmpty()) {
                SweepPictures pictures = new SweepPictures(plan.config(), result);
                pictures.writeScatter(plan.dir().resolve("scatter.png"));
                pictures.writeParallel(plan.dir().resolve("parallel.png"));
            }
            return result;
        } finally {
            lock.close();
        }
    }

    private Provenance provenance() {
        return Provenance.capture(
                new Inputs(plan.config(), plan.base(), plan.baseOverrides()),
                plan.config().seed(),
                allInputs(),
                libraries,
                Parallel.standard().threads(),
                commandLine,
                Clock.systemUTC());
    }

    private void runElsewhere(Elsewhere elsewhere) throws IOException {
        Map<String, Trial> trials = new LinkedHashMap<>();
        List<TaskCluster.Task> tasks = new ArrayList<>();
        for (Trial trial : plan.trials()) {
            if (trial.training() != null && !kept(trial)) {
                String name = Integer.toString(trial.number());
                trials.put(name, trial);
                tasks.add(new TaskCluster.Task(
                        name, "trial " + name + " of " + plan.trials().size() + ", " + shown(trial), Set.of()));
            }
        }
        if (tasks.isEmpty()) {
            return;
        }
        Map<String, String> failures = elsewhere.run(tasks);
        for (Map.Entry<String, String> failure : failures.entrySet()) {
            Trial trial = trials.get(failure.getKey());
            Files.createDirectories(trial.dir());
            trial.write(
                    new Trial.Outcome(trial.values(), null, 0, false, 0, false, failure.getValue(), null), provenance);
        }
        tried.addAll(trials.keySet());
    }

    private boolean kept(Trial trial) {
        return trial.outcome()
                .filter(earlier ->
                        !earlier.failed() || !retryFailed || tried.contains(Integer.toString(trial.number())))
                .isPresent();
    }

    /** Does one trial, for a process that runs the sweep; how it ends is in its folder. */
    void help(int number) throws IOException, InterruptedException {
        if (provenance == null) {
            requireInputs();
            provenance = provenance();
        }
        Trial trial = plan.trials().get(number - 1);
        Trial.Outcome outcome = attempt(trial);
        Files.createDirectories(trial.dir());
        trial.write(outcome, provenance);
    }

    private OptimizationConfiguration configuration(CandidateGenerator generator, List<TerminationCondition> until) {
        OptimizationConfiguration.Builder builder = new OptimizationConfiguration.Builder()
                .candidateGenerator(generator)
                .modelSaver(new InMemoryResultSaver())
                .scoreFunction(score)
                .terminationConditions(until);
        if (plan.config().search() == SweepConfig.Search.RANDOM) {
            builder.rngSeed(Candidates.randomSeed(plan.config()));
        }
        return builder.build();
    }

    private SweepResult result() {
        return new SweepResult(
                plan.config().metric(), plan.config().goal(), plan.trials().size(), List.copyOf(rows.values()));
    }

    /** Refuses, before the first trial, a mistake of which every trial would fail. */
    private void requireInputs() throws IOException {
        DataException first = null;
        boolean usable = false;
        for (Trial trial : plan.trials()) {
            if (trial.training() == null) {
                continue;
            }
            try {
                inputs(trial.training());
                if (!trial.training().validates()) {
                    throw new DataException(
                            "trial " + trial.number() + " has no photos to validate on, and so no score;"
                                    + " hold some out (data.held-out of the RaF-CLIP run) or name a data.validation-split");
                }
                usable = true;
            } catch (DataException e) {
                first = first == null ? e : first;
            }
        }
        if (!usable && first != null) {
            throw first;
        }
        for (Trial trial : plan.trials()) {
            String then = trial.outcome().map(Trial.Outcome::inputs).orElse(null);
            if (then != null && !then.equals(inputs(trial.training()))) {
                throw new DataException(trial.dir() + " was trained on other data, or with another encoder, than there"
                        + " is now; restore them, or start the sweep anew in another output.dir");
            }
        }
    }

    /** Most trials read the same, which takes a while to name. */
    private String inputs(Training training) throws IOException {
        JsonNode config = Configs.toTree(training.config());
        List<JsonNode> read = List.of(config.path("data"), config.path("rafclip"));
        String known = inputs.get(read);
        if (known == null) {
            known = training.inputsFingerprint();
            inputs.put(read, known);
        }
        return known;
    }

    private String allInputs() {
        return Sha256.of(inputs.values().stream().sorted().distinct().collect(Collectors.joining("\n")));
    }

    /** Makes sure that a trial has ended, and tells of it. */
    private SweepResult.Row end(Trial trial) throws IOException, InterruptedException {
        Optional<Trial.Outcome> earlier = trial.outcome();
        String place = "trial " + trial.number() + " of " + plan.trials().size();
        boolean keep = kept(trial);
        if (!keep) {
            messages.accept(place + ": " + shown(trial) + timeLeft(trial));
            Trial.Outcome outcome = attempt(trial);
            Files.createDirectories(trial.dir());
            trial.write(outcome, provenance);
            earlier = Optional.of(outcome);
            secondsComputing += outcome.seconds();
            computed++;
        }
        SweepResult.Row row = row(trial, earlier.orElseThrow());
        rows.put(trial.number(), row);
        SweepResult result = result();
        new JsonReport<>(result, provenance).write(plan.dir().resolve("results.json"));
        AtomicFiles.writeString(plan.dir().resolve("results.csv"), result.toCsv());
        String came = row.error() != null
                ? "failed: " + row.error()
                : String.format(
                        Locale.ROOT,
                        "%s %.4f; best so far %.4f, trial %d",
                        plan.config().metric(),
                        row.score(),
                        result.trials().get(0).score(),
                        result.trials().get(0).number());
        boolean earlierDone = keep && !tried.contains(Integer.toString(trial.number()));
        messages.accept(place + (earlierDone ? ", done earlier: " : ": ") + came);
        return row;
    }

    private static String shown(Trial trial) {
        Map<String, String> names =
                SweepResult.shortNames(List.copyOf(trial.values().keySet()));
        return trial.values().entrySet().stream()
                .map(value -> names.get(value.getKey()) + " " + SweepResult.text(value.getValue()))
                .collect(Collectors.joining(", "));
    }

    private String timeLeft(Trial next) {
        long left = plan.trials().stream()
                .filter(trial -> trial.number() >= next.number() && trial.training() != null)
                .filter(trial -> trial.outcome().isEmpty())
                .count();
        return computed == 0 || left == 0
                ? ""
                : " (about " + SweepResult.clock(secondsComputing / computed * left) + " left)";
    }

    private Trial.Outcome attempt(Trial trial) throws InterruptedException {
        long begin = System.nanoTime();
        Training training = trial.training();
        String read = null;
        boolean resumed = false;
        Throwable failure;
        try {
            if (training == null) {
                throw new ConfigException(trial.refusal());
            }
            read = inputs(training);
            resumed = training.folder().checkpoints().resumable().isPresent();
            TrainingLoop.Outcome done = training.train(true, training.provenance(libraries, commandLine));
            score.best(training.folder());
            return new Trial.Outcome(
                    trial.values(), read, done.steps(), done.stoppedEarly(), seconds(begin), resumed, null, null);
        } catch (InterruptedException e) {
            throw e;
        } catch (Exception | OutOfMemoryError e) {
            failure = e;
        }
        boolean forTheUser = failure instanceof DataException
                || failure instanceof ConfigException
                || failure instanceof IOException
                || failure instanceof UncheckedIOException;
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace));
        return new Trial.Outcome(
                trial.values(),
                read,
                0,
                false,
                seconds(begin),
                resumed,
                forTheUser ? failure.getMessage() : failure.getClass().getSimpleName() + ": " + failure.getMessage(),
                forTheUser ? null : trace.toString());
    }

    private static double seconds(long begin) {
        return Math.round((System.nanoTime() - begin) / 1e7) / 100.0;
    }

    private SweepResult.Row row(Trial trial, Trial.Outcome outcome) {
        MetricsLog.Entry best = null;
        Map<String, Double> figures = new LinkedHashMap<>();
        if (!outcome.failed()) {
            best = score.best(new RunFolder(trial.dir()));
            figures.putAll(best.values());
            figures.keySet().retainAll(trial.training().validationMetrics());
        }
        return new SweepResult.Row(
                trial.number(),
                trial.dir().toString(),
                trial.values(),
                best == null ? null : best.values().get(plan.config().metric()),
                best == null ? null : best.step(),
                figures,
                outcome.steps(),
                outcome.stoppedEarly(),
                outcome.seconds(),
                outcome.resumed(),
                outcome.error());
    }

    /** What must end the sweep is kept for {@link #rethrow}: Arbiter would log it and go on. */
    private OptimizationResult task(Candidate<?> candidate) {
        long begin = System.currentTimeMillis();
        SweepResult.Row row = null;
        try {
            row = end(plan.trials().get(candidate.getIndex()));
        } catch (Exception | Error e) {
            stopped = e;
        }
        boolean failed = row == null || row.error() != null;
        CandidateInfo info = new CandidateInfo(
                candidate.getIndex(),
                failed ? CandidateStatus.Failed : CandidateStatus.Complete,
                failed ? null : row.score(),
                begin,
                begin,
                System.currentTimeMillis(),
                candidate.getFlatParameters(),
                row == null ? stopped.toString() : row.error());
        return new OptimizationResult(candidate, info.getScore(), candidate.getIndex(), row, info, null);
    }

    private void rethrow() throws IOException, InterruptedException {
        if (stopped instanceof IOException e) {
            throw e;
        } else if (stopped instanceof InterruptedException e) {
            throw e;
        } else if (stopped instanceof RuntimeException e) {
            throw e;
        } else if (stopped instanceof Error e) {
            throw e;
        }
    }

    /** Arbiter's way to the trials. */
    private final class Tasks implements TaskCreator {

        @Override
        @Deprecated
        @SuppressWarnings("rawtypes")
        public Callable<OptimizationResult> create(
                Candidate candidate,
                DataProvider dataProvider,
                ScoreFunction scoreFunction,
                List<StatusListener> statusListeners,
                IOptimizationRunner runner) {
            return () -> task((Candidate<?>) candidate);
        }

        @Override
        @SuppressWarnings("rawtypes")
        public Callable<OptimizationResult> create(
                Candidate candidate,
                Class<? extends DataSource> dataSource,
                Properties dataSourceProperties,
                ScoreFunction scoreFunction,
                List<StatusListener> statusListeners,
                IOptimizationRunner runner) {
            return () -> task((Candidate<?>) candidate);
        }
    }

    /** Hands the planned trials out as Arbiter's candidates. */
    private static final class Planned implements CandidateGenerator {

        private final Deque<Candidate<?>> left = new ArrayDeque<>();

        Planned(List<Trial> trials) {
            trials.forEach(trial ->
                    left.add(new Candidate<>(new LinkedHashMap<>(trial.values()), trial.number() - 1, new double[0])));
        }

        @Override
        public boolean hasMoreCandidates() {
            return !left.isEmpty();
        }

        @Override
        public Candidate<?> getCandidate() {
            return left.remove();
        }

        @Override
        public void reportResults(OptimizationResult result) {}

        @Override
        public ParameterSpace<?> getParameterSpace() {
            return null;
        }

        @Override
        public void setRngSeed(long rngSeed) {}

        @Override
        public Class<?> getCandidateType() {
            return Map.class;
        }
    }

    /** Ends the search when going on makes no sense. */
    private final class Stopped implements TerminationCondition {

        @Override
        public void initialize(IOptimizationRunner runner) {}

        @Override
        public boolean terminate(IOptimizationRunner runner) {
            return stopped != null;
        }
    }
}
