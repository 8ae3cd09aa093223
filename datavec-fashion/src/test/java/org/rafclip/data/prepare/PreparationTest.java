package org.rafclip.data.prepare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Dimensions;
import org.rafclip.data.image.Goldens;
import org.rafclip.data.image.RgbImage;

class PreparationTest {

    private static final String EVERYTHING = "jitter-box | crop(margin=0.1) | mask(#102030) | target-pad(1.25)"
            + " | pad-square(mean) | resize(112) | squash(120x100) | center-crop(110) | random-crop(104)"
            + " | random-resized-crop(96, 0.6..1) | flip | color-jitter(contrast=0.2) | random-erasing(0.25)"
            + " | normalize(0.5/0.5/0.5, 0.25/0.5/1)";

    @Test
    void readsEveryStep() {
        Preparation all = Preparation.parse(EVERYTHING);
        assertThat(all.steps())
                .containsExactly(
                        new Step.JitterBox(0.1, new Range(0.8, 1.25)),
                        new Step.Crop(0.1),
                        new Step.MaskOut(new Fill(16, 32, 48)),
                        new Step.TargetPad(1.25, Fill.BLACK),
                        new Step.PadSquare(Fill.MEAN),
                        new Step.Resize(112, Interpolation.BICUBIC),
                        new Step.Squash(new Dimensions(120, 100), Interpolation.BICUBIC),
                        new Step.CenterCrop(new Dimensions(110, 110), Rounding.EVEN),
                        new Step.RandomCrop(new Dimensions(104, 104)),
                        new Step.RandomResizedCrop(new Dimensions(96, 96), new Range(0.6, 1), new Range(0.75, 4 / 3.0)),
                        new Step.Flip(0.5),
                        new Step.ColorJitter(0.4, 0.2, 0.4),
                        new Step.RandomErasing(0.25, new Range(0.02, 0.33), new Range(0.3, 3.3), Fill.MEAN));
        assertThat(all.normalization())
                .contains(new Normalization(new Channels(0.5f, 0.5f, 0.5f), new Channels(0.25f, 0.5f, 1)));
        assertThat(Preparation.parse("normalize").normalization()).contains(Normalization.CLIP);
        assertThat(Preparation.parse("normalize(clip)").normalization()).contains(Normalization.CLIP);
    }

