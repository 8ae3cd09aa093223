package org.rafclip.photos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rafclip.data.DataException;

class ModelPreparationTest {

    private static final String HALVES = "squash(32) | normalize(mean=0.5/0.5/0.5, std=0.5/0.5/0.5)";

    @TempDir
    Path folder;

    @Test
    void aFolderKeepsIt() throws IOException {
        assertThat(ModelPreparation.read(folder, 32)).isEmpty();

        new ModelPreparation(HALVES).write(folder);

        assertThat(ModelPreparation.read(folder, 32)).contains(new ModelPreparation(HALVES));
        assertThatThrownBy(() -> ModelPreparation.read(folder, 64))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("preparation.yaml: ", "gives images of 32x32, the model takes 64x64");
        Files.writeString(folder.resolve(ModelPreparation.FILE), "steps: [");
        assertThatThrownBy(() -> ModelPreparation.read(folder, 32)).hasMessageContaining("preparation.yaml");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "resize(32) | normalize(clip); gives images of no certain size, the model takes 32x32",
                "squash(32); ends with an image",
                "crop | squash(32) | normalize(clip); is not for every photo alike",
                "squash(32) | flip | normalize(clip); is not for every photo alike",
                "squash(32) | normalise; is not known"
            })
    void stepsThatGiveNoImagesOfTheModelAreRefused(String steps, String message) {
        assertThatThrownBy(() -> new ModelPreparation(steps).require(32))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(message);
    }

    @Test
    void whatIsMeasuredIsPreparedByItAndMasksHaveItsMeanColor() {
        PhotoConfig halves = PhotoConfig.forModel(folder, "test", new ModelPreparation(HALVES));
        PhotoConfig clip = PhotoConfig.forModel(folder, "test", ModelPreparation.ofClip(32));

        assertThat(halves.evaluation().crop()).isEqualTo("crop | " + HALVES);
        assertThat(halves.evaluation().region()).isEqualTo("mask(#808080) | crop | " + HALVES);
        assertThat(clip.evaluation().region())
                .isEqualTo("mask(mean) | crop | resize(32) | center-crop(32) | normalize(clip)");
    }

    @Test
    void aTrainingEndsInTheImagesThatItsWeightsAreUsedTo() {
        PhotoConfig clip = PhotoConfig.forModel(folder, "test", ModelPreparation.ofClip(32));

        assertThatCode(() -> ModelPreparation.ofClip(32).requireEnd(clip, folder))
                .doesNotThrowAnyException();
        for (String other : List.of(HALVES, "squash(64) | normalize(clip)")) {
            assertThatThrownBy(() -> new ModelPreparation(other).requireEnd(clip, folder))
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll(
                            "data.train.crop is \"crop | resize(32) | center-crop(32) | normalize(clip)\"",
                            "such as 'data.train.crop=crop | " + other + "'");
        }
    }

    @Test
    void imagesOfAnotherSizeThanTheModelsAreRefused() {
        PhotoConfig clip = PhotoConfig.forModel(folder, "test", ModelPreparation.ofClip(32));

        assertThatCode(() -> clip.requireSize(32)).doesNotThrowAnyException();
        assertThatThrownBy(() -> clip.requireSize(64))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("data.train.crop", "gives images of 32x32, the model takes 64x64");
    }
}
