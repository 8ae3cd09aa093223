package org.rafclip.clip;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import lombok.With;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.op.Unfold;
import org.rafclip.run.Configs;
import org.rafclip.run.Default;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Reading;

/**
 * The shape of a dual encoder: CLIP's (Radford et al. 2021) where nothing else is said, or SigLIP's (Zhai et al. 2023).
 *
 * @param embedWidth d, the width of the shared embedding space
 * @param activation of every MLP: {@code gelu} in OpenCLIP, {@code quick-gelu} in OpenAI's weights, {@code gelu-tanh} in
 *     SigLIP
 * @param layerNormEps ε of every layer norm; SigLIP's is 1e-6, and so is that of timm's image towers
 * @param logitScale the temperature's logarithm at the start; CLIP's is ln(1/0.07), SigLIP's ln 10
 * @param logitBias what the sigmoid loss adds to every similarity at the start; SigLIP's is −10. Without it the model has
 *     no such parameter, as CLIP has none
 */
public record ClipConfig(
        int embedWidth,
        @Default("gelu") Activation activation,
        @Default("1e-5") double layerNormEps,
        @Default("2.659260036932778") double logitScale,
        @Default("null") Double logitBias,
        Vision vision,
        Text text) {

    /** The bias that SigLIP starts from. */
    public static final double SIGLIP_LOGIT_BIAS = -10;

    /** Of a ModifiedResNet. */
    private static final int STAGES = 4;

    /** ε of CLIP's layer norms. */
    public static final double LAYER_NORM_EPS = 1e-5;

    public ClipConfig {
        positive("embed-width", embedWidth);
        if (!(layerNormEps > 0)) {
            throw new IllegalArgumentException("layer-norm-eps must be above 0, not " + layerNormEps);
        }
        vision.projection().requireWidth("vision.width", vision.width(), embedWidth);
        text.projection().requireWidth("text.width", text.width(), embedWidth);
    }

    /** Of CLIP's kind. */
    public ClipConfig(int embedWidth, Activation activation, double logitScale, Vision vision, Text text) {
        this(embedWidth, activation, LAYER_NORM_EPS, logitScale, null, vision, text);
    }

    /** The same model with what the sigmoid loss needs: SigLIP's bias at the start, if it has none. */
    public ClipConfig withBiasOfLoss() {
        return logitBias != null
                ? this
                : new ClipConfig(embedWidth, activation, layerNormEps, logitScale, SIGLIP_LOGIT_BIAS, vision, text);
    }

    /** The same model without dropout and stochastic depth. */
    public ClipConfig withoutDropout() {
        return new ClipConfig(
                embedWidth,
                activation,
                layerNormEps,
                logitScale,
                logitBias,
                vision.withDropout(0).withDropPath(0),
                text.withDropout(0));
    }

    /** Of the text tower's MLPs. */
    public Activation textActivation() {
        return text.activation() == null ? activation : text.activation();
    }

    /** ε of the text tower's layer norms. */
    public double textLayerNormEps() {
        return text.layerNormEps() == null ? layerNormEps : text.layerNormEps();
    }

    /** A built-in configuration such as {@code vit-b-32}. */
    public static ClipConfig named(String name) {
        String file = name + ".yaml";
        try (InputStream resource = ClipConfig.class.getResourceAsStream(file)) {
            if (resource == null) {
                throw new IllegalArgumentException(
                        "there is no built-in model named " + name + ": choose one of " + String.join(", ", NAMES));
            }
            String yaml = new String(resource.readAllBytes(), StandardCharsets.UTF_8);
            return Configs.parse(yaml, file, List.of(), ClipConfig.class);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The names that {@link #named} knows. */
    public static final List<String> NAMES =
            List.of("vit-b-32", "vit-b-32-quickgelu", "vit-small", "vit-tiny", "siglip-b-16", "rn50");

    /** Which of a text's tokens is its feature. */
    public enum TextPool {
        /** The end token; what stands behind it is never looked at where the tower is causal (CLIP). */
        END_TOKEN,
        /** The last of the whole context, up to which every text is filled (SigLIP). */
        LAST_TOKEN,
        /** The mean of all of them; what fills a text up is not seen (XLM-RoBERTa in OpenCLIP). */
        MEAN
    }

    /** How the tokens of an image become one feature. */
    public enum Pool {
        /** A learned class token, normalised and projected (CLIP). */
        CLASS_TOKEN,
        /** The mean of the patch tokens, normalised and projected. */
        MEAN,
        /** The same beside a class token, which other tokens see and nobody reads (CLIPA). */
        MEAN_BESIDE_CLASS_TOKEN,
        /** What a learned query finds in the normalised patch tokens, after an MLP (SigLIP). */
        ATTENTION
    }

    /** How a tower's feature gets into the embedding space. */
    public enum Projection {
        /** Times a matrix (CLIP). */
        MATRIX,
        /** By a linear layer, which has a bias. */
        LINEAR,
        /** By two matrices with a GELU between them, where vectors are half as wide as both sides together. */
        MLP,
        /** It is there already: the tower is as wide as the embedding. */
        NONE;

        private void requireWidth(String key, int width, int embedWidth) {
            if (this == NONE && width != embedWidth) {
                throw new IllegalArgumentException(
                        key + " " + width + " must be embed-width " + embedWidth + " where projection is none");
            }
        }
    }

    /**
     * The image tower.
     *
     * @param imageSize pixels a side
     * @param patchSize pixels a side
     * @param stem widths of 3×3 convolutions with stride 2 before the patches are cut (Xiao et al. 2021); none in CLIP
     * @param dropPath stochastic depth at the last block, growing from 0 at the first
     * @param patchBias whether the patch embedding has a bias; without in CLIP
     * @param preNorm whether a layer norm stands before the first block, as in CLIP
     * @param projection of the feature, and of each token where one is asked for them
     * @param normBeforeMean whether the mean is one of normalised tokens, instead of being normalised itself
     * @param stages blocks of each stage of a ModifiedResNet, whose layers they are; none for a vision transformer. Its class
     *     token is the mean of all patches, its width that of the first stage's inner convolutions, its heads those of the
     *     attention at the end, which is its projection
     */
    public record Vision(
            int imageSize,
            int patchSize,
            int width,
            int layers,
            int heads,
            @Default("4") double mlpRatio,
            @With @Default("class-token") Pool pool,
            @With @Default("[]") List<Integer> stem,
            @With @Default("0") double dropout,
            @With @Default("0") double dropPath,
            @With @Default("false") boolean patchBias,
            @With @Default("true") boolean preNorm,
            @With @Default("matrix") Projection projection,
            @With @Default("false") boolean normBeforeMean,
            @Default("[]") List<Integer> stages) {

        /** A vision transformer of CLIP's kind, whose other kinds are this one {@code with} what differs. */
        public static Vision ofClip(int imageSize, int patchSize, int width, int layers, int heads, double mlpRatio) {
            return new Vision(
                    imageSize,
                    patchSize,
                    width,
                    layers,
                    heads,
                    mlpRatio,
                    Pool.CLASS_TOKEN,
                    List.of(),
                    0,
                    0,
                    false,
                    true,
                    Projection.MATRIX,
                    false,
                    List.of());
        }

        /** A ModifiedResNet (Radford et al. 2021). */
        public static Vision residual(int imageSize, int width, int heads, List<Integer> stages) {
            return new Vision(
                    imageSize,
                    ResidualTower.PATCH,
                    width,
                    stages.stream().mapToInt(Integer::intValue).sum(),
                    heads,
                    4,
                    Pool.CLASS_TOKEN,
                    List.of(),
                    0,
                    0,
                    false,
                    true,
                    Projection.LINEAR,
                    false,
                    stages);
        }

        public Vision {
            positive("image-size", imageSize);
            positive("patch-size", patchSize);
            stem = List.copyOf(stem);
            if (normBeforeMean && pool != Pool.MEAN && pool != Pool.MEAN_BESIDE_CLASS_TOKEN) {
                throw new IllegalArgumentException("norm-before-mean says how a mean is taken, and pool is no mean");
            }
            stages = List.copyOf(stages);
            if (stages.isEmpty()) {
                checkTower(width, layers, heads, mlpRatio);
            } else {
                checkResidual(patchSize, width, layers, heads, stages);
                if (pool != Pool.CLASS_TOKEN
                        || projection != Projection.LINEAR
                        || !stem.isEmpty()
                        || dropout > 0
                        || dropPath > 0
                        || patchBias
                        || !preNorm) {
                    throw new IllegalArgumentException(
                            "a ModifiedResNet (stages " + stages + ") has projection: linear, and no"
                                    + " other pool, stem, dropout, drop-path, patch-bias or pre-norm: false");
                }
            }
            if (imageSize % patchSize != 0 || patchSize % (1 << stem.size()) != 0) {
                throw new IllegalArgumentException("image-size " + imageSize + " must be a multiple of patch-size "
                        + patchSize
                        + (stem.isEmpty()
                                ? ""
                                : ", and that of 2 for each of the " + stem.size() + " layers of the stem"));
            }
        }

        private static void checkResidual(int patchSize, int width, int layers, int heads, List<Integer> stages) {
            positive("width", width);
            positive("heads", heads);
            if (stages.size() != STAGES || stages.stream().anyMatch(blocks -> blocks < 1)) {
                throw new IllegalArgumentException(
                        "stages must be " + STAGES + " numbers of blocks, such as [3, 4, 6, 3], not " + stages);
            }
            int blocks = stages.stream().mapToInt(Integer::intValue).sum();
            if (patchSize != ResidualTower.PATCH
                    || layers != blocks
                    || width % 2 != 0
                    || (long) ResidualTower.LAST * width % heads != 0) {
                throw new IllegalArgumentException("with stages " + stages + " patch-size must be "
                        + ResidualTower.PATCH
                        + ", layers " + blocks + ", width even, and " + ResidualTower.LAST
                        + " times width a multiple of heads, not " + patchSize + ", " + layers + ", " + width + " and "
                        + heads);
            }
        }

        /** Whether it is a ModifiedResNet, not a vision transformer. */
        public boolean residual() {
            return !stages.isEmpty();
        }

        /** Patch tokens of an image. */
        public int patches() {
            return (imageSize / patchSize) * (imageSize / patchSize);
        }

        /** The tokens that an image is given out as: its patches, behind the class token where that is read. */
        public int tokens() {
            return patches() + (pool == Pool.CLASS_TOKEN ? 1 : 0);
        }

        /** The tokens that the blocks see. */
        public int tokensInside() {
            return patches() + (withClassToken() ? 1 : 0);
        }

        /** Whether a class token stands before the patches. */
        public boolean withClassToken() {
            return pool == Pool.CLASS_TOKEN || pool == Pool.MEAN_BESIDE_CLASS_TOKEN;
        }

        int stemSize(int layer) {
            int size = imageSize;
            for (int i = 0; i < layer; i++) {
                size = Unfold.outputSize(size, 3, 2, 1);
            }
            return size;
        }
    }

    /**
     * The text tower.
     *
     * @param contextLength tokens at most, start and end token included
     * @param vocabularySize entries of the token embedding
     * @param causal whether a token sees only itself and those before it, as in CLIP; where it sees all, and texts are read
     *     at one token, they are filled up to the context
     * @param pool which token a text is read at
     * @param projection of the feature, and of each token where one is asked for them
     * @param activation of its MLPs where it is another than the image tower's
     * @param layerNormEps ε of its layer norms where it is another than the image tower's
     * @param postNorm whether a block's sums are normalised, and the tokens before the first block, as in BERT, instead of
     *     what goes into a block's branches and what comes out of the last block
     */
    public record Text(
            int contextLength,
            int vocabularySize,
            int width,
            int layers,
            int heads,
            @Default("4") double mlpRatio,
            @With @Default("0") double dropout,
            @With @Default("true") boolean causal,
            @With @Default("end-token") TextPool pool,
            @With @Default("matrix") Projection projection,
            @With @Default("null") Activation activation,
            @With @Default("null") Double layerNormEps,
            @With @Default("false") boolean postNorm) {

        /** Of CLIP's kind, whose other kinds are this one {@code with} what differs. */
        public static Text ofClip(
                int contextLength, int vocabularySize, int width, int layers, int heads, double mlpRatio) {
            return new Text(
                    contextLength,
                    vocabularySize,
                    width,
                    layers,
                    heads,
                    mlpRatio,
                    0,
                    true,
                    TextPool.END_TOKEN,
                    Projection.MATRIX,
                    null,
                    null,
                    false);
        }

        public Text {
            if (contextLength < 2) {
                throw new IllegalArgumentException("context-length must be at least 2, not " + contextLength);
            }
            positive("vocabulary-size", vocabularySize);
            checkTower(width, layers, heads, mlpRatio);
            if (layerNormEps != null && !(layerNormEps > 0)) {
                throw new IllegalArgumentException("text.layer-norm-eps must be above 0, not " + layerNormEps);
            }
        }

        /** What its tokenizer makes of texts. */
        public ClipTokenizer.Context context() {
            boolean seen = pool == TextPool.LAST_TOKEN || pool == TextPool.END_TOKEN && !causal;
            return new ClipTokenizer.Context(
                    contextLength,
                    seen,
                    switch (pool) {
                        case END_TOKEN -> Reading.END_TOKEN;
                        case LAST_TOKEN -> Reading.LAST_TOKEN;
                        case MEAN -> Reading.WHOLE;
                    });
        }

        /** The same tower for another vocabulary. */
        public Text withVocabularySize(int size) {
            return new Text(
                    contextLength,
                    size,
                    width,
                    layers,
                    heads,
                    mlpRatio,
                    dropout,
                    causal,
                    pool,
                    projection,
                    activation,
                    layerNormEps,
                    postNorm);
        }
    }

    /** The same model for another vocabulary. */
    public ClipConfig withVocabularySize(int size) {
        return new ClipConfig(
                embedWidth, activation, layerNormEps, logitScale, logitBias, vision, text.withVocabularySize(size));
    }

    private static void checkTower(int width, int layers, int heads, double mlpRatio) {
        positive("width", width);
        positive("heads", heads);
        if (layers < 0 || width % heads != 0) {
            throw new IllegalArgumentException(
                    "width " + width + " must be a multiple of heads " + heads + ", layers " + layers + " at least 0");
        }
        double hidden = width * mlpRatio;
        if (!(hidden >= 1 && hidden <= Integer.MAX_VALUE)) {
            throw new IllegalArgumentException("mlp-ratio " + mlpRatio + " must make an MLP of a width from 1 on");
        }
    }

    private static void positive(String key, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(key + " must be at least 1, not " + value);
        }
    }
}
