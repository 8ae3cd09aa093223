package org.rafclip.measure;

import java.util.Arrays;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.compose.ComposerConfig.Features;
import org.rafclip.agcn.compose.ComposerConfig.GateShape;
import org.rafclip.agcn.compose.ComposerConfig.Kind;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.clip.DualEncoder;
import org.rafclip.clip.LoraConfig;
import org.rafclip.ops.op.Unfold;

/**
 * Floating-point operations of the matrix products that a dual encoder or a composer does: two for each multiplication and
 * addition.
 *
 * <p>Counted are the linear layers, the convolutions, and both products of attention, over all positions: a causal mask
 * saves none. A last block of which one token of each sequence is read computes keys and values alone of the others. Left out
 * is what is no matrix product (norms, softmax, activations, the optimizer) and the loss, whose products are less than a
 * thousandth of an encoder's.
 *
 * @param forward of the values
 * @param backward of the gradients: twice the forward pass, except for layers on pixels, whose input needs no gradient
 */
public record Flops(double forward, double backward) {

    /** The products of images in the image tower, up to their embeddings. */
    public static Flops images(ClipConfig config, long images) {
        ClipConfig.Vision vision = config.vision();
        if (vision.residual()) {
            return residual(vision, config.embedWidth(), images);
        }
        Flops sum = patches(vision, images).plus(Stack.of(vision, images).products());
        if (vision.pool() == Pool.ATTENTION) {
            sum = sum.plus(attentionPool(images, vision));
        }
        return sum.plus(projection(vision.projection(), images, vision.width(), config.embedWidth()));
    }

    /** Convolutions, if there are any, and the layer that makes tokens of patches. */
    private static Flops patches(ClipConfig.Vision vision, long images) {
        Flops sum = new Flops(0, 0);
        int channels = 3;
        int size = vision.imageSize();
        for (int width : vision.stem()) {
            size = Unfold.outputSize(size, 3, 2, 1);
            sum = sum.plus(product(images * size * size, 9L * channels, width, channels == 3));
            channels = width;
        }
        long patch = vision.patchSize() >> vision.stem().size();
        return sum.plus(product(
                images * vision.patches(),
                patch * patch * channels,
                vision.width(),
                vision.stem().isEmpty()));
    }

    /**
     * {@link #images(ClipConfig, long)} in training by adapters, null for none.
     *
     * @param lora as if at every layer that it may be at
     */
    public static Flops images(ClipConfig config, long images, LoraConfig lora) {
        ClipConfig.Vision vision = config.vision();
        Flops whole = images(config, images);
        if (lora == null) {
            return whole;
        }
        if (vision.residual()) {
            return new Flops(whole.forward, 0);
        }
        Stack stack = Stack.of(vision, images);
        Flops attention = stack.attention();
        if (vision.pool() == Pool.ATTENTION) {
            attention = attention.plus(
                    product(images, vision.width(), vision.tokens(), false).times(2));
        }
        Flops below = patches(vision, images);
        return stack.adapted(whole.less(below), attention, lora).plus(new Flops(below.forward, 0));
    }

    /** {@link #texts(ClipConfig, long, long)} in training by adapters, null for none. */
    public static Flops texts(ClipConfig config, long texts, long tokens, LoraConfig lora) {
        Flops whole = texts(config, texts, tokens);
        if (lora == null) {
            return whole;
        }
        Stack stack = Stack.of(config.text(), texts, tokens);
        return stack.adapted(whole, stack.attention(), lora);
    }

    /**
     * {@link #texts(ClipConfig, long, long, LoraConfig)} of texts of different lengths.
     *
     * @param tokens of each
     */
    public static Flops texts(ClipConfig config, int[] tokens, LoraConfig lora) {
        return Arrays.stream(tokens)
                .mapToObj(length -> texts(config, 1, length, lora))
                .reduce(new Flops(0, 0), Flops::plus);
    }

    /**
     * Blocks one upon another.
     *
     * @param read how many tokens of a sequence the last block computes more of than keys and values
     */
    private record Stack(long sequences, long tokens, long read, long width, long hidden, int layers) {

        static Stack of(ClipConfig.Vision vision, long images) {
            long tokens = vision.tokensInside();
            return new Stack(
                    images,
                    tokens,
                    vision.pool() == Pool.CLASS_TOKEN ? 1 : tokens,
                    vision.width(),
                    Flops.hidden(vision.width(), vision.mlpRatio()),
                    vision.layers());
        }

