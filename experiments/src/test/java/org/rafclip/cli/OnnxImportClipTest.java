package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import onnx.Onnx.ModelProto;
import onnx.Onnx.TensorProto;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.shade.protobuf.ByteString;
import org.rafclip.clip.ClipModel;

/** A CLIP in an ONNX file, on the way of those who bring their own: rebuilt, measured, fine-tuned, searched with. */
class OnnxImportClipTest {

    private static final Path EXPORTS = Path.of("..", "onnx", "src/test/resources/org/rafclip/onnx/exports");
    private static final Path WORDS =
            Path.of("..", "rafclip-model", "src/test/resources/org/rafclip/weights/hf/merges.txt");
    private static final int ENTRIES = 530;
    private static final int OWN_ENTRIES = 40;
    private static final int WIDTH = 12;

    @TempDir
    static Path dir;

    private static Path file;
    private static Path model;
    private static CommandRun imported;

    @BeforeAll
    static void importModel() throws IOException {
        file = withRoomForWords(EXPORTS.resolve("openclip-17-joint/clip.onnx"), dir.resolve("clip.onnx"));
        model = dir.resolve("models/mine");
        imported = CommandRun.of("onnx", "import-clip", "--model", file, "--tokenizer", WORDS, "--out", model);
    }

    /** The export with more rows in its table of tokens, as its own 40 are less than there are bytes. */
    private static Path withRoomForWords(Path export, Path target) throws IOException {
        ModelProto.Builder grown = ModelProto.parseFrom(Files.readAllBytes(export)).toBuilder();
        String table = grown.getGraph().getNodeList().stream()
                .filter(node ->
                        node.getOpType().equals("Gather") && node.getInput(1).equals("tokens"))
                .map(node -> node.getInput(0))
                .findFirst()
                .orElseThrow();
        TensorProto.Builder tensor = grown.getGraphBuilder().getInitializerBuilderList().stream()
                .filter(candidate -> candidate.getName().equals(table))
                .findFirst()
                .orElseThrow();
        ByteBuffer values = ByteBuffer.allocate(4 * ENTRIES * WIDTH).order(ByteOrder.LITTLE_ENDIAN);
        values.put(tensor.getRawData().toByteArray());
        Random random = new Random(1);
        for (int i = OWN_ENTRIES * WIDTH; i < ENTRIES * WIDTH; i++) {
            values.putFloat((float) (0.5 * random.nextGaussian()));
        }
        tensor.setDims(0, ENTRIES).setRawData(ByteString.copyFrom(values.array()));
        return Files.write(target, grown.build().toByteArray());
    }

    @Test
    void theModelIsRebuiltWithItsProof() throws IOException {
        assertThat(imported.exitCode()).as(imported.err()).isZero();
        assertThat(imported.out())
                .contains("image_features", "text_features", "logits_per_image", "to ONNX Runtime")
                .contains("parameters from ONNX, gelu, d = 20, temperature 25.79")
                .contains("10 of 530 tokens, width 12, 2 layers, 3 heads")
                .containsPattern("\\d s(, \\d\\.\\d+ GiB of memory at most)?\\R$")
                .doesNotContain("--logit-scale");
        JsonNode provenance =
                new ObjectMapper().readTree(model.resolve("provenance.json").toFile());
        assertThat(provenance.at("/sha256/clip.onnx").asText()).hasSize(64);
        assertThat(provenance.at("/proof/rows")).hasSize(3);
        assertThat(provenance.at("/proof/rows/0/fromRuntime").asDouble()).isLessThan(1e-5);
        try (ClipModel loaded = ClipModel.load(model)) {
            assertThat(loaded.encodeTexts(List.of("a red dress")).shape()).containsExactly(1, 20);
        }
    }

