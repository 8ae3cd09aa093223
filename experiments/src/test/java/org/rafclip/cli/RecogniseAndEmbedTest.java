package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import blue.strategic.parquet.ParquetReader;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Dimensions;
import org.rafclip.data.image.ImageReader;
import org.rafclip.io.Safetensors;
import org.rafclip.photos.TypicalBox;
import org.rafclip.search.FashionModel;
import org.rafclip.search.Photo;
import org.rafclip.train.RunFolder;

/** A run's model on photos without labels. */
class RecogniseAndEmbedTest {

    @TempDir
    static Path dir;

    private static Path run;
    private static Path photos;

    @BeforeAll
    static void train() throws IOException {
        TinyRuns runs = TinyRuns.in(dir, 20);
        run = dir.resolve("raf");
        runs.trainEncoder(run, "train.batch-size=6");
        photos = runs.data().resolve("img");
        Files.writeString(photos.resolve("page.jpg"), "<html>404</html>");
        Files.writeString(photos.resolve("notes.txt"), "no photo");
    }

    private static boolean isPhoto(Path file) {
        return !List.of("page.jpg", "notes.txt").contains(file.getFileName().toString());
    }

    private static Path photo() throws IOException {
        try (var files = Files.list(photos)) {
            return files.filter(RecogniseAndEmbedTest::isPhoto)
                    .sorted()
                    .findFirst()
                    .orElseThrow();
        }
    }

    @Test
    void aPhotoIsRecognisedInTheWordsOfTheTraining() throws IOException {
        CommandRun seen = CommandRun.of(
                "recognise",
                "--run",
                run,
                photo(),
                "--attributes",
                "puff sleeve, cargo pocket",
                "--box",
                "2,2,20,20",
                "--json",
                dir.resolve("seen.json"),
                "--html",
                dir.resolve("seen.html"));

        assertThat(seen.exitCode()).as(seen.err()).isZero();
        assertThat(seen.out()).contains("box 2,2,20,20", "color", "texture", "sleeve length", "puff sleeve 0.");
        JsonNode json = new ObjectMapper().readTree(dir.resolve("seen.json").toFile());
        assertThat(json.at("/format/kind").asText()).isEqualTo("recognition");
        JsonNode groups = json.at("/photos/0/groups");
        assertThat(groups.get(groups.size() - 1).get("name").asText()).isEqualTo("words");
        assertThat(Files.readString(dir.resolve("seen.html")))
                .contains("<meter", "data:image/jpeg;base64,", "puff sleeve");
        assertThat(Files.readString(run.resolve("vocabulary.yaml"))).contains("texture", "floral");
    }

    @Test
    void aBoxIsProposedWhereGarmentsLayInTheTraining() throws IOException {
        TypicalBox typical = RunFolder.open(run).typicalBox().orElseThrow();
        Dimensions size = new ImageReader().size(photo());
        Box proposed = typical.in(size.width(), size.height());
        String said = "box " + proposed.x1() + "," + proposed.y1() + "," + proposed.width() + "," + proposed.height();
        assertThat(proposed.width()).isLessThan(size.width());

        assertThat(CommandRun.of("recognise", "--run", run, photo()).out()).contains(said + ", proposed");
        assertThat(CommandRun.of("recognise", "--run", run, photo(), "--whole-photos")
                        .out())
                .contains("box 0,0," + size.width() + "," + size.height())
                .doesNotContain("proposed");
        try (FashionModel model = FashionModel.open(run)) {
            Photo photo = Photo.of(photo());
            assertThat(model.embed(List.of(photo)).get(0))
                    .isEqualTo(model.embed(List.of(photo.in(proposed))).get(0));
        }
    }

    @Test
    void aPhotoThatCannotBeReadIsNamedAndTheOthersAreAnswered() throws IOException {
        CommandRun seen =
                CommandRun.of("recognise", "--run", run, dir.resolve("none.jpg"), photo(), photos.resolve("page.jpg"));

        assertThat(seen.exitCode()).isEqualTo(1);
        assertThat(seen.err())
                .contains("none.jpg: there is no such file", "page.jpg: not an image: it is a web page")
                .doesNotContain("fault of the program");
        assertThat(seen.out()).contains("texture");
        assertThat(CommandRun.of("recognise", "--run", run, photo(), "--box", "1,2,3")
                        .exitCode())
                .isEqualTo(2);
        CommandRun outside = CommandRun.of("recognise", "--run", run, photo(), "--box", "900,900,5,5");
        assertThat(outside.exitCode()).isEqualTo(1);
        assertThat(outside.err()).contains("the box 900,900,5,5 (x, y, width, height) has no pixel");
    }

