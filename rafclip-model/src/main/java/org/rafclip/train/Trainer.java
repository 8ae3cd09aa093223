package org.rafclip.train;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.region.RegionBatches;
import org.rafclip.data.region.RegionLoader;
import org.rafclip.data.text.FashionColor;
import org.rafclip.data.text.Prompts;
import org.rafclip.eval.AttributeResult;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.io.AtomicFiles;
import org.rafclip.loss.RafLoss;
import org.rafclip.ops.JavaOps;
import org.rafclip.run.Configs;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.train.Checkpoints.State;

/**
 * Trains RaF-CLIP from one configuration. Everything random is a function of (seed, step), so a run that was killed at any
 * moment and resumed ends with the same bits as one that was not.
 */
public final class Trainer {

    /** CLIP keeps τ at most 100 (Radford et al. 2021, section 2.5). */
    private static final double MAX_LOGIT_SCALE = Math.log(100);

    private static final String DATA_FINGERPRINT = "data-fingerprint";

    private final RunConfig config;
    private final RunFolder folder;
    private final Listener listener;

    public Trainer(RunConfig config, Listener listener) {
        this.config = config;
        this.folder = new RunFolder(config.output().dir());
        this.listener = listener;
    }

    /** Is told what happens; all calls come from the training thread. */
    public interface Listener {

        /** A stage that takes time began; the returned progress is told how far it is. */
        Progress stage(String name, int total);

        /** Training begins, or goes on after {@code done} steps. */
        default void started(long done, long totalSteps, long stepsPerEpoch) {}

        default void step(Step step) {}

        /** @param epoch from 0, the one that the step belongs to */
        default void validated(long step, int epoch, AttributeResult result, double score, boolean best) {}

        /** A checkpoint is about to be written: what was told so far should be on disk before it. */
        default void saving() {}
    }

    /**
     * One step that was done.
     *
     * @param number from 1
     * @param gradientNorm before clipping
     * @param images encoded
     * @param texts distinct texts encoded
     * @param textsAll texts that the images have, duplicates counted
     * @param textsCut texts longer than the context that were cut
     * @param seconds that the step took, waiting for data included
     */
    public record Step(
            long number,
            int epoch,
            RafLoss.Value loss,
            double learningRate,
            double gradientNorm,
            double temperature,
            int images,
            int texts,
            int textsAll,
            int textsCut,
            double seconds) {}

    /** What training came to. */
    public record Outcome(long steps, boolean stoppedEarly, Optional<Double> bestScore, Path folder) {}

    /**
     * Trains to the end.
     *
     * @param resume whether to go on from the last checkpoint; without one it starts at the beginning
     * @param provenance of this run
     * @throws DataException if the folder holds another run, or the loss is no longer a number
     */
    public Outcome train(boolean resume, Provenance provenance) throws IOException, InterruptedException {
        // Reading photos loads OpenCV, and with it OpenBLAS: whoever comes first decides which library multiplies.
        JavaOps.install();
        Files.createDirectories(folder.dir());
        Closeable lock = folder.lock();
        try {
            prepareFolder(resume, provenance);
            return trainInFolder(resume, provenance);
        } finally {
            lock.close();
        }
    }

