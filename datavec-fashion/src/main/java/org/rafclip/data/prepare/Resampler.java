package org.rafclip.data.prepare;

import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;

/**
 * Resizing as Pillow does it, {@code Image.resize(size, filter)} bit for bit. That is a separable convolution whose support
 * widens with the factor of reduction, so that it does not alias; weights in fixed point with 22 bits; the rows' pass
 * first, rounded to 8 bits between the passes (Pillow's {@code Resample.c}).
 */
public final class Resampler {

    private static final int WEIGHT_BITS = 22;

    private Resampler() {}

    /** The whole image at another size; up and down, each axis on its own. */
    public static RgbImage resize(RgbImage image, int width, int height, Interpolation interpolation) {
        return resize(image, 0, 0, image.width(), image.height(), width, height, interpolation);
    }

    /**
     * A window of an image at another size, as if the window had been cut out first: pixels beside it have no influence.
     *
     * @param left the window's first column
     * @param top the window's first row
     * @param windowWidth the window's columns, all inside the image
     * @param windowHeight the window's rows, all inside the image
     */
    public static RgbImage resize(
            RgbImage image,
            int left,
            int top,
            int windowWidth,
            int windowHeight,
            int width,
            int height,
            Interpolation interpolation) {
        Pixels.requireInside(image, left, top, windowWidth, windowHeight);
        if (windowWidth == width && windowHeight == height) {
            return Pixels.window(image, left, top, width, height, Fill.BLACK);
        }
        int[] rows = windowWidth == width
                ? unpack(image, left, top, windowWidth, windowHeight)
                : resizeRows(image, left, top, windowHeight, Weights.of(windowWidth, width, interpolation), width);
        byte[] result = new byte[3 * width * height];
        if (windowHeight == height) {
            for (int i = 0; i < result.length; i++) {
                result[i] = (byte) rows[i];
            }
        } else {
            resizeColumns(rows, Weights.of(windowHeight, height, interpolation), result, 3 * width, height);
        }
        return new RgbImage(width, height, result);
    }

    /** A mask at another size; every pixel takes the flag of the one nearest to its center. */
    static Mask nearest(Mask mask, int left, int top, int windowWidth, int windowHeight, int width, int height) {
        boolean[] inside = new boolean[width * height];
        for (int y = 0, i = 0; y < height; y++) {
            int fromY = top + (int) ((y + 0.5) * windowHeight / height);
            for (int x = 0; x < width; x++, i++) {
                inside[i] = mask.get(left + (int) ((x + 0.5) * windowWidth / width), fromY);
            }
        }
        return new Mask(width, height, inside);
    }

    private static int[] unpack(RgbImage image, int left, int top, int width, int height) {
        int[] samples = new int[3 * width * height];
        for (int y = 0, out = 0; y < height; y++) {
            int in = 3 * ((top + y) * image.width() + left);
            for (int end = out + 3 * width; out < end; out++, in++) {
                samples[out] = image.rgb()[in] & 0xff;
            }
        }
        return samples;
    }

    private static int[] resizeRows(RgbImage image, int left, int top, int windowHeight, Weights weights, int width) {
        byte[] rgb = image.rgb();
        int[] result = new int[3 * width * windowHeight];
        int out = 0;
        for (int y = 0; y < windowHeight; y++) {
            int row = 3 * ((top + y) * image.width() + left);
            for (int x = 0; x < width; x++, out += 3) {
                int red = 1 << WEIGHT_BITS - 1;
                int green = red;
                int blue = red;
                int in = row + 3 * weights.first[x];
                int k = x * weights.stride;
                for (int end = k + weights.count[x]; k < end; k++, in += 3) {
                    int weight = weights.fixed[k];
                    red += (rgb[in] & 0xff) * weight;
                    green += (rgb[in + 1] & 0xff) * weight;
                    blue += (rgb[in + 2] & 0xff) * weight;
                }
                result[out] = clip(red >> WEIGHT_BITS);
                result[out + 1] = clip(green >> WEIGHT_BITS);
                result[out + 2] = clip(blue >> WEIGHT_BITS);
            }
        }
        return result;
    }

    private static void resizeColumns(int[] rows, Weights weights, byte[] result, int rowLength, int height) {
        int[] sums = new int[rowLength];
        for (int y = 0; y < height; y++) {
            java.util.Arrays.fill(sums, 1 << WEIGHT_BITS - 1);
            for (int k = 0; k < weights.count[y]; k++) {
                int weight = weights.fixed[y * weights.stride + k];
                int in = (weights.first[y] + k) * rowLength;
                for (int x = 0; x < rowLength; x++) {
                    sums[x] += rows[in + x] * weight;
                }
            }
            int out = y * rowLength;
            for (int x = 0; x < rowLength; x++) {
                result[out + x] = (byte) clip(sums[x] >> WEIGHT_BITS);
            }
        }
    }

    private static int clip(int value) {
        return Math.max(0, Math.min(255, value));
    }

    /** For every output position the first input it reads, how many, and their weights in fixed point. */
    private record Weights(int[] first, int[] count, int[] fixed, int stride) {

        static Weights of(int in, int out, Interpolation interpolation) {
            double scale = (double) in / out;
            double filterScale = Math.max(1, scale);
            double support = interpolation.support() * filterScale;
            double inverse = 1 / filterScale;
            int stride = (int) Math.ceil(support) * 2 + 1;
            int[] first = new int[out];
            int[] count = new int[out];
            int[] fixed = new int[out * stride];
            double[] weights = new double[stride];
            for (int i = 0; i < out; i++) {
                double center = (i + 0.5) * scale;
                int from = Math.max(0, (int) (center - support + 0.5));
                int to = Math.min(in, (int) (center + support + 0.5));
                double sum = 0;
                for (int k = 0; k < to - from; k++) {
                    weights[k] = interpolation.at((k + from - center + 0.5) * inverse);
                    sum += weights[k];
                }
                for (int k = 0; k < to - from; k++) {
                    double weight = sum == 0 ? weights[k] : weights[k] / sum;
                    fixed[i * stride + k] = (int) (weight * (1 << WEIGHT_BITS) + (weight < 0 ? -0.5 : 0.5));
                }
                first[i] = from;
                count[i] = to - from;
            }
            return new Weights(first, count, fixed, stride);
        }
    }
}