    @Test
    void embeddingsAreTheSameInEveryKindOfFile() throws IOException {
        List<float[]> expected = new ArrayList<>();
        List<String> ids = new ArrayList<>();
        try (FashionModel model = FashionModel.open(run);
                var files = Files.list(photos)) {
            for (Path file :
                    files.filter(RecogniseAndEmbedTest::isPhoto).sorted().toList()) {
                ids.add(file.getFileName().toString());
                expected.add(model.embed(List.of(Photo.of(file))).get(0));
            }
        }
        for (String name : List.of("e.npy", "e.safetensors", "e.parquet", "e.jsonl")) {
            CommandRun embedded = CommandRun.of(
                    "embed",
                    "--run",
                    run,
                    "--images",
                    photos,
                    "--out",
                    dir.resolve("out").resolve(name));
            assertThat(embedded.exitCode()).as(embedded.err()).isEqualTo(1);
            assertThat(embedded.err()).contains("page.jpg: not an image");
            assertThat(embedded.out()).contains("20 photos", "1 left out, named above");
        }
        Path out = dir.resolve("out");

        byte[] npy = Files.readAllBytes(out.resolve("e.npy"));
        assertThat(new String(npy, 1, 5, StandardCharsets.US_ASCII)).isEqualTo("NUMPY");
        assertThat(new String(npy, 10, 118, StandardCharsets.US_ASCII))
                .startsWith("{'descr': '<f4', 'fortran_order': False, 'shape': (20, " + expected.get(0).length + "), }")
                .endsWith("\n");
        ByteBuffer values = ByteBuffer.wrap(npy, 128, npy.length - 128).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(npy.length).isEqualTo(128 + 4 * 20 * expected.get(0).length);
        assertThat(Files.readAllLines(out.resolve("e.ids.txt"))).isEqualTo(ids);

        try (Safetensors safetensors = Safetensors.open(out.resolve("e.safetensors"))) {
            INDArray matrix = safetensors.read("embeddings");
            assertThat(new ObjectMapper().readValue(safetensors.metadata().get("ids"), String[].class))
                    .isEqualTo(ids.toArray());
            for (int i = 0; i < expected.size(); i++) {
                assertThat(matrix.getRow(i).toFloatVector()).isEqualTo(row(values, expected.get(i).length));
                // Others were in the batch, and products of another size round otherwise.
                assertThat(matrix.getRow(i).toFloatVector()).containsExactly(expected.get(i), within(1e-5f));
            }
        }
        List<String> lines = Files.readAllLines(out.resolve("e.jsonl"));
        JsonNode first = new ObjectMapper().readTree(lines.get(0));
        assertThat(lines).hasSize(20);
        assertThat(first.get("id").asText()).isEqualTo(ids.get(0));
        assertThat((float) first.get("embedding").get(3).asDouble()).isCloseTo(expected.get(0)[3], within(1e-5f));
        assertThat(ParquetReader.readMetadata(out.resolve("e.parquet").toFile())
                        .getBlocks()
                        .get(0)
                        .getRowCount())
                .isEqualTo(20);
    }

    private static float[] row(ByteBuffer values, int width) {
        float[] row = new float[width];
        for (int i = 0; i < width; i++) {
            row[i] = values.getFloat();
        }
        return row;
    }

    @Test
    void textsAreEmbeddedALineEach() throws IOException {
        Path texts = Files.writeString(dir.resolve("texts.txt"), "a red dress\nrobe à fleurs\n");

        CommandRun embedded =
                CommandRun.of("embed", "--run", run, "--texts", texts, "--out", dir.resolve("texts.jsonl"));
        assertThat(embedded.exitCode()).as(embedded.err()).isZero();
        assertThat(Files.readString(dir.resolve("texts.jsonl"))).contains("robe à fleurs");
        CommandRun unknown = CommandRun.of("embed", "--run", run, "--texts", texts, "--out", dir.resolve("texts.bin"));
        assertThat(unknown.exitCode()).isEqualTo(2);
        assertThat(unknown.err()).contains(".npy, .safetensors, .parquet, .jsonl");
        Files.writeString(texts, "a\n\nb\n");
        assertThat(CommandRun.of("embed", "--run", run, "--texts", texts, "--out", dir.resolve("t.npy"))
                        .err())
                .contains("texts.txt:2: is blank");
    }
}
