package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.run.Configs;

class UnseenAttributesTest {

    private static PhotoConfig data(Path dir, String unseen) {
        String branches = "{crop: 'squash(8)', region: 'squash(8)'}";
        String yaml = "dir: " + dir + "\nheld-out: 0.5\ntrain: " + branches + "\nevaluation: " + branches + "\nunseen: "
                + unseen + "\n";
        return Configs.parse(yaml, "test", List.of(), PhotoConfig.class);
    }

    @Test
    void trainingAndValidationLackTheirLabelsAndNothingElse(@TempDir Path dir) throws IOException {
        Path annotations = Files.createDirectories(dir.resolve("Anno_fine"));
        Files.createDirectories(dir.resolve("img"));
        Files.writeString(dir.resolve("img/1.jpg"), "one");
        Files.writeString(dir.resolve("img/2.jpg"), "two");
        Files.write(annotations.resolve("train.txt"), List.of("img/1.jpg", "img/2.jpg"));
        Files.write(annotations.resolve("train_bbox.txt"), List.of("1 1 5 5", "1 1 5 5"));
        Files.write(annotations.resolve("train_attr.txt"), List.of("2 1 0 1 2 0", "5 1 0 3 2 0"));

        PhotoData.Parts parts = PhotoData.parts(new PhotoSplits(), data(dir, "[striped, v_neckline]"), 1);

        assertThat(List.of(parts.train().get(0), parts.validation().get(0)))
                .extracting(item -> item.attributes())
                .containsExactlyInAnyOrder(List.of(-1, 1, 0, -1, 2, 0), List.of(5, 1, 0, 3, 2, 0));
        assertThatThrownBy(() -> PhotoData.parts(new PhotoSplits(), data(dir, "[polka_dots]"), 1))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no attribute 'polka_dots'; there are floral, graphic, striped");
    }
}
