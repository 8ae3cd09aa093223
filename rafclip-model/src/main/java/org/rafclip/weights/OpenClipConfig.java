package org.rafclip.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.data.DataException;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.ClipTokenizer;

/** {@code open_clip_config.json}, with the defaults of OpenCLIP's {@code CLIPVisionCfg} and {@code CLIPTextCfg}. */
final class OpenClipConfig {

    private static final Set<String> MODEL = Set.of("embed_dim", "quick_gelu", "vision_cfg", "text_cfg", "custom_text");

    private static final Set<String> VISION =
            Set.of("layers", "width", "head_width", "mlp_ratio", "patch_size", "image_size");

    private static final Set<String> TEXT =
            Set.of("context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio");

    /** Names whose tokenizer a text tower has; the one beside the weights is read, and held against them. */
    private static final String TOKENIZER = "hf_tokenizer_name";

    private OpenClipConfig() {}

    static ClipConfig read(JsonNode json, String origin) {
        Keys root = new Keys(json, origin, "");
        Keys model = json.has("model_cfg") ? root.object("model_cfg") : root;
        model.requireOnly(MODEL, harmless("init_logit_scale", null));
        Keys vision = model.object("vision_cfg");
        vision.requireOnly(
                VISION,
                harmless(
                        "patch_dropout",
                        null,
                        "pool_type",
                        "tok",
                        "pos_embed_type",
                        "learnable",
                        "output_tokens",
                        null));
        if (vision.json().path("layers").isArray()) {
            throw vision.unlike("layers", "this is a ResNet; only vision transformers can be read");
        }
        Keys text = model.object("text_cfg");
        text.requireOnly(
                TEXT,
                harmless(
                        "pool_type",
                        "argmax",
                        "proj_type",
                        "linear",
                        "pad_id",
                        0,
                        "output_tokens",
                        null,
                        TOKENIZER,
                        null));
        if (vision.json().path("mlp_ratio").isNumber() && vision.number("mlp_ratio", 4) <= 0) {
            throw vision.unlike("mlp_ratio", "it must be above 0");
        }
        int width = vision.count("width", 768);
        int headWidth = vision.count("head_width", 64);
        if (width % headWidth != 0) {
            throw vision.unlike("head_width", "width " + width + " is not a multiple of it");
        }
        try {
            return new ClipConfig(
                    model.count("embed_dim"),
                    model.flag("quick_gelu") ? Activation.QUICK_GELU : Activation.GELU,
                    Math.log(1 / 0.07),
                    new ClipConfig.Vision(
                            vision.count("image_size", 224),
                            vision.count("patch_size", 16),
                            width,
                            vision.count("layers", 12),
                            width / headWidth,
                            vision.number("mlp_ratio", 4),
                            Pool.CLASS_TOKEN,
                            List.of(),
                            0,
                            0),
                    new ClipConfig.Text(
                            text.count("context_length", 77),
                            text.count("vocab_size", 49_408),
                            text.count("width", 512),
                            text.count("layers", 12),
                            text.count("heads", 8),
                            text.number("mlp_ratio", 4),
                            0));
        } catch (IllegalArgumentException e) {
            throw new DataException(origin + ": " + e.getMessage(), e);
        }
    }

    /**
     * The description of a model, without its preparation of photos.
     *
     * @throws DataException if OpenCLIP has no such architecture
     */
    static ObjectNode write(ClipConfig config, ClipTokenizer tokenizer) {
        Unsayable.inPublishedForms("OpenCLIP", config);
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
        model.putObject("vision_cfg")
                .put("image_size", vision.imageSize())
                .put("layers", vision.layers())
                .put("width", vision.width())
                .put("head_width", vision.width() / vision.heads())
                .put("mlp_ratio", mlpRatio(vision.width(), vision.mlpRatio()))
                .put("patch_size", vision.patchSize());
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
    private static Map<String, Object> harmless(Object... pairs) {
        Map<String, Object> map = new HashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            map.put((String) pairs[i], pairs[i + 1]);
        }
        return map;
    }
}
