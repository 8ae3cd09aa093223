package org.rafclip.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.data.DataException;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.SiglipText;
import org.rafclip.text.TextSettings;

/** {@code open_clip_config.json}, with the defaults of OpenCLIP's {@code CLIPVisionCfg} and {@code CLIPTextCfg}. */
final class OpenClipConfig {

    private static final Set<String> MODEL =
            Set.of("embed_dim", "quick_gelu", "vision_cfg", "text_cfg", "custom_text", "init_logit_bias");

    private static final Set<String> VISION = Set.of(
            "layers",
            "width",
            "head_width",
            "mlp_ratio",
            "patch_size",
            "image_size",
            "no_ln_pre",
            "pool_type",
            "final_ln_after_pool",
            "pos_embed_type");

    private static final Set<String> TEXT = Set.of(
            "context_length",
            "vocab_size",
            "width",
            "heads",
            "layers",
            "mlp_ratio",
            "no_causal_mask",
            "pool_type",
            "eos_id",
            "proj_type",
            "proj_bias",
            "act_kwargs",
            "norm_kwargs");

    /** Names whose tokenizer a text tower has; the one beside the weights is read, and held against them. */
    private static final String TOKENIZER = "hf_tokenizer_name";

    /** What {@code clean: canonicalize} is. */
    private static final SiglipText.Cleaning CANONICALIZE = SiglipText.Cleaning.CANONICAL_UNDERSCORES;

    private OpenClipConfig() {}

    static ClipConfig read(JsonNode json, String origin) {
        Keys root = new Keys(json, origin, "");
        Keys model = json.has("model_cfg") ? root.object("model_cfg") : root;
        model.requireOnly(MODEL, harmless("init_logit_scale", null));
        Keys vision = model.object("vision_cfg");
        Keys text = model.object("text_cfg");
        String timm = vision.text(TimmTower.NAME, null);
        double eps = timm == null ? ClipConfig.LAYER_NORM_EPS : TimmTower.eps(timm);
        Activation usual = model.flag("quick_gelu") ? Activation.QUICK_GELU : Activation.GELU;
        Activation image = timm == null ? usual : TimmTower.activation(timm);
        boolean hugging = text.json().hasNonNull("hf_model_name");
        try {
            return new ClipConfig(
                    model.count("embed_dim"),
                    image,
                    eps,
                    Math.log(1 / 0.07),
                    model.json().hasNonNull("init_logit_bias") ? model.number("init_logit_bias", 0) : null,
                    timm == null ? vision(vision) : TimmTower.read(vision),
                    hugging ? Roberta.read(text, image, eps) : text(text, usual, image, eps));
        } catch (IllegalArgumentException e) {
            throw new DataException(origin + ": " + e.getMessage(), e);
        }
    }

    private static ClipConfig.Vision vision(Keys vision) {
        vision.requireOnly(VISION, harmless("patch_dropout", null, "output_tokens", null));
        boolean mean = switch (vision.text("pool_type", "tok")) {
            case "tok" -> false;
            case "avg" -> true;
            default -> throw vision.unlike("pool_type", "an image is read at its class token (tok) or as a mean (avg)");
        };
        if (!Set.of("learnable", "sin_cos_2d").contains(vision.text("pos_embed_type", "learnable"))) {
            throw vision.unlike("pos_embed_type", "positions are read from the weights, learnable or sin_cos_2d");
        }
        if (vision.json().path("layers").isArray()) {
            return residual(vision);
        }
        if (vision.json().path("mlp_ratio").isNumber() && vision.number("mlp_ratio", 4) <= 0) {
            throw vision.unlike("mlp_ratio", "it must be above 0");
        }
        int width = vision.count("width", 768);
        int headWidth = vision.count("head_width", 64);
        if (width % headWidth != 0) {
            throw vision.unlike("head_width", "width " + width + " is not a multiple of it");
        }
        return ClipConfig.Vision.ofClip(
                        vision.count("image_size", 224),
                        vision.count("patch_size", 16),
                        width,
                        vision.count("layers", 12),
                        width / headWidth,
                        vision.number("mlp_ratio", 4))
                .withPool(mean ? Pool.MEAN_BESIDE_CLASS_TOKEN : Pool.CLASS_TOKEN)
                .withPreNorm(!vision.flag("no_ln_pre"))
                .withNormBeforeMean(mean && !vision.flag("final_ln_after_pool"));
    }

