package org.rafclip.data.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import javax.imageio.ImageIO;

/** Reference images of the tests, all 8-bit RGB PNGs, read without the code under test. */
public final class Goldens {

    private Goldens() {}

    /** @param name relative to {@code org/rafclip/data} in the test resources */
    public static RgbImage read(String name) {
        try {
            BufferedImage image = ImageIO.read(Goldens.class.getResource("/org/rafclip/data/" + name));
            byte[] rgb = new byte[3 * image.getWidth() * image.getHeight()];
            for (int y = 0, i = 0; y < image.getHeight(); y++) {
                for (int x = 0; x < image.getWidth(); x++, i += 3) {
                    int pixel = image.getRGB(x, y);
                    rgb[i] = (byte) (pixel >> 16);
                    rgb[i + 1] = (byte) (pixel >> 8);
                    rgb[i + 2] = (byte) pixel;
                }
            }
            return new RgbImage(image.getWidth(), image.getHeight(), rgb);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** @param tolerance gray levels that any one sample may be off */
    public static void assertEquals(RgbImage actual, RgbImage expected, int tolerance) {
        assertThat(actual.width()).isEqualTo(expected.width());
        assertThat(actual.height()).isEqualTo(expected.height());
        int worst = 0;
        for (int i = 0; i < actual.rgb().length; i++) {
            worst = Math.max(worst, Math.abs((actual.rgb()[i] & 0xff) - (expected.rgb()[i] & 0xff)));
        }
        assertThat(worst).as("largest difference in gray levels").isLessThanOrEqualTo(tolerance);
    }
}
