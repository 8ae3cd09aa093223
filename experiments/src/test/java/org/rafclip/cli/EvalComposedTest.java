package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From a RaF-CLIP run to a composer and its tables, on drawn photos and tiny models. */
class EvalComposedTest {

    private static final int PHOTOS = 40;
    private static final int HELD_OUT = 10;

    private static final String RAFCLIP = """
            seed: 3
            data:
              held-out: 0.25
              segmenter: box
              train: {crop: crop | squash(32) | normalize(clip), region: crop | squash(32) | normalize(clip)}
              evaluation: {crop: crop | squash(32) | normalize(clip), region: crop | squash(32) | normalize(clip)}
            model: {preset: vit-tiny}
            train: {batch-size: 10, epochs: 1, lr: 1e-3, validate-every: 9}
            """;

    private static final String AGCN = """
            composer:
              branches: {blocks: 1, heads: 2, mlp-ratio: 1}
              gates: {projection: 8, hidden: 8}
            loss: {temperature: 10}
            train: {batch-size: 16, epochs: 1, lr: 1e-3}
            """;

    @TempDir
    static Path dir;

    private static Path data;
    private static Path raf;
    private static Path agcn;

    @BeforeAll
    static void train() throws IOException {
        data = dir.resolve("data");
        DrawnPhotos.deepFashion(data, "train", PHOTOS, 1);
        Path labels = data.resolve("Anno_fine/train_attr.txt");
        Files.write(
                labels,
                Files.readAllLines(labels).stream()
                        .map(line -> line.substring(0, 3) + " 0 0 0 0")
                        .toList());
        raf = dir.resolve("raf");
        agcn = dir.resolve("agcn");
        Path config = Files.writeString(dir.resolve("raf.yaml"), RAFCLIP);
        CommandRun encoder = CommandRun.of(
                "train", config, "data.dir=" + data, "data.cache=" + dir.resolve("masks"), "output.dir=" + raf);
        assertThat(encoder.exitCode()).as(encoder.err()).isZero();
        CommandRun composer = CommandRun.of(
                "train",
                Files.writeString(dir.resolve("agcn.yaml"), AGCN),
                "data.dir=" + data,
                "data.features=" + dir.resolve("features"),
                "rafclip.run=" + raf,
                "output.dir=" + agcn);
        assertThat(composer.exitCode()).as(composer.err()).isZero();
        assertThat(composer.out()).contains("best mean R@10", "eval composed --run " + agcn);
    }

    private static CommandRun eval(Object... options) {
        List<Object> words = new ArrayList<>(List.of("eval", "composed", "--run", agcn));
        words.addAll(List.of(options));
        return CommandRun.of(words.toArray());
    }

    @Test
    void heldOutPhotosGiveTheTablesAndAReport() throws IOException {
        Path json = dir.resolve("out/composed.json");
        CommandRun result = eval("--data", data, "--split", "train", "--held-out", "--json", json);

        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(result.out())
                .startsWith("Encoder and composer were trained on none of these 10 photos.")
                .contains("Table 3.", "AGCN (ours)", "Sum (ours)", "Chance", "AGCN (paper)", "(published)")
                .contains("original gallery, reference may be an answer, joined captions");
        JsonNode report = new ObjectMapper().readTree(json.toFile());
        assertThat(report.path("trainedOn").asInt(-1)).isZero();
        assertThat(report.path("methods")).hasSize(2);
        JsonNode category = report.at("/methods/0/result/categories/0");
        assertThat(category.path("gallery").asInt()).isEqualTo(HELD_OUT);
        assertThat(report.at("/provenance/config/data/split").asText()).isEqualTo("train");
        assertThat(report.at("/provenance/configFingerprint").asText()).hasSize(64);
    }

    @Test
    void photosThatWereTrainedOnSaySo() {
        CommandRun result = eval("--data", data, "--split", "train", "--mask-reference", "--captions", "single");

        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(result.out())
                .startsWith("ATTENTION: encoder or composer was trained on 30 of these 40 photos")
                .contains("reference masked, single captions");
    }

    @Test
    void fashionIqIsMeasuredAndAPartialGalleryOnlyOnRequest() throws IOException {
        Path fashionIq = dir.resolve("fashioniq");
        Files.createDirectories(fashionIq.resolve("captions"));
        Files.createDirectories(fashionIq.resolve("image_splits"));
        Files.createDirectories(fashionIq.resolve("images"));
        for (int i = 0; i < 4; i++) {
            Files.copy(data.resolve("img/train-" + i + ".jpg"), fashionIq.resolve("images/B" + i + ".jpg"));
        }
        Files.writeString(fashionIq.resolve("image_splits/split.dress.val.json"), "[\"B0\", \"B1\", \"B2\", \"B3\"]");
        Files.writeString(
                fashionIq.resolve("captions/cap.dress.val.json"),
                "[{\"target\": \"B1\", \"candidate\": \"B0\", \"captions\": [\"is red\", \"has stripes\"]},"
                        + " {\"target\": \"B2\", \"candidate\": \"B1\", \"captions\": [\"is blue\", \"is longer\"]}]");
        CommandRun whole = eval("--fashioniq", fashionIq, "--gallery", "val-split");
        assertThat(whole.exitCode()).as(whole.err()).isZero();
        assertThat(whole.out()).contains("val-split gallery", "all 3 gallery images");

        Files.delete(fashionIq.resolve("images/B3.jpg"));
        CommandRun refused = eval("--fashioniq", fashionIq);
        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.err().lines()).hasSize(1);
        assertThat(refused.err()).contains("missing B3", "partial");
        CommandRun partial = eval("--fashioniq", fashionIq, "--allow-partial");
        assertThat(partial.exitCode()).as(partial.err()).isZero();
        assertThat(partial.out()).contains("PARTIAL gallery: 1 of 4 images missing");
    }

    @Test
    void whatCannotBeMeasuredIsSaidInOneLine() {
        assertThat(eval("--data", data).err()).contains("--data needs --split");
        assertThat(eval("--data", data, "--split", "train", "--gallery", "original")
                        .err())
                .contains("belong to --fashioniq");
        assertThat(eval("--fashioniq", data, "--gallery", "whole").err())
                .contains("original or val-split, not 'whole'");
        CommandRun other = CommandRun.of("eval", "composed", "--run", raf, "--data", data, "--split", "train");
        assertThat(other.exitCode()).isEqualTo(1);
        assertThat(other.err()).contains("is not the run of a composer");
    }

    @Test
    void theShippedConfigurationsAreReadUpToTheFoldersTheyLack() {
        for (String name : List.of("agcn-deepfashion-small.yaml", "agcn-fashioniq.yaml")) {
            String folder = name.contains("fashioniq") ? "data.fashioniq=" : "data.dir=";
            CommandRun result = CommandRun.of(
                    "train",
                    Path.of("configs", name),
                    folder + dir.resolve("nothing"),
                    "rafclip.run=" + raf,
                    "output.dir=" + dir.resolve("none"));
            assertThat(result.exitCode()).isEqualTo(1);
            assertThat(result.err()).contains(dir.resolve("nothing").toString());
        }
    }
}