        static Stack of(ClipConfig.Text text, long texts, long tokens) {
            return new Stack(
                    texts,
                    tokens,
                    text.pool() == TextPool.MEAN || text.postNorm() ? tokens : 1,
                    text.width(),
                    Flops.hidden(text.width(), text.mlpRatio()),
                    text.layers());
        }

        /** Rows that go through all of a block, in all blocks. */
        private long rows() {
            return sequences * (tokens * (layers - 1) + read);
        }

        private long keys() {
            return sequences * tokens * layers;
        }

        Flops attention() {
            return product(rows(), width, tokens, false).times(2);
        }

        Flops products() {
            return product(rows(), width, 2 * width, false)
                    .plus(product(keys(), width, 2 * width, false))
                    .plus(product(rows(), width, hidden, false).times(2))
                    .plus(attention());
        }

        /**
         * Frozen layers pass gradients on and take none for their weights; below the first projections of the first block
         * nothing asks for any.
         *
         * @param whole these products and others
         * @param attention those of whole that are no weight's
         */
        Flops adapted(Flops whole, Flops attention, LoraConfig lora) {
            Flops factors = new Flops(0, 0);
            long projected = 0;
            for (LoraConfig.Target target : lora.targets()) {
                long in = target == LoraConfig.Target.FC2 ? hidden : width;
                long out = target == LoraConfig.Target.FC1 ? hidden : width;
                long rows = target == LoraConfig.Target.K_PROJ || target == LoraConfig.Target.V_PROJ ? keys() : rows();
                factors = factors.plus(product(rows, in, lora.rank(), false))
                        .plus(product(rows, lora.rank(), out, false));
                projected += target.packed() ? 1 : 0;
            }
            long queries = sequences * (layers == 1 ? read : tokens);
            double lowest = projected == 0
                    ? 0
                    : product(queries, width, width, false)
                            .plus(product(sequences * tokens, width, 2 * width, false))
                            .forward;
            double ofWeights = whole.forward - attention.forward;
            return new Flops(whole.forward, whole.backward - ofWeights - lowest).plus(factors);
        }
    }

    /** A ModifiedResNet up to what the mean of all patches finds in them. */
    private static Flops residual(ClipConfig.Vision vision, long embedWidth, long images) {
        long width = vision.width();
        long cells = images * vision.imageSize() / 2 * vision.imageSize() / 2;
        Flops sum = product(cells, 27, width / 2, true)
                .plus(product(cells, 9 * width / 2, width / 2, false))
                .plus(product(cells, 9 * width / 2, width, false));
        cells /= 4;
        long channels = width;
        for (int stage = 0; stage < vision.stages().size(); stage++) {
            long inner = width << stage;
            long out = 4 * inner;
            for (int block = 0; block < vision.stages().get(stage); block++) {
                long after = block == 0 && stage > 0 ? cells / 4 : cells;
                sum = sum.plus(product(cells, channels, inner, false))
                        .plus(product(cells, 9 * inner, inner, false))
                        .plus(product(after, inner, out, false));
                if (block == 0) {
                    sum = sum.plus(product(after, channels, out, false));
                }
                cells = after;
                channels = out;
            }
        }
        long tokens = vision.tokens();
        return sum.plus(product(images, channels, channels, false))
                .plus(product(images * tokens, channels, 2 * channels, false))
                .plus(product(images, channels, tokens, false).times(2))
                .plus(product(images, channels, embedWidth, false));
    }

    /** One query, of which there is one for all images, over the patch tokens of each. */
    private static Flops attentionPool(long images, ClipConfig.Vision vision) {
        long width = vision.width();
        long tokens = vision.tokens();
        return product(1, width, width, false)
                .plus(product(images * tokens, width, 2 * width, false))
                .plus(product(images, width, tokens, false).times(2))
                .plus(product(images, width, width, false))
                .plus(product(images, width, hidden(width, vision.mlpRatio()), false)
                        .times(2));
    }

    private static Flops projection(Projection kind, long rows, long width, long embedWidth) {
        return switch (kind) {
            case MATRIX, LINEAR -> product(rows, width, embedWidth, false);
            case MLP -> {
                long hidden = DualEncoder.hiddenOfProjection((int) width, (int) embedWidth);
                yield product(rows, width, hidden, false).plus(product(rows, hidden, embedWidth, false));
            }
            case NONE -> new Flops(0, 0);
        };
    }

