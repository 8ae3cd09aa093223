package org.rafclip.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;
import org.rafclip.clip.LoraConfig;
import org.rafclip.eval.Table;
import org.rafclip.loss.RafLoss;
import org.rafclip.measure.Flops;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Encoded;
import org.rafclip.train.ContrastiveStep;
import org.rafclip.train.ParameterUpdate;

/**
 * Times RaF-CLIP's training step: both towers, the loss, the gradient and its norm, AdamW. A garment gives two images, its
 * crop and its region, and seven texts, or eight where the loss has sentences; preparing photos is not part of it.
 */
public final class TrainBench {

    private static final long WARM_UP_NANOS = 15_000_000_000L;

    private final BenchModel subject;
    private final Work work;
    private final Yardstick yardstick;
    private final Consumer<String> progress;

    /**
     * @param yardstick what speeds are held against
     * @param progress is told what is being measured
     */
    public TrainBench(BenchModel subject, Work work, Yardstick yardstick, Consumer<String> progress) {
        this.subject = subject;
        this.work = work;
        this.yardstick = yardstick;
        this.progress = progress;
    }

    /**
     * @param garments a step
     * @param steps measured, after warm-up
     * @param categories that garments have, 1 to 50
     * @param naive whether to time other ways to handle texts
     */
    public record Work(int garments, int steps, int categories, boolean naive, long seed) {}

    /** Which texts are encoded, and how long they are. */
    private enum Handling {
        OURS("each text once, up to its end", false, false),
        REPEATED("every use, up to its end", true, false),
        FULL_LENGTH("each text once, full context", false, true),
        NAIVE("every use, full context", true, true);

        private final String words;
        private final boolean repeated;
        private final boolean fullLength;

        Handling(String words, boolean repeated, boolean fullLength) {
            this.words = words;
            this.repeated = repeated;
            this.fullLength = fullLength;
        }
    }

    /**
     * One way to do the step.
     *
     * @param texts encoded
     * @param tokens of each, on average
     * @param gigaflop of a step's matrix products, see {@link Flops}
     * @param medianMillis of a step
     * @param bestMillis of a step
     * @param processorMillis processor time of all threads, median of a step
     * @param imagesPerSecond at the median
     * @param gigaflopPerSecond at the median
     * @param shareOfGemm of the machine's best matrix product, at the median
     * @param shareOfGemmAtBest the same for the quickest step, which like that product was disturbed least
     * @param shareOfLimit of what the processor reaches at most, at the median; null where that is not known
     */
    public record Row(
            String name,
            int texts,
            int tokens,
            double gigaflop,
            double medianMillis,
            double bestMillis,
            double processorMillis,
            double imagesPerSecond,
            double gigaflopPerSecond,
            double shareOfGemm,
            double shareOfGemmAtBest,
            Double shareOfLimit) {}

