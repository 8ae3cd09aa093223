package org.rafclip.onnx.write;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.onnx.ElementType;
import org.rafclip.ops.kernel.Kernels.Activation;

/**
 * A network as an ONNX graph, layer by layer, its weights found by the names of {@link org.rafclip.nn.Layers}. Tensors are
 * known by their names; every method adds a layer and returns the name of what it makes.
 */
public final class NetworkWriter {

    /** What hides a key: so far below every score that softmax leaves nothing of it, in half precision too. */
    private static final double HIDDEN = -30_000;

    private final GraphWriter graph;
    private final Map<String, INDArray> parameters;
    private final double eps;

    /**
     * @param name of the graph
     * @param parameters of the network
     * @param eps of every layer norm
     */
    public NetworkWriter(String name, Map<String, INDArray> parameters, double eps, Numbers numbers) {
        this.graph = new GraphWriter(name, numbers);
        this.parameters = parameters;
        this.eps = eps;
    }

    GraphWriter graph() {
        return graph;
    }

    INDArray parameter(String name) {
        INDArray array = parameters.get(name);
        if (array == null) {
            throw new IllegalArgumentException("the network has no parameter " + name);
        }
        return array;
    }

    /**
     * An input in single precision.
     *
     * @param dimensions numbers, or texts for open ones
     */
    public String floatInput(String name, Object... dimensions) {
        return graph.floatInput(name, dimensions);
    }

    /** An input of whole numbers of 64 bits. */
    public String integerInput(String name, Object... dimensions) {
        return graph.input(name, ElementType.INT64, dimensions);
    }

    /** Gives a tensor out under a name, in single precision. */
    public void output(String tensor, String name, Object... dimensions) {
        graph.floatOutput(tensor, name, dimensions);
    }

    /** A linear layer with bias. */
    public String linear(String x, String name) {
        return graph.linear(x, name, parameter(name + ".weight"), parameter(name + ".bias"));
    }

    /** A projection without bias by a parameter {@code [in, out]}. */
    String projection(String x, String name) {
        return graph.linear(x, name, parameter(name).transpose(), null);
    }

    public String layerNorm(String x, String name) {
        return graph.layerNorm(x, name, parameter(name + ".weight"), parameter(name + ".bias"), eps);
    }

    public String add(String a, String b) {
        return graph.add(a, b);
    }

    public String subtract(String a, String b) {
        return graph.node("Sub", List.of(a, b));
    }

    public String multiply(String a, String b) {
        return graph.multiply(a, b);
    }

    /** Side by side along the last dimension of matrices. */
    public String beside(String a, String b) {
        return graph.concat(1, a, b);
    }

    /** At length 1: {@code [batch, width]}. */
    public String unit(String x) {
        return graph.unit(x);
    }

    public String activation(Activation activation, String x) {
        return switch (activation) {
            case GELU -> {
                String erf = graph.node("Erf", List.of(graph.node("Div", List.of(x, graph.number(Math.sqrt(2))))));
                yield graph.multiply(graph.multiply(x, graph.add(erf, graph.number(1))), graph.number(0.5));
            }
            case GELU_TANH -> {
                String cube = graph.multiply(x, graph.multiply(x, x));
                String inner = graph.add(x, graph.multiply(cube, graph.number(0.044715)));
                String tanh = graph.node("Tanh", List.of(graph.multiply(inner, graph.number(Math.sqrt(2 / Math.PI)))));
                yield graph.multiply(graph.multiply(x, graph.add(tanh, graph.number(1))), graph.number(0.5));
            }
            case QUICK_GELU ->
                graph.multiply(x, graph.node("Sigmoid", List.of(graph.multiply(x, graph.number(1.702)))));
            case RELU -> graph.node("Relu", List.of(x));
            case SIGMOID -> graph.node("Sigmoid", List.of(x));
        };
    }

