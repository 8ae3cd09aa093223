package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.prepare.Preparation;

class DataCommandsTest {

    @TempDir
    private Path dir;

    @Test
    void checkCountsAndFindsWhatIsWrong() throws IOException {
        DrawnPhotos.striped(dir, "train", 20, 1);
        CommandRun good = CommandRun.of("data", "check", dir);
        assertThat(good.exitCode()).as(good.err()).isZero();
        assertThat(good.out()).contains("train: 20 garments in 20 photos", "texture", "No problems.");

        Files.delete(dir.resolve("img/train-3.jpg"));
        Files.writeString(dir.resolve("img/train-4.jpg"), "not a photo");
        CommandRun bad = CommandRun.of("data", "check", dir);
        assertThat(bad.exitCode()).isEqualTo(1);
        assertThat(bad.out()).contains("missing photos: 1", "unreadable photos: 1", "train.txt:4", "train.txt:5");
        assertThat(CommandRun.of("data", "check", dir, "--show", "0").out())
                .contains("missing photos: 1")
                .doesNotContain("train.txt:4");

        CommandRun none = CommandRun.of("data", "check", dir.resolve("none"));
        assertThat(none.exitCode()).isEqualTo(1);
        assertThat(none.err()).startsWith("rafclip: ").contains("no such folder");
        assertThat(CommandRun.of("data", "check").exitCode()).isEqualTo(2);
        assertThat(CommandRun.of("data", "check", dir, "--threads", "0").exitCode())
                .isEqualTo(2);
    }

    @Test
    void checkWritesItsFindingsAsJson() throws IOException {
        DrawnPhotos.striped(dir, "train", 12, 1);
        Path json = dir.resolve("out/check.json");
        assertThat(CommandRun.of("data", "check", dir, "--json", json).exitCode())
                .isZero();

        JsonNode good = new ObjectMapper().readTree(json.toFile());
        assertThat(good.path("usable").asBoolean()).isTrue();
        JsonNode split = good.at("/splits/0");
        assertThat(split.path("name").asText()).isEqualTo("train");
        assertThat(split.path("items").asInt()).isEqualTo(12);
        JsonNode texture = split.at("/groups/0");
        List<String> labels = Files.readAllLines(dir.resolve("Anno_fine/train_attr.txt"));
        for (int label = 0; label < texture.path("classes").size(); label++) {
            String first = label + " ";
            assertThat(texture.at("/counts/" + label).asLong())
                    .isEqualTo(labels.stream()
                            .filter(line -> line.startsWith(first))
                            .count());
        }
        String before = good.at("/provenance/dataFingerprint").asText();

        Files.delete(dir.resolve("img/train-3.jpg"));
        Path attributes = dir.resolve("Anno_fine/train_attr.txt");
        Files.write(
                attributes, labels.stream().map(line -> "0" + line.substring(1)).toList());
        assertThat(CommandRun.of("data", "check", dir, "--json", json).exitCode())
                .isEqualTo(1);
        JsonNode bad = new ObjectMapper().readTree(json.toFile());
        assertThat(bad.path("usable").asBoolean()).isFalse();
        assertThat(bad.at("/splits/0/problems"))
                .anySatisfy(problem -> assertThat(problem.path("kind").asText() + problem.path("message"))
                        .contains("MISSING", "train.txt:4"));
        assertThat(bad.at("/provenance/dataFingerprint").asText()).hasSize(64).isNotEqualTo(before);
    }

    @Test
    void masksAreComputedOnceAndWhatIsMissingIsMadeUpFor() throws IOException {
        DrawnPhotos.striped(dir, "train", 12, 1);
        Path cache = dir.resolve("cache");
        Object[] command = {"data", "masks", "--data", dir, "--split", "train", "--cache", cache};
        assertThat(CommandRun.of(command).out()).contains("12 masks in " + cache + ": 12 computed, 0 there already");
        assertThat(CommandRun.of(command).out()).contains("0 computed, 12 there already");
        try (Stream<Path> files = Files.walk(cache)) {
            List<Path> masks =
                    files.filter(file -> file.toString().endsWith(".mask")).toList();
            Files.delete(masks.get(0));
            Files.write(masks.get(1), new byte[7]);
        }
        assertThat(CommandRun.of(command).out())
                .contains("2 computed (1 of them had a damaged file), 10 there already");

        Files.writeString(dir.resolve("img/train-4.jpg"), "not a photo");
        CommandRun bad = CommandRun.of(command);
        assertThat(bad.exitCode()).isEqualTo(1);
        assertThat(bad.out()).contains("11 masks", "1 photos without a mask", "train-4.jpg");
        assertThat(CommandRun.of("data", "masks", "--data", dir, "--split", "tset")
                        .err())
                .contains("there is no split 'tset'");
    }

