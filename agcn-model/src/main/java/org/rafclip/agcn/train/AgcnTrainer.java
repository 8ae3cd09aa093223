package org.rafclip.agcn.train;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.eval.ComposedEvaluation;
import org.rafclip.agcn.eval.ComposedResult;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.agcn.loss.CompositionLoss;
import org.rafclip.data.DataException;
import org.rafclip.data.Prefetch;
import org.rafclip.data.Progress;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.table.TripletTable;
import org.rafclip.io.Safetensors;
import org.rafclip.io.Sha256;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.run.Provenance;
import org.rafclip.train.AdamW;
import org.rafclip.train.RunFolder;
import org.rafclip.train.TrainConfig;
import org.rafclip.train.TrainingListener;
import org.rafclip.train.TrainingLoop;

/**
 * Trains a composer on features of a frozen encoder, by the {@link TrainingLoop}. Images and texts are encoded once,
 * before the first step; validation is the mean recall over categories that {@code train.metric} names.
 */
public final class AgcnTrainer {

    private static final List<Integer> VALIDATED_KS = List.of(1, 10, 50);

    /** The names under which every validation's figures are logged; higher is better in all. */
    public static final List<String> VALIDATION_METRICS =
            VALIDATED_KS.stream().map(AgcnTrainer::recallAt).toList();

    /** The learned temperature, beside the composer's files. */
    private static final String LOSS_FILE = "loss.safetensors";

    private final AgcnConfig config;
    private final RunFolder folder;
    private final PhotoSplits photos;
    private final TrainingListener listener;

    /** @param photos whatever of them was read already is not read again */
    public AgcnTrainer(AgcnConfig config, PhotoSplits photos, TrainingListener listener) {
        this.config = config;
        this.photos = photos;
        this.folder = new RunFolder(config.output().dir());
        this.listener = listener;
    }

    private static String recallAt(int k) {
        return "validation/meanRecallAt" + k;
    }

    /** What {@code provenance.json} says of a composer's run. */
    private record Description(String model, List<LeftOut> leftOut) {}

    /**
     * A name for the labels, boxes and captions that a configuration trains on, and for the images that it does without.
     */
    public static String dataFingerprint(AgcnConfig config, PhotoSplits photos) {
        AgcnConfig.Data data = config.data();
        if (data.place() != null) {
            String labels = PhotoData.fingerprint(photos.split(data.place(), data.split(), data.tableSettings()));
            return data.tripletsTable() == null ? labels : Sha256.of(labels + hash(data.tripletsTable()));
        }
        FashionIq fashionIq = FashionIq.open(data.fashioniq());
        StringBuilder text = new StringBuilder();
        for (String category : fashionIq.categories()) {
            for (String split : fashionIq.splits(category)) {
                fashionIq
                        .triplets(category, split)
                        .forEach(triplet -> text.append(triplet).append('\n'));
            }
        }
        LeftOut.of(data).forEach(part -> text.append(part).append('\n'));
        return Sha256.of(text.toString());
    }

    private static String hash(Path triplets) {
        TripletTable.open(triplets);
        try {
            return Sha256.of(triplets);
        } catch (IOException e) {
            throw new DataException(
                    triplets + ": cannot be read (" + e.getMessage() + "); name a table of triplets", e);
        }
    }

    /**
     * Trains to the end.
     *
     * @param resume whether to go on from the last checkpoint; without one it starts at the beginning
     * @param provenance of this run, with {@link #dataFingerprint}
     * @throws DataException if the folder holds another run, the encoder is not the one that the run began with, or the
     *     loss is no longer a number
     */
    public TrainingLoop.Outcome train(boolean resume, Provenance provenance) throws IOException, InterruptedException {
        List<LeftOut> leftOut = LeftOut.of(config.data());
        leftOut.forEach(part -> listener.message(part.summary()));
        Description description = new Description("agcn", leftOut);
        return new TrainingLoop(folder, provenance, listener).train(config, description, resume, this::open);
    }

    private TrainingLoop.Task open(Optional<Path> checkpoint) throws IOException {
        try (OpenedEncoder encoder =
                OpenedEncoder.open(config.rafclip().run(), config.rafclip().checkpoint())) {
            CompositionData data = CompositionData.of(config, encoder, photos, folder);
            ComposerModel.Description description = new ComposerModel.Description(
                    config.composer(),
                    encoder.model().config().embedWidth(),
                    encoder.model().config().vision().pool(),
                    encoder.hash());
            CompositionLoss loss = new CompositionLoss(config.loss(), DataType.FLOAT);
            ComposerModel model = null;
            try {
                model = checkpoint.isPresent()
                        ? ComposerModel.load(checkpoint.get())
                        : new ComposerModel(description, config.seed());
                if (!model.description().encoder().equals(encoder.hash())) {
                    throw new DataException(checkpoint.orElseThrow()
                            + " was trained on features of another encoder than "
                            + config.rafclip().run() + " holds now; restore its checkpoint, or start the run anew in"
                            + " another output.dir");
                }
                if (checkpoint.isPresent() && config.loss().learnable()) {
                    try (Safetensors learned = Safetensors.open(checkpoint.get().resolve(LOSS_FILE))) {
                        learned.readInto(loss.parameters());
                    }
                }
                EncodedData features = data.encode(encoder, config.data(), listener);
                CompositionBatches batches = new CompositionBatches(
                        data.train(), features, config.train().batchSize(), config.seed());
                return new Task(
                        model,
                        loss,
                        batches,
                        data.queries().isEmpty()
                                ? null
                                : new ComposedEvaluation(
                                        data.queries(),
                                        features,
                                        false,
                                        config.data().allowPartial()));
            } catch (IOException | RuntimeException e) {
                if (model != null) {
                    model.close();
                }
                loss.close();
                throw e;
            }
        }
    }

