package org.rafclip.nn;

import java.util.List;
import java.util.function.UnaryOperator;
import org.nd4j.autodiff.samediff.SDVariable;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.op.ActivationOp;
import org.rafclip.ops.op.AddPositions;
import org.rafclip.ops.op.Attention;
import org.rafclip.ops.op.EmbeddingLookup;
import org.rafclip.ops.op.ForEachSample;
import org.rafclip.ops.op.LayerNorm;
import org.rafclip.ops.op.Linear;
import org.rafclip.ops.op.Unfold;

/** Single layers. Each adds its variables under the scope, named as PyTorch and OpenCLIP name them. */
public final class Layers {

    /** Under an attention's scope: how each query spreads over the keys, {@code [batch, heads, queries, keys]}. */
    public static final String ATTENTION_WEIGHTS = "attention_weights";

    /** The parts of {@code in_proj_weight} in order. */
    public static final List<String> PACKED = List.of("q_proj", "k_proj", "v_proj");

    private Layers() {}

    /** {@code [.., in]} → {@code [.., out]} with variables {@code weight [out, in]} and {@code bias [out]}. */
    public static SDVariable linear(Scope scope, SDVariable x, int in, int out, double deviation) {
        return scope.linear(x, scope.normal("weight", deviation, out, in), scope.filled("bias", 0, out));
    }

    /** A projection without bias: {@code [.., in]} → {@code [.., out]} with one variable {@code [in, out]}. */
    public static SDVariable projection(Scope scope, String name, SDVariable x, int in, int out, double deviation) {
        return Linear.projection(scope.graph(), x, scope.normal(name, deviation, in, out))
                .output();
    }

    /** Layer normalisation with variables {@code weight [width]} and {@code bias [width]}. */
    public static SDVariable layerNorm(Scope scope, SDVariable x, int width, double eps) {
        return new LayerNorm(scope.graph(), x, scope.filled("weight", 1, width), scope.filled("bias", 0, width), eps)
                .output();
    }

    public static SDVariable activation(Scope scope, Activation activation, SDVariable x) {
        return new ActivationOp(scope.graph(), activation, x).output();
    }

    /** {@code INT [batch, tokens]} → {@code [batch, tokens, width]} with one variable {@code weight [entries, width]}. */
    public static SDVariable embedding(Scope scope, SDVariable indices, int entries, int width, double deviation) {
        return new EmbeddingLookup(scope.graph(), scope.normal("weight", deviation, entries, width), indices).output();
    }

    /** Adds {@code positions [positions, width]}, whatever part of them the tokens need. */
    public static SDVariable positions(
            Scope scope, String name, SDVariable tokens, int positions, int width, double deviation) {
        return new AddPositions(scope.graph(), tokens, scope.normal(name, deviation, positions, width)).output();
    }

    /**
     * Images {@code [batch, channels, size, size]} → patches {@code [batch, (size/patch)², width]}: a convolution with
     * kernel and stride {@code patch}, with variables {@code weight [width, channels, patch, patch]} and, if it has one,
     * {@code bias [width]}.
     */
    public static SDVariable patchEmbedding(
            Scope scope, SDVariable images, int channels, int patch, int width, boolean bias) {
        int in = channels * patch * patch;
        SDVariable patches =
                Unfold.images(scope.graph(), images, patch, patch, 0).output();
        return Linear.ofData(
                        scope.graph(),
                        patches,
                        scope.normal("weight", 1 / Math.sqrt(in), width, channels, patch, patch),
                        bias ? scope.filled("bias", 0, width) : null)
                .output();
    }

    /**
     * Multi-head self-attention with PyTorch's packed variables {@code in_proj_weight [3·width, width]},
     * {@code in_proj_bias}, {@code out_proj.weight} and {@code out_proj.bias}. Adapters know the parts of the first as
     * {@link #PACKED}.
     */
    public static SDVariable selfAttention(
            Scope scope, Tokens x, int width, int heads, boolean causal, Deviations init) {
        SDVariable packed = InProjection.of(scope, width, init).rows(x.values(), 0, 3, x.data());
        Attention attention = Attention.self(scope.graph(), packed, x.lengths(), heads, causal);
        scope.named(ATTENTION_WEIGHTS, attention.weights());
        return outProjection(scope, attention, width, init);
    }

