package org.rafclip.data.segment;

import org.rafclip.data.image.Box;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.prepare.Interpolation;
import org.rafclip.data.prepare.Resampler;
import org.rafclip.data.segment.SamNetwork.Fit;

/**
 * How a photo lies in the square frame of SAM's encoder.
 *
 * @param width of the photo, pixels
 * @param height of the photo, pixels
 * @param size of the frame, pixels a side
 */
record SamFrame(int width, int height, int size, Fit fit) {

    static SamFrame of(RgbImage image, SamNetwork network) {
        return new SamFrame(image.width(), image.height(), network.frameSize(), network.fit());
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
        return fit == Fit.STRETCHED
                ? size
                : Math.max(1, (int) (side * ((double) size / Math.max(width, height)) + 0.5));
    }

    /** The photo in its size within the frame. */
    RgbImage inner(RgbImage image) {
        return Resampler.resize(image, innerWidth(), innerHeight(), Interpolation.BILINEAR);
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
     * Which of the photo's pixels are inside a mask: those whose logit is above 0. As the originals do, the mask of a padded
     * photo is interpolated to the frame, the padding cut off, and what is left interpolated to the photo; being linear and
     * separable, both steps are one here. That of a stretched photo is interpolated to the photo at once.
     *
     * @param index which of the masks
     */
    Segmentation.Pixels garment(SamNetwork.Masks masks, int index) {
        int side = masks.side();
        float[] logits = masks.logits();
        Taps columns = fit == Fit.PADDED ? Taps.of(side, size, innerWidth(), width) : Taps.of(side, side, side, width);
        Taps rows = fit == Fit.PADDED ? Taps.of(side, size, innerHeight(), height) : Taps.of(side, side, side, height);
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
