package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportCommandTest {

    @TempDir
    private Path dir;

    @Test
    void whatIsNoRunIsOneLineAndNothingIsWritten() throws IOException {
        Path empty = Files.createDirectories(dir.resolve("empty"));
        Path other = Files.createDirectories(dir.resolve("other"));
        CommandRun run = CommandRun.of("report", empty, other, "--out", dir.resolve("out"));

        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err().lines()).singleElement().asString().contains(empty + " is neither a training run");
        assertThat(dir.resolve("out")).doesNotExist();
    }

    @Test
    void withoutAFolderTheCommandLineIsWrong() {
        assertThat(CommandRun.of("report").exitCode()).isEqualTo(2);
    }

    @Test
    void theHelpShowsHowToCompare() {
        assertThat(CommandRun.of("report", "--help").out()).contains("./rafclip report runs/raf runs/raf-alpha --out");
    }
}