    /**
     * {@link #selfAttention} of which only some tokens are read, which look at all of their sample: queries are computed for
     * them alone.
     *
     * @param read from {@code x.values()} to those that are read, {@code [batch, fewer, width]}
     */
    static SDVariable selfAttention(
            Scope scope, Tokens x, UnaryOperator<SDVariable> read, int width, int heads, Deviations init) {
        InProjection in = InProjection.of(scope, width, init);
        SDVariable query = in.rows(read.apply(x.values()), 0, 1, x.data());
        SDVariable keyValue = in.rows(x.values(), 1, 3, x.data());
        Attention attention = Attention.cross(scope.graph(), query, null, keyValue, x.lengths(), heads);
        return outProjection(scope, attention, width, init);
    }

    /**
     * What a learned query finds in the tokens of each sample, then a residual MLP: the pooling of Zhai et al. 2022,
     * "Scaling Vision Transformers" (multi-head attention pooling). Variables {@code probe [1, 1, width]}, {@code attn} as in
     * {@link #selfAttention}, {@code ln} and {@code mlp}.
     *
     * @param x tokens {@code [batch, tokens, width]}
     * @return {@code [batch, 1, width]}
     */
    public static SDVariable attentionPool(
            Scope scope,
            SDVariable x,
            int width,
            int heads,
            int hidden,
            Activation activation,
            double eps,
            Deviations init) {
        SDVariable probe = scope.normal("probe", 1 / Math.sqrt(width), 1, 1, width);
        InProjection in = InProjection.of(scope.at("attn"), width, init);
        SDVariable query = new ForEachSample(scope.graph(), in.rows(probe, 0, 1, false), x).output();
        SDVariable keyValue = in.rows(x, 1, 3, false);
        Attention attention = Attention.cross(scope.graph(), query, null, keyValue, null, heads);
        SDVariable found = outProjection(scope.at("attn"), attention, width, init);
        SDVariable normed = layerNorm(scope.at("ln"), found, width, eps);
        return found.add(mlp(scope.at("mlp"), normed, width, hidden, activation, init));
    }

    /** PyTorch's projections of query, key and value, one below the other. */
    private record InProjection(Scope scope, SDVariable weight, SDVariable bias, int width) {

        static InProjection of(Scope scope, int width, Deviations init) {
            return new InProjection(
                    scope,
                    scope.normal("in_proj_weight", init.attention(), 3L * width, width),
                    scope.filled("in_proj_bias", 0, 3L * width),
                    width);
        }

        /** The projections {@code from ≤ i < to} of query, key and value. */
        SDVariable rows(SDVariable x, int from, int to, boolean data) {
            return data
                    ? Linear.rows(scope.graph(), x, weight, bias, from * width, to * width, true)
                            .output()
                    : scope.linear(x, weight, bias, PACKED, from, to);
        }
    }

    private static SDVariable outProjection(Scope scope, Attention attention, int width, Deviations init) {
        return linear(scope.at("out_proj"), attention.output(), width, width, init.projection());
    }

    /**
     * Multi-head attention from a sequence to another one, with variables {@code q_proj}, {@code kv_proj} (key and value
     * packed) and {@code out_proj}.
     */
    public static SDVariable crossAttention(
            Scope scope, Tokens query, Tokens other, int width, int heads, Deviations init) {
        SDVariable q = linear(scope.at("q_proj"), query.values(), width, width, init.attention());
        Scope at = scope.at("kv_proj");
        SDVariable weight = at.normal("weight", init.attention(), 2L * width, width);
        SDVariable bias = at.filled("bias", 0, 2L * width);
        SDVariable kv = Linear.rows(scope.graph(), other.values(), weight, bias, 0, 2 * width, other.data())
                .output();
        Attention attention = Attention.cross(scope.graph(), q, query.lengths(), kv, other.lengths(), heads);
        scope.named(ATTENTION_WEIGHTS, attention.weights());
        return outProjection(scope, attention, width, init);
    }

    /** Two linear layers around an activation: variables {@code c_fc} and {@code c_proj}. */
    public static SDVariable mlp(
            Scope scope, SDVariable x, int width, int hidden, Activation activation, Deviations init) {
        SDVariable wide = linear(scope.at("c_fc"), x, width, hidden, init.hidden());
        return linear(scope.at("c_proj"), activation(scope, activation, wide), hidden, width, init.projection());
    }

    /**
     * Standard deviations of initial weights in a stack of transformer blocks.
     *
     * @param attention of query, key and value projections
     * @param projection of what is added to the residual stream
     * @param hidden of the MLP's first layer
     */
    public record Deviations(double attention, double projection, double hidden) {

        /** CLIP's own (Radford et al. 2021, reference code) for blocks of a width in a stack of some depth. */
        public static Deviations clip(int width, int depth) {
            double base = 1 / Math.sqrt(width);
            return new Deviations(base, base / Math.sqrt(2.0 * depth), 1 / Math.sqrt(2.0 * width));
        }
    }
}
