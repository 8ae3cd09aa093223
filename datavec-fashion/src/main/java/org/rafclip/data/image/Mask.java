package org.rafclip.data.image;

import java.util.Arrays;

/**
 * Which pixels of an image belong to a garment.
 *
 * @param width pixels
 * @param height pixels
 * @param inside {@code height * width} flags, row by row from the top left
 */
public record Mask(int width, int height, boolean[] inside) {

    public Mask {
        if (width < 1 || height < 1 || inside.length != (long) width * height) {
            throw new IllegalArgumentException(
                    "a mask of " + width + "x" + height + " cannot have " + inside.length + " pixels");
        }
    }

    public boolean get(int x, int y) {
        return inside[y * width + x];
    }

    /** The number of pixels inside. */
    public int area() {
        int area = 0;
        for (boolean pixel : inside) {
            if (pixel) {
                area++;
            }
        }
        return area;
    }

    /**
     * The smallest box around the pixels inside.
     *
     * @throws IllegalStateException if there is none
     */
    public Box bounds() {
        int x1 = width;
        int y1 = height;
        int x2 = -1;
        int y2 = -1;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                if (get(x, y)) {
                    x1 = Math.min(x1, x);
                    x2 = Math.max(x2, x);
                    y1 = Math.min(y1, y);
                    y2 = y;
                }
            }
        }
        if (x2 < 0) {
            throw new IllegalStateException("an empty mask has no bounds");
        }
        return new Box(x1, y1, x2, y2);
    }

    /** Every pixel of a box, as far as it lies in an image of the given size. */
    public static Mask of(int width, int height, Box box) {
        Box part = box.clip(width, height);
        boolean[] inside = new boolean[width * height];
        if (part.width() > 0) {
            for (int y = part.y1(); y <= part.y2(); y++) {
                Arrays.fill(inside, y * width + part.x1(), y * width + part.x2() + 1, true);
            }
        }
        return new Mask(width, height, inside);
    }

    /**
     * Intersection over union with a mask of the same size, 0 to 1; 1 for two empty masks.
     *
     * @throws IllegalArgumentException where the sizes differ
     */
    public double intersectionOverUnion(Mask other) {
        if (width != other.width || height != other.height) {
            throw new IllegalArgumentException("masks of " + width + "x" + height + " and " + other.width + "x"
                    + other.height + " pixels cannot be compared");
        }
        int intersection = 0;
        int union = 0;
        for (int i = 0; i < inside.length; i++) {
            intersection += inside[i] & other.inside[i] ? 1 : 0;
            union += inside[i] | other.inside[i] ? 1 : 0;
        }
        return union == 0 ? 1 : (double) intersection / union;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Mask mask
                && width == mask.width
                && height == mask.height
                && Arrays.equals(inside, mask.inside);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * width + height) + Arrays.hashCode(inside);
    }

    @Override
    public String toString() {
        return "Mask[" + width + "x" + height + ", area " + area() + "]";
    }
}
