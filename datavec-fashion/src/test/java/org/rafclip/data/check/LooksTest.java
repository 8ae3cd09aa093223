package org.rafclip.data.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.data.prepare.Region;

class LooksTest {

    /** Soft blotches of gray, others for each seed. */
    private static RgbImage blotches(int seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] waves = random.doubles(12, 1, 6).toArray();
        byte[] rgb = new byte[3 * 120 * 160];
        for (int y = 0; y < 160; y++) {
            for (int x = 0; x < 120; x++) {
                double value = 0;
                for (int w = 0; w < waves.length; w += 3) {
                    value += Math.sin(waves[w] * x / 20 + waves[w + 1] * y / 20 + 3 * waves[w + 2]);
                }
                Arrays.fill(rgb, 3 * (120 * y + x), 3 * (120 * y + x) + 3, (byte) (128 + 30 * value));
            }
        }
        return new RgbImage(120, 160, rgb);
    }

    private static RgbImage prepared(RgbImage image, String steps) {
        return Preparation.parse(steps).apply(Region.of(image)).image();
    }

    @Test
    void aPhotoIsKnownAgainInAnotherSize() {
        Looks photo = Looks.of(blotches(1));

        assertThat(photo.like(Looks.of(prepared(blotches(1), "squash(90x120)"))))
                .isTrue();
        assertThat(photo.like(Looks.of(prepared(blotches(1), "squash(240x320)"))))
                .isTrue();
    }

    @Test
    void otherPhotosAreNotTakenForIt() {
        for (int seed = 2; seed < 40; seed++) {
            assertThat(Looks.of(blotches(1)).like(Looks.of(blotches(seed)))).isFalse();
        }
    }

    @Test
    void plainAreasLookLikeNothing() {
        Looks plain = Looks.of(new RgbImage(40, 40, new byte[4800]));

        assertThat(plain.like(plain)).isFalse();
    }
}
