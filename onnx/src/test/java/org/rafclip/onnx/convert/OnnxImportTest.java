package org.rafclip.onnx.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.rafclip.onnx.Models.attribute;
import static org.rafclip.onnx.Models.floats;
import static org.rafclip.onnx.Models.longs;
import static org.rafclip.onnx.Models.model;
import static org.rafclip.onnx.Models.node;
import static org.rafclip.onnx.Models.small;
import static org.rafclip.onnx.Models.value;
import static org.rafclip.onnx.Models.write;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.TensorProto;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.onnx.OnnxReader;
import org.rafclip.onnx.check.Verification;
import org.rafclip.ops.GradientCheck;
import org.rafclip.ops.JavaOps;

class OnnxImportTest {

    @TempDir
    private Path dir;

    @BeforeAll
    static void operations() {
        JavaOps.install();
    }

    private ImportedGraph imported(ModelProto.Builder model, ImportOptions options) throws IOException {
        return OnnxImport.of(OnnxReader.read(write(model, dir.resolve("m.onnx"))), options);
    }

    @Test
    void computesWithAnyBatchAndJoinsLinearLayers() throws IOException {
        try (ImportedGraph graph = imported(small(), ImportOptions.standard())) {
            assertThat(graph.operations()).as("linear and relu").isEqualTo(2);
            for (int batch = 1; batch < 4; batch++) {
                INDArray x = Nd4j.ones(DataType.FLOAT, batch, 3);
                INDArray y = graph.run(Map.of("x", x)).get("y");
                assertThat(y.shape()).containsExactly(batch, 2);
                assertThat(y.getFloat(batch - 1, 0)).isEqualTo(9.5f);
                assertThat(y.getFloat(batch - 1, 1)).isEqualTo(11.5f);
            }
            assertThatThrownBy(() -> graph.run(Map.of("x", Nd4j.ones(DataType.FLOAT, 2, 4))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("x");
        }
    }

    /** {@code y = x + c} where the rank of {@code x} is above {@code limit}, else {@code y = x · w}; {@code c} stands outside. */
    private static ModelProto.Builder branching(long limit) {
        GraphProto.Builder then = GraphProto.newBuilder()
                .setName("then")
                .addNode(node("Add", "sum", "x", "c"))
                .addOutput(value("sum", TensorProto.DataType.FLOAT, "batch", 2));
        GraphProto.Builder otherwise = GraphProto.newBuilder()
                .setName("else")
                .addInitializer(floats("w", new long[] {2}, 3, 4))
                .addNode(node("Mul", "product", "x", "w"))
                .addOutput(value("product", TensorProto.DataType.FLOAT, "batch", 2));
        return model(
                13,
                GraphProto.newBuilder()
                        .setName("branching")
                        .addInput(value("x", TensorProto.DataType.FLOAT, 1, 2))
                        .addOutput(value("y", TensorProto.DataType.FLOAT, 1, 2))
                        .addInitializer(longs("limit", new long[] {}, limit))
                        .addNode(node("Shape", "shape", "x"))
                        .addNode(node("Size", "rank", "shape"))
                        .addNode(node("Greater", "above", "rank", "limit"))
                        .addNode(node("If", "branch", "above")
                                .addAttribute(branch("then_branch", then))
                                .addAttribute(branch("else_branch", otherwise)))
                        .addNode(node("Relu", "y", "branch"))
                        // Behind the node that takes it within a branch.
                        .addNode(node("Neg", "c", "d"))
                        .addInitializer(floats("d", new long[] {2}, -10, 100)));
    }

    private static AttributeProto branch(String name, GraphProto.Builder graph) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.GRAPH)
                .setG(graph)
                .build();
    }

    @Test
    void ofBranchesTheOneIsTakenThatAFixedShapeChooses() throws IOException {
        INDArray x = Nd4j.createFromArray(new float[][] {{1, 2}});
        try (ImportedGraph above = imported(branching(1), ImportOptions.standard());
                ImportedGraph notAbove = imported(branching(2), ImportOptions.standard())) {
            assertThat(above.run(Map.of("x", x)).get("y")).isEqualTo(Nd4j.createFromArray(new float[][] {{11, 0}}));
            assertThat(notAbove.run(Map.of("x", x)).get("y")).isEqualTo(Nd4j.createFromArray(new float[][] {{3, 8}}));
        }
    }

