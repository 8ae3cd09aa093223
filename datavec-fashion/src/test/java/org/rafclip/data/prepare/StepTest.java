package org.rafclip.data.prepare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Dimensions;
import org.rafclip.data.image.Goldens;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;

class StepTest {

    private final RgbImage source = Goldens.read("prepare/source.png");

    @Test
    void cropTakesBothCornersOfTheBoxAndUsesItUp() {
        Region out = run("crop", Region.of(source, new Box(10, 5, 46, 39)));
        assertThat(out.image().width()).isEqualTo(37);
        assertThat(out.image().height()).isEqualTo(35);
        assertThat(color(out.image(), 0, 0)).isEqualTo(color(source, 10, 5));
        assertThat(color(out.image(), 36, 34)).isEqualTo(color(source, 46, 39));
        assertThat(out.box()).isEmpty();
    }

    @Test
    void cropLeavesOutWhatExceedsTheImage() {
        Region out = run("crop(0.5)", Region.of(source, new Box(-3, 20, 9, 29)));
        // on the image: columns 0-9, rows 20-29; with half of 10 on each side columns 0-14, rows 15-34
        assertThat(size(out)).isEqualTo(new Dimensions(15, 20));
        assertThat(color(out.image(), 0, 0)).isEqualTo(color(source, 0, 15));
    }

