package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;

class MetricsLogTest {
    private static final InstantSource NOON = InstantSource.fixed(Instant.parse("2024-05-01T12:00:00.250Z"));

    @TempDir
    Path folder;

    private Path file() {
        return folder.resolve("metrics.jsonl");
    }

    private static List<Long> steps(Path file) throws IOException {
        return MetricsLog.read(file).stream().map(MetricsLog.Entry::step).toList();
    }

    @Test
    void aLineIsOneJsonObjectInTheOrderGiven() throws IOException {
        Map<String, Number> values = new LinkedHashMap<>();
        values.put("loss", 3.25f);
        values.put("lr", 5e-7);
        values.put("images", 12_345_678_901L);
        values.put("grad/norm", Double.NaN);
        values.put("worst", Double.NEGATIVE_INFINITY);
        try (MetricsLog log = MetricsLog.create(file(), NOON)) {
            log.log(12, 1, values);
        }
        assertThat(file())
                .hasContent(
                        "{\"step\":12,\"epoch\":1,\"time\":\"2024-05-01T12:00:00.250Z\",\"loss\":3.25,\"lr\":5.0E-7,"
                                + "\"images\":12345678901,\"grad/norm\":\"NaN\",\"worst\":\"-Infinity\"}\n");
        MetricsLog.Entry entry = MetricsLog.read(file()).get(0);
        assertThat(entry.step()).isEqualTo(12);
        assertThat(entry.epoch()).isEqualTo(1);
        assertThat(entry.time()).isEqualTo(NOON.instant());
        assertThat(entry.values())
                .containsExactly(
                        Map.entry("loss", 3.25),
                        Map.entry("lr", 5e-7),
                        Map.entry("images", 12_345_678_901.0),
                        Map.entry("grad/norm", Double.NaN),
                        Map.entry("worst", Double.NEGATIVE_INFINITY));
    }

    @Test
    void aResumedRunHasNoStepTwice() throws IOException {
        try (MetricsLog log = MetricsLog.create(file(), NOON)) {
            for (long step = 1; step <= 5; step++) {
                log.log(step, 0, Map.of("loss", 1.0 / step));
            }
            log.log(5, 0, Map.of("val/loss", 0.5));
            log.force();
        }
        try (MetricsLog log = MetricsLog.resume(file(), 3, NOON)) {
            log.log(4, 0, Map.of("loss", 9));
        }
        assertThat(steps(file())).containsExactly(1L, 2L, 3L, 4L);
        assertThat(MetricsLog.read(file()).get(3).values()).containsEntry("loss", 9.0);
        MetricsLog.resume(file(), 0, NOON).close();
        assertThat(file()).isEmptyFile();
    }

    @Test
    void aLineCutShortByAKillIsDropped() throws IOException {
        try (MetricsLog log = MetricsLog.create(file(), NOON)) {
            log.log(1, 0, Map.of("loss", 1));
            log.log(2, 0, Map.of("loss", 1));
        }
        Files.writeString(file(), "{\"step\":3,\"ep", StandardOpenOption.APPEND);
        assertThat(steps(file())).containsExactly(1L, 2L);
        try (MetricsLog log = MetricsLog.resume(file(), 10, NOON)) {
            log.log(11, 0, Map.of("loss", 1));
        }
        assertThat(steps(file())).containsExactly(1L, 2L, 11L);
    }

    @Test
    void aRunWhoseLogIsMissingResumesWithANewOne() throws IOException {
        try (MetricsLog log = MetricsLog.resume(file(), 3, NOON)) {
            log.log(4, 0, Map.of());
        }
        assertThat(steps(file())).containsExactly(4L);
    }

    @Test
    void anotherRunsLogIsNotOverwritten() throws IOException {
        Files.writeString(file(), "");
        assertThatThrownBy(() -> MetricsLog.create(file(), NOON)).isInstanceOf(FileAlreadyExistsException.class);
    }

    @Test
    void damagedLinesAreNamed() throws IOException {
        String sound = "{\"step\":1,\"epoch\":0,\"time\":\"2024-05-01T12:00:00Z\"}\n";
        for (String damaged : List.of(
                "",
                "{\"step\":2",
                "[1]",
                "{\"step\":2,\"epoch\":0,\"time\":\"noon\"}",
                "{\"step\":2.5,\"epoch\":0,\"time\":\"2024-05-01T12:00:00Z\"}",
                "{\"step\":2,\"epoch\":0,\"time\":\"2024-05-01T12:00:00Z\",\"loss\":\"low\"}",
                "{\"step\":2,\"epoch\":0,\"time\":\"2024-05-01T12:00:00Z\",\"loss\":null}")) {
            Files.writeString(file(), sound + damaged + "\n" + sound);
            assertThatThrownBy(() -> MetricsLog.read(file()))
                    .as(damaged)
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("metrics.jsonl, line 2");
        }
    }

    @Test
    void reservedNamesAndFallingStepsAreMistakes() throws IOException {
        try (MetricsLog log = MetricsLog.create(file(), NOON)) {
            log.log(5, 0, Map.of());
            assertThatThrownBy(() -> log.log(4, 0, Map.of()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("step 4 is logged after step 5");
            assertThatThrownBy(() -> log.log(6, 0, Map.of("time", 1)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("'time'");
        }
        assertThat(steps(file())).containsExactly(5L);
    }
}
