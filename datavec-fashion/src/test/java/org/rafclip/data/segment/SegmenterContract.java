package org.rafclip.data.segment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.RgbImage;

/** What every {@link Segmenter} keeps. */
abstract class SegmenterContract {

    /** A red disc of radius 20 around (40, 50) on a blue-green gradient, 80 wide and 100 high. */
    static final RgbImage DISC = disc(80, 100, 40, 50, 20);

    static final Box DISC_BOX = new Box(20, 30, 60, 70);

    abstract Segmenter segmenter();

    static RgbImage disc(int width, int height, int cx, int cy, int radius) {
        byte[] rgb = new byte[width * height * 3];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                boolean inside = inDisc(x, y, cx, cy, radius);
                int i = (y * width + x) * 3;
                rgb[i] = (byte) (inside ? 200 + x % 3 : 20);
                rgb[i + 1] = (byte) (inside ? 30 : 100 + x / 2);
                rgb[i + 2] = (byte) (inside ? 40 + y % 3 : 150 + y / 2);
            }
        }
        return new RgbImage(width, height, rgb);
    }

    static boolean inDisc(int x, int y, int cx, int cy, int radius) {
        return (x - cx) * (x - cx) + (y - cy) * (y - cy) <= radius * radius;
    }

    @Test
    void theMaskHasTheImagesSizeAndStaysInTheBox() {
        for (Box box : List.of(
                DISC_BOX,
                new Box(0, 0, 79, 99),
                new Box(-30, -30, 45, 200),
                new Box(40, 50, 40, 50),
                new Box(38, 10, 41, 90),
                new Box(70, 90, 79, 99))) {
            Segmentation answer = segmenter().segment(DISC, box);
            assertThat(answer.mask().width()).isEqualTo(80);
            assertThat(answer.mask().height()).isEqualTo(100);
            assertThat(answer.mask().area()).as("area in %s", box).isPositive();
            for (int y = 0; y < 100; y++) {
                for (int x = 0; x < 80; x++) {
                    if (x < box.x1() || x > box.x2() || y < box.y1() || y > box.y2()) {
                        assertThat(answer.mask().get(x, y)).isFalse();
                    }
                }
            }
        }
    }

    @Test
    void theSameInputGivesTheSameMaskOnAnyThread() {
        Segmentation expected = segmenter().segment(DISC, DISC_BOX);
        Segmenter shared = segmenter();

        List<Segmentation> answers = IntStream.range(0, 16)
                .parallel()
                .mapToObj(i -> shared.segment(DISC, DISC_BOX))
                .toList();

        assertThat(answers).containsOnly(expected);
    }

    @Test
    void severalBoxesAreAnsweredInOrder() {
        Box other = new Box(0, 0, 30, 30);

        assertThat(segmenter().segment(DISC, List.of(other, DISC_BOX)))
                .containsExactly(segmenter().segment(DISC, other), segmenter().segment(DISC, DISC_BOX));
    }

    @Test
    void aBoxOutsideTheImageIsRefused() {
        assertThatThrownBy(() -> segmenter().segment(DISC, new Box(80, 0, 90, 10)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no pixel inside the image of 80x100");
    }

    @Test
    void theIdIsOneWord() {
        assertThat(segmenter().id()).matches("[a-z0-9-]+");
    }
}
