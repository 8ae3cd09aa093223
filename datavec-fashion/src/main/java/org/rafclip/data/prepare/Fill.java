package org.rafclip.data.prepare;

/**
 * A color for pixels that hold no image.
 *
 * @param red 0–255
 * @param green 0–255
 * @param blue 0–255
 */
public record Fill(int red, int green, int blue) {

    /** CLIP's mean color in 8 bits: zero after normalisation, but for a rounding of less than 0.01. */
    public static final Fill MEAN = new Fill(123, 117, 104);

    public static final Fill BLACK = new Fill(0, 0, 0);
    public static final Fill WHITE = new Fill(255, 255, 255);

    public Fill {
        if ((red | green | blue) >>> 8 != 0) {
            throw new IllegalArgumentException(
                    "a color has 0 to 255 of red, green and blue, not " + red + ", " + green + ", " + blue);
        }
    }

    /** Reads {@code mean}, {@code black}, {@code white} or {@code #rrggbb}. */
    static Fill parse(String text) {
        return switch (text) {
            case "mean" -> MEAN;
            case "black" -> BLACK;
            case "white" -> WHITE;
            default -> {
                if (!text.matches("#[0-9a-fA-F]{6}")) {
                    throw new IllegalArgumentException("is not mean, black, white or #rrggbb");
                }
                int rgb = Integer.parseInt(text.substring(1), 16);
                yield new Fill(rgb >> 16, rgb >> 8 & 0xff, rgb & 0xff);
            }
        };
    }

    /** The text that {@link #parse} reads. */
    @Override
    public String toString() {
        if (equals(MEAN)) {
            return "mean";
        }
        if (equals(BLACK)) {
            return "black";
        }
        return equals(WHITE) ? "white" : String.format("#%02x%02x%02x", red, green, blue);
    }
}
