package org.rafclip.weights;

import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.data.DataException;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.ClipTokenizer;

/** What our encoder can be and published CLIPs cannot. Settings are those of {@code model.yaml}, with what they mean. */
final class Unsayable {

    private Unsayable() {}

    /** @throws DataException if OpenCLIP has no such model; the message names the setting */
    static void inOpenClip(ClipConfig config, ClipTokenizer tokenizer) {
        openClip(config, tokenizer).ifPresent(setting -> {
            throw refused("OpenCLIP", setting, "onnx");
        });
    }

    /**
     * @param code whose architecture is meant
     * @throws DataException if transformers has no such model; the message names the setting
     */
    static void inTransformers(String code, ClipConfig config, ClipTokenizer tokenizer) {
        Optional<String> setting =
                config.vision().pool() == Pool.ATTENTION ? siglip(config) : clip(config, tokenizer.kind());
        setting.or(() -> tokenizer.kind() == ClipTokenizer.Kind.CLIP ? filling(tokenizer) : Optional.empty())
                .ifPresent(name -> {
                    boolean further = openClip(config, tokenizer).isEmpty();
                    throw refused(code, name, further ? "openclip or onnx" : "onnx");
                });
    }

    private static DataException refused(String code, String setting, String formats) {
        return new DataException(
                code + " has nothing like this model's " + setting + ": export it with --format " + formats);
    }

    private static Optional<String> openClip(ClipConfig config, ClipTokenizer tokenizer) {
        return imageTower(config)
                .or(() -> config.text().postNorm() ? Roberta.unlike(config, tokenizer.kind()) : ownTextTower(config))
                .or(() -> tokenizer.isClips() ? Optional.empty() : filling(tokenizer));
    }

    private static Optional<String> imageTower(ClipConfig config) {
        ClipConfig.Vision vision = config.vision();
        if (vision.residual()) {
            return Optional.empty();
        }
        boolean ofTimmsKind = vision.patchBias()
                || vision.pool() == Pool.MEAN
                || vision.pool() == Pool.ATTENTION
                || vision.projection() != Projection.MATRIX;
        return ownImageTower(config).flatMap(own -> TimmTower.unlike(config).map(timms -> ofTimmsKind ? timms : own));
    }

    /** The setting of a vision transformer that OpenCLIP's own, which is not timm's, is unlike; empty for none. */
    static Optional<String> ownImageTower(ClipConfig config) {
        ClipConfig.Vision vision = config.vision();
        Activation activation = OpenClipConfig.isQuick(config) ? Activation.QUICK_GELU : Activation.GELU;
        String setting = null;
        if (!vision.stem().isEmpty()) {
            setting = stem(vision);
        } else if (vision.pool() != Pool.CLASS_TOKEN && vision.pool() != Pool.MEAN_BESIDE_CLASS_TOKEN) {
            setting = "vision.pool: " + word(vision.pool());
        } else if (vision.patchBias()) {
            setting = "vision.patch-bias: true";
        } else if (vision.projection() != Projection.MATRIX) {
            setting = "vision.projection: " + word(vision.projection());
        } else if (config.layerNormEps() != ClipConfig.LAYER_NORM_EPS) {
            setting = "layer-norm-eps: " + config.layerNormEps() + " of images";
        } else if (config.activation() != activation) {
            setting = "activation: " + word(config.activation()) + " beside text.activation: "
                    + word(config.textActivation());
        }
        return Optional.ofNullable(setting);
    }

    private static Optional<String> ownTextTower(ClipConfig config) {
        String setting = null;
        if (config.text().pool() == TextPool.MEAN) {
            setting = "text.pool: mean without text.post-norm";
        } else if (config.text().projection() == Projection.MLP) {
            setting = "text.projection: mlp without text.post-norm";
        } else if (!isGelu(config.textActivation())) {
            setting = "activation: " + word(config.textActivation()) + " of texts";
        }
        return Optional.ofNullable(setting);
    }

