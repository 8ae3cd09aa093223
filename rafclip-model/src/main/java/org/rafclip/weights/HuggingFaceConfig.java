package org.rafclip.weights;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.OptionalInt;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.data.DataException;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.ClipTokenizer;

/**
 * {@code config.json} of a {@code CLIPModel}, a {@code MetaClip2Model} or a {@code SiglipModel}, with the defaults of
 * {@code CLIPVisionConfig} and {@code CLIPTextConfig}, or of SigLIP's.
 * Where a description has {@code vision_config_dict} or {@code text_config_dict}, these win with all their defaults, as
 * they do in transformers.
 */
final class HuggingFaceConfig {

    /** The end token that descriptions from before June 2023 name wrongly; the highest id is meant. */
    static final int LEGACY_END_TOKEN = 2;

    private static final String VISION_DEFAULTS = """
            {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
             "num_channels": 3, "image_size": 224, "patch_size": 32, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5}
            """;

    private static final String TEXT_DEFAULTS = """
            {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 8,
             "max_position_embeddings": 77, "vocab_size": 49408, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
             "eos_token_id": 49407}
            """;

    private static final String SIGLIP_VISION_DEFAULTS = """
            {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
             "num_channels": 3, "image_size": 224, "patch_size": 16, "hidden_act": "gelu_pytorch_tanh",
             "layer_norm_eps": 1e-6, "vision_use_head": true}
            """;

    private static final String SIGLIP_TEXT_DEFAULTS = """
            {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
             "max_position_embeddings": 64, "vocab_size": 32000, "hidden_act": "gelu_pytorch_tanh",
             "layer_norm_eps": 1e-6}
            """;

    /** CLIP's architecture, whose texts end with XLM-V's token 2, which is not their highest. */
    private static final String METACLIP_2 = "metaclip_2";

    private HuggingFaceConfig() {}

    static ClipConfig read(JsonNode json, String origin) {
        Keys root = new Keys(json, origin, "");
        return switch (root.text("model_type", "clip")) {
            case "clip", METACLIP_2 -> clip(root);
            case "siglip" -> siglip(root);
            case "siglip2" ->
                throw root.unlike(
                        "model_type",
                        "this is SigLIP 2's NaFlex, which takes images of any shape; take a SigLIP 2 of fixed"
                                + " resolution, whose model_type is siglip");
            default -> throw root.unlike("model_type", "clip, siglip and metaclip_2 can be read");
        };
    }

    private static ClipConfig siglip(Keys root) {
        Keys vision = tower(root, "vision_config", SIGLIP_VISION_DEFAULTS);
        Keys text = tower(root, "text_config", SIGLIP_TEXT_DEFAULTS);
        requireColors(vision);
        if (!vision.flag("vision_use_head")) {
            throw vision.unlike("vision_use_head", "an image's feature is what its pooling head gives");
        }
        double eps = vision.number("layer_norm_eps", 0);
        if (text.number("layer_norm_eps", 0) != eps) {
            throw text.unlike("layer_norm_eps", "the image tower's is " + eps + ", this encoder has one for both");
        }
        try {
            return new ClipConfig(
                    text.count("projection_size", text.count("hidden_size")),
                    activation(vision),
                    eps,
                    Math.log(10),
                    ClipConfig.SIGLIP_LOGIT_BIAS,
                    images(vision)
                            .withPool(Pool.ATTENTION)
                            .withPatchBias(true)
                            .withPreNorm(false)
                            .withProjection(Projection.NONE),
                    texts(text)
                            .withCausal(false)
                            .withPool(TextPool.LAST_TOKEN)
                            .withProjection(Projection.LINEAR)
                            .withActivation(activation(text) == activation(vision) ? null : activation(text)));
        } catch (IllegalArgumentException e) {
            throw new DataException(root.origin() + ": " + e.getMessage(), e);
        }
    }

    private static ClipConfig clip(Keys root) {
        Keys vision = tower(root, "vision_config", VISION_DEFAULTS);
        Keys text = tower(root, "text_config", TEXT_DEFAULTS);
        requireColors(vision);
        Activation activation = activation(vision);
        if (activation(text) != activation) {
            throw text.unlike("hidden_act", "the image tower's is another, this encoder has one for both");
        }
        requireEps(vision);
        requireEps(text);
        try {
            return new ClipConfig(
                    root.count("projection_dim", 512),
                    activation,
                    root.number("logit_scale_init_value", 2.6592),
                    images(vision),
                    texts(text));
        } catch (IllegalArgumentException e) {
            throw new DataException(root.origin() + ": " + e.getMessage(), e);
        }
    }

    /** With CLIP's way to read it. */
    private static ClipConfig.Vision images(Keys vision) {
        return ClipConfig.Vision.ofClip(
                vision.count("image_size"),
                vision.count("patch_size"),
                vision.count("hidden_size"),
                vision.count("num_hidden_layers"),
                vision.count("num_attention_heads"),
                ratio(vision));
    }

    /** With CLIP's way to read it. */
    private static ClipConfig.Text texts(Keys text) {
        return ClipConfig.Text.ofClip(
                text.count("max_position_embeddings"),
                text.count("vocab_size"),
                text.count("hidden_size"),
                text.count("num_hidden_layers"),
                text.count("num_attention_heads"),
                ratio(text));
    }

    private static void requireColors(Keys vision) {
        if (vision.count("num_channels") != 3) {
            throw vision.unlike("num_channels", "images have 3");
        }
    }

