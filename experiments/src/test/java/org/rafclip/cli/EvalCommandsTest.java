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
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RunFolder;

/** The commands from training to tables, on drawn photos and a tiny model. */
class EvalCommandsTest {

    private static final int PHOTOS = 40;
    private static final int HELD_OUT = 10;

    private static final String CONFIG = """
            seed: 3
            data:
              held-out: 0.25
              segmenter: ellipse
              train:
                crop: crop | squash(32) | flip(0.5) | normalize(clip)
                region: mask(mean) | crop | squash(32) | flip(0.5) | normalize(clip)
              evaluation:
                crop: crop | squash(32) | normalize(clip)
                region: mask(mean) | crop | squash(32) | normalize(clip)
            model: {preset: vit-tiny}
            train: {batch-size: 10, epochs: 2, lr: 1e-3}
            """;

    @TempDir
    static Path dir;

    private static Path data;
    private static Path run;
    private static Path complete;

    @BeforeAll
    static void train() throws IOException {
        data = dir.resolve("data");
        DrawnPhotos.striped(data, "train", PHOTOS, 1);
        DrawnPhotos.striped(data, "test", 12, 2);
        Path config = dir.resolve("raf.yaml");
        Files.writeString(config, CONFIG);
        run = train(config, "raf");
        Path whole = dir.resolve("complete.yaml");
        Files.writeString(
                whole, Files.readString(config).replace("mask(mean) | ", "").replace("crop | ", ""));
        complete = train(whole, "complete");
    }

    private static Path train(Path config, String name) {
        Path output = dir.resolve(name);
        CommandRun trained = CommandRun.of(
                "train", config, "data.dir=" + data, "data.cache=" + dir.resolve("masks"), "output.dir=" + output);
        assertThat(trained.err()).isEmpty();
        assertThat(trained.exitCode()).isZero();
        assertThat(trained.out()).contains("6 steps done", "eval attributes --run " + output);
        return output;
    }

    @Test
    void attributesOfPhotosThatWereTrainedOnSaySo() throws IOException {
        Path json = dir.resolve("out/train.json");
        Path markdown = dir.resolve("out/train.md");
        CommandRun result = CommandRun.of(
                "eval",
                "attributes",
                "--run",
                run,
                "--data",
                data,
                "--split",
                "train",
                "--all",
                "--json",
                json,
                "--markdown",
                markdown);
        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(result.out())
                .startsWith("ATTENTION: " + run + " was trained on 30 of these 40 photos")
                .contains("Table 1.", "RaF-CLIP (ours, small data)", "RaF-CLIP (paper)", "Majority class", "Chance")
                .contains("balanced accuracy", "macro F1", "trained from random weights");
        assertThat(Files.readString(markdown)).startsWith("ATTENTION").contains("### Table 1.", "| Method |");

        JsonNode report = read(json);
        assertThat(report.at("/format/kind").asText()).isEqualTo("attributes");
        assertThat(report.at("/format/version").asInt()).isEqualTo(3);
        assertThat(report.at("/measured/photos").asInt()).isEqualTo(PHOTOS);
        assertThat(report.at("/measured/trainedOn").asInt()).isEqualTo(PHOTOS - HELD_OUT);
        assertThat(report.at("/result/groups")).hasSize(6);
        assertMeanOfGroups(report.path("result"), "meanAccuracy", "accuracy");
        assertMeanOfGroups(report.path("result"), "meanBalancedAccuracy", "balancedAccuracy");
        assertMeanOfGroups(report.path("result"), "meanMacroF1", "macroF1");
        assertThat(report.at("/provenance/configFingerprint").asText()).hasSize(64);
        assertThat(report.at("/provenance/config/settings/data/segmenter").asText())
                .isEqualTo("ellipse");
        assertThat(report.at("/provenance/commandLine/1").asText()).isEqualTo("attributes");
    }

    @Test
    void photosWithoutAnyLabelAreOneLine() throws IOException {
        Path annotations = data.resolve("Anno_fine");
        for (String part : List.of(".txt", "_bbox.txt")) {
            Files.copy(annotations.resolve("test" + part), annotations.resolve("unlabeled" + part));
        }
        Files.writeString(annotations.resolve("unlabeled_attr.txt"), "-1 -1 -1 -1 -1 -1\n".repeat(12));

        CommandRun result = CommandRun.of("eval", "attributes", "--run", run, "--data", data, "--split", "unlabeled");

        assertThat(result.exitCode()).isEqualTo(1);
        assertThat(result.err())
                .contains("rafclip: none of the 12 photos has a label of texture, sleeve length, ")
                .contains("take a split that has such labels")
                .doesNotContain("\tat ");
    }

    private static void assertMeanOfGroups(JsonNode report, String mean, String figure) {
        double sum = 0;
        for (JsonNode group : report.path("groups")) {
            assertThat(group.path(figure).isDouble()).isTrue();
            sum += group.path(figure).asDouble();
        }
        assertThat(report.path(mean).asDouble()).isCloseTo(sum / 6, within(1e-12));
    }

