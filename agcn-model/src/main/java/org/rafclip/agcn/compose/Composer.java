package org.rafclip.agcn.compose;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.DualEncoder;
import org.rafclip.nn.Layers;
import org.rafclip.nn.Scope;
import org.rafclip.ops.op.L2Normalize;
import org.rafclip.ops.op.WeightedSum;

/**
 * A network that composes the features of a reference image and of a modifying text into one query, as one SameDiff
 * graph: M(I_r ⊕ T_r) of Wang and Zhao 2024, Eq. 6.
 *
 * <p>Placeholders are the outputs of a {@link DualEncoder} under its own names, plus {@link #TEXT_LENGTHS};
 * {@link #inputs()} says which of them the network at hand reads. With {@link Scope#DROPOUT_SEED} −1 nothing is dropped.
 * No sample of a batch and no token behind a text's length has any influence on another sample's query.
 *
 * <p>The graph's loss is {@code Σ queryEmbedding · queryGradient}: whoever knows the gradient of a loss with respect to
 * the queries feeds it and gets the gradient with respect to the parameters, so that a batch may be computed in pieces.
 */
public final class Composer {

    /** I_r: the projected tokens of the reference images {@code [batch, imageTokens, d]}. */
    public static final String IMAGE_TOKENS = DualEncoder.IMAGE_TOKENS;

    /** T_r: the projected tokens of the texts {@code [batch, textTokens, d]}, finite numbers behind their ends too. */
    public static final String TEXT_TOKENS = DualEncoder.TEXT_TOKENS;

    /** How many tokens of each text are real, start and end token included, {@code INT [batch]}. */
    public static final String TEXT_LENGTHS = "textLengths";

    /** The projected pooled features of the reference images {@code [batch, d]}. */
    public static final String IMAGE_FEATURES = DualEncoder.IMAGE_FEATURES;

    /** The projected pooled features of the texts {@code [batch, d]}. */
    public static final String TEXT_FEATURES = DualEncoder.TEXT_FEATURES;

    /** The composed query at length 1, {@code [batch, d]}. */
    public static final String QUERY_EMBEDDING = "queryEmbedding";

    /** The composed query F as the network leaves it, {@code [batch, d]}. */
    public static final String QUERY_FEATURES = "queryFeatures";

    /** F_i, what the image-to-text branch gives, {@code [batch, d]}. */
    public static final String IMAGE_BRANCH = "imageBranch";

    /** F_t, what the text-to-image branch gives, {@code [batch, d]}. */
    public static final String TEXT_BRANCH = "textBranch";

    /** a, the weight of {@link #IMAGE_BRANCH}: {@code [batch, 1]}, or {@code [batch, d]} for vector gates. */
    public static final String IMAGE_GATE = "imageGate";

    /** b, the weight of {@link #TEXT_BRANCH}: {@code [batch, 1]}, or {@code [batch, d]} for vector gates. */
    public static final String TEXT_GATE = "textGate";

    /** σ, the share of the text's own feature in CLIP4Cir's query, {@code [batch, 1]}. */
    public static final String TEXT_SHARE = "textShare";

    /** The gradient of a loss with respect to {@link #QUERY_EMBEDDING}. */
    public static final String QUERY_GRADIENT = "queryGradient";

    private static final String LOSS = "gradientCarrier";
    private static final List<String> INPUTS =
            List.of(IMAGE_TOKENS, TEXT_TOKENS, TEXT_LENGTHS, IMAGE_FEATURES, TEXT_FEATURES);
    private static final List<String> OUTPUTS =
            List.of(QUERY_EMBEDDING, QUERY_FEATURES, IMAGE_BRANCH, TEXT_BRANCH, IMAGE_GATE, TEXT_GATE, TEXT_SHARE);

    private final ComposerConfig config;
    private final int width;
    private final SameDiff graph;

    /**
     * Builds the graph with random weights.
     *
     * @param width d, the encoder's embedding width
     * @param pool how the encoder pools an image's tokens: says whether the first of them is a class token
     * @param type FLOAT, or DOUBLE for gradient checks
     * @throws IllegalArgumentException if the number of heads does not divide the width
     */
    public Composer(ComposerConfig config, int width, Pool pool, DataType type, long seed) {
        this(config, width, pool, Scope.root(type, seed));
    }

    /** Builds the graph in an empty scope, which says where weights come from. */
    Composer(ComposerConfig config, int width, Pool pool, Scope root) {
        this.config = config;
        this.width = width;
        DataType type = root.type();
        this.graph = root.graph();
        Composition network = switch (config.kind()) {
            case AGCN, ADD, ONLY_TEXT, ONLY_IMAGE -> new BidirectionalAttention(config, width, pool);
            case SUM -> (scope, features) -> features.image().add(features.text());
            case CLIP4CIR -> new Clip4CirCombiner(config.combiner(), width);
        };
        SDVariable query = network.compose(root, new QueryFeatures(graph, type, width, config.pooled()));
        query.rename(QUERY_FEATURES);
        SDVariable embedding = new L2Normalize(graph, query).output().rename(QUERY_EMBEDDING);
        new WeightedSum(graph, embedding, graph.placeHolder(QUERY_GRADIENT, type))
                .output()
                .rename(LOSS);
        graph.setLossVariables(LOSS);
    }

    public ComposerConfig config() {
        return config;
    }

    /** The embedding width d. */
    public int width() {
        return width;
    }

    public SameDiff graph() {
        return graph;
    }

    /** The feature placeholders that this network reads. */
    public List<String> inputs() {
        return INPUTS.stream().filter(graph::hasVariable).toList();
    }

    /** The names of the values that a request can name, besides attention weights. */
    public List<String> outputs() {
        return OUTPUTS.stream().filter(graph::hasVariable).toList();
    }

    /**
     * The names of the cross-attention weights of a branch, block by block: {@code [batch, heads, queries, keys]}, where
     * the image branch has image tokens as queries and text tokens as keys, the text branch the reverse. In the last
     * block the only query is the token that the branch's result is read from, if it is read from one.
     *
     * @param branch {@link #IMAGE_BRANCH} or {@link #TEXT_BRANCH}
     * @throws IllegalArgumentException if this network has no such branch
     */
    public List<String> crossAttention(String branch) {
        if (!graph.hasVariable(branch)) {
            throw new IllegalArgumentException(
                    "composer " + config.kind() + " has no " + branch + ", only " + outputs());
        }
        List<String> names = new ArrayList<>();
        for (int block = 0; block < config.branches().blocks(); block++) {
            names.add(BidirectionalAttention.crossAttentionScope(branch, block) + Layers.ATTENTION_WEIGHTS);
        }
        return names;
    }

    /** The trainable arrays themselves by name, in the order of the graph; empty for {@code sum}. */
    public Map<String, INDArray> parameters() {
        Map<String, INDArray> parameters = new LinkedHashMap<>();
        for (SDVariable variable : graph.variables()) {
            if (variable.getVariableType() == VariableType.VARIABLE) {
                parameters.put(variable.name(), variable.getArr());
            }
        }
        return parameters;
    }

    /** How many trainable numbers there are. */
    public long parameterCount() {
        return parameters().values().stream().mapToLong(INDArray::length).sum();
    }
}
