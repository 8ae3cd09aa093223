package org.rafclip.data.prepare;

import org.rafclip.data.image.RgbImage;

/**
 * The last step, from 8 bits to floats: {@code (value / 255 - mean) / std} for each channel, channels first.
 *
 * @param mean what becomes zero, as a share of 255
 * @param std what becomes one above it, as a share of 255
 */
public record Normalization(Channels mean, Channels std) {

    /** The constants of OpenAI's CLIP; OpenCLIP's LAION models use them too. */
    public static final Normalization CLIP = new Normalization(
            new Channels(0.48145466f, 0.4578275f, 0.40821073f), new Channels(0.26862954f, 0.26130258f, 0.27577711f));

    public Normalization {
        if (!(std.red() > 0 && std.green() > 0 && std.blue() > 0)) {
            throw new IllegalArgumentException("std must be above 0 in every channel, not " + std);
        }
    }

    /** The color that becomes zero, in 8 bits. */
    public Fill meanColor() {
        return equals(CLIP) ? Fill.MEAN : new Fill(gray(mean.red()), gray(mean.green()), gray(mean.blue()));
    }

    private static int gray(float share) {
        return Math.max(0, Math.min(255, Math.round(share * 255)));
    }

    /**
     * Writes one image into a batch.
     *
     * @param batch receives {@code [3, height, width]}
     * @param offset index of the image's first float in it
     */
    public void write(RgbImage image, float[] batch, int offset) {
        int pixels = image.width() * image.height();
        writeChannel(image.rgb(), 0, mean.red(), std.red(), batch, offset, pixels);
        writeChannel(image.rgb(), 1, mean.green(), std.green(), batch, offset + pixels, pixels);
        writeChannel(image.rgb(), 2, mean.blue(), std.blue(), batch, offset + 2 * pixels, pixels);
    }

    private static void writeChannel(
            byte[] rgb, int channel, float mean, float std, float[] batch, int offset, int pixels) {
        float[] values = new float[256];
        for (int i = 0; i < 256; i++) {
            values[i] = (i / 255f - mean) / std;
        }
        for (int i = 0, in = channel; i < pixels; i++, in += 3) {
            batch[offset + i] = values[rgb[in] & 0xff];
        }
    }

    /** The name that a preparation's text has for it. */
    @Override
    public String toString() {
        return equals(CLIP) ? "normalize(clip)" : "normalize(mean=" + mean + ", std=" + std + ")";
    }
}