    @Test
    void heldOutTakesThePhotosTheRunKeptOut() throws IOException {
        Path json = dir.resolve("out/held-out.json");
        CommandRun result = CommandRun.of("eval", "attributes", "--run", run, "--json", json);
        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(result.out()).startsWith(run + " was trained on none of these 10 photos, which it kept out");
        JsonNode report = read(json);
        assertThat(report.at("/measured/photos").asInt()).isEqualTo(HELD_OUT);
        assertThat(report.at("/measured/trainedOn").asInt(-1)).isZero();
        assertThat(report.at("/measured/heldOut").asBoolean()).isTrue();
        assertThat(lastMetric("validation/meanAccuracy"))
                .as("what training measured on the same photos at the same step")
                .contains(report.at("/result/meanAccuracy").asDouble());
    }

    private static List<Double> lastMetric(String name) throws IOException {
        try (Stream<String> lines = Files.lines(new RunFolder(run).metricsFile())) {
            return lines.map(line -> {
                        try {
                            return new ObjectMapper().readTree(line).findValue(name);
                        } catch (IOException e) {
                            throw new AssertionError(e);
                        }
                    })
                    .filter(value -> value != null)
                    .map(JsonNode::asDouble)
                    .toList();
        }
    }

    @Test
    void otherPhotosUnderTheSameNamesWereNotTrainedOn() throws IOException {
        Path other = dir.resolve("other");
        DrawnPhotos.striped(other, "train", PHOTOS, 9);
        CommandRun result = CommandRun.of("eval", "attributes", "--run", run, "--data", other, "--split", "train");
        assertThat(result.out()).startsWith(run + " was trained on none of these 40 photos.");
        assertThat(CommandRun.of("eval", "attributes", "--run", run, "--data", other, "--held-out"))
                .satisfies(refused -> assertThat(refused.exitCode()).isEqualTo(1))
                .satisfies(refused -> assertOneLine(refused, "none of the 10 photos"));
    }

    @Test
    void retrievalInBothDirections() throws IOException {
        Path json = dir.resolve("out/retrieval.json");
        CommandRun result = CommandRun.of("eval", "retrieval", "--run", run, "--data", data, "--all", "--json", json);
        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(result.out())
                .startsWith("ATTENTION")
                .contains("Table 2.", "T2I R@10", "I2T R@50", "instance", "label", "Chance", "CLIP (paper)");
        JsonNode report = read(json);
        assertThat(report.at("/measured/photos").asInt()).isEqualTo(PHOTOS);
        for (String direction : List.of("textToImage", "imageToText")) {
            JsonNode recalls =
                    report.at("/result/" + direction).path("instance").path("recallAt");
            assertThat(recalls.findValuesAsText("k")).containsExactly("3", "5", "10", "50");
            assertThat(recalls.get(3).path("recall").asDouble())
                    .as("50 of 40 finds all")
                    .isEqualTo(1);
        }
        Path crops = dir.resolve("out/crops.json");
        CommandRun.of("eval", "retrieval", "--run", run, "--images", "crops", "--all", "--json", crops);
        assertThat(read(crops).path("images").asText()).isEqualTo("CROPS");
        assertThat(read(crops).at("/result/textToImage/instance/meanAveragePrecision"))
                .isNotEqualTo(report.at("/result/textToImage/instance/meanAveragePrecision"));
    }

    @Test
    void table4StandsBesideARunOnWholePhotos() throws IOException {
        Path json = dir.resolve("out/table4.json");
        CommandRun result = CommandRun.of(
                "eval", "attributes", "--run", run, "--compare-run", complete, "--held-out", "--json", json);
        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(result.out())
                .contains("Table 4.", "Complete (ours, small data)", "RaF-CLIP (ours, small data)", "Complete (paper)");
        assertThat(read(json).at("/complete/measured/photos").asInt()).isEqualTo(HELD_OUT);
        assertThat(read(json).at("/complete/measured/model").asText()).isEqualTo(complete.toString());

        CommandRun refused = CommandRun.of("eval", "attributes", "--run", run, "--compare-run", run, "--held-out");
        assertThat(refused.exitCode()).isEqualTo(1);
        assertOneLine(refused, "sees crops or masks");
    }

    @Test
    void aModelFolderIsMeasuredWithClipsPreparation() throws IOException {
        Path model = new RunFolder(run).checkpoint(Checkpoints.Which.LAST).dir();
        Path json = dir.resolve("out/model.json");
        CommandRun result = CommandRun.of(
                "eval",
                "attributes",
                "--model",
                model,
                "--data",
                data,
                "--split",
                "test",
                "--json",
                json,
                "data.segmenter=box",
                "data.cache=" + dir.resolve("masks"));
        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(result.out()).contains("is not known", "mask(mean) | crop | resize(32) | center-crop(32)");
        assertThat(read(json).at("/measured/trainedOn").isNull()).isTrue();
        assertThat(read(json).at("/measured/photos").asInt()).isEqualTo(12);

        assertThat(CommandRun.of("eval", "attributes", "--model", model, "--data", data)
                        .exitCode())
                .isEqualTo(2);
        assertThat(CommandRun.of(
                                "eval", "attributes", "--model", model, "--data", data, "--split", "test", "--held-out")
                        .exitCode())
                .isEqualTo(2);
        assertThat(CommandRun.of("eval", "attributes", "--model", model, "--run", run)
                        .exitCode())
                .isEqualTo(2);
    }

