package org.rafclip.bench;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.eval.Table;
import org.rafclip.measure.Flops;
import org.rafclip.nn.Scope;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Encoded;

/** Times both towers without gradients: prepared images, and texts from tokens. */
public final class EncodeBench {

    private final BenchModel subject;
    private final Work work;
    private final Yardstick yardstick;
    private final Consumer<String> progress;

    /**
     * @param yardstick what speeds are held against
     * @param progress is told what is being measured
     */
    public EncodeBench(BenchModel subject, Work work, Yardstick yardstick, Consumer<String> progress) {
        this.subject = subject;
        this.work = work;
        this.yardstick = yardstick;
        this.progress = progress;
    }

    /**
     * @param batch images, and texts, at a time
     * @param repeats measured, after one that is not
     */
    public record Work(int batch, int repeats, long seed) {}

    /**
     * @param tokens of an image or of the longest text
     * @param gigaflop of a batch
     * @param medianMillis of a batch
     * @param perSecond images or texts
     * @param shareOfLimit of what the processor reaches at most; null where that is not known
     */
    public record Row(
            String what,
            int tokens,
            double gigaflop,
            double medianMillis,
            double perSecond,
            double gigaflopPerSecond,
            Double shareOfLimit) {}

    /**
     * What was measured.
     *
     * @param gemmBefore GFLOP/s of the best matrix product before the measurement
     * @param gemmAfter the same after it
     * @param limit GFLOP/s that the processor reaches at most, or null
     * @param processor its name, and how the limit came about
     * @param textCutGain how many times more texts a second where nothing is computed behind their ends
     */
    public record Result(
            String model,
            int batch,
            double gemmBefore,
            double gemmAfter,
            Double limit,
            String processor,
            Row images,
            Row textsCut,
            Row textsFull,
            double textCutGain) {

        /** The figures as a table. */
        public Table table() {
            List<List<String>> rows = new ArrayList<>();
            for (Row row : List.of(images, textsCut, textsFull)) {
                rows.add(List.of(
                        row.what(),
                        Integer.toString(row.tokens()),
                        String.format(Locale.ROOT, "%.2f", row.medianMillis() / batch),
                        String.format(Locale.ROOT, "%.1f", row.perSecond()),
                        String.format(Locale.ROOT, "%.0f", row.gigaflopPerSecond()),
                        String.format(Locale.ROOT, "%.2f", row.gigaflopPerSecond() / ((gemmBefore + gemmAfter) / 2)),
                        Yardstick.cell(row.shareOfLimit())));
            }
            return new Table(
                    "Encoding with " + model + ", " + batch + " at a time",
                    List.of("", "tokens", "ms each", "per second", "GFLOP/s", "of gemm", "of limit"),
                    rows,
                    List.of(
                            String.format(
                                    Locale.ROOT,
                                    "cutting texts at the longest of a batch: %.1f times faster",
                                    textCutGain),
                            String.format(Locale.ROOT, "sgemm %.0f GFLOP/s before, %.0f after", gemmBefore, gemmAfter),
                            processor));
        }
    }

    /** Runs the measurement. */
    public Result run() {
        JavaOps.install();
        Garments garments = new Garments(Garments.categoriesAtMost());
        SplittableRandom random = new SplittableRandom(work.seed());
        try (ClipTokenizer tokenizer = subject.tokenizer(garments)) {
            ClipConfig clip = subject.clipFor(tokenizer);
            List<String> texts =
                    garments.draw(work.batch(), random).repeated().texts().subList(0, work.batch());
            Encoded.Padded cut = tokenizer.encode(texts).pad();
            Encoded.Padded full = BenchModel.padTo(cut, tokenizer.contextLength());
            DualEncoder encoder = new DualEncoder(clip, DataType.FLOAT, work.seed());
            progress.accept("sgemm");
            double before = yardstick.gemm().getAsDouble();
            try (Graph graph = new Graph(encoder.graph())) {
                graph.computeIn(yardstick.precision());
                graph.freeze();
                Row images = row(
                        graph,
                        "images",
                        Map.of(DualEncoder.IMAGES, subject.pixels(work.batch(), random)),
                        DualEncoder.IMAGE_EMBEDDING,
                        clip.vision().tokens(),
                        Flops.images(clip, work.batch()));
                Row textsCut = texts(graph, "texts, up to their ends", cut, clip);
                Row textsFull = texts(graph, "texts, full context", full, clip);
                progress.accept("sgemm");
                return new Result(
                        subject.name(),
                        work.batch(),
                        before,
                        yardstick.gemm().getAsDouble(),
                        yardstick.limit(),
                        yardstick.processor(),
                        images,
                        textsCut,
                        textsFull,
                        textsCut.perSecond() / textsFull.perSecond());
            }
        }
    }

    private Row texts(Graph graph, String what, Encoded.Padded padded, ClipConfig clip) {
        return row(
                graph,
                what,
                ClipModel.textInputs(padded),
                DualEncoder.TEXT_EMBEDDING,
                padded.length(),
                Flops.texts(clip, padded.lengths(), null));
    }

    private Row row(
            Graph graph, String what, Map<String, INDArray> placeholders, String output, int tokens, Flops flops) {
        Map<String, INDArray> inputs = new HashMap<>(placeholders);
        inputs.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, -1));
        graph.run(inputs, output).close();
        double median = Times.of(work.repeats(), () -> {
                    progress.accept(what);
                    graph.run(inputs, output).close();
                })
                .median();
        double gigaflop = flops.forward() / 1e9;
        double speed = gigaflop / (median / 1e3);
        return new Row(what, tokens, gigaflop, median, work.batch() / (median / 1e3), speed, yardstick.share(speed));
    }
}
