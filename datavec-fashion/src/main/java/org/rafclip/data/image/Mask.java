package org.rafclip.data.image;

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
}
