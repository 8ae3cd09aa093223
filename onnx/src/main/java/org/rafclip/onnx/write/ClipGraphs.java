package org.rafclip.onnx.write;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.clip.DualEncoder;
import org.rafclip.onnx.ElementType;
import org.rafclip.ops.kernel.Kernels.Activation;

/** The two towers of a dual encoder as ONNX graphs: what {@link DualEncoder} builds, in ONNX's operators. */
public final class ClipGraphs {

    public static final String IMAGES = "images";
    public static final String TOKENS = "tokens";
    public static final String IMAGE_FEATURES = "image_features";
    public static final String IMAGE_TOKENS = "image_tokens";
    public static final String TEXT_FEATURES = "text_features";
    public static final String TEXT_TOKENS = "text_tokens";

    private ClipGraphs() {}

    /**
     * The image tower: {@value #IMAGES} {@code [batch, 3, size, size]} → {@value #IMAGE_FEATURES} {@code [batch, d]},
     * {@value #IMAGE_TOKENS} {@code [batch, tokens, d]}, projected and not normalised.
     */
    public static NetworkWriter image(DualEncoder encoder, Numbers numbers) {
        ClipConfig config = encoder.config();
        ClipConfig.Vision vision = config.vision();
        NetworkWriter network = network("image", encoder, config.layerNormEps(), numbers);
        GraphWriter graph = network.graph();
        String images = network.floatInput(IMAGES, "batch", 3, vision.imageSize(), vision.imageSize());
        if (vision.residual()) {
            ResidualGraph.Output made = new ResidualGraph(network, vision).of(images);
            network.output(made.features(), IMAGE_FEATURES, "batch", config.embedWidth());
            network.output(made.tokens(), IMAGE_TOKENS, "batch", vision.tokens(), config.embedWidth());
            return network;
        }
        String x = patches(network, images, vision, config.activation());
        if (vision.withClassToken()) {
            String shape = graph.concat(0, graph.length(images, 0), graph.integers(1, vision.width()));
            String first = graph.weights(
                    "visual.class_embedding",
                    network.parameter("visual.class_embedding").reshape(1, 1, vision.width()));
            x = graph.concat(1, graph.node("Expand", List.of(first, shape)), x);
        }
        x = graph.add(
                x, graph.weights("visual.positional_embedding", network.parameter("visual.positional_embedding")));
        if (vision.preNorm()) {
            x = network.layerNorm(x, "visual.ln_pre");
        }
        for (int layer = 0; layer < vision.layers(); layer++) {
            x = network.preNorm(x, "visual.transformer.resblocks." + layer, vision.heads(), config.activation(), null);
        }
        if (vision.pool() == Pool.MEAN_BESIDE_CLASS_TOKEN) {
            x = network.withoutFirstToken(x);
        }
        String normed = network.layerNorm(x, "visual.ln_post");
        String pooled = switch (vision.pool()) {
            case CLASS_TOKEN -> network.layerNorm(network.firstToken(x), "visual.ln_post");
            case MEAN, MEAN_BESIDE_CLASS_TOKEN ->
                vision.normBeforeMean()
                        ? network.meanToken(normed)
                        : network.layerNorm(network.meanToken(x), "visual.ln_post");
            case ATTENTION -> attentionPool(network, normed, config);
        };
        String features = projected(network, pooled, "visual.proj", vision.projection());
        network.output(features, IMAGE_FEATURES, "batch", config.embedWidth());
        String tokens = projected(network, normed, "visual.proj", vision.projection());
        network.output(tokens, IMAGE_TOKENS, "batch", vision.tokens(), config.embedWidth());
        return network;
    }

    /**
     * The text tower: {@value #TOKENS} {@code INT64 [batch, length]}, padded with anything behind the end token; where
     * texts are read at their last token, filled up to the context; where the mean of their tokens is taken, padded with
     * {@code fill} → {@value #TEXT_FEATURES} {@code [batch, d]}, {@value #TEXT_TOKENS} {@code [batch, length, d]}, projected
     * and not normalised.
     *
     * @param end the end token, at whose first place a text is read
     * @param highest whether it is the highest id of all, which the padding then must not exceed
     * @param fill the token that no text has, where the mean is taken
     */
    public static NetworkWriter text(DualEncoder encoder, int end, boolean highest, int fill, Numbers numbers) {
        ClipConfig config = encoder.config();
        ClipConfig.Text text = config.text();
        NetworkWriter network = network("text", encoder, config.textLayerNormEps(), numbers);
        GraphWriter graph = network.graph();
        String tokens = network.integerInput(TOKENS, "batch", "length");
        String length = graph.length(tokens, 1);
        String table = graph.weights("token_embedding.weight", network.parameter("token_embedding.weight"));
        String positions = graph.node(
                "Slice",
                List.of(
                        graph.weights("positional_embedding", network.parameter("positional_embedding")),
                        graph.integers(0),
                        length,
                        graph.integers(0)));
        String x = graph.add(graph.node("Gather", List.of(table, tokens), "axis", 0L), positions);
        if (text.postNorm()) {
            x = network.layerNorm(x, "ln_embedding");
        }
        boolean mean = text.pool() == TextPool.MEAN;
        String filling = mean ? graph.node("Equal", List.of(tokens, graph.integer(fill))) : null;
        String mask = mask(network, text, length, filling);
        for (int layer = 0; layer < text.layers(); layer++) {
            String name = "transformer.resblocks." + layer;
            x = text.postNorm()
                    ? network.postNorm(x, name, text.heads(), config.textActivation(), mask)
                    : network.preNorm(x, name, text.heads(), config.textActivation(), mask);
        }
        String normed = text.postNorm() ? x : network.layerNorm(x, "ln_final");
        String read = switch (text.pool()) {
            case END_TOKEN -> network.tokenAt(x, ends(graph, tokens, end, highest));
            case LAST_TOKEN -> network.tokenFromEnd(x);
            case MEAN -> network.meanToken(normed, filling);
        };
        String pooled = mean || text.postNorm() ? read : network.layerNorm(read, "ln_final");
        String features = projected(network, pooled, "text_projection", text.projection());
        network.output(features, TEXT_FEATURES, "batch", config.embedWidth());
        String all = projected(network, normed, "text_projection", text.projection());
        network.output(all, TEXT_TOKENS, "batch", "length", config.embedWidth());
        return network;
    }

