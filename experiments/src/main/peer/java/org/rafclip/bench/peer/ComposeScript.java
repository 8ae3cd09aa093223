package org.rafclip.bench.peer;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.rafclip.agcn.compose.Composer;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.compose.ComposerConfig.Features;
import org.rafclip.agcn.compose.ComposerConfig.Kind;
import org.rafclip.agcn.compose.ComposerConfig.Pooled;
import org.rafclip.agcn.loss.CompositionLoss;
import org.rafclip.agcn.loss.CompositionLossConfig;
import org.rafclip.bench.ComposerPeer.Network;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.ops.Precision;
import org.rafclip.ops.kernel.Kernels.Activation;

/**
 * A composer's loss and gradient in TorchScript, written as one would in PyTorch: texts are filled up to the longest of the
 * batch and masked as keys of {@code scaled_dot_product_attention}; of a branch's last block, only the queries that are
 * read are computed.
 */
final class ComposeScript {

    /** The class of {@link #training}. */
    static final String TRAINING = "Compose";

    /** The class of {@link #evaluation}. */
    static final String EVALUATION = "ComposeLoss";

    private final Network network;
    private final CompositionLossConfig loss;
    private final List<String> names;
    private final boolean training;
    private final Autocast cast;
    private final StringBuilder code = new StringBuilder();

    private ComposeScript(
            Network network, CompositionLossConfig loss, Precision precision, Set<String> names, boolean training) {
        this.network = network;
        this.loss = loss;
        this.names = new ArrayList<>(names);
        this.training = training;
        this.cast = new Autocast(precision);
    }

    /**
     * The method {@code forward(p, image_tokens, text_tokens, lengths, image, text, targets, rows, log_counts)}, which
     * returns the loss with dropout and the gradient by each of {@code p}.
     *
     * @param names of the parameters in the order of {@code p}
     */
    static String training(Network network, CompositionLossConfig loss, Precision precision, Set<String> names) {
        return new ComposeScript(network, loss, precision, names, true).write();
    }

    /** {@link #training} without dropout, which returns the loss alone. */
    static String evaluation(Network network, CompositionLossConfig loss, Precision precision, Set<String> names) {
        return new ComposeScript(network, loss, precision, names, false).write();
    }

    private String write() {
        code.append("  def forward(self: __torch__." + (training ? TRAINING : EVALUATION) + ",\n")
                .append("      p: List[Tensor],\n      image_tokens: Tensor,\n      text_tokens: Tensor,\n")
                .append("      lengths: Tensor,\n      image: Tensor,\n      text: Tensor,\n      targets: Tensor,\n")
                .append("      rows: Tensor,\n      log_counts: Tensor) -> List[Tensor]:\n");
        ComposerConfig composer = network.composer();
        line("f = %s", composer.pooled() == Pooled.UNIT ? unit("image") : "image");
        line("g = %s", composer.pooled() == Pooled.UNIT ? unit("text") : "text");
        if (composer.kind() == Kind.CLIP4CIR) {
            combiner();
        } else {
            branches();
        }
        loss();
        return code.toString();
    }

    private void line(String text, Object... values) {
        code.append("    ").append(String.format(Locale.ROOT, text, values)).append('\n');
    }

    private static String unit(String name) {
        return "torch.div(" + name + ", torch.norm(" + name + ", 2, [-1], True))";
    }

    private String p(String name) {
        int place = names.indexOf(name);
        if (place < 0) {
            throw new IllegalArgumentException("the composer has no parameter " + name);
        }
        return "p[" + place + "]";
    }

    private void branches() {
        ComposerConfig.Branches branches = network.composer().branches();
        Kind kind = network.composer().kind();
        boolean tokens = branches.features() == Features.TOKEN;
        if (tokens) {
            line("it = image_tokens");
            line("tt = text_tokens");
            line("places = torch.arange(torch.size(tt, 1), dtype=4)");
            line("padded = torch.ge(torch.unsqueeze(places, 0), torch.unsqueeze(lengths, 1))");
            line("mask = torch.masked_fill(torch.zeros_like(padded, dtype=6), padded, -inf)");
            line("mask = torch.view(mask, [torch.size(tt, 0), 1, 1, torch.size(tt, 1)])");
            line("ends = torch.expand(torch.view(torch.sub(lengths, 1), [-1, 1, 1]), [-1, 1, %d])", network.width());
        } else {
            line("it = torch.unsqueeze(f, 1)");
            line("tt = torch.unsqueeze(g, 1)");
        }
        String masked = tokens ? "mask" : "None";
        boolean ofImage = kind == Kind.AGCN || kind == Kind.ADD || kind == Kind.ONLY_IMAGE;
        boolean ofText = kind == Kind.AGCN || kind == Kind.ADD || kind == Kind.ONLY_TEXT;
        if (ofImage) {
            String read = network.pool() == Pool.CLASS_TOKEN ? "torch.slice(x, 1, 0, 1, 1)" : null;
            stack(Composer.IMAGE_BRANCH, "it", "None", "tt", masked, read);
            line("a = torch.mean(x, [1], False)");
        }
        if (ofText) {
            stack(Composer.TEXT_BRANCH, "tt", masked, "it", "None", tokens ? "torch.gather(x, 1, ends)" : null);
            line("b = torch.select(x, 1, 0)");
        }
        if (kind == Kind.AGCN) {
            line("both = torch.cat([f, g], 1)");
            gate(Composer.IMAGE_GATE, "a");
            gate(Composer.TEXT_GATE, "b");
        }
        line("query = %s", ofImage && ofText ? "torch.add(a, b)" : ofImage ? "a" : "b");
    }