    /** The composer's part of the loop. */
    private final class Task implements TrainingLoop.Task {

        private final ComposerModel model;
        private final CompositionLoss loss;
        private final CompositionBatches batches;
        private final ComposedEvaluation validation;
        private final CompositionStep composition;
        private final Map<String, INDArray> parameters;

        /** @param validation null for none */
        Task(ComposerModel model, CompositionLoss loss, CompositionBatches batches, ComposedEvaluation validation) {
            this.model = model;
            this.loss = loss;
            this.batches = batches;
            this.validation = validation;
            Map<String, INDArray> all = new TreeMap<>(model.composer().parameters());
            List<String> ofComposer = List.copyOf(all.keySet());
            all.putAll(loss.parameters());
            List<String> trainable = config.train().trainable(all.keySet());
            all.keySet().retainAll(trainable);
            model.computeIn(config.train().precision());
            this.parameters = all;
            this.composition = new CompositionStep(
                    model.composer(),
                    model.graph(),
                    loss,
                    ofComposer.stream().filter(trainable::contains).toList(),
                    config.train().microBatch());
        }

        @Override
        public Map<String, INDArray> parameters() {
            return parameters;
        }

        @Override
        public int batchesPerEpoch() {
            return batches.perEpoch();
        }

        @Override
        public TrainingLoop.Epoch epoch(int epoch, int firstBatch) {
            return new Epoch(batches.ahead(epoch, firstBatch));
        }

        private final class Epoch implements TrainingLoop.Epoch {

            private final Prefetch<CompositionBatches.Batch> data;

            Epoch(Prefetch<CompositionBatches.Batch> data) {
                this.data = data;
            }

            @Override
            public boolean hasNext() {
                return data.hasNext();
            }

            @Override
            public TrainingLoop.Computed next(int dropoutSeed) {
                CompositionBatches.Batch batch = data.next();
                return new Computed(
                        batch, composition.run(batch.inputs(), batch.targets(), batch.targetOfQuery(), dropoutSeed));
            }

            @Override
            public void close() {
                data.close();
            }
        }

        private final class Computed implements TrainingLoop.Computed {

            private final CompositionBatches.Batch batch;
            private final CompositionStep.Result step;

            Computed(CompositionBatches.Batch batch, CompositionStep.Result step) {
                this.batch = batch;
                this.step = step;
            }

            @Override
            public double loss() {
                return step.loss();
            }

            @Override
            public Map<String, INDArray> gradients() {
                return step.gradients();
            }

            @Override
            public TrainingListener.Batch batch() {
                return new TrainingListener.Batch(
                        step.loss(),
                        batch.targetOfQuery().length,
                        "queries",
                        Map.of("temperature", loss.temperature()));
            }

            @Override
            public void close() {
                step.close();
                batch.close();
            }
        }

        @Override
        public void clamp() {
            loss.clampTemperature();
        }

        @Override
        public boolean validates() {
            return validation != null;
        }

        @Override
        public TrainingListener.Validation validate() {
            ComposedResult result = validation.of(model, Progress.NONE);
            Map<String, Double> figures = new LinkedHashMap<>();
            VALIDATED_KS.forEach(k -> figures.put(recallAt(k), result.meanRecall(k)));
            return new TrainingListener.Validation(
                    result.meanRecall(config.train().metric() == TrainConfig.Metric.RECALL_AT_50 ? 50 : 10),
                    figures,
                    String.format(
                            Locale.ROOT,
                            "mean R@10 %.2f %%, R@50 %.2f %%",
                            100 * result.meanRecall(10),
                            100 * result.meanRecall(50)),
                    result);
        }

        @Override
        public boolean usable() {
            try (CompositionBatches.Batch batch = batches.batches(0, 0).next()) {
                return Double.isFinite(AdamW.norm(parameters))
                        && Double.isFinite(AdamW.norm(Map.of("queries", model.compose(batch.inputs()))));
            }
        }

        @Override
        public void save(Path dir, Map<String, String> metadata) throws IOException {
            model.save(dir, metadata);
            if (config.loss().learnable()) {
                Safetensors.write(dir.resolve(LOSS_FILE), loss.parameters(), metadata);
            }
        }

        @Override
        public void close() {
            loss.close();
            model.close();
        }
    }
}
