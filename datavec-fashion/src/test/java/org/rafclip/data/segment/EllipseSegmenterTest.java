package org.rafclip.data.segment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;

class EllipseSegmenterTest extends SegmenterContract {

    @Override
    Segmenter segmenter() {
        return new EllipseSegmenter();
    }

    @Test
    void theEllipseFillsAQuarterOfPiOfTheBox() {
        Mask mask = segmenter().segment(DISC, new Box(0, 0, 79, 99)).mask();

        assertThat(mask.area() / 8000.0).isCloseTo(Math.PI / 4, within(0.01));
        assertThat(mask.get(40, 0)).isTrue();
        assertThat(mask.get(0, 0)).isFalse();
        for (int y = 0; y < 100; y++) {
            for (int x = 0; x < 80; x++) {
                assertThat(mask.get(x, y)).isEqualTo(mask.get(79 - x, 99 - y));
            }
        }
    }
}
