package org.rafclip.clip;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.nn.Layers;
import org.rafclip.nn.Layers.Deviations;
import org.rafclip.nn.Lora;
import org.rafclip.nn.Scope;
import org.rafclip.nn.Tokens;
import org.rafclip.nn.TransformerBlock;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.op.ActivationOp;
import org.rafclip.ops.op.AddPositions;
import org.rafclip.ops.op.Convolution;
import org.rafclip.ops.op.L2Normalize;
import org.rafclip.ops.op.LayerNorm;
import org.rafclip.ops.op.Linear;
import org.rafclip.ops.op.MeanTokens;
import org.rafclip.ops.op.SelectToken;
import org.rafclip.ops.op.Unfold;
import org.rafclip.ops.op.UnpackTokens;
import org.rafclip.ops.op.WeightedSum;
import org.rafclip.ops.op.WithoutFirstToken;

/**
 * CLIP's image encoder V and text encoder G (Radford et al. 2021; Wang and Zhao 2024, Fig. 1), or SigLIP's (Zhai et al.
 * 2023), as one SameDiff graph.
 *
 * <p>Placeholders: {@link #IMAGES}, {@link #TOKENS} and {@link #TOKEN_ENDS}; a request for one tower's outputs needs that
 * tower's placeholders only. Outputs are the constants below. With {@link Scope#DROPOUT_SEED} −1 nothing is dropped.
 *
 * <p>The graph's loss is {@code Σ imageEmbedding · imageGradient + Σ textEmbedding · textGradient}: whoever knows the
 * gradient of a loss with respect to the embeddings feeds it and gets the gradient with respect to the parameters; for one
 * tower's parameters that tower's placeholders are enough.
 */
public final class DualEncoder {

    /** Normalised pixels {@code [batch, 3, size, size]}. */
    public static final String IMAGES = "images";

    /**
     * Token ids {@code INT [texts, tokens]}; what stands behind a text's end token has no influence where the tower is
     * causal, or takes the mean of a text's tokens.
     */
    public static final String TOKENS = "tokens";

    /** The position at which each text is read: its end token, or the last; or up to which it is, {@code INT [texts]}. */
    public static final String TOKEN_ENDS = "tokenEnds";

    /** Projected tokens {@code [batch, imageTokens, d]}: the class token, where that is read, then the patches. */
    public static final String IMAGE_TOKENS = "imageTokens";

    /** Projected pooled features {@code [batch, d]}. */
    public static final String IMAGE_FEATURES = "imageFeatures";

    /** The features at length 1, {@code [batch, d]}. */
    public static final String IMAGE_EMBEDDING = "imageEmbedding";

    /**
     * Projected tokens {@code [texts, tokens, d]}; zeros behind the token that a text is read at, or up to which it is, unless
     * that one looks further.
     */
    public static final String TEXT_TOKENS = "textTokens";

    /** Projected features of the tokens that texts are read at, or of their mean, {@code [texts, d]}. */
    public static final String TEXT_FEATURES = "textFeatures";

    /** The features at length 1, {@code [texts, d]}. */
    public static final String TEXT_EMBEDDING = "textEmbedding";

    /** The logarithm of the temperature, a trainable scalar outside of the graph's loss. */
    public static final String LOGIT_SCALE = "logit_scale";

    /** What the sigmoid loss adds to every similarity, a trainable scalar outside of the graph's loss, where there is one. */
    public static final String LOGIT_BIAS = "logit_bias";

    /** The gradient of a loss with respect to {@link #IMAGE_EMBEDDING}. */
    public static final String IMAGE_GRADIENT = "imageGradient";

    /** The gradient of a loss with respect to {@link #TEXT_EMBEDDING}. */
    public static final String TEXT_GRADIENT = "textGradient";

    private static final String IMAGE_LOSS = "imageGradientCarrier";
    private static final String TEXT_LOSS = "textGradientCarrier";

    private final ClipConfig config;
    private final SameDiff graph;
    private final Lora lora;

    /**
     * Builds the graph with random weights.
     *
     * @param type FLOAT, or DOUBLE for gradient checks
     */
    public DualEncoder(ClipConfig config, DataType type, long seed) {
        this(config, type, seed, Lora.NONE);
    }

    /**
     * Builds the graph with random weights and adapters in its transformer blocks.
     *
     * @param type FLOAT, or DOUBLE for gradient checks
     */
    public DualEncoder(ClipConfig config, DataType type, long seed, Lora lora) {
        this(config, Scope.root(type, seed), lora);
    }

