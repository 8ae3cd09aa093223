package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.jsoup.select.Elements;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From a RaF-CLIP run to a composer and its tables, on drawn photos and tiny models. */
class EvalComposedTest {

    private static final int HELD_OUT = 10;

    @TempDir
    static Path dir;

    private static TinyRuns tiny;
    private static Path data;
    private static Path raf;
    private static Path agcn;

    @BeforeAll
    static void train() throws IOException {
        tiny = TinyRuns.in(dir, 40);
        data = tiny.data();
        raf = dir.resolve("raf");
        agcn = dir.resolve("agcn");
        tiny.trainEncoder(raf);
        CommandRun composer = tiny.trainComposer(agcn, raf);
        assertThat(composer.out()).contains("best mean R@10", "eval composed --run " + agcn);
    }

    private static CommandRun eval(Object... options) {
        List<Object> words = new ArrayList<>(List.of("eval", "composed", "--run", agcn));
        words.addAll(List.of(options));
        return CommandRun.of(words.toArray());
    }

    /** Several runs on the held-out photos. */
    private static CommandRun evalTogether(Object... runsAndOptions) {
        List<Object> words = new ArrayList<>(List.of("eval", "composed", "--data", data, "--held-out", "--run"));
        words.addAll(List.of(runsAndOptions));
        return CommandRun.of(words.toArray());
    }

    @Test
    void heldOutPhotosGiveTheTablesAndAReport() throws IOException {
        Path json = dir.resolve("out/composed.json");
        CommandRun result = eval("--data", data, "--json", json);

        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(result.out())
                .startsWith("Encoder and composers were trained on none of these 10 photos.")
                .contains("Table 3.", "AGCN (ours)", "Sum (ours)", "Chance", "AGCN (paper)", "(published)")
                .contains("Table 5.", "Only image (paper)", "AGCN over chance")
                .contains("best on these photos, which flatters it a little")
                .contains("original gallery, reference may be an answer, joined captions");
        JsonNode report = new ObjectMapper().readTree(json.toFile());
        assertThat(report.path("trainedOn").asInt(-1)).isZero();
        assertThat(report.path("methods")).hasSize(2);
        assertThat(report.at("/methods/0/runs/0/seed").asInt()).isEqualTo(1);
        JsonNode category = report.at("/methods/0/runs/0/result/categories/0");
        assertThat(category.path("gallery").asInt()).isEqualTo(HELD_OUT);
        assertThat(report.at("/provenance/config/data/split").asText()).isEqualTo("train");
        assertThat(report.at("/provenance/configFingerprint").asText()).hasSize(64);
    }

    @Test
    void theRunsReportShowsQueriesWithGatesAndAttention() throws IOException {
        Path out = dir.resolve("page");
        eval("--data", data, "--split", "train", "--held-out", "--json", agcn.resolve("composed.json"));
        CommandRun result = CommandRun.of("report", agcn, "--out", out);

        assertThat(result.exitCode()).as(result.err()).isZero();
        Document page = Jsoup.parse(Files.readString(out.resolve("report.html")));
        Elements rankings = page.select("#examples .ranking");
        assertThat(rankings).hasSize(6).allSatisfy(ranking -> {
            assertThat(ranking.select(".answers li")).hasSize(6);
            assertThat(ranking.select(".pair img")).hasSize(2);
            assertThat(ranking.select(".words span").eachText())
                    .startsWith("‹start›")
                    .endsWith("‹end›");
            assertThat(ranking.select(".measures dd").eachText())
                    .hasSize(2)
                    .allSatisfy(gate -> assertThat(Double.parseDouble(gate)).isBetween(0.0, 1.0));
            assertThat(ranking.select("li.right .labels").eachText().stream().distinct())
                    .as("right answers have the same labels")
                    .hasSizeLessThan(2);
        });
        assertThat(page.select("#gates tbody tr").get(0).text()).startsWith("All queries");
        assertThat(page.select("#tables").text()).contains("Table 3", "Table 5");
        assertThat(page.select(".note").eachText()).singleElement().asString().contains("one seed");
    }