    /** A ModifiedResNet, which OpenCLIP makes where {@code layers} are several. */
    private static ClipConfig.Vision residual(Keys vision) {
        List<Integer> stages = new ArrayList<>();
        for (JsonNode blocks : vision.json().path("layers")) {
            if (!blocks.canConvertToInt() || blocks.asInt() < 1) {
                throw vision.unlike("layers", "a ModifiedResNet has blocks in each stage");
            }
            stages.add(blocks.asInt());
        }
        int width = vision.count("width", 64);
        long attention = 32L * width;
        long heads = attention / vision.count("head_width", 64);
        if (heads < 1 || heads > attention / 2 || attention % heads != 0) {
            throw vision.unlike(
                    "head_width",
                    "the attention at the tower's end is " + attention
                            + " wide, 32 times the width, and cannot be cut into such heads: take the description that"
                            + " belongs to the weights, whose head_width"
                            + " divides " + attention + " and is 64 as a rule");
        }
        return ClipConfig.Vision.residual(vision.count("image_size", 224), width, (int) heads, stages);
    }

    private static Activation textActivation(Keys text, Activation usual) {
        Keys act = child(text, "act_kwargs");
        act.requireOnly(Set.of(), harmless("approximate", "tanh"));
        return act.json().hasNonNull("approximate") ? Activation.GELU_TANH : usual;
    }

    private static double textEps(Keys text) {
        Keys norm = child(text, "norm_kwargs");
        norm.requireOnly(Set.of("eps"), Map.of());
        return norm.number("eps", ClipConfig.LAYER_NORM_EPS);
    }

    /**
     * @param usual the activation that is meant where nothing is said
     * @param image the image tower's
     * @param eps the image tower's
     */
    private static ClipConfig.Text text(Keys text, Activation usual, Activation image, double eps) {
        Activation activation = textActivation(text, usual);
        double own = textEps(text);
        String pool = text.text("pool_type", "argmax");
        TextPool read = switch (pool) {
            case "argmax", "eos" -> TextPool.END_TOKEN;
            case "last" -> TextPool.LAST_TOKEN;
            default -> throw text.unlike("pool_type", "texts are read at their end token (argmax, eos) or the last");
        };
        text.requireOnly(TEXT, harmless("pad_id", 0, "output_tokens", null, TOKENIZER, null, "tokenizer_kwargs", null));
        Projection projection = switch (text.text("proj_type", "linear")) {
            case "linear" -> text.flag("proj_bias") ? Projection.LINEAR : Projection.MATRIX;
            case "none" -> Projection.NONE;
            default -> throw text.unlike("proj_type", "linear and none can be read");
        };
        return ClipConfig.Text.ofClip(
                        text.count("context_length", 77),
                        text.count("vocab_size", 49_408),
                        text.count("width", 512),
                        text.count("layers", 12),
                        text.count("heads", 8),
                        text.number("mlp_ratio", 4))
                .withCausal(!text.flag("no_causal_mask"))
                .withPool(read)
                .withProjection(projection)
                .withActivation(activation == image ? null : activation)
                .withLayerNormEps(own == eps ? null : own);
    }

    /** An object of an object, empty where there is none. */
    static Keys child(Keys parent, String key) {
        return parent.json().path(key).isObject()
                ? parent.object(key)
                : new Keys(JsonNodeFactory.instance.objectNode(), parent.origin(), key);
    }

    /** The token that is said to end a text; empty for the highest of its ids. */
    static OptionalInt endToken(JsonNode json, String origin) {
        Keys root = new Keys(json, origin, "");
        Keys text = (json.has("model_cfg") ? root.object("model_cfg") : root).object("text_cfg");
        return text.text("pool_type", "argmax").equals("eos")
                ? OptionalInt.of(text.count("eos_id"))
                : OptionalInt.empty();
    }

    /** What is said of texts that are not tokenized by CLIP's byte pairs. */
    static TextSettings texts(JsonNode json, String origin) {
        Keys root = new Keys(json, origin, "");
        Keys text = (json.has("model_cfg") ? root.object("model_cfg") : root).object("text_cfg");
        Keys words = child(text, "tokenizer_kwargs");
        words.requireOnly(Set.of("clean", "strip_sep_token"), Map.of());
        SiglipText.Cleaning cleaning = switch (words.text("clean", "whitespace")) {
            case "canonicalize" -> CANONICALIZE;
            case "whitespace" -> SiglipText.Cleaning.BLANKS;
            default -> throw words.unlike("clean", "canonicalize and whitespace can be done");
        };
        return new TextSettings(Optional.of(cleaning), words.flag("strip_sep_token"));
    }

