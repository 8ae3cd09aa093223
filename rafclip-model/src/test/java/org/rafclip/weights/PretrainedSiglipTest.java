package org.rafclip.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Kernels.Activation;

/** SigLIP's published forms against their original code: files of {@code src/test/python/write_siglip.py}. */
class PretrainedSiglipTest {

    private static final String[] ALL = {"image_features", "image_tokens", "text_features", "text_tokens"};
    private static final String[] WITHOUT_TEXT_TOKENS = {"image_features", "image_tokens", "text_features"};

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
        PublishedModel published = PublishedModel.of(name);
        String[] outputs = name.endsWith("hf") ? ALL : WITHOUT_TEXT_TOKENS;
        try (ClipModel model = published.load(PublishedModel.of(words))) {
            published.requireFeatures(model, outputs);
            assertThat(model.config().activation()).isEqualTo(image);
            assertThat(model.config().textActivation()).isEqualTo(text);
            assertThat(model.temperature()).isCloseTo(Math.exp(4.5), within(1e-3));
            assertThat(model.encoder().parameters().get(DualEncoder.LOGIT_BIAS).getDouble(0))
                    .isEqualTo(-12.5);
            assertThat(published.requireTokens(model).pad().endPositions()).containsOnly(15);

            model.save(dir, Map.of());
            try (ClipModel again = ClipModel.load(dir)) {
                assertThat(again.config()).isEqualTo(model.config());
                published.requireTokens(again);
                published.requireFeatures(again, outputs);
            }
        }
    }

    @Test
    void aTextIsTheSameAloneAndAmongOthers() throws IOException {
        try (ClipModel model = PublishedModel.of("siglip-hf").load()) {
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
        PublishedModel changed = copy("siglip-hf").changed("", "model_type", "\"siglip2\"");

        assertThatThrownBy(changed::load)
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
        PublishedModel changed = copy(name).changed(object, key, value);

        assertThatThrownBy(() -> changed.load(PublishedModel.of("siglip-hf")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(named);
    }

    @ParameterizedTest
    @CsvSource({
        "siglip-hf, vision_model.head.probe",
        "siglip-hf, logit_bias",
        "siglip-openclip, visual.trunk.attn_pool.kv.weight",
        "siglip-openclip, text.text_projection.bias"
    })
    void aTensorThatIsMissingOrOfAnotherShapeIsNamed(String name, String tensor) throws IOException {
        copy(name).requireNamed(tensor, PublishedModel.of("siglip-hf"));
    }

    @Test
    void sentencePiecesAloneAreNotRead() throws IOException {
        PublishedModel copy = copy("siglip-hf");
        Files.move(dir.resolve("tokenizer.json"), dir.resolve("spiece.model"));

        assertThatThrownBy(copy::load)
                .isInstanceOf(DataException.class)
                .hasMessageContaining("spiece.model")
                .hasMessageContaining("tokenizer.json");
    }

    @Test
    void theBuiltInShapeIsThatOfThePublishedDescription() throws IOException {
        JsonNode json =
                new ObjectMapper().readTree("{\"model_type\": \"siglip\", \"text_config\": {}, \"vision_config\": {}}");

        assertThat(Dialect.HUGGING_FACE.config(json, "config.json")).isEqualTo(ClipConfig.named("siglip-b-16"));
    }

    private PublishedModel copy(String name) throws IOException {
        return PublishedModel.of(name).copiedTo(dir);
    }
}
