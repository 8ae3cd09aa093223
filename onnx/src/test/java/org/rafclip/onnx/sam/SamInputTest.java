package org.rafclip.onnx.sam;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.image.RgbImage;
import org.rafclip.ops.JavaOps;

class SamInputTest {

    /** 20 by 10 pixels of the color 200, 100, 50. */
    private static final RgbImage PHOTO = photo();

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    private static RgbImage photo() {
        byte[] rgb = new byte[3 * 20 * 10];
        for (int i = 0; i < rgb.length; i += 3) {
            rgb[i] = (byte) 200;
            rgb[i + 1] = (byte) 100;
            rgb[i + 2] = 50;
        }
        return new RgbImage(20, 10, rgb);
    }

    @Test
    void pixelsAreNormalisedAndThePaddingIsZero() {
        INDArray pixels = new SamInput("image", SamInput.Numbers.NORMALISED, false, true, true, 40).of(PHOTO);

        assertThat(pixels.shape()).containsExactly(1, 3, 40, 40);
        for (int y = 0; y < 40; y++) {
            for (int x = 0; x < 40; x++) {
                boolean inside = y < 10 && x < 20;
                assertThat(pixels.getFloat(0, 0, y, x))
                        .isCloseTo(inside ? (200 - 123.675f) / 58.395f : 0, within(1e-5f));
                assertThat(pixels.getFloat(0, 1, y, x)).isCloseTo(inside ? (100 - 116.28f) / 57.12f : 0, within(1e-5f));
                assertThat(pixels.getFloat(0, 2, y, x)).isCloseTo(inside ? (50 - 103.53f) / 57.375f : 0, within(1e-5f));
            }
        }
    }

    @Test
    void aGraphThatPadsIsGivenThePhotosBytesAlone() {
        INDArray pixels = new SamInput("image", SamInput.Numbers.GRAY, true, false, false, 0).of(PHOTO);

        assertThat(pixels.dataType()).isEqualTo(DataType.UINT8);
        assertThat(pixels.shape()).containsExactly(10, 20, 3);
        assertThat(pixels.getInt(9, 19, 0)).isEqualTo(200);
        assertThat(pixels.getInt(0, 7, 1)).isEqualTo(100);
        assertThat(pixels.getInt(5, 0, 2)).isEqualTo(50);
    }

    @Test
    void aGraphThatOnlyNormalisesIsGivenTheMeanColorBesideThePhoto() {
        INDArray bytes = new SamInput("image", SamInput.Numbers.GRAY, true, true, true, 24).of(PHOTO);
        INDArray shares = new SamInput("image", SamInput.Numbers.SHARE, false, true, true, 24).of(PHOTO);

        assertThat(bytes.shape()).containsExactly(1, 3, 24, 24);
        int[] mean = {124, 116, 104};
        int[] color = {200, 100, 50};
        for (int channel = 0; channel < 3; channel++) {
            assertThat(bytes.getInt(0, channel, 9, 19)).isEqualTo(color[channel]);
            assertThat(bytes.getInt(0, channel, 10, 19)).isEqualTo(mean[channel]);
            assertThat(bytes.getInt(0, channel, 9, 20)).isEqualTo(mean[channel]);
            assertThat(shares.getFloat(0, channel, 9, 19)).isCloseTo(color[channel] / 255f, within(1e-6f));
            assertThat(shares.getFloat(0, channel, 23, 23)).isCloseTo(mean[channel] / 255f, within(1e-6f));
        }
    }
}
