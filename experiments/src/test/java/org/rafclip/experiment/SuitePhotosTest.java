package org.rafclip.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.measure.MeasuredPhotos;
import org.rafclip.run.ConfigException;

class SuitePhotosTest {

    @TempDir
    static Path dir;

    private static DrawnSuite drawn;

    @BeforeAll
    static void draw() throws IOException {
        drawn = DrawnSuite.in(dir);
    }

    @Test
    void withoutASplitToMeasureThePhotosHeldOutAreMeasuredInTheirOrder() throws IOException {
        Models models = drawn.models();
        SuitePhotos photos = models.photos();
        Subject.Encoder encoder = models.rafclip();
        List<FashionItem> measured = photos.items(encoder);

        assertThat(measured).hasSize(DrawnSuite.PHOTOS / 4);
        assertThat(measured).extracting(FashionItem::line).isSorted();
        List<FashionItem> all = new ArrayList<>(measured);
        all.addAll(photos.parts(encoder.config()).train());
        assertThat(all)
                .as("what is trained on is not measured on")
                .containsExactlyInAnyOrderElementsOf(photos.split("train").items());
        assertThat(photos.measured(encoder).heldOut()).isTrue();
    }

    @Test
    void otherSeedsHoldOutOtherPhotos() throws IOException {
        Models models = drawn.models("seeds=[1, 2, 3]");

        assertThat(models.rafclips().stream().map(models.photos()::items).distinct())
                .hasSize(3);
    }

    @Test
    void aSplitToMeasureIsMeasuredWhole() throws IOException {
        Models models = drawn.models("data.measured=other");
        Subject.Encoder encoder = models.rafclip();
        MeasuredPhotos measured = models.photos().measured(encoder);

        assertThat(measured.items())
                .hasSize(DrawnSuite.OTHERS)
                .allMatch(item -> item.id().startsWith("img/other-"));
        assertThat(measured.heldOut()).isFalse();
        assertThat(measured.preparation().split()).isEqualTo("other");
        assertThat(measured.preparation().evaluation())
                .isEqualTo(encoder.config().data().evaluation());
    }

    @Test
    void aTrainingThatHoldsOutNothingNeedsASplitToMeasure() throws IOException {
        assertRefused("held-out=0", "data.held-out is 0");
        assertRefused("validation-split=other", "validates on the split other");

        Models named = drawn.models("data.measured=other", "rafclip.overrides=['data.validation-split=other']");
        assertThat(named.photos().items(named.rafclip())).hasSize(DrawnSuite.OTHERS);
    }

    private static void assertRefused(String setting, String message) throws IOException {
        Models models = drawn.models("rafclip.overrides=['data." + setting + "']");
        Subject.Encoder encoder = models.rafclip();
        assertThatThrownBy(() -> models.photos().items(encoder))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(message)
                .hasMessageContaining("data.measured");
    }

    @Test
    void splitsAreNamedByWhatIsInThem() {
        SuitePhotos photos = new SuitePhotos(drawn.config());

        assertThat(photos.content("train"))
                .hasSize(64)
                .isEqualTo(new SuitePhotos(drawn.config()).content("train"))
                .isNotEqualTo(photos.content("other"));
    }
}
