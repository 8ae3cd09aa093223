package org.rafclip.onnx.convert;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import onnx.Onnx.GraphProto;
import onnx.Onnx.TensorProto;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.onnx.Models;
import org.rafclip.onnx.OnnxReader;
import org.rafclip.onnx.ValueInfo;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;

/** What can be done with an imported graph: save it, load it, train it. */
class ImportedGraphTest {

    private static final Path EXPORTS = Path.of("src/test/resources/org/rafclip/onnx/exports");

    @TempDir
    private static Path dir;

    @BeforeAll
    static void operations() {
        JavaOps.install();
    }

    private static ImportedGraph imported(String export, ImportOptions options) throws IOException {
        return OnnxImport.of(OnnxReader.read(EXPORTS.resolve(export)), options);
    }

    /** Saved as SameDiff saves, loaded without the ONNX file: the same bits. */
    @TestFactory
    Stream<DynamicTest> aSavedGraphComputesTheSame() {
        return Stream.of("openclip-11-unfolded/text.onnx", "hf-17/image.onnx", "sam-14/encoder.onnx")
                .map(export -> DynamicTest.dynamicTest(export, () -> {
                    Path file = dir.resolve(export.replace('/', '-') + ".fb");
                    Map<String, INDArray> inputs = new LinkedHashMap<>();
                    Map<String, INDArray> computed;
                    Map<String, String> names = new LinkedHashMap<>();
                    try (ImportedGraph graph = imported(export, ImportOptions.standard())) {
                        for (ValueInfo input : graph.model().graph().inputs()) {
                            inputs.put(input.name(), input(input));
                        }
                        computed = graph.run(inputs);
                        for (String output : computed.keySet()) {
                            names.put(output, graph.variable(output).name());
                        }
                        graph.sameDiff().save(file.toFile(), false);
                    }
                    assertThat(Files.size(file)).isPositive();
                    try (Graph loaded = new Graph(SameDiff.load(file.toFile(), false));
                            Graph.Outputs outputs = loaded.run(inputs, names.values())) {
                        names.forEach((output, name) ->
                                assertThat(outputs.get(name)).as(output).isEqualTo(computed.get(output)));
                    }
                }));
    }

    private static INDArray input(ValueInfo input) {
        long[] shape = input.shape().stream()
                .mapToLong(size -> size.open() ? 2 : size.size())
                .toArray();
        // Tokens rise to the last, where the text is read.
        return input.type().array() == DataType.FLOAT
                ? Nd4j.rand(7L, shape)
                : Nd4j.arange(1, 1 + shape[0] * shape[1])
                        .reshape(shape)
                        .castTo(input.type().array());
    }

    /** Two reshapes of one sum, which share its memory, and values that are computed while only they need it. */
    @Test
    void aReshapedTensorOutlivesTheOneItWasMadeFrom() throws IOException {
        Path file = Models.write(
                Models.model(
                        17,
                        GraphProto.newBuilder()
                                .addInput(Models.value("x", TensorProto.DataType.FLOAT, 2, 3))
                                .addOutput(Models.value("flat", TensorProto.DataType.FLOAT, 6))
                                .addOutput(Models.value("y", TensorProto.DataType.FLOAT, 3, 2))
                                .addInitializer(Models.longs("six", new long[] {1}, 6))
                                .addInitializer(Models.longs("turned", new long[] {2}, 3, 2))
                                .addNode(Models.node("Add", "sum", "x", "x"))
                                .addNode(Models.node("Reshape", "flat", "sum", "six"))
                                .addNode(Models.node("Reshape", "seen", "sum", "turned"))
                                .addNode(Models.node("Mul", "square", "seen", "seen"))
                                .addNode(Models.node("Exp", "power", "square"))
                                .addNode(Models.node("Mul", "product", "power", "seen"))
                                .addNode(Models.node("Sub", "y", "product", "square"))),
                dir.resolve("reshaped.onnx"));
        INDArray x = Nd4j.createFromArray(new float[][] {{0, 0.1f, 0.2f}, {0.3f, 0.4f, 0.5f}});
        try (ImportedGraph graph = OnnxImport.of(OnnxReader.read(file), ImportOptions.standard())) {
            for (List<String> asked : List.of(List.of("flat", "y"), List.of("y"), List.of("y", "sum", "flat"))) {
                Map<String, INDArray> outputs = graph.run(Map.of("x", x), asked);
                for (int i = 0; i < 6; i++) {
                    double sum = 0.2 * i;
                    assertThat(outputs.get("y").getDouble(i))
                            .isCloseTo(sum * Math.exp(sum * sum) - sum * sum, Offset.offset(1e-6));
                    if (asked.contains("flat")) {
                        assertThat(outputs.get("flat").getDouble(i)).isCloseTo(sum, Offset.offset(1e-6));
                    }
                }
            }
        }
    }

    /** Features are drawn towards given ones by plain gradient descent on all parameters. */
    @Test
    void anImportedGraphCanBeTrained() throws IOException {
        try (ImportedGraph imported =
                imported("openclip-14/image.onnx", ImportOptions.standard().withTrainable())) {
            SameDiff graph = imported.sameDiff();
            SDVariable target = graph.placeHolder("target", DataType.FLOAT, 2, 20);
            SDVariable apart = imported.variable("image_features").sub(target);
            apart.mul(apart).sum().rename("loss");
            graph.setLossVariables("loss");
            assertThat(imported.trainable()).hasSizeGreaterThan(20);
            Map<String, INDArray> inputs = Map.of(
                    "images", Nd4j.rand(3L, new long[] {2, 3, 16, 16}), "target", Nd4j.rand(4L, new long[] {2, 20}));
            List<Double> losses = new ArrayList<>();
            try (Graph runner = new Graph(graph)) {
                for (int step = 0; step < 12; step++) {
                    try (Graph.Outputs outputs = runner.gradients(inputs, imported.trainable(), List.of("loss"))) {
                        losses.add(outputs.get("loss").getDouble(0));
                        for (String parameter : imported.trainable()) {
                            graph.getVariable(parameter)
                                    .getArr()
                                    .subi(outputs.get(parameter).mul(2e-3));
                        }
                    }
                }
            }
            for (int step = 1; step < losses.size(); step++) {
                assertThat(losses.get(step)).as("%s", losses).isLessThan(losses.get(step - 1));
            }
            assertThat(losses.get(losses.size() - 1)).as("%s", losses).isLessThan(losses.get(0) / 4);
        }
    }
}