    private DualEncoder(ClipConfig config, Scope root, Lora lora) {
        this.config = config;
        this.lora = lora;
        this.graph = root.graph();
        imageTower(root.at("visual"));
        textTower(root);
        root.filled(LOGIT_SCALE, config.logitScale());
        if (config.logitBias() != null) {
            root.filled(LOGIT_BIAS, config.logitBias());
        }
        carryGradient(IMAGE_EMBEDDING, IMAGE_GRADIENT, IMAGE_LOSS);
        carryGradient(TEXT_EMBEDDING, TEXT_GRADIENT, TEXT_LOSS);
        graph.setLossVariables(IMAGE_LOSS, TEXT_LOSS);
    }

    /**
     * Builds the graph for weights that are filled in at once: until then they are undefined.
     *
     * @param expectation told of each before memory is taken
     */
    public static DualEncoder undrawn(ClipConfig config, Scope.Expectation expectation) {
        return undrawn(config, expectation, Lora.NONE);
    }

    /** {@link #undrawn(ClipConfig, Scope.Expectation)} with adapters, which are drawn. */
    public static DualEncoder undrawn(ClipConfig config, Scope.Expectation expectation, Lora lora) {
        return new DualEncoder(config, Scope.undrawn(DataType.FLOAT, expectation), lora);
    }

    /** One loss a tower, not their sum: the gradient of a sum would need both towers' inputs for either's parameters. */
    private void carryGradient(String embedding, String gradient, String loss) {
        SDVariable embedded = graph.getVariable(embedding);
        new WeightedSum(graph, embedded, graph.placeHolder(gradient, embedded.dataType()))
                .output()
                .rename(loss);
    }

    private void imageTower(Scope scope) {
        ClipConfig.Vision vision = config.vision();
        int width = vision.width();
        double deviation = 1 / Math.sqrt(width);
        SDVariable images = graph.placeHolder(IMAGES, scope.type(), -1, 3, vision.imageSize(), vision.imageSize());
        if (vision.residual()) {
            ResidualTower.Output output = new ResidualTower(vision, config.embedWidth(), graph).of(scope, images);
            output.tokens().rename(IMAGE_TOKENS);
            SDVariable found = output.features().rename(IMAGE_FEATURES);
            new L2Normalize(graph, found).output().rename(IMAGE_EMBEDDING);
            return;
        }
        SDVariable patches = vision.stem().isEmpty()
                ? Layers.patchEmbedding(scope.at("conv1"), images, 3, vision.patchSize(), width, vision.patchBias())
                : convolutionalStem(scope, images);
        SDVariable positions = scope.normal("positional_embedding", deviation, vision.tokensInside(), width);
        SDVariable x = vision.withClassToken()
                ? new AddPositions(graph, patches, positions, scope.normal("class_embedding", deviation, width))
                        .output()
                : new AddPositions(graph, patches, positions).output();
        if (vision.preNorm()) {
            x = Layers.layerNorm(scope.at("ln_pre"), x, width, config.layerNormEps());
        }
        UnaryOperator<SDVariable> classToken =
                vision.pool() == Pool.CLASS_TOKEN ? tokens -> new SelectToken(graph, tokens).output() : null;
        Blocks blocks = new Blocks(vision.layers(), layer -> {
            double dropPath = vision.layers() == 1 ? 0 : vision.dropPath() * layer / (vision.layers() - 1);
            return new TransformerBlock(
                    width,
                    vision.heads(),
                    hidden(width, vision.mlpRatio()),
                    config.activation(),
                    false,
                    config.layerNormEps(),
                    Deviations.clip(width, vision.layers()),
                    vision.dropout(),
                    dropPath);
        });
        Found found = blocks.preNorm(scope, Tokens.of(x), classToken);
        x = found.tokens().values();
        if (vision.pool() == Pool.MEAN_BESIDE_CLASS_TOKEN) {
            x = new WithoutFirstToken(graph, x).output();
        }
        Projected projected = projection(scope, "proj", vision.projection(), width);
        Norm norm = new Norm(scope.at("ln_post"), width, config.layerNormEps());
        SDVariable normed = norm.of(x);
        SDVariable pooled = switch (vision.pool()) {
            case CLASS_TOKEN -> norm.of(found.read());
            case MEAN, MEAN_BESIDE_CLASS_TOKEN ->
                vision.normBeforeMean()
                        ? new MeanTokens(graph, normed).output()
                        : norm.of(new MeanTokens(graph, x).output());
            case ATTENTION -> attentionPool(scope.at("attn_pool"), normed);
        };
        projected.of(normed).rename(IMAGE_TOKENS);
        SDVariable features = projected.of(pooled).rename(IMAGE_FEATURES);
        new L2Normalize(graph, features).output().rename(IMAGE_EMBEDDING);
    }

    private SDVariable attentionPool(Scope scope, SDVariable tokens) {
        ClipConfig.Vision vision = config.vision();
        int width = vision.width();
        SDVariable pooled = Layers.attentionPool(
                scope,
                tokens,
                width,
                vision.heads(),
                hidden(width, vision.mlpRatio()),
                config.activation(),
                config.layerNormEps(),
                Deviations.clip(width, vision.layers()));
        return new SelectToken(graph, pooled).output();
    }

