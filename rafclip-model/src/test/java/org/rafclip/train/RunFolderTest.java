package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import lombok.With;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.run.Configs;
import org.rafclip.run.Default;
import org.rafclip.run.Output;
import org.rafclip.run.Provenance;

class RunFolderTest {

    @TempDir
    private Path dir;

    record Config(@Default("1") long seed, @With TrainConfig train) implements TrainedConfig<Config> {}

    private static final Config CONFIG = Configs.parse("train: {}", "a test", List.of(), Config.class);

    record Placed(@Default("1") long seed, @With TrainConfig train, Output output) implements TrainedConfig<Placed> {}

    @Test
    void aRunGoesOnWhereItsFolderWasMovedTo() throws Exception {
        Placed began = Configs.parse("{train: {}, output: {dir: there}}", "a test", List.of(), Placed.class);
        Placed moved = Configs.parse("{train: {}, output: {dir: here}}", "a test", List.of(), Placed.class);
        RunFolder run = new RunFolder(Files.createDirectories(dir.resolve("run")));
        run.begin(began, new RunFolder.Description("test"), false, on("A"));
        Files.writeString(run.metricsFile(), "{}\n");

        assertThat(run.begin(moved, new RunFolder.Description("test"), true, on("A")))
                .isEqualTo(moved);
    }

    private static Provenance on(String processor) {
        return Provenance.capture(CONFIG, 1, "data", Map.of("processor", processor), 2, List.of(), Clock.systemUTC());
    }

    @Test
    void aRunThatGoesOnOnAnotherProcessorSaysSo() throws Exception {
        RunFolder run = new RunFolder(dir.resolve("run"));
        assertThat(run.otherBits(on("A"))).as("before it began").isEmpty();

        run.begin(CONFIG, new RunFolder.Description("test"), false, on("A"));

        assertThat(run.otherBits(on("A"))).isEmpty();
        assertThat(run.otherBits(on("B")))
                .contains(run.dir() + " goes on elsewhere than it began, so its weights will not have the bits of an"
                        + " uninterrupted run (processor: B instead of A)");
    }
}
