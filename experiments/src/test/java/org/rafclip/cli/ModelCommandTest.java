package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.ops.JavaOps;

/** Weights of others on the command line. */
class ModelCommandTest {

    private static final Path WEIGHTS = Path.of("..", "rafclip-model", "src/test/resources/org/rafclip/weights");

    @TempDir
    Path dir;

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    @Test
    void anImportedModelIsCheckedAgainstWhatPyTorchComputes() throws Exception {
        Path out = dir.resolve("models/hf");
        CommandRun imported = CommandRun.of(
                "model", "import", "--safetensors", WEIGHTS.resolve("hf/model.safetensors"), "--out", out);
        CommandRun checked =
                CommandRun.of("model", "check", out, "--against", WEIGHTS.resolve("hf/golden.safetensors"));
        CommandRun other =
                CommandRun.of("model", "check", out, "--against", WEIGHTS.resolve("openclip/golden.safetensors"));

        assertThat(imported.exitCode()).as(imported.err()).isZero();
        assertThat(imported.out()).contains("Hugging Face's names, quick-gelu").contains("16 pixels in patches of 4");
        assertThat(Files.readString(out.resolve("provenance.json"))).contains("model.safetensors");
        assertThat(checked.exitCode()).as(checked.err()).isZero();
        assertThat(checked.out()).contains("equal: worst error").contains("text_tokens");
        assertThat(other.exitCode()).isEqualTo(1);
        assertThat(other.out()).contains("NOT equal");
    }

    @Test
    void aModelIsReadFromPyTorchsFilesAndKeepsItsPreparation() throws Exception {
        Path out = dir.resolve("models/openai");

        CommandRun imported = CommandRun.of(
                "model",
                "import",
                "--weights",
                WEIGHTS.resolve("openai/ViT-Tiny.pt"),
                "--preparation",
                "squash(16, bilinear) | normalize(clip)",
                "--out",
                out);
        CommandRun checked =
                CommandRun.of("model", "check", out, "--against", WEIGHTS.resolve("openai/golden.safetensors"));
        CommandRun wrong = CommandRun.of(
                "model",
                "import",
                "--weights",
                WEIGHTS.resolve("hf-checkpoint"),
                "--preparation",
                "squash(17) | normalize(clip)",
                "--out",
                dir.resolve("models/wrong"));

        assertThat(imported.exitCode()).as(imported.err()).isZero();
        assertThat(imported.out()).contains("OpenAI's names, quick-gelu").contains("photos  squash(16, bilinear)");
        assertThat(out.resolve("preparation.yaml")).content().contains("squash(16, bilinear) | normalize(clip)");
        assertThat(checked.exitCode()).as(checked.err()).isZero();
        assertThat(wrong.exitCode()).isEqualTo(1);
        assertThat(wrong.err()).contains("gives images of 17x17, the model takes 16x16");
    }

    @Test
    void anExistingFolderIsLeftAlone() throws Exception {
        Path kept = Files.writeString(dir.resolve("kept"), "mine");

        CommandRun run = CommandRun.of(
                "model", "import", "--safetensors", WEIGHTS.resolve("hf/model.safetensors"), "--out", dir);

        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err()).contains("exists already");
        assertThat(kept).hasContent("mine");
    }

    @Test
    void aFailedImportLeavesNothing() {
        Path out = dir.resolve("models/hf");

        CommandRun run = CommandRun.of(
                "model",
                "import",
                "--safetensors",
                WEIGHTS.resolve("hf/model.safetensors"),
                "--config",
                "vit-b-32",
                "--out",
                out);

        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err())
                .contains("model.safetensors")
                .contains("are missing")
                .doesNotContain("\tat ");
        assertThat(out).doesNotExist();
    }
}
