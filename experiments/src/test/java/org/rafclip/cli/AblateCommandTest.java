package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.experiment.ExperimentResult;
import org.rafclip.experiment.Results;
import org.rafclip.run.JsonReport;
import org.rafclip.search.FashionModel;
import org.rafclip.search.SuiteModels;

/** Suites from their file to tables, on drawn photos and tiny models. */
class AblateCommandTest {

    private static final String RAFCLIP = """
            data:
              dir: none
              held-out: 0.25
              segmenter: box
              train:
                crop: crop(0.1) | squash(32) | normalize(clip)
                region: crop(0.1) | squash(32) | mask(mean) | normalize(clip)
              evaluation:
                crop: crop | squash(32) | normalize(clip)
                region: mask(mean) | crop | squash(32) | normalize(clip)
            model: {preset: vit-tiny}
            train: {batch-size: 10, epochs: 2, lr: 1e-3, checkpoint-every: 2}
            output: {dir: none}
            """;

    private static final String AGCN = """
            composer:
              branches: {blocks: 1, heads: 2, mlp-ratio: 1}
              gates: {projection: 8, hidden: 8}
              combiner: {width-factor: 0.01}
            loss: {temperature: 10}
            train: {batch-size: 16, epochs: 1, lr: 1e-3}
            """;

    private static final String SUITE = """
            title: Drawn photos
            rafclip: {config: raf.yaml}
            agcn: {config: agcn.yaml}
            seeds: [1, 2]
            composer-seeds: [1, 2]
            experiments: [table1, table2, table3, table4, table5, figure3, figure4, figure5, figure6]
            figures: {queries: 2, answers: 3}
            unseen: [striped]
            """;

    @TempDir
    static Path dir;

    private static Path data;
    private static Path suite;
    private static Path whole;
    private static CommandRun first;

    @BeforeAll
    static void runsEverythingOnce() throws IOException {
        data = dir.resolve("data");
        DrawnPhotos.striped(data, "train", 40, 1);
        DrawnPhotos.keepTwoGroups(data, "train");
        Files.writeString(dir.resolve("raf.yaml"), RAFCLIP);
        Files.writeString(dir.resolve("agcn.yaml"), AGCN);
        suite = Files.writeString(dir.resolve("suite.yaml"), SUITE);
        whole = dir.resolve("whole");
        first = ablate(whole);
    }

    private static CommandRun ablate(Path out, Object... more) {
        List<Object> words = new ArrayList<>(List.of("ablate", suite, "data.dir=" + data, "output.dir=" + out));
        words.addAll(List.of(more));
        return CommandRun.of(words.toArray());
    }

    private static Map<String, ExperimentResult> results(Path out) throws IOException {
        Map<String, ExperimentResult> results = new TreeMap<>();
        for (JsonReport<ExperimentResult> report : new Results(out).readAll()) {
            results.put(report.body().id(), report.body());
        }
        return results;
    }

    @Test
    void itEndsWithTheModelsWhichCanBeAsked() throws IOException {
        SuiteModels models = SuiteModels.in(whole).orElseThrow();
        assertThat(first.out())
                .contains("Models:  " + models.rafclip(), models.agcn().toString())
                .contains(
                        "  ./rafclip recognise --run " + whole + " PHOTO",
                        "  ./rafclip index --run " + whole + " --images " + data + " --out " + whole + "-index",
                        "  ./rafclip serve --index " + whole + "-index");
        try (FashionModel model =
                FashionModel.open(models.rafclip(), FashionModel.Settings.DEFAULT.withComposer(models.agcn()))) {
            assertThat(model.composer()).contains("AGCN");
        }
        Path photo;
        try (Stream<Path> files = Files.list(data.resolve("img"))) {
            photo = files.sorted().findFirst().orElseThrow();
        }
        CommandRun seen = CommandRun.of("recognise", "--run", whole, photo);
        assertThat(seen.exitCode()).as(seen.err()).isZero();
    }

