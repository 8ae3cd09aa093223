package org.rafclip.experiment;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.run.Configs;

class PipelinesTest {

    private static final String LINE = "crop(0.15) | squash(83) | mask(mean) | flip(0.5)";

    @Test
    void stepsOfANameAreTakenOut() {
        assertThat(Pipelines.without(LINE, "mask")).isEqualTo("crop(0.15) | squash(83) | flip(0.5)");
        assertThat(Pipelines.without("crop | squash(64)", "crop")).isEqualTo("squash(64)");
        assertThat(Pipelines.without("flip(0.5)|squash(9)|flip(0.1)", "flip")).isEqualTo("squash(9)");
    }

    @Test
    void aNameIsNotPartOfAnother() {
        String line = "random-resized-crop(64, 0.5..0.9, 0.8..1.2) | center-crop(64) | crop";

        assertThat(Pipelines.without(line, "crop"))
                .isEqualTo("random-resized-crop(64, 0.5..0.9, 0.8..1.2) | center-crop(64)");
    }

    @Test
    void anArgumentIsChanged() {
        assertThat(Pipelines.with(LINE, "mask", "black"))
                .isEqualTo("crop(0.15) | squash(83) | mask(black) | flip(0.5)");
        assertThat(Pipelines.with("crop | squash(64)", "crop", "0.2")).isEqualTo("crop(0.2) | squash(64)");
        assertThat(Pipelines.with(LINE, "normalize", "clip")).isEqualTo(LINE);
    }

    @Test
    void aLineMasksWhereItDidOrBeforeItCutsAtRandom() {
        assertThat(Pipelines.masked(LINE, "black")).isEqualTo("crop(0.15) | squash(83) | mask(black) | flip(0.5)");
        assertThat(Pipelines.masked("crop(0.1) | squash(9) | random-resized-crop(8, 0.5..0.9, 0.8..1.2)", "mean"))
                .isEqualTo("crop(0.1) | squash(9) | mask(mean) | random-resized-crop(8, 0.5..0.9, 0.8..1.2)");
        assertThat(Pipelines.masked("crop | squash(8)", "mean")).isEqualTo("mask(mean) | crop | squash(8)");
    }

    @Test
    void overridesChangeAllFourLinesWhenTheyAreRead() {
        PhotoConfig data = PhotoConfig.forModel(Path.of("."), "train", ModelPreparation.ofClip(32));
        List<String> overrides = Pipelines.overrides(data, line -> Pipelines.without(line, "crop")).stream()
                .map(override -> override.substring("data.".length()))
                .toList();

        PhotoConfig changed = Configs.parse(Configs.toYaml(data), "the data", overrides, PhotoConfig.class);

        String whole = "resize(32) | center-crop(32) | normalize(clip)";
        PhotoConfig.Branches branches = new PhotoConfig.Branches(whole, "mask(mean) | " + whole);
        assertThat(changed.train()).isEqualTo(branches);
        assertThat(changed.evaluation()).isEqualTo(branches);
    }
}
