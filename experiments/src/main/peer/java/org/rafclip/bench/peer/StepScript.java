package org.rafclip.bench.peer;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.clip.DualEncoder;
import org.rafclip.ops.Precision;
import org.rafclip.ops.kernel.Kernels.Activation;

/**
 * RaF-CLIP's loss and gradient in TorchScript, written as one would in PyTorch: {@code scaled_dot_product_attention},
 * {@code linear}, {@code layer_norm}, {@code gelu}, {@code conv2d}, {@code cross_entropy_loss}.
 */
final class StepScript {

    static final String NAME = "Step";

    private final ClipConfig config;
    private final Autocast cast;
    private final List<String> names;
    private final StringBuilder code = new StringBuilder();

    private StepScript(ClipConfig config, Precision precision, Set<String> names) {
        this.config = config;
        this.cast = new Autocast(precision);
        this.names = new ArrayList<>(names);
    }

    /**
     * The method {@code forward(p, images, tokens, ends, weights, rows, texts, targets, biases)}, which returns the loss
     * and the gradient by each of {@code p}.
     *
     * @param names of the parameters in the order of {@code p}
     */
    static String of(ClipConfig config, Precision precision, Set<String> names) {
        if (config.vision().dropout() > 0
                || config.vision().dropPath() > 0
                || config.text().dropout() > 0) {
            throw new UnsupportedOperationException("--peer has no dropout: measure a model without it");
        }
        ClipConfig.Vision vision = config.vision();
        ClipConfig.Text text = config.text();
        if (vision.residual()
                || vision.pool() == Pool.ATTENTION
                || vision.pool() == Pool.MEAN_BESIDE_CLASS_TOKEN
                || vision.normBeforeMean()
                || !vision.preNorm()
                || vision.patchBias()
                || vision.projection() != Projection.MATRIX
                || !text.causal()
                || text.projection() != Projection.MATRIX
                || config.textActivation() != config.activation()
                || config.activation() == Activation.GELU_TANH
                || config.layerNormEps() != ClipConfig.LAYER_NORM_EPS
                || config.textLayerNormEps() != ClipConfig.LAYER_NORM_EPS
                || config.logitBias() != null) {
            throw new UnsupportedOperationException("--peer has CLIP's towers and loss alone: measure such a model");
        }
        StepScript script = new StepScript(config, precision, names);
        script.imageTower();
        script.textTower();
        script.loss();
        return script.code.toString();
    }

    private void line(String text, Object... values) {
        code.append("    ")
                .append(String.format(java.util.Locale.ROOT, text, values))
                .append('\n');
    }

    private String p(String name) {
        int place = names.indexOf(name);
        if (place < 0) {
            throw new IllegalArgumentException("the model has no parameter " + name);
        }
        return "p[" + place + "]";
    }

    private void imageTower() {
        code.append("  def forward(self: __torch__." + NAME + ",\n")
                .append("      p: List[Tensor],\n      images: Tensor,\n      tokens: Tensor,\n      ends: Tensor,\n")
                .append("      weights: Tensor,\n      rows: List[Tensor],\n      texts: List[Tensor],\n")
                .append("      targets: List[Tensor],\n      biases: List[Tensor]) -> List[Tensor]:\n");
        ClipConfig.Vision vision = config.vision();
        int patch = vision.patchSize() >> vision.stem().size();
        line("x = images");
        int channels = 3;
        for (int i = 0; i < vision.stem().size(); i++) {
            int width = vision.stem().get(i);
            String stem = "visual.stem." + i + ".";
            line("w = %s", kernel(stem + "conv.weight", width, 3, channels, i == 0));
            line(
                    "x = torch.conv2d(%s, %s, %s, [2, 2], [1, 1], [1, 1], 1)",
                    cast.factor("x"), cast.factor("w"), cast.factor(p(stem + "conv.bias")));
            line("x = torch.permute(x, [0, 2, 3, 1])");
            layerNorm("x", "x", stem + "ln", width);
            activation("x");
            line("x = torch.permute(x, [0, 3, 1, 2])");
            channels = width;
        }
        boolean plain = vision.stem().isEmpty();
        line(
                "w = %s",
                plain
                        ? p("visual.conv1.weight")
                        : kernel("visual.conv1.weight", vision.width(), patch, channels, false));
        line(
                "x = torch.conv2d(%s, %s, %s, [%d, %d], [0, 0], [1, 1], 1)",
                cast.factor("x"), cast.factor("w"), plain ? "None" : cast.factor(p("visual.conv1.bias")), patch, patch);
        line("x = torch.transpose(torch.flatten(x, 2, -1), 1, 2)");
        if (vision.pool() == Pool.CLASS_TOKEN) {
            line(
                    "x = torch.cat([torch.expand(torch.view(%s, [1, 1, %d]), [torch.size(x, 0), 1, %d]), %s], 1)",
                    p("visual.class_embedding"), vision.width(), vision.width(), cast.single("x"));
        }
        line("x = torch.add(%s, %s)", cast.single("x"), p("visual.positional_embedding"));
        layerNorm("x", "x", "visual.ln_pre", vision.width());
        for (int i = 0; i < vision.layers(); i++) {
            block("visual.transformer.resblocks." + i + ".", vision.width(), vision.heads(), false);
        }
        line(vision.pool() == Pool.CLASS_TOKEN ? "x = torch.select(x, 1, 0)" : "x = torch.mean(x, [1], False)");
        layerNorm("x", "x", "visual.ln_post", vision.width());
        line("i = %s", product("x", p("visual.proj")));
        line("i = torch.div(i, torch.norm(i, 2, [-1], True))");
    }

