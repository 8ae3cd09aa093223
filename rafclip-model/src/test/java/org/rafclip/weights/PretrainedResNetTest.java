package org.rafclip.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.io.Safetensors;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.photos.ModelPreparation;

/** ModifiedResNet against OpenAI's code: files of {@code src/test/python/write_resnet.py}. */
class PretrainedResNetTest {

    private static final String WEIGHTS = "open_clip_model.safetensors";

    @TempDir
    Path dir;

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    @Test
    void featuresAreThoseOfTheOriginal() throws IOException {
        Path golden = resource().resolve("golden.safetensors");
        try (ClipModel model = load(resource())) {
            FeatureCheck check = FeatureCheck.against(golden, model);

            assertThat(check.rows())
                    .extracting(FeatureCheck.Row::output)
                    .containsExactlyInAnyOrder("image_features", "image_tokens", "text_features");
            assertThat(check.rows()).allSatisfy(row -> {
                assertThat(row.worst()).as(row.output()).isLessThan(1e-5);
                assertThat(row.largest()).isGreaterThan(0.5);
            });
            assertThat(model.config().vision()).isEqualTo(ClipConfig.Vision.residual(64, 4, 4, List.of(2, 1, 1, 1)));
            assertThat(model.config().vision().tokens()).isEqualTo(5);

            model.save(dir, Map.of());
            try (ClipModel again = ClipModel.load(dir)) {
                assertThat(again.config()).isEqualTo(model.config());
                assertThat(FeatureCheck.against(golden, again).worst()).isLessThan(1e-5);
            }
        }
    }

    /** γ (w x − μ) / √(σ² + ε) + β. */
    @Test
    void aNormIsTakenUpByTheConvolutionBeforeIt() {
        INDArray kernel = Nd4j.createFromArray(2f, -3f).reshape(2, 1, 1, 1);
        INDArray scale = Nd4j.createFromArray(0.5f, 4f);
        INDArray shift = Nd4j.createFromArray(1f, -1f);
        INDArray mean = Nd4j.createFromArray(3f, 0.25f);
        INDArray variance = Nd4j.createFromArray(4f, 0.01f);
        double x = 1.75;

        INDArray bias = FoldedNorm.bias(shift, scale, mean, variance);
        INDArray weight = FoldedNorm.weight(kernel, scale, variance);

        assertThat(weight.getDouble(0) * x + bias.getDouble(0))
                .isCloseTo(0.5 * (2 * x - 3) / Math.sqrt(4 + 1e-5) + 1, within(1e-6));
        assertThat(weight.getDouble(1) * x + bias.getDouble(1))
                .isCloseTo(4 * (-3 * x - 0.25) / Math.sqrt(0.01f + 1e-5) - 1, within(1e-5));
    }

    @Test
    void openAisShapesAreItsDescription() throws IOException {
        ClipConfig config = new ClipConfig(
                24,
                Activation.QUICK_GELU,
                Math.log(1 / 0.07),
                ClipConfig.Vision.residual(96, 4, 2, List.of(1, 2, 1, 1)),
                ClipConfig.Text.ofClip(10, 520, 64, 1, 1, 4));
        DualEncoder encoder = new DualEncoder(config, DataType.FLOAT, 1);
        Map<String, INDArray> tensors =
                new LinkedHashMap<>(Dialect.OPEN_CLIP_RESNET.tensors(config, encoder.parameters()));
        tensors.put("input_resolution", Nd4j.createFromArray(96));
        tensors.put("context_length", Nd4j.createFromArray(10));
        tensors.put("vocab_size", Nd4j.createFromArray(520));
        Safetensors.write(dir.resolve("RN.safetensors"), tensors, Map.of());
        Files.copy(resource().resolve("merges.txt"), dir.resolve("merges.txt"));

        try (ClipModel model = load(dir)) {
            assertThat(model.config()).isEqualTo(config);
            model.encoder()
                    .parameters()
                    .forEach((name, array) -> assertThat(array)
                            .as(name)
                            .isEqualTo(encoder.parameters().get(name)));
        }
    }