    /**
     * What was measured.
     *
     * @param trained how many numbers train: all parameters, or those of adapters
     * @param images a step
     * @param gemmBefore GFLOP/s of the best matrix product before the measurement
     * @param gemmAfter the same after it
     * @param limit GFLOP/s that the processor reaches at most, or null
     * @param processor its name, and how the limit came about
     * @param loadBefore processes that ran on average over the minute before
     * @param loadAfter processes that ran on average over the last minute
     * @param optimizerMillis of a step's norm and AdamW, part of {@code ours}
     * @param lossMillis of a step's loss and its gradient by the embeddings, part of {@code ours}
     * @param handlings other ways to handle texts; empty without {@code naive}
     * @param peer the other library, or null
     * @param peerLibrary its name and version, or null
     * @param oursToPeer images a second of ours by those of the peer, or null
     * @param lossDifference relative difference of the first losses, or null
     */
    public record Result(
            String model,
            long parameters,
            long trained,
            int garments,
            int images,
            int threads,
            double gemmBefore,
            double gemmAfter,
            Double limit,
            String processor,
            double loadBefore,
            double loadAfter,
            Row ours,
            double optimizerMillis,
            double lossMillis,
            List<Row> handlings,
            Row peer,
            String peerLibrary,
            Double oursToPeer,
            Double lossDifference) {

        /** The figures as tables. */
        public List<Table> tables() {
            List<Table> tables = new ArrayList<>();
            List<List<String>> rows = new ArrayList<>();
            rows.add(cells("RaF-CLIP", ours));
            List<String> notes = new ArrayList<>(List.of(
                    String.format(
                            Locale.ROOT,
                            "%d garments a step: %d images, %d texts of %d tokens; %,d parameters%s",
                            garments,
                            images,
                            ours.texts(),
                            ours.tokens(),
                            parameters,
                            trained == parameters
                                    ? ""
                                    : String.format(Locale.ROOT, ", %,d trained in adapters beside them", trained)),
                    String.format(
                            Locale.ROOT,
                            "sgemm %.0f GFLOP/s before, %.0f after (best of many, %d threads); load %.1f before, %.1f after",
                            gemmBefore,
                            gemmAfter,
                            threads,
                            loadBefore,
                            loadAfter),
                    processor,
                    String.format(
                            Locale.ROOT,
                            "of the step: optimizer %.0f ms, loss and its gradient %.0f ms",
                            optimizerMillis,
                            lossMillis)));
            if (peer != null) {
                rows.add(cells(peerLibrary, peer));
                notes.add(String.format(
                        Locale.ROOT,
                        "RaF-CLIP / peer %.2f (median), %.2f (best), %.2f (CPU); first losses differ by %.1e relative",
                        oursToPeer,
                        peer.bestMillis() / ours.bestMillis(),
                        peer.processorMillis() / ours.processorMillis(),
                        lossDifference));
                notes.add(
                        "GFLOP are those of RaF-CLIP's products; the peer multiplies padding, and all of the last blocks, too");
            }
            tables.add(new Table(
                    "Training step of " + model,
                    List.of(
                            "",
                            "ms/step",
                            "best",
                            "CPU ms",
                            "images/s",
                            "GFLOP",
                            "GFLOP/s",
                            "of gemm",
                            "best of gemm",
                            "of limit"),
                    rows,
                    notes));
            if (!handlings.isEmpty()) {
                List<List<String>> ways = new ArrayList<>();
                for (Row row : handlings) {
                    ways.add(List.of(
                            row.name(),
                            Integer.toString(row.texts()),
                            Integer.toString(row.tokens()),
                            number(row.gigaflop()),
                            number(row.medianMillis()),
                            number(row.gigaflopPerSecond()),
                            String.format(Locale.ROOT, "%.2f", row.gigaflop() / ours.gigaflop()),
                            String.format(Locale.ROOT, "%.2f", row.medianMillis() / ours.medianMillis())));
                }
                tables.add(new Table(
                        "Texts in the same step",
                        List.of("texts", "encoded", "tokens", "GFLOP", "ms/step", "GFLOP/s", "work", "time"),
                        ways,
                        List.of("work and time as multiples of RaF-CLIP's")));
            }
            return tables;
        }

        private static List<String> cells(String name, Row row) {
            return List.of(
                    name,
                    number(row.medianMillis()),
                    number(row.bestMillis()),
                    number(row.processorMillis()),
                    String.format(Locale.ROOT, "%.1f", row.imagesPerSecond()),
                    number(row.gigaflop()),
                    number(row.gigaflopPerSecond()),
                    String.format(Locale.ROOT, "%.2f", row.shareOfGemm()),
                    String.format(Locale.ROOT, "%.2f", row.shareOfGemmAtBest()),
                    Yardstick.cell(row.shareOfLimit()));
        }

        private static String number(double value) {
            return String.format(Locale.ROOT, value < 100 ? "%.1f" : "%,.0f", value);
        }
    }

    /** Java compiles while it runs, and its compiler takes a core from a small step. */
    private static void warmUp(DoubleSupplier step) {
        long end = System.nanoTime() + WARM_UP_NANOS;
        do {
            step.getAsDouble();
        } while (System.nanoTime() < end);
    }