    private Outcome trainInFolder(boolean resume, Provenance provenance) throws IOException, InterruptedException {
        Optional<Path> checkpoint = resume ? folder.checkpoints().resumable() : Optional.empty();
        State state = checkpoint.isPresent() ? verified(checkpoint.get(), provenance) : State.start();
        FashionSplit split =
                FashionSplit.read(config.data().dir(), config.data().split());
        PhotoData.Parts parts = PhotoData.parts(split, config.data(), config.seed());
        folder.writePhotos(
                PhotoData.hashes(split, parts.train()), PhotoData.hashes(parts.validationSplit(), parts.validation()));
        RegionLoader loader =
                PhotoData.loader(split, config.data(), config.data().train());
        loader.loadAll(
                parts.train(),
                config.data().threads(),
                listener.stage("preparing photos", parts.train().size()));
        PhotoEvaluation validation = parts.validation().isEmpty()
                ? null
                : PhotoEvaluation.prepare(
                        PhotoData.loader(
                                parts.validationSplit(),
                                config.data(),
                                config.data().evaluation()),
                        parts.validation(),
                        config.data().threads(),
                        config.data().prefetch(),
                        listener.stage(
                                "preparing validation photos",
                                parts.validation().size()));
        RegionBatches batches = new RegionBatches(
                loader,
                parts.train(),
                new RegionBatches.Options(
                        config.train().batchSize(),
                        true,
                        true,
                        config.seed(),
                        config.data().threads(),
                        config.data().prefetch()));
        AttributeTaxonomy taxonomy = split.taxonomy();
        try (ClipModel model = checkpoint.isPresent()
                        ? ClipModel.load(checkpoint.get())
                        : initialModel(taxonomy, loader, parts);
                RafLoss loss = new RafLoss(config.loss(), taxonomy.groups().size(), DataType.FLOAT)) {
            Loop loop = new Loop(model, loss, batches, validation, taxonomy, provenance);
            if (checkpoint.isPresent()) {
                Checkpoints.restore(checkpoint.get(), loop.optimizer);
            }
            return loop.run(state);
        }
    }

    private static State verified(Path checkpoint, Provenance provenance) throws IOException {
        Checkpoints.Stored stored = Checkpoints.verify(checkpoint);
        if (!provenance.dataFingerprint().equals(stored.provenance().get(DATA_FINGERPRINT))) {
            throw new DataException(
                    checkpoint + " was trained on other photos, boxes or labels than data.dir holds now: a"
                            + " run goes on with the data it began with; restore them, or start the run anew in another"
                            + " output.dir");
        }
        return stored.state();
    }

    private void prepareFolder(boolean resume, Provenance provenance) throws IOException {
        if (Files.exists(folder.configFile())) {
            RunConfig there = folder.config();
            boolean same = Configs.fingerprint(there).equals(Configs.fingerprint(config));
            if (!resume || !same) {
                throw new DataException(folder.dir() + " already holds a run"
                        + (same
                                ? "; go on with it by --resume"
                                : " with another configuration (" + difference(there) + "); give it the same to go on")
                        + ", or choose another output.dir");
            }
            return;
        }
        new JsonReport<>(new RunDescription("rafclip"), provenance).write(folder.provenanceFile());
        AtomicFiles.writeString(folder.configFile(), Configs.toYaml(config));
    }

    /** The first setting that differs, such as {@code lr: 0.002 instead of 0.001}. */
    private String difference(RunConfig there) {
        return firstDifference("", Configs.toTree(there), Configs.toTree(config));
    }

    private static String firstDifference(String key, JsonNode there, JsonNode here) {
        if (!there.isObject() || !here.isObject()) {
            return there.equals(here) ? "" : key + ": " + here + " instead of " + there;
        }
        Set<String> keys = new LinkedHashSet<>();
        there.fieldNames().forEachRemaining(keys::add);
        here.fieldNames().forEachRemaining(keys::add);
        return keys.stream()
                .map(next ->
                        firstDifference(key.isEmpty() ? next : key + "." + next, there.path(next), here.path(next)))
                .filter(text -> !text.isEmpty())
                .findFirst()
                .orElse("");
    }

    /** What provenance.json describes. */
    private record RunDescription(String model) {}

    private ClipModel initialModel(AttributeTaxonomy taxonomy, RegionLoader loader, PhotoData.Parts parts)
            throws IOException {
        RunConfig.Model model = config.model();
        if (model.weights() != null) {
            return ClipModel.load(model.weights());
        }
        ClipConfig clip = model.preset() != null ? ClipConfig.named(model.preset()) : model.clip();
        ClipTokenizer tokenizer = model.tokenizer() != null
                ? ClipTokenizer.fromFolder(model.tokenizer(), clip.text().contextLength())
                : ClipTokenizer.train(
                        vocabularyTexts(taxonomy, loader, parts),
                        clip.text().vocabularySize(),
                        clip.text().contextLength());
        return new ClipModel(
                new DualEncoder(clip.withVocabularySize(tokenizer.vocabSize()), DataType.FLOAT, config.seed()),
                tokenizer);
    }

