package org.rafclip.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.agcn.compose.Composer;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.agcn.features.FeatureCache;
import org.rafclip.agcn.features.FeatureKey;
import org.rafclip.agcn.features.ImageFeatureSource;
import org.rafclip.agcn.features.TextFeatureSource;
import org.rafclip.agcn.loss.CompositionLoss;
import org.rafclip.agcn.loss.CompositionLossConfig;
import org.rafclip.agcn.train.CompositionBatches;
import org.rafclip.agcn.train.CompositionStep;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.Prefetch;
import org.rafclip.data.Progress;
import org.rafclip.eval.Table;
import org.rafclip.io.AtomicFiles;
import org.rafclip.measure.Flops;
import org.rafclip.ops.JavaOps;
import org.rafclip.run.ProcessMemory;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.train.ParameterUpdate;
import org.rafclip.train.TrainConfig;

/**
 * Times a composer's training: the step, reading its batch from cached features on disk, and what encoding the batch anew
 * would cost instead.
 */
public final class ComposeBench {

    private static final int WARM_UP = 2;
    private static final int ENCODED_AT_ONCE = 64;

    private final ComposerSetup composing;
    private final BenchModel encoder;
    private final Work work;
    private final DoubleSupplier gemm;
    private final Consumer<String> progress;

    /**
     * @param encoder whose features are composed
     * @param gemm measures this machine's best matrix product in GFLOP/s
     * @param progress is told what is being measured
     */
    public ComposeBench(
            ComposerSetup composing, BenchModel encoder, Work work, DoubleSupplier gemm, Consumer<String> progress) {
        this.composing = composing;
        this.encoder = encoder;
        this.work = work;
        this.gemm = gemm;
        this.progress = progress;
    }

    /**
     * What is trained.
     *
     * @param name of the configuration
     */
    public record ComposerSetup(
            String name,
            ComposerConfig composer,
            CompositionLossConfig loss,
            TrainConfig train,
            FeatureCache.Storage storage) {}

    /**
     * @param triplets an epoch
     * @param batch queries a step
     * @param steps measured, after warm-up
     */
    public record Work(int triplets, int batch, int steps, long seed) {

        int stepsPerEpoch() {
            return triplets / batch;
        }
    }

    /**
     * The training step: waiting for the batch, network, loss, gradient and its norm, AdamW.
     *
     * @param textTokens of a text, mean over all
     * @param gigaflop of a step's matrix products, see {@link Flops}
     * @param medianMillis of a step
     * @param bestMillis of a step
     * @param processorMillis processor time of all threads, median of a step
     * @param optimizerMillis of a step's norm and AdamW
     * @param shareOfGemm of the machine's best matrix product, at the median
     * @param shareOfGemmAtBest the same for the quickest step, which like that product was disturbed least
     */
    public record Step(
            double textTokens,
            double gigaflop,
            double medianMillis,
            double bestMillis,
            double processorMillis,
            double optimizerMillis,
            double tripletsPerSecond,
            double gigaflopPerSecond,
            double shareOfGemm,
            double shareOfGemmAtBest) {}

    /**
     * A step's batch from the cache.
     *
     * @param images with features on disk
     * @param texts with features on disk
     * @param mebibytes on disk
     * @param readMillis to gather a batch, median
     * @param waitMillis for which a step waits when the batch is gathered ahead, median
     */
    public record Cached(int images, int texts, double mebibytes, double readMillis, double waitMillis) {}

    /**
     * A step's batch through the encoder instead.
     *
     * @param images of a batch
     * @param texts of a batch
     * @param gigaflop of a batch
     * @param millis of a batch of prepared images, median
     */
    public record BatchEncoding(int images, int texts, double gigaflop, double millis) {}

