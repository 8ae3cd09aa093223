package org.rafclip.weights;

import java.util.Locale;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.data.DataException;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.ClipTokenizer;

/** What our encoder can be and published CLIPs cannot. */
final class Unsayable {

    private Unsayable() {}

    /** @throws DataException if the image tower is a ModifiedResNet */
    static void withoutTransformer(String code, ClipConfig config) {
        if (config.vision().residual()) {
            throw new DataException(code + " has nothing like this model's vision.stages: "
                    + config.vision().stages() + ", a ModifiedResNet: export it with --format openclip or onnx");
        }
    }

    /**
     * @param code whose architectures are meant
     * @throws DataException if the model is none of them; the message names the setting
     */
    static void inPublishedForms(String code, ClipConfig config, ClipTokenizer tokenizer) {
        String setting = null;
        if (!config.vision().stem().isEmpty()) {
            setting = "vision.stem: " + config.vision().stem() + ", convolutions before the patches";
        } else if (config.vision().pool() != Pool.CLASS_TOKEN) {
            setting = "vision.pool: "
                    + config.vision().pool().name().toLowerCase(Locale.ROOT).replace('_', '-')
                    + ", an image that is not read at its class token";
        } else if (config.activation() != Activation.GELU && config.activation() != Activation.QUICK_GELU) {
            setting = "activation: "
                    + config.activation().name().toLowerCase(Locale.ROOT).replace('_', '-');
        } else if (config.layerNormEps() != ClipConfig.LAYER_NORM_EPS
                || config.textLayerNormEps() != ClipConfig.LAYER_NORM_EPS) {
            setting = "layer-norm-eps: " + config.layerNormEps() + " of images, " + config.textLayerNormEps()
                    + " of texts";
        } else if (config.logitBias() != null) {
            setting = "logit-bias, by which the sigmoid loss trained it";
        } else if (config.vision().patchBias() || !config.vision().preNorm()) {
            setting = "vision tower, with a bias of its patches or without a norm before the blocks";
        } else if (!config.text().causal() || config.text().pool() != TextPool.END_TOKEN) {
            setting = "text.pool and text.causal, a text that is not read at its end token alone";
        } else if (!config.vision().residual() && config.vision().projection() != Projection.MATRIX
                || config.text().projection() != Projection.MATRIX) {
            setting = "projection, which is no matrix alone";
        } else if (config.textActivation() != config.activation()) {
            setting = "text.activation, another one than the image tower's";
        }
        if (setting == null && tokenizer.kind() != ClipTokenizer.Kind.CLIP) {
            setting = "tokenizer, which is not one of CLIP's byte pairs";
        }
        if (setting != null) {
            throw new DataException(
                    code + " has nothing like this model's " + setting + ": export it with --format onnx");
        }
    }
}
