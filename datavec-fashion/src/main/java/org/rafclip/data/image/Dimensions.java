package org.rafclip.data.image;

/**
 * The size of an image as it is looked at, any EXIF rotation already counted in.
 *
 * @param width pixels
 * @param height pixels
 */
public record Dimensions(int width, int height) {

    @Override
    public String toString() {
        return width + "x" + height;
    }
}
