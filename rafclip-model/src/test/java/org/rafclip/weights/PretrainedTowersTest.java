package org.rafclip.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.Encoded;

/** Further towers of OpenCLIP against its original code: files of {@code src/test/python/write_towers.py}. */
class PretrainedTowersTest {

    private static final String[] OUTPUTS = {"image_features", "image_tokens", "text_features", "text_tokens"};

    @TempDir
    Path dir;

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    @ParameterizedTest
    @CsvSource({
        "clipa-openclip, clipa-openclip, MEAN_BESIDE_CLASS_TOKEN, MATRIX, false, 1e-5",
        "avg-openclip, openclip, MEAN_BESIDE_CLASS_TOKEN, MATRIX, true, 1e-5",
        "timm-token-openclip, openclip, CLASS_TOKEN, LINEAR, false, 1e-5",
        "timm-avg-openclip, openclip, MEAN_BESIDE_CLASS_TOKEN, MATRIX, true, 1e-6",
        "timm-avg-head-openclip, openclip, MEAN_BESIDE_CLASS_TOKEN, LINEAR, false, 1e-6",
        "timm-gap-openclip, openclip, MEAN, LINEAR, true, 1e-6",
        "xlmr-openclip, xlmr-openclip, CLASS_TOKEN, MATRIX, false, 1e-5",
        "xlmr-linear-openclip, xlmr-openclip, CLASS_TOKEN, MATRIX, false, 1e-5",
        "worldwide-openclip, xlmr-openclip, CLASS_TOKEN, MATRIX, false, 1e-5",
        "mobileclip2-openclip, openclip, CLASS_TOKEN, LINEAR, false, 1e-5"
    })
    void featuresAreThoseOfTheOriginal(
            String name, String words, Pool pool, Projection projection, boolean normBeforeMean, double eps)
            throws IOException {
        PublishedModel published = PublishedModel.of(name);
        try (ClipModel model = published.load(PublishedModel.of(words))) {
            published.requireFeatures(model, OUTPUTS);
            assertThat(model.config().vision().pool()).isEqualTo(pool);
            assertThat(model.config().vision().projection()).isEqualTo(projection);
            assertThat(model.config().vision().normBeforeMean()).isEqualTo(normBeforeMean);
            assertThat(model.config().layerNormEps()).isEqualTo(eps);
            assertThat(model.config().textLayerNormEps()).isEqualTo(1e-5);

            model.save(dir, Map.of());
            try (ClipModel again = ClipModel.load(dir)) {
                assertThat(again.config()).isEqualTo(model.config());
                published.requireFeatures(again, OUTPUTS);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"clipa-openclip", "xlmr-openclip"})
    void textsBecomeTheOriginalsTokens(String name) throws IOException {
        PublishedModel published = PublishedModel.of(name);
        try (ClipModel model = published.load()) {
            published.requireTokens(model);
            model.save(dir, Map.of());
        }
        try (ClipModel again = ClipModel.load(dir)) {
            published.requireTokens(again);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"clipa-openclip", "xlmr-openclip"})
    void aTextIsTheSameAloneAndAmongOthers(String name) throws IOException {
        List<String> texts = List.of("a red dress", "wool", "jeans with holes and a belt");
        try (ClipModel model = PublishedModel.of(name).load()) {
            INDArray together = model.encodeTexts(texts);
            for (int i = 0; i < texts.size(); i++) {
                INDArray alone = model.encodeTexts(List.of(texts.get(i))).getRow(0);
                assertThat(together.getRow(i).distance2(alone)).isLessThan(1e-6);
            }
            assertThat(together.getRow(0).distance2(together.getRow(1))).isGreaterThan(0.1);
        }
    }

    @Test
    void theActivationOfTextsIsTheirOwn() throws IOException {
        try (ClipModel model = PublishedModel.of("xlmr-linear-openclip").load(PublishedModel.of("xlmr-openclip"))) {
            assertThat(model.config().activation()).isEqualTo(Activation.QUICK_GELU);
            assertThat(model.config().textActivation()).isEqualTo(Activation.GELU);
            assertThat(model.config().text().projection()).isEqualTo(Projection.MATRIX);
            assertThat(model.config().text().pool()).isEqualTo(TextPool.MEAN);
        }
    }

    @Test
    void whatATextSpellsOfTheFillingIsNotSeen() throws IOException {
        try (ClipModel model = PublishedModel.of("xlmr-openclip").load()) {
            INDArray vectors = model.encodeTexts(List.of("a red<pad> dress", "a red dress", "a red</s> dress"));
            assertThat(vectors.getRow(0).distance2(vectors.getRow(1))).isLessThan(1e-6);
            Encoded encoded = model.tokenizer().encode(List.of("a</s> dress", "a red dress with wool"));
            Encoded.Padded padded = encoded.pad();
            for (int i = 0; i < 2; i++) {
                assertThat(padded.endPositions()[i]).isEqualTo(encoded.ids()[i].length - 1);
                assertThat(padded.ids()[i][padded.endPositions()[i]]).isEqualTo(2);
            }
            assertThat(padded.ids()[0]).endsWith(1);
        }
    }

    @Test
    void textsThatSeeWhatFillsThemAreFilledWithZeros() throws IOException {
        try (ClipModel model = PublishedModel.of("mobileclip2-openclip").load(PublishedModel.of("openclip"))) {
            Encoded encoded = model.tokenizer().encode(List.of("the", "the other the"));
            assertThat(encoded.ids()[0]).hasSize(10).startsWith(518).endsWith(0);
            Encoded.Padded padded = encoded.pad();
            for (int i = 0; i < 2; i++) {
                assertThat(padded.ids()[i][padded.endPositions()[i]]).isEqualTo(519);
            }
            INDArray vectors = model.encodeTexts(List.of("the", "the other the"));
            assertThat(vectors.getRow(0)
                            .distance2(model.encodeTexts(List.of("the")).getRow(0)))
                    .isLessThan(1e-6);
            model.save(dir, Map.of());
            try (ClipModel again = ClipModel.load(dir)) {
                assertThat(again.encodeTexts(List.of("the")).getRow(0).distance2(vectors.getRow(0)))
                        .isLessThan(1e-6);
            }
        }
    }

    @Test
    void theEndThatIsNamedIsTheTokenizers() throws IOException {
        try (ClipModel model = PublishedModel.of("worldwide-openclip").load(PublishedModel.of("xlmr-openclip"))) {
            Encoded.Padded padded = model.tokenizer()
                    .encode(List.of("wool", "a red dress with wool"))
                    .pad();
            for (int i = 0; i < 2; i++) {
                assertThat(padded.ids()[i][padded.endPositions()[i]]).isEqualTo(2);
            }
            assertThat(padded.ids()[0]).endsWith(1);
        }
        PublishedModel changed = copy("worldwide-openclip").changed("/model_cfg/text_cfg", "eos_id", "5");
        assertThatThrownBy(() -> changed.load(PublishedModel.of("xlmr-openclip")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("ends a text with token 2, the model reads it at token 5");
    }

    @Test
    void anotherTokenizerIsRefused() {
        assertThatThrownBy(() -> PublishedModel.of("xlmr-openclip").load(PublishedModel.of("clipa-openclip")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("XLM-RoBERTa");
    }

    @Test
    void withoutTheSeparatorStrippedATextEndsWithIt() throws IOException {
        PublishedModel changed = copy("clipa-openclip").changed("/model_cfg/text_cfg", "tokenizer_kwargs", "{}");
        try (ClipModel model = changed.load()) {
            assertThat(model.tokenizer().endToken()).isEqualTo(3);
            assertThat(model.tokenizer().encode(List.of("")).ids()[0]).startsWith(2, 3, 0);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "clipa-openclip; vision_cfg; pool_type; \"none\"; pool_type",
                "clipa-openclip; vision_cfg; pos_embed_type; \"rope\"; pos_embed_type",
                "clipa-openclip; vision_cfg; attentional_pool; true; attentional_pool",
                "clipa-openclip; vision_cfg; ls_init_value; 0.1; ls_init_value",
                "clipa-openclip; vision_cfg; qk_norm; true; qk_norm",
                "clipa-openclip; vision_cfg; no_ln_pre; false; visual.ln_pre",
                "clipa-openclip; vision_cfg; no_ln_pre; \"yes\"; no_ln_pre is \"yes\": true or false is needed",
                "clipa-openclip; text_cfg; no_causal_mask; 1; no_causal_mask is 1: true or false is needed",
                "clipa-openclip; vision_cfg; layers; 1000000000; describes another model than its weights are",
                "clipa-openclip; text_cfg; pool_type; \"first\"; pool_type",
                "clipa-openclip; text_cfg; embed_cls; true; embed_cls",
                "clipa-openclip; text_cfg; norm_kwargs; {\"eps\": -1}; text.layer-norm-eps",
                "clipa-openclip; text_cfg; tokenizer_kwargs; {\"clean\": \"lower\"}; clean",
                "clipa-openclip; text_cfg; tokenizer_kwargs; {\"language\": \"deu_Latn\"}; language",
                "timm-token-openclip; vision_cfg; timm_model_name; \"vit_base_mci_224\"; vit_base_mci_224",
                "timm-token-openclip; vision_cfg; timm_model_name; \"eva02_base_patch16_clip_224\"; eva02_base_patch16_clip_224",
                "timm-token-openclip; vision_cfg; timm_model_name; \"fastvit_mci2\"; fastvit_mci2",
                "timm-token-openclip; vision_cfg; timm_model_name; \"convnext_base\"; convnext_base",
                "timm-token-openclip; vision_cfg; timm_model_name; \"vit_base_patch14_dinov2\"; vit_base_patch14_dinov2",
                "timm-token-openclip; vision_cfg; timm_model_name; \"vit_base_patch16_plus_240\"; timm_model_name",
                "timm-token-openclip; vision_cfg; timm_model_name; \"vit_medium_patch16_gap_256\"; timm_model_name",
                "timm-token-openclip; vision_cfg; timm_pool; \"map\"; timm_pool",
                "timm-token-openclip; vision_cfg; timm_pool; \"avgmax\"; timm_pool",
                "timm-token-openclip; vision_cfg; timm_proj; \"mlp\"; timm_proj",
                "timm-token-openclip; vision_cfg; image_size; 64; image_size",
                "timm-token-openclip; vision_cfg; timm_model_kwargs; {\"reg_tokens\": 4}; reg_tokens",
                "timm-token-openclip; vision_cfg; timm_model_kwargs; {\"init_values\": 1e-5}; init_values",
                "timm-token-openclip; vision_cfg; timm_model_kwargs; {\"img_size\": 32, \"mlp_ratio\": -1}; mlp-ratio -1",
                "timm-token-openclip; text_cfg; mlp_ratio; 1e300; mlp-ratio 1.0E300",
                "timm-token-openclip; text_cfg; context_length; 1; context-length must be at least 2",
                "timm-avg-openclip; vision_cfg; timm_proj; \"none\"; must be embed-width",
                "timm-gap-openclip; vision_cfg; timm_pool; \"token\"; timm_pool",
                "worldwide-openclip; text_cfg; eos_id; null; eos_id",
                "worldwide-openclip; text_cfg; proj_type; \"none\"; must be embed-width",
                "worldwide-openclip; text_cfg; proj_type; \"mlp\"; proj_type",
                "xlmr-openclip; text_cfg; hf_model_name; \"facebook/nllb-200-distilled-600M\"; nllb-200-distilled-600M",
                "xlmr-openclip; text_cfg; hf_model_name; \"google/mt5-base\"; mt5-base",
                "xlmr-openclip; text_cfg; hf_model_name; \"roberta-base\"; hf_model_name",
                "xlmr-openclip; text_cfg; hf_pooler_type; \"cls_pooler\"; hf_pooler_type",
                "xlmr-openclip; text_cfg; hf_pooler_type; \"max_pooler\"; hf_pooler_type",
                "xlmr-openclip; text_cfg; hf_proj_type; \"clap_mlp\"; hf_proj_type",
                "xlmr-openclip; text_cfg; hf_proj_type; null; must be embed-width",
                "xlmr-openclip; text_cfg; context_length; 77; context_length",
                "xlmr-openclip; text_cfg; text_arch; \"modern\"; text_arch",
                "xlmr-openclip; text_cfg; hf_model_config; {\"hidden_act\": \"relu\"}; hidden_act",
                "xlmr-openclip; text_cfg; hf_model_config; {\"num_hidden_layers\": 1000000}; another model",
                "xlmr-openclip; text_cfg; hf_model_config; {}; another model"
            })
    void anArchitectureThatWeDoNotHaveIsNamed(String name, String object, String key, String value, String named)
            throws IOException {
        PublishedModel changed = copy(name).changed("/model_cfg/" + object, key, value);

        assertThatThrownBy(() -> changed.load(PublishedModel.of("openclip")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(named);
    }

    @ParameterizedTest
    @CsvSource({
        "clipa-openclip, visual.class_embedding",
        "clipa-openclip, positional_embedding",
        "timm-token-openclip, visual.trunk.cls_token",
        "timm-token-openclip, visual.trunk.norm_pre.weight",
        "timm-avg-openclip, visual.trunk.pos_embed",
        "timm-avg-openclip, visual.head.proj.weight",
        "xlmr-openclip, text.transformer.embeddings.word_embeddings.weight",
        "xlmr-openclip, text.transformer.embeddings.position_embeddings.weight",
        "xlmr-openclip, text.transformer.embeddings.token_type_embeddings.weight",
        "xlmr-openclip, text.transformer.encoder.layer.1.attention.self.key.bias",
        "xlmr-openclip, text.proj.2.weight"
    })
    void aTensorThatIsMissingOrOfAnotherShapeIsNamed(String name, String tensor) throws IOException {
        copy(name).requireNamed(tensor, PublishedModel.of("openclip"));
    }

    @Test
    void aTensorThatTheArchitectureLacksIsNamed() throws IOException {
        PublishedModel changed = copy("timm-token-openclip")
                .changed(tensors -> tensors.put("visual.trunk.blocks.0.ls1.gamma", Nd4j.ones(32)));

        assertThatThrownBy(() -> changed.load(PublishedModel.of("openclip")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("visual.trunk.blocks.0.ls1.gamma");
    }

    private PublishedModel copy(String name) throws IOException {
        return PublishedModel.of(name).copiedTo(dir);
    }
}
