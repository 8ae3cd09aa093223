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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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

    private static final Set<String> TIMM =
            Set.of("timm_model_name", "timm_pool", "timm_proj", "timm_proj_bias", "timm_model_kwargs", "image_size");

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

    /** SigLIP's image towers in timm: size, pixels a side of a patch and of an image. */
    private static final Pattern TIMM_SIGLIP = Pattern.compile("vit_(\\w+?)_patch(\\d+)_siglip_(\\d+)(\\..*)?");

    /** Those among them whose GELU is by tanh; timm gives the others the exact one, though SigLIP itself has none such. */
    private static final Pattern TIMM_TANH =
            Pattern.compile("vit_(base_patch32|large_patch16_siglip_512|so400m_patch16|giantopt).*");

    private static final double TIMM_EPS = 1e-6;

    /**
     * timm's plain vision transformers: size, pixels a side of a patch, which kind, pixels a side of an image. "clip" has a
     * norm before its blocks, as OpenAI's have; "gap" no class token.
     */
    private static final Pattern TIMM_PLAIN =
            Pattern.compile("vit_([a-z]+)_patch(\\d+)_(clip_quickgelu_|clip_|gap_)?(\\d+)(\\..*)?");

    /** timm's own values, which {@code timm_model_kwargs} can change. */
    private record Size(int width, int layers, int heads, double mlpRatio) {

        static Optional<Size> named(String name) {
            return Optional.ofNullable(
                    switch (name) {
                        case "base" -> new Size(768, 12, 12, 4);
                        case "large" -> new Size(1024, 24, 16, 4);
                        case "so400m" -> new Size(1152, 27, 16, 3.7362);
                        case "giantopt" -> new Size(1536, 40, 16, 4);
                        default -> null;
                    });
        }

        /** @param name of a plain vision transformer, with its kind where that has sizes of its own */
        static Optional<Size> plain(String name) {
            return Optional.ofNullable(
                    switch (name.replaceFirst("_clip_(quickgelu_)?$", "")) {
                        case "tiny" -> new Size(192, 12, 3, 4);
                        case "small" -> new Size(384, 12, 6, 4);
                        case "base" -> new Size(768, 12, 12, 4);
                        case "large" -> new Size(1024, 24, 16, 4);
                        case "huge", "huge_gap_" -> new Size(1280, 32, 16, 4);
                        case "giant", "giant_gap_" -> new Size(1408, 40, 16, 48.0 / 11);
                        case "gigantic" -> new Size(1664, 48, 16, 64.0 / 13);
                        case "base_gap_" -> new Size(768, 12, 16, 4);
                        default -> null;
                    });
        }
    }

    /** Names whose tokenizer a text tower has; the one beside the weights is read, and held against them. */
    private static final String TOKENIZER = "hf_tokenizer_name";

    private OpenClipConfig() {}

    static ClipConfig read(JsonNode json, String origin) {
        Keys root = new Keys(json, origin, "");
        Keys model = json.has("model_cfg") ? root.object("model_cfg") : root;
        model.requireOnly(MODEL, harmless("init_logit_scale", null));
        Keys vision = model.object("vision_cfg");
        Keys text = model.object("text_cfg");
        String timm = vision.text("timm_model_name", null);
        double eps = timm == null || timm.contains("_clip_") ? ClipConfig.LAYER_NORM_EPS : TIMM_EPS;
        Activation usual = model.flag("quick_gelu") ? Activation.QUICK_GELU : Activation.GELU;
        Activation image = timm == null ? usual : timmActivation(timm);
        boolean hugging = text.json().hasNonNull("hf_model_name");
        try {
            return new ClipConfig(
                    model.count("embed_dim"),
                    image,
                    eps,
                    Math.log(1 / 0.07),
                    model.json().hasNonNull("init_logit_bias") ? model.number("init_logit_bias", 0) : null,
                    timm == null ? vision(vision) : timm(vision),
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
        return new ClipConfig.Vision(
                vision.count("image_size", 224),
                vision.count("patch_size", 16),
                width,
                vision.count("layers", 12),
                width / headWidth,
                vision.number("mlp_ratio", 4),
                mean ? Pool.MEAN_BESIDE_CLASS_TOKEN : Pool.CLASS_TOKEN,
                List.of(),
                0,
                0,
                false,
                !vision.flag("no_ln_pre"),
                Projection.MATRIX,
                mean && !vision.flag("final_ln_after_pool"));
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
        long heads = 32L * width / vision.count("head_width", 64);
        if (heads < 1 || heads > width * 32L / 2) {
            throw vision.unlike("head_width", "32 times the width " + width + " is not a multiple of it");
        }
        return ClipConfig.Vision.residual(vision.count("image_size", 224), width, (int) heads, stages);
    }

    /** An image tower of timm's, which its name describes. */
    private static ClipConfig.Vision timm(Keys vision) {
        String name = vision.text("timm_model_name", "");
        Matcher siglip = TIMM_SIGLIP.matcher(name);
        Matcher plain = TIMM_PLAIN.matcher(name);
        Optional<Size> size = Optional.empty();
        if (siglip.matches()) {
            size = Size.named(siglip.group(1));
        } else if (plain.matches()) {
            size = Size.plain(plain.group(1) + (plain.group(3) == null ? "" : "_" + plain.group(3)));
        }
        if (size.isEmpty()) {
            throw vision.unlike(
                    "timm_model_name",
                    "of timm's towers SigLIP's can be read, vit_base_patch16_siglip_224 and its like of fixed resolution,"
                            + " and plain vision transformers, vit_base_patch16_224, vit_large_patch14_clip_224 and their"
                            + " like, without layer scale, registers or rotary positions");
        }
        vision.requireOnly(
                TIMM,
                harmless(
                        "timm_model_pretrained",
                        null,
                        "timm_drop",
                        null,
                        "timm_drop_path",
                        null,
                        "patch_dropout",
                        null));
        Matcher sizes = siglip.matches() ? siglip : plain;
        Pooled pooled = siglip.matches() ? siglipPool(vision) : plainPool(vision, plain.group(3));
        Keys changed = child(vision, "timm_model_kwargs");
        changed.requireOnly(Set.of("embed_dim", "depth", "num_heads", "mlp_ratio", "img_size"), Map.of());
        int imageSize = vision.count("image_size", 224);
        String ownSize = siglip.matches() ? siglip.group(3) : plain.group(4);
        if (changed.count("img_size", Integer.valueOf(ownSize)) != imageSize) {
            throw vision.unlike("image_size", "timm's tower takes " + ownSize + " pixels a side");
        }
        boolean preNorm = name.contains("_clip_");
        return new ClipConfig.Vision(
                imageSize,
                Integer.parseInt(sizes.group(2)),
                changed.count("embed_dim", size.get().width()),
                changed.count("depth", size.get().layers()),
                changed.count("num_heads", size.get().heads()),
                changed.number("mlp_ratio", size.get().mlpRatio()),
                pooled.pool(),
                List.of(),
                0,
                0,
                !preNorm,
                preNorm,
                pooled.projection(),
                pooled.normBeforeMean());
    }

    /** How a tower of timm's is read. */
    private record Pooled(Pool pool, Projection projection, boolean normBeforeMean) {}

    private static Pooled siglipPool(Keys vision) {
        if (!vision.text("timm_pool", "avg").equals("map")) {
            throw vision.unlike("timm_pool", "SigLIP's is map");
        }
        if (!vision.text("timm_proj", "linear").equals("none")) {
            throw vision.unlike("timm_proj", "SigLIP's is none");
        }
        return new Pooled(Pool.ATTENTION, Projection.NONE, false);
    }

    /** @param kind of the name */
    private static Pooled plainPool(Keys vision, String kind) {
        boolean withoutClassToken = "gap_".equals(kind);
        // A null of timm_proj stands for timm's own classifier, which is linear with a bias; without the key OpenCLIP
        // adds one.
        String proj = vision.json().path("timm_proj").isNull() ? "" : vision.text("timm_proj", "linear");
        boolean ofTrunk = proj.isEmpty() || proj.equals("none");
        Projection projection = switch (proj) {
            case "" -> Projection.LINEAR;
            case "linear" -> vision.flag("timm_proj_bias") ? Projection.LINEAR : Projection.MATRIX;
            case "none" -> Projection.NONE;
            default -> throw vision.unlike("timm_proj", "linear, none and timm's own (null) can be read");
        };
        String pool = vision.json().path("timm_pool").isNull() ? "" : vision.text("timm_pool", "avg");
        return switch (pool.isEmpty() ? withoutClassToken ? "avg" : "token" : pool) {
            case "token" -> {
                if (withoutClassToken) {
                    throw vision.unlike("timm_pool", "this tower of timm's has no class token");
                }
                yield new Pooled(Pool.CLASS_TOKEN, projection, false);
            }
            // timm moves its norm behind the mean where the mean is asked for when the tower is made.
            case "avg" ->
                new Pooled(
                        withoutClassToken ? Pool.MEAN : Pool.MEAN_BESIDE_CLASS_TOKEN,
                        projection,
                        withoutClassToken || !ofTrunk);
            default -> throw vision.unlike("timm_pool", "token and avg can be read");
        };
    }

    private static Activation timmActivation(String name) {
        return name.contains("_quickgelu_")
                ? Activation.QUICK_GELU
                : TIMM_TANH.matcher(name).matches() ? Activation.GELU_TANH : Activation.GELU;
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
        return new ClipConfig.Text(
                text.count("context_length", 77),
                text.count("vocab_size", 49_408),
                text.count("width", 512),
                text.count("layers", 12),
                text.count("heads", 8),
                text.number("mlp_ratio", 4),
                0,
                !text.flag("no_causal_mask"),
                read,
                projection,
                activation == image ? null : activation,
                own == eps ? null : own,
                false);
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
            case "canonicalize" -> SiglipText.Cleaning.CANONICAL_UNDERSCORES;
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
        Unsayable.inPublishedForms("OpenCLIP", config, tokenizer);
        if (tokenizer.endToken() != tokenizer.vocabSize() - 1) {
            throw new DataException("OpenCLIP reads a text at its highest token id, and this tokenizer ends texts with "
                    + tokenizer.endToken() + " of " + tokenizer.vocabSize() + ": export it with --format hf");
        }
        ClipConfig.Vision vision = config.vision();
        ClipConfig.Text text = config.text();
        ObjectNode json = new ObjectMapper().createObjectNode();
        ObjectNode model = json.putObject("model_cfg").put("embed_dim", config.embedWidth());
        if (config.activation() == Activation.QUICK_GELU) {
            model.put("quick_gelu", true);
        }
        ObjectNode image = model.putObject("vision_cfg")
                .put("image_size", vision.imageSize())
                .put("width", vision.width());
        if (vision.residual()) {
            vision.stages().forEach(image.putArray("layers")::add);
            image.put("head_width", vision.width() * vision.patchSize() / vision.heads())
                    .putNull("patch_size");
        } else {
            image.put("layers", vision.layers())
                    .put("head_width", vision.width() / vision.heads())
                    .put("mlp_ratio", mlpRatio(vision.width(), vision.mlpRatio()))
                    .put("patch_size", vision.patchSize());
        }
        ObjectNode words = model.putObject("text_cfg")
                .put("context_length", text.contextLength())
                .put("vocab_size", text.vocabularySize())
                .put("width", text.width())
                .put("heads", text.heads())
                .put("layers", text.layers())
                .put("mlp_ratio", mlpRatio(text.width(), text.mlpRatio()));
        if (!tokenizer.isClips()) {
            // Of a folder OpenCLIP takes the tokenizer in it, whatever the name says.
            words.put(TOKENIZER, ".");
        }
        return json;
    }

    /** A ratio that makes the same width of an MLP where products are rounded down, as OpenCLIP does. */
    private static double mlpRatio(int width, double ratio) {
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