    /** Two linear layers around an activation. */
    public String mlp(String x, String name, Activation activation) {
        return linear(activation(activation, linear(x, name + ".c_fc")), name + ".c_proj");
    }

    /** @param mask added to the scores, null for none */
    public String selfAttention(String x, String name, int heads, String mask) {
        INDArray weight = parameter(name + ".in_proj_weight");
        String packed = graph.linear(x, name + ".in_proj", weight, parameter(name + ".in_proj_bias"));
        List<String> parts = graph.nodes("Split", List.of(packed), 3, "axis", 2L);
        int width = Math.toIntExact(weight.size(1));
        return linear(
                graph.attention(parts.get(0), parts.get(1), parts.get(2), heads, width, mask), name + ".out_proj");
    }

    /** Attention of one query {@code [1, 1, width]}, the same for each sample, by PyTorch's packed projections. */
    String attentionFrom(INDArray query, String tokens, String name, int heads) {
        INDArray weight = parameter(name + ".in_proj_weight");
        INDArray bias = parameter(name + ".in_proj_bias");
        long width = weight.size(1);
        INDArray ofQuery = weight.get(NDArrayIndex.interval(0, width));
        INDArray biasOfQuery = bias.get(NDArrayIndex.interval(0, width));
        String one = graph.linear(graph.weights(name + ".query", query), name + ".q_proj", ofQuery, biasOfQuery);
        String shape = graph.concat(0, graph.length(tokens, 0), graph.integers(1, width));
        String packed = graph.linear(
                tokens,
                name + ".kv_proj",
                weight.get(NDArrayIndex.interval(width, 3 * width)),
                bias.get(NDArrayIndex.interval(width, 3 * width)));
        List<String> parts = graph.nodes("Split", List.of(packed), 2, "axis", 2L);
        String queries = graph.node("Expand", List.of(one, shape));
        String attended = graph.attention(queries, parts.get(0), parts.get(1), heads, Math.toIntExact(width), null);
        return linear(attended, name + ".out_proj");
    }

    /** @param mask added to the scores, null for none */
    public String crossAttention(String x, String other, String name, int heads, String mask) {
        List<String> parts = graph.nodes("Split", List.of(linear(other, name + ".kv_proj")), 2, "axis", 2L);
        int width = Math.toIntExact(parameter(name + ".q_proj.weight").size(0));
        String attended = graph.attention(linear(x, name + ".q_proj"), parts.get(0), parts.get(1), heads, width, mask);
        return linear(attended, name + ".out_proj");
    }

    /** A block of {@link org.rafclip.nn.TransformerBlock#preNorm}. */
    String preNorm(String x, String name, int heads, Activation activation, String mask) {
        String mixed = add(x, selfAttention(layerNorm(x, name + ".ln_1"), name + ".attn", heads, mask));
        return add(mixed, mlp(layerNorm(mixed, name + ".ln_2"), name + ".mlp", activation));
    }

    /** A block of {@link org.rafclip.nn.TransformerBlock#postNorm} without another sequence. */
    String postNorm(String x, String name, int heads, Activation activation, String mask) {
        String mixed = layerNorm(add(x, selfAttention(x, name + ".attn", heads, mask)), name + ".ln_1");
        return layerNorm(add(mixed, mlp(mixed, name + ".mlp", activation)), name + ".ln_2");
    }

    /**
     * A block of {@link org.rafclip.nn.TransformerBlock#postNorm} with another sequence.
     *
     * @param mask of the tokens' own scores, null for none
     * @param otherMask of the scores on the other tokens, null for none
     */
    public String postNorm(
            String x, String other, String name, int heads, Activation activation, String mask, String otherMask) {
        String mixed = layerNorm(add(x, selfAttention(x, name + ".attn", heads, mask)), name + ".ln_1");
        String crossed = crossAttention(mixed, other, name + ".cross_attn", heads, otherMask);
        String joined = layerNorm(add(mixed, crossed), name + ".ln_2");
        return layerNorm(add(joined, mlp(joined, name + ".mlp", activation)), name + ".ln_3");
    }

