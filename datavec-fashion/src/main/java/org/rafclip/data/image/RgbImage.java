package org.rafclip.data.image;

/**
 * An 8-bit color image in memory.
 *
 * @param width pixels
 * @param height pixels
 * @param rgb {@code height * width * 3} bytes, row by row from the top left, red, green, blue
 */
public record RgbImage(int width, int height, byte[] rgb) {

    public RgbImage {
        if (width < 1 || height < 1 || rgb.length != 3L * width * height) {
            throw new IllegalArgumentException(
                    "an RGB image of " + width + "x" + height + " cannot have " + rgb.length + " bytes");
        }
    }

    /** One channel (0 red, 1 green, 2 blue) of one pixel, 0–255. */
    public int get(int x, int y, int channel) {
        return rgb[(y * width + x) * 3 + channel] & 0xff;
    }
}