    @Test
    void cropRefusesBoxesBesideTheImageAndNone() {
        for (Box box : new Box[] {new Box(61, 0, 70, 9), new Box(5, 5, 4, 9), new Box(-9, -9, -1, -1)}) {
            assertThatThrownBy(() -> run("crop", Region.of(source, box)))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("empty or not on its image of 61x43");
        }
        assertThatThrownBy(() -> run("crop", Region.of(source)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("needs a garment box");
        assertThatThrownBy(() -> run("mask", Region.of(source)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("needs a garment mask");
    }

    @Test
    void maskGivesTheOutsideOneColor() {
        RgbImage image = image(2, 1, 1, 2, 3, 4, 5, 6);
        Region region = Region.of(image, new Box(0, 0, 1, 0), new Mask(2, 1, new boolean[] {false, true}));
        assertThat(run("mask", region).image().rgb()).containsExactly(123, 117, 104, 4, 5, 6);
        assertThat(run("mask(white)", region).image().rgb()).containsExactly(-1, -1, -1, 4, 5, 6);
        assertThat(run("mask(fill=#0a0b0c)", region).image().rgb()).containsExactly(10, 11, 12, 4, 5, 6);
        assertThat(run("mask", region).mask()).isEmpty();
        assertThat(image.rgb()).containsExactly(1, 2, 3, 4, 5, 6);
    }

    @Test
    void theMeanFillIsZeroAfterNormalisation() {
        Region region = Region.of(image(1, 1, 9, 9, 9), new Box(0, 0, 0, 0), new Mask(1, 1, new boolean[] {false}));
        float[] floats = Preparation.parse("mask | normalize(clip)").toFloats(region, null);
        for (float value : floats) {
            assertThat(Math.abs(value)).isLessThan(0.01f);
        }
    }

    @Test
    void maskAndCropCommute() {
        boolean[] inside = new boolean[61 * 43];
        for (int i = 0; i < inside.length; i++) {
            inside[i] = i % 7 < 3;
        }
        Region region = Region.of(source, new Box(10, 5, 46, 39), new Mask(61, 43, inside));
        assertThat(run("mask | crop", region).image().rgb())
                .isEqualTo(run("crop | mask", region).image().rgb());
        assertThat(run("flip(1) | mask | crop", region).image().rgb())
                .isEqualTo(run("crop | mask | flip(1)", region).image().rgb());
        assertThat(run("pad-square(mean) | mask | crop", region).image().rgb())
                .isEqualTo(run("crop | mask", region).image().rgb());
    }

    @Test
    void boxesMoveWithThePixels() {
        Region region = Region.of(source, new Box(10, 5, 46, 39));
        assertThat(run("flip(1)", region).box()).contains(new Box(14, 5, 50, 39));
        assertThat(run("pad-square", region).box()).contains(new Box(10, 14, 46, 48));
        assertThat(run("squash(122x86)", region).box()).contains(new Box(20, 10, 93, 79));
        assertThat(run("squash(122x86) | crop", region).image().width()).isEqualTo(74);
    }

    @ParameterizedTest
    @CsvSource({"61,20", "20,61", "50,41", "50,40"})
    void targetPadIsClip4Cirs(int width, int height) {
        String name = "prepare/pad-" + width + "x" + height;
        Region out = run("target-pad", Region.of(Goldens.read(name + ".png")));
        Goldens.assertEquals(out.image(), Goldens.read(name + "-target-1.25.png"), 0);
    }

    @Test
    void padSquareCentersTheImage() {
        Region out = run("pad-square(white)", Region.of(source));
        assertThat(size(out)).isEqualTo(new Dimensions(61, 61));
        assertThat(color(out.image(), 30, 8)).isEqualTo("255 255 255");
        assertThat(color(out.image(), 30, 9)).isEqualTo(color(source, 30, 0));
        assertThat(color(out.image(), 30, 51)).isEqualTo(color(source, 30, 42));
        assertThat(color(out.image(), 30, 52)).isEqualTo("255 255 255");
    }

    @ParameterizedTest
    @CsvSource({"source", "portrait"})
    void clipsOwnPreparationEqualsTorchvisions(String name) {
        Region out = run("resize(32) | center-crop(32)", Region.of(Goldens.read("prepare/" + name + ".png")));
        Goldens.assertEquals(out.image(), Goldens.read("prepare/" + name + "-clip-32.png"), 0);
    }

    @Test
    void centerCropPadsWhatIsTooSmall() {
        Region out = run("center-crop(4x1)", Region.of(image(1, 2, 1, 1, 1, 2, 2, 2)));
        // one column in the middle of four: one to its left; rows 0 or 1: half to even is 0
        assertThat(out.image().rgb()).containsExactly(0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0);
    }

    @Test
    void resizeRefusesAStripThatWouldExplode() {
        assertThatThrownBy(() -> run("resize(224)", Region.of(new RgbImage(1, 9000, new byte[27000]))))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("strip of 1x9000");
        Region strip = Region.of(new RgbImage(1, 40_000, new byte[120_000]));
        assertThatThrownBy(() -> run("target-pad(1.25)", strip))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("target-pad would make a strip of 1x40000");
        assertThatThrownBy(() -> run("pad-square", strip))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("pad-square would make a strip of 1x40000 pixels into one of 40000x40000");
    }

    @Test
    void flipMirrors() {
        Goldens.assertEquals(run("flip(1)", Region.of(source)).image(), Goldens.read("prepare/mirrored.png"), 0);
        Preparation half = Preparation.parse("flip");
        assertThat(half.apply(Region.of(source), new Draws(0.5)).image()).isSameAs(source);
        Goldens.assertEquals(
                half.apply(Region.of(source), new Draws(0.49)).image(), Goldens.read("prepare/mirrored.png"), 0);
    }

    @ParameterizedTest
    @CsvSource({"0.0", "0.3", "1.7"})
    void colorChangesEqualPillows(String factor) {
        byte[] rgb = source.rgb().clone();
        Pixels.brightness(rgb, Float.parseFloat(factor));
        assertThat(rgb)
                .isEqualTo(Goldens.read("prepare/brightness-" + factor + ".png").rgb());
        rgb = source.rgb().clone();
        Pixels.contrast(rgb, Float.parseFloat(factor));
        assertThat(rgb)
                .isEqualTo(Goldens.read("prepare/contrast-" + factor + ".png").rgb());
        rgb = source.rgb().clone();
        Pixels.saturation(rgb, Float.parseFloat(factor));
        assertThat(rgb)
                .isEqualTo(Goldens.read("prepare/color-" + factor + ".png").rgb());
    }

    @Test
    void colorJitterRunsItsThreePartsInTheDrawnOrder() {
        // order: saturation first, then of brightness and contrast the second one; factors 0.6, 1.4, 1
        Draws draws = new Draws(0.9, 0.9, 0.0, 1.0, 0.5);
        byte[] expected = source.rgb().clone();
        Pixels.saturation(expected, 0.6f);
        Pixels.contrast(expected, 1.4f);
        Pixels.brightness(expected, 1f);
        Region out = Preparation.parse("color-jitter(0.4, 0.4, 0.4)").apply(Region.of(source), draws);
        assertThat(out.image().rgb()).isEqualTo(expected);
        assertThat(draws.exhausted()).isTrue();
        Region same = Preparation.parse("color-jitter(0, 0, 0)").apply(Region.of(source), new SplittableRandom(1));
        assertThat(same.image().rgb()).isEqualTo(source.rgb());
    }

    @Test
    void randomResizedCropTakesTheDrawnWindow() {
        RgbImage image = Goldens.read("prepare/source.png");
        // area 61·43·0.25 = 655.75, shape exp(0) = 1: 25.6 → 26 x 26; rows 0-17, columns 0-35 are free
        Draws draws = new Draws(0.25 / 1, 0.5, 0.5, 0.25);
        Region out = Preparation.parse("random-resized-crop(16, scale=0.0000001..1, ratio=0.5..2)")
                .apply(Region.of(image), draws);
        assertThat(out.image().rgb())
                .isEqualTo(Resampler.resize(image, 9, 9, 26, 26, 16, 16, Interpolation.BICUBIC)
                        .rgb());
        assertThat(draws.exhausted()).isTrue();
    }

    @Test
    void randomResizedCropFallsBackToTheMiddle() {
        // a window of nearly the whole area of a 61x43 image cannot be square: ten tries, then 43x43
        Draws draws = new Draws(new double[20]);
        Region out = Preparation.parse("random-resized-crop(43, scale=1..1, ratio=1..1)")
                .apply(Region.of(source), draws);
        assertThat(out.image().rgb())
                .isEqualTo(Pixels.window(source, 9, 0, 43, 43, Fill.BLACK).rgb());
        assertThat(draws.exhausted()).isTrue();
    }

    @Test
    void randomCropReachesEveryPlaceAndOnlyThose() {
        boolean[][] seen = new boolean[3][2];
        RgbImage image = image(4, 2, 0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 0, 1, 0, 1, 1, 0, 2, 1, 0, 3, 1, 0);
        SplittableRandom random = new SplittableRandom(5);
        Preparation crop = Preparation.parse("random-crop(2x1)");
        for (int i = 0; i < 200; i++) {
            RgbImage out = crop.apply(Region.of(image), random).image();
            seen[out.get(0, 0, 0)][out.get(0, 0, 1)] = true;
        }
        assertThat(seen).isDeepEqualTo(new boolean[][] {{true, true}, {true, true}, {true, true}});
    }

    @Test
    void jitterBoxMovesAndScalesAndStaysOnTheImage() {
        Preparation jitter = Preparation.parse("jitter-box(0.1, 0.5..2)");
        Region region = Region.of(source, new Box(20, 10, 39, 29));
        // no shift, factor 1: the middle of every range
        assertThat(jitter.apply(region, new Draws(0.5, 0.5, 0.5, 0.5)).box()).contains(new Box(20, 10, 39, 29));
        // 2 right, 2 up, half as wide, twice as high: the middle (32, 18), columns 27-36, rows -2 to 37
        assertThat(jitter.apply(region, new Draws(1, 0, 0, 1)).box()).contains(new Box(27, 0, 36, 37));
        SplittableRandom random = new SplittableRandom(3);
        Preparation wild = Preparation.parse("jitter-box(1, 0.001..10) | crop");
        for (int i = 0; i < 500; i++) {
            RgbImage out =
                    wild.apply(Region.of(source, new Box(0, 0, 2, 42)), random).image();
            assertThat(out.width()).isBetween(1, 61);
            assertThat(out.height()).isBetween(1, 43);
        }
    }

    @Test
    void randomErasingPaintsTheDrawnRectangle() {
        RgbImage white = image(4, 4, new int[48]);
        // area 16·0.25 = 4, shape 1: 2 x 2; row 1 of 0-2, column 2 of 0-2
        Draws draws = new Draws(0, 0, 0.5, 0.4, 0.9);
        RgbImage out = Preparation.parse("random-erasing(0.5, 0.25, 0.5..2, white)")
                .apply(Region.of(white), draws)
                .image();
        StringBuilder rows = new StringBuilder();
        for (int y = 0; y < 4; y++) {
            for (int x = 0; x < 4; x++) {
                rows.append(out.get(x, y, 0) == 255 ? '#' : '.');
            }
            rows.append(' ');
        }
        assertThat(rows).hasToString(".... ..## ..## .... ");
        assertThat(draws.exhausted()).isTrue();
        assertThat(Preparation.parse("random-erasing")
                        .apply(Region.of(white), new Draws(0.5))
                        .image())
                .isSameAs(white);
    }

    private static Region run(String steps, Region region) {
        return Preparation.parse(steps).apply(region);
    }

    private static Dimensions size(Region region) {
        return new Dimensions(region.image().width(), region.image().height());
    }

    private static String color(RgbImage image, int x, int y) {
        return image.get(x, y, 0) + " " + image.get(x, y, 1) + " " + image.get(x, y, 2);
    }

    private static RgbImage image(int width, int height, int... samples) {
        byte[] rgb = new byte[samples.length];
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = (byte) samples[i];
        }
        return new RgbImage(width, height, rgb);
    }
}
