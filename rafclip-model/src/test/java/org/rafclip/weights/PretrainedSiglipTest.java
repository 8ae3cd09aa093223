package org.rafclip.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.io.Safetensors;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.Encoded;

/** SigLIP's published forms against their original code: files of {@code src/test/python/write_siglip.py}. */
class PretrainedSiglipTest {

    @TempDir
    Path dir;

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    @ParameterizedTest
    @CsvSource({
        "siglip-hf, siglip-hf, GELU_TANH, GELU_TANH",
        "siglip2-hf, siglip2-hf, GELU_TANH, GELU_TANH",
        "siglip-openclip, siglip-hf, GELU, GELU",
        "siglip2-openclip, siglip2-hf, GELU_TANH, GELU_TANH"
    })
    void featuresTokensAndTextsAreThoseOfTheOriginal(String name, String words, Activation image, Activation text)
            throws IOException {
        Path folder = resource(name);
        try (ClipModel model = load(folder, resource(words))) {
            FeatureCheck check = FeatureCheck.against(folder.resolve("golden.safetensors"), model);

            assertThat(check.rows())
                    .extracting(FeatureCheck.Row::output)
                    .contains("image_features", "image_tokens", "text_features");
            assertThat(check.rows()).allSatisfy(row -> {
                assertThat(row.worst()).as(row.output()).isLessThan(1e-5);
                assertThat(row.largest()).isGreaterThan(0.5);
            });
            assertThat(model.config().activation()).isEqualTo(image);
            assertThat(model.config().textActivation()).isEqualTo(text);
            assertThat(model.temperature()).isCloseTo(Math.exp(4.5), within(1e-3));
            assertThat(model.encoder().parameters().get(DualEncoder.LOGIT_BIAS).getDouble(0))
                    .isEqualTo(-12.5);
            requireTokens(model, folder);

            model.save(dir, Map.of());
            try (ClipModel again = ClipModel.load(dir)) {
                assertThat(again.config()).isEqualTo(model.config());
                requireTokens(again, folder);
                assertThat(FeatureCheck.against(folder.resolve("golden.safetensors"), again)
                                .worst())
                        .isLessThan(1e-5);
            }
        }
    }

    private static void requireTokens(ClipModel model, Path folder) throws IOException {
        JsonNode golden =
                new ObjectMapper().readTree(folder.resolve("tokens.json").toFile());
        List<String> texts = new ArrayList<>();
        golden.get("texts").forEach(text -> texts.add(text.asText()));
        Encoded encoded = model.tokenizer().encode(texts);
        for (int i = 0; i < texts.size(); i++) {
            List<Integer> expected = new ArrayList<>();
            golden.get("tokens").get(i).forEach(token -> expected.add(token.asInt()));
            assertThat(encoded.ids()[i])
                    .as(texts.get(i))
                    .containsExactly(
                            expected.stream().mapToInt(Integer::intValue).toArray());
        }
        assertThat(encoded.cut()).isPositive();
        assertThat(encoded.pad().endPositions()).containsOnly(15);
    }

    @Test
    void aTextIsTheSameAloneAndAmongOthers() throws IOException {
        try (ClipModel model = load(resource("siglip-hf"), resource("siglip-hf"))) {
            INDArray together = model.encodeTexts(List.of("a red dress", "wool", "jeans with holes"));
            for (int i = 0; i < 3; i++) {
                String text = List.of("a red dress", "wool", "jeans with holes").get(i);
                assertThat(together.getRow(i)
                                .distance2(model.encodeTexts(List.of(text)).getRow(0)))
                        .isLessThan(1e-6);
            }
        }
    }