    /**
     * Runs the measurement.
     *
     * @param peer the library to compare with, or null
     * @param threads that both compute with
     */
    public Result run(Peer peer, int threads) {
        JavaOps.install();
        Garments garments = new Garments(work.categories());
        SplittableRandom random = new SplittableRandom(work.seed());
        try (ClipTokenizer tokenizer = subject.tokenizer(garments)) {
            ClipConfig clip = subject.clipFor(tokenizer);
            Garments.Texts texts = garments.draw(work.garments(), subject.loss(), random);
            INDArray pixels = subject.pixels(2 * work.garments(), random);
            DualEncoder encoder = subject.encoder(clip, work.seed());
            Map<String, INDArray> trained = subject.trained(encoder);
            double loadBefore = Times.load();
            progress.accept("sgemm");
            double gemmBefore = yardstick.gemm().getAsDouble();

            Times times;
            double optimizerMillis;
            Times loss;
            Times peerTimes = null;
            double lossDifference = 0;
            Batch ours = batch(Handling.OURS, texts, tokenizer, pixels);
            try (Running step = new Running(encoder, ours)) {
                if (peer != null) {
                    peer.load(clip, encoder.parameters(), subject.train(), yardstick.precision());
                }
                progress.accept("warming up");
                double first = step.step();
                warmUp(step::step);
                if (peer == null) {
                    times = repeat("RaF-CLIP", work.steps(), step::step);
                } else {
                    Peer.Batch batch = new Peer.Batch(
                            floats(pixels),
                            (int) pixels.size(0),
                            ours.texts().ids(),
                            ours.texts().endPositions(),
                            PeerTerms.of(ours.textOfImage(), subject.loss()));
                    long[] done = {0};
                    DoubleSupplier peerStep =
                            () -> peer.step(batch, subject.train().lr(), ++done[0]);
                    double peerFirst = peerStep.getAsDouble();
                    lossDifference = Math.abs(first - peerFirst) / Math.abs(first);
                    // In turns, so that what else the machine does disturbs both alike.
                    List<Times> all = new ArrayList<>();
                    List<Times> allPeer = new ArrayList<>();
                    int rounds = Math.min(3, work.steps());
                    for (int round = 0; round < rounds; round++) {
                        int steps = work.steps() * (round + 1) / rounds - work.steps() * round / rounds;
                        step.step();
                        all.add(repeat("RaF-CLIP", steps, step::step));
                        peerStep.getAsDouble();
                        allPeer.add(repeat("peer", steps, peerStep));
                    }
                    times = Times.together(all);
                    peerTimes = Times.together(allPeer);
                    peer.close();
                }
                optimizerMillis = Times.median(step.optimizerMillis());
                loss = step.loss();
            }
            Row oursRow = row(Handling.OURS.words, clip, ours, times, gemmBefore);
            List<Row> handlings = new ArrayList<>();
            if (work.naive()) {
                handlings.add(oursRow);
                for (Handling handling : List.of(Handling.REPEATED, Handling.FULL_LENGTH, Handling.NAIVE)) {
                    Batch batch = batch(handling, texts, tokenizer, pixels);
                    try (Running step = new Running(encoder, batch)) {
                        step.step();
                        Times taken = repeat(handling.words, Math.max(2, work.steps() / 3), step::step);
                        handlings.add(row(handling.words, clip, batch, taken, gemmBefore));
                    }
                }
            }
            progress.accept("sgemm");
            double gemmAfter = yardstick.gemm().getAsDouble();
            double best = (gemmBefore + gemmAfter) / 2;
            Row peerRow = peer == null ? null : row(peer.description(), clip, ours, peerTimes, best);
            return new Result(
                    subject.name(),
                    encoder.parameterCount(),
                    trained.values().stream().mapToLong(INDArray::length).sum(),
                    work.garments(),
                    (int) pixels.size(0),
                    threads,
                    gemmBefore,
                    gemmAfter,
                    yardstick.limit(),
                    yardstick.processor(),
                    loadBefore,
                    Times.load(),
                    row(Handling.OURS.words, clip, ours, times, best),
                    optimizerMillis,
                    loss.median(),
                    handlings,
                    peerRow,
                    peer == null ? null : peer.description(),
                    peer == null ? null : peerTimes.median() / times.median(),
                    peer == null ? null : lossDifference);
        }
    }

    private record Batch(INDArray pixels, Encoded.Padded texts, int[][] textOfImage) {}

    private Batch batch(Handling handling, Garments.Texts distinct, ClipTokenizer tokenizer, INDArray pixels) {
        Garments.Texts texts = handling.repeated ? distinct.repeated() : distinct;
        Encoded.Padded padded = tokenizer.encode(texts.texts()).pad();
        return new Batch(
                pixels,
                handling.fullLength ? BenchModel.padTo(padded, tokenizer.contextLength()) : padded,
                texts.textOfImage());
    }