    /**
     * What was measured.
     *
     * @param imageTokens of an image
     * @param gemmBefore GFLOP/s of the best matrix product before the measurement
     * @param gemmAfter the same after it
     * @param loadBefore processes that ran on average over the minute before
     * @param loadAfter processes that ran on average over the last minute
     * @param peak the process's most memory up to the end of the steps, in MiB; null where the system does not tell
     * @param epochSeconds on the cache
     * @param encodingEpochSeconds where every batch is encoded anew
     * @param ratio of the two
     */
    public record Result(
            String composer,
            String kind,
            String encoder,
            int width,
            int imageTokens,
            long parameters,
            int batch,
            int triplets,
            int threads,
            double gemmBefore,
            double gemmAfter,
            double loadBefore,
            double loadAfter,
            Step step,
            Cached cached,
            BatchEncoding encoded,
            Double peak,
            double epochSeconds,
            double encodingEpochSeconds,
            double ratio) {

        /** The figures as tables. */
        public List<Table> tables() {
            Table training = new Table(
                    "Training step of " + composer + " on features of " + encoder,
                    List.of(
                            "",
                            "ms/step",
                            "best",
                            "CPU ms",
                            "triplets/s",
                            "GFLOP",
                            "GFLOP/s",
                            "of gemm",
                            "best of gemm"),
                    List.of(List.of(
                            kind,
                            number(step.medianMillis()),
                            number(step.bestMillis()),
                            number(step.processorMillis()),
                            number(step.tripletsPerSecond()),
                            number(step.gigaflop()),
                            number(step.gigaflopPerSecond()),
                            String.format(Locale.ROOT, "%.2f", step.shareOfGemm()),
                            String.format(Locale.ROOT, "%.2f", step.shareOfGemmAtBest()))),
                    List.of(
                            String.format(
                                    Locale.ROOT,
                                    "%d queries a step: images of %d tokens, texts of %.1f (mean), width %d;"
                                            + " %,d parameters",
                                    batch,
                                    imageTokens,
                                    step.textTokens(),
                                    width,
                                    parameters),
                            String.format(
                                    Locale.ROOT,
                                    "sgemm %.0f GFLOP/s before, %.0f after (best of many, %d threads); load %.1f before,"
                                            + " %.1f after",
                                    gemmBefore,
                                    gemmAfter,
                                    threads,
                                    loadBefore,
                                    loadAfter),
                            String.format(
                                    Locale.ROOT,
                                    "of the step: optimizer %s ms, waiting for the batch %s ms",
                                    number(step.optimizerMillis()),
                                    number(cached.waitMillis())),
                            peak == null
                                    ? "memory is not known on this system"
                                    : String.format(Locale.ROOT, "peak memory %,.0f MiB", peak)));
            Table epochs = new Table(
                    String.format(Locale.ROOT, "An epoch of %,d triplets, estimated", triplets),
                    List.of("features", "batch ms", "step ms", "epoch s", "times"),
                    List.of(
                            List.of(
                                    "read from the cache, ahead of the step",
                                    number(cached.readMillis()),
                                    number(step.medianMillis()),
                                    number(epochSeconds),
                                    "1.00"),
                            List.of(
                                    "encoded anew",
                                    number(encoded.millis()),
                                    number(step.medianMillis() - cached.waitMillis() + encoded.millis()),
                                    number(encodingEpochSeconds),
                                    String.format(Locale.ROOT, "%.2f", ratio))),
                    List.of(
                            String.format(
                                    Locale.ROOT,
                                    "cache: %,d images and %,d texts, %,.0f MiB, in the system's memory",
                                    cached.images(),
                                    cached.texts(),
                                    cached.mebibytes()),
                            String.format(
                                    Locale.ROOT,
                                    "a batch through the encoder: %d prepared images and %d texts, %s GFLOP; decoding"
                                            + " photos would come on top",
                                    encoded.images(),
                                    encoded.texts(),
                                    number(encoded.gigaflop()))));
            return List.of(training, epochs);
        }

        private static String number(double value) {
            return String.format(Locale.ROOT, value < 100 ? "%.1f" : "%,.0f", value);
        }
    }

