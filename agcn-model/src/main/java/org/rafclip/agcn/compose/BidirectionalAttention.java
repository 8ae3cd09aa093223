package org.rafclip.agcn.compose;

import java.util.function.UnaryOperator;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.rafclip.agcn.compose.ComposerConfig.Branches;
import org.rafclip.agcn.compose.ComposerConfig.Features;
import org.rafclip.agcn.compose.ComposerConfig.GateShape;
import org.rafclip.agcn.compose.ComposerConfig.Gates;
import org.rafclip.agcn.compose.ComposerConfig.Kind;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.nn.Layers;
import org.rafclip.nn.Layers.Deviations;
import org.rafclip.nn.Scope;
import org.rafclip.nn.Tokens;
import org.rafclip.nn.TransformerBlock;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.op.Gate;
import org.rafclip.ops.op.MeanTokens;
import org.rafclip.ops.op.SelectToken;

/**
 * The attribute-guided composed network and the parts of it that Table 5 compares (Wang and Zhao 2024, Fig. 2,
 * Eq. 7–12).
 *
 * <p>The text-to-image branch starts from the text's tokens T_r. Each of its y blocks attends to the branch's own tokens
 * (Eq. 7, 8), then to the image's original tokens I_r (Eq. 9, 10), then passes a feed-forward network (Eq. 11); every
 * step has a residual connection with dropout and a layer norm after it. Its result F_t stands at the end token. The
 * image-to-text branch exchanges the roles; its result F_i stands at the class token, or is the mean of the tokens where
 * the encoder has none. Eq. 12 weighs both: {@code F = a·F_i + b·F_t}.
 */
final class BidirectionalAttention implements Composition {

    private final Kind kind;
    private final Branches branches;
    private final Gates gates;
    private final int width;
    private final Pool pool;

    BidirectionalAttention(ComposerConfig config, int width, Pool pool) {
        this.kind = config.kind();
        this.branches = config.branches();
        this.gates = config.gates();
        this.width = width;
        this.pool = pool;
        if (width % branches.heads() != 0) {
            throw new IllegalArgumentException(
                    "branches.heads " + branches.heads() + " must divide the encoder's embedding width " + width);
        }
    }

    @Override
    public SDVariable compose(Scope scope, QueryFeatures features) {
        SameDiff graph = scope.graph();
        boolean tokens = branches.features() == Features.TOKEN;
        Tokens image = Tokens.of(tokens ? features.imageTokens() : graph.expandDims(features.image(), 1));
        Tokens text = tokens
                ? Tokens.packed(scope, features.textTokens(), features.textLengths())
                : Tokens.of(graph.expandDims(features.text(), 1));
        SDVariable ofImage = kind.hasImageBranch() ? imageToText(scope, image, text) : null;
        SDVariable ofText = kind.hasTextBranch() ? textToImage(scope, text, image) : null;
        return switch (kind) {
            case ONLY_IMAGE -> graph.identity(ofImage);
            case ONLY_TEXT -> graph.identity(ofText);
            case ADD -> ofImage.add(ofText);
            default -> gated(scope, features, ofImage, ofText);
        };
    }

    private SDVariable imageToText(Scope scope, Tokens image, Tokens text) {
        SameDiff graph = scope.graph();
        UnaryOperator<SDVariable> read = pool == Pool.CLASS_TOKEN
                ? tokens -> graph.expandDims(new SelectToken(graph, tokens).output(), 1)
                : null;
        SDVariable last = stack(scope.at(Composer.IMAGE_BRANCH), image, text, read);
        return new MeanTokens(graph, last).output().rename(Composer.IMAGE_BRANCH);
    }

    private SDVariable textToImage(Scope scope, Tokens text, Tokens image) {
        SameDiff graph = scope.graph();
        UnaryOperator<SDVariable> read = text.lengths() == null
                ? null
                : tokens -> graph.expandDims(
                        SelectToken.last(graph, tokens, text.lengths()).output(), 1);
        SDVariable last = stack(scope.at(Composer.TEXT_BRANCH), text, image, read);
        return new SelectToken(graph, last).output().rename(Composer.TEXT_BRANCH);
    }

    /**
     * Eq. 7–11, y times.
     *
     * @param read from the last block's tokens to those that are read, or null for all
     */
    private SDVariable stack(Scope scope, Tokens own, Tokens other, UnaryOperator<SDVariable> read) {
        Tokens x = own;
        for (int i = 0; i < branches.blocks(); i++) {
            Scope at = scope.at("blocks", i);
            boolean last = i == branches.blocks() - 1;
            SDVariable computed =
                    last && read != null ? block().postNorm(at, x, other, read) : block().postNorm(at, x, other);
            x = new Tokens(computed, own.lengths(), false);
        }
        return x.values();
    }

    private TransformerBlock block() {
        return new TransformerBlock(
                width,
                branches.heads(),
                (int) Math.round(width * branches.mlpRatio()),
                branches.activation(),
                false,
                ComposerConfig.LAYER_NORM_EPS,
                Deviations.clip(width, branches.blocks()),
                branches.dropout(),
                0);
    }

    /** Weighs both branches by gates (Eq. 12). */
    private SDVariable gated(Scope scope, QueryFeatures features, SDVariable ofImage, SDVariable ofText) {
        SameDiff graph = scope.graph();
        SDVariable both = graph.concat(1, features.image(), features.text());
        SDVariable a = gate(scope.at(Composer.IMAGE_GATE), both).rename(Composer.IMAGE_GATE);
        SDVariable b = gate(scope.at(Composer.TEXT_GATE), both).rename(Composer.TEXT_GATE);
        return new Gate(graph, a, ofImage).output().add(new Gate(graph, b, ofText).output());
    }

    private SDVariable gate(Scope scope, SDVariable both) {
        int outputs = gates.shape() == GateShape.SCALAR ? 1 : width;
        SDVariable projected = linear(scope.at("projection"), both, 2 * width, gates.projection());
        SDVariable hidden = Layers.activation(
                scope, Activation.RELU, linear(scope.at("linear_1"), projected, gates.projection(), gates.hidden()));
        SDVariable kept = scope.dropout(hidden, gates.dropout());
        return Layers.activation(
                scope, Activation.SIGMOID, linear(scope.at("linear_2"), kept, gates.hidden(), outputs));
    }

    private static SDVariable linear(Scope scope, SDVariable x, int in, int out) {
        return Layers.linear(scope, x, in, out, 1 / Math.sqrt(in));
    }

    /** The name prefix of a block's cross-attention. */
    static String crossAttentionScope(String branch, int block) {
        return branch + ".blocks." + block + ".cross_attn.";
    }
}
