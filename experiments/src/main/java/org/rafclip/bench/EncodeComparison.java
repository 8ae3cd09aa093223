package org.rafclip.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.eval.Table;
import org.rafclip.nn.Scope;
import org.rafclip.onnx.ElementType;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.onnx.OnnxReader;
import org.rafclip.onnx.ValueInfo;
import org.rafclip.onnx.convert.ImportOptions;
import org.rafclip.onnx.convert.ImportedGraph;
import org.rafclip.onnx.convert.OnnxImport;
import org.rafclip.onnx.runtime.OnnxRuntimeSession;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.Parallel;
import org.rafclip.run.ConfigException;
import org.rafclip.text.Encoded;

/**
 * Times the dual encoder beside ONNX Runtime on ONNX files of the same architecture, and beside the graphs that are
 * imported from these files: in turns, on the same inputs, with as many threads. All of them compute the files' outputs.
 * The dual encoder's weights are random, on which no time depends.
 */
public final class EncodeComparison {

    /** The names that the scripts in {@code onnx/export} give. */
    public static final String IMAGE_FILE = "image.onnx";

    public static final String TEXT_FILE = "text.onnx";

    /** Nanoseconds before each run, in which threads that wait for more work by spinning give the processor back. */
    private static final long REST = 50_000_000;

    private static final int WARM_UP = 2;
    private static final double SAME_SIZE = 0.02;

    private final BenchModel subject;
    private final Path folder;
    private final EncodeBench.Work work;
    private final Yardstick yardstick;
    private final Consumer<String> progress;

    /**
     * @param folder holds {@value #IMAGE_FILE} and {@value #TEXT_FILE}
     * @param yardstick of what the machine can do
     * @param progress is told what is being measured
     */
    public EncodeComparison(
            BenchModel subject, Path folder, EncodeBench.Work work, Yardstick yardstick, Consumer<String> progress) {
        this.subject = subject;
        this.folder = folder;
        this.work = work;
        this.yardstick = yardstick;
        this.progress = progress;
    }

    /**
     * How long one of the three takes for a batch.
     *
     * @param medianMillis of the repetitions
     * @param bestMillis the quickest of them
     * @param processorMillis processor time of all threads, the median; ONNX Runtime's threads wait in loops
     * @param perSecond images or texts, from the median
     */
    public record Speed(double medianMillis, double bestMillis, double processorMillis, double perSecond) {

        private static Speed of(Times times, int batch) {
            return new Speed(times.median(), times.best(), times.processorMedian(), batch / (times.median() / 1e3));
        }
    }

    /**
     * One kind of input.
     *
     * @param tokens that the dual encoder computes for each
     * @param fileTokens that the file asks for: more where the dual encoder cuts the padding off
     * @param imported the graph that is imported from the file
     * @param ratio the dual encoder's speed, ONNX Runtime's being 1, by medians
     * @param bestRatio the same by the quickest repetitions
     * @param importedRatio the imported graph's speed, by medians
     */
    public record Row(
            String what,
            int tokens,
            int fileTokens,
            Speed ours,
            Speed imported,
            Speed runtime,
            double ratio,
            double bestRatio,
            double importedRatio) {

        private static Row of(String what, int tokens, int fileTokens, Speed ours, Speed imported, Speed runtime) {
            return new Row(
                    what,
                    tokens,
                    fileTokens,
                    ours,
                    imported,
                    runtime,
                    runtime.medianMillis / ours.medianMillis,
                    runtime.bestMillis / ours.bestMillis,
                    runtime.medianMillis / imported.medianMillis);
        }
    }

