package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is given to {@code train} in the place of a YAML file. */
class TrainCommandTest {

    @TempDir
    static Path dir;

    private static Path run;

    @BeforeAll
    static void train() throws IOException {
        TinyRuns runs = TinyRuns.in(dir, 24);
        run = dir.resolve("it's a run");
        runs.trainEncoder(run, "train.batch-size=6");
    }

    @Test
    void aRunGoesOnByItsFolderAlsoWhereItWasMoved() throws IOException {
        Path moved = Files.move(run, dir.resolve("moved: it's here"));
        CommandRun refused = CommandRun.of("train", moved);
        CommandRun done = CommandRun.of("train", moved, "--resume");
        CommandRun longer = CommandRun.of("train", "--resume", moved, "train.epochs=2");
        Files.move(moved, run);

        assertThat(refused.exitCode()).isEqualTo(2);
        assertThat(refused.err()).contains(moved + " is a folder", "--resume");
        assertThat(done.exitCode()).as(done.err()).isZero();
        assertThat(done.out()).contains("3 steps done");
        assertThat(longer.exitCode()).as(longer.err()).isZero();
        assertThat(longer.out()).contains("6 steps done", "eval attributes --run " + moved);
        assertThat(dir.toFile().list()).contains("it's a run").doesNotContain("moved: it's here");
    }

    @Test
    void aFolderThatIsNoRunIsCalledSo() {
        CommandRun refused = CommandRun.of("train", "--resume", dir);

        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.err()).contains(dir + " is not a training run").hasLineCount(1);
    }
}
