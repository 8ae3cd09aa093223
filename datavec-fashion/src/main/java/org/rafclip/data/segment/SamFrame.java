package org.rafclip.data.segment;

import org.rafclip.data.image.Box;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.prepare.Channels;
import org.rafclip.data.prepare.Interpolation;
import org.rafclip.data.prepare.Normalization;
import org.rafclip.data.prepare.Resampler;

/**
 * How a photo lies in the square frame of SAM's encoder: its longest side fills the frame, it touches the top left, what
 * is left over is zero after normalisation.
 *
 * @param width of the photo, pixels
 * @param height of the photo, pixels
 * @param size of the frame, pixels a side
 */
record SamFrame(int width, int height, int size) {

    private static final Normalization NORMALIZATION = new Normalization(
            new Channels(123.675f / 255, 116.28f / 255, 103.53f / 255),
            new Channels(58.395f / 255, 57.12f / 255, 57.375f / 255));

    static SamFrame of(RgbImage image, int size) {
        return new SamFrame(image.width(), image.height(), size);
    }

    /** Columns of the frame that the photo takes. */
    int innerWidth() {
        return scaled(width);
    }

    /** Rows of the frame that the photo takes. */
    int innerHeight() {
        return scaled(height);
    }

    private int scaled(int side) {
        return Math.max(1, (int) (side * ((double) size / Math.max(width, height)) + 0.5));
    }

    /** The photo as the encoder takes it, {@code [3, size, size]}. */
    float[] pixels(RgbImage image) {
        RgbImage inner = Resampler.resize(image, innerWidth(), innerHeight(), Interpolation.BILINEAR);
        float[] dense = new float[3 * inner.width() * inner.height()];
        NORMALIZATION.write(inner, dense, 0);
        float[] padded = new float[3 * size * size];
        for (int channel = 0; channel < 3; channel++) {
            for (int y = 0; y < inner.height(); y++) {
                System.arraycopy(
                        dense,
                        (channel * inner.height() + y) * inner.width(),
                        padded,
                        (channel * size + y) * size,
                        inner.width());
            }
        }
        return padded;
    }

    /** A box's first and last column and row in the frame: left, top, right, bottom. */
    float[] corners(Box box) {
        double toRight = (double) innerWidth() / width;
        double down = (double) innerHeight() / height;
        return new float[] {
            (float) (box.x1() * toRight),
            (float) (box.y1() * down),
            (float) (box.x2() * toRight),
            (float) (box.y2() * down)
        };
    }

    /**
     * Which of the photo's pixels are inside a mask: those whose logit is above 0. As the original does, the mask is
     * interpolated to the frame, the padding cut off, and what is left interpolated to the photo; being linear and
     * separable, both steps are one here.
     *
     * @param index which of the masks
     */
    Segmentation.Pixels garment(SamNetwork.Masks masks, int index) {
        int side = masks.side();
        float[] logits = masks.logits();
        Taps columns = Taps.of(side, size, innerWidth(), width);
        Taps rows = Taps.of(side, size, innerHeight(), height);
        int first = index * side * side;
        return (x, y) -> {
            double sum = 0;
            for (int i = 4 * y; i < 4 * y + 4; i++) {
                int row = first + rows.from[i] * side;
                double inRow = 0;
                for (int k = 4 * x; k < 4 * x + 4; k++) {
                    inRow += columns.weight[k] * logits[row + columns.from[k]];
                }
                sum += rows.weight[i] * inRow;
            }
            return sum > 0;
        };
    }

    /** For every pixel of one axis the four cells of the mask that it is a mean of, and their weights. */
    private record Taps(int[] from, double[] weight) {

        static Taps of(int side, int size, int inner, int pixels) {
            int[] from = new int[4 * pixels];
            double[] weight = new double[4 * pixels];
            for (int pixel = 0; pixel < pixels; pixel++) {
                double inFrame = source(pixel, inner, pixels);
                int near = (int) inFrame;
                int far = Math.min(near + 1, inner - 1);
                put(from, weight, 4 * pixel, near, 1 - (inFrame - near), side, size);
                put(from, weight, 4 * pixel + 2, far, inFrame - near, side, size);
            }
            return new Taps(from, weight);
        }

        private static void put(int[] from, double[] weight, int at, int frameCell, double share, int side, int size) {
            double inMask = source(frameCell, side, size);
            int near = (int) inMask;
            from[at] = near;
            weight[at] = share * (1 - (inMask - near));
            from[at + 1] = Math.min(near + 1, side - 1);
            weight[at + 1] = share * (inMask - near);
        }

        /** Where the center of a cell lies on an axis of another length, in cells of that axis. */
        private static double source(int cell, int in, int out) {
            return Math.max(0, (cell + 0.5) * in / out - 0.5);
        }
    }
}