    /** Of CLIP's byte pairs, whose tokenizers elsewhere fill texts up with their end token where nothing else is said. */
    private static Optional<String> filling(ClipTokenizer tokenizer) {
        return tokenizer.kind() == ClipTokenizer.Kind.CLIP
                        && tokenizer.context().filled()
                ? Optional.of("texts, which are byte pairs filled up with token " + tokenizer.fillToken()
                        + " (text.causal: false, or text.pool: last-token)")
                : Optional.empty();
    }

    private static Optional<String> siglip(ClipConfig config) {
        ClipConfig.Vision vision = config.vision();
        ClipConfig.Text text = config.text();
        String setting = null;
        if (!vision.stem().isEmpty()) {
            setting = stem(vision);
        } else if (!vision.patchBias() || vision.preNorm() || vision.projection() != Projection.NONE) {
            setting = "image tower, which is not SigLIP's (vision.patch-bias: true, pre-norm: false, projection: none)";
        } else if (text.causal()
                || text.pool() != TextPool.LAST_TOKEN
                || text.projection() != Projection.LINEAR
                || text.postNorm()) {
            setting = "text tower, which is not SigLIP's (text.causal: false, pool: last-token, projection: linear)";
        } else if (config.layerNormEps() != config.textLayerNormEps()) {
            setting = eps(config);
        } else if (config.logitBias() == null) {
            setting = "loss, which has no logit-bias";
        } else if (!isGelu(config.activation()) || !isGelu(config.textActivation())) {
            setting = "activation: " + word(config.activation());
        }
        return Optional.ofNullable(setting);
    }

    private static Optional<String> clip(ClipConfig config, ClipTokenizer.Kind texts) {
        ClipConfig.Vision vision = config.vision();
        String setting = null;
        if (vision.residual()) {
            setting = "vision.stages: " + vision.stages() + ", a ModifiedResNet";
        } else if (!vision.stem().isEmpty()) {
            setting = stem(vision);
        } else if (vision.pool() != Pool.CLASS_TOKEN) {
            setting = "vision.pool: " + word(vision.pool()) + ", an image that is not read at its class token";
        } else if (!isGelu(config.activation())) {
            setting = "activation: " + word(config.activation());
        } else if (config.layerNormEps() != ClipConfig.LAYER_NORM_EPS
                || config.textLayerNormEps() != ClipConfig.LAYER_NORM_EPS) {
            setting = eps(config);
        } else if (config.logitBias() != null) {
            setting = "logit-bias, by which the sigmoid loss trained it";
        } else if (vision.patchBias() || !vision.preNorm()) {
            setting = "vision tower, with a bias of its patches or without a norm before the blocks";
        } else if (!config.text().causal() || config.text().pool() != TextPool.END_TOKEN) {
            setting = "text.pool and text.causal, a text that is not read at its end token alone";
        } else if (vision.projection() != Projection.MATRIX || config.text().projection() != Projection.MATRIX) {
            setting = "projection, which is no matrix alone";
        } else if (config.textActivation() != config.activation()) {
            setting = "text.activation, another one than the image tower's";
        } else if (!Set.of(ClipTokenizer.Kind.CLIP, ClipTokenizer.Kind.XLM_ROBERTA)
                .contains(texts)) {
            setting = "tokenizer, which is neither one of CLIP's byte pairs nor of XLM-RoBERTa's kind";
        }
        return Optional.ofNullable(setting);
    }

    private static String stem(ClipConfig.Vision vision) {
        return "vision.stem: " + vision.stem() + ", convolutions before the patches";
    }

    private static String eps(ClipConfig config) {
        return "layer-norm-eps: " + config.layerNormEps() + " of images, " + config.textLayerNormEps() + " of texts";
    }

    private static boolean isGelu(Activation activation) {
        return Set.of(Activation.GELU, Activation.QUICK_GELU, Activation.GELU_TANH)
                .contains(activation);
    }

    /** The word that configurations have for a constant. */
    static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
