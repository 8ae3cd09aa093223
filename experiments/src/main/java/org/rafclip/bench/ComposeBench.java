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

    /** Turns of ours and of a peer. */
    private static final int ROUNDS = 3;

    private final ComposerSetup composing;
    private final BenchModel encoder;
    private final Work work;
    private final Yardstick yardstick;
    private final Consumer<String> progress;

    /**
     * @param encoder whose features are composed
     * @param yardstick what speeds are held against
     * @param progress is told what is being measured
     */
    public ComposeBench(
            ComposerSetup composing, BenchModel encoder, Work work, Yardstick yardstick, Consumer<String> progress) {
        this.composing = composing;
        this.encoder = encoder;
        this.work = work;
        this.yardstick = yardstick;
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
     * @param shareOfLimit of what the processor reaches at most, at the median; null where that is not known
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
            double shareOfGemmAtBest,
            Double shareOfLimit) {}

    /**
     * The same step in another library: the whole batch in one pass, the batch in its arrays before the clock runs, texts
     * filled up to the longest of the batch and masked.
     *
     * @param library its name, version and threads
     * @param medianMillis of a step
     * @param bestMillis of a step
     * @param processorMillis processor time of all threads, median of a step
     * @param ratio our speed, the library's being 1, by medians
     * @param bestRatio the same by the quickest steps
     * @param processorRatio the same by processor time
     * @param lossDifference relative difference of the losses before the first step, without dropout
     */
    public record PeerStep(
            String library,
            double medianMillis,
            double bestMillis,
            double processorMillis,
            double tripletsPerSecond,
            double ratio,
            double bestRatio,
            double processorRatio,
            double lossDifference) {}

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
     * @param limit GFLOP/s that the processor reaches at most, or null
     * @param processor its name, and how the limit came about
     * @param loadBefore processes that ran on average over the minute before
     * @param loadAfter processes that ran on average over the last minute
     * @param peer another library's step, or null
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
            Double limit,
            String processor,
            double loadBefore,
            double loadAfter,
            Step step,
            PeerStep peer,
            Cached cached,
            BatchEncoding encoded,
            Double peak,
            double epochSeconds,
            double encodingEpochSeconds,
            double ratio) {

        /** The figures as tables. */
        public List<Table> tables() {
            List<List<String>> rows = new ArrayList<>();
            rows.add(List.of(
                    kind,
                    number(step.medianMillis()),
                    number(step.bestMillis()),
                    number(step.processorMillis()),
                    number(step.tripletsPerSecond()),
                    number(step.gigaflop()),
                    number(step.gigaflopPerSecond()),
                    String.format(Locale.ROOT, "%.2f", step.shareOfGemm()),
                    String.format(Locale.ROOT, "%.2f", step.shareOfGemmAtBest()),
                    Yardstick.cell(step.shareOfLimit())));
            List<String> notes = new ArrayList<>(List.of(
                    String.format(
                            Locale.ROOT,
                            "%d queries a step: images of %d tokens, texts of %.1f (mean), width %d; %,d parameters",
                            batch,
                            imageTokens,
                            step.textTokens(),
                            width,
                            parameters),
                    String.format(
                            Locale.ROOT,
                            "sgemm %.0f GFLOP/s before, %.0f after (best of many, %d threads); load %.1f before, %.1f"
                                    + " after",
                            gemmBefore,
                            gemmAfter,
                            threads,
                            loadBefore,
                            loadAfter),
                    processor,
                    String.format(
                            Locale.ROOT,
                            "of the step: optimizer %s ms, waiting for the batch %s ms",
                            number(step.optimizerMillis()),
                            number(cached.waitMillis())),
                    peak == null
                            ? "memory is not known on this system"
                            : String.format(
                                    Locale.ROOT,
                                    "peak memory %,.0f MiB%s",
                                    peak,
                                    peer == null ? "" : ", the peer's included")));
            if (peer != null) {
                rows.add(List.of(
                        peer.library(),
                        number(peer.medianMillis()),
                        number(peer.bestMillis()),
                        number(peer.processorMillis()),
                        number(peer.tripletsPerSecond()),
                        Table.NONE,
                        Table.NONE,
                        Table.NONE,
                        Table.NONE,
                        Table.NONE));
                notes.add(String.format(
                        Locale.ROOT,
                        "RaF-CLIP / peer %.2f (median), %.2f (best), %.2f (CPU); first losses differ by %.1e relative",
                        peer.ratio(),
                        peer.bestRatio(),
                        peer.processorRatio(),
                        peer.lossDifference()));
                notes.add("the peer computes the batch in one pass, from its own memory, with texts filled up to the"
                        + " longest and masked");
            }
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
                            "best of gemm",
                            "of limit"),
                    rows,
                    notes);
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
     * @param peer the library to compare with, or null
     * @param threads that both compute with
     */
    public Result run(ComposerPeer peer, int threads) throws IOException {
        JavaOps.install();
        Path folder = Files.createTempDirectory("rafclip-bench");
        Garments garments = new Garments(Garments.categoriesAtMost());
        try (ClipTokenizer tokenizer = encoder.tokenizer(garments)) {
            SplittableRandom random = new SplittableRandom(work.seed());
            List<String> vocabulary = garments.allTexts().stream()
                    .flatMap(text -> Arrays.stream(text.split(" ")))
                    .distinct()
                    .toList();
            DrawnTriplets drawn = DrawnTriplets.draw(
                    (WARM_UP + work.steps() + (peer == null ? 0 : ROUNDS)) * work.batch(), vocabulary, random);
            double loadBefore = Times.load();
            progress.accept("sgemm");
            double gemmBefore = yardstick.gemm().getAsDouble();
            progress.accept("writing features");
            Caches caches = caches(folder, drawn, tokenizer);
            CompositionBatches batches =
                    new CompositionBatches(drawn.triplets(), caches.data(drawn), work.batch(), work.seed());
            Trained trained = train(batches, peer);
            Double peak = ProcessMemory.ifKnown().map(ProcessMemory::peak).orElse(null);
            BatchEncoding encoded = encode(drawn, tokenizer, random);
            progress.accept("sgemm");
            double gemmAfter = yardstick.gemm().getAsDouble();
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
                    trained.gigaflop() / (trained.times().best() / 1e3) / best,
                    yardstick.share(trained.gigaflop() / seconds));
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
                    yardstick.limit(),
                    yardstick.processor(),
                    loadBefore,
                    Times.load(),
                    step,
                    trained.peer(),
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
        int[] textTokens = tokenizer.encode(drawn.texts()).pad().lengths();
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
            long parameters,
            PeerStep peer) {}

    private Trained train(CompositionBatches batches, ComposerPeer peer) {
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
            model.computeIn(yardstick.precision());
            Running running = new Running(model, loss, data);
            double lossDifference = peer == null ? 0 : lossDifference(peer, model, loss, batches);
            for (int i = 0; i < WARM_UP; i++) {
                progress.accept("warming up");
                running.step(false);
            }
            Iterator<CompositionBatches.Batch> peerBatches = batches.batches(0, 0);
            List<Times> all = new ArrayList<>();
            List<Times> ofPeer = new ArrayList<>();
            // In turns, so that what else the machine does disturbs both alike.
            int rounds = peer == null ? 1 : Math.min(ROUNDS, work.steps());
            for (int round = 0; round < rounds; round++) {
                int from = work.steps() * round / rounds;
                int to = work.steps() * (round + 1) / rounds;
                if (round > 0) {
                    running.step(false);
                }
                int[] done = {from};
                all.add(Times.of(to - from, () -> {
                    progress.accept("step " + ++done[0] + " of " + work.steps());
                    running.step(true);
                }));
                if (peer != null) {
                    step(peer, peerBatches.next());
                    for (int i = from; i < to; i++) {
                        progress.accept("peer, step " + (i + 1) + " of " + work.steps());
                        ofPeer.add(step(peer, peerBatches.next()));
                    }
                }
            }
            Times times = Times.together(all);
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
            double operations = flops.total() + (chunked ? flops.forward() : 0);
            return new Trained(
                    times,
                    Times.median(array(running.optimizerMillis)),
                    readMillis,
                    Times.median(array(running.waitMillis)),
                    textTokens,
                    operations / work.steps() / 1e9,
                    model.composer().parameterCount(),
                    peer == null ? null : peerStep(peer, times, Times.together(ofPeer), lossDifference));
        } finally {
            if (peer != null) {
                peer.close();
            }
        }
    }

    /** Gives a peer the weights, and says how much its loss of the first batch differs from ours. */
    private double lossDifference(
            ComposerPeer peer, ComposerModel model, CompositionLoss loss, CompositionBatches batches) {
        progress.accept("first losses");
        Map<String, INDArray> parameters = new TreeMap<>(model.composer().parameters());
        parameters.putAll(loss.parameters());
        ClipConfig clip = encoder.clip();
        peer.load(
                new ComposerPeer.Network(
                        composing.composer(), clip.embedWidth(), clip.vision().pool()),
                composing.loss(),
                parameters,
                composing.train(),
                yardstick.precision());
        try (CompositionBatches.Batch batch = batches.batches(0, 0).next()) {
            double ours = loss.evaluate(model.compose(batch.inputs()), batch.targets(), batch.targetOfQuery())
                    .total();
            peer.prepare(peerBatch(batch));
            return Math.abs(ours - peer.loss()) / Math.abs(ours);
        }
    }

    private static ComposerPeer.Batch peerBatch(CompositionBatches.Batch batch) {
        return new ComposerPeer.Batch(batch.inputs(), batch.targets(), batch.targetOfQuery());
    }

    private Times step(ComposerPeer peer, CompositionBatches.Batch batch) {
        try (batch) {
            peer.prepare(peerBatch(batch));
        }
        return Times.of(1, () -> peer.step(composing.train().lr()));
    }

    private PeerStep peerStep(ComposerPeer peer, Times ours, Times theirs, double lossDifference) {
        return new PeerStep(
                peer.description(),
                theirs.median(),
                theirs.best(),
                theirs.processorMedian(),
                work.batch() / (theirs.median() / 1e3),
                theirs.median() / ours.median(),
                theirs.best() / ours.best(),
                theirs.processorMedian() / ours.processorMedian(),
                lossDifference);
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
        int[] tokens = tokenizer.encode(texts).pad().lengths();
        int chunk = Math.min(ENCODED_AT_ONCE, images);
        INDArray pixels = encoder.pixels(chunk, random);
        DualEncoder towers = new DualEncoder(clip, DataType.FLOAT, work.seed());
        // The tokenizer is not the model's to close: it is still needed, and closed by who opened it.
        ClipModel model = new ClipModel(towers, tokenizer);
        try {
            model.computeIn(yardstick.precision());
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
                            .plus(Flops.texts(clip, tokens, null))
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

        /** @param measured whether its parts count */
        void step(boolean measured) {
            long begin = System.nanoTime();
            try (CompositionBatches.Batch batch = data.next()) {
                double waited = (System.nanoTime() - begin) / 1e6;
                try (CompositionStep.Result result =
                        composition.run(batch.inputs(), batch.targets(), batch.targetOfQuery(), ++steps)) {
                    begin = System.nanoTime();
                    update.apply(result.gradients(), composing.train().lr(), steps);
                    if (measured) {
                        optimizerMillis.add((System.nanoTime() - begin) / 1e6);
                        waitMillis.add(waited);
                        textTokens.add(batch.inputs().get(Composer.TEXT_LENGTHS).toIntVector());
                    }
                }
            }
        }
    }
}
