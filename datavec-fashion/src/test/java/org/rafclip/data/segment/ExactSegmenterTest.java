package org.rafclip.data.segment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;

class ExactSegmenterTest extends SegmenterContract {

    @TempDir
    private Path dir;

    @BeforeEach
    void storeTheDisc() throws IOException {
        Path masks = Files.createDirectories(dir.resolve("masks"));
        BufferedImage mask = new BufferedImage(80, 100, BufferedImage.TYPE_BYTE_GRAY);
        for (int y = 0; y < 100; y++) {
            for (int x = 0; x < 80; x++) {
                mask.setRGB(x, y, inDisc(x, y, 40, 50, 20) ? 0xffffff : 0);
            }
        }
        ImageIO.write(mask, "png", masks.resolve("disc.png").toFile());
        Files.writeString(masks.resolve("index.txt"), ExactSegmenter.key(DISC) + " disc.png\n");
    }

    @Override
    Segmenter segmenter() {
        return new ExactSegmenter(dir);
    }

    @Test
    void theAnswerIsTheStoredMask() {
        Segmentation answer = segmenter().segment(DISC, DISC_BOX);
        assertThat(answer.fallback()).isFalse();
        for (int y = 0; y < 100; y++) {
            for (int x = 0; x < 80; x++) {
                assertThat(answer.mask().get(x, y)).isEqualTo(inDisc(x, y, 40, 50, 20));
            }
        }
        assertThat(segmenter().segment(DISC, new Box(0, 0, 5, 5)).fallback()).isTrue();
    }

    @Test
    void whatHasNoMaskIsRefusedWithTheRemedy() throws IOException {
        assertThatThrownBy(() -> segmenter().segment(disc(80, 100, 41, 50, 20), DISC_BOX))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("index.txt")
                .hasMessageContaining("data.segmenter=grabcut");
        assertThatThrownBy(() -> new ExactSegmenter(dir.resolve("other")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("brings no exact masks along")
                .hasMessageContaining("data.segmenter=grabcut");
        Files.writeString(dir.resolve("masks/index.txt"), "disc.png\n");
        assertThatThrownBy(() -> new ExactSegmenter(dir))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("index.txt:1:");
    }

    @Test
    void otherMasksHaveAnotherId() throws IOException {
        String id = segmenter().id();
        Files.writeString(dir.resolve("masks/index.txt"), ExactSegmenter.key(DISC) + " other.png\n");
        assertThat(segmenter().id()).isNotEqualTo(id);
    }
}