    /** A convolution's weight from a matrix whose columns go by (channel, row, column) or (row, column, channel). */
    private String kernel(String name, int out, int size, int in, boolean channelFirst) {
        return channelFirst
                ? String.format("torch.view(%s, [%d, %d, %d, %d])", p(name), out, in, size, size)
                : String.format(
                        "torch.permute(torch.view(%s, [%d, %d, %d, %d]), [0, 3, 1, 2])", p(name), out, size, size, in);
    }

    private void textTower() {
        ClipConfig.Text text = config.text();
        line("x = torch.embedding(%s, tokens)", p("token_embedding.weight"));
        line("x = torch.add(x, torch.slice(%s, 0, 0, torch.size(tokens, 1), 1))", p("positional_embedding"));
        for (int i = 0; i < text.layers(); i++) {
            block("transformer.resblocks." + i + ".", text.width(), text.heads(), true);
        }
        line("e = torch.expand(torch.view(ends, [-1, 1, 1]), [-1, 1, %d])", text.width());
        line("x = torch.squeeze(torch.gather(x, 1, e), 1)");
        layerNorm("x", "x", "ln_final", text.width());
        line("t = %s", product("x", p("text_projection")));
        line("t = torch.div(t, torch.norm(t, 2, [-1], True))");
    }

    private void block(String prefix, int width, int heads, boolean causal) {
        layerNorm("y", "x", prefix + "ln_1", width);
        line("y = %s", cast.linear("y", p(prefix + "attn.in_proj_weight"), p(prefix + "attn.in_proj_bias")));
        line("y = torch.view(y, [torch.size(y, 0), torch.size(y, 1), 3, %d, %d])", heads, width / heads);
        line("y = torch.permute(y, [2, 0, 3, 1, 4])");
        line("y = torch.scaled_dot_product_attention(y[0], y[1], y[2], None, 0.0, %s)", causal ? "True" : "False");
        line("y = torch.flatten(torch.transpose(y, 1, 2), 2, -1)");
        line("y = %s", cast.linear("y", p(prefix + "attn.out_proj.weight"), p(prefix + "attn.out_proj.bias")));
        line("x = torch.add(x, %s)", cast.single("y"));
        layerNorm("y", "x", prefix + "ln_2", width);
        line("y = %s", cast.linear("y", p(prefix + "mlp.c_fc.weight"), p(prefix + "mlp.c_fc.bias")));
        activation("y");
        line("y = %s", cast.linear("y", p(prefix + "mlp.c_proj.weight"), p(prefix + "mlp.c_proj.bias")));
        line("x = torch.add(x, %s)", cast.single("y"));
    }

    private String product(String x, String weight) {
        return cast.single("torch.matmul(" + cast.factor(x) + ", " + cast.factor(weight) + ")");
    }

    private void layerNorm(String to, String from, String name, int width) {
        line(
                "%s = torch.layer_norm(%s, [%d], %s, %s, %s, True)",
                to, from, width, p(name + ".weight"), p(name + ".bias"), ClipConfig.LAYER_NORM_EPS);
    }

    private void activation(String name) {
        line(
                config.activation() == Activation.GELU
                        ? "%1$s = torch.gelu(%1$s)"
                        : "%1$s = torch.mul(%1$s, torch.sigmoid(torch.mul(%1$s, 1.702)))",
                name);
    }

    private void loss() {
        line("scale = torch.exp(%s)", p(DualEncoder.LOGIT_SCALE));
        line("loss = torch.zeros_like(scale)");
        line("for k in range(torch.len(rows)):");
        line("  a = torch.index_select(i, 0, rows[k])");
        line("  b = torch.index_select(t, 0, texts[k])");
        line("  s = torch.mul(torch.matmul(a, torch.t(b)), scale)");
        line("  first = torch.cross_entropy_loss(torch.add(s, biases[k]), targets[k])");
        line("  first = torch.add(first, torch.mean(torch.index_select(biases[k], 0, targets[k])))");
        line("  q = torch.log_softmax(s, 0)");
        line("  second = torch.neg(torch.mean(torch.gather(q, 1, torch.unsqueeze(targets[k], 1))))");
        line("  loss = torch.add(loss, torch.mul(torch.add(first, second), weights[k]))");
        line("gradients = torch.grad([loss], p, None, False, False, False)");
        line("out = [loss]");
        line("for g in gradients:");
        line("  out = torch.append(out, unchecked_cast(Tensor, g))");
        line("return out");
    }
}
