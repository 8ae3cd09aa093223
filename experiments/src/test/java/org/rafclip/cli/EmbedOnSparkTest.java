package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.MessageType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.io.Sha256;
import org.rafclip.search.build.EmbeddedPhotos;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.LuceneIndex;

/** Photos embedded by Spark. */
class EmbedOnSparkTest {

    @RegisterExtension
    static final LocalSpark SPARK = new LocalSpark();

    @TempDir
    static Path dir;

    private static Path run;
    private static Path photos;

    @BeforeAll
    static void train() throws IOException {
        TinyRuns runs = TinyRuns.in(dir, 40);
        run = dir.resolve("raf");
        runs.trainEncoder(run, "train.batch-size=6");
        photos = runs.data().resolve("img");
        Files.writeString(photos.resolve("page.jpg"), "<html>404</html>");
    }

    private static Map<String, Group> rows(Path folder) throws IOException {
        Map<String, Group> rows = new HashMap<>();
        for (Path file : files(folder)) {
            try (ParquetFileReader reader = ParquetFileReader.open(new LocalInputFile(file))) {
                MessageType schema = reader.getFooter().getFileMetaData().getSchema();
                for (PageReadStore pages = reader.readNextRowGroup();
                        pages != null;
                        pages = reader.readNextRowGroup()) {
                    RecordReader<Group> records = new ColumnIOFactory()
                            .getColumnIO(schema)
                            .getRecordReader(pages, new GroupRecordConverter(schema));
                    for (long i = 0; i < pages.getRowCount(); i++) {
                        Group row = records.read();
                        assertThat(rows.put(row.getString("id", 0), row)).isNull();
                    }
                }
            }
        }
        return rows;
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(".parquet"))
                    .sorted()
                    .toList();
        }
    }

    private static int good(Map<String, Group> rows) {
        return (int) rows.values().stream()
                .filter(row -> row.getFieldRepetitionCount("error") == 0)
                .count();
    }

    private static float[] vector(Group row) {
        Group list = row.getGroup("embedding", 0);
        float[] vector = new float[list.getFieldRepetitionCount(0)];
        for (int i = 0; i < vector.length; i++) {
            vector[i] = list.getGroup(0, i).getFloat(0, 0);
        }
        return vector;
    }

    private static List<String> named(CommandRun run) {
        return run.err().lines().filter(line -> line.startsWith("rafclip: ")).toList();
    }

    private static CommandRun embed(Path out, Object... more) {
        List<Object> words = new ArrayList<>(List.of("embed", "--run", run, "--images", photos, "--out", out));
        words.addAll(List.of(more));
        return SPARK.run(words.toArray());
    }

    @Test
    void rowsHaveTheBitsOfTheLocalCommandAndOnlyWhatIsMissingIsDone() throws IOException {
        Path local = dir.resolve("local.jsonl");
        CommandRun here = CommandRun.of("embed", "--run", run, "--images", photos, "--out", local);
        assertThat(here.exitCode()).isEqualTo(1);
        Path out = dir.resolve("embedded");

        CommandRun embedded = embed(out);
        assertThat(embedded.exitCode()).as(embedded.err()).isEqualTo(1);
        assertThat(embedded.out())
                .contains("41 photos, 40 of them embedded now in", "; 1 have an error instead, named above");
        assertThat(named(embedded)).isEqualTo(named(here)).hasSize(1);
        Map<String, Group> rows = rows(out);
        assertThat(rows).hasSize(41);
        for (String line : Files.readAllLines(local)) {
            JsonNode expected = new ObjectMapper().readTree(line);
            Group row = rows.get(expected.get("id").asText());
            float[] vector = vector(row);
            assertThat(expected.get("embedding")).hasSize(vector.length);
            for (int i = 0; i < vector.length; i++) {
                assertThat(vector[i])
                        .isEqualTo((float) expected.get("embedding").get(i).asDouble());
            }
            assertThat(row.getString("sha256", 0)).isEqualTo(Sha256.of(photos.resolve(row.getString("file", 0))));
            assertThat(row.getInteger("width", 0)).isPositive();
            assertThat(row.getFieldRepetitionCount("error")).isZero();
        }
        Group bad = rows.get("page.jpg");
        assertThat(bad.getFieldRepetitionCount("embedding")).isZero();
        assertThat(bad.getString("error", 0)).contains("page.jpg");

        // As if a kill had come before one of the tasks was done.
        List<Path> files = files(out);
        assertThat(files).hasSizeGreaterThan(1);
        Files.delete(files.get(0));
        int left = good(rows(out));
        CommandRun again = embed(out);
        assertThat(again.out()).contains("41 photos, " + (40 - left) + " of them embedded now");
        assertThat(rows(out).keySet()).isEqualTo(rows.keySet());
        assertThat(embed(out).out()).contains("41 photos, 0 of them embedded now");

        CommandRun other = embed(out, "--whole-photos");
        assertThat(other.exitCode()).isEqualTo(1);
        assertThat(other.err())
                .contains("was begun with", "name another folder")
                .hasLineCount(1);
    }

    @Test
    void rowsWithLabelsAndThumbnailsAreAnIndexAndATableOfPhotos() throws IOException {
        Path out = dir.resolve("labelled");
        assertThat(embed(out, "--labels", "--thumbnails").exitCode()).isEqualTo(1);
        Map<String, Group> rows = rows(out);
        Path folder = dir.resolve("index");
        CommandRun indexed = CommandRun.of("index", "--from", out, "--to", folder);
        assertThat(indexed.exitCode()).as(indexed.err()).isEqualTo(1);
        assertThat(indexed.out()).contains("40 garments, 40 of them written", "1 photos have an error instead");
        assertThat(CommandRun.of("index", "--from", out, "--to", folder).out())
                .contains("40 garments, 0 of them written");
        // What an index of them elsewhere is known by: rows that were made later make another.
        Files.setLastModifiedTime(files(out).get(0), FileTime.from(Instant.parse("2100-01-01T00:00:00Z")));
        assertThat(EmbeddedPhotos.open(out, Optional.empty()).info().updated()).isEqualTo("2100-01-01T00:00:00Z");
        try (LuceneIndex index = LuceneIndex.open(folder)) {
            assertThat(index.info().entries()).isEqualTo(40);
            index.forEach(entry -> {
                Group row = rows.get(entry.id());
                assertThat(entry.vector()).isEqualTo(vector(row));
                assertThat(entry.sha256()).isEqualTo(row.getString("sha256", 0));
                assertThat(entry.labels()).containsKey(Entry.COLOR);
                assertThat(entry.thumbnail())
                        .isEqualTo(row.getBinary("thumbnail", 0).getBytes());
            });
        }

        Path ofThumbnails = dir.resolve("thumbnails");
        CommandRun column = SPARK.run(
                "embed", "--run", run, "--images", "file:" + out, "--column", "image=thumbnail", "--out", ofThumbnails);
        assertThat(column.out()).as(column.err()).contains("41 photos, 40 of them embedded now", "1 have an error");
        Map<String, Group> small = rows(ofThumbnails);
        assertThat(small.keySet()).isEqualTo(rows.keySet());
        assertThat(small.get("page.jpg").getString("error", 0)).contains("page.jpg: the row holds no photo");
    }

    @Test
    void whatHadAnErrorIsTriedAgain() throws IOException {
        Path folder = Files.createDirectory(dir.resolve("mended"));
        List<Path> some;
        try (Stream<Path> all = Files.list(photos)) {
            some = all.filter(photo -> !photo.endsWith("page.jpg"))
                    .sorted()
                    .limit(3)
                    .toList();
        }
        for (Path photo : some) {
            Files.copy(photo, folder.resolve(photo.getFileName()));
        }
        Path broken = folder.resolve("broken.jpg");
        Files.writeString(broken, "<html>502</html>");
        Path gone = folder.resolve("gone.jpg");
        Files.writeString(gone, "<html>404</html>");
        Path out = dir.resolve("mended rows");
        List<Object> command =
                List.of("embed", "--run", run, "--images", folder, "--out", out, "--labels", "--thumbnails");
        assertThat(SPARK.run(command.toArray()).out()).contains("5 photos, 3 of them embedded now", "2 have an error");
        int files = files(out).size();
        CommandRun again = SPARK.run(command.toArray());
        assertThat(again.exitCode()).isEqualTo(1);
        assertThat(again.out()).contains("5 photos, 0 of them embedded now", "2 have an error");
        assertThat(rows(out)).as("the same error is not written twice").hasSize(5);

        Files.copy(some.get(0), broken, StandardCopyOption.REPLACE_EXISTING);
        Files.delete(gone);
        CommandRun mended = SPARK.run(command.toArray());
        assertThat(mended.exitCode()).as(mended.err()).isZero();
        assertThat(mended.out()).contains("4 photos, 1 of them embedded now").doesNotContain("error");
        assertThat(files(out)).hasSizeGreaterThan(files);
        CommandRun indexed = CommandRun.of("index", "--from", out, "--to", dir.resolve("index of mended"));
        assertThat(indexed.exitCode()).as(indexed.err()).isEqualTo(1);
        assertThat(indexed.out()).contains("4 garments, 4 of them written", "1 photos have an error");
        assertThat(named(indexed)).singleElement().asString().contains("left out: ", "gone.jpg");
        Path column = dir.resolve("of mended");
        CommandRun twice = SPARK.run(
                "embed", "--run", run, "--images", "file:" + out, "--column", "image=thumbnail", "--out", column);
        assertThat(twice.out()).as(twice.err()).contains("5 photos, 4 of them embedded now", "1 have an error");
    }

    @Test
    void boxesOfATableAreThoseOfTheLocalCommandWhateverItsPlaceIsCalled() throws IOException {
        Path folder = Files.createDirectory(dir.resolve("odd [1] {a,b} %20 ü"));
        try (Stream<Path> all = Files.list(photos)) {
            Path photo = all.filter(one -> !one.endsWith("page.jpg"))
                    .sorted()
                    .findFirst()
                    .orElseThrow();
            Files.copy(photo, folder.resolve("12:30.jpg"));
        }
        String row = "{\"id\": \"%s\", \"image\": \"12:30.jpg\"%s}";
        List<String> lines = List.of(
                row.formatted("boxed", ", \"x\": 3, \"y\": 5.5, \"width\": 40, \"height\": 29.6"),
                row.formatted("whole", ""),
                row.formatted("outside", ", \"x\": 5000, \"y\": 0, \"width\": 1, \"height\": 1"));
        Path table = Files.write(folder.resolve("photos.jsonl"), lines);
        Path local = dir.resolve("boxes.jsonl");
        CommandRun here = CommandRun.of("embed", "--run", run, "--images", table, "--out", local);
        List<Object> command =
                List.of("embed", "--run", run, "--images", "file:" + table, "--out", folder.resolve("rows"));
        CommandRun embedded = SPARK.run(command.toArray());
        assertThat(embedded.exitCode()).as(embedded.err()).isEqualTo(1);
        assertThat(named(embedded))
                .isEqualTo(named(here))
                .singleElement()
                .asString()
                .contains("outside: the box");
        Map<String, Group> rows = rows(folder.resolve("rows"));
        for (String line : Files.readAllLines(local)) {
            JsonNode expected = new ObjectMapper().readTree(line);
            float[] vector = vector(rows.get(expected.get("id").asText()));
            for (int i = 0; i < vector.length; i++) {
                assertThat(vector[i])
                        .isEqualTo((float) expected.get("embedding").get(i).asDouble());
            }
        }
        assertThat(rows.get("boxed").getInteger("x2", 0)).isEqualTo(3 + 40 - 1);

        Files.write(table, List.of(row.formatted("half", ", \"x\": 3, \"y\": 5"), lines.get(0)));
        assertThat(named(SPARK.run(command.toArray())))
                .singleElement()
                .asString()
                .contains("photos.jsonl: has of 'half' the box 3,5.0,,; write x, y, width and height");
    }

    @Test
    void whatIsDamagedIsNamed() throws IOException {
        Path out = dir.resolve("damaged");
        assertThat(embed(out).exitCode()).isEqualTo(1);
        Path file = files(out).get(0);
        Path crc = out.resolve("." + file.getFileName() + ".crc");
        Files.delete(crc);
        byte[] whole = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(whole, whole.length / 2));
        for (CommandRun refused :
                List.of(embed(out), CommandRun.of("index", "--from", out, "--to", dir.resolve("of damaged")))) {
            assertThat(refused.exitCode()).isEqualTo(1);
            assertThat(named(refused)).singleElement().asString().contains(file + ": is damaged", "delete it");
        }
        Path about = out.resolve(EmbeddedPhotos.ABOUT);
        for (String text : List.of("", "name=\\u00", Files.readString(about).replaceAll("images=.*", "images=?"))) {
            Files.writeString(about, text);
            CommandRun refused = CommandRun.of("index", "--from", out, "--to", dir.resolve("of damaged"));
            assertThat(refused.exitCode()).isEqualTo(1);
            assertThat(named(refused)).singleElement().asString().contains(about + ": is damaged");
        }
        Path table = Files.writeString(dir.resolve("photos.parquet"), "no Parquet");
        assertThat(named(
                        SPARK.run("embed", "--run", run, "--images", "file:" + table, "--out", dir.resolve("of text"))))
                .singleElement()
                .asString()
                .contains("photos.parquet: is no Parquet, or damaged");
    }

    @Test
    void photosAndRowsMayLieOnAFileSystemOfHadoops() throws IOException {
        Path place = dir.resolve("far rows");
        String out = "file:" + place;
        List<Object> command = new ArrayList<>(List.of("embed", "--run", run, "--images", "file:" + photos));
        command.addAll(List.of("--out", out, "--thumbnails"));
        CommandRun embedded = SPARK.run(command.toArray());
        assertThat(embedded.exitCode()).as(embedded.err()).isEqualTo(1);
        assertThat(embedded.out()).contains("41 photos, ", "; 1 have an error instead, named above");
        Map<String, Group> rows = rows(place);
        try (Stream<Path> files = Files.list(photos)) {
            assertThat(rows.keySet())
                    .containsExactlyInAnyOrderElementsOf(
                            files.map(file -> file.getFileName().toString()).toList());
        }
        assertThat(rows.get("page.jpg").getString("error", 0)).contains("page.jpg");
        assertThat(SPARK.run(command.toArray()).out()).contains("41 photos, 0 of them embedded now");
        assertThat(place.resolve("_lock")).doesNotExist();

        Path folder = dir.resolve("index of far rows");
        for (int written : new int[] {40, 0}) {
            CommandRun indexed = CommandRun.of("index", "--from", out, "--to", folder);
            assertThat(indexed.exitCode()).as(indexed.err()).isEqualTo(1);
            assertThat(indexed.out()).contains("40 garments, " + written + " of them written");
        }
        assertThat(CommandRun.of("index", "--from", "file:" + photos, "--to", folder)
                        .err())
                .contains("file:" + photos + ": has no rows of embed --master");
        CommandRun missing = SPARK.run("embed", "--run", run, "--images", "file:/gone/list.csv", "--out", out + "2");
        assertThat(missing.err()).contains("file:/gone/list.csv: there is no such table or folder");
    }

    @Test
    void whatNoWorkerCanGiveIsSaidAndNotWaitedFor() throws IOException, InterruptedException {
        try (LocalMaster master = LocalMaster.start(dir.resolve("master"))) {
            CommandRun asked = CommandRun.of(
                    "embed",
                    "--run",
                    run,
                    "--images",
                    photos,
                    "--out",
                    dir.resolve("ungranted"),
                    "--executor-memory",
                    "500g",
                    "--master",
                    master.url());
            assertThat(asked.exitCode()).isEqualTo(1);
            assertThat(named(asked))
                    .singleElement()
                    .asString()
                    .contains(
                            "asked were 1 process of 1 core and 500g, but its worker has 1 core and 1g",
                            "--executor-memory");
        }
    }

    @Test
    void addressesOfATableAreReadBySpark() throws IOException {
        Path here = dir.resolve("here.jsonl");
        CommandRun.of("embed", "--run", run, "--images", photos, "--out", here);
        List<String> table = new ArrayList<>(List.of("id,photo", "gone,file:" + photos.resolve("gone.jpg")));
        Map<String, JsonNode> expected = new HashMap<>();
        for (String line : Files.readAllLines(here).subList(0, 5)) {
            JsonNode one = new ObjectMapper().readTree(line);
            String id = one.get("id").asText();
            table.add("of " + id + "," + (table.size() % 2 == 0 ? photos.resolve(id) : "file:" + photos.resolve(id)));
            expected.put("of " + id, one.get("embedding"));
        }
        Path csv = Files.write(dir.resolve("addresses.csv"), table);
        Path out = dir.resolve("addressed");
        String[] command = {"embed", "--run", run.toString(), "--images", "file:" + csv, "--out", out.toString()};
        CommandRun unnamed = SPARK.run((Object[]) command);
        assertThat(unnamed.exitCode()).isEqualTo(1);
        assertThat(unnamed.err()).contains("has no column 'image', but id, photo; name the one");
        List<Object> named = new ArrayList<>(List.of((Object[]) command));
        named.addAll(List.of("--column", "image=photo"));
        CommandRun done = SPARK.run(named.toArray());
        assertThat(done.exitCode()).as(done.err()).isEqualTo(1);
        Map<String, Group> rows = rows(out);
        assertThat(rows).hasSize(6);
        assertThat(rows.get("gone").getString("error", 0)).contains("gone.jpg: cannot be read");
        expected.forEach((id, embedding) -> {
            float[] vector = vector(rows.get(id));
            for (int i = 0; i < vector.length; i++) {
                assertThat(vector[i]).isEqualTo((float) embedding.get(i).asDouble());
            }
        });
    }

    @Test
    void aWrongMasterIsSaidInOneLine() {
        CommandRun wrong = CommandRun.of(
                "embed",
                "--run",
                run,
                "--images",
                photos,
                "--out",
                dir.resolve("none"),
                "--master",
                "spark://127.0.0.1:9");
        assertThat(wrong.exitCode()).isEqualTo(1);
        assertThat(wrong.err().lines().filter(line -> line.startsWith("rafclip: ")))
                .singleElement()
                .asString()
                .contains("spark://127.0.0.1:9: nobody answers there");
        assertThat(dir.resolve("none")).doesNotExist();
    }
}