    @Test
    void theFingerprintIsOneSpellingAndReadsBack() {
        Preparation all = Preparation.parse(EVERYTHING);
        assertThat(Preparation.parse(all.fingerprint())).isEqualTo(all);
        assertThat(Preparation.parse(" target-pad|resize( size = 64 ) | center-crop(64x64)|normalize( clip )")
                        .fingerprint())
                .isEqualTo(
                        "target-pad(ratio=1.25, fill=black) | resize(size=64) | center-crop(size=64) | normalize(clip)")
                .isEqualTo(Preparation.parse("target-pad(1.25) | resize(64) | center-crop(64) | normalize")
                        .fingerprint());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "resize(64) | sharpen; step \"sharpen\" is not known; normalize(clip)",
                "resize(abc); \"resize(abc)\" has a bad argument: size \"abc\" is not a whole number; random-erasing(",
                "resize; \"resize\" lacks its argument size; resize(size, interpolation=bicubic)",
                "resize(64, bicubic, 32); has more arguments than 2; resize(size, interpolation=bicubic)",
                "resize(width=64); has no argument width; resize(size, interpolation=bicubic)",
                "resize(64, size=64); gives size twice; resize(size, interpolation=bicubic)",
                "resize(64, cubic); interpolation \"cubic\" is none of bicubic, bilinear, lanczos; resize(size",
                "resize(0); size must be 1 to 8192; resize(size, interpolation=bicubic)",
                "squash(64x0); size \"64x0\" is not 1 to 8192 pixels; squash(size, interpolation=bicubic)",
                "target-pad(0.5); ratio must be 1 to 100; target-pad(ratio=1.25, fill=black)",
                "target-pad(NaN); ratio must be 1 to 100; target-pad(ratio=1.25, fill=black)",
                "mask(pink); fill \"pink\" is not mean, black, white or #rrggbb; mask(fill=mean)",
                "flip(1.5); probability must be; flip(probability=0.5)",
                "random-resized-crop(96, 0.9..0.1); a range needs 0 < min <= max; scale=0.08..1",
                "random-resized-crop(96, 0.5..2); scale must not exceed 1; scale=0.08..1",
                "resize(64; is not written as name(argument, argument); resize(size, interpolation=bicubic)",
                "resize(64) |; step \"\" is not known; resize(size, interpolation=bicubic)",
                "normalize(clip) | flip; comes after normalize; flip(",
                "normalize(0.5/0.5, 1/1/1); mean \"0.5/0.5\" is not three numbers; normalize(mean=r/g/b",
                "normalize(0/0/0, 0/1/1); std must be above 0; normalize(clip)",
                "crop | crop; after crop there is no box left for crop(margin=0); crop | crop",
                "crop | jitter-box; after crop there is no box left for jitter-box; crop",
                "mask | mask(white); after mask there is no mask left; mask"
            })
    void refusesBadTextWithOneMessage(String text, String complaint, String hint) {
        assertThatThrownBy(() -> Preparation.parse(text))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("preparation \"" + text + "\"")
                .hasMessageContaining(complaint)
                .hasMessageContaining(hint);
    }

    @Test
    void partsAtTheFirstRandomStep() {
        Preparation whole = Preparation.parse(
                "crop | target-pad | squash(112) | random-resized-crop(96) | flip(1) | normalize(clip)");
        assertThat(whole.random()).isTrue();
        assertThat(whole.deterministicPrefix()).isEqualTo(Preparation.parse("crop | target-pad | squash(112)"));
        assertThat(whole.randomRest())
                .isEqualTo(Preparation.parse("random-resized-crop(96) | flip(1) | normalize(clip)"));
        assertThat(whole.deterministicPrefix().random()).isFalse();

        Region region = Region.of(Goldens.read("prepare/source.png"), new Box(4, 3, 50, 40));
        Region cached = whole.deterministicPrefix().apply(region);
        assertThat(whole.randomRest().toFloats(cached, new SplittableRandom(8)))
                .isEqualTo(whole.toFloats(region, new SplittableRandom(8)));
    }

    @Test
    void aPreparationWithoutRandomStepsIsAllPrefix() {
        Preparation still = Preparation.parse("resize(32) | center-crop(32) | normalize(clip)");
        assertThat(still.random()).isFalse();
        assertThat(still.randomRest().steps()).isEmpty();
        assertThat(still.randomRest().normalization()).contains(Normalization.CLIP);
        assertThatThrownBy(() -> Preparation.parse("flip").apply(Region.of(Goldens.read("prepare/source.png"))))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("needs a random generator");
    }

    @Test
    void theSameSeedGivesTheSamePixelsAndAnotherSeedOthers() {
        Preparation preparation = Preparation.parse("random-resized-crop(40) | flip | color-jitter | normalize(clip)");
        Region region = Region.of(Goldens.read("prepare/source.png"));
        float[] first = preparation.toFloats(region, new SplittableRandom(1));
        assertThat(preparation.toFloats(region, new SplittableRandom(1))).isEqualTo(first);
        assertThat(preparation.toFloats(region, new SplittableRandom(2))).isNotEqualTo(first);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "resize(64) | center-crop(64); 64x64",
                "squash(64x32) | target-pad(1); 64x64",
                "squash(60x30) | resize(20); 40x20",
                "squash(60x30) | pad-square; 60x60",
                "random-crop(8) | flip; 8x8"
            })
    void knowsTheSizeItEndsWith(String text, String size) {
        Dimensions known = Preparation.parse(text).outputSize().orElseThrow();
        assertThat(known.width() + "x" + known.height()).isEqualTo(size);
        RgbImage out = Preparation.parse(text)
                .apply(Region.of(Goldens.read("prepare/source.png")), new SplittableRandom(1))
                .image();
        assertThat(new Dimensions(out.width(), out.height())).isEqualTo(known);
    }

    @ParameterizedTest
    @ValueSource(strings = {"resize(64)", "squash(64) | crop", "pad-square", "flip"})
    void knowsThatItsSizeDependsOnTheImage(String text) {
        assertThat(Preparation.parse(text).outputSize()).isEmpty();
    }

    @Test
    void saysWhatItNeeds() {
        assertThat(Preparation.parse("resize(4)").needsBox()).isFalse();
        assertThat(Preparation.parse("jitter-box").needsBox()).isTrue();
        assertThat(Preparation.parse("crop").needsMask()).isFalse();
        assertThat(Preparation.parse("crop | mask").needsMask()).isTrue();
    }

    @Test
    void normalisesChannelsFirst() {
        Region region = Region.of(new RgbImage(2, 1, new byte[] {0, (byte) 255, 51, (byte) 255, 0, 102}));
        float[] batch = new float[8];
        batch[0] = 42;
        batch[7] = 43;
        Preparation.parse("normalize(0.2/0.5/0.2, 0.5/0.25/0.1)").toFloats(region, null, batch, 1);
        // ((0, 1), (1, 0), (0.2, 0.4)) less mean, over std
        float[] expected = {42, -0.4f, 1.6f, 2, -2, 0, 2, 43};
        for (int i = 0; i < 8; i++) {
            assertThat(batch[i]).isCloseTo(expected[i], within(1e-6f));
        }
        // CLIP: (1 - 0.48145466) / 0.26862954
        float[] clip = Preparation.parse("normalize(clip)").toFloats(region, null);
        assertThat(clip[1]).isCloseTo(1.9303361f, within(1e-6f));
        assertThatThrownBy(() -> Preparation.parse("flip(1)").toFloats(region, null))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("ends with an image");
    }
}
