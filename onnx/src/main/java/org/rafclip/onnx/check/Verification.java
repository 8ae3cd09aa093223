package org.rafclip.onnx.check;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.eval.Table;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.onnx.OnnxReader;
import org.rafclip.onnx.convert.ImportOptions;
import org.rafclip.onnx.convert.ImportedGraph;
import org.rafclip.onnx.convert.OnnxImport;
import org.rafclip.ops.JavaOps;

/**
 * An imported graph beside ONNX Runtime, on the same inputs.
 *
 * @param file the model
 * @param seed of the inputs
 * @param inputs with their shapes
 * @param outputs how far each is apart
 * @param tolerance what is let pass
 * @param importSeconds reading and importing
 * @param runMillis the quickest of three runs in SameDiff
 * @param runtimeMillis the quickest of three runs in ONNX Runtime
 * @param operations how many run in SameDiff
 * @param nodes how many the file has
 * @param valueMiB memory that SameDiff's values were computed in
 */
public record Verification(
        String file,
        long seed,
        List<String> inputs,
        List<Output> outputs,
        double tolerance,
        double importSeconds,
        double runMillis,
        double runtimeMillis,
        int operations,
        int nodes,
        double valueMiB) {

    private static final int RUNS = 3;

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
     * @param dimensions lengths of open dimensions by label
     */
    public static Verification run(Path file, long seed, Map<String, Long> dimensions, double tolerance)
            throws IOException {
        JavaOps.install();
        long start = System.nanoTime();
        OnnxModel model = OnnxReader.read(file);
        try (ImportedGraph graph = OnnxImport.of(model, ImportOptions.standard().withDimensions(dimensions))) {
            double importSeconds = (System.nanoTime() - start) / 1e9;
            Map<String, INDArray> inputs = SeededInputs.of(model.graph(), seed, dimensions);
            double[] ours = new double[RUNS];
            Map<String, INDArray> computed = Map.of();
            for (int i = 0; i < RUNS; i++) {
                long before = System.nanoTime();
                computed = computed(graph, inputs);
                ours[i] = (System.nanoTime() - before) / 1e6;
            }
            double[] theirs = new double[RUNS];
            Map<String, INDArray> expected = Map.of();
            try (Peer peer = new Peer(file)) {
                for (int i = 0; i < RUNS; i++) {
                    long before = System.nanoTime();
                    expected = peer.run(inputs);
                    theirs[i] = (System.nanoTime() - before) / 1e6;
                }
            }
            List<Output> outputs = new ArrayList<>();
            for (Map.Entry<String, INDArray> output : computed.entrySet()) {
                Difference difference = Difference.of(output.getValue(), expected.get(output.getKey()), 0);
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
                    Arrays.stream(ours).min().orElseThrow(),
                    Arrays.stream(theirs).min().orElseThrow(),
                    graph.operations(),
                    model.graph().nodes().size(),
                    graph.bytes() / 1048576.0);
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
        return new Table(
                file + (passed() ? ": as ONNX Runtime computes it" : ": NOT as ONNX Runtime computes it"),
                List.of("output", "shape", "worst error", "largest value"),
                rows,
                List.of(
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
                                "a run: SameDiff %.1f ms, ONNX Runtime %.1f ms (%.2f of its speed); %.0f MiB of values",
                                runMillis,
                                runtimeMillis,
                                runtimeMillis / runMillis,
                                valueMiB)));
    }
}
