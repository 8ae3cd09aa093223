package org.rafclip.data.segment;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class WholeBoxSegmenterTest extends SegmenterContract {

    @Override
    Segmenter segmenter() {
        return new WholeBoxSegmenter();
    }

    @Test
    void everyPixelOfTheBoxIsGarment() {
        assertThat(segmenter().segment(DISC, DISC_BOX).mask().area()).isEqualTo(41 * 41);
    }
}