    /** An architecture of transformers. */
    private enum Architecture {
        CLIP("CLIPModel", "clip"),
        META_CLIP_2("MetaClip2Model", METACLIP_2),
        SIGLIP("SiglipModel", "siglip");

        private final String code;
        private final String type;

        Architecture(String code, String type) {
            this.code = code;
            this.type = type;
        }

        static Architecture of(ClipConfig config, ClipTokenizer tokenizer) {
            return config.vision().pool() == Pool.ATTENTION
                    ? SIGLIP
                    : tokenizer.kind() == ClipTokenizer.Kind.XLM_ROBERTA ? META_CLIP_2 : CLIP;
        }
    }

    /**
     * The description of a model.
     *
     * @throws DataException if transformers has no such architecture
     */
    static ObjectNode write(ClipConfig config, ClipTokenizer tokenizer) {
        Architecture architecture = Architecture.of(config, tokenizer);
        String code = "transformers' " + architecture.code;
        Unsayable.inTransformers(code, config, tokenizer);
        if (architecture == Architecture.CLIP && tokenizer.endToken() == LEGACY_END_TOKEN) {
            throw new DataException(code + " takes the end token " + LEGACY_END_TOKEN
                    + " for the highest of a text's, and this tokenizer's end token has that id");
        }
        ClipConfig.Vision vision = config.vision();
        ClipConfig.Text text = config.text();
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.putArray("architectures").add(architecture.code);
        json.put("model_type", architecture.type).put("initializer_factor", 1.0).put("torch_dtype", "float32");
        ObjectNode image = json.putObject("vision_config").put("model_type", architecture.type + "_vision_model");
        tower(image, vision.width(), vision.mlpRatio(), vision.layers(), vision.heads())
                .put("hidden_act", word(config.activation()))
                .put("layer_norm_eps", config.layerNormEps())
                .put("num_channels", 3)
                .put("image_size", vision.imageSize())
                .put("patch_size", vision.patchSize());
        ObjectNode words = json.putObject("text_config").put("model_type", architecture.type + "_text_model");
        tower(words, text.width(), text.mlpRatio(), text.layers(), text.heads())
                .put("hidden_act", word(config.textActivation()))
                .put("layer_norm_eps", config.textLayerNormEps())
                .put("max_position_embeddings", text.contextLength())
                .put("vocab_size", text.vocabularySize())
                .put("bos_token_id", tokenizer.startToken().orElse(tokenizer.endToken()))
                .put("eos_token_id", tokenizer.endToken())
                .put("pad_token_id", architecture == Architecture.CLIP ? tokenizer.endToken() : tokenizer.fillToken());
        if (architecture == Architecture.SIGLIP) {
            words.put("projection_size", config.embedWidth());
        } else {
            json.put("projection_dim", config.embedWidth()).put("logit_scale_init_value", config.logitScale());
            image.put("projection_dim", config.embedWidth());
            words.put("projection_dim", config.embedWidth());
        }
        return json;
    }

    private static ObjectNode tower(ObjectNode json, int width, double mlpRatio, int layers, int heads) {
        return json.put("hidden_size", width)
                .put("intermediate_size", (int) Math.round(width * mlpRatio))
                .put("num_hidden_layers", layers)
                .put("num_attention_heads", heads)
                .put("attention_dropout", 0.0);
    }

    private static String word(Activation activation) {
        return switch (activation) {
            case GELU -> "gelu";
            case QUICK_GELU -> "quick_gelu";
            case GELU_TANH -> "gelu_pytorch_tanh";
            default -> throw new IllegalArgumentException("no tower of transformers has " + activation);
        };
    }

    /** The id that a text is read at; empty for the highest, or where a text is not read at its end token. */
    static OptionalInt endToken(JsonNode json, String origin) {
        int named =
                tower(new Keys(json, origin, ""), "text_config", TEXT_DEFAULTS).count("eos_token_id");
        boolean legacy =
                named == LEGACY_END_TOKEN && !json.path("model_type").asText().equals(METACLIP_2);
        return legacy ? OptionalInt.empty() : OptionalInt.of(named);
    }

    private static Keys tower(Keys root, String name, String defaults) {
        ObjectMapper mapper = new ObjectMapper();
        try {
            ObjectNode merged = (ObjectNode) mapper.readTree(defaults);
            if (root.json().path(name).isObject()) {
                merged.setAll((ObjectNode) root.json().get(name));
            }
            JsonNode older = root.json().path(name + "_dict");
            if (older.isObject()) {
                merged.setAll((ObjectNode) mapper.readTree(defaults));
                merged.setAll((ObjectNode) older);
            }
            return new Keys(merged, root.origin(), name);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("the defaults above are JSON", e);
        }
    }

    private static double ratio(Keys tower) {
        return (double) tower.count("intermediate_size") / tower.count("hidden_size");
    }

    private static Activation activation(Keys tower) {
        return switch (tower.text("hidden_act", "quick_gelu")) {
            case "quick_gelu" -> Activation.QUICK_GELU;
            case "gelu" -> Activation.GELU;
            case "gelu_pytorch_tanh" -> Activation.GELU_TANH;
            default -> throw tower.unlike("hidden_act", "quick_gelu, gelu and gelu_pytorch_tanh can be read");
        };
    }

    private static void requireEps(Keys tower) {
        if (tower.number("layer_norm_eps", ClipConfig.LAYER_NORM_EPS) != ClipConfig.LAYER_NORM_EPS) {
            throw tower.unlike("layer_norm_eps", "this encoder's is " + ClipConfig.LAYER_NORM_EPS);
        }
    }
}
