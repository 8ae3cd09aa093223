package org.rafclip.data.segment;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rafclip.data.image.Box;
import org.rafclip.data.segment.SamNetwork.Fit;

class SamFrameTest {

    @ParameterizedTest
    @CsvSource({"200,100, 1024,512", "333,500, 682,1024", "3000,2001, 1024,683", "64,64, 1024,1024", "5000,1, 1024,1"})
    void theLongestSideFillsTheFrame(int width, int height, int innerWidth, int innerHeight) {
        SamFrame frame = new SamFrame(width, height, 1024, Fit.PADDED);

        assertThat(frame.innerWidth()).isEqualTo(innerWidth);
        assertThat(frame.innerHeight()).isEqualTo(innerHeight);
    }

    @Test
    void aBoxIsScaledWithThePhoto() {
        assertThat(new SamFrame(200, 100, 1024, Fit.PADDED).corners(new Box(50, 25, 149, 74)))
                .containsExactly(256f, 128f, 762.88f, 378.88f);
    }

    @Test
    void aStretchedPhotoFillsTheFrame() {
        SamFrame frame = new SamFrame(200, 100, 1024, Fit.STRETCHED);

        assertThat(frame.innerWidth()).isEqualTo(1024);
        assertThat(frame.innerHeight()).isEqualTo(1024);
        assertThat(frame.corners(new Box(50, 25, 149, 74))).containsExactly(256f, 256f, 762.88f, 757.76f);
    }

    @Test
    void anEdgeInTheMaskOfAStretchedPhotoComesOutAtItsPlace() {
        SamFrame frame = new SamFrame(200, 100, 1024, Fit.STRETCHED);
        float edge = 30.3f;
        float[] logits = new float[256 * 256];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (i / 256 + 0.5f) * 100 / 256 - edge;
        }
        Segmentation.Pixels below = frame.garment(new SamNetwork.Masks(1, 256, logits, new float[1], false), 0);

        for (int y = 0; y < 100; y++) {
            for (int x = 0; x < 200; x++) {
                assertThat(below.garment(x, y)).as("%d,%d", x, y).isEqualTo(y + 0.5 > edge);
            }
        }
    }

    @Test
    void anEdgeInTheMaskComesOutAtItsPlaceInThePhoto() {
        SamFrame frame = new SamFrame(200, 100, 1024, Fit.PADDED);
        float edge = 300.3f;
        float[] logits = new float[2 * 256 * 256];
        Arrays.fill(logits, 0, 256 * 256, -1);
        for (int i = 0; i < 256 * 256; i++) {
            logits[256 * 256 + i] = (i % 256 + 0.5f) * 4 - edge;
        }
        SamNetwork.Masks masks = new SamNetwork.Masks(2, 256, logits, new float[2], true);
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
        SamFrame frame = new SamFrame(200, 100, 1024, Fit.PADDED);
        float[] logits = new float[256 * 256];
        Arrays.fill(logits, -1);
        Arrays.fill(logits, 130 * 256, logits.length, 1e6f);

        Segmentation.Pixels garment = frame.garment(new SamNetwork.Masks(1, 256, logits, new float[1], true), 0);
        assertThat(Segmentation.of(200, 100, new Box(0, 0, 199, 99), garment).fallback())
                .isTrue();
    }
}
