package org.rafclip.onnx.write;

import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
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
        NetworkWriter network = network("image", encoder, numbers);
        GraphWriter graph = network.graph();
        String images = network.floatInput(IMAGES, "batch", 3, vision.imageSize(), vision.imageSize());
        String x = patches(network, images, vision, config.activation());
        if (vision.pool() == Pool.CLASS_TOKEN) {
            String shape = graph.concat(0, graph.length(images, 0), graph.integers(1, vision.width()));
            String first = graph.weights(
                    "visual.class_embedding",
                    network.parameter("visual.class_embedding").reshape(1, 1, vision.width()));
            x = graph.concat(1, graph.node("Expand", List.of(first, shape)), x);
        }
        x = graph.add(
                x, graph.weights("visual.positional_embedding", network.parameter("visual.positional_embedding")));
        x = network.layerNorm(x, "visual.ln_pre");
        for (int layer = 0; layer < vision.layers(); layer++) {
            x = network.preNorm(x, "visual.transformer.resblocks." + layer, vision.heads(), config.activation(), null);
        }
        String pooled = vision.pool() == Pool.CLASS_TOKEN ? network.firstToken(x) : network.meanToken(x);
        head(network, pooled, "visual.ln_post", "visual.proj", IMAGE_FEATURES, "batch", config.embedWidth());
        head(network, x, "visual.ln_post", "visual.proj", IMAGE_TOKENS, "batch", vision.tokens(), config.embedWidth());
        return network;
    }

    /**
     * The text tower: {@value #TOKENS} {@code INT64 [batch, length]}, padded with anything behind the end token →
     * {@value #TEXT_FEATURES} {@code [batch, d]}, {@value #TEXT_TOKENS} {@code [batch, length, d]}, projected and not
     * normalised.
     *
     * @param end the end token, at whose first place a text is read
     * @param highest whether it is the highest id of all, which the padding then must not exceed
     */
    public static NetworkWriter text(DualEncoder encoder, int end, boolean highest, Numbers numbers) {
        ClipConfig config = encoder.config();
        ClipConfig.Text text = config.text();
        NetworkWriter network = network("text", encoder, numbers);
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
        String mask = graph.node(
                "Slice",
                List.of(
                        network.causalMask("causal_mask", text.contextLength()),
                        graph.integers(0, 0),
                        graph.concat(0, length, length),
                        graph.integers(2, 3)));
        for (int layer = 0; layer < text.layers(); layer++) {
            x = network.preNorm(x, "transformer.resblocks." + layer, text.heads(), config.activation(), mask);
        }
        String marked = highest ? tokens : graph.node("Equal", List.of(tokens, graph.integer(end)));
        String place = graph.node("ArgMax", List.of(graph.cast(marked, ElementType.INT32)), "axis", 1L, "keepdims", 0L);
        head(
                network,
                network.tokenAt(x, place),
                "ln_final",
                "text_projection",
                TEXT_FEATURES,
                "batch",
                config.embedWidth());
        head(network, x, "ln_final", "text_projection", TEXT_TOKENS, "batch", "length", config.embedWidth());
        return network;
    }

    private static NetworkWriter network(String name, DualEncoder encoder, Numbers numbers) {
        Map<String, INDArray> parameters = encoder.parameters();
        return new NetworkWriter(name, parameters, ClipConfig.LAYER_NORM_EPS, numbers);
    }

    private static void head(
            NetworkWriter network, String x, String norm, String projection, String name, Object... dimensions) {
        network.output(network.projection(network.layerNorm(x, norm), projection), name, dimensions);
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
        List<String> inputs = plain
                ? List.of(x, graph.weights("visual.conv1.weight", kernel))
                : List.of(
                        x,
                        graph.weights("visual.conv1.weight", overTokens(kernel, vision.width(), patch, channels)),
                        graph.weights("visual.conv1.bias", network.parameter("visual.conv1.bias")));
        String cut = graph.node(
                "Conv", inputs, "strides", new long[] {patch, patch}, "kernel_shape", new long[] {patch, patch});
        return graph.transpose(graph.reshape(cut, 0, vision.width(), -1), 0, 2, 1);
    }

    private static INDArray overTokens(INDArray kernel, int out, int side, int in) {
        return kernel.reshape(out, side, side, in).permute(0, 3, 1, 2);
    }
}