    /** 3×3 convolutions with stride 2, each with layer norm and activation, then patches of what is left. */
    private SDVariable convolutionalStem(Scope scope, SDVariable images) {
        ClipConfig.Vision vision = config.vision();
        SDVariable x = images;
        int channels = 3;
        for (int i = 0; i < vision.stem().size(); i++) {
            Scope layer = scope.at("stem", i);
            int width = vision.stem().get(i);
            int size = vision.stemSize(i);
            int in = 9 * channels;
            SDVariable weight = layer.normal("conv.weight", Math.sqrt(2.0 / in), width, in);
            SDVariable bias = layer.filled("conv.bias", 0, width);
            SDVariable convolved = i == 0
                    ? Convolution.ofImages(graph, x, weight, bias, 3, 2, 1).output()
                    : Convolution.ofTokens(graph, x, size, size, weight, bias, 3, 2, 1)
                            .output();
            SDVariable normed = Layers.layerNorm(layer.at("ln"), convolved, width, config.layerNormEps());
            x = new ActivationOp(graph, config.activation(), normed).output();
            channels = width;
        }
        int size = vision.stemSize(vision.stem().size());
        int patch = vision.patchSize() >> vision.stem().size();
        SDVariable patches = patch == 1
                ? x
                : Unfold.tokens(graph, x, size, size, patch, patch, 0).output();
        int in = patch * patch * channels;
        return Layers.linear(scope.at("conv1"), patches, in, vision.width(), 1 / Math.sqrt(in));
    }

    private void textTower(Scope scope) {
        ClipConfig.Text text = config.text();
        int width = text.width();
        SDVariable tokens = graph.placeHolder(TOKENS, DataType.INT32, -1, -1);
        SDVariable ends = graph.placeHolder(TOKEN_ENDS, DataType.INT32, -1);
        SDVariable x = Layers.embedding(scope.at("token_embedding"), tokens, text.vocabularySize(), width, 0.02);
        x = Layers.positions(scope, "positional_embedding", x, text.contextLength(), width, 0.01);
        if (text.postNorm()) {
            x = Layers.layerNorm(scope.at("ln_embedding"), x, width, config.textLayerNormEps());
        }
        boolean mean = text.pool() == TextPool.MEAN;
        // A causal text knows nothing of what is behind the token that it is read at.
        boolean packed = mean || text.causal();
        Tokens inside = packed ? Tokens.packed(scope, x, ends.add(1)) : Tokens.of(x);
        UnaryOperator<SDVariable> lastToken = at -> packed
                ? SelectToken.last(graph, at, inside.lengths()).output()
                : new SelectToken(graph, at, ends).output();
        Blocks blocks = new Blocks(
                text.layers(),
                layer -> new TransformerBlock(
                        width,
                        text.heads(),
                        hidden(width, text.mlpRatio()),
                        config.textActivation(),
                        text.causal(),
                        config.textLayerNormEps(),
                        Deviations.clip(width, text.layers()),
                        text.dropout(),
                        0));
        Found found = text.postNorm()
                ? blocks.postNorm(scope, inside, mean ? null : lastToken)
                : blocks.preNorm(scope, inside, mean ? null : lastToken);
        Projected projected = projection(scope, "text_projection", text.projection(), width);
        Projected normed = text.postNorm()
                ? values -> values
                : new Norm(scope.at("ln_final"), width, config.textLayerNormEps())::of;
        SDVariable all = normed.of(found.tokens().values());
        SDVariable ofTokens = projected.of(all);
        (packed ? new UnpackTokens(graph, ofTokens, inside.lengths(), tokens).output() : ofTokens).rename(TEXT_TOKENS);
        SDVariable pooled = mean ? new MeanTokens(graph, all, inside.lengths()).output() : normed.of(found.read());
        SDVariable features = projected.of(pooled).rename(TEXT_FEATURES);
        new L2Normalize(graph, features).output().rename(TEXT_EMBEDDING);
    }

    /**
     * What blocks make of tokens.
     *
     * @param tokens all of them
     * @param read the one of each sample that the tower's output comes from, {@code [batch, width]}; null where that is all
     */
    private record Found(Tokens tokens, SDVariable read) {}

    /** A stack of blocks. Where one token of each sample is read, the last block is computed for that one alone. */
    private final class Blocks {
        private final int layers;
        private final IntFunction<TransformerBlock> block;

        Blocks(int layers, IntFunction<TransformerBlock> block) {
            this.layers = layers;
            this.block = block;
        }