    @Test
    void aBranchThatOnlyTheRunChoosesIsRefused() throws IOException {
        ModelProto.Builder model = branching(1);
        model.getGraphBuilder()
                .addInput(value("given", TensorProto.DataType.INT64))
                .setNode(2, node("Greater", "above", "given", "limit"));

        assertThatThrownBy(() -> imported(model, ImportOptions.standard()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("node 'make branch' (If)")
                .hasMessageContaining("run the file in ONNX Runtime");
    }

    @Test
    void whatABranchTakesHasToBeThere() {
        ModelProto.Builder model = branching(1);
        model.getGraphBuilder().removeNode(5);

        assertThatThrownBy(() -> imported(model, ImportOptions.standard()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("node 'make branch' (If) takes 'c', which nothing computes");
    }

    @Test
    void unknownOperationsAreOneErrorThatNamesAllThereIsToKnow() throws IOException {
        ModelProto.Builder model = small();
        model.getGraphBuilder().setNode(2, node("GridSample", "y", "xWb", "xWb"));
        assertThatThrownBy(() -> imported(model, ImportOptions.standard()))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("m.onnx", "make y", "GridSample", "opset 13", "MatMul, ")
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n", "org.rafclip"));
        model.getGraphBuilder().setNode(2, node("Relu", "y", "xWb"));
        model.getOpsetImportBuilder(0).setVersion(99);
        assertThatThrownBy(() -> imported(model, ImportOptions.standard()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("opset 99");
    }

    @Test
    void shapesThatDoNotFitAndTensorsOutOfBoundsAreRefusedOnImport() throws IOException {
        ModelProto.Builder model = small();
        model.getGraphBuilder().setInput(0, value("x", TensorProto.DataType.FLOAT, 2, 4));
        assertThatThrownBy(() -> imported(model, ImportOptions.standard()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("[2, 4]");
        ModelProto.Builder huge = small();
        huge.getGraphBuilder()
                .addInitializer(longs("size", new long[] {2}, 1 << 20, 1 << 20))
                .addNode(node("ConstantOfShape", "zeros", "size"));
        assertThatThrownBy(() -> imported(huge, ImportOptions.standard()))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("make zeros", "1048576");
        ModelProto.Builder lacking = small();
        lacking.getGraphBuilder().addNode(node("Softmax", "shares"));
        assertThatThrownBy(() -> imported(lacking, ImportOptions.standard()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("m.onnx: ");
    }

    /** Shape, Gather, Concat, Reshape: folded with a known batch, right for any batch with an open one. */
    @Test
    void arithmeticOnShapesIsFoldedOrRuns() throws IOException {
        GraphProto.Builder graph = GraphProto.newBuilder()
                .addInput(value("x", TensorProto.DataType.FLOAT, "batch", 2, 3))
                .addOutput(value("y", TensorProto.DataType.FLOAT, "batch", 6))
                .addInitializer(longs("zero", new long[0], 0))
                .addInitializer(longs("six", new long[] {1}, 6))
                .addInitializer(longs("axis", new long[] {1}, 0))
                .addNode(node("Shape", "shape", "x"))
                .addNode(node("Gather", "batch size", "shape", "zero"))
                .addNode(node("Unsqueeze", "row", "batch size", "axis"))
                .addNode(node("Concat", "wanted", "row", "six").addAttribute(attribute("axis", 0)))
                .addNode(node("Reshape", "y", "x", "wanted"));
        try (ImportedGraph open = imported(model(13, graph), ImportOptions.standard());
                ImportedGraph fixed =
                        imported(model(13, graph), ImportOptions.standard().withDimensions(Map.of("batch", 5L)))) {
            assertThat(open.operations()).isEqualTo(5);
            assertThat(fixed.operations()).isEqualTo(1);
            INDArray x = Nd4j.rand(DataType.FLOAT, 5, 2, 3);
            assertThat(open.run(Map.of("x", x)).get("y")).isEqualTo(x.reshape(5, 6));
            assertThat(fixed.run(Map.of("x", x)).get("y")).isEqualTo(x.reshape(5, 6));
        }
    }

    /** One transformer block as exporters write it: everything taken apart. */
    private static ModelProto.Builder block(Object batch) {
        float[] square = new float[16];
        for (int i = 0; i < 16; i++) {
            square[i] = (float) Math.sin(i * 1.7) * 0.8f;
        }
        GraphProto.Builder graph = GraphProto.newBuilder()
                .addInput(value("x", TensorProto.DataType.FLOAT, batch, 3, 4))
                .addInput(value("index", TensorProto.DataType.INT64, batch, 1, 4))
                .addOutput(value("y", TensorProto.DataType.FLOAT, batch, 1, 4))
                .addInitializer(floats("gain", new long[] {4}, 1, 2, 0.5f, -1))
                .addInitializer(floats("shift", new long[] {4}, 0.1f, 0, 0.2f, 0.3f))
                .addInitializer(floats("eps", new long[0], 1e-5f))
                .addInitializer(floats("two", new long[0], 2))
                .addInitializer(floats("root2", new long[0], (float) Math.sqrt(2)))
                .addInitializer(floats("one", new long[0], 1))
                .addInitializer(floats("half", new long[0], 0.5f))
                .addInitializer(floats("W", new long[] {4, 4}, square))
                .addInitializer(floats("b", new long[] {4}, 0.3f, -0.2f, 0.1f, 0.4f))
                .addNode(mean("mean", "x"))
                .addNode(node("Sub", "centered", "x", "mean"))
                .addNode(node("Pow", "squares", "centered", "two"))
                .addNode(mean("variance", "squares"))
                .addNode(node("Add", "raised", "variance", "eps"))
                .addNode(node("Sqrt", "root", "raised"))
                .addNode(node("Div", "normal", "centered", "root"))
                .addNode(node("Mul", "scaled", "normal", "gain"))
                .addNode(node("Add", "ln", "scaled", "shift"))
                .addNode(node("MatMul", "xW", "ln", "W"))
                .addNode(node("Add", "wide", "b", "xW"))
                .addNode(node("Div", "e1", "wide", "root2"))
                .addNode(node("Erf", "e2", "e1"))
                .addNode(node("Add", "e3", "e2", "one"))
                .addNode(node("Mul", "e4", "wide", "e3"))
                .addNode(node("Mul", "gelu", "e4", "half"))
                .addNode(node("Transpose", "keys", "ln").addAttribute(attribute("perm", 0, 2, 1)))
                .addNode(node("MatMul", "scores", "gelu", "keys"))
                .addNode(node("Softmax", "weights", "scores").addAttribute(attribute("axis", -1)))
                .addNode(node("MatMul", "mixed", "weights", "gelu"))
                .addNode(node("Add", "sum", "mixed", "x"))
                .addNode(node("GatherElements", "y", "sum", "index").addAttribute(attribute("axis", 1)));
        return model(13, graph);
    }

    private static onnx.Onnx.NodeProto.Builder mean(String output, String input) {
        return node("ReduceMean", output, input)
                .addAttribute(AttributeProto.newBuilder()
                        .setName("axes")
                        .setType(AttributeProto.AttributeType.INTS)
                        .addInts(-1))
                .addAttribute(attribute("keepdims", 1));
    }

    @Test
    void groupsAreJoinedAndComputeWhatOnnxRuntimeDoes() throws IOException {
        Path file = write(block("batch"), dir.resolve("block.onnx"));
        try (ImportedGraph fused = OnnxImport.of(OnnxReader.read(file), ImportOptions.standard());
                ImportedGraph plain = OnnxImport.of(
                        OnnxReader.read(file), ImportOptions.standard().withoutFusion())) {
            assertThat(fused.operations())
                    .as("norm, linear, gelu, attention and 2 more")
                    .isEqualTo(6);
            assertThat(plain.operations()).isEqualTo(22);
            Map<String, INDArray> inputs =
                    Map.of("x", Nd4j.rand(DataType.FLOAT, 2, 3, 4), "index", Nd4j.ones(DataType.INT64, 2, 1, 4));
            INDArray difference =
                    fused.run(inputs).get("y").sub(plain.run(inputs).get("y"));
            assertThat(difference.amaxNumber().doubleValue()).isLessThan(1e-5);
        }
        Verification verification = Verification.run(file, 3, Map.of(), 1e-5);
        assertThat(verification.passed())
                .as(() -> verification.table().toText())
                .isTrue();
    }

    @Test
    void gradientsOfAnImportedGraphMatchFiniteDifferences() throws IOException {
        for (boolean fused : new boolean[] {true, false}) {
            ImportOptions options = ImportOptions.standard().withTrainable().withPrecision(DataType.DOUBLE);
            try (ImportedGraph graph = imported(block(2), fused ? options : options.withoutFusion())) {
                SameDiff sd = graph.sameDiff();
                SDVariable y = graph.variable("y");
                y.mul(y).sum().rename("loss");
                Map<String, INDArray> inputs =
                        Map.of("x", Nd4j.rand(DataType.DOUBLE, 2, 3, 4), "index", Nd4j.ones(DataType.INT64, 2, 1, 4));
                Map<String, Double> errors =
                        GradientCheck.worstErrors(sd, inputs, "loss", java.util.List.of("W", "b", "gain", "shift"));
                assertThat(graph.trainable()).contains("W", "b", "gain", "shift");
                assertThat(errors)
                        .hasSize(4)
                        .allSatisfy((name, error) -> assertThat(error).as(name).isCloseTo(0, Offset.offset(1e-6)));
            }
        }
    }
}
