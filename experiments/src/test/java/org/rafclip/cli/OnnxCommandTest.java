package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.OperatorSetIdProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.TensorShapeProto;
import onnx.Onnx.TypeProto;
import onnx.Onnx.ValueInfoProto;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.ops.JavaOps;

/** ONNX files on the command line. */
class OnnxCommandTest {

    private static final Path IMAGE =
            Path.of("..", "onnx", "src/test/resources/org/rafclip/onnx/exports/openclip-14/image.onnx");

    @TempDir
    private Path dir;

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    private static ValueInfoProto value(String name) {
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder()
                                .setElemType(TensorProto.DataType.FLOAT.getNumber())
                                .setShape(TensorShapeProto.newBuilder()
                                        .addDim(TensorShapeProto.Dimension.newBuilder()
                                                .setDimValue(2)))))
                .build();
    }

    /** One node, {@code y} from {@code x}, two numbers. */
    private static Path model(Path file, String op) throws IOException {
        GraphProto graph = GraphProto.newBuilder()
                .addInput(value("x"))
                .addOutput(value("y"))
                .addNode(NodeProto.newBuilder()
                        .setName("the node")
                        .setOpType(op)
                        .addInput("x")
                        .addOutput("y"))
                .build();
        Files.createDirectories(file.getParent());
        return Files.write(
                file,
                ModelProto.newBuilder()
                        .setIrVersion(8)
                        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(13))
                        .setGraph(graph)
                        .build()
                        .toByteArray());
    }

    private static void tensor(Path file, float... values) throws IOException {
        TensorProto.Builder tensor = TensorProto.newBuilder()
                .setDataType(TensorProto.DataType.FLOAT.getNumber())
                .addDims(values.length);
        for (float value : values) {
            tensor.addFloatData(value);
        }
        Files.createDirectories(file.getParent());
        Files.write(file, tensor.build().toByteArray());
    }

    private static JsonNode json(Path file) throws IOException {
        return new ObjectMapper().readTree(file.toFile());
    }

    @Test
    void inspectListsWhatIsInAFile() throws IOException {
        Path json = dir.resolve("inspect.json");

        CommandRun run = CommandRun.of("onnx", "inspect", IMAGE, "--json", json);

        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.out()).contains("opset 14", "images: FLOAT [batch, 3, 16, 16]", "image_features", "MatMul");
        assertThat(json(json).toString()).contains("\"opset\":14", "\"MatMul\"", "image.onnx");
    }

    @Test
    void operationsThatCannotBeImportedAreAFailure() throws IOException {
        Path file = model(dir.resolve("m.onnx"), "GridSample");

        CommandRun inspected = CommandRun.of("onnx", "inspect", file);
        CommandRun verified = CommandRun.of("onnx", "verify", file);

        assertThat(inspected.exitCode()).isEqualTo(1);
        assertThat(inspected.out()).containsPattern("GridSample +1 +NO");
        assertThat(verified.exitCode()).isEqualTo(1);
        assertThat(verified.err())
                .contains("m.onnx", "the node", "GridSample", "opset 13", "MatMul")
                .doesNotContain("\tat ");
    }

    @Test
    void filesThatAreNoModelsAreOneLine() throws IOException {
        Path damaged = Files.write(dir.resolve("cut.onnx"), new byte[] {8, 8, 58, 127, 1});
        byte[] whole = Files.readAllBytes(IMAGE);
        Path cut = Files.write(dir.resolve("half.onnx"), java.util.Arrays.copyOf(whole, whole.length / 2));

        for (String command : new String[] {"inspect", "verify"}) {
            for (Path file : new Path[] {damaged, cut, dir.resolve("none.onnx"), dir}) {
                CommandRun run = CommandRun.of("onnx", command, file);

                assertThat(run.exitCode()).as("%s %s", command, file).isEqualTo(1);
                assertThat(run.err().strip())
                        .contains(file.toString())
                        .hasLineCount(1)
                        .doesNotContain("Exception");
            }
        }
    }

    @Test
    void verifyComparesWithOnnxRuntime() throws IOException {
        Path json = dir.resolve("verify.json");

        CommandRun run = CommandRun.of("onnx", "verify", IMAGE, "--dim", "batch=3", "--inputs", "7", "--json", json);
        CommandRun strict = CommandRun.of("onnx", "verify", IMAGE, "--tolerance", "0");

        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.out()).contains(": as ONNX Runtime computes it", "image_features", "[3, 20]");
        assertThat(json(json).toString()).contains("\"worstError\"", "\"seed\":7", "\"batch\":3");
        assertThat(strict.exitCode()).isEqualTo(1);
        assertThat(strict.out()).contains("NOT as ONNX Runtime computes it");
    }

    @Test
    void wrongUsageIsToldApart() {
        for (Object[] line : new Object[][] {
            {"onnx", "inspect"},
            {"onnx", "verify"},
            {"onnx", "verify", IMAGE, "--dim", "batch=0"},
            {"onnx", "verify", IMAGE, "--dim", "batch=many"},
            {"onnx", "verify", IMAGE, "--tolerance", "small"},
            {"onnx", "conformance", "--dir", "."}
        }) {
            assertThat(CommandRun.of(line).exitCode())
                    .as(java.util.Arrays.toString(line))
                    .isEqualTo(2);
        }
    }

    @Test
    void conformanceCountsCases() throws IOException {
        model(dir.resolve("cases/test_relu/model.onnx"), "Relu");
        tensor(dir.resolve("cases/test_relu/test_data_set_0/input_0.pb"), -1, 2);
        tensor(dir.resolve("cases/test_relu/test_data_set_0/output_0.pb"), 0, 2);
        model(dir.resolve("cases/test_wrong/model.onnx"), "Neg");
        tensor(dir.resolve("cases/test_wrong/test_data_set_0/input_0.pb"), -1, 2);
        tensor(dir.resolve("cases/test_wrong/test_data_set_0/output_0.pb"), 1, 2);
        Path page = dir.resolve("page.md");

        CommandRun run = CommandRun.of("onnx", "conformance", "--data", dir.resolve("cases"), "--out", page);
        CommandRun none = CommandRun.of("onnx", "conformance", "--data", dir.resolve("cases/test_relu"));

        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.out())
                .containsPattern("all +1 +1 +0")
                .contains("wrong: test_wrong: y is off by 4.0; ONNX Runtime computes what is computed here");
        assertThat(page).content().startsWith("# ONNX conformance").contains("| Relu | 1 |  |  |");
        assertThat(none.exitCode()).isEqualTo(1);
        assertThat(none.err()).contains("test_relu", "model.onnx").doesNotContain("\tat ");
    }
}