    /**
     * Runs the measurement.
     *
     * @param threads that are computed with
     */
    public Result run(int threads) throws IOException {
        JavaOps.install();
        Path folder = Files.createTempDirectory("rafclip-bench");
        Garments garments = new Garments(Garments.categoriesAtMost());
        try (ClipTokenizer tokenizer = encoder.tokenizer(garments)) {
            SplittableRandom random = new SplittableRandom(work.seed());
            List<String> vocabulary = garments.allTexts().stream()
                    .flatMap(text -> Arrays.stream(text.split(" ")))
                    .distinct()
                    .toList();
            DrawnTriplets drawn = DrawnTriplets.draw((WARM_UP + work.steps()) * work.batch(), vocabulary, random);
            double loadBefore = Times.load();
            progress.accept("sgemm");
            double gemmBefore = gemm.getAsDouble();
            progress.accept("writing features");
            Caches caches = caches(folder, drawn, tokenizer);
            CompositionBatches batches =
                    new CompositionBatches(drawn.triplets(), caches.data(drawn), work.batch(), work.seed());
            Trained trained = train(batches);
            Double peak = ProcessMemory.ifKnown().map(ProcessMemory::peak).orElse(null);
            BatchEncoding encoded = encode(drawn, tokenizer, random);
            progress.accept("sgemm");
            double gemmAfter = gemm.getAsDouble();
            double best = (gemmBefore + gemmAfter) / 2;
            double median = trained.times().median();
            double seconds = median / 1e3;
            Step step = new Step(
                    trained.textTokens(),
                    trained.gigaflop(),
                    median,
                    trained.times().best(),
                    trained.times().processorMedian(),
                    trained.optimizerMillis(),
                    work.batch() / seconds,
                    trained.gigaflop() / seconds,
                    trained.gigaflop() / seconds / best,
                    trained.gigaflop() / (trained.times().best() / 1e3) / best);
            Cached cached = new Cached(
                    caches.images().rows(),
                    caches.texts().rows(),
                    (caches.images().bytes() + caches.texts().bytes()) / (double) (1 << 20),
                    trained.readMillis(),
                    trained.waitMillis());
            double encoding = (median - trained.waitMillis() + encoded.millis()) / 1e3;
            return new Result(
                    composing.name(),
                    composing.composer().kind().name().toLowerCase(Locale.ROOT).replace('_', '-'),
                    encoder.name(),
                    encoder.clip().embedWidth(),
                    encoder.clip().vision().tokens(),
                    trained.parameters(),
                    work.batch(),
                    work.triplets(),
                    threads,
                    gemmBefore,
                    gemmAfter,
                    loadBefore,
                    Times.load(),
                    step,
                    cached,
                    encoded,
                    peak,
                    work.stepsPerEpoch() * seconds,
                    work.stepsPerEpoch() * encoding,
                    encoding / seconds);
        } finally {
            AtomicFiles.deleteDirectory(folder);
        }
    }

    private record Caches(FeatureCache images, FeatureCache texts) {

        EncodedData data(DrawnTriplets drawn) {
            return new EncodedData(images, drawn.ids(), texts, drawn.texts());
        }
    }

    private Caches caches(Path folder, DrawnTriplets drawn, ClipTokenizer tokenizer) throws IOException {
        int[] imageTokens = new int[drawn.ids().size()];
        Arrays.fill(imageTokens, encoder.clip().vision().tokens());
        int[] textTokens = Arrays.stream(tokenizer.encode(drawn.texts()).pad().endPositions())
                .map(end -> end + 1)
                .toArray();
        return new Caches(
                cache(folder.resolve("images"), drawn.ids(), imageTokens),
                cache(folder.resolve("texts"), drawn.texts(), textTokens));
    }

    private FeatureCache cache(Path folder, List<String> names, int[] lengths) throws IOException {
        int width = encoder.clip().embedWidth();
        return FeatureCache.build(
                folder,
                new FeatureKey("none", "drawn", "none"),
                new DrawnFeatures(names, lengths, width, work.seed()),
                width,
                composing.storage(),
                Progress.NONE);
    }

    private record Trained(
            Times times,
            double optimizerMillis,
            double readMillis,
            double waitMillis,
            double textTokens,
            double gigaflop,
            long parameters) {}

    private Trained train(CompositionBatches batches) {
        Iterator<CompositionBatches.Batch> reading = batches.batches(0, 0);
        double readMillis = Times.of(WARM_UP + work.steps(), () -> {
                    progress.accept("reading features");
                    reading.next().close();
                })
                .median();
        ClipConfig clip = encoder.clip();
        try (ComposerModel model = new ComposerModel(
                        new ComposerModel.Description(
                                composing.composer(),
                                clip.embedWidth(),
                                clip.vision().pool(),
                                "none"),
                        work.seed());
                CompositionLoss loss = new CompositionLoss(composing.loss(), DataType.FLOAT);
                Prefetch<CompositionBatches.Batch> data = batches.ahead(0, 0)) {
            Running running = new Running(model, loss, data);
            for (int i = 0; i < WARM_UP; i++) {
                progress.accept("warming up");
                running.step();
            }
            running.forget();
            int[] done = {0};
            Times times = Times.of(work.steps(), () -> {
                progress.accept("step " + ++done[0] + " of " + work.steps());
                running.step();
            });
            Flops flops = new Flops(0, 0);
            for (int[] tokens : running.textTokens) {
                flops = flops.plus(Flops.composer(
                        composing.composer(),
                        clip.embedWidth(),
                        clip.vision().pool(),
                        clip.vision().tokens(),
                        tokens));
            }
            double textTokens = running.textTokens.stream()
                    .flatMapToInt(Arrays::stream)
                    .average()
                    .orElseThrow();
            boolean chunked = work.batch() > composing.train().microBatch();
            double all = flops.total() + (chunked ? flops.forward() : 0);
            return new Trained(
                    times,
                    Times.median(array(running.optimizerMillis)),
                    readMillis,
                    Times.median(array(running.waitMillis)),
                    textTokens,
                    all / work.steps() / 1e9,
                    model.composer().parameterCount());
        }
    }

