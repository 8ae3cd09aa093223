package org.rafclip.data.prepare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rafclip.data.image.Goldens;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;

class ResamplerTest {

    private final RgbImage source = Goldens.read("prepare/source.png");

    @ParameterizedTest
    @CsvSource({"96,96", "17,11", "61,20", "30,43", "122,86", "150,7", "1,1", "61,43", "60,44", "5,99"})
    void equalsPillowBitForBit(int width, int height) {
        Goldens.assertEquals(
                Resampler.resize(source, width, height, Interpolation.BICUBIC),
                Goldens.read("prepare/bicubic-" + width + "x" + height + ".png"),
                0);
    }

    @ParameterizedTest
    @CsvSource({"96,67", "17,11", "30,43"})
    void interpolatesLinearlyAsPillowDoes(int width, int height) {
        Goldens.assertEquals(
                Resampler.resize(source, width, height, Interpolation.BILINEAR),
                Goldens.read("prepare/bilinear-" + width + "x" + height + ".png"),
                0);
    }

    @ParameterizedTest
    @CsvSource({"96,67", "17,11", "30,43"})
    void weighsByLanczosAsPillowDoes(int width, int height) {
        Goldens.assertEquals(
                Resampler.resize(source, width, height, Interpolation.LANCZOS),
                Goldens.read("prepare/lanczos-" + width + "x" + height + ".png"),
                0);
    }

    @Test
    void equalsPillowOnAStrip() {
        Goldens.assertEquals(
                Resampler.resize(Goldens.read("prepare/strip.png"), 32, 32, Interpolation.BICUBIC),
                Goldens.read("prepare/strip-bicubic-32x32.png"),
                0);
    }

    @Test
    void aWindowIsResizedAsIfItHadBeenCutOutFirst() {
        Goldens.assertEquals(
                Resampler.resize(source, 10, 5, 37, 35, 24, 24, Interpolation.BICUBIC),
                Goldens.read("prepare/window-10-5-37x35-bicubic-24x24.png"),
                0);
        assertThat(Resampler.resize(source, 10, 5, 37, 35, 37, 24, Interpolation.BICUBIC)
                        .rgb())
                .isEqualTo(Resampler.resize(
                                Pixels.window(source, 10, 5, 37, 35, Fill.BLACK), 37, 24, Interpolation.BICUBIC)
                        .rgb());
        assertThat(Resampler.resize(source, 10, 5, 37, 35, 24, 35, Interpolation.BICUBIC)
                        .rgb())
                .isEqualTo(Resampler.resize(
                                Pixels.window(source, 10, 5, 37, 35, Fill.BLACK), 24, 35, Interpolation.BICUBIC)
                        .rgb());
        assertThatThrownBy(() -> Resampler.resize(source, 30, 0, 32, 10, 5, 5, Interpolation.BICUBIC))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("32x10 at 30,0 is not inside an image of 61x43");
    }

    @Test
    void oneColorStaysThatColorAtEverySize() {
        byte[] rgb = new byte[3 * 13 * 9];
        Arrays.fill(rgb, (byte) 201);
        for (int size = 1; size < 40; size++) {
            assertThat(Resampler.resize(new RgbImage(13, 9, rgb), size, 41 - size, Interpolation.BICUBIC)
                            .rgb())
                    .containsOnly(201);
        }
    }

    @Test
    void aMaskTakesTheNearestPixel() {
        Mask mask = new Mask(2, 2, new boolean[] {true, false, false, true});
        assertThat(Resampler.nearest(mask, 0, 0, 2, 2, 4, 2).inside())
                .containsExactly(true, true, false, false, false, false, true, true);
        assertThat(Resampler.nearest(mask, 1, 1, 1, 1, 1, 2).inside()).containsExactly(true, true);
        // the centers of 1 and 2 pixels out of 3 lie over pixel 1, and over pixels 0 and 2
        Mask row = new Mask(3, 1, new boolean[] {false, true, false});
        assertThat(Resampler.nearest(row, 0, 0, 3, 1, 1, 1).inside()).containsExactly(true);
        assertThat(Resampler.nearest(row, 0, 0, 3, 1, 2, 1).inside()).containsExactly(false, false);
    }
}
