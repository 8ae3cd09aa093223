package org.rafclip.data.image;

/**
 * A pixel rectangle, both corners inside it, as the DeepFashion annotations write it.
 *
 * @param x1 left column
 * @param y1 top row
 * @param x2 right column, inclusive
 * @param y2 bottom row, inclusive
 */
public record Box(int x1, int y1, int x2, int y2) {

    /** Of a garment that fills its photo, whatever its size: larger than any, to be clipped. */
    public static final Box WHOLE = new Box(0, 0, (1 << 24) - 1, (1 << 24) - 1);

    public int width() {
        return x2 - x1 + 1;
    }

    public int height() {
        return y2 - y1 + 1;
    }

    /** The part of this box inside an image; empty boxes have a width or height below 1. */
    public Box clip(int imageWidth, int imageHeight) {
        return new Box(Math.max(0, x1), Math.max(0, y1), Math.min(imageWidth - 1, x2), Math.min(imageHeight - 1, y2));
    }
}
