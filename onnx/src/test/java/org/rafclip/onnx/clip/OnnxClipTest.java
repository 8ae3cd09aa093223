package org.rafclip.onnx.clip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.TensorProto;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.protobuf.ByteString;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.io.Safetensors;
import org.rafclip.nn.Scope;
import org.rafclip.onnx.check.Difference;
import org.rafclip.ops.Graph;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.weights.FeatureCheck;

/** Small exports in the styles of several exporters become the model that PyTorch had, whatever their tensors are called. */
class OnnxClipTest {

    private static final Path EXPORTS = Path.of("src/test/resources/org/rafclip/onnx/exports");

    private static final int DAMAGES = 5;

    @TempDir
    Path dir;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "openclip-11-unfolded",
                "openclip-14",
                "openclip-17-joint",
                "openai-14-forward",
                "openai-17-unfolded",
                "optimum-14",
                "hf-11",
                "hf-14-joint-unfolded",
                "hf-17"
            })
    void everyExportBecomesTheModelThatPyTorchHad(String name) throws Exception {
        Path folder = EXPORTS.resolve(name);
        Path joint = folder.resolve("clip.onnx");
        boolean one = Files.exists(joint);

        OnnxClip clip = OnnxClip.load(
                one ? joint : folder.resolve("image.onnx"),
                one ? joint : folder.resolve("text.onnx"),
                OnnxClip.Options.standard(),
                Progress.NONE);

        ClipConfig config = clip.encoder().config();
        assertThat(config.activation())
                .isEqualTo(name.startsWith("openclip") ? Activation.GELU : Activation.QUICK_GELU);
        assertThat(config.embedWidth()).isEqualTo(20);
        assertThat(config.vision().imageSize()).isEqualTo(16);
        assertThat(config.vision().patchSize()).isEqualTo(4);
        assertThat(config.vision().width()).isEqualTo(16);
        assertThat(config.vision().layers()).isEqualTo(2);
        assertThat(config.vision().heads()).isEqualTo(2);
        assertThat(config.vision().mlpRatio()).isEqualTo(4);
        assertThat(config.text().contextLength()).isEqualTo(10);
        assertThat(config.text().vocabularySize()).isEqualTo(40);
        assertThat(config.text().width()).isEqualTo(12);
        assertThat(config.text().layers()).isEqualTo(2);
        assertThat(config.text().heads()).isEqualTo(3);
        assertThat(config.text().mlpRatio()).isEqualTo(4);
        assertThat(clip.end()).isEmpty();
        assertThat(clip.proof().rows()).hasSize(name.contains("joint") ? 3 : 4);
        assertThat(clip.proof().worst()).isLessThan(1e-5);
        double scale = clip.encoder().parameters().get(DualEncoder.LOGIT_SCALE).getDouble(0);
        if (one) {
            assertThat(scale).isEqualTo(3.25);
            assertThat(clip.notes()).isEmpty();
        } else {
            assertThat(scale).isCloseTo(Math.log(1 / 0.07), within(1e-6));
            assertThat(clip.notes()).singleElement().asString().contains("--logit-scale");
        }
        assertComputesWhatPyTorchDoes(clip.encoder(), folder.resolve("golden.safetensors"));
    }

    /** Heads in reverse with q, k and v side by side, scores scaled by halves, a padding mask, free axes, length 1. */
    @Test
    void anExporterThatNobodyKnowsIsUnderstood() throws Exception {
        Path folder = EXPORTS.resolve("other-16-joint");
        Path file = folder.resolve("clip.onnx");
        OnnxClip.Options options = new OnnxClip.Options(
                Map.of("height", 16L, "width", 16L, "length", 7L), OptionalDouble.empty(), 1e-4, 5);

        OnnxClip clip = OnnxClip.load(file, file, options, Progress.NONE);

        assertThat(clip.encoder().config().text().contextLength())
                .as("the whole table, though 7 of its rows were used")
                .isEqualTo(10);
        assertThat(clip.encoder().config().vision().heads()).isEqualTo(2);
        assertThat(clip.end()).hasValue(39);
        assertThat(clip.proof().rows())
                .extracting(FeatureProof.Row::meaning)
                .containsExactlyInAnyOrder("image features of length 1", "text features of length 1", "logits");
        assertThat(clip.proof().skipped()).singleElement().asString().contains("'image_states' is not compared");
        assertThat(clip.proof().worst()).isLessThan(1e-4);
        assertThat(clip.encoder().parameters().get(DualEncoder.LOGIT_SCALE).getDouble(0))
                .isEqualTo(3.25);
        assertComputesWhatPyTorchDoes(clip.encoder(), folder.resolve("golden.safetensors"));
    }

    @Test
    void openAxesFollowFromTheWeights() throws Exception {
        Path file = EXPORTS.resolve("other-16-joint").resolve("clip.onnx");

        OnnxClip clip = OnnxClip.load(file, file, OnnxClip.Options.standard(), Progress.NONE);

        assertThat(clip.encoder().config().vision().imageSize()).isEqualTo(16);
        assertThat(clip.encoder().config().text().contextLength()).isEqualTo(10);
        assertThat(clip.proof().worst()).isLessThan(1e-4);
    }

    @Test
    void theTemperatureCanBeGiven() throws Exception {
        Path file = EXPORTS.resolve("openclip-17-joint/clip.onnx");
        OnnxClip.Options options = new OnnxClip.Options(Map.of(), OptionalDouble.of(4.5), 1e-4, 1);

        OnnxClip clip = OnnxClip.load(file, file, options, Progress.NONE);

        assertThat(clip.encoder().parameters().get(DualEncoder.LOGIT_SCALE).getDouble(0))
                .isEqualTo(4.5);
    }

    @Test
    void anOpenSizeGivenAgainstTheWeightsIsRefused() {
        Path file = EXPORTS.resolve("other-16-joint/clip.onnx");
        OnnxClip.Options options =
                new OnnxClip.Options(Map.of("height", 224L, "width", 224L), OptionalDouble.empty(), 1e-4, 1);

        assertThatThrownBy(() -> OnnxClip.load(file, file, options, Progress.NONE))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("images FLOAT [2, 3, 224, 224]")
                .hasMessageContaining("--dim NAME=LENGTH");
    }

    @Test
    void aMissingTowerIsNamed() {
        Path image = EXPORTS.resolve("hf-17/image.onnx");

        assertThatThrownBy(() -> OnnxClip.load(image, image, OnnxClip.Options.standard(), Progress.NONE))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("none of its outputs is the projected feature of a text");
    }

    @Test
    void towersOfDifferentModelsAreRefused() {
        assertThatThrownBy(() -> OnnxClip.load(
                        EXPORTS.resolve("hf-17/image.onnx"),
                        EXPORTS.resolve("openclip-14/text.onnx"),
                        OnnxClip.Options.standard(),
                        Progress.NONE))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("QUICK_GELU")
                .hasMessageContaining("two towers of one model");
    }

    @Test
    void anotherActivationIsNamedWithItsNode() throws Exception {
        refuses(
                "hf-17/image.onnx",
                graph -> node(graph, "/vision_model/encoder/layers.0/mlp/activation_fn/Sigmoid")
                        .setOpType("Tanh"),
                "image tower, block 2 from the end, MLP: node '/vision_model/encoder/layers.0/mlp/activation_fn/Mul_1'"
                        + " (Mul) stands where GELU by the error function or QuickGELU was expected",
                "./rafclip model import");
    }

    @Test
    void anotherEpsilonIsNamedWithItsNode() throws Exception {
        refuses(
                "hf-17/text.onnx",
                graph -> node(graph, "/text_model/encoder/layers.1/layer_norm2/LayerNormalization")
                        .getAttributeBuilderList()
                        .forEach(attribute -> {
                            if (attribute.getName().equals("epsilon")) {
                                attribute.setF(1e-6f);
                            }
                        }),
                "text tower, block 1 from the end, MLP",
                "layer_norm2",
                "epsilon 1.0E-5, not 1.0E-6");
    }

    @Test
    void aMaskThatIsNotCausalIsRefused() throws Exception {
        refuses(
                "hf-17/text.onnx",
                graph -> {
                    NodeProto.Builder mask = node(graph, "/text_model/Constant_1");
                    long count = mask.getAttribute(0).getT().getRawData().size();
                    mask.getAttributeBuilder(0).getTBuilder().setRawData(ByteString.copyFrom(new byte[(int) count]));
                },
                "text tower, block 1 from the end, attention",
                "scores with a causal mask");
    }

    @Test
    void anotherTokenThanTheClassTokenIsFoundByItsFeatures() throws Exception {
        refuses(
                "openclip-11-unfolded/image.onnx",
                graph -> {
                    NodeProto last = graph.getNodeList().stream()
                            .filter(node -> node.getOpType().equals("Gather")
                                    && node.getInput(0).contains("Transpose"))
                            .reduce((first, second) -> second)
                            .orElseThrow();
                    node(graph, last.getInput(1).replace("_output_0", ""))
                            .getAttributeBuilder(0)
                            .getTBuilder()
                            .setRawData(ByteString.copyFrom(new byte[] {1, 0, 0, 0, 0, 0, 0, 0}));
                },
                "the rebuilt model does not compute what the file does: worst error",
                "image_features");
    }

    @Test
    void weightsThatAreNotFiniteAreRefused() throws Exception {
        refuses(
                "hf-17/image.onnx",
                graph -> graph.getInitializerBuilderList().stream()
                        .filter(tensor -> tensor.getName().endsWith("class_embedding"))
                        .forEach(tensor -> {
                            ByteBuffer bytes = ByteBuffer.wrap(
                                            tensor.getRawData().toByteArray())
                                    .order(ByteOrder.LITTLE_ENDIAN);
                            bytes.putFloat(0, Float.NaN);
                            tensor.setRawData(ByteString.copyFrom(bytes.array()));
                        }),
                "visual.class_embedding",
                "not finite");
    }

    @Test
    void aLengthForADimensionThatIsNotThereIsRefused() {
        Path file = EXPORTS.resolve("openclip-17-joint/clip.onnx");
        OnnxClip.Options options = new OnnxClip.Options(Map.of("hight", 16L), OptionalDouble.empty(), 1e-4, 1);

        assertThatThrownBy(() -> OnnxClip.load(file, file, options, Progress.NONE))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no input has an open dimension 'hight', open are [images, texts]");
    }

    /** Weights are widened; that ONNX Runtime was not asked, which computes with 16 bits, is said. */
    @Test
    void sixteenBitsANumberAreWidened() throws Exception {
        Path folder = EXPORTS.resolve("hf-17");
        for (String tower : List.of("image.onnx", "text.onnx")) {
            ModelProto.Builder model = ModelProto.parseFrom(Files.readAllBytes(folder.resolve(tower))).toBuilder();
            GraphProto.Builder graph = model.getGraphBuilder();
            graph.getInitializerBuilderList().forEach(OnnxClipTest::halve);
            for (NodeProto.Builder node : graph.getNodeBuilderList()) {
                for (AttributeProto.Builder attribute : node.getAttributeBuilderList()) {
                    if (attribute.hasT()) {
                        halve(attribute.getTBuilder());
                    } else if (attribute.getName().equals("to") && attribute.getI() == 1) {
                        attribute.setI(10);
                    }
                }
            }
            Stream.concat(graph.getInputBuilderList().stream(), graph.getOutputBuilderList().stream())
                    .map(value -> value.getTypeBuilder().getTensorTypeBuilder())
                    .filter(type -> type.getElemType() == 1)
                    .forEach(type -> type.setElemType(10));
            Files.write(dir.resolve(tower), model.build().toByteArray());
        }

        OnnxClip clip = OnnxClip.load(
                dir.resolve("image.onnx"),
                dir.resolve("text.onnx"),
                new OnnxClip.Options(Map.of(), OptionalDouble.empty(), 1e-2, 1),
                Progress.NONE);

        assertThat(clip.proof().rows()).hasSize(4).allMatch(row -> row.fromRuntime() == null);
        assertThat(clip.proof().worst()).as("1.702 is 1.7021 in 16 bits").isLessThan(1e-3);
        assertThat(clip.notes()).filteredOn(note -> note.contains("16 bits")).hasSize(2);
        INDArray exact =
                Safetensors.readAll(folder.resolve("golden.safetensors")).get("image_features");
        assertComputesWhatPyTorchDoes(
                clip.encoder(),
                folder.resolve("golden.safetensors"),
                5e-3 * exact.amaxNumber().doubleValue());
    }

    /** Keeps ten bits of each number's fraction, rounded. */
    private static void halve(TensorProto.Builder tensor) {
        if (tensor.getDataType() != 1) {
            return;
        }
        ByteBuffer wide = ByteBuffer.wrap(tensor.getRawData().toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer half = ByteBuffer.allocate(wide.capacity() / 2).order(ByteOrder.LITTLE_ENDIAN);
        while (wide.hasRemaining()) {
            int bits = wide.getInt() + 0x1000;
            int exponent = (bits >>> 23 & 0xFF) - 112;
            int size = exponent <= 0 ? 0 : exponent >= 31 ? 0x7C00 : exponent << 10 | bits >>> 13 & 0x3FF;
            half.putShort((short) (bits >>> 16 & 0x8000 | size));
        }
        tensor.setDataType(10).setRawData(ByteString.copyFrom(half.array()));
    }

    /** Whatever is wrong with a graph: it is refused in words, or what is made of it computes the same. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void aDamagedGraphIsRefusedOrStillUnderstood(long seed) throws Exception {
        ModelProto whole = ModelProto.parseFrom(Files.readAllBytes(EXPORTS.resolve("other-16-joint/clip.onnx")));
        Random random = new Random(seed);
        Path file = dir.resolve("damaged.onnx");
        OnnxClip.Options options = new OnnxClip.Options(
                Map.of("height", 16L, "width", 16L, "length", 7L), OptionalDouble.empty(), 1e-4, seed);
        int refused = 0;
        for (int round = 0; round < Integer.getInteger("onnx.damages", DAMAGES); round++) {
            ModelProto.Builder model = whole.toBuilder();
            damage(model.getGraphBuilder(), random);
            Files.write(file, model.build().toByteArray());
            try {
                assertThat(OnnxClip.load(file, file, options, Progress.NONE)
                                .proof()
                                .worst())
                        .isLessThan(1e-4);
            } catch (DataException e) {
                refused++;
                assertThat(e).hasMessageContaining("damaged.onnx");
            }
        }
        assertThat(refused).isPositive();
    }

    private static void damage(GraphProto.Builder graph, Random random) {
        NodeProto.Builder node = graph.getNodeBuilder(random.nextInt(graph.getNodeCount()));
        NodeProto other = graph.getNode(random.nextInt(graph.getNodeCount()));
        switch (random.nextInt(5)) {
            case 0 -> node.setOpType(other.getOpType());
            case 1 -> {
                if (node.getInputCount() > 0) {
                    node.setInput(random.nextInt(node.getInputCount()), other.getOutput(0));
                }
            }
            case 2 -> {
                if (node.getInputCount() > 1) {
                    String first = node.getInput(0);
                    node.setInput(0, node.getInput(1)).setInput(1, first);
                }
            }
            case 3 -> node.clearAttribute();
            default -> {
                TensorProto.Builder tensor = graph.getInitializerBuilder(random.nextInt(graph.getInitializerCount()));
                byte[] bytes = tensor.getRawData().toByteArray();
                random.nextBytes(bytes);
                tensor.setRawData(ByteString.copyFrom(bytes));
            }
        }
    }

    /** Breaks one tower of an export and expects an error that says all of this. */
    private void refuses(String export, Consumer<GraphProto.Builder> change, String... said) throws Exception {
        Path whole = EXPORTS.resolve(export);
        ModelProto.Builder model = ModelProto.parseFrom(Files.readAllBytes(whole)).toBuilder();
        change.accept(model.getGraphBuilder());
        Path broken = Files.write(dir.resolve("broken.onnx"), model.build().toByteArray());
        boolean image = export.endsWith("image.onnx");
        Path other = whole.resolveSibling(image ? "text.onnx" : "image.onnx");
        assertThatThrownBy(() -> OnnxClip.load(
                        image ? broken : other, image ? other : broken, OnnxClip.Options.standard(), Progress.NONE))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("broken.onnx")
                .message()
                .contains(said);
    }

    private static NodeProto.Builder node(GraphProto.Builder graph, String name) {
        return graph.getNodeBuilderList().stream()
                .filter(node -> node.getName().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no node " + name));
    }

    private static void assertComputesWhatPyTorchDoes(DualEncoder encoder, Path file) throws Exception {
        assertComputesWhatPyTorchDoes(encoder, file, 1e-5);
    }

    private static void assertComputesWhatPyTorchDoes(DualEncoder encoder, Path file, double tolerance)
            throws Exception {
        Map<String, INDArray> golden = Safetensors.readAll(file);
        Map<String, INDArray> inputs = new LinkedHashMap<>();
        inputs.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, -1));
        inputs.put(DualEncoder.IMAGES, golden.get("images"));
        inputs.put(DualEncoder.TOKENS, golden.get("tokens").castTo(DataType.INT32));
        inputs.put(DualEncoder.TOKEN_ENDS, Nd4j.argMax(golden.get("tokens"), 1).castTo(DataType.INT32));
        Map<String, String> outputs = Map.of(
                "image_features", DualEncoder.IMAGE_FEATURES,
                "image_tokens", DualEncoder.IMAGE_TOKENS,
                "text_features", DualEncoder.TEXT_FEATURES,
                "text_tokens", DualEncoder.TEXT_TOKENS);
        try (Graph graph = new Graph(encoder.graph());
                Graph.Outputs computed = graph.run(inputs, outputs.values().toArray(String[]::new))) {
            outputs.forEach((theirs, ours) -> {
                UnaryOperator<INDArray> part = ours.equals(DualEncoder.TEXT_TOKENS)
                        ? all -> FeatureCheck.ownTokens(all, inputs.get(DualEncoder.TOKEN_ENDS))
                        : UnaryOperator.identity();
                assertThat(Difference.of(part.apply(computed.get(ours)), part.apply(golden.get(theirs)), 0)
                                .worst())
                        .as(theirs)
                        .isLessThan(tolerance);
            });
        }
    }
}
