package org.rafclip.nn;

import java.util.function.UnaryOperator;
import org.nd4j.autodiff.samediff.SDVariable;
import org.rafclip.nn.Layers.Deviations;
import org.rafclip.ops.kernel.Kernels.Activation;

/**
 * One transformer block: residual attention, then a residual MLP.
 *
 * @param width of the tokens
 * @param heads of the attention
 * @param hidden width of the MLP
 * @param causal whether a token sees only itself and those before it
 * @param eps of the layer norms
 * @param init deviations of initial weights
 * @param dropout rate on each residual branch's elements
 * @param dropPath rate at which a residual branch is left out for a sample (stochastic depth)
 */
public record TransformerBlock(
        int width,
        int heads,
        int hidden,
        Activation activation,
        boolean causal,
        double eps,
        Deviations init,
        double dropout,
        double dropPath) {

    /**
     * Pre-norm, as CLIP has it, with OpenCLIP's names {@code ln_1}, {@code attn}, {@code ln_2}, {@code mlp}:
     * {@code x + attn(ln(x))}, then {@code x + mlp(ln(x))}.
     */
    public SDVariable preNorm(Scope scope, SDVariable x) {
        return preNorm(scope, Tokens.of(x));
    }

    /** {@link #preNorm(Scope, SDVariable)} of samples that may have different numbers of tokens. */
    public SDVariable preNorm(Scope scope, Tokens tokens) {
        Tokens normed = normed(scope, tokens);
        SDVariable attended = Layers.selfAttention(scope.at("attn"), normed, width, heads, causal, init);
        return preNorm(scope, tokens.values(), attended);
    }

    /**
     * {@link #preNorm(Scope, Tokens)} of a last block, of which only some tokens are read: all that is computed for the others
     * are keys and values. Those that are read look at all tokens of their sample, as the last one does where the block is
     * causal.
     *
     * @param read from the values of {@code tokens} to those that are read, {@code [batch, fewer, width]}
     */
    public SDVariable preNorm(Scope scope, Tokens tokens, UnaryOperator<SDVariable> read) {
        Tokens normed = normed(scope, tokens);
        SDVariable attended = Layers.selfAttention(scope.at("attn"), normed, read, width, heads, init);
        return preNorm(scope, read.apply(tokens.values()), attended);
    }

    private Tokens normed(Scope scope, Tokens tokens) {
        return new Tokens(Layers.layerNorm(scope.at("ln_1"), tokens.values(), width, eps), tokens.lengths(), false);
    }

    private SDVariable preNorm(Scope scope, SDVariable x, SDVariable attended) {
        SDVariable mixed = x.add(regularized(scope, attended));
        SDVariable normedAgain = Layers.layerNorm(scope.at("ln_2"), mixed, width, eps);
        SDVariable transformed = Layers.mlp(scope.at("mlp"), normedAgain, width, hidden, activation, init);
        return mixed.add(regularized(scope, transformed));
    }

    /**
     * Post-norm, as BERT has it: self-attention, then the MLP; each is added to its input and the sum normalised
     * ({@code ln_1}, {@code ln_2}).
     */
    public SDVariable postNorm(Scope scope, Tokens x) {
        SDVariable attended = Layers.selfAttention(scope.at("attn"), x, width, heads, causal, init);
        SDVariable mixed = Layers.layerNorm(scope.at("ln_1"), x.values().add(regularized(scope, attended)), width, eps);
        SDVariable transformed = Layers.mlp(scope.at("mlp"), mixed, width, hidden, activation, init);
        return Layers.layerNorm(scope.at("ln_2"), mixed.add(regularized(scope, transformed)), width, eps);
    }

    /**
     * Post-norm with cross-attention (Vaswani et al. 2017; Wang and Zhao 2024, Eq. 7–11): self-attention, attention to
     * another sequence, MLP; each is added to its input and the sum normalised ({@code ln_1}, {@code ln_2},
     * {@code ln_3}).
     */
    public SDVariable postNorm(Scope scope, Tokens x, Tokens other) {
        SDVariable attended = Layers.selfAttention(scope.at("attn"), x, width, heads, causal, init);
        return postNorm(scope, x.values(), attended, x.lengths(), other);
    }

    /**
     * {@link #postNorm(Scope, Tokens, Tokens)} of a last block, of which only some tokens are read, as in
     * {@link #preNorm(Scope, Tokens, UnaryOperator)}.
     *
     * @param read from the values of {@code x} to those that are read, {@code [batch, fewer, width]}
     */
    public SDVariable postNorm(Scope scope, Tokens x, Tokens other, UnaryOperator<SDVariable> read) {
        SDVariable attended = Layers.selfAttention(scope.at("attn"), x, read, width, heads, init);
        return postNorm(scope, read.apply(x.values()), attended, null, other);
    }

    private SDVariable postNorm(Scope scope, SDVariable x, SDVariable attended, SDVariable lengths, Tokens other) {
        SDVariable mixed = Layers.layerNorm(scope.at("ln_1"), x.add(regularized(scope, attended)), width, eps);
        SDVariable crossed = Layers.crossAttention(
                scope.at("cross_attn"), new Tokens(mixed, lengths, false), other, width, heads, init);
        SDVariable joined = Layers.layerNorm(scope.at("ln_2"), mixed.add(regularized(scope, crossed)), width, eps);
        SDVariable transformed = Layers.mlp(scope.at("mlp"), joined, width, hidden, activation, init);
        return Layers.layerNorm(scope.at("ln_3"), joined.add(regularized(scope, transformed)), width, eps);
    }

    private SDVariable regularized(Scope scope, SDVariable branch) {
        return scope.dropPath(scope.dropout(branch, dropout), dropPath);
    }
}
