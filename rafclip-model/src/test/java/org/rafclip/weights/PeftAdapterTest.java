package org.rafclip.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.LoraConfig;
import org.rafclip.clip.LoraConfig.Target;
import org.rafclip.data.DataException;
import org.rafclip.io.Safetensors;
import org.rafclip.nn.Lora;
import org.rafclip.ops.JavaOps;

/** Adapters of ours as PEFT's, merged again into the base as transformers has it. */
class PeftAdapterTest {

    static {
        JavaOps.install();
    }

    @TempDir
    private Path dir;

    private static Path published(String name) throws Exception {
        return Path.of(
                PeftAdapterTest.class.getResource(name + "/model.safetensors").toURI());
    }

    private static ClipModel load(Path weights, Path adapter) throws IOException {
        return PretrainedClip.load(new PretrainedClip.Origin(weights, null, null, adapter, null), (done, total) -> {})
                .model();
    }

    /** A checkpoint's folder with adapters of a published model whose factors are all drawn, and a temperature of its own. */
    private Path train(Path weights, LoraConfig lora, String frozen) throws IOException {
        Path base = Files.createDirectory(dir.resolve("base"));
        try (ClipModel model = load(weights, null)) {
            model.save(base, Map.of());
        }
        Path trained = Files.createDirectory(dir.resolve("trained"));
        try (ClipModel model = ClipModel.loadToTrain(base, false, lora.adapters(3, name -> !name.startsWith(frozen)))) {
            Nd4j.getRandom().setSeed(5);
            model.encoder()
                    .adapters()
                    .values()
                    .forEach(array -> array.assign(
                            Nd4j.randn(DataType.FLOAT, array.shape()).mul(0.3)));
            model.encoder().parameters().get("logit_scale").addi(0.25);
            model.saveAdapted(trained, lora, null, Map.of());
        }
        return trained;
    }

    @ParameterizedTest
    @CsvSource({"hf, -, 2", "hf, visual., 1.5", "siglip-hf, -, 4"})
    void mergedIntoThePublishedBaseItIsTheTrainedModel(String name, String frozen, double alpha) throws Exception {
        LoraConfig lora = new LoraConfig(2, alpha, List.of(Target.values()), 0.1);
        Path trained = train(published(name), lora, frozen);
        Path adapter = Files.createDirectory(dir.resolve("adapter"));

        try (ClipModel model = ClipModel.load(trained)) {
            PeftAdapter.write(adapter, model, trained, "a-base");
            try (ClipModel merged = load(published(name), adapter);
                    ClipModel plain = load(published(name), null)) {
                int size = model.config().vision().imageSize();
                INDArray image = Nd4j.linspace(DataType.FLOAT, -1, 2.0 / (3 * size * size), 3L * size * size)
                        .reshape(1, 3, size, size);
                assertThat(furthest(merged.encodeImages(image), model.encodeImages(image)))
                        .isLessThan(1e-6);
                assertThat(furthest(plain.encodeTexts(List.of("a dress")), model.encodeTexts(List.of("a dress"))))
                        .isGreaterThan(1e-3);
                assertThat(furthest(merged.encodeTexts(List.of("a dress")), model.encodeTexts(List.of("a dress"))))
                        .isLessThan(1e-6);
                assertThat(merged.temperature()).isEqualTo(model.temperature());
            }
        }
    }

    private static double furthest(INDArray one, INDArray other) {
        return one.sub(other).amaxNumber().doubleValue();
    }

    /** PEFT looks for a module's factors under the name that the module has below its two wrappers. */
    @Test
    void namesShapesAndSettingsAreThoseOfPeft() throws Exception {
        LoraConfig lora = new LoraConfig(2, null, List.of(Target.K_PROJ, Target.FC1), 0);
        Path trained = train(published("hf"), lora, "-");
        Path adapter = Files.createDirectory(dir.resolve("adapter"));
        try (ClipModel model = ClipModel.load(trained)) {
            PeftAdapter.write(adapter, model, trained, "a-base");
        }

        Map<String, INDArray> tensors = Safetensors.readAll(adapter.resolve("adapter_model.safetensors"));
        String keys = "base_model.model.vision_model.encoder.layers.1.self_attn.k_proj";
        String fc1 = "base_model.model.text_model.encoder.layers.0.mlp.fc1";
        assertThat(tensors.get(keys + ".lora_A.weight").shape()).containsExactly(2, 16);
        assertThat(tensors.get(keys + ".lora_B.weight").shape()).containsExactly(16, 2);
        assertThat(tensors.get(fc1 + ".lora_B.weight").shape()).containsExactly(48, 2);
        assertThat(tensors.keySet())
                .allMatch(
                        name -> name.matches("base_model\\.model\\.(logit_scale|(vision|text)_model\\.encoder\\.layers"
                                + "\\.\\d\\.(self_attn\\.k_proj|mlp\\.fc1)\\.lora_[AB]\\.weight)"));
        assertThat(tensors.get(keys + ".lora_A.weight"))
                .isEqualTo(Safetensors.readAll(trained.resolve("adapter.safetensors"))
                        .get("visual.transformer.resblocks.1.attn.k_proj" + Lora.A));
        JsonNode config = new ObjectMapper()
                .readTree(adapter.resolve("adapter_config.json").toFile());
        assertThat(config.path("peft_type").asText()).isEqualTo("LORA");
        assertThat(config.path("r").asInt()).isEqualTo(2);
        assertThat(config.path("lora_alpha").asInt()).isEqualTo(2);
        assertThat(config.path("base_model_name_or_path").asText()).isEqualTo("a-base");
        assertThat(words(config)).containsExactly("fc1", "k_proj");
    }

    private static List<String> words(JsonNode config) {
        return StreamSupport.stream(config.path("target_modules").spliterator(), false)
                .map(JsonNode::asText)
                .toList();
    }

    /** Words would mean the other tower's layers too, or those of SigLIP's pooling. */
    @Test
    void modulesAreNamedWholeWhereWordsWouldMeanOthers() throws Exception {
        LoraConfig lora = new LoraConfig(1, null, List.of(Target.Q_PROJ), 0);
        Path trained = train(published("hf"), lora, "visual.");
        Path adapter = Files.createDirectory(dir.resolve("adapter"));
        try (ClipModel model = ClipModel.load(trained)) {
            PeftAdapter.write(adapter, model, trained, "");
        }

        JsonNode config = new ObjectMapper()
                .readTree(adapter.resolve("adapter_config.json").toFile());
        assertThat(words(config))
                .isNotEmpty()
                .allMatch(name -> name.matches("text_model\\.encoder\\.layers\\.\\d\\.self_attn\\.q_proj"));
    }

    @Test
    void aModelWithoutAdaptersHasNoneToHandOn() throws Exception {
        Path trained = train(published("hf"), new LoraConfig(1, null, List.of(Target.Q_PROJ), 0), "-");
        try (ClipModel model = ClipModel.load(trained)) {
            assertThatThrownBy(() -> PeftAdapter.write(dir, model, dir.resolve("base"), ""))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("was not trained by adapters (train.lora)");
        }
    }
}
