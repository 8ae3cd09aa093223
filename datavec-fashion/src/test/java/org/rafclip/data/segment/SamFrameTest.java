package org.rafclip.data.segment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.RgbImage;

class SamFrameTest {

    @ParameterizedTest
    @CsvSource({"200,100, 1024,512", "333,500, 682,1024", "3000,2001, 1024,683", "64,64, 1024,1024", "5000,1, 1024,1"})
    void theLongestSideFillsTheFrame(int width, int height, int innerWidth, int innerHeight) {
        SamFrame frame = new SamFrame(width, height, 1024);

        assertThat(frame.innerWidth()).isEqualTo(innerWidth);
        assertThat(frame.innerHeight()).isEqualTo(innerHeight);
    }

    @Test
    void aBoxIsScaledWithThePhoto() {
        assertThat(new SamFrame(200, 100, 1024).corners(new Box(50, 25, 149, 74)))
                .containsExactly(256f, 128f, 762.88f, 378.88f);
    }

    @Test
    void pixelsAreNormalisedAndThePaddingIsZero() {
        byte[] rgb = new byte[3 * 20 * 10];
        for (int i = 0; i < rgb.length; i += 3) {
            rgb[i] = (byte) 200;
            rgb[i + 1] = (byte) 100;
            rgb[i + 2] = 50;
        }
        float[] pixels = new SamFrame(20, 10, 40).pixels(new RgbImage(20, 10, rgb));

        assertThat(pixels).hasSize(3 * 40 * 40);
        for (int y = 0; y < 40; y++) {
            for (int x = 0; x < 40; x++) {
                boolean inside = y < 20;
                assertThat(pixels[y * 40 + x]).isCloseTo(inside ? (200 - 123.675f) / 58.395f : 0, within(1e-5f));
                assertThat(pixels[1600 + y * 40 + x]).isCloseTo(inside ? (100 - 116.28f) / 57.12f : 0, within(1e-5f));
                assertThat(pixels[3200 + y * 40 + x]).isCloseTo(inside ? (50 - 103.53f) / 57.375f : 0, within(1e-5f));
            }
        }
    }

    @Test
    void anEdgeInTheMaskComesOutAtItsPlaceInThePhoto() {
        SamFrame frame = new SamFrame(200, 100, 1024);
        float edge = 300.3f;
        float[] logits = new float[2 * 256 * 256];
        Arrays.fill(logits, 0, 256 * 256, -1);
        for (int i = 0; i < 256 * 256; i++) {
            logits[256 * 256 + i] = (i % 256 + 0.5f) * 4 - edge;
        }
        SamNetwork.Masks masks = new SamNetwork.Masks(2, 256, logits, new float[2]);
        Segmentation.Pixels nothing = frame.garment(masks, 0);
        Segmentation.Pixels right = frame.garment(masks, 1);

        for (int y = 0; y < 100; y++) {
            for (int x = 0; x < 200; x++) {
                assertThat(nothing.garment(x, y)).isFalse();
                assertThat(right.garment(x, y)).as("%d,%d", x, y).isEqualTo((x + 0.5) * 5.12 > edge);
            }
        }
    }

    @Test
    void whatLiesInThePaddingDoesNotReachThePhoto() {
        SamFrame frame = new SamFrame(200, 100, 1024);
        float[] logits = new float[256 * 256];
        Arrays.fill(logits, -1);
        Arrays.fill(logits, 130 * 256, logits.length, 1e6f);

        Segmentation.Pixels garment = frame.garment(new SamNetwork.Masks(1, 256, logits, new float[1]), 0);
        assertThat(Segmentation.of(200, 100, new Box(0, 0, 199, 99), garment).fallback())
                .isTrue();
    }
}