    /**
     * What was measured.
     *
     * @param gemmBefore GFLOP/s of the best matrix product before the measurement
     * @param gemmAfter the same after it
     * @param limit GFLOP/s that the processor reaches at most, or null
     * @param processor its name, and how the limit came about
     * @param loadBefore the system's load over a minute; negative where it is not known
     * @param loadAfter the same after it
     */
    public record Result(
            String model,
            int batch,
            int threads,
            double gemmBefore,
            double gemmAfter,
            Double limit,
            String processor,
            double loadBefore,
            double loadAfter,
            List<Row> rows) {

        /** The figures as a table. */
        public Table table() {
            List<List<String>> cells = new ArrayList<>();
            for (Row row : rows) {
                cells.add(List.of(
                        row.what,
                        row.tokens == row.fileTokens
                                ? Integer.toString(row.tokens)
                                : row.tokens + " of " + row.fileTokens,
                        perSecond(row.ours),
                        perSecond(row.imported),
                        perSecond(row.runtime),
                        String.format(Locale.ROOT, "%.2f", row.ratio),
                        String.format(Locale.ROOT, "%.2f", row.bestRatio),
                        String.format(Locale.ROOT, "%.2f", row.importedRatio)));
            }
            return new Table(
                    "Encoding with " + model + " and with ONNX Runtime, " + batch + " at a time",
                    List.of("", "tokens", "ours/s", "imported/s", "ORT/s", "ours : ORT", "quickest", "imported : ORT"),
                    cells,
                    List.of(
                            "all on the same inputs, in turns, with " + threads
                                    + " threads; ratios of medians, and of the" + " quickest runs",
                            "captions: ours are computed up to their ends, as always; the file takes texts of full"
                                    + " length only",
                            String.format(
                                    Locale.ROOT,
                                    "sgemm %.0f GFLOP/s before, %.0f after; load %.1f before, %.1f after",
                                    gemmBefore,
                                    gemmAfter,
                                    loadBefore,
                                    loadAfter),
                            processor));
        }

        private static String perSecond(Speed speed) {
            return String.format(Locale.ROOT, "%.1f", speed.perSecond);
        }
    }

    /**
     * Runs the measurement.
     *
     * @throws ConfigException if the files are not of the subject's architecture
     * @throws DataException if a file cannot be imported, or is no tower with one input
     */
    public Result run() throws IOException {
        JavaOps.install();
        OnnxModel image = tower(folder.resolve(IMAGE_FILE), 4);
        OnnxModel text = tower(folder.resolve(TEXT_FILE), 2);
        ClipConfig clip = subject.clip();
        DualEncoder encoder = new DualEncoder(clip, DataType.FLOAT, work.seed());
        requireSameSize(encoder, image, DualEncoder::isVisual);
        requireSameSize(encoder, text, DualEncoder::isTextual);
        SplittableRandom random = new SplittableRandom(work.seed());
        double load = Times.load();
        progress.accept("sgemm");
        double before = yardstick.gemm().getAsDouble();
        List<Row> rows = new ArrayList<>();
        try (Graph graph = new Graph(encoder.graph())) {
            graph.computeIn(yardstick.precision());
            graph.freeze();
            try (Tower tower = new Tower(graph, image, DualEncoder.IMAGE_FEATURES, DualEncoder.IMAGE_TOKENS)) {
                INDArray pixels = subject.pixels(work.batch(), random);
                int tokens = clip.vision().tokens();
                rows.add(tower.row("images", tokens, tokens, Map.of(DualEncoder.IMAGES, pixels), pixels));
            }
            try (Tower tower = new Tower(graph, text, DualEncoder.TEXT_FEATURES, DualEncoder.TEXT_TOKENS)) {
                int context = clip.text().contextLength();
                int[] full = new int[work.batch()];
                Arrays.fill(full, context);
                rows.add(texts(tower, "texts of full length", full, random));
                int[] captions = new int[work.batch()];
                Arrays.setAll(captions, i -> Math.min(context, DrawnTriplets.words(random) + 2));
                rows.add(texts(tower, "captions", captions, random));
            }
        }
        progress.accept("sgemm");
        return new Result(
                subject.name(),
                work.batch(),
                Parallel.standard().threads(),
                before,
                yardstick.gemm().getAsDouble(),
                yardstick.limit(),
                yardstick.processor(),
                load,
                Times.load(),
                rows);
    }