    @Test
    void everyTableAndFigureOfThePaperComesOut() throws IOException {
        assertThat(first.exitCode()).as(first.err() + first.out()).isZero();
        assertThat(first.out())
                .contains("9 experiments", "train RaF-CLIP, seed 2", "train AGCN, seed 2")
                .contains("Table 1.", "Random start (ours)", "RaF-CLIP (paper)", "Majority class", "Chance")
                .contains("Complete (ours", "CLIP4Cir combiner (ours)", "Only image (ours)", "Add (ours)", " ± ");
        Map<String, ExperimentResult> results = results(whole);
        assertThat(results).hasSize(9);
        assertThat(results.values()).allMatch(result -> result.error() == null);
        assertThat(results.get("table1").confusions())
                .as("two methods, two seeds, six groups")
                .hasSize(2 * 2 * 6);
        assertThat(results.get("figure4").figures().get(0).queries())
                .extracting(query -> query.method())
                .startsWith("Random start", "Complete", "RaF-CLIP");
        assertThat(results.get("table5").stages())
                .as("each composer has features of the RaF-CLIP in its place")
                .extracting(ExperimentResult.Stage::name)
                .contains(
                        "measure composed retrieval: Sum, features of RaF-CLIP, seed 1",
                        "measure composed retrieval: Sum, features of RaF-CLIP, seed 2");
        assertThat(first.out()).contains("on features of RaF-CLIP, seeds 1, 2", "AGCN over Sum", "AGCN over chance");
        ExperimentResult composed = results.get("figure6");
        assertThat(composed.figures().get(0).queries()).hasSize(2).allSatisfy(query -> {
            assertThat(query.answers()).hasSize(3).isSortedAccordingTo((a, b) -> Double.compare(b.score(), a.score()));
            assertThat(query.measures()).extracting(measure -> measure.name()).contains("image gate a");
            assertThat(query.attention().weights().stream()
                            .mapToDouble(Double::doubleValue)
                            .sum())
                    .isBetween(0.999, 1.001);
            assertThat(new Results(whole).resolve(query.picture().file())).isRegularFile();
        });
        assertThat(composed.runs())
                .allSatisfy(run -> assertThat(new Results(whole).resolve(run.folder() + "/metrics.jsonl"))
                        .isRegularFile());
    }

    @Test
    void aSecondRunComputesNothing() throws IOException {
        Map<String, FileTime> before = times(whole);
        Map<String, ExperimentResult> results = results(whole);
        CommandRun second = ablate(whole);

        assertThat(second.exitCode()).as(second.err()).isZero();
        assertThat(second.out()).contains("all models are there", "train AGCN, seed 2: reused");
        Map<String, FileTime> after = times(whole);
        // What was asked for is noted at each start, and the lock is taken.
        List<String> noted = List.of("suite.yaml", ".lock", "models.yaml");
        List.of(before, after)
                .forEach(all -> all.keySet().removeIf(file -> noted.stream().anyMatch(file::endsWith)));
        after.entrySet().removeAll(before.entrySet());
        assertThat(after).as("files that were written again").isEmpty();
        assertThat(tables(results(whole))).isEqualTo(tables(results));
    }

    @Test
    void aSuiteThatIsKilledInItsTrainingsComesToTheTablesOfAnUninterruptedOne() throws Exception {
        List<Object> some = List.of("seeds=[1]", "composer-seeds=[1]", "--only", "table1,figure6");
        Path killed = dir.resolve("killed-twice");
        killAt("step 3, epoch 1:", killed, some);
        assertThat(unfinished(killed)).hasSize(1).allMatch(name -> name.startsWith("rafclip-"));
        killAt("train AGCN, seed 1:", killed, some);
        assertThat(unfinished(killed)).hasSize(1).allMatch(name -> name.startsWith("agcn-"));
        CommandRun again = ablate(killed, some.toArray());
        assertThat(again.exitCode()).as(again.err()).isZero();

        Path fresh = dir.resolve("uninterrupted");
        assertThat(ablate(fresh, some.toArray()).exitCode()).isZero();

        assertThat(results(killed)).containsOnlyKeys("table1", "figure6");
        assertThat(tables(results(killed))).isEqualTo(tables(results(fresh)));
    }