    @Test
    void theReportOfAFolderOfRunsShowsWhatItsEncoderSees() throws IOException {
        Path out = dir.resolve("pages");
        eval("--data", data, "--split", "train", "--held-out", "--json", agcn.resolve("composed.json"));
        for (String kind : List.of("attributes", "retrieval")) {
            CommandRun.of("eval", kind, "--run", raf, "--held-out", "--json", raf.resolve(kind + ".json"));
        }
        CommandRun result = CommandRun.of("report", dir, "--out", out);

        assertThat(result.exitCode()).as(result.err()).isZero();
        Document page = Jsoup.parse(Files.readString(out.resolve("report.html")));
        List<Element> galleries = page.select("#examples .gallery");
        assertThat(galleries).hasSize(3);
        assertThat(galleries.get(0).select(".ranking .words")).isNotEmpty();
        assertThat(galleries.get(1).select(".ranking")).hasSize(6).allSatisfy(garment -> {
            assertThat(garment.select(".query img")).hasSize(1);
            assertThat(garment.select(".answers li")).hasSize(6);
            assertThat(garment.select("li.wrong .expected")).hasSameSizeAs(garment.select("li.wrong"));
        });
        assertThat(galleries.get(2).select(".ranking"))
                .hasSize(6)
                .allSatisfy(query -> assertThat(query.select(".answers li.right .labels").eachText().stream()
                                .distinct())
                        .as("right answers have the same labels")
                        .hasSizeLessThan(2));
        assertThat(CommandRun.of("report", data).exitCode()).isEqualTo(1);
        assertThat(CommandRun.of("report").exitCode()).isEqualTo(2);
    }

    @Test
    void photosThatWereTrainedOnSaySo() {
        CommandRun result = eval("--data", data, "--all", "--mask-reference", "--captions", "single");

        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(result.out())
                .startsWith("ATTENTION: encoder or composers were trained on 30 of these 40 photos")
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
        assertThat(eval("--data", data, "--split", "train", "--gallery", "original")
                        .err())
                .contains("belong to --fashioniq");
        assertThat(eval("--fashioniq", data, "--gallery", "whole").err())
                .contains("original or val-split, not 'whole'");
    }

    private static void refused(CommandRun result, String... parts) {
        assertThat(result.exitCode()).as(result.err()).isEqualTo(1);
        assertThat(result.err().lines()).hasSize(1);
        assertThat(result.err()).contains(parts);
    }