    private static Set<String> vocabularyTexts(AttributeTaxonomy taxonomy, RegionLoader loader, PhotoData.Parts parts) {
        Set<String> categories = new LinkedHashSet<>();
        parts.train().forEach(item -> categories.add(loader.load(item).category()));
        Set<String> texts = new LinkedHashSet<>();
        for (String category : categories) {
            for (FashionColor color : FashionColor.values()) {
                texts.add(Prompts.category(color.word(), category));
            }
            for (AttributeTaxonomy.Group group : taxonomy.groups()) {
                group.words().forEach(words -> texts.add(Prompts.attribute(words, category)));
            }
        }
        return texts;
    }

    /** The parameters that train: all that no freezing pattern matches. */
    static List<String> trainable(Set<String> parameters, List<String> freeze) {
        List<Pattern> patterns = freeze.stream()
                .map(glob -> Pattern.compile(("\\Q" + glob + "\\E").replace("*", "\\E.*\\Q")))
                .toList();
        for (int i = 0; i < patterns.size(); i++) {
            Pattern pattern = patterns.get(i);
            if (parameters.stream().noneMatch(name -> pattern.matcher(name).matches())) {
                throw new DataException("train.freeze: no parameter matches " + freeze.get(i)
                        + "; names look like visual.transformer.resblocks.0.attn.in_proj_weight");
            }
        }
        return parameters.stream()
                .filter(name -> patterns.stream().noneMatch(p -> p.matcher(name).matches()))
                .toList();
    }

    /** One training from its model to its end. */
    private final class Loop {

        private final ClipModel model;
        private final RegionBatches batches;
        private final PhotoEvaluation validation;
        private final AttributeTaxonomy taxonomy;
        private final Map<String, String> provenance;
        private final AdamW optimizer;
        private final ContrastiveStep contrastive;
        private final boolean withCrops = config.loss().alpha() < 1;
        private final long totalSteps;
        private final INDArray logitScale;
        private final boolean temperatureTrains;

        Loop(
                ClipModel model,
                RafLoss loss,
                RegionBatches batches,
                PhotoEvaluation validation,
                AttributeTaxonomy taxonomy,
                Provenance provenance) {
            this.model = model;
            this.batches = batches;
            this.validation = validation;
            this.taxonomy = taxonomy;
            this.provenance = Map.of(
                    "config-fingerprint",
                    provenance.configFingerprint(),
                    "seed",
                    Long.toString(provenance.seed()),
                    DATA_FINGERPRINT,
                    provenance.dataFingerprint(),
                    "code",
                    provenance.code().commit());
            this.totalSteps = (long) config.train().epochs() * batches.batchesPerEpoch();
            Map<String, INDArray> parameters = model.encoder().parameters();
            this.logitScale = parameters.get(DualEncoder.LOGIT_SCALE);
            List<String> trainable =
                    trainable(parameters.keySet(), config.train().freeze());
            this.temperatureTrains = trainable.contains(DualEncoder.LOGIT_SCALE);
            parameters.keySet().retainAll(trainable);
            this.optimizer = new AdamW(parameters, config.train());
            this.contrastive = new ContrastiveStep(
                    model.encoder(),
                    model.graph(),
                    loss,
                    trainable,
                    config.train().microBatch());
        }

        Outcome run(State start) throws IOException {
            State state = start;
            listener.started(state.step(), totalSteps, batches.batchesPerEpoch());
            while (!state.finished() && state.step() < totalSteps) {
                int epoch = (int) (state.step() / batches.batchesPerEpoch());
                state = epoch(epoch, state);
            }
            return new Outcome(
                    state.step(), state.step() < totalSteps, Optional.ofNullable(state.bestScore()), folder.dir());
        }