    @Test
    void anExportForOpenClipHasItsTensorsAndTheSameFeatures() throws IOException {
        Path out = Files.createDirectory(dir.resolve("out"));
        try (ClipModel model = load(resource())) {
            PublishedForm.OPEN_CLIP.write(out, model, ModelPreparation.ofClip(64), (done, total) -> {});
        }
        Map<String, INDArray> original = Safetensors.readAll(resource().resolve(WEIGHTS));
        original.keySet().removeIf(name -> name.endsWith("num_batches_tracked") || name.equals("attn_mask"));
        Map<String, INDArray> written = Safetensors.readAll(out.resolve(WEIGHTS));

        assertThat(written.keySet()).containsExactlyInAnyOrderElementsOf(original.keySet());
        original.forEach(
                (name, array) -> assertThat(written.get(name).shape()).as(name).isEqualTo(array.shape()));
        try (ClipModel again = load(out)) {
            assertThat(FeatureCheck.against(resource().resolve("golden.safetensors"), again)
                            .worst())
                    .isLessThan(1e-5);
        }
    }

    @Test
    void transformersHaveNoSuchTower() throws IOException {
        try (ClipModel model = load(resource())) {
            assertThatThrownBy(() -> PublishedForm.HUGGING_FACE.write(
                            dir, model, ModelPreparation.ofClip(64), (done, total) -> {}))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("vision.stages: [2, 1, 1, 1], a ModifiedResNet")
                    .hasMessageContaining("--format openclip");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "layers; [2, 1, 1]; stages must be 4 numbers of blocks",
                "layers; [2, 1, 0, 1]; a ModifiedResNet has blocks in each stage",
                "layers; [2, 1, 1, 1000000000]; describes another model than its weights are",
                "layers; [2, 1, 1, 2]; 15 are missing",
                "width; 10000000; describes another model than its weights are",
                "width; 5; width even",
                "image_size; 96; tensor 'visual.attnpool.positional_embedding' has the shape [5, 128]",
                "image_size; 70; must be a multiple of patch-size 32",
                "head_width; 25; vision_cfg.head_width is 25: the attention at the tower's end is 128 wide",
                "head_width; 200; whose head_width divides 128",
                "timm_model_name; \"resnet50\"; timm_model_name"
            })
    void anotherDescriptionIsRefusedByItsKey(String key, String value, String message) throws IOException {
        Path config = copy().resolve("open_clip_config.json");
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json = (ObjectNode) mapper.readTree(config.toFile());
        ((ObjectNode) json.at("/model_cfg/vision_cfg")).set(key, mapper.readTree(value));
        mapper.writeValue(config.toFile(), json);

        assertThatThrownBy(() -> load(dir)).isInstanceOf(DataException.class).hasMessageContaining(message);
    }

    @Test
    void aNormWithoutItsStatisticsIsMissed() throws IOException {
        Map<String, INDArray> tensors = new LinkedHashMap<>(Safetensors.readAll(copy().resolve(WEIGHTS)));
        tensors.remove("visual.layer2.0.downsample.1.running_var");
        Safetensors.write(dir.resolve(WEIGHTS), tensors, Map.of());

        assertThatThrownBy(() -> load(dir))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("visual.layer2.0.downsample");
    }

    @Test
    void aNormOfNegativeVarianceIsDamaged() throws IOException {
        Map<String, INDArray> tensors = new LinkedHashMap<>(Safetensors.readAll(copy().resolve(WEIGHTS)));
        tensors.get("visual.layer2.0.downsample.1.running_var").putScalar(0, -1);
        Safetensors.write(dir.resolve(WEIGHTS), tensors, Map.of());

        assertThatThrownBy(() -> load(dir))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("visual.layer2.0.downsample.1.running_var")
                .hasMessageContaining("together make numbers that are not finite");
    }

    private Path copy() throws IOException {
        for (String file : List.of(WEIGHTS, "open_clip_config.json", "merges.txt")) {
            Files.copy(resource().resolve(file), dir.resolve(file));
        }
        return dir;
    }

    private static ClipModel load(Path folder) throws IOException {
        return PretrainedClip.load(PretrainedClip.Origin.of(folder), (done, total) -> {})
                .model();
    }

    private static Path resource() {
        try {
            return Path.of(PretrainedResNetTest.class
                            .getResource("resnet-openclip/" + WEIGHTS)
                            .toURI())
                    .getParent();
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
