package org.rafclip.onnx.check;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.eval.Table;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.onnx.OnnxReader;
import org.rafclip.onnx.OpenAxes;
import org.rafclip.onnx.convert.ImportOptions;
import org.rafclip.onnx.convert.ImportedGraph;
import org.rafclip.onnx.convert.OnnxImport;
import org.rafclip.onnx.runtime.OnnxRuntimeSession;
import org.rafclip.ops.JavaOps;
import org.rafclip.run.ProcessMemory;

/**
 * An imported graph beside ONNX Runtime, on the same inputs.
 *
 * @param file the model
 * @param seed of the inputs
 * @param inputs with their shapes
 * @param outputs how far each is apart
 * @param tolerance what is let pass
 * @param importSeconds reading and importing
 * @param runSeconds the quickest run in SameDiff, of as many as fit into five seconds, ten at most
 * @param runtimeSeconds likewise in ONNX Runtime
 * @param operations how many run in SameDiff
 * @param nodes how many the file has
 * @param valueMiB memory that SameDiff's values were computed in
 * @param peakMiB the most that this process held of the machine's memory before ONNX Runtime opened the file: the Java
 *     machine, the file as far as it was read, its tensors, SameDiff's values; null where the system does not say
 * @param runtimeMiB what ONNX Runtime holds beyond that after its runs; null where the system does not say
 */
public record Verification(
        String file,
        long seed,
        List<String> inputs,
        List<Output> outputs,
        double tolerance,
        double importSeconds,
        double runSeconds,
        double runtimeSeconds,
        int operations,
        int nodes,
        double valueMiB,
        Double peakMiB,
        Double runtimeMiB) {

    /** The first run takes longer, the second may. */
    private static final int LEAST_RUNS = 3;

    private static final int RUNS = 10;
    private static final double SECONDS = 30;

    /**
     * One output.
     *
     * @param worstError the largest absolute difference; {@code Double.MAX_VALUE} where types, shapes or what is no number
     *     differ
     * @param largest ONNX Runtime's largest absolute value
     */
    public record Output(String name, List<Long> shape, double worstError, double largest) {}

    /**
     * Imports a file and runs it in both.
     *
     * @param given lengths of open dimensions by label; those of images and texts that are not given follow from the
     *     weights
     */
    public static Verification run(Path file, long seed, Map<String, Long> given, double tolerance) throws IOException {
        JavaOps.install();
        long start = System.nanoTime();
        OnnxModel model = OnnxReader.read(file);
        Map<String, Long> dimensions = new OpenAxes(model.graph()).byLabel();
        dimensions.putAll(given);
        try (ImportedGraph graph = OnnxImport.of(model, ImportOptions.standard().withDimensions(dimensions))) {
            double importSeconds = (System.nanoTime() - start) / 1e9;
            Map<String, INDArray> inputs = SeededInputs.of(model.graph(), seed, dimensions);
            Timed ours = Timed.of(() -> computed(graph, inputs));
            Optional<ProcessMemory> before = ProcessMemory.ifKnown();
            Timed theirs;
            Optional<ProcessMemory> after;
            try (OnnxRuntimeSession peer = new OnnxRuntimeSession(file)) {
                theirs = Timed.of(() -> peer.run(inputs));
                after = ProcessMemory.ifKnown();
            }
            List<Output> outputs = new ArrayList<>();
            for (Map.Entry<String, INDArray> output : ours.outputs.entrySet()) {
                Difference difference = Difference.of(output.getValue(), theirs.outputs.get(output.getKey()), 0);
                outputs.add(new Output(
                        output.getKey(),
                        Arrays.stream(output.getValue().shape()).boxed().toList(),
                        Math.min(difference.worst(), Double.MAX_VALUE),
                        difference.largest()));
            }
            return new Verification(
                    file.toString(),
                    seed,
                    shapes(inputs),
                    outputs,
                    tolerance,
                    importSeconds,
                    ours.seconds,
                    theirs.seconds,
                    graph.operations(),
                    model.graph().nodes().size(),
                    graph.bytes() / 1048576.0,
                    before.map(ProcessMemory::peak).orElse(null),
                    before.flatMap(then -> after.map(now -> now.resident() - then.resident()))
                            .orElse(null));
        }
    }

    /** Outputs, and how long the quickest of the runs took that computed them. */
    private record Timed(double seconds, Map<String, INDArray> outputs) {

        static Timed of(Supplier<Map<String, INDArray>> run) {
            double quickest = Double.POSITIVE_INFINITY;
            double all = 0;
            Map<String, INDArray> outputs = Map.of();
            for (int i = 0; i < LEAST_RUNS || i < RUNS && all < SECONDS; i++) {
                long start = System.nanoTime();
                outputs = run.get();
                double seconds = (System.nanoTime() - start) / 1e9;
                quickest = Math.min(quickest, seconds);
                all += seconds;
            }
            return new Timed(quickest, outputs);
        }
    }

    private static Map<String, INDArray> computed(ImportedGraph graph, Map<String, INDArray> inputs) {
        try {
            return graph.run(inputs);
        } catch (IllegalArgumentException e) {
            throw new DataException(
                    graph.model().file() + ": does not run on " + shapes(inputs) + ": " + e.getMessage()
                            + ". Set its open dimensions with --dim NAME=LENGTH",
                    e);
        }
    }

    private static List<String> shapes(Map<String, INDArray> inputs) {
        return inputs.entrySet().stream()
                .map(input ->
                        input.getKey() + " " + Arrays.toString(input.getValue().shape()))
                .toList();
    }

    /** Whether every output is within the tolerance. */
    public boolean passed() {
        return outputs.stream().allMatch(output -> output.worstError <= tolerance);
    }

    public Table table() {
        List<List<String>> rows = outputs.stream()
                .map(output -> List.of(
                        output.name,
                        output.shape.toString(),
                        output.worstError == Double.MAX_VALUE
                                ? "different"
                                : String.format(Locale.ROOT, "%.2e", output.worstError),
                        String.format(Locale.ROOT, "%.3g", output.largest)))
                .toList();
        List<String> notes = new ArrayList<>(List.of(
                "inputs from seed " + seed + ": " + String.join(", ", inputs),
                String.format(
                        Locale.ROOT,
                        "tolerance %.1e; imported in %.1f s, %d operations of %d nodes",
                        tolerance,
                        importSeconds,
                        operations,
                        nodes),
                String.format(
                        Locale.ROOT,
                        "a run: SameDiff %s, ONNX Runtime %s (%.2f of its speed)",
                        duration(runSeconds),
                        duration(runtimeSeconds),
                        runtimeSeconds / runSeconds)));
        if (peakMiB != null && runtimeMiB != null) {
            notes.add(String.format(
                    Locale.ROOT,
                    "memory of the process: at most %,.0f MiB with SameDiff, %,.0f of them for values; ONNX Runtime holds"
                            + " %,.0f MiB",
                    peakMiB,
                    valueMiB,
                    runtimeMiB));
        }
        return new Table(
                file + (passed() ? ": as ONNX Runtime computes it" : ": NOT as ONNX Runtime computes it"),
                List.of("output", "shape", "worst error", "largest value"),
                rows,
                notes);
    }

    private static String duration(double seconds) {
        return seconds < 1
                ? String.format(Locale.ROOT, "%.1f ms", seconds * 1000)
                : String.format(Locale.ROOT, "%.2f s", seconds);
    }
}
