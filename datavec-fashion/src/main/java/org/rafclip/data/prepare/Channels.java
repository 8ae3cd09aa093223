package org.rafclip.data.prepare;

/** One number for each color channel; written {@code red/green/blue}. */
public record Channels(float red, float green, float blue) {

    static Channels parse(String text) {
        String[] parts = text.split("/", -1);
        try {
            if (parts.length == 3) {
                return new Channels(Float.parseFloat(parts[0]), Float.parseFloat(parts[1]), Float.parseFloat(parts[2]));
            }
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("is not three numbers such as 0.5/0.5/0.5", e);
        }
        throw new IllegalArgumentException("is not three numbers such as 0.5/0.5/0.5");
    }

    @Override
    public String toString() {
        return red + "/" + green + "/" + blue;
    }
}