    @Test
    void itNamesAttributesIsFineTunedAndSearchesByImagePlusText() throws IOException {
        Path drawn = dir.resolve("drawn");
        CommandRun generated =
                CommandRun.of("data", "generate", "--out", drawn, "--images", "40", "--size", "64", "--seed", "3");
        assertThat(generated.exitCode()).as(generated.err()).isZero();

        CommandRun zeroShot = CommandRun.of("eval", "attributes", "--model", model, "--data", drawn, "--split", "test");
        assertThat(zeroShot.exitCode()).as(zeroShot.err()).isZero();
        assertThat(zeroShot.out())
                .contains("Table 1", "CLIP, " + model.getFileName() + " (ours)")
                .doesNotContain("RaF-CLIP (ours");

        TinyRuns runs = TinyRuns.in(dir, 24);
        Path tuned = dir.resolve("tuned");
        runs.trainEncoder(
                tuned,
                "model.preset=null",
                "model.weights=" + model,
                "data.train.crop=crop | squash(16) | normalize(clip)",
                "data.train.region=crop | squash(16) | normalize(clip)",
                "data.evaluation.crop=crop | squash(16) | normalize(clip)",
                "data.evaluation.region=crop | squash(16) | normalize(clip)");
        assertThat(tuned.resolve("config.yaml")).content().contains("models/mine");

        Path composer = dir.resolve("composer");
        runs.trainComposer(composer, model);
        Path index = dir.resolve("index");
        CommandRun indexed = CommandRun.of(
                "index", "--model", model, "--composer", composer, "--images", runs.data(), "--out", index);
        assertThat(indexed.exitCode()).as(indexed.err()).isZero();
        CommandRun search = CommandRun.of("search", "--index", index, "a photo of dress");
        assertThat(search.exitCode()).as(search.err()).isZero();
        assertThat(search.out()).contains("1. ", "10. ");
    }

    private static CommandRun importPrepared(String steps, Path out) {
        return CommandRun.of(
                "onnx", "import-clip", "--model", file, "--tokenizer", WORDS, "--preparation", steps, "--out", out);
    }

    @Test
    void photosArePreparedAsIsSaid() {
        Path said = dir.resolve("models/said");
        CommandRun run = importPrepared("squash(16) | normalize(clip)", said);
        CommandRun larger = importPrepared("squash(32) | normalize(clip)", dir.resolve("models/larger"));

        assertThat(imported.out()).contains("  photos  resize(16) | center-crop(16) | normalize(clip)");
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.out()).contains("  photos  squash(16) | normalize(clip)");
        assertThat(said.resolve("preparation.yaml")).content().contains("squash(16) | normalize(clip)");
        assertThat(larger.exitCode()).isEqualTo(1);
        assertThat(larger.err()).contains("gives images of 32x32, the model takes 16x16");
    }

    @Test
    void whatCannotBeDoneIsSaidBeforeTheWork() {
        CommandRun again = CommandRun.of("onnx", "import-clip", "--model", file, "--tokenizer", WORDS, "--out", model);
        CommandRun wordless =
                CommandRun.of("onnx", "import-clip", "--model", file, "--out", dir.resolve("models/wordless"));
        CommandRun half = CommandRun.of("onnx", "import-clip", "--image", file, "--out", dir.resolve("models/half"));
        CommandRun other = CommandRun.of(
                "onnx",
                "import-clip",
                "--model",
                EXPORTS.resolve("openclip-17-joint/clip.onnx"),
                "--tokenizer",
                WORDS,
                "--out",
                dir.resolve("models/other"));

        assertThat(again.exitCode()).isEqualTo(1);
        assertThat(again.err()).contains("exists already");
        assertThat(wordless.exitCode()).isEqualTo(1);
        assertThat(wordless.err()).contains("there is no tokenizer in it").doesNotContain("rebuilding");
        assertThat(half.exitCode()).isEqualTo(2);
        assertThat(half.err()).contains("--text");
        assertThat(other.exitCode()).isEqualTo(1);
        assertThat(other.err()).contains("entries, the model only 40");
        assertThat(dir.resolve("models/other")).doesNotExist();
    }
}
