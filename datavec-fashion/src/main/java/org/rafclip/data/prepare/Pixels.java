package org.rafclip.data.prepare;

import java.util.Arrays;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;

/** The loops over pixels that steps are made of, other than resizing. */
final class Pixels {

    private Pixels() {}

    /** A rectangle of an image's plane; what lies outside the image has the fill's color. Cuts and pads in one. */
    static RgbImage window(RgbImage image, int left, int top, int width, int height, Fill fill) {
        byte[] result = new byte[3 * width * height];
        int firstX = Math.max(0, -left);
        int endX = Math.min(width, image.width() - left);
        int firstY = Math.max(0, -top);
        int endY = Math.min(height, image.height() - top);
        boolean pads = firstX > 0 || firstY > 0 || endX < width || endY < height;
        if (pads && !fill.equals(Fill.BLACK)) {
            fill(result, 0, width * height, fill);
        }
        if (firstX < endX) {
            for (int y = firstY; y < endY; y++) {
                int from = 3 * ((top + y) * image.width() + left + firstX);
                System.arraycopy(image.rgb(), from, result, 3 * (y * width + firstX), 3 * (endX - firstX));
            }
        }
        return new RgbImage(width, height, result);
    }

    /** The same rectangle of a mask; outside the image nothing is inside the mask. */
    static Mask window(Mask mask, int left, int top, int width, int height) {
        boolean[] result = new boolean[width * height];
        int firstX = Math.max(0, -left);
        int endX = Math.min(width, mask.width() - left);
        if (firstX < endX) {
            for (int y = Math.max(0, -top); y < Math.min(height, mask.height() - top); y++) {
                int from = (top + y) * mask.width() + left + firstX;
                System.arraycopy(mask.inside(), from, result, y * width + firstX, endX - firstX);
            }
        }
        return new Mask(width, height, result);
    }

    static void requireInside(RgbImage image, int left, int top, int width, int height) {
        if (left < 0
                || top < 0
                || width < 1
                || height < 1
                || left + width > image.width()
                || top + height > image.height()) {
            throw new IllegalArgumentException("a window of " + width + "x" + height + " at " + left + "," + top
                    + " is not inside an image of " + image.width() + "x" + image.height());
        }
    }

    static RgbImage mirror(RgbImage image) {
        byte[] from = image.rgb();
        byte[] to = new byte[from.length];
        int rowLength = 3 * image.width();
        for (int row = 0; row < from.length; row += rowLength) {
            for (int in = row, out = row + rowLength - 3; in < row + rowLength; in += 3, out -= 3) {
                to[out] = from[in];
                to[out + 1] = from[in + 1];
                to[out + 2] = from[in + 2];
            }
        }
        return new RgbImage(image.width(), image.height(), to);
    }

    static Mask mirror(Mask mask) {
        boolean[] result = new boolean[mask.inside().length];
        for (int y = 0, i = 0; y < mask.height(); y++) {
            for (int x = mask.width() - 1; x >= 0; x--, i++) {
                result[i] = mask.get(x, y);
            }
        }
        return new Mask(mask.width(), mask.height(), result);
    }

    /** The image with the fill's color wherever the mask is not. */
    static RgbImage keep(RgbImage image, Mask mask, Fill fill) {
        byte[] result = image.rgb().clone();
        boolean[] inside = mask.inside();
        for (int i = 0; i < inside.length; i++) {
            if (!inside[i]) {
                fill(result, i, i + 1, fill);
            }
        }
        return new RgbImage(image.width(), image.height(), result);
    }

    static RgbImage erase(RgbImage image, int left, int top, int width, int height, Fill fill) {
        byte[] result = image.rgb().clone();
        for (int y = top; y < top + height; y++) {
            int row = y * image.width();
            fill(result, row + left, row + left + width, fill);
        }
        return new RgbImage(image.width(), image.height(), result);
    }

    private static void fill(byte[] rgb, int fromPixel, int toPixel, Fill fill) {
        if (fill.red() == fill.green() && fill.green() == fill.blue()) {
            Arrays.fill(rgb, 3 * fromPixel, 3 * toPixel, (byte) fill.red());
            return;
        }
        for (int i = 3 * fromPixel; i < 3 * toPixel; i += 3) {
            rgb[i] = (byte) fill.red();
            rgb[i + 1] = (byte) fill.green();
            rgb[i + 2] = (byte) fill.blue();
        }
    }

    /** Pillow's {@code ImageEnhance.Brightness}: 0 black, 1 unchanged. */
    static void brightness(byte[] rgb, float factor) {
        scaleFrom(0, rgb, factor);
    }

    /** Pillow's {@code ImageEnhance.Contrast}: 0 the mean gray everywhere, 1 unchanged. */
    static void contrast(byte[] rgb, float factor) {
        long sum = 0;
        for (int i = 0; i < rgb.length; i += 3) {
            sum += luma(rgb, i);
        }
        scaleFrom((int) (sum / (rgb.length / 3.0) + 0.5), rgb, factor);
    }

    /** Pillow's {@code ImageEnhance.Color}: 0 gray, 1 unchanged. */
    static void saturation(byte[] rgb, float factor) {
        for (int i = 0; i < rgb.length; i += 3) {
            int gray = luma(rgb, i);
            rgb[i] = blend(gray, rgb[i] & 0xff, factor);
            rgb[i + 1] = blend(gray, rgb[i + 1] & 0xff, factor);
            rgb[i + 2] = blend(gray, rgb[i + 2] & 0xff, factor);
        }
    }

    private static void scaleFrom(int origin, byte[] rgb, float factor) {
        byte[] table = new byte[256];
        for (int i = 0; i < 256; i++) {
            table[i] = blend(origin, i, factor);
        }
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = table[rgb[i] & 0xff];
        }
    }

    /** ITU-R 601 in Pillow's fixed point. */
    private static int luma(byte[] rgb, int i) {
        return (rgb[i] & 0xff) * 19595 + (rgb[i + 1] & 0xff) * 38470 + (rgb[i + 2] & 0xff) * 7471 + 0x8000 >> 16;
    }

    private static byte blend(int from, int to, float factor) {
        float value = from + factor * (to - from);
        return (byte) (value <= 0 ? 0 : value >= 255 ? 255 : (int) value);
    }
}