    /**
     * The description of a model, without its preparation of photos.
     *
     * @throws DataException if OpenCLIP has no such architecture
     */
    static ObjectNode write(ClipConfig config, ClipTokenizer tokenizer) {
        Unsayable.inOpenClip(config, tokenizer);
        ObjectNode json = new ObjectMapper().createObjectNode();
        ObjectNode model = json.putObject("model_cfg").put("embed_dim", config.embedWidth());
        if (isQuick(config)) {
            model.put("quick_gelu", true);
        }
        if (config.logitBias() != null) {
            // As SigLIP's are published; others need no tower of texts apart.
            model.put("init_logit_bias", config.logitBias()).put("custom_text", true);
        }
        ObjectNode image = model.putObject("vision_cfg");
        if (isTimms(config)) {
            TimmTower.write(config, image);
        } else {
            write(config.vision(), image);
        }
        ObjectNode words = model.putObject("text_cfg");
        if (config.text().postNorm()) {
            Roberta.write(config, words);
        } else {
            write(config, tokenizer, words);
        }
        if (!tokenizer.isClips()) {
            // Of a folder OpenCLIP takes the tokenizer in it, whatever the name says.
            words.put(TOKENIZER, ".");
            if (tokenizer.cleaning().filter(CANONICALIZE::equals).isPresent()) {
                words.putObject("tokenizer_kwargs").put("clean", "canonicalize");
            }
        }
        return json;
    }

    /** What {@code quick_gelu} says, which both of OpenCLIP's own towers hold to. */
    static boolean isQuick(ClipConfig config) {
        return (config.text().postNorm() ? config.activation() : config.textActivation()) == Activation.QUICK_GELU;
    }

    /** Whether an image tower that OpenCLIP has is timm's there, not one of its own. */
    static boolean isTimms(ClipConfig config) {
        return !config.vision().residual() && Unsayable.ownImageTower(config).isPresent();
    }

    private static void write(ClipConfig.Vision vision, ObjectNode image) {
        image.put("image_size", vision.imageSize()).put("width", vision.width());
        if (vision.residual()) {
            vision.stages().forEach(image.putArray("layers")::add);
            image.put("head_width", vision.width() * vision.patchSize() / vision.heads())
                    .putNull("patch_size");
            return;
        }
        image.put("layers", vision.layers())
                .put("head_width", vision.width() / vision.heads())
                .put("mlp_ratio", mlpRatio(vision.width(), vision.mlpRatio()))
                .put("patch_size", vision.patchSize());
        if (!vision.preNorm()) {
            image.put("no_ln_pre", true);
        }
        if (vision.pool() == Pool.MEAN_BESIDE_CLASS_TOKEN) {
            image.put("pool_type", "avg").put("final_ln_after_pool", !vision.normBeforeMean());
        }
    }

    private static void write(ClipConfig config, ClipTokenizer tokenizer, ObjectNode words) {
        ClipConfig.Text text = config.text();
        words.put("context_length", text.contextLength())
                .put("vocab_size", text.vocabularySize())
                .put("width", text.width())
                .put("heads", text.heads())
                .put("layers", text.layers())
                .put("mlp_ratio", mlpRatio(text.width(), text.mlpRatio()));
        if (!text.causal()) {
            words.put("no_causal_mask", true);
        }
        if (text.pool() == TextPool.LAST_TOKEN) {
            words.put("pool_type", "last");
        } else if (tokenizer.endToken() != tokenizer.vocabSize() - 1) {
            words.put("pool_type", "eos").put("eos_id", tokenizer.endToken());
        }
        switch (text.projection()) {
            case LINEAR -> words.put("proj_bias", true);
            case NONE -> words.put("proj_type", "none");
            default -> {}
        }
        if (config.textActivation() == Activation.GELU_TANH) {
            words.putObject("act_kwargs").put("approximate", "tanh");
        }
        if (config.textLayerNormEps() != ClipConfig.LAYER_NORM_EPS) {
            words.putObject("norm_kwargs").put("eps", config.textLayerNormEps());
        }
    }

    /** A ratio that makes the same width of an MLP where products are rounded down, as OpenCLIP and timm do. */
    static double mlpRatio(int width, double ratio) {
        long hidden = Math.round(width * ratio);
        double exact = (double) hidden / width;
        return (long) (width * exact) == hidden ? exact : Math.nextUp(exact);
    }

    /** Pairs of key and the value that changes nothing; null stands for any. */
    static Map<String, Object> harmless(Object... pairs) {
        Map<String, Object> map = new HashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            map.put((String) pairs[i], pairs[i + 1]);
        }
        return map;
    }
}