    private Row row(String name, ClipConfig clip, Batch batch, Times times, double gemm) {
        int texts = batch.texts().ids().length;
        int[] tokens = batch.texts().lengths();
        long images = batch.pixels().size(0);
        LoraConfig lora = subject.train().lora();
        double gigaflop = Flops.images(clip, images, lora)
                        .plus(Flops.texts(clip, tokens, lora))
                        .total()
                / 1e9;
        double seconds = times.median() / 1e3;
        return new Row(
                name,
                texts,
                (int) Math.round(Arrays.stream(tokens).average().orElse(0)),
                gigaflop,
                times.median(),
                times.best(),
                times.processorMedian(),
                images / seconds,
                gigaflop / seconds,
                gigaflop / seconds / gemm,
                gigaflop / (times.best() / 1e3) / gemm,
                yardstick.share(gigaflop / seconds));
    }

    private Times repeat(String what, int steps, DoubleSupplier step) {
        int[] done = {0};
        return Times.of(steps, () -> {
            progress.accept(what + ", step " + ++done[0] + " of " + steps);
            step.getAsDouble();
        });
    }

    private static float[] floats(INDArray array) {
        Memory memory = Memory.of(array);
        float[] values = new float[Math.toIntExact(memory.length())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) memory.get(i);
        }
        return values;
    }

    /** A model in training on one batch. */
    private final class Running implements AutoCloseable {
        private final Batch batch;
        private final Graph graph;
        private final RafLoss loss;
        private final ContrastiveStep contrastive;
        private final ParameterUpdate update;
        private final INDArray logitScale;
        private final DualEncoder encoder;
        private final List<Double> optimizerMillis = new ArrayList<>();
        private long steps;

        Running(DualEncoder encoder, Batch batch) {
            this.encoder = encoder;
            this.batch = batch;
            this.graph = new Graph(encoder.graph());
            graph.computeIn(yardstick.precision());
            this.loss = new RafLoss(subject.loss(), Garments.GROUPS, DataType.FLOAT);
            Map<String, INDArray> trained = subject.trained(encoder);
            this.logitScale = encoder.parameters().get(DualEncoder.LOGIT_SCALE);
            int atOnce = (int) Math.max(batch.pixels().size(0), batch.texts().ids().length);
            this.contrastive = new ContrastiveStep(encoder, graph, loss, List.copyOf(trained.keySet()), atOnce);
            this.update = new ParameterUpdate(trained, subject.train(), contrastive::clampTemperature);
        }

        double step() {
            steps++;
            try (ContrastiveStep.Result result =
                    contrastive.run(batch.pixels(), batch.texts(), batch.textOfImage(), (int) steps)) {
                long begin = System.nanoTime();
                update.apply(result.gradients(), subject.train().lr(), steps);
                optimizerMillis.add((System.nanoTime() - begin) / 1e6);
                return result.loss().total();
            }
        }

        double[] optimizerMillis() {
            return optimizerMillis.stream()
                    .skip(1)
                    .mapToDouble(Double::doubleValue)
                    .toArray();
        }

        /** Times the loss alone, on the batch's shapes. */
        Times loss() {
            int width = encoder.config().embedWidth();
            INDArray images = units(batch.pixels().size(0), width);
            INDArray texts = units(batch.texts().ids().length, width);
            double scale = logitScale.getDouble(0);
            DoubleSupplier evaluate = () ->
                    loss.evaluate(images, texts, scale, batch.textOfImage()).total();
            evaluate.getAsDouble();
            return repeat("loss", 5, evaluate);
        }

        private INDArray units(long rows, int width) {
            INDArray all = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', rows, width);
            Memory memory = Memory.of(all);
            SplittableRandom random = new SplittableRandom(rows);
            for (long i = 0; i < memory.length(); i++) {
                memory.set(i, random.nextGaussian() / Math.sqrt(width));
            }
            return all;
        }

        @Override
        public void close() {
            loss.close();
            graph.close();
            update.optimizer().moments().values().forEach(INDArray::close);
        }
    }
}
