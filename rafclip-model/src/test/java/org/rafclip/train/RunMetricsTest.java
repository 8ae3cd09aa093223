package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunMetricsTest {

    @TempDir
    Path dir;

    private RunFolder folder() {
        return new RunFolder(dir);
    }

    private List<Long> steps() throws IOException {
        return MetricsLog.read(folder().metricsFile()).stream()
                .map(MetricsLog.Entry::step)
                .toList();
    }

    private List<Path> boards() throws IOException {
        try (Stream<Path> files = Files.list(dir.resolve("tensorboard"))) {
            return files.sorted().toList();
        }
    }

    private void log(boolean resume, long done, long... steps) throws IOException {
        try (RunMetrics metrics = RunMetrics.open(folder(), resume, done)) {
            for (long step : steps) {
                metrics.log(step, 0, Map.of("loss", 1.0 / step));
            }
            metrics.force();
        }
    }

    @Test
    void figuresAreLinesAndEvents() throws IOException {
        log(false, 0, 1, 2);

        assertThat(steps()).containsExactly(1L, 2L);
        assertThat(MetricsLog.read(folder().metricsFile()).get(1).values()).containsExactly(Map.entry("loss", 0.5));
        assertThat(boards())
                .singleElement()
                .satisfies(board -> assertThat(new String(Files.readAllBytes(board), StandardCharsets.ISO_8859_1))
                        .contains("brain.Event:2", "loss"));
    }

    @Test
    void whatWasLoggedAfterTheCheckpointIsDropped() throws IOException {
        log(false, 0, 1, 2, 3, 4);
        log(true, 2, 3, 4, 5);

        assertThat(steps()).containsExactly(1L, 2L, 3L, 4L, 5L);
        assertThat(boards()).hasSize(2);
    }

    @Test
    void aRunThatIsResumedBeforeItsFirstLineBeginsTheFiles() throws IOException {
        log(true, 0, 1);

        assertThat(steps()).containsExactly(1L);
        assertThat(boards()).hasSize(1);
    }

    @Test
    void theFiguresOfAnotherRunAreNotOverwritten() throws IOException {
        log(false, 0, 1);
        List<Path> before = new ArrayList<>(boards());

        assertThatThrownBy(() -> log(false, 0, 1)).isInstanceOf(FileAlreadyExistsException.class);
        assertThat(steps()).containsExactly(1L);
        assertThat(boards()).isEqualTo(before);
    }
}
