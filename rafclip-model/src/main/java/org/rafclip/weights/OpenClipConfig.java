package org.rafclip.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.data.DataException;
import org.rafclip.ops.kernel.Kernels.Activation;

/** {@code open_clip_config.json}, with the defaults of OpenCLIP's {@code CLIPVisionCfg} and {@code CLIPTextCfg}. */
final class OpenClipConfig {

    private static final Set<String> MODEL = Set.of("embed_dim", "quick_gelu", "vision_cfg", "text_cfg", "custom_text");

    private static final Set<String> VISION =
            Set.of("layers", "width", "head_width", "mlp_ratio", "patch_size", "image_size");

    private static final Set<String> TEXT =
            Set.of("context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio");

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
                TEXT, harmless("pool_type", "argmax", "proj_type", "linear", "pad_id", 0, "output_tokens", null));
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

    /** Pairs of key and the value that changes nothing; null stands for any. */
    private static Map<String, Object> harmless(Object... pairs) {
        Map<String, Object> map = new HashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            map.put((String) pairs[i], pairs[i + 1]);
        }
        return map;
    }
}