        private State epoch(int epoch, State start) throws IOException {
            State state = start;
            int first = (int) (state.step() % batches.batchesPerEpoch());
            try (StepInputs data =
                    new StepInputs(batches.epoch(epoch, first), model.tokenizer(), taxonomy, withCrops)) {
                while (data.hasNext() && !state.finished()) {
                    step(data, state.step());
                    boolean epochEnds = !data.hasNext();
                    long done = state.step() + 1;
                    long bestStep = validation == null ? done : state.bestStep();
                    state = new State(done, state.bestScore(), bestStep, state.sinceBest(), done == totalSteps);
                    boolean due = epochEnds && (epoch + 1) % config.train().validateEvery() == 0;
                    if (validation != null && (due || state.finished())) {
                        state = validate(state);
                    } else if (state.finished() || done % config.train().checkpointEvery() == 0) {
                        save(state);
                    }
                }
            }
            return state;
        }

        private void step(StepInputs data, long done) {
            long begin = System.nanoTime();
            StepInputs.Inputs inputs = data.next();
            BatchTexts texts = inputs.texts();
            double lr = config.learningRate(done, totalSteps);
            int dropoutSeed = (int) ((config.seed() * 1_000_003 + done) & Integer.MAX_VALUE);
            try (INDArray images = inputs.images();
                    ContrastiveStep.Result result =
                            contrastive.run(images, inputs.encoded().pad(), texts.textOfImage(), dropoutSeed)) {
                double norm = AdamW.norm(result.gradients());
                if (!Double.isFinite(result.loss().total()) || !Double.isFinite(norm)) {
                    throw diverged(done + 1, "loss " + result.loss().total() + ", gradient norm " + norm);
                }
                double clip = config.train().clipNorm();
                double scale = clip > 0 && norm > clip ? clip / norm : 1;
                optimizer.step(result.gradients(), lr, done + 1, scale);
                if (temperatureTrains) {
                    logitScale.putScalar(0, Math.max(0, Math.min(MAX_LOGIT_SCALE, logitScale.getDouble(0))));
                }
                int withText = 0;
                for (int[] term : texts.textOfImage()) {
                    for (int text : term) {
                        withText += text >= 0 ? 1 : 0;
                    }
                }
                listener.step(new Step(
                        done + 1,
                        inputs.epoch(),
                        result.loss(),
                        lr,
                        norm,
                        model.temperature(),
                        (int) images.size(0),
                        texts.texts().size(),
                        withText,
                        inputs.encoded().cut(),
                        (System.nanoTime() - begin) / 1e9));
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
            AttributeResult result = validation.attributes(model, config.data().mirror(), Progress.NONE);
            double score = switch (config.train().metric()) {
                case ACCURACY -> result.meanAccuracy();
                case BALANCED_ACCURACY -> result.meanBalancedAccuracy();
                case MEAN -> (result.meanAccuracy() + result.meanBalancedAccuracy()) / 2;
            };
            boolean best = state.bestScore() == null || score > state.bestScore();
            int sinceBest = best ? 0 : state.sinceBest() + 1;
            boolean enough =
                    config.train().patience() > 0 && sinceBest >= config.train().patience();
            State next = new State(
                    state.step(),
                    best ? Double.valueOf(score) : state.bestScore(),
                    best ? state.step() : state.bestStep(),
                    sinceBest,
                    state.finished() || enough);
            listener.validated(
                    state.step(), (int) ((state.step() - 1) / batches.batchesPerEpoch()), result, score, best);
            save(next);
            return next;
        }

        private void save(State state) throws IOException {
            if (!embeds()) {
                throw diverged(state.step(), "the weights it came to give embeddings that are no numbers");
            }
            listener.saving();
            folder.checkpoints().save(model, optimizer, state, provenance);
        }

        /** Finite gradients can lead to weights that are of no use: such a checkpoint must not replace a good one. */
        private boolean embeds() {
            int size = model.config().vision().imageSize();
            try (INDArray image = Nd4j.zeros(DataType.FLOAT, 1, 3, size, size);
                    INDArray ofImage = model.encodeImages(image);
                    INDArray ofText = model.encodeTexts(List.of("a photo"))) {
                return Double.isFinite(AdamW.norm(model.encoder().parameters()))
                        && Double.isFinite(AdamW.norm(Map.of("image", ofImage, "text", ofText)));
            }
        }
    }
}
