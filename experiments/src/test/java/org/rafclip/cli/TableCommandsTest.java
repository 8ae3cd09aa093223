package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.deepfashion.FashionSplit;

/** Photos of one's own, from their table to a search in them. */
class TableCommandsTest {

    @TempDir
    private Path dir;

    /** The striped photos, with their two groups, as a table in another folder. */
    private Path table(TinyRuns runs) throws IOException {
        FashionSplit split = FashionSplit.read(runs.data(), "train");
        String rows = split.items().stream()
                .map(item -> String.join(
                        ",",
                        item.image(),
                        String.valueOf(item.box().x1()),
                        String.valueOf(item.box().y1()),
                        String.valueOf(item.box().width()),
                        String.valueOf(item.box().height()),
                        split.taxonomy()
                                .group(0)
                                .attributes()
                                .get(item.attributes().get(0)),
                        split.taxonomy()
                                .group(1)
                                .attributes()
                                .get(item.attributes().get(1)),
                        "Tee"))
                .collect(Collectors.joining("\n"));
        return Files.writeString(
                Files.createDirectories(dir.resolve("lists")).resolve("mine.csv"),
                "image,x,y,width,height,pattern,sleeves,kind\n" + rows + "\n");
    }

    @Test
    void aTableIsCheckedTrainedOnMeasuredAndSearched() throws IOException {
        TinyRuns runs = TinyRuns.in(dir, 40);
        Path table = table(runs);
        List<String> photos =
                List.of("data.table=" + table, "data.images=" + runs.data(), "data.columns.category=kind");

        CommandRun check = CommandRun.of(
                "data",
                "check",
                table,
                "--images",
                runs.data(),
                "--column",
                "category=kind",
                "--json",
                dir.resolve("c.json"));
        assertThat(check.exitCode()).as(check.out() + check.err()).isZero();
        assertThat(check.out())
                .contains("train: 40 garments in 40 photos", "pattern", "attribute group", "No problems.");
        JsonNode json = new ObjectMapper().readTree(dir.resolve("c.json").toFile());
        assertThat(json.at("/columns/5/role").asText()).isEqualTo("GROUP");

        Path encoder = dir.resolve("raf");
        runs.trainOn(photos, "raf.yaml", "data.cache=" + dir.resolve("masks"), "output.dir=" + encoder);
        CommandRun attributes = CommandRun.of(
                "eval", "attributes", "--run", encoder, "--held-out", "--json", dir.resolve("attributes.json"));
        assertThat(attributes.exitCode()).as(attributes.err()).isZero();
        assertThat(attributes.out()).contains("pattern", "sleeves");

        Path composer = dir.resolve("agcn");
        runs.trainOn(
                photos,
                "agcn.yaml",
                "data.features=" + dir.resolve("features"),
                "rafclip.run=" + encoder,
                "output.dir=" + composer);
        CommandRun composed = CommandRun.of("eval", "composed", "--run", composer, "--data", table, "--held-out");
        assertThat(composed.exitCode()).as(composed.err()).isZero();
        Path index = dir.resolve("index");
        CommandRun indexed = CommandRun.of(
                "index",
                "--run",
                encoder,
                "--composer",
                composer,
                "--images",
                table,
                "--photos",
                runs.data(),
                "--column",
                "category=kind",
                "--out",
                index);
        assertThat(indexed.exitCode()).as(indexed.err()).isZero();
        CommandRun search = CommandRun.of("search", "--index", index, "floral", "--top", "3");
        assertThat(search.exitCode()).as(search.err()).isZero();
        assertThat(search.out()).contains("Tee");

        Path triplets = dir.resolve("triplets.csv");
        List<String> ids = FashionSplit.read(runs.data(), "train").items().stream()
                .map(item -> item.image())
                .toList();
        StringBuilder rows = new StringBuilder("reference,text,target\n");
        for (int i = 0; i < ids.size(); i++) {
            for (int j = 0; j < ids.size(); j++) {
                rows.append(i == j ? "" : ids.get(i) + ",is other," + ids.get(j) + "\n");
            }
        }
        Files.writeString(triplets, rows);
        Path listed = dir.resolve("listed");
        runs.trainOn(
                photos,
                "agcn.yaml",
                "data.triplets-table=" + triplets,
                "data.features=" + dir.resolve("features"),
                "rafclip.run=" + encoder,
                "output.dir=" + listed);
        CommandRun ofTable = CommandRun.of("eval", "composed", "--run", listed, "--data", table, "--held-out");
        assertThat(ofTable.exitCode()).as(ofTable.err()).isZero();
        assertThat(ofTable.out()).contains("90");

        Files.writeString(triplets, rows + ids.get(0) + ",is other,img/nowhere.jpg\n");
        CommandRun unknown = CommandRun.of("eval", "composed", "--run", listed, "--data", table, "--held-out");
        assertThat(unknown.exitCode()).isEqualTo(1);
        assertThat(unknown.err()).contains("triplets.csv:1562: there is no photo 'img/nowhere.jpg' among the 40");

        Path elsewhere = Files.copy(
                table, Files.createDirectory(dir.resolve("elsewhere")).resolve("other.csv"));
        Files.writeString(triplets, rows);
        List<Object> otherTable =
                new ArrayList<>(List.of("eval", "composed", "--run", composer, "--data", elsewhere, "--held-out"));
        CommandRun nowhere = CommandRun.of(otherTable.toArray());
        assertThat(nowhere.exitCode()).isEqualTo(1);
        assertThat(nowhere.err()).contains("in a configuration data.images");
        otherTable.addAll(List.of("data.images=" + runs.data(), "data.triplets-table=" + triplets));
        CommandRun told = CommandRun.of(otherTable.toArray());
        assertThat(told.exitCode()).as(told.err()).isZero();
        assertThat(figures(told)).hasSize(1).isEqualTo(figures(ofTable));
        otherTable.add("data.table=" + table);
        assertThat(CommandRun.of(otherTable.toArray()).err())
                .contains("other.csv; name others there and not by data.dir, data.table or data.fashioniq");

        CommandRun other =
                CommandRun.of("eval", "attributes", "--run", encoder, "--split", "train", "--data", runs.data());
        assertThat(other.exitCode()).as(other.err()).isZero();
    }

