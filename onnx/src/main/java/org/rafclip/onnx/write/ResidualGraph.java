package org.rafclip.onnx.write;

import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipConfig;
import org.rafclip.ops.kernel.Kernels.Activation;

/** CLIP's residual image tower as an ONNX graph: what {@code ResidualTower} makes of {@link org.rafclip.clip.DualEncoder}. */
final class ResidualGraph {

    private final NetworkWriter network;
    private final GraphWriter graph;
    private final ClipConfig.Vision vision;

    ResidualGraph(NetworkWriter network, ClipConfig.Vision vision) {
        this.network = network;
        this.graph = network.graph();
        this.vision = vision;
    }

    /**
     * Names of what the tower makes.
     *
     * @param features {@code [batch, d]}
     * @param tokens {@code [batch, tokens, d]}
     */
    record Output(String features, String tokens) {}

    /** @param images {@code [batch, 3, size, size]} */
    Output of(String images) {
        String x = relu(convolution(images, "visual.conv1", 2));
        x = relu(convolution(x, "visual.conv2", 1));
        x = pooled(relu(convolution(x, "visual.conv3", 1)));
        for (int stage = 0; stage < vision.stages().size(); stage++) {
            for (int block = 0; block < vision.stages().get(stage); block++) {
                String name = "visual.layer" + (stage + 1) + "." + block;
                boolean first = block == 0;
                boolean halved = first && stage > 0;
                String seen = relu(convolution(relu(convolution(x, name + ".conv1", 1)), name + ".conv2", 1));
                String change = convolution(halved ? pooled(seen) : seen, name + ".conv3", 1);
                String kept = first ? convolution(halved ? pooled(x) : x, name + ".downsample", 1) : x;
                x = relu(graph.add(change, kept));
            }
        }
        return attentionPool(x);
    }

    private Output attentionPool(String map) {
        String name = "visual.attnpool";
        INDArray positions = network.parameter(name + ".positional_embedding");
        int width = Math.toIntExact(positions.size(1));
        String patches = graph.transpose(graph.reshape(map, 0, width, -1), 0, 2, 1);
        String all = graph.concat(1, network.asToken(network.meanToken(patches)), patches);
        String tokens = graph.add(all, graph.weights(name + ".positional_embedding", positions));
        List<String> keyValue = graph.nodes("Split", List.of(network.linear(tokens, name + ".kv_proj")), 2, "axis", 2L);
        String ofMean = found(network.asToken(network.firstToken(tokens)), keyValue, width);
        return new Output(
                network.linear(network.firstToken(ofMean), name + ".c_proj"),
                network.linear(found(tokens, keyValue, width), name + ".c_proj"));
    }

    private String found(String asking, List<String> keyValue, int width) {
        String query = network.linear(asking, "visual.attnpool.q_proj");
        return graph.attention(query, keyValue.get(0), keyValue.get(1), vision.heads(), width, null);
    }

    /** A kernel of 1×1 or 3×3, whose map is as large as what it sees, but for the stride. */
    private String convolution(String x, String name, long stride) {
        INDArray weight = network.parameter(name + ".weight");
        boolean pixels = name.equals("visual.conv1");
        INDArray kernel = weight.rank() == 2
                ? weight.reshape(weight.size(0), weight.size(1), 1, 1)
                : pixels ? weight : weight.permute(0, 3, 1, 2);
        long side = kernel.size(2);
        long pad = side / 2;
        return graph.node(
                "Conv",
                List.of(
                        x,
                        graph.weights(name + ".weight", kernel),
                        graph.weights(name + ".bias", network.parameter(name + ".bias"))),
                "strides",
                new long[] {stride, stride},
                "pads",
                new long[] {pad, pad, pad, pad},
                "kernel_shape",
                new long[] {side, side});
    }

    private String relu(String x) {
        return network.activation(Activation.RELU, x);
    }

    /** Means of squares of 2×2. */
    private String pooled(String x) {
        return graph.node("AveragePool", List.of(x), "kernel_shape", new long[] {2, 2}, "strides", new long[] {2, 2});
    }
}
