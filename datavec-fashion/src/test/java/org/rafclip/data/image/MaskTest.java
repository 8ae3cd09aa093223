package org.rafclip.data.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import org.junit.jupiter.api.Test;

class MaskTest {

    @Test
    void boundsTouchTheOutermostPixelsInside() {
        boolean[] inside = new boolean[4 * 3];
        inside[4 + 3] = true;
        inside[2 * 4 + 1] = true;

        assertThat(new Mask(4, 3, inside).bounds()).isEqualTo(new Box(1, 1, 3, 2));
    }

    @Test
    void aBoxIsTheBoundsOfItsPixels() {
        Box box = new Box(2, 0, 4, 5);

        assertThat(Mask.of(6, 7, box).bounds()).isEqualTo(box);
    }

    @Test
    void anEmptyMaskHasNoBounds() {
        assertThatIllegalStateException().isThrownBy(() -> new Mask(2, 2, new boolean[4]).bounds());
    }
}
