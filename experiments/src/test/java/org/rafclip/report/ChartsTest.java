package org.rafclip.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.measure.Figure;
import org.rafclip.ops.JavaOps;

class ChartsTest {

    @TempDir
    private Path dir;

    /** Tests of models may follow in this JVM, and photos bring a matrix library along. */
    @BeforeAll
    static void chooseTheMatrixLibrary() {
        JavaOps.install();
    }

    @Test
    void aLongCurveIsAveragedInEqualPieces() {
        double[] x = IntStream.rangeClosed(1, 481).asDoubleStream().toArray();
        Charts.Curve thin = new Charts.Curve("loss", x, x).thinned();

        assertThat(thin.x()).hasSize(161).startsWith(2, 5, 8).endsWith(476, 479, 481);
        assertThat(thin.y()).isEqualTo(thin.x());
        assertThat(new Charts.Curve("short", new double[] {1, 2}, new double[] {3, 4})
                        .thinned()
                        .y())
                .containsExactly(3, 4);
    }

    @Test
    void aChartHasALightAndADarkForm() throws IOException {
        Charts.Curve curve = new Charts.Curve("a", new double[] {1, 2}, new double[] {3, 4});
        Page.Chart chart = Charts.curves("name", "x", "y", List.of(curve, curve), "it rises", "");

        assertThat(chart.light().name()).isEqualTo("name.png");
        assertThat(decoded(chart.light()).getRGB(1, 1) & 0xffffff).isEqualTo(0xffffff);
        assertThat(decoded(chart.dark()).getRGB(1, 1) & 0xffffff).isEqualTo(0x14181d);
        assertThat(decoded(chart.light()).getWidth())
                .isEqualTo(2 * chart.light().width());
    }

    @Test
    void attentionBrightensWhatItIsOn() throws IOException {
        Path photo = WrittenRuns.photo(dir.resolve("photo.png"), 200);
        Photos photos = new Photos();
        PageImage overlaid = photos.overlaid(photo, null, new Figure.Attention(2, 1, List.of(0.2, 0.8)))
                .orElseThrow();

        BufferedImage image = decoded(overlaid);
        // 200 · (0.3 + 0.7 · ¼) = 95, tinted by 0.1; and 200 tinted by 0.4 of (255, 140, 26)
        assertColor(image.getRGB(20, 10), 111, 99, 88);
        assertColor(image.getRGB(20, 50), 222, 176, 130);
        assertThat(photos.problems()).isEmpty();
    }

    private static BufferedImage decoded(PageImage picture) throws IOException {
        return ImageIO.read(new ByteArrayInputStream(picture.bytes()));
    }

    private static void assertColor(int rgb, int... channels) {
        for (int i = 0; i < 3; i++) {
            assertThat(rgb >> 16 - 8 * i & 0xff).isCloseTo(channels[i], within(4));
        }
    }

    @Test
    void interruptionsAreNotTrainingTime() throws IOException {
        Path run = WrittenRuns.encoder(dir.resolve("run"), 1);
        String after = WrittenRuns.line(3_605, "\"loss\":0.5") + WrittenRuns.line(3_606, "\"loss\":0.5");
        Files.writeString(run.resolve("metrics.jsonl"), after, StandardOpenOption.APPEND);

        Map<String, Duration> times = TrainedRun.read(run, "run").times();

        assertThat(times)
                .containsExactlyInAnyOrderEntriesOf(Map.of(
                        "until the first step",
                        Duration.ofSeconds(60),
                        "training with validation",
                        Duration.ofSeconds(4),
                        "interrupted",
                        Duration.ofSeconds(3_601)));
    }
}