    /** What was measured of the sum of both features, which is the same for every composer. */
    private static List<String> figures(CommandRun run) {
        return run.out()
                .lines()
                .filter(line -> line.startsWith("Sum, photo "))
                .map(line -> line.replaceAll(" +", " "))
                .toList();
    }

    @Test
    void aSuiteAndASweepRunOnATableWhoseImagesLieElsewhere() throws IOException {
        TinyRuns runs = TinyRuns.in(dir, 40);
        Path table = table(runs);
        Path suite = Files.writeString(dir.resolve("suite.yaml"), """
                title: mine
                data: {generated: {images: 40}}
                rafclip: {config: raf.yaml}
                agcn: {config: agcn.yaml}
                experiments: [table1, table2, table5]
                figures: {}
                output: {dir: out}
                """);
        List<String> photos = List.of(
                "data.table=" + table,
                "data.images=" + runs.data(),
                "data.groups=[sleeves]",
                "data.columns.category=kind");
        List<Object> words = new ArrayList<>(List.of("ablate", suite, "output.dir=" + dir.resolve("out")));
        words.addAll(photos);

        CommandRun ablated = CommandRun.of(words.toArray());
        assertThat(ablated.exitCode()).as(ablated.out() + ablated.err()).isZero();
        assertThat(ablated.out())
                .contains("Table 1.", "sleeves", "Table 5.")
                .as("the paper's rows stand beside the paper's groups only")
                .doesNotContain("pattern", "RaF-CLIP (paper)\n");
        assertThat(CommandRun.of("report", dir.resolve("out")).exitCode()).isZero();

        Path sweep = Files.writeString(dir.resolve("sweep.yaml"), """
                base: raf.yaml
                search: grid
                metric: validation/meanAccuracy
                spaces: {train.lr: {choice: [1e-3, 1e-4]}}
                """);
        words = new ArrayList<>(List.of("sweep", sweep, "output.dir=" + dir.resolve("trials")));
        words.add("data.cache=" + dir.resolve("masks"));
        words.addAll(photos);
        CommandRun swept = CommandRun.of(words.toArray());
        assertThat(swept.exitCode()).as(swept.out() + swept.err()).isZero();
        assertThat(swept.out()).contains("2 trials");
    }

    @Test
    void faultsOfTablesAreOneLine() throws IOException {
        Path table = Files.writeString(dir.resolve("bad.csv"), "image,fit\n1.jpg,a\n2.jpg,b\n../3.jpg,a\n4.jpg,b\n");
        CommandRun check = CommandRun.of("data", "check", table);

        assertThat(check.exitCode()).isEqualTo(1);
        assertThat(check.out())
                .contains("bad rows, left out below: 1", "bad.csv:4: column 'image'", "missing photos: 3");
        assertThat(CommandRun.of("data", "check", dir.resolve("none.csv")).err())
                .contains("there is no such table");
        assertThat(CommandRun.of("data", "check", dir, "--no-photos").exitCode())
                .isEqualTo(2);
        Files.writeString(dir.resolve("photos.csv"), "img,fit\n1.jpg,a\n");
        assertThat(CommandRun.of("data", "check", dir.resolve("photos.csv")).err())
                .contains("rename 'img'");
    }
}