    @Test
    void whatIsNoComposersRunIsNamed() throws IOException {
        refused(
                evalTogether(dir.resolve("none")),
                dir.resolve("none").toString(),
                "is not a training run",
                "output.dir");
        refused(evalTogether(raf), raf.toString(), "is not the run of a composer", "train one by");
        refused(evalTogether(agcn, "--rafclip", dir.resolve("none")), "none is not a training run");

        Path damaged = dir.resolve("damaged");
        copy(agcn, damaged);
        Path weights;
        try (Stream<Path> files = Files.walk(damaged)) {
            weights = files.filter(file -> file.endsWith("composer.safetensors"))
                    .findFirst()
                    .orElseThrow();
        }
        byte[] bytes = Files.readAllBytes(weights);
        bytes[bytes.length - 1] ^= 1;
        Files.write(weights, bytes);
        refused(evalTogether(damaged), weights.toString());
        Files.delete(weights);
        refused(evalTogether(damaged), weights.getFileName().toString());
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file).toString()));
            }
        }
    }

    @Test
    void seedsOfOneConfigurationAreOneRow() throws IOException {
        Path second = dir.resolve("agcn-2");
        Path text = dir.resolve("only-text");
        tiny.trainComposer(second, raf, "seed=2");
        tiny.trainComposer(text, raf, "composer.kind=only-text");
        Path json = dir.resolve("out/table5.json");
        Path markdown = dir.resolve("out/table5.md");

        CommandRun result = evalTogether(text, second, "--run", agcn, "--json", json, "--markdown", markdown);

        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(result.out()).contains("AGCN (ours)", "Only text (ours)", "Sum (ours)", " ± ");
        assertThat(result.out().lines().filter(line -> line.startsWith("AGCN over")))
                .hasSize(3)
                .anyMatch(line -> line.startsWith("AGCN over Only text") && line.endsWith("2, 1"))
                .anyMatch(line -> line.startsWith("AGCN over chance") && line.endsWith(" 2"));
        assertThat(Files.readString(markdown)).contains("### Table 3.", "### Table 5.", "| AGCN over Sum |");
        JsonNode report = new ObjectMapper().readTree(json.toFile());
        assertThat(report.path("methods"))
                .extracting(method -> method.path("method").asText())
                .containsExactly("AGCN", "Only text", "Sum");
        JsonNode runs = report.at("/methods/0/runs");
        assertThat(runs).extracting(run -> run.path("seed").asInt()).containsExactly(1, 2);
        double one = recallAt10(runs.get(0));
        double two = recallAt10(runs.get(1));
        JsonNode mean = report.at("/methods/0/means/0");
        assertThat(mean.path("k").asInt()).isEqualTo(10);
        assertThat(mean.at("/recall/mean").asDouble()).isCloseTo((one + two) / 2, within(1e-12));
        assertThat(mean.at("/recall/deviation").asDouble())
                .isCloseTo(Math.abs(one - two) / Math.sqrt(2), within(1e-12));
        assertThat(report.at("/methods/2/means/0/recall/deviation").isNull()).isTrue();
        assertThat(report.at("/margins/0/over").asText()).isEqualTo("Only text");
        assertThat(report.at("/provenance/config/runs")).hasSize(3);

        Path alone = dir.resolve("out/alone.json");
        assertThat(evalTogether(second, "--json", alone).exitCode()).isZero();
        assertThat(new ObjectMapper().readTree(alone.toFile()).at("/methods/0/runs/0"))
                .isEqualTo(runs.get(1));
    }

    private static double recallAt10(JsonNode run) {
        JsonNode at = run.at("/result/categories/0/at/2");
        assertThat(at.path("k").asInt()).isEqualTo(10);
        return at.path("recall").asDouble();
    }

    @Test
    void runsThatCannotStandInOneTableAreRefusedWithWhatDiffers() {
        Path crops = dir.resolve("crops");
        tiny.trainComposer(crops, raf, "data.image=crops", "data.storage=fp16");
        refused(
                evalTogether(agcn, crops),
                agcn + " and " + crops + " cannot be measured together",
                "data.image is regions and crops; data.storage is fp32 and fp16",
                "train them alike");
        refused(evalTogether(agcn, agcn), "the same composer with the same seed 1");
        Path otherRaf = dir.resolve("raf-4");
        tiny.trainEncoder(otherRaf, "seed=4");
        Path other = dir.resolve("agcn-of-raf-4");
        tiny.trainComposer(other, otherRaf);
        refused(
                evalTogether(agcn, other),
                "their encoders (" + raf + " and " + otherRaf + ") have different weights",
                "different photos");
        refused(evalTogether(agcn, "--rafclip", otherRaf), "another encoder than " + otherRaf, "--rafclip");
    }

    @Test
    void methodsOfOneKindAreNamedByWhatIsSpecial() {
        Path slow = dir.resolve("slow");
        tiny.trainComposer(slow, raf, "train.lr=1e-4", "composer.pooled=unit");

        CommandRun result = evalTogether(agcn, slow);

        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(result.out())
                .contains("AGCN (composer.pooled raw, train.lr 0.001) (ours)")
                .contains("AGCN (composer.pooled unit, train.lr 1.0E-4) (ours)")
                .contains("Sum (composer.pooled raw) (ours)", "Sum (composer.pooled unit) (ours)");
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