    @Test
    void mirrorIsTheRunsSettingUnlessSaidOtherwise() throws IOException {
        Path json = dir.resolve("out/mirror.json");
        CommandRun.of("eval", "attributes", "--run", run, "--split", "test", "--json", json);
        assertThat(read(json).at("/measured/mirror").asBoolean()).isFalse();
        CommandRun.of("eval", "attributes", "--run", run, "--split", "test", "--json", json, "--mirror");
        assertThat(read(json).at("/measured/mirror").asBoolean()).isTrue();
        CommandRun.of("eval", "attributes", "--run", run, "--split", "test", "--json", json, "data.mirror=true");
        assertThat(read(json).at("/measured/mirror").asBoolean()).isTrue();
        CommandRun.of(
                "eval",
                "attributes",
                "--run",
                run,
                "--split",
                "test",
                "--json",
                json,
                "data.mirror=true",
                "--no-mirror");
        assertThat(read(json).at("/measured/mirror").asBoolean()).isFalse();
    }

    @Test
    void aRunWhoseDataMovedNeedsToBeTold() throws IOException {
        Path moved = copyOfRun("moved");
        Path config = new RunFolder(moved).configFile();
        Files.writeString(config, Files.readString(config).replace(data.toString(), "no/longer/here"));
        CommandRun refused = CommandRun.of("eval", "attributes", "--run", moved);
        assertThat(refused.exitCode()).isEqualTo(1);
        assertOneLine(refused, "no/longer/here", "name its data by --data");
        CommandRun told = CommandRun.of("eval", "attributes", "--run", moved, "--data", data, "--held-out");
        assertThat(told.exitCode()).as(told.err()).isZero();
    }

    @Test
    void whatIsMissingOrUnfitIsOneLine() throws IOException {
        assertFails("is not a training run", "--run", dir.resolve("none"));
        assertFails("is not a model folder", "--model", dir.resolve("none"), "--data", data, "--split", "test");
        assertFails("no such data folder", "--run", run, "--data", dir.resolve("none"));
        assertFails("no such folder; name the folder of the DeepFashion", "--run", run, "--data", dir.resolve("masks"));
        assertFails("there is no split 'tset'", "--run", run, "--split", "tset");
        CommandRun override = CommandRun.of("eval", "attributes", "--run", run, "data.segmentor=box");
        assertThat(override.exitCode()).isEqualTo(2);
        assertOneLine(override, "data.segmentor: unknown key", "data.segmenter");
        assertFails(
                "the model reads 32x32",
                "--run",
                run,
                "data.evaluation.crop=crop | squash(48) | normalize(clip)",
                "data.evaluation.region=crop | squash(48) | normalize(clip)");
        assertFails(
                "draw random numbers", "--run", run, "data.evaluation.crop=crop | flip | squash(32) | normalize(clip)");

        Path fresh = dir.resolve("fresh");
        Files.createDirectories(fresh);
        Files.copy(new RunFolder(run).configFile(), fresh.resolve("config.yaml"));
        assertFails("no checkpoint yet", "--run", fresh);

        Path altered = copyOfRun("altered");
        Path weights = new RunFolder(altered)
                .checkpoints()
                .find(Checkpoints.Which.LAST)
                .orElseThrow()
                .resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        bytes[bytes.length - 1] ^= 1;
        Files.write(weights, bytes);
        assertFails("is truncated or was altered", "--run", altered, "--checkpoint", "last");
    }

    private static Path copyOfRun(String name) throws IOException {
        Path copy = dir.resolve(name);
        try (Stream<Path> files = Files.walk(run)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Files.copy(file, copy.resolve(run.relativize(file).toString()));
            }
        }
        return copy;
    }

    private static void assertFails(String message, Object... options) {
        Object[] arguments = Stream.concat(Stream.of("eval", "attributes"), Stream.of(options))
                .toArray();
        CommandRun result = CommandRun.of(arguments);
        assertThat(result.exitCode()).as(result.err()).isEqualTo(1);
        assertOneLine(result, message);
    }

    private static void assertOneLine(CommandRun result, String... parts) {
        assertThat(result.err()).startsWith("rafclip: ").contains(parts).doesNotContain("fault of the program");
        assertThat(result.err().strip().lines()).hasSize(1);
    }

    private static JsonNode read(Path json) throws IOException {
        return new ObjectMapper().readTree(json.toFile());
    }
}
