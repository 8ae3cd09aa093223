package org.rafclip.data.segment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;

class GrabCutSegmenterTest extends SegmenterContract {

    @Override
    Segmenter segmenter() {
        return new GrabCutSegmenter();
    }

    private static Mask discMask(int width, int height, int cx, int cy, int radius) {
        boolean[] inside = new boolean[width * height];
        for (int i = 0; i < inside.length; i++) {
            inside[i] = inDisc(i % width, i / width, cx, cy, radius);
        }
        return new Mask(width, height, inside);
    }

    @Test
    void cutsADiscOutOfItsBox() {
        Segmentation answer = segmenter().segment(DISC, DISC_BOX);

        assertThat(answer.fallback()).isFalse();
        assertThat(answer.mask().intersectionOverUnion(discMask(80, 100, 40, 50, 20)))
                .isGreaterThan(0.97);
    }

    @Test
    void aLargePhotoIsCutSmallAndEnlargedAgain() {
        RgbImage photo = disc(640, 500, 300, 240, 200);

        Segmentation answer = segmenter().segment(photo, new Box(100, 40, 500, 440));

        assertThat(answer.mask().intersectionOverUnion(discMask(640, 500, 300, 240, 200)))
                .isGreaterThan(0.97);
    }

    @Test
    void aBoxAroundTheWholePhotoFindsBackgroundInTheCorners() {
        RgbImage photo = disc(60, 60, 30, 30, 24);

        Segmentation answer = segmenter().segment(photo, new Box(0, 0, 59, 59));

        assertThat(answer.fallback()).isFalse();
        assertThat(answer.mask().intersectionOverUnion(discMask(60, 60, 30, 30, 24)))
                .isGreaterThan(0.9);
    }

    @Test
    void aBoxTooSmallToCutIsTheMaskAndSaysSo() {
        assertThat(segmenter().segment(DISC, new Box(30, 30, 36, 60)))
                .isEqualTo(new Segmentation(Mask.of(80, 100, new Box(30, 30, 36, 60)), true));
        RgbImage longAndThin = disc(16, 900, 8, 450, 7);
        assertThat(segmenter().segment(longAndThin, new Box(2, 0, 13, 899)).fallback())
                .isTrue();
    }

    @Test
    void anImageOfOneColorHasAnAnswer() {
        RgbImage plain = new RgbImage(64, 64, new byte[64 * 64 * 3]);

        assertThat(segmenter().segment(plain, new Box(10, 10, 50, 50)).mask().area())
                .isPositive();
        assertThat(segmenter().segment(plain, new Box(0, 0, 63, 63)).mask().area())
                .isPositive();
    }

    @Test
    void settingsAreInTheId() {
        assertThat(new GrabCutSegmenter(2, 64).id())
                .isNotEqualTo(new GrabCutSegmenter(2, 96).id())
                .isNotEqualTo(new GrabCutSegmenter(3, 64).id());
        assertThatThrownBy(() -> new GrabCutSegmenter(0, 128)).hasMessageContaining("iterations from 1");
    }
}