        /** @param read from tokens to the one of each sample, {@code [batch, width]}; null for all */
        Found preNorm(Scope scope, Tokens tokens, UnaryOperator<SDVariable> read) {
            Tokens x = tokens;
            SDVariable one = read == null ? null : read.apply(x.values());
            for (int layer = 0; layer < layers; layer++) {
                Scope at = at(scope, layer);
                if (read != null && layer == layers - 1) {
                    SDVariable last =
                            block.apply(layer).preNorm(at, x, values -> graph.expandDims(read.apply(values), 1));
                    one = new SelectToken(graph, last).output();
                }
                x = new Tokens(block.apply(layer).preNorm(at, x), x.lengths(), false);
            }
            return new Found(x, one);
        }

        Found postNorm(Scope scope, Tokens tokens, UnaryOperator<SDVariable> read) {
            Tokens x = tokens;
            for (int layer = 0; layer < layers; layer++) {
                x = new Tokens(block.apply(layer).postNorm(at(scope, layer), x), x.lengths(), false);
            }
            return new Found(x, read == null ? null : read.apply(x.values()));
        }

        private Scope at(Scope scope, int layer) {
            return scope.adaptedBy(lora).at("transformer").at("resblocks", layer);
        }
    }

    /** How wide vectors are between the two matrices of {@link ClipConfig.Projection#MLP}. */
    public static int hiddenOfProjection(int width, int embedWidth) {
        return (width + embedWidth) / 2;
    }

    private static int hidden(int width, double mlpRatio) {
        return (int) Math.round(width * mlpRatio);
    }

    /** A layer norm that the tokens and the pooled feature share. */
    private final class Norm {
        private final SDVariable weight;
        private final SDVariable bias;
        private final double eps;

        Norm(Scope scope, int width, double eps) {
            this.weight = scope.filled("weight", 1, width);
            this.bias = scope.filled("bias", 0, width);
            this.eps = eps;
        }

        SDVariable of(SDVariable x) {
            return new LayerNorm(graph, x, weight, bias, eps).output();
        }
    }

    /** A tower's last step, shared by the tokens and the pooled feature. */
    @FunctionalInterface
    private interface Projected {
        SDVariable of(SDVariable x);
    }

    private Projected projection(Scope scope, String name, ClipConfig.Projection kind, int width) {
        double deviation = 1 / Math.sqrt(width);
        int embedWidth = config.embedWidth();
        return switch (kind) {
            case MATRIX -> {
                SDVariable weight = scope.normal(name, deviation, width, embedWidth);
                yield x -> Linear.projection(graph, x, weight).output();
            }
            case LINEAR -> {
                SDVariable weight = scope.at(name).normal("weight", deviation, embedWidth, width);
                SDVariable bias = scope.at(name).filled("bias", 0, embedWidth);
                yield x -> Linear.of(graph, x, weight, bias).output();
            }
            case MLP -> {
                int hidden = hiddenOfProjection(width, embedWidth);
                SDVariable first = scope.at(name).normal("c_fc", deviation, width, hidden);
                SDVariable second = scope.at(name).normal("c_proj", 1 / Math.sqrt(hidden), hidden, embedWidth);
                yield x -> {
                    SDVariable wide = Linear.projection(graph, x, first).output();
                    SDVariable active = new ActivationOp(graph, Activation.GELU, wide).output();
                    return Linear.projection(graph, active, second).output();
                };
            }
            case NONE -> x -> x;
        };
    }

    public ClipConfig config() {
        return config;
    }

    public SameDiff graph() {
        return graph;
    }

    /** The model's trainable arrays themselves by state-dict name, in the order of the graph; without those of adapters. */
    public Map<String, INDArray> parameters() {
        return variables(name -> !Lora.isFactor(name));
    }

    /** The factors of the adapters themselves by name, in the order of the graph; empty for a model without. */
    public Map<String, INDArray> adapters() {
        return variables(Lora::isFactor);
    }

    private Map<String, INDArray> variables(Predicate<String> wanted) {
        Map<String, INDArray> arrays = new LinkedHashMap<>();
        for (SDVariable variable : graph.variables()) {
            if (variable.getVariableType() == VariableType.VARIABLE && wanted.test(variable.name())) {
                arrays.put(variable.name(), variable.getArr());
            }
        }
        return arrays;
    }

    /** How many trainable numbers there are. */
    public long parameterCount() {
        return parameters().values().stream().mapToLong(INDArray::length).sum();
    }

    /** Whether a parameter is the loss's and no tower's. */
    public static boolean isOfLoss(String parameter) {
        return parameter.equals(LOGIT_SCALE) || parameter.equals(LOGIT_BIAS);
    }

    /** Whether a parameter belongs to the text tower. */
    public static boolean isTextual(String parameter) {
        return !isVisual(parameter) && !isOfLoss(parameter);
    }

    /** Whether a parameter belongs to the image tower. */
    public static boolean isVisual(String parameter) {
        return parameter.startsWith("visual.");
    }
}
