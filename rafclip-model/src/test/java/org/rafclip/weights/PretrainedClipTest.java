package org.rafclip.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
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

/** Published weights against PyTorch: files of {@code src/test/python/write_pretrained.py}. */
class PretrainedClipTest {

    @TempDir
    Path dir;

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    @ParameterizedTest
    @CsvSource({
        "openclip, open_clip_pytorch_model.safetensors, GELU",
        "openclip-custom-text-bf16, open_clip_pytorch_model.safetensors, QUICK_GELU",
        "hf, model.safetensors, QUICK_GELU",
        "hf-sharded-fp16, model.safetensors.index.json, GELU",
        "hf-checkpoint, pytorch_model.bin, GELU",
        "openai, ViT-Tiny.pt, QUICK_GELU"
    })
    void featuresAndTokensAreThoseOfPyTorch(String name, String file, Activation activation) throws IOException {
        Path folder = resource(name);
        try (ClipModel model = load(folder.resolve(file))) {
            FeatureCheck check = FeatureCheck.against(folder.resolve("golden.safetensors"), model);

            assertThat(check.rows())
                    .extracting(FeatureCheck.Row::output)
                    .containsExactly("image_features", "image_tokens", "text_features", "text_tokens");
            assertThat(check.rows()).allSatisfy(row -> {
                assertThat(row.worst()).as(row.output()).isLessThan(1e-5);
                assertThat(row.largest()).isGreaterThan(0.5);
            });
            assertThat(model.config().activation()).isEqualTo(activation);
            assertThat(model.config().vision().heads()).isEqualTo(2);
            assertThat(model.config().text().heads()).isEqualTo(3);
            assertThat(model.temperature()).isCloseTo(Math.exp(3.25), within(1e-3));
        }
    }

    @Test
    void whatIsSavedIsTheSameModel() throws IOException {
        Path folder = resource("hf");
        try (ClipModel model = load(folder.resolve("model.safetensors"))) {
            model.save(dir, Map.of());
            try (ClipModel again = ClipModel.load(dir)) {
                assertThat(FeatureCheck.against(folder.resolve("golden.safetensors"), again)
                                .worst())
                        .isLessThan(1e-5);
                List<String> texts = List.of("the photo of the other", "re");
                assertThat(again.encodeTexts(texts)).isEqualTo(model.encodeTexts(texts));
            }
        }
    }

    @Test
    void aTensorThatIsMissingIsNamed() throws IOException {
        Path weights = altered("hf", tensors -> tensors.remove("text_model.encoder.layers.1.self_attn.k_proj.bias"));

        assertThatThrownBy(() -> load(weights))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("1 are missing (text_model.encoder.layers.1.self_attn.k_proj.bias)");
    }

    @ParameterizedTest
    @CsvSource({
        "hf, vision_config, num_hidden_layers, 1000000000",
        "hf, text_config, vocab_size, 2000000000",
        "openclip, model_cfg/text_cfg, layers, 1000000000",
        "openclip, model_cfg/vision_cfg, image_size, 400000"
    })
    void aDescriptionThatIsFarFromTheWeightsIsRefusedBeforeItIsBuilt(String model, String object, String key, int value)
            throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        Path weights = copy(model);
        Path config = dir.resolve(model.equals("hf") ? "config.json" : "open_clip_config.json");
        ObjectNode json = (ObjectNode) mapper.readTree(config.toFile());
        ((ObjectNode) json.at("/" + object)).put(key, value);
        mapper.writeValue(config.toFile(), json);