    @Test
    void samMakesMasksFromItsOnnxFilesAndTellsTheCost() throws IOException {
        DrawnPhotos.striped(dir, "train", 3, 1);
        Path exports = Path.of("..", "onnx", "src/test/resources/org/rafclip/onnx/exports/sam-17");
        for (String engine : List.of("samediff", "onnxruntime")) {
            CommandRun run = CommandRun.of(
                    "data",
                    "masks",
                    "--data",
                    dir,
                    "--split",
                    "train",
                    "--cache",
                    dir.resolve("cache"),
                    "--segmenter",
                    "sam",
                    "--sam-encoder",
                    exports.resolve("encoder.onnx"),
                    "--sam-decoder",
                    exports.resolve("decoder.onnx"),
                    "--sam-engine",
                    engine);

            assertThat(run.exitCode()).as(run.err()).isZero();
            assertThat(run.out()).contains("3 masks in", "3 computed", "SAM: 3 photos encoded", "3 boxes decoded");
        }
        assertThat(CommandRun.of("data", "masks", "--data", dir, "--split", "train", "--segmenter", "sam")
                        .err())
                .contains("--segmenter sam needs --sam-encoder and --sam-decoder");
    }

    @Test
    void stepsListsEveryStepAsItIsWritten() {
        CommandRun steps = CommandRun.of("data", "steps");
        assertThat(steps.exitCode()).isZero();
        assertThat(steps.out())
                .contains(
                        "crop(margin=0)", "squash(size, interpolation=bicubic)", "normalize(clip)", "random-erasing(");
        assertThat(steps.out().lines().filter(line -> line.matches("[a-z].*\\(.*\\).*")))
                .hasSize(Preparation.stepForms().size());
    }

    @Test
    void masksAreMeasuredOnDrawnGarments() throws IOException {
        DrawnPhotos.coParsing(dir, 6);
        Path json = dir.resolve("masks.json");
        CommandRun result = CommandRun.of("eval", "masks", "--data", dir, "--json", json);
        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(result.out()).contains("6 garments in 6 photos", "grabcut-", "box-1", "ellipse-", "dress", "top");
        JsonNode report = new ObjectMapper().readTree(json.toFile());
        assertThat(report.path("regions").asInt()).isEqualTo(6);
        JsonNode box = report.path("scores").get(1);
        assertThat(box.path("segmenter").asText()).isEqualTo("box-1");
        assertThat(box.at("/labels/dress/meanIou").asDouble()).isEqualTo(1);
        assertThat(box.at("/labels/top/meanIou").asDouble()).isCloseTo(0.75, within(1e-12));
        assertThat(box.path("meanIou").asDouble()).isCloseTo(0.875, within(1e-12));
        assertThat(report.at("/provenance/config/photos").asInt()).isEqualTo(6);

        CommandRun one = CommandRun.of("eval", "masks", "--data", dir, "--segmenter", "box", "--limit", "2");
        assertThat(one.out()).contains("2 garments in 2 photos").doesNotContain("grabcut");
        assertThat(CommandRun.of("eval", "masks", "--data", dir.resolve("none")).exitCode())
                .isEqualTo(1);
        assertThat(CommandRun.of("eval", "masks", "--data", dir, "--segmenter", "sam")
                        .exitCode())
                .isEqualTo(2);
    }

    @Test
    void aDrawnDataSetIsReadLikeAnyOther() throws IOException {
        Path drawn = dir.resolve("drawn");
        Object[] command = {"data", "generate", "--out", drawn, "--images", "24", "--size", "80", "--seed", "3"};
        CommandRun first = CommandRun.of(command);
        assertThat(first.exitCode()).as(first.err()).isZero();
        assertThat(first.out()).contains("24 photos drawn", "0 there already", "contact-sheet.png");
        assertThat(CommandRun.of(command).out()).contains("0 photos drawn, 24 there already");
        JsonNode provenance =
                new ObjectMapper().readTree(drawn.resolve("provenance.json").toFile());
        assertThat(provenance.at("/provenance/seed").asInt()).isEqualTo(3);
        assertThat(CommandRun.of("data", "check", drawn).out()).contains("No problems.");

        Object[] masks = {
            "data",
            "masks",
            "--data",
            drawn,
            "--split",
            "train",
            "--segmenter",
            "exact",
            "--cache",
            dir.resolve("cache")
        };
        CommandRun exact = CommandRun.of(masks);
        assertThat(exact.out()).contains("computed").contains("0 are the plain box");

        DrawnPhotos.striped(dir.resolve("photos"), "train", 4, 1);
        CommandRun without = CommandRun.of(
                "data", "masks", "--data", dir.resolve("photos"), "--split", "train", "--segmenter", "exact");
        assertThat(without.exitCode()).isEqualTo(1);
        assertThat(without.err()).contains("brings no exact masks along", "data.segmenter=grabcut");

        CommandRun other = CommandRun.of("data", "generate", "--out", drawn, "--images", "25");
        assertThat(other.exitCode()).isEqualTo(1);
        assertThat(other.err()).contains("other settings");
        assertThat(CommandRun.of("data", "generate", "--out", drawn, "--images", "3")
                        .exitCode())
                .isEqualTo(2);
    }
}
