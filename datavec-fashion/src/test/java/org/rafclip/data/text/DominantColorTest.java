package org.rafclip.data.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.text.DominantColor.Palette;

class DominantColorTest {

    private final DominantColor nine = new DominantColor(Palette.NINE);
    private final DominantColor ten = new DominantColor(Palette.TEN);

    /** CSS colors, and what people call them as far as the nine names go. */
    @ParameterizedTest(name = "{0} is {4}")
    @CsvSource({
        "red,          255,   0,   0, RED",
        "crimson,      220,  20,  60, RED",
        "hot pink,     255, 105, 180, RED",
        "maroon,       128,   0,   0, RED",
        "orange,       255, 165,   0, ORANGE",
        "chocolate,    210, 105,  30, ORANGE",
        "yellow,       255, 255,   0, YELLOW",
        "khaki,        240, 230, 140, YELLOW",
        "lime,           0, 255,   0, GREEN",
        "forest green,  34, 139,  34, GREEN",
        "cyan,           0, 255, 255, CYAN",
        "teal,           0, 128, 128, CYAN",
        "blue,           0,   0, 255, BLUE",
        "navy,           0,   0, 128, BLUE",
        "denim,         70, 100, 150, BLUE",
        "purple,       128,   0, 128, PURPLE",
        "indigo,        75,   0, 130, PURPLE",
        "black,          0,   0,   0, BLACK",
        "soot,          46,  20,  20, BLACK",
        "gray,         128, 128, 128, GRAY",
        "white,        255, 255, 255, GRAY",
        "ivory,        255, 255, 240, GRAY",
        "silver,       192, 192, 192, GRAY",
    })
    void knownColors(String name, int red, int green, int blue, FashionColor expected) {
        assertThat(nine.ofPixel(red, green, blue)).isEqualTo(expected);
    }

    @Test
    void whiteIsAColorOnlyInTheTenColorPalette() {
        assertThat(ten.ofPixel(255, 255, 240)).isEqualTo(FashionColor.WHITE);
        assertThat(ten.ofPixel(220, 220, 220)).isEqualTo(FashionColor.GRAY);
        assertThat(ten.ofPixel(255, 0, 0)).isEqualTo(FashionColor.RED);
    }

    @Test
    void everyColorHasExactlyOneNameAndNineNeverSaysWhite() {
        for (int red = 0; red < 256; red += 5) {
            for (int green = 0; green < 256; green += 5) {
                for (int blue = 0; blue < 256; blue += 5) {
                    FashionColor color = nine.ofPixel(red, green, blue);
                    assertThat(color).isNotEqualTo(FashionColor.WHITE);
                    FashionColor other = ten.ofPixel(red, green, blue);
                    assertThat(other == color || (other == FashionColor.WHITE && color == FashionColor.GRAY))
                            .isTrue();
                }
            }
        }
    }

    @Test
    void aShadedPrintedDressKeepsItsColorAndTheBackgroundDoesNotVote() {
        Random random = new Random(7);
        byte[] rgb = new byte[40 * 40 * 3];
        for (int y = 0; y < 40; y++) {
            for (int x = 0; x < 40; x++) {
                boolean garment = x >= 12 && x < 28;
                double shade = 0.35 + 0.65 * random.nextDouble();
                boolean flower = random.nextInt(5) == 0;
                int[] color = !garment
                        ? new int[] {30, 200, 40}
                        : flower ? new int[] {250, 250, 250} : new int[] {40, 60, 200};
                for (int channel = 0; channel < 3; channel++) {
                    rgb[(y * 40 + x) * 3 + channel] = (byte) (color[channel] * (garment ? shade : 1));
                }
            }
        }
        RgbImage image = new RgbImage(40, 40, rgb);

        assertThat(nine.of(image, Mask.of(40, 40, new Box(12, 0, 27, 39)))).isEqualTo(FashionColor.BLUE);
        assertThat(nine.of(image, Mask.of(40, 40, new Box(0, 0, 39, 39)))).isEqualTo(FashionColor.GREEN);
    }

    @Test
    void tiesGoToTheFirstName() {
        byte[] redAndGreen = {0, (byte) 200, 0, (byte) 200, 0, 0};

        assertThat(nine.of(new RgbImage(2, 1, redAndGreen), Mask.of(2, 1, new Box(0, 0, 1, 0))))
                .isEqualTo(FashionColor.RED);
    }

    @Test
    void anEmptyOrForeignMaskIsRefused() {
        RgbImage image = new RgbImage(2, 1, new byte[6]);

        assertThatThrownBy(() -> nine.of(image, new Mask(2, 1, new boolean[2]))).hasMessageContaining("empty mask");
        assertThatThrownBy(() -> nine.of(image, new Mask(1, 1, new boolean[1]))).hasMessageContaining("does not fit");
    }
}