    /** Reads a file and refuses what is no tower. */
    static OnnxModel tower(Path file, int rank) throws IOException {
        OnnxModel model = OnnxReader.read(file);
        List<ValueInfo> inputs = model.graph().inputs();
        if (inputs.size() != 1
                || inputs.get(0).shape() == null
                || inputs.get(0).shape().size() != rank) {
            throw new DataException(file + ": its inputs are "
                    + inputs.stream()
                            .map(input -> input.name() + " " + input.describe())
                            .toList() + ", not one of "
                    + rank + " dimensions: take the files that the scripts in onnx/export write");
        }
        return model;
    }

    private void requireSameSize(DualEncoder encoder, OnnxModel file, Predicate<String> ofTower) {
        long ours = encoder.parameters().entrySet().stream()
                .filter(parameter -> ofTower.test(parameter.getKey()))
                .mapToLong(parameter -> parameter.getValue().length())
                .sum();
        if (Math.abs(ours - file.parameters()) > SAME_SIZE * ours) {
            throw new ConfigException(String.format(
                    Locale.ROOT,
                    "--model %s: this tower has %,d parameters, %s %,d: name the architecture that the files have",
                    subject.name(),
                    ours,
                    file.file(),
                    file.parameters()));
        }
    }

    /** Random tokens with an end token, the highest id, as the last of each text. */
    private Row texts(Tower tower, String what, int[] lengths, SplittableRandom random) {
        ClipConfig.Text text = subject.clip().text();
        int end = text.vocabularySize() - 1;
        int[][] ids = new int[lengths.length][];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = random.ints(lengths[i], 1, end - 1).toArray();
            ids[i][0] = end - 1;
            ids[i][lengths[i] - 1] = end;
        }
        Encoded.Padded cut = new Encoded(ids, 0, end).pad();
        int context = text.contextLength();
        INDArray whole = Nd4j.createFromArray(BenchModel.padTo(cut, context).ids());
        boolean wide = tower.input.type() == ElementType.INT64;
        return tower.row(
                what, cut.length(), context, ClipModel.textInputs(cut), wide ? whole.castTo(DataType.INT64) : whole);
    }

    /** A file in both, and the part of the dual encoder that computes the same. */
    private final class Tower implements AutoCloseable {

        private final Graph graph;
        private final List<String> outputs;
        private final ValueInfo input;
        private final ImportedGraph imported;
        private final OnnxRuntimeSession runtime;

        Tower(Graph graph, OnnxModel model, String features, String tokens) {
            this.graph = graph;
            this.input = model.graph().inputs().get(0);
            boolean withTokens = model.graph().outputs().stream()
                    .anyMatch(output -> output.shape() != null && output.shape().size() == 3);
            this.outputs = withTokens ? List.of(features, tokens) : List.of(features);
            progress.accept("import of " + model.file().getFileName());
            this.imported = OnnxImport.of(model, ImportOptions.standard());
            this.runtime = new OnnxRuntimeSession(model.file());
        }

        Row row(String what, int tokens, int fileTokens, Map<String, INDArray> placeholders, INDArray value) {
            Map<String, INDArray> inputs = new HashMap<>(placeholders);
            inputs.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, -1));
            Map<String, INDArray> given = Map.of(input.name(), value);
            List<Runnable> ways = List.of(
                    () -> graph.run(inputs, outputs).close(), () -> imported.run(given), () -> runtime.run(given));
            List<List<Times>> parts = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
            for (int repeat = -WARM_UP; repeat < work.repeats(); repeat++) {
                progress.accept(what);
                for (int turn = 0; turn < ways.size(); turn++) {
                    // Each goes first and last equally often.
                    int way = Math.floorMod(turn + repeat, ways.size());
                    LockSupport.parkNanos(REST);
                    Times times = Times.of(1, ways.get(way));
                    if (repeat >= 0) {
                        parts.get(way).add(times);
                    }
                }
            }
            List<Speed> speeds = parts.stream()
                    .map(times -> Speed.of(Times.together(times), work.batch()))
                    .toList();
            return Row.of(what, tokens, fileTokens, speeds.get(0), speeds.get(1), speeds.get(2));
        }

        @Override
        public void close() {
            imported.close();
            runtime.close();
        }
    }
}
