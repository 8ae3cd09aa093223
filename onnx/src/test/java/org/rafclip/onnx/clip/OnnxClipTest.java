package org.rafclip.onnx.clip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.Progress;
import org.rafclip.io.Safetensors;
import org.rafclip.nn.Scope;
import org.rafclip.onnx.check.Difference;
import org.rafclip.ops.Graph;
import org.rafclip.ops.kernel.Kernels.Activation;

/** Small exports in the styles of several exporters become the model that PyTorch had, whatever their tensors are called. */
class OnnxClipTest {

    private static final Path EXPORTS = Path.of("src/test/resources/org/rafclip/onnx/exports");

    @ParameterizedTest
    @ValueSource(
            strings = {
                "openclip-11-unfolded",
                "openclip-14",
                "openclip-17-joint",
                "openai-17-unfolded",
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
        assertThat(clip.proof().rows()).hasSize(one ? 3 : 4);
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

    private static void assertComputesWhatPyTorchDoes(DualEncoder encoder, Path file) throws Exception {
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
            outputs.forEach((theirs, ours) -> assertThat(Difference.of(computed.get(ours), golden.get(theirs), 0)
                            .worst())
                    .as(theirs)
                    .isLessThan(1e-5));
        }
    }
}