    /**
     * The blocks of a branch, from {@code own} to {@code x}.
     *
     * @param read from the last block's {@code x} to the tokens that are read, or null for all
     */
    private void stack(String branch, String own, String ownMask, String other, String otherMask, String read) {
        ComposerConfig.Branches branches = network.composer().branches();
        int width = network.width();
        line("x = %s", own);
        for (int i = 0; i < branches.blocks(); i++) {
            String at = branch + ".blocks." + i + ".";
            String weight = p(at + "attn.in_proj_weight");
            String bias = p(at + "attn.in_proj_bias");
            if (read != null && i == branches.blocks() - 1) {
                line("r = %s", read);
                line("q = %s", cast.linear("r", rows(weight, 0, width), rows(bias, 0, width)));
                line("kv = %s", cast.linear("x", rows(weight, width, 3 * width), rows(bias, width, 3 * width)));
                line("x = r");
            } else {
                line("qkv = %s", cast.linear("x", weight, bias));
                line("q = torch.slice(qkv, 2, 0, %d, 1)", width);
                line("kv = torch.slice(qkv, 2, %d, %d, 1)", width, 3 * width);
            }
            attention(at + "attn.out_proj", ownMask, at + "ln_1");
            linear("q", "x", at + "cross_attn.q_proj");
            linear("kv", other, at + "cross_attn.kv_proj");
            attention(at + "cross_attn.out_proj", otherMask, at + "ln_2");
            linear("y", "x", at + "mlp.c_fc");
            activation(branches.activation());
            linear("y", "y", at + "mlp.c_proj");
            residual(at + "ln_3");
        }
    }

    /** From {@code q} and {@code kv}, key and value side by side, to {@code x} with the residual. */
    private void attention(String outProjection, String mask, String norm) {
        int heads = network.composer().branches().heads();
        int width = network.width();
        line("q = torch.transpose(torch.view(q, [torch.size(q, 0), -1, %d, %d]), 1, 2)", heads, width / heads);
        line("kv = torch.view(kv, [torch.size(kv, 0), torch.size(kv, 1), 2, %d, %d])", heads, width / heads);
        line("kv = torch.permute(kv, [2, 0, 3, 1, 4])");
        line(
                "y = torch.scaled_dot_product_attention(q, kv[0], kv[1], %s, 0.0, False)",
                mask.equals("None") ? mask : cast.factor(mask));
        line("y = torch.flatten(torch.transpose(y, 1, 2), 2, -1)");
        linear("y", "y", outProjection);
        residual(norm);
    }

    private void residual(String norm) {
        dropout("y", network.composer().branches().dropout());
        line(
                "x = torch.layer_norm(torch.add(x, %s), [%d], %s, %s, %s, True)",
                cast.single("y"),
                network.width(),
                p(norm + ".weight"),
                p(norm + ".bias"),
                ComposerConfig.LAYER_NORM_EPS);
    }

    private void linear(String to, String from, String name) {
        line("%s = %s", to, cast.linear(from, p(name + ".weight"), p(name + ".bias")));
    }

    private static String rows(String value, int from, int to) {
        return "torch.slice(" + value + ", 0, " + from + ", " + to + ", 1)";
    }

    private void dropout(String name, double rate) {
        if (training && rate > 0) {
            line("%1$s = torch.dropout(%1$s, %2$s, True)", name, rate);
        }
    }

    private void activation(Activation activation) {
        line(
                switch (activation) {
                    case GELU -> "y = torch.gelu(y)";
                    case QUICK_GELU -> "y = torch.mul(y, torch.sigmoid(torch.mul(y, 1.702)))";
                    case RELU -> "y = torch.relu(y)";
                    case SIGMOID -> "y = torch.sigmoid(y)";
                    case GELU_TANH -> "y = torch.gelu(y, approximate='tanh')";
                });
    }

    private void gate(String name, String branch) {
        linear("y", "both", name + ".projection");
        linear("y", "y", name + ".linear_1");
        activation(Activation.RELU);
        dropout("y", network.composer().gates().dropout());
        linear("y", "y", name + ".linear_2");
        line("%1$s = torch.mul(torch.sigmoid(%2$s), %1$s)", branch, cast.single("y"));
    }

    private void combiner() {
        rectified("t", "g", "text_projection_layer");
        rectified("i", "f", "image_projection_layer");
        line("both = torch.cat([t, i], 1)");
        rectified("c", "both", "combiner_layer");
        linear("c", "c", "output_layer");
        rectified("s", "both", "dynamic_scalar.0");
        linear("s", "s", "dynamic_scalar.3");
        line("s = torch.sigmoid(%s)", cast.single("s"));
        line("query = torch.add(torch.add(%s, f), torch.mul(s, torch.sub(g, f)))", cast.single("c"));
    }

    private void rectified(String to, String from, String name) {
        linear("y", from, name);
        activation(Activation.RELU);
        dropout("y", network.composer().combiner().dropout());
        line("%s = y", to);
    }

    private void loss() {
        line("query = %s", unit("query"));
        line(
                "scores = torch.mul(torch.matmul(query, torch.t(targets)), %s)",
                loss.learnable() ? "torch.exp(" + p(CompositionLoss.LOGIT_SCALE) + ")" : loss.temperature());
        line("loss = torch.cross_entropy_loss(torch.add(scores, log_counts), rows)");
        line("loss = torch.add(loss, torch.mean(torch.index_select(log_counts, 0, rows)))");
        if (!training) {
            line("return [loss]");
            return;
        }
        line("gradients = torch.grad([loss], p, None, False, False, False)");
        line("out = [loss]");
        line("for v in gradients:");
        line("  out = torch.append(out, unchecked_cast(Tensor, v))");
        line("return out");
    }
}
