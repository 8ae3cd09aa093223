package org.rafclip.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.SharedData;
import org.rafclip.data.coparsing.CoParsing;
import org.rafclip.data.coparsing.GarmentRegion;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.segment.EllipseSegmenter;
import org.rafclip.data.segment.GrabCutSegmenter;
import org.rafclip.data.segment.WholeBoxSegmenter;
import org.rafclip.ops.JavaOps;

class MaskEvaluationTest {

    static {
        // Decoding a photo loads OpenBLAS where nobody has chosen, for all tests of this process.
        JavaOps.install();
    }

    @TempDir
    Path dir;

    /** One photo: an L-shaped dress of 3/4 of its 40 × 40 box, shoes, and a sliver of a skirt. */
    @BeforeEach
    void onePhoto() throws IOException {
        Files.createDirectories(dir.resolve("photos"));
        Files.createDirectories(dir.resolve("masks"));
        Files.write(dir.resolve("labels.txt"), List.of("0 null", "14 dress", "39 shoes", "42 skirt"));
        ImageIO.write(
                new BufferedImage(100, 80, BufferedImage.TYPE_INT_RGB),
                "jpg",
                dir.resolve("photos/0001.jpg").toFile());
        BufferedImage mask = new BufferedImage(100, 80, BufferedImage.TYPE_BYTE_GRAY);
        for (int y = 0; y < 80; y++) {
            for (int x = 0; x < 100; x++) {
                boolean box = x >= 10 && x < 50 && y >= 20 && y < 60;
                boolean notch = x >= 30 && y < 40;
                int label = box && !notch ? 14 : x >= 60 && y >= 40 ? 39 : y == 0 ? 42 : 0;
                mask.getRaster().setSample(x, y, 0, label);
            }
        }
        ImageIO.write(mask, "png", dir.resolve("masks/0001.png").toFile());
    }

    @Test
    void regionsAreGarmentsLargeEnough() {
        List<GarmentRegion> regions = CoParsing.open(dir).regions("0001");

        assertThat(regions).singleElement().satisfies(region -> {
            assertThat(region.label()).isEqualTo("dress");
            assertThat(region.box()).isEqualTo(new Box(10, 20, 49, 59));
            assertThat(region.mask().area()).isEqualTo(1200);
        });
    }

    @Test
    void theWholeBoxScoresTheShareTheGarmentFills() throws InterruptedException {
        MaskEvaluation evaluation = MaskEvaluation.run(
                CoParsing.open(dir),
                new ImageReader(),
                List.of(new WholeBoxSegmenter(), new EllipseSegmenter()),
                10,
                2,
                Progress.NONE);

        assertThat(evaluation.photos()).isEqualTo(1);
        assertThat(evaluation.regions()).isEqualTo(1);
        assertThat(evaluation.scores().get(0).meanIou()).isCloseTo(0.75, within(1e-12));
        assertThat(evaluation.scores().get(0).labels())
                .containsExactly(java.util.Map.entry("dress", new MaskEvaluation.LabelScore(1, 0.75)));
        assertThat(evaluation.render()).contains("1 garments in 1 photos", "box-1", "0.7500", "dress");
    }

    @Test
    void whatIsWrongIsNamed() throws IOException {
        assertThatThrownBy(() -> CoParsing.open(dir.resolve("none")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("photos, masks and labels.txt");
        Files.write(dir.resolve("labels.txt"), List.of("0 null", "dress"));
        assertThatThrownBy(() -> CoParsing.open(dir)).hasMessageContaining("labels.txt:2");
        Files.write(dir.resolve("labels.txt"), List.of("0 null", "14 dress"));
        assertThatThrownBy(() -> CoParsing.open(dir).regions("0001"))
                .hasMessageContaining("has label 39, which labels.txt does not name");
        Files.write(dir.resolve("masks/0001.png"), new byte[] {1, 2, 3});
        assertThatThrownBy(() -> CoParsing.open(dir).regions("0001")).isInstanceOf(DataException.class);
        Files.delete(dir.resolve("masks/0001.png"));
        assertThatThrownBy(() -> CoParsing.open(dir).regions("0001"))
                .hasMessageContaining("every photo needs its mask");
    }

    @Test
    void onRealPhotosGrabCutBeatsTheBaselines() throws InterruptedException {
        CoParsing data = CoParsing.open(SharedData.require("clothing-co-parsing"));

        List<MaskEvaluation.Score> scores = MaskEvaluation.run(
                        data,
                        new ImageReader(),
                        List.of(new GrabCutSegmenter(), new WholeBoxSegmenter(), new EllipseSegmenter()),
                        30,
                        2,
                        Progress.NONE)
                .scores();

        assertThat(scores.get(0).meanIou())
                .isGreaterThan(0.70)
                .isGreaterThan(scores.get(1).meanIou() + 0.1)
                .isGreaterThan(scores.get(2).meanIou() + 0.1);
    }
}
