package org.rafclip.onnx.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.rafclip.onnx.Models.attribute;
import static org.rafclip.onnx.Models.floats;
import static org.rafclip.onnx.Models.longs;
import static org.rafclip.onnx.Models.model;
import static org.rafclip.onnx.Models.node;
import static org.rafclip.onnx.Models.value;
import static org.rafclip.onnx.Models.write;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import onnx.Onnx.GraphProto;
import onnx.Onnx.TensorProto;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.onnx.OnnxReader;
import org.rafclip.onnx.op.BiasedAttention;
import org.rafclip.ops.GradientCheck;
import org.rafclip.ops.JavaOps;

/** Attention as exporters take it apart, joined and as it is written. */
class FusedAttentionTest {

    private static final TensorProto.DataType FLOAT = TensorProto.DataType.FLOAT;

    @TempDir
    private Path dir;

    @BeforeAll
    static void operations() {
        JavaOps.install();
    }

    private static float[] waves(int count, double step) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) Math.sin(1 + i * step);
        }
        return values;
    }

    /** Two samples, six queries and keys on a grid of 2 × 3, biases by rows and by columns, as in SAM's encoder. */
    private static GraphProto.Builder onAGrid() {
        return GraphProto.newBuilder()
                .addInput(value("x", FLOAT, 2, 6, 4))
                .addOutput(value("y", FLOAT, 2, 6, 5))
                .addInitializer(floats("k", new long[] {2, 6, 4}, waves(48, 1.7)))
                .addInitializer(floats("v", new long[] {2, 6, 5}, waves(60, 0.9)))
                .addInitializer(floats("rows", new long[] {2, 2, 3, 2, 1}, waves(24, 2.3)))
                .addInitializer(floats("columns", new long[] {2, 2, 3, 1, 3}, waves(36, 0.7)))
                .addInitializer(longs("view", new long[] {5}, -1, 2, 3, 2, 3))
                .addInitializer(longs("back", new long[] {3}, -1, 6, 6))
                .addNode(node("Transpose", "turned", "k").addAttribute(attribute("perm", 0, 2, 1)))
                .addNode(node("MatMul", "scores", "x", "turned"))
                .addNode(node("Reshape", "seen", "scores", "view"))
                .addNode(node("Add", "first", "seen", "rows"))
                .addNode(node("Add", "second", "columns", "first"))
                .addNode(node("Reshape", "flat", "second", "back"))
                .addNode(node("Softmax", "weights", "flat").addAttribute(attribute("axis", -1)))
                .addNode(node("MatMul", "y", "weights", "v"));
    }

    /** Any number of samples, a mask that shows no later token, scores divided by a number. */
    private static GraphProto.Builder causal(float hidden) {
        return GraphProto.newBuilder()
                .addInput(value("x", FLOAT, "batch", 2, 3, 4))
                .addOutput(value("y", FLOAT, "batch", 2, 3, 4))
                .addInitializer(
                        floats("mask", new long[] {1, 1, 3, 3}, 0, hidden, hidden, 0.5f, 0, hidden, 0, -0.25f, 0))
                .addInitializer(floats("root", new long[0], 2))
                .addInitializer(floats("k", new long[] {2, 4, 3}, waves(24, 1.3)))
                .addNode(node("MatMul", "scores", "x", "k"))
                .addNode(node("Div", "scaled", "scores", "root"))
                .addNode(node("Add", "masked", "scaled", "mask"))
                .addNode(node("Softmax", "weights", "masked").addAttribute(attribute("axis", 3)))
                .addNode(node("MatMul", "y", "weights", "x"));
    }

    /** Queries and keys that are scaled before their product, as transformers and PyTorch export them; scores in many blocks. */
    private static GraphProto.Builder scaledBefore() {
        return GraphProto.newBuilder()
                .addInput(value("x", FLOAT, 1, 700, 4))
                .addOutput(value("y", FLOAT, 1, 700, 4))
                .addInitializer(floats("quarter", new long[0], 0.25f))
                .addInitializer(floats("two", new long[] {1}, 2))
                .addNode(node("Mul", "q", "quarter", "x"))
                .addNode(node("Transpose", "turned", "x").addAttribute(attribute("perm", 0, 2, 1)))
                .addNode(node("Mul", "scaled", "turned", "two"))
                .addNode(node("MatMul", "scores", "q", "scaled"))
                .addNode(node("Softmax", "weights", "scores").addAttribute(attribute("axis", -1)))
                .addNode(node("MatMul", "y", "weights", "x"));
    }

    private ImportedGraph imported(GraphProto.Builder graph, ImportOptions options) throws IOException {
        return OnnxImport.of(OnnxReader.read(write(model(13, graph), dir.resolve("m.onnx"))), options);
    }

    private void assertSame(GraphProto.Builder graph, ImportOptions options, int operations, INDArray x)
            throws IOException {
        try (ImportedGraph fused = imported(graph, options);
                ImportedGraph apart = imported(graph, options.withoutFusion())) {
            INDArray expected = apart.run(Map.of("x", x)).get("y");
            INDArray actual = fused.run(Map.of("x", x)).get("y");
            assertThat(fused.operations()).isEqualTo(operations);
            assertThat(actual.shape()).isEqualTo(expected.shape());
            assertThat(actual.sub(expected).amaxNumber().doubleValue()).isLessThan(1e-6);
        }
    }

    @Test
    void biasesByRowsAndColumns() throws IOException {
        assertSame(
                onAGrid(),
                ImportOptions.standard(),
                1,
                Nd4j.createFromArray(waves(48, 0.37)).reshape(2, 6, 4));
    }

    @Test
    void masksThatHideTokens() throws IOException {
        INDArray x = Nd4j.createFromArray(waves(48, 0.37)).reshape(2, 2, 3, 4);
        ImportOptions known = ImportOptions.standard().withDimensions(Map.of("batch", 2L));
        for (float hidden : new float[] {-3, Float.NEGATIVE_INFINITY}) {
            assertSame(causal(hidden), known, 1, x);
        }
    }

    @Test
    void scalesOfQueriesAndKeysAreThoseOfTheScores() throws IOException {
        INDArray x = Nd4j.createFromArray(waves(2800, 0.37)).reshape(1, 700, 4);
        // The two products are there, but nothing asks for them.
        assertSame(scaledBefore(), ImportOptions.standard(), 4, x);
        try (ImportedGraph graph = imported(scaledBefore(), ImportOptions.standard())) {
            BiasedAttention attention = (BiasedAttention)
                    graph.sameDiff().getVariableOutputOp(graph.variable("y").name());
            assertThat(attention.args()[0].name()).isEqualTo("x");
        }
    }

    /** With an open batch nobody knows how many dimensions there are, so an axis of 3 may not be the last. */
    @Test
    void whatIsNotKnownToBeAttentionStaysApart() throws IOException {
        INDArray x = Nd4j.createFromArray(waves(48, 0.37)).reshape(2, 2, 3, 4);
        assertSame(causal(-3), ImportOptions.standard(), 5, x);
        GraphProto.Builder used = onAGrid().addOutput(value("weights", FLOAT, 2, 6, 6));
        try (ImportedGraph graph = imported(used, ImportOptions.standard())) {
            assertThat(graph.operations()).isEqualTo(7);
        }
    }

    @Test
    void gradientsMatchFiniteDifferences() throws IOException {
        Map<GraphProto.Builder, List<String>> cases = new LinkedHashMap<>();
        cases.put(onAGrid(), List.of("k", "v", "rows", "columns"));
        cases.put(causal(-3), List.of("mask", "k"));
        ImportOptions options = ImportOptions.standard()
                .withTrainable()
                .withPrecision(DataType.DOUBLE)
                .withDimensions(Map.of("batch", 2L));
        for (Map.Entry<GraphProto.Builder, List<String>> each : cases.entrySet()) {
            boolean grid = each.getValue().contains("rows");
            try (ImportedGraph graph = imported(each.getKey(), options)) {
                SDVariable y = graph.variable("y");
                y.mul(y).sum().rename("loss");
                INDArray x = Nd4j.createFromArray(waves(48, 0.37))
                        .castTo(DataType.DOUBLE)
                        .reshape(grid ? new long[] {2, 6, 4} : new long[] {2, 2, 3, 4});
                assertThat(GradientCheck.worstErrors(graph.sameDiff(), Map.of("x", x), "loss", each.getValue()))
                        .hasSize(each.getValue().size())
                        .allSatisfy((name, error) -> assertThat(error).as(name).isCloseTo(0, Offset.offset(1e-6)));
            }
        }
    }
}
