package org.rafclip.data.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
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

    private static List<Looks.Pair> alike(List<Looks> some, List<Looks> others) throws InterruptedException {
        return Looks.alike(some, others, 2);
    }

    @Test
    void aPhotoIsKnownAgainInAnotherSize() throws Exception {
        List<Looks> photos = List.of(Looks.of(blotches(2)), Looks.of(blotches(1)));

        assertThat(alike(
                        photos,
                        List.of(
                                Looks.of(prepared(blotches(1), "squash(90x120)")),
                                Looks.of(blotches(3)),
                                Looks.of(prepared(blotches(1), "squash(240x320)")))))
                .containsExactly(new Looks.Pair(1, 0), new Looks.Pair(1, 2));
    }

    @Test
    void aFifthOfAllEdgesMayDifferWhereverTheyAre() throws Exception {
        Looks photo = new Looks(0xFFFF, 0, 0, 0, 0.75);
        List<Looks> others = List.of(
                new Looks(0xFFFF, 0, 0, 0xF, 0.75),
                new Looks(0xFFFF, 0, 0, 0x1F, 0.75),
                new Looks(0xFFFE, 1, 1, 1, 0.75),
                new Looks(0xFFF0, 0xF, 0, 0, 0.75),
                new Looks(0xFFFF, 0, 0, 0, 0.76),
                new Looks(0xFFFF, 0, 0, 0, 1));

        assertThat(alike(List.of(photo), others)).extracting(Looks.Pair::other).containsExactly(0, 4);
    }

    @Test
    void otherPhotosAreNotTakenForIt() throws Exception {
        List<Looks> others = IntStream.range(2, 40)
                .mapToObj(seed -> Looks.of(blotches(seed)))
                .toList();

        assertThat(alike(List.of(Looks.of(blotches(1))), others)).isEmpty();
    }

    @Test
    void plainAreasLookLikeNothing() throws Exception {
        Looks plain = Looks.of(new RgbImage(40, 40, new byte[4800]));

        assertThat(alike(List.of(plain), List.of(plain))).isEmpty();
    }
}
