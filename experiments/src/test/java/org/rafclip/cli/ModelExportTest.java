package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.clip.ClipModel;
import org.rafclip.io.Safetensors;
import org.rafclip.ops.JavaOps;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RunFolder;

/** What is trained here, handed on. */
class ModelExportTest {

    /** The tower of images that others have too, of widths that they do not have. */
    static final String[] PLAIN = {
        "model.preset=null",
        "model.clip={embed-width: 12, vision: {image-size: 32, patch-size: 16, width: 12, layers: 1, heads: 3,"
                + " mlp-ratio: 2.5}, text: {context-length: 20, vocabulary-size: 600, width: 8, layers: 1, heads: 2}}"
    };

    /** A tower that others have not. */
    private static final String[] STEM = {
        "model.preset=null",
        "model.clip={embed-width: 12, vision: {image-size: 32, patch-size: 16, width: 12, layers: 1, heads: 3,"
                + " pool: mean, stem: [4, 6]}, text: {context-length: 20, vocabulary-size: 600, width: 8, layers: 1,"
                + " heads: 2}}"
    };

    @TempDir
    static Path dir;

    private static TinyRuns runs;
    private static Path plain;
    private static Path stem;
    private static Path agcn;

    @BeforeAll
    static void train() throws IOException {
        JavaOps.install();
        runs = TinyRuns.in(dir, 24);
        plain = dir.resolve("plain");
        stem = dir.resolve("stem");
        agcn = dir.resolve("agcn");
        runs.trainEncoder(plain, PLAIN);
        runs.trainEncoder(stem, STEM);
        runs.trainComposer(agcn, plain);
    }

    @Test
    void aRunIsReadAgainFromBothForms() throws IOException {
        for (String form : new String[] {"hf", "openclip"}) {
            Path out = dir.resolve("out/" + form);
            Path back = dir.resolve("back/" + form);

            CommandRun exported = CommandRun.of("model", "export", "--run", plain, "--format", form, "--out", out);
            CommandRun imported = CommandRun.of("model", "import", "--weights", out, "--out", back);
            CommandRun again = CommandRun.of("model", "export", "--run", plain, "--format", form, "--out", out);

            assertThat(exported.exitCode()).as(exported.err()).isZero();
            assertThat(imported.exitCode()).as(imported.err()).isZero();
            assertThat(imported.out()).contains("photos  squash(32) | normalize(clip)");
            assertThat(Safetensors.readAll(back.resolve(ClipModel.WEIGHTS_FILE)))
                    .isEqualTo(Safetensors.readAll(RunFolder.open(plain)
                            .checkpoint(Checkpoints.Which.BEST)
                            .dir()
                            .resolve(ClipModel.WEIGHTS_FILE)));
            assertThat(again.exitCode()).isEqualTo(1);
            assertThat(again.err()).contains("exists already");
        }
    }

    @Test
    void whatAFormCannotSayLeavesNothingBehind() {
        CommandRun unlike =
                CommandRun.of("model", "export", "--run", stem, "--format", "hf", "--out", dir.resolve("no"));
        CommandRun composer =
                CommandRun.of("model", "export", "--run", agcn, "--format", "openclip", "--out", dir.resolve("no"));

        assertThat(unlike.exitCode()).isEqualTo(1);
        assertThat(unlike.err()).contains("vision.").contains("--format onnx").hasLineCount(1);
        assertThat(composer.exitCode()).isEqualTo(1);
        assertThat(composer.err()).contains("is a composer's run").contains(plain.toString());
        assertThat(dir.resolve("no")).doesNotExist();
        assertThat(dir.toFile().list()).noneMatch(name -> name.endsWith(".tmp"));
    }
}