    /** The products of texts, all of one length, in the text tower, up to their embeddings. */
    public static Flops texts(ClipConfig config, long texts, long tokens) {
        ClipConfig.Text text = config.text();
        return Stack.of(text, texts, tokens)
                .products()
                .plus(projection(text.projection(), texts, text.width(), config.embedWidth()));
    }

    /**
     * The products of queries in a composer. A branch's last block computes only the tokens that are read; cached features
     * are data, whose gradient nobody needs.
     *
     * @param width d
     * @param pool of the encoder
     * @param imageTokens of each image
     * @param textTokens of each query's text
     */
    public static Flops composer(ComposerConfig config, long width, Pool pool, long imageTokens, int[] textTokens) {
        long queries = textTokens.length;
        Flops sum = new Flops(0, 0);
        Kind kind = config.kind();
        if (kind == Kind.SUM) {
            return sum;
        }
        if (kind == Kind.CLIP4CIR) {
            long projection = config.combiner().projection();
            long hidden = config.combiner().hidden();
            return product(queries, width, projection, false)
                    .times(2)
                    .plus(product(queries, 2 * projection, hidden, false).times(2))
                    .plus(product(queries, hidden, width + 1, false));
        }
        boolean ofTokens = config.branches().features() == Features.TOKEN;
        long[] image = new long[textTokens.length];
        Arrays.fill(image, ofTokens ? imageTokens : 1);
        long[] text = Arrays.stream(textTokens)
                .mapToLong(tokens -> ofTokens ? tokens : 1)
                .toArray();
        if (kind != Kind.ONLY_TEXT) {
            sum = sum.plus(branch(config, width, image, text, pool == Pool.CLASS_TOKEN, ofTokens));
        }
        if (kind != Kind.ONLY_IMAGE) {
            sum = sum.plus(branch(config, width, text, image, true, ofTokens));
        }
        if (kind == Kind.AGCN) {
            ComposerConfig.Gates gates = config.gates();
            long outputs = gates.shape() == GateShape.SCALAR ? 1 : width;
            Flops gate = product(queries, 2 * width, gates.projection(), false)
                    .plus(product(queries, gates.projection(), gates.hidden(), false))
                    .plus(product(queries, gates.hidden(), outputs, false));
            sum = sum.plus(gate.times(2));
        }
        return sum;
    }

    /**
     * Eq. 7–11, y times.
     *
     * @param own tokens of each sample
     * @param other tokens of each sample on the other side
     * @param one whether the last block is read at one token of each sample
     * @param data whether the first block's tokens and those of the other side are data
     */
    private static Flops branch(
            ComposerConfig config, long width, long[] own, long[] other, boolean one, boolean data) {
        Flops sum = new Flops(0, 0);
        int blocks = config.branches().blocks();
        long hidden = hidden(width, config.branches().mlpRatio());
        for (int i = 0; i < blocks; i++) {
            boolean first = data && i == 0;
            boolean last = one && i == blocks - 1;
            for (int sample = 0; sample < own.length; sample++) {
                long asked = last ? 1 : own[sample];
                sum = sum.plus(product(own[sample], width, 2 * width, first))
                        .plus(product(asked, width, width, first))
                        .plus(product(asked, width, own[sample], false).times(2))
                        .plus(product(asked, width, 2 * width, false))
                        .plus(product(other[sample], width, 2 * width, data))
                        .plus(product(asked, width, other[sample], false).times(2))
                        .plus(product(asked, width, width, false))
                        .plus(product(asked, width, hidden, false).times(2));
            }
        }
        return sum;
    }

    private static long hidden(long width, double ratio) {
        return Math.round(width * ratio);
    }

    private static Flops product(long rows, long in, long out, boolean ofData) {
        double forward = 2.0 * rows * in * out;
        return new Flops(forward, ofData ? forward : 2 * forward);
    }

    public double total() {
        return forward + backward;
    }

    public Flops plus(Flops other) {
        return new Flops(forward + other.forward, backward + other.backward);
    }

    private Flops less(Flops part) {
        return new Flops(forward - part.forward, backward - part.backward);
    }

    private Flops times(int factor) {
        return new Flops(forward * factor, backward * factor);
    }
}
