package org.rafclip.clip;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.rafclip.nn.Layers;
import org.rafclip.nn.Scope;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.op.ActivationOp;
import org.rafclip.ops.op.Attention;
import org.rafclip.ops.op.AveragePool;
import org.rafclip.ops.op.Convolution;
import org.rafclip.ops.op.Linear;
import org.rafclip.ops.op.MeanTokens;
import org.rafclip.ops.op.SelectToken;

/**
 * CLIP's residual image tower, ModifiedResNet (Radford et al. 2021, section 2.4): three convolutions before the stages, strides
 * done by average pools, and at the end an attention that is asked by the mean of all patches.
 *
 * <p>Batch norms are part of the convolutions before them: with the statistics of evaluation a norm is a factor and a summand a
 * channel, which the convolution's weight and bias take up. Training moves these; there are no statistics that it could change.
 *
 * <p>Names are those of the original's state dict, with a {@code bias} beside each convolution's {@code weight}. Kernels of 3×3
 * lie as {@code [out, y, x, in]}, but for {@code conv1}, over pixels, {@code [out, in, y, x]}; those of 1×1 as {@code [out, in]}.
 * {@code attnpool.kv_proj} are {@code k_proj} and {@code v_proj}, one below the other.
 */
final class ResidualTower {

    /** Pixels a side of a patch: what all strides make. */
    static final int PATCH = 32;

    /** How many times wider than its inner convolutions a block is. */
    static final int EXPANSION = 4;

    /** How many times wider than the stem the last stage is. */
    static final int LAST = 8 * EXPANSION;

    private final ClipConfig.Vision vision;
    private final int embedWidth;
    private final SameDiff graph;

    ResidualTower(ClipConfig.Vision vision, int embedWidth, SameDiff graph) {
        this.vision = vision;
        this.embedWidth = embedWidth;
        this.graph = graph;
    }

    /**
     * What the tower makes, in the embedding space.
     *
     * @param features what the mean finds, {@code [batch, d]}
     * @param tokens what each token finds, the mean first: {@code [batch, tokens, d]}
     */
    record Output(SDVariable features, SDVariable tokens) {}

    /** A map of features, {@code [batch, side·side, channels]}. */
    private record Map(SDVariable values, int side, int channels) {}

    /** @param images {@code [batch, 3, size, size]} */
    Output of(Scope scope, SDVariable images) {
        int width = vision.width();
        int half = width / 2;
        int side = vision.imageSize() / 2;
        Scope first = scope.at("conv1");
        SDVariable pixels = Convolution.ofImages(
                        graph, images, kernel(first, 27, 1, half, 3, 3, 3), first.filled("bias", 0, half), 3, 2, 1)
                .output();
        Map x = new Map(relu(pixels), side, half);
        x = square(scope.at("conv2"), x, half);
        x = square(scope.at("conv3"), x, width);
        x = pooled(x, 2);
        for (int stage = 0; stage < vision.stages().size(); stage++) {
            int inner = width << stage;
            for (int block = 0; block < vision.stages().get(stage); block++) {
                x = block(scope.at("layer" + (stage + 1), block), x, inner, block == 0 && stage > 0 ? 2 : 1);
            }
        }
        return attentionPool(scope.at("attnpool"), x);
    }

    private Map block(Scope scope, Map x, int inner, int stride) {
        int out = EXPANSION * inner;
        Map narrow = new Map(relu(pointwise(scope.at("conv1"), x, inner, 1)), x.side, inner);
        Map seen = pooled(square(scope.at("conv2"), narrow, inner), stride);
        // So that the sum does not grow with the number of blocks.
        SDVariable change = pointwise(scope.at("conv3"), seen, out, Math.sqrt(1.0 / vision.layers()));
        SDVariable kept = stride > 1 || x.channels != out
                ? pointwise(scope.at("downsample"), pooled(x, stride), out, Math.sqrt(0.5))
                : x.values;
        return new Map(relu(change.add(kept)), seen.side, out);
    }

    private static SDVariable kernel(Scope scope, int in, double scale, long... shape) {
        return scope.normal("weight", scale * Math.sqrt(2.0 / in), shape);
    }

    private SDVariable pointwise(Scope scope, Map x, int out, double scale) {
        SDVariable weight = kernel(scope, x.channels, scale, out, x.channels);
        return Linear.of(graph, x.values, weight, scope.filled("bias", 0, out)).output();
    }

    /** A convolution of 3×3 and what is above 0 of it. */
    private Map square(Scope scope, Map x, int out) {
        SDVariable weight = kernel(scope, 9 * x.channels, 1, out, 3, 3, x.channels);
        SDVariable bias = scope.filled("bias", 0, out);
        SDVariable convolved = Convolution.ofTokens(graph, x.values, x.side, x.side, weight, bias, 3, 1, 1)
                .output();
        return new Map(relu(convolved), x.side, out);
    }

    private SDVariable relu(SDVariable x) {
        return new ActivationOp(graph, Activation.RELU, x).output();
    }

    private Map pooled(Map x, int side) {
        return side == 1
                ? x
                : new Map(new AveragePool(graph, x.values, x.side, x.side, side).output(), x.side / side, x.channels);
    }

    private Output attentionPool(Scope scope, Map x) {
        int width = x.channels;
        double deviation = 1 / Math.sqrt(width);
        SDVariable mean = graph.expandDims(new MeanTokens(graph, x.values).output(), 1);
        SDVariable tokens = Layers.positions(
                scope, "positional_embedding", graph.concat(1, mean, x.values), vision.tokens(), width, deviation);
        Projection query = new Projection(scope.at("q_proj"), width, width);
        Projection out = new Projection(scope.at("c_proj"), width, embedWidth);
        SDVariable keyValue = new Projection(scope.at("kv_proj"), width, 2 * width).of(tokens);
        SDVariable first = graph.expandDims(new SelectToken(graph, tokens).output(), 1);
        SDVariable ofMean = attention(query.of(first), keyValue);
        return new Output(
                out.of(new SelectToken(graph, ofMean).output()), out.of(attention(query.of(tokens), keyValue)));
    }

    private SDVariable attention(SDVariable query, SDVariable keyValue) {
        return Attention.cross(graph, query, null, keyValue, null, vision.heads())
                .output();
    }

    /** A linear layer that is used twice. */
    private final class Projection {
        private final SDVariable weight;
        private final SDVariable bias;

        Projection(Scope scope, int in, int out) {
            this.weight = scope.normal("weight", 1 / Math.sqrt(in), out, in);
            this.bias = scope.filled("bias", 0, out);
        }

        SDVariable of(SDVariable x) {
            return Linear.of(graph, x, weight, bias).output();
        }
    }
}