    @Test
    void naFlexIsRefusedByName() throws IOException {
        Path folder = changed("siglip-hf", "", "model_type", "\"siglip2\"");

        assertThatThrownBy(() -> load(folder, folder))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("config.json: model_type is \"siglip2\"")
                .hasMessageContaining("NaFlex");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "siglip-hf; /vision_config; vision_use_head; false; vision_use_head",
                "siglip-hf; /vision_config; hidden_act; \"relu\"; hidden_act",
                "siglip-hf; /text_config; layer_norm_eps; 0.00001; layer_norm_eps",
                "siglip-hf; /text_config; projection_size; 48; must be embed-width 48",
                "siglip-hf; /vision_config; num_hidden_layers; 1000000000; describes another model than its weights are",
                "siglip-openclip; /model_cfg/vision_cfg; timm_pool; \"avg\"; timm_pool",
                "siglip-openclip; /model_cfg/vision_cfg; timm_model_name; \"vit_medium_patch16_gap_240\"; timm_model_name",
                "siglip-openclip; /model_cfg/vision_cfg; timm_model_name; \"naflexvit_base_patch16_siglip\"; timm_model_name",
                "siglip-openclip; /model_cfg/vision_cfg; image_size; 64; image_size",
                "siglip-openclip; /model_cfg/text_cfg; pool_type; \"first\"; pool_type",
                "siglip-openclip; /model_cfg/text_cfg; hf_model_name; \"google/mt5-base\"; hf_model_name",
                "siglip-openclip; /model_cfg/text_cfg; norm_kwargs; {\"bias\": true}; norm_kwargs",
                "siglip-openclip; /model_cfg/text_cfg; tokenizer_kwargs; {\"clean\": \"lower\"}; clean"
            })
    void anArchitectureThatWeDoNotHaveIsNamedByItsKey(
            String name, String object, String key, String value, String named) throws IOException {
        Path folder = changed(name, object, key, value);

        assertThatThrownBy(() -> load(folder, resource("siglip-hf")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(named);
    }

    @ParameterizedTest
    @CsvSource({
        "siglip-hf, vision_model.head.probe, vision_model.head.probe",
        "siglip-hf, logit_bias, logit_bias",
        "siglip-openclip, visual.trunk.attn_pool.kv.weight, visual.trunk.attn_pool.kv.weight",
        "siglip-openclip, text.text_projection.bias, text.text_projection.bias"
    })
    void aTensorThatIsMissingOrOfAnotherShapeIsNamed(String name, String tensor, String named) throws IOException {
        Path folder = copy(name);
        Path weights = weights(folder);
        Map<String, INDArray> tensors = new LinkedHashMap<>(Safetensors.readAll(weights));
        tensors.remove(tensor);
        Safetensors.write(weights, tensors, Map.of());

        assertThatThrownBy(() -> load(folder, resource("siglip-hf")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("1 are missing (" + named + ")");

        tensors.put(tensor, Nd4j.ones(5, 3));
        Safetensors.write(weights, tensors, Map.of());
        assertThatThrownBy(() -> load(folder, resource("siglip-hf")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("'" + named + "' has the shape [5, 3]");
    }

    @Test
    void sentencePiecesAloneAreNotRead() throws IOException {
        Path folder = copy("siglip-hf");
        Files.move(folder.resolve("tokenizer.json"), folder.resolve("spiece.model"));

        assertThatThrownBy(() -> load(folder, folder))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("spiece.model")
                .hasMessageContaining("tokenizer.json");
    }

    @Test
    void theBuiltInShapeIsThatOfThePublishedDescription() throws IOException {
        Path folder = copy("siglip-hf");
        Files.writeString(
                folder.resolve("config.json"),
                "{\"model_type\": \"siglip\", \"text_config\": {}, \"vision_config\": {}}");
        JsonNode json =
                new ObjectMapper().readTree(folder.resolve("config.json").toFile());

        assertThat(Dialect.HUGGING_FACE.config(json, "config.json")).isEqualTo(ClipConfig.named("siglip-b-16"));
    }

    private static ClipModel load(Path folder, Path words) throws IOException {
        return PretrainedClip.load(
                        new PretrainedClip.Origin(weights(folder), null, words, null, null), (done, total) -> {})
                .model();
    }

    private static Path weights(Path folder) {
        Path file = folder.resolve("model.safetensors");
        return Files.exists(file) ? file : folder.resolve("open_clip_model.safetensors");
    }

    private Path changed(String name, String object, String key, String value) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        Path folder = copy(name);
        Path config = folder.resolve(name.endsWith("hf") ? "config.json" : "open_clip_config.json");
        ObjectNode json = (ObjectNode) mapper.readTree(config.toFile());
        ((ObjectNode) (object == null || object.isEmpty() ? json : json.at(object))).set(key, mapper.readTree(value));
        mapper.writeValue(config.toFile(), json);
        return folder;
    }

    private Path copy(String name) throws IOException {
        try (Stream<Path> files = Files.list(resource(name))) {
            for (Path file : files.toList()) {
                Files.copy(file, dir.resolve(file.getFileName()));
            }
        }
        return dir;
    }

    private static Path resource(String name) {
        try {
            return Path.of(PretrainedSiglipTest.class.getResource(name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