    private static double[] array(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).toArray();
    }

    /** The batch's images, references and targets, and its texts through both towers, as the cache is made. */
    private BatchEncoding encode(DrawnTriplets drawn, ClipTokenizer tokenizer, SplittableRandom random) {
        ClipConfig clip = encoder.clipFor(tokenizer);
        int images = 2 * work.batch();
        List<String> ids = drawn.ids().subList(0, images);
        List<String> texts = drawn.texts().subList(0, work.batch());
        int longest = tokenizer.encode(texts).pad().length();
        int chunk = Math.min(ENCODED_AT_ONCE, images);
        INDArray pixels = encoder.pixels(chunk, random);
        DualEncoder towers = new DualEncoder(clip, DataType.FLOAT, work.seed());
        // The tokenizer is not the model's to close: it is still needed, and closed by who opened it.
        ClipModel model = new ClipModel(towers, tokenizer);
        try {
            ImageFeatureSource ofImages = new ImageFeatureSource(
                    model, ids, (from, to) -> to - from == chunk ? pixels : encoder.pixels(to - from, random));
            TextFeatureSource ofTexts = new TextFeatureSource(model, texts);
            ofImages.encode(0, chunk);
            ofTexts.encode(0, texts.size());
            Times times = Times.of(Math.max(1, work.steps() / 3), () -> {
                progress.accept("encoding a batch");
                for (int from = 0; from < images; from += chunk) {
                    ofImages.encode(from, Math.min(images, from + chunk));
                }
                ofTexts.encode(0, texts.size());
            });
            double gigaflop = Flops.images(clip, images)
                            .plus(Flops.texts(clip, texts.size(), longest))
                            .forward()
                    / 1e9;
            return new BatchEncoding(images, texts.size(), gigaflop, times.median());
        } finally {
            model.graph().close();
        }
    }

    /** A composer in training. */
    private final class Running {
        private final CompositionStep composition;
        private final Prefetch<CompositionBatches.Batch> data;
        private final ParameterUpdate update;
        private final List<Double> optimizerMillis = new ArrayList<>();
        private final List<Double> waitMillis = new ArrayList<>();
        private final List<int[]> textTokens = new ArrayList<>();
        private int steps;

        Running(ComposerModel model, CompositionLoss loss, Prefetch<CompositionBatches.Batch> data) {
            this.data = data;
            Map<String, INDArray> parameters = new TreeMap<>(model.composer().parameters());
            this.composition = new CompositionStep(
                    model.composer(),
                    model.graph(),
                    loss,
                    List.copyOf(parameters.keySet()),
                    composing.train().microBatch());
            parameters.putAll(loss.parameters());
            this.update = new ParameterUpdate(parameters, composing.train(), loss::clampTemperature);
        }

        void step() {
            long begin = System.nanoTime();
            try (CompositionBatches.Batch batch = data.next()) {
                waitMillis.add((System.nanoTime() - begin) / 1e6);
                try (CompositionStep.Result result =
                        composition.run(batch.inputs(), batch.targets(), batch.targetOfQuery(), ++steps)) {
                    begin = System.nanoTime();
                    update.apply(result.gradients(), composing.train().lr(), steps);
                    optimizerMillis.add((System.nanoTime() - begin) / 1e6);
                }
                textTokens.add(batch.inputs().get(Composer.TEXT_LENGTHS).toIntVector());
            }
        }

        /** Forgets what was measured. */
        void forget() {
            optimizerMillis.clear();
            waitMillis.clear();
            textTokens.clear();
        }
    }
}