    /** Starts the suite in a process of its own, and kills that when it says something. */
    private static void killAt(String line, Path out, List<Object> more) throws Exception {
        List<String> words = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "-Xmx512m",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                Main.class.getName(),
                "ablate",
                suite.toString(),
                "data.dir=" + data,
                "output.dir=" + out));
        more.forEach(word -> words.add(word.toString()));
        Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
        List<String> seen = new ArrayList<>();
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            do {
                seen.add(lines.readLine());
                assertThat(seen).as("no line '%s'", line).doesNotContainNull();
            } while (!seen.get(seen.size() - 1).startsWith(line));
        } finally {
            process.destroyForcibly();
        }
        assertThat(process.waitFor()).as("killed, not ended by itself").isEqualTo(137);
    }

    private static List<String> unfinished(Path out) throws IOException {
        try (Stream<Path> folders = Files.list(out.resolve("artefacts"))) {
            return folders.filter(folder -> !Files.exists(folder.resolve("done.yaml")))
                    .map(folder -> folder.getFileName().toString())
                    .toList();
        }
    }

    @Test
    void aFailingExperimentIsRecordedAndTheOthersGoOn() throws IOException {
        Path out = dir.resolve("failing");
        copy(whole, out);
        CommandRun run =
                ablate(out, "unseen=[polka_dots]", "--only", "ablation-open-vocabulary,ablation-text-context,table1");

        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err())
                .contains("ablation-open-vocabulary failed: unseen: the data set has no attribute 'polka_dots'")
                .contains("ablation-text-context failed");
        assertThat(run.out()).contains("table1: done").doesNotContain("fault of the program");
        assertThat(results(out).get("ablation-open-vocabulary").error()).contains("polka_dots");
        assertThat(results(out).get("table1").error()).isNull();
    }

    @Test
    void ablationsHaveARowForEachValue() throws IOException {
        Path out = dir.resolve("ablations");
        copy(whole, out);
        CommandRun run = ablate(
                out,
                "seeds=[1]",
                "composer-seeds=[1]",
                "--only",
                "ablation-positives,ablation-sentences,ablation-gates,ablation-open-vocabulary");

        assertThat(run.exitCode()).as(run.err() + run.out()).isZero();
        Map<String, ExperimentResult> results = results(out);
        List<List<String>> positives =
                results.get("ablation-positives").tables().get(0).rows();
        assertThat(positives.get(0).subList(1, 4))
                .as("identity and same text are the same training")
                .isEqualTo(positives.get(1).subList(1, 4));
        assertThat(results.get("ablation-sentences").tables().get(0).rows())
                .extracting(row -> row.get(0))
                .containsExactly(
                        "none (paper)",
                        "regions, w = 0.25",
                        "regions, w = 0.5",
                        "regions, w = 1",
                        "crops, w = 0.5",
                        "both, w = 0.5",
                        "Majority class",
                        "Chance");
        assertThat(results.get("ablation-gates").tables().get(0).rows())
                .extracting(row -> row.get(0))
                .containsExactly("Sum", "no gates", "scalar gates (paper)", "vector gates", "Chance");
        assertThat(results.get("ablation-open-vocabulary").tables().get(0).rows())
                .extracting(row -> row.get(0))
                .containsExactly("striped");
    }

    @Test
    void theDemonstrationDrawsItsPhotosAndReports() throws IOException {
        String drawn = SUITE.replace(
                        "rafclip:",
                        "data: {generated: {images: 60, size: 64}, measured: test}\noutput: {dir: none}\nrafclip:")
                .replaceAll("experiments: .*", "experiments: [table1, figure6]");
        Path demo = Files.writeString(dir.resolve("demo.yaml"), drawn);
        Path out = dir.resolve("demo");
        CommandRun run = CommandRun.of("demo", "--suite", demo, "--out", out, "--seed", "3");

        assertThat(run.exitCode()).as(run.err() + run.out()).isZero();
        assertThat(run.out()).contains("train AGCN, seed 3", "Table 1.", "Report:  " + out.resolve("report.html"));
        assertThat(out.resolve("report.html"))
                .content()
                .contains("Gates of AGCN over all queries", "Histogram of both gates", "Changes the texture")
                .contains("the brighter a patch, the more the text attends to it")
                .contains("Training loss of AGCN", "Validation of AGCN");
        assertThat(results(out)).containsOnlyKeys("table1", "figure6");
    }

    @Test
    void aSuiteWithoutPhotosSaysWhatToGive() {
        CommandRun run = CommandRun.of("ablate", suite, "output.dir=" + dir.resolve("none"));
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err()).contains("data", "data.dir=DIR");
    }

    @Test
    void theShippedSuitesAreReadable() {
        for (String name : List.of("suite-deepfashion.yaml", "suite-generated.yaml", "suite-demo.yaml")) {
            CommandRun run = CommandRun.of(
                    "ablate",
                    Path.of("configs", name),
                    "data.dir=" + dir.resolve("nothing"),
                    "output.dir=" + dir.resolve("none"),
                    "--plan");
            assertThat(run.exitCode()).isEqualTo(1);
            assertThat(run.err()).as(name).contains("no such folder").hasLineCount(1);
        }
    }

    @Test
    void aPlanMakesNothing() throws IOException {
        Path out = dir.resolve("planned");
        CommandRun plan = ablate(out, "--plan", "--only", "table5");
        assertThat(plan.exitCode()).as(plan.err()).isZero();
        assertThat(plan.out()).contains("train Only text, seed 1", "under a minute", "for table5");
        assertThat(out).doesNotExist();
        assertThat(ablate(out, "--plan", "--only", "table9").err()).contains("there is no experiment 'table9'");
    }

    private static Map<String, Object> tables(Map<String, ExperimentResult> results) {
        Map<String, Object> tables = new TreeMap<>();
        results.forEach((id, result) -> tables.put(id, List.of(result.tables(), result.figures())));
        return tables;
    }

    private static Map<String, FileTime> times(Path folder) throws IOException {
        Map<String, FileTime> times = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                times.put(file.toString(), Files.getLastModifiedTime(file));
            }
        }
        return times;
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                if (!file.getFileName().toString().equals(".lock")) {
                    Files.copy(file, to.resolve(from.relativize(file).toString()));
                }
            }
        }
    }
}
