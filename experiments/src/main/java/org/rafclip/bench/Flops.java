package org.rafclip.bench;

import org.rafclip.clip.ClipConfig;
import org.rafclip.ops.Unfold;

/**
 * Floating-point operations of the matrix products that a dual encoder does: two for each multiplication and addition.
 *
 * <p>Counted are the linear layers, the convolutions, and both products of attention, over all positions: a causal mask
 * saves none. Left out is what is no matrix product (norms, softmax, activations, the optimizer) and the loss, whose
 * products are less than a thousandth of an encoder's.
 *
 * @param forward of the values
 * @param backward of the gradients: twice the forward pass, except for layers on pixels, whose input needs no gradient
 */
public record Flops(double forward, double backward) {

    /** Of images through the image tower to their embeddings. */
    public static Flops images(ClipConfig config, long images) {
        ClipConfig.Vision vision = config.vision();
        Flops sum = new Flops(0, 0);
        int channels = 3;
        int size = vision.imageSize();
        for (int width : vision.stem()) {
            size = Unfold.outputSize(size, 3, 2, 1);
            sum = sum.plus(product(images * size * size, 9L * channels, width, channels == 3));
            channels = width;
        }
        long patch = vision.patchSize() >> vision.stem().size();
        sum = sum.plus(product(
                images * vision.patches(),
                patch * patch * channels,
                vision.width(),
                vision.stem().isEmpty()));
        sum = sum.plus(blocks(images, vision.tokens(), vision.width(), hidden(vision.width(), vision.mlpRatio()))
                .times(vision.layers()));
        return sum.plus(product(images, vision.width(), config.embedWidth(), false));
    }

    /** Of texts, padded to one length, through the text tower to their embeddings. */
    public static Flops texts(ClipConfig config, long texts, long tokens) {
        ClipConfig.Text text = config.text();
        return blocks(texts, tokens, text.width(), hidden(text.width(), text.mlpRatio()))
                .times(text.layers())
                .plus(product(texts, text.width(), config.embedWidth(), false));
    }

    private static long hidden(int width, double ratio) {
        return Math.round(width * ratio);
    }

    private static Flops blocks(long sequences, long tokens, long width, long hidden) {
        long rows = sequences * tokens;
        return product(rows, width, 3 * width, false)
                .plus(product(rows, width, width, false))
                .plus(product(rows, width, hidden, false))
                .plus(product(rows, hidden, width, false))
                .plus(product(rows, width, tokens, false).times(2));
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

    private Flops times(int factor) {
        return new Flops(forward * factor, backward * factor);
    }
}