    /** A mask {@code [1, 1, n, n]} that hides from every token those behind it. */
    String causalMask(String name, int tokens) {
        float[][] mask = new float[tokens][tokens];
        for (int i = 0; i < tokens; i++) {
            for (int j = i + 1; j < tokens; j++) {
                mask[i][j] = (float) HIDDEN;
            }
        }
        return graph.weights(name, Nd4j.createFromArray(mask).reshape(1, 1, tokens, tokens));
    }

    /**
     * A mask {@code [batch, 1, 1, tokens]} that hides the tokens behind each sample's length.
     *
     * @param tokens {@code [batch, tokens, width]}
     * @param lengths {@code INT64 [batch]}
     */
    public String lengthMask(String tokens, String lengths) {
        String count = graph.node("Squeeze", List.of(graph.length(tokens, 1)));
        String places = graph.node("Range", List.of(graph.integer(0), count, graph.integer(1)));
        String real = graph.node("Less", List.of(places, graph.reshape(lengths, -1, 1, 1, 1)));
        return graph.node("Where", List.of(real, graph.number(0), graph.number(HIDDEN)));
    }

    /** A mask {@code [batch, 1, 1, tokens]} that hides tokens by a truth value each, {@code [batch, tokens]}. */
    String mask(String hidden) {
        String spread = graph.node("Unsqueeze", List.of(hidden, graph.integers(1, 2)));
        return graph.node("Where", List.of(spread, graph.number(HIDDEN), graph.number(0)));
    }

    /** The mean of each sample's tokens but the hidden ones, of which there is a truth value each. */
    String meanToken(String tokens, String hidden) {
        String seen = graph.node("Where", List.of(hidden, graph.number(0), graph.number(1)));
        String share = graph.node(
                "Div", List.of(seen, graph.node("ReduceSum", List.of(seen, graph.integers(1)), "keepdims", 1L)));
        String row = graph.node("Unsqueeze", List.of(share, graph.integers(1)));
        return graph.node("Squeeze", List.of(graph.node("MatMul", List.of(row, tokens)), graph.integers(1)));
    }

    /** The first of each sample's tokens: {@code [batch, tokens, width]} → {@code [batch, width]}. */
    public String firstToken(String tokens) {
        return graph.node("Gather", List.of(tokens, graph.integer(0)), "axis", 1L);
    }

    /** All of each sample's tokens but the first. */
    String withoutFirstToken(String tokens) {
        return graph.node(
                "Slice", List.of(tokens, graph.integers(1), graph.integers(Integer.MAX_VALUE), graph.integers(1)));
    }

    /** The last of each sample's tokens. */
    public String lastToken(String tokens, String lengths) {
        return tokenAt(tokens, graph.node("Sub", List.of(lengths, graph.integer(1))));
    }

    /** The token at each sample's place {@code INT64 [batch]}. */
    String tokenAt(String tokens, String places) {
        return graph.node("GatherND", List.of(tokens, graph.reshape(places, -1, 1)), "batch_dims", 1L);
    }

    /** The last token of the whole context. */
    String tokenFromEnd(String tokens) {
        return graph.node("Gather", List.of(tokens, graph.integer(-1)), "axis", 1L);
    }

    /** The mean of each sample's tokens. */
    public String meanToken(String tokens) {
        return graph.node("ReduceMean", List.of(tokens), "axes", new long[] {1}, "keepdims", 0L);
    }

    /** Vectors as sequences of one token: {@code [batch, width]} → {@code [batch, 1, width]}. */
    public String asToken(String x) {
        return graph.node("Unsqueeze", List.of(x, graph.integers(1)));
    }

    /**
     * Writes the model; weights that do not fit into one file of protobuf lie in {@code FILE.data} beside it.
     *
     * @throws IOException if it cannot be written, or is there already
     */
    public void write(Path file) throws IOException {
        graph.write(file);
    }
}