    /** What is added to the scores of attention, null for nothing. */
    private static String mask(NetworkWriter network, ClipConfig.Text text, String length, String filling) {
        GraphWriter graph = network.graph();
        String causal = text.causal()
                ? graph.node(
                        "Slice",
                        List.of(
                                network.causalMask("causal_mask", text.contextLength()),
                                graph.integers(0, 0),
                                graph.concat(0, length, length),
                                graph.integers(2, 3)))
                : null;
        String hidden = filling == null ? null : network.mask(filling);
        return causal == null || hidden == null ? (causal == null ? hidden : causal) : graph.add(causal, hidden);
    }

    private static String ends(GraphWriter graph, String tokens, int end, boolean highest) {
        String marked = highest ? tokens : graph.node("Equal", List.of(tokens, graph.integer(end)));
        return graph.node("ArgMax", List.of(graph.cast(marked, ElementType.INT32)), "axis", 1L, "keepdims", 0L);
    }

    private static NetworkWriter network(String name, DualEncoder encoder, double eps, Numbers numbers) {
        Map<String, INDArray> parameters = encoder.parameters();
        return new NetworkWriter(name, parameters, eps, numbers);
    }

    private static String projected(NetworkWriter network, String x, String name, Projection projection) {
        return switch (projection) {
            case MATRIX -> network.projection(x, name);
            case LINEAR -> network.linear(x, name);
            case MLP ->
                network.projection(
                        network.activation(Activation.GELU, network.projection(x, name + ".c_fc")), name + ".c_proj");
            case NONE -> x;
        };
    }

    /** What a learned query finds in an image's tokens: {@link org.rafclip.nn.Layers#attentionPool}. */
    private static String attentionPool(NetworkWriter network, String tokens, ClipConfig config) {
        String name = "visual.attn_pool";
        int heads = config.vision().heads();
        String found = network.attentionFrom(network.parameter(name + ".probe"), tokens, name + ".attn", heads);
        String transformed = network.mlp(network.layerNorm(found, name + ".ln"), name + ".mlp", config.activation());
        return network.firstToken(network.add(found, transformed));
    }

    /** {@code [batch, patches, width]}, by one convolution or after the convolutions of a stem. */
    private static String patches(
            NetworkWriter network, String images, ClipConfig.Vision vision, Activation activation) {
        GraphWriter graph = network.graph();
        String x = images;
        int channels = 3;
        for (int i = 0; i < vision.stem().size(); i++) {
            String name = "visual.stem." + i;
            int width = vision.stem().get(i);
            INDArray kernel = network.parameter(name + ".conv.weight");
            // Over images a kernel lies as [out, in, y, x], over tokens as [out, y, x, in].
            kernel = i == 0 ? kernel.reshape(width, channels, 3, 3) : overTokens(kernel, width, 3, channels);
            String convolved = graph.node(
                    "Conv",
                    List.of(
                            x,
                            graph.weights(name + ".conv.weight", kernel),
                            graph.weights(name + ".conv.bias", network.parameter(name + ".conv.bias"))),
                    "strides",
                    new long[] {2, 2},
                    "pads",
                    new long[] {1, 1, 1, 1},
                    "kernel_shape",
                    new long[] {3, 3});
            String normed = network.layerNorm(graph.transpose(convolved, 0, 2, 3, 1), name + ".ln");
            x = graph.transpose(network.activation(activation, normed), 0, 3, 1, 2);
            channels = width;
        }
        boolean plain = vision.stem().isEmpty();
        int patch = vision.patchSize() >> vision.stem().size();
        INDArray kernel = network.parameter("visual.conv1.weight");
        List<String> inputs = new ArrayList<>(List.of(
                x,
                graph.weights(
                        "visual.conv1.weight", plain ? kernel : overTokens(kernel, vision.width(), patch, channels))));
        if (!plain || vision.patchBias()) {
            inputs.add(graph.weights("visual.conv1.bias", network.parameter("visual.conv1.bias")));
        }
        String cut = graph.node(
                "Conv", inputs, "strides", new long[] {patch, patch}, "kernel_shape", new long[] {patch, patch});
        return graph.transpose(graph.reshape(cut, 0, vision.width(), -1), 0, 2, 1);
    }

    private static INDArray overTokens(INDArray kernel, int out, int side, int in) {
        return kernel.reshape(out, side, side, in).permute(0, 3, 1, 2);
    }
}
