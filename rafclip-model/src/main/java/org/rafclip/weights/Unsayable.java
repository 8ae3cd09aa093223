package org.rafclip.weights;

import java.util.Locale;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.data.DataException;
import org.rafclip.ops.kernel.Kernels.Activation;

/** What our encoder can be and published CLIPs cannot. */
final class Unsayable {

    private Unsayable() {}

    /**
     * @param code whose architectures are meant
     * @throws DataException if the encoder is none of them; the message names the setting
     */
    static void inPublishedForms(String code, ClipConfig config) {
        String setting = null;
        if (!config.vision().stem().isEmpty()) {
            setting = "vision.stem: " + config.vision().stem() + ", convolutions before the patches";
        } else if (config.vision().pool() != Pool.CLASS_TOKEN) {
            setting = "vision.pool: "
                    + config.vision().pool().name().toLowerCase(Locale.ROOT).replace('_', '-')
                    + ", an image without a class token";
        } else if (config.activation() != Activation.GELU && config.activation() != Activation.QUICK_GELU) {
            setting = "activation: "
                    + config.activation().name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
        if (setting != null) {
            throw new DataException(
                    code + " has nothing like this model's " + setting + ": export it with --format onnx");
        }
    }
}