        assertTimeoutPreemptively(
                Duration.ofSeconds(20),
                () -> assertThatThrownBy(() -> load(weights))
                        .isInstanceOf(DataException.class)
                        .hasMessageContaining(config.getFileName().toString())
                        .hasMessageContaining("describes another model than its weights are"));
    }

    @ParameterizedTest
    @CsvSource({
        "hf, vision_model|visual_projection, text, image, CLIPTextModel",
        "hf, text_model|text_projection, image, text, CLIPVisionModel",
        "openclip, visual, text, image, CLIPTextModel"
    })
    void oneTowerAloneIsCalledThat(String model, String removed, String kept, String lacking, String notThis)
            throws IOException {
        Path weights =
                altered(model, tensors -> tensors.keySet().removeIf(name -> name.matches("(" + removed + ").*")));

        assertThatThrownBy(() -> load(weights))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("it holds the " + kept + " tower of a CLIP alone, without its " + lacking)
                .hasMessageContaining(notThis);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "version https://git-lfs.github.com/spec/v1~oid sha256:0~size 605157884~ | is a Git LFS pointer to a file of"
                        + " 605,157,884 bytes",
                "PK\u0003\u0004archive/data.pkl          | not a sound PyTorch file: its directory is missing or wrong",
                "\u0080\u0002}.0123456789           | its pickle holds objects of another program than PyTorch",
                "<!DOCTYPE html><html>Sign in</html>       | is a web page"
            })
    void whatIsGivenForWeightsIsCalledWhatItIs(String content, String what) throws IOException {
        Path file =
                Files.writeString(dir.resolve("model.bin"), content.replace('~', '\n'), StandardCharsets.ISO_8859_1);

        assertThatThrownBy(() -> load(file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("model.bin: " + what);
        assertThatThrownBy(() -> load(dir))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("model.bin: " + what);
    }

    @Test
    void aTensorWithoutAPlaceIsNamed() throws IOException {
        Path weights =
                altered("openclip", tensors -> tensors.put("visual.transformer.resblocks.0.ls_1.gamma", Nd4j.ones(16)));

        assertThatThrownBy(() -> load(weights))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("1 have no place in it (visual.transformer.resblocks.0.ls_1.gamma)");
    }

    @Test
    void aTensorOfAnotherShapeIsNamedWithBothShapes() throws IOException {
        Path weights = altered("openclip", tensors -> tensors.put("visual.positional_embedding", Nd4j.ones(10, 16)));

        assertThatThrownBy(() -> load(weights))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("'visual.positional_embedding' has the shape [10, 16]")
                .hasMessageContaining("[17, 16]");
    }

    @Test
    void weightsThatAreNotFiniteAreRefused() throws IOException {
        Path weights =
                altered("hf", tensors -> tensors.get("text_projection.weight").putScalar(0, Float.NaN));

        assertThatThrownBy(() -> load(weights))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("text_projection.weight")
                .hasMessageContaining("not finite");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "hf; vision_config; hidden_act; \"gelu\"; text_config.hidden_act",
                "hf; text_config; layer_norm_eps; 0.000001; text_config.layer_norm_eps",
                "hf; vision_config; num_attention_heads; 3; multiple of heads",
                "hf; vision_config; hidden_size; \"wide\"; vision_config.hidden_size",
                "hf; ; model_type; \"blip\"; model_type",
                "openclip; model_cfg/vision_cfg; ls_init_value; 0.1; vision_cfg.ls_init_value",
                "openclip; model_cfg/vision_cfg; timm_model_name; \"vit_base\"; vision_cfg.timm_model_name",
                "openclip; model_cfg/vision_cfg; layers; [3, 0, 6, 3]; vision_cfg.layers",
                "openclip; model_cfg/text_cfg; hf_model_name; \"roberta\"; text_cfg.hf_model_name",
                "openclip; model_cfg/vision_cfg; attentional_pool; true; vision_cfg.attentional_pool"
            })
    void anArchitectureThatWeDoNotHaveIsNamedByItsKey(
            String model, String object, String key, String value, String named) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        Path weights = copy(model);
        Path config = dir.resolve(model.equals("hf") ? "config.json" : "open_clip_config.json");
        ObjectNode json = (ObjectNode) mapper.readTree(config.toFile());
        ((ObjectNode) (object == null ? json : json.at("/" + object))).set(key, mapper.readTree(value));
        mapper.writeValue(config.toFile(), json);

        assertThatThrownBy(() -> load(weights))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(config.getFileName().toString())
                .hasMessageContaining(named);
    }

    @Test
    void oldDescriptionsOverrideWithAllTheirDefaults() throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        Path weights = copy("hf");
        Path config = dir.resolve("config.json");
        ObjectNode json = (ObjectNode) mapper.readTree(config.toFile());
        ObjectNode text = ((ObjectNode) json.get("text_config")).deepCopy();
        text.remove("hidden_act");
        json.set("text_config_dict", text);
        ((ObjectNode) json.get("text_config")).put("hidden_act", "gelu");
        mapper.writeValue(config.toFile(), json);

        try (ClipModel model = load(weights)) {
            assertThat(model.config().activation()).isEqualTo(Activation.QUICK_GELU);
        }
    }

    @Test
    void openAisShapesAreItsDescription() throws IOException {
        ClipConfig config = new ClipConfig(
                24,
                Activation.QUICK_GELU,
                Math.log(1 / 0.07),
                ClipConfig.Vision.ofClip(24, 8, 128, 2, 2, 4),
                ClipConfig.Text.ofClip(10, 520, 64, 1, 1, 4));
        Map<String, INDArray> tensors = new LinkedHashMap<>(new DualEncoder(config, DataType.FLOAT, 1).parameters());
        tensors.put("input_resolution", Nd4j.createFromArray(24));
        tensors.put("context_length", Nd4j.createFromArray(10));
        tensors.put("vocab_size", Nd4j.createFromArray(520));
        Path weights = dir.resolve("ViT.safetensors");
        Safetensors.write(weights, tensors, Map.of());
        Files.copy(resource("hf").resolve("merges.txt"), dir.resolve("merges.txt"));

        try (ClipModel model = load(dir)) {
            assertThat(model.config()).isEqualTo(config);
            assertThat(model.encoder().parameters().get("visual.proj")).isEqualTo(tensors.get("visual.proj"));
        }
    }

    @Test
    void aMissingDescriptionIsOneErrorWithTheRemedy() throws IOException {
        Path weights = copy("openclip");
        Files.delete(dir.resolve("open_clip_config.json"));

        assertThatThrownBy(() -> load(weights))
                .isInstanceOf(NoSuchFileException.class)
                .hasMessageContaining("--config");
    }

    @Test
    void aModelFolderNeedsNoImport() throws IOException {
        try (ClipModel model = load(resource("siglip-hf"))) {
            model.save(dir, Map.of());
        }

        assertThatThrownBy(() -> load(dir))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("model.safetensors: it lies in a model folder already", "--model");
    }

    @Test
    void aTokenizerThatEndsTextsElsewhereIsRefused() throws IOException {
        Path weights = copy("hf");
        Files.writeString(dir.resolve("merges.txt"), "#version: 0.2\nh e\n");

        try (ClipModel smaller = load(weights)) {
            assertThat(smaller.tokenizer().vocabSize()).isEqualTo(515);
        }
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json =
                (ObjectNode) mapper.readTree(dir.resolve("config.json").toFile());
        ((ObjectNode) json.get("text_config")).put("eos_token_id", 519);
        mapper.writeValue(dir.resolve("config.json").toFile(), json);
        assertThatThrownBy(() -> load(weights))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("ends a text with token 514, the model reads it at token 519");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../outside.safetensors", "/etc/passwd", ""})
    void anIndexThatPointsElsewhereIsNotFollowed(String target) throws IOException {
        Path index = dir.resolve("model.safetensors.index.json");
        Files.writeString(index, "{\"weight_map\": {\"logit_scale\": \"" + target + "\"}}");

        assertThatThrownBy(() -> load(index))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("not a file beside the index");
    }

    @Test
    void shardsAndIndexHaveToAgree() throws IOException {
        try (Stream<Path> files = Files.list(resource("hf-sharded-fp16"))) {
            for (Path file : files.toList()) {
                Files.copy(file, dir.resolve(file.getFileName()));
            }
        }
        Path index = dir.resolve("model.safetensors.index.json");
        String text = Files.readString(index);
        Files.writeString(
                index,
                text.replaceFirst(
                        "\"logit_scale\": \"model-0000.-of",
                        "\"logit_scale\": \"model-0000" + (text.contains("\"logit_scale\": \"model-00001") ? 2 : 1)
                                + "-of"));

        assertThatThrownBy(() -> load(index))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("tensor 'logit_scale' is not in model-0000");
    }

    @Test
    void otherTensorsAreNotTakenForAClip() throws IOException {
        Path file = dir.resolve("other.safetensors");
        Safetensors.write(file, Map.of("bert.embeddings", Nd4j.ones(2)), Map.of());

        assertThatThrownBy(() -> load(file)).isInstanceOf(DataException.class).hasMessageContaining("bert.embeddings");
    }

    private static ClipModel load(Path weights) throws IOException {
        return PretrainedClip.load(PretrainedClip.Origin.of(weights), (done, total) -> {})
                .model();
    }

    private static Path resource(String name) {
        try {
            return Path.of(PretrainedClipTest.class.getResource(name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A copy of a model's files in the test's folder; the weights. */
    private Path copy(String name) throws IOException {
        try (Stream<Path> files = Files.list(resource(name))) {
            for (Path file : files.toList()) {
                Files.copy(file, dir.resolve(file.getFileName()));
            }
        }
        return dir.resolve(name.equals("hf") ? "model.safetensors" : "open_clip_pytorch_model.safetensors");
    }

    private Path altered(String name, Consumer<Map<String, INDArray>> change) throws IOException {
        Path weights = copy(name);
        Map<String, INDArray> tensors = new LinkedHashMap<>(Safetensors.readAll(weights));
        change.accept(tensors);
        Safetensors.write(weights, tensors, Map.of());
        return weights;
    }
}
