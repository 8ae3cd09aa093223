package org.rafclip.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.jsoup.parser.Parser;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.eval.AttributeResult;
import org.rafclip.eval.Table;
import org.rafclip.experiment.ExperimentResult;
import org.rafclip.experiment.Results;
import org.rafclip.measure.Figure;
import org.rafclip.measure.GateSummary;
import org.rafclip.ops.JavaOps;

class ReportTest {

    private static final String HOSTILE = "<script>alert('x')</script>";

    @TempDir
    private Path dir;

    /** Tests of models may follow in this JVM, and photos bring a matrix library along. */
    @BeforeAll
    static void chooseTheMatrixLibrary() {
        JavaOps.install();
    }

    private static Document parse(Path html) throws IOException {
        Parser parser = Parser.htmlParser().setTrackErrors(50);
        Document document = Jsoup.parse(Files.readString(html), "", parser);
        assertThat(parser.getErrors()).isEmpty();
        return document;
    }

    /** Four queries: a in bins 0, 0, 1 and 1, b in 1; one query changes several attributes. */
    private static final GateSummary GATES = new GateSummary(
            4,
            new GateSummary.Histogram(0.5, List.of(2, 2)),
            new GateSummary.Histogram(0.75, List.of(0, 4)),
            List.of(
                    new GateSummary.Kind("All queries", 4, 0.5, 0.25, 0.75, 0.125),
                    new GateSummary.Kind("Changes the fit", 0, 0, 0, 0, 0)));

    /** A suite with a table, a confusion matrix, a gallery with a right and a wrong answer, a failure, and a training. */
    private Path suite(String text) throws IOException {
        Path suite = dir.resolve("suite");
        WrittenRuns.encoder(suite.resolve("runs/one"), 1);
        WrittenRuns.photo(suite.resolve("photos/1.png"), 120);
        WrittenRuns.photo(suite.resolve("photos/2.png"), 60);
        Figure.Picture reference = new Figure.Picture("photos/1.png", new Box(0, 0, 39, 59), List.of("knit", "floral"));
        Figure.Query query = new Figure.Query(
                "AGCN",
                reference,
                text,
                List.of(
                        new Figure.Answer(
                                1, new Figure.Picture("photos/2.png", null, List.of("denim")), null, 0.5, false, null),
                        new Figure.Answer(2, reference, null, 0.25, true, null)),
                List.of(new Figure.Measure("weight of the image", 0.125)),
                new Figure.Attention(1, 2, List.of(0.0, 1.0)),
                List.of(new Figure.Word("is", 0.25), new Figure.Word("darker", 0.75)));
        Figure.Query recognition = new Figure.Query(
                "RaF-CLIP",
                reference,
                null,
                List.of(new Figure.Answer(1, null, "leather", 0.75, false, "knit")),
                List.of(),
                null,
                List.of());
        Results results = new Results(suite);
        results.write(
                new ExperimentResult(
                        "figure6",
                        "Figure 6",
                        List.of(new Table(
                                "Table 5. " + text,
                                List.of("Method", "R@10"),
                                List.of(List.of("AGCN (ours)", "12.34 ± 0.56"), List.of("AGCN (paper)", "39.18")),
                                List.of("a note | " + text))),
                        List.of(new Figure("Figure 6, " + text, List.of(query, recognition), List.of("chosen by lot"))),
                        List.of(new ExperimentResult.Run("RaF-CLIP", "rafclip", 1, "runs/one")),
                        List.of(
                                new ExperimentResult.Confusion(
                                        "RaF-CLIP", 1, "fabric", List.of("denim", "knit"), new int[][] {{7, 2}, {1, 5}
                                        }),
                                new ExperimentResult.Confusion(
                                        "RaF-CLIP", 2, "fabric", List.of("denim", "knit"), new int[][] {
                                            {70, 20}, {10, 50}
                                        })),
                        GATES,
                        List.of(new ExperimentResult.Stage("train RaF-CLIP", "train-1", 75)),
                        null),
                WrittenRuns.provenance(1));
        results.write(
                ExperimentResult.failed(
                        "table2",
                        "Table 2",
                        List.of(new ExperimentResult.Stage("train RaF-CLIP", "train-1", 75)),
                        "the disk is full"),
                WrittenRuns.provenance(1));
        return suite;
    }

    @Test
    void thePageIsWellFormedAndNeedsNothingBesideIt() throws IOException {
        Document page =
                parse(Report.write(suite("is darker"), dir.resolve("out")).html());

        assertThat(page.select("script, link, iframe, object")).isEmpty();
        assertThat(page.select("img")).isNotEmpty().allSatisfy(image -> {
            assertThat(image.attr("src")).startsWith("data:image/");
            assertThat(image.attr("alt")).isNotBlank();
        });
        assertThat(page.select("source"))
                .allSatisfy(source -> assertThat(source.attr("srcset")).startsWith("data:image/"));
        List<String> ids = page.select("[id]").eachAttr("id");
        assertThat(new HashSet<>(ids)).hasSameSizeAs(ids);
        assertThat(page.select("a"))
                .isNotEmpty()
                .allSatisfy(link -> assertThat(ids).contains(link.attr("href").substring(1)));
        assertThat(page.select("[style*=url], [onclick], [onload]")).isEmpty();
        assertThat(page.select("style").html()).doesNotContain("url(", "@import");
        assertThat(page.select("html").attr("lang")).isEqualTo("en");
    }

    @Test
    void textFromOutsideStaysText() throws IOException {
        Report.Written written = Report.write(suite(HOSTILE), dir.resolve("out"));

        Document page = parse(written.html());
        assertThat(page.select("script")).isEmpty();
        assertThat(page.select(".asked").text()).isEqualTo("“" + HOSTILE + "”");
        assertThat(page.select("caption").eachText()).contains(HOSTILE);
        assertThat(page.select("figcaption li").eachText()).contains("a note | " + HOSTILE);
        assertThat(Files.readString(written.markdown()))
                .doesNotContain("<script")
                .contains("&lt;script&gt;alert('x')&lt;/script&gt;");
    }

    @Test
    void markdownMarksAreNotTakenFromText() {
        assertThat(MarkdownWriter.escape("a *b* [c](d) `e`\nf_g \\ #1 ![x]"))
                .isEqualTo("a \\*b\\* \\[c\\](d) \\`e\\` f\\_g \\\\ \\#1 \\!\\[x\\]");
    }

    @Test
    void everyFigureOfEveryTableIsInBothFiles() throws IOException {
        Path run = WrittenRuns.encoder(dir.resolve("raf"), 1);
        WrittenRuns.attributes(run, 0);
        Report.Written written = Report.write(run, dir.resolve("out"));

        List<ResultTable> tables = PageBuilder.build(List.of(run)).sections().stream()
                .flatMap(section -> section.blocks().stream())
                .filter(Page.Results.class::isInstance)
                .map(block -> ((Page.Results) block).table())
                .toList();
        assertThat(tables).extracting(ResultTable::title).contains("Accuracy (the paper's precision) in percent");
        List<List<String>> rows = tables.stream()
                .flatMap(ResultTable::rows)
                .map(row -> Stream.concat(
                                Stream.of(row.name()), row.cells().stream().map(ResultTable.Cell::text))
                        .toList())
                .toList();
        List<List<String>> shown = parse(written.html()).select("table.results tbody tr:not(.group)").stream()
                .map(row -> row.select("th, td").eachText())
                .toList();
        assertThat(shown).containsExactlyElementsOf(rows);
        List<List<String>> listed = Files.readString(written.markdown())
                .lines()
                .filter(line -> line.startsWith("| "))
                .map(line -> Stream.of(line.substring(2, line.length() - 2).split(" \\| "))
                        .map(cell -> cell.replace("*", "").replace(" (untrained)", ""))
                        .toList())
                .toList();
        assertThat(listed).containsAll(rows);
    }

    @Test
    void confusionMatricesAreThoseOfTheEvaluation() throws IOException {
        Path run = WrittenRuns.encoder(dir.resolve("raf"), 1);
        AttributeResult result = WrittenRuns.attributes(run, 3);
        Report.Written written = Report.write(run, dir.resolve("out"));

        Element texture = parse(written.html()).select("table.confusion").get(1);
        assertThat(texture.select("caption").text()).isEqualTo("texture");
        assertThat(texture.select("thead th").eachText()).containsExactly("Label", "floral", "solid", "Sum");
        assertThat(texture.select("tbody tr").eachText()).containsExactly("floral 1 2 3", "solid 0 1 1");
        assertThat(texture.select("td.right").eachText()).containsExactly("1", "1");
        assertThat(texture.select("tbody td").get(1).attr("style")).isEqualTo("--share:0.667");
        assertThat(result.groups().get(1).confusion()).isDeepEqualTo(new int[][] {{1, 2}, {0, 1}});
        assertThat(written.notes())
                .anyMatch(note -> note.startsWith("Caution: attributes.json") && note.contains(" 3 "));
    }

    @Test
    void seedsOfOneMethodAreAddedUp() throws IOException {
        Document page = parse(Report.write(suite("x"), dir.resolve("out")).html());

        assertThat(page.select("table.confusion tbody tr").eachText())
                .containsExactly("denim 77 22 99", "knit 11 55 66");
        assertThat(page.select("#confusions h3").eachText()).containsExactly("RaF-CLIP, counts of 2 seeds together");
    }

    @Test
    void galleriesSayWhatIsRightByWordsSignAndFrame() throws IOException {
        Report.Written written = Report.write(suite("is darker"), dir.resolve("out"));

        Document page = parse(written.html());
        List<Element> answers = new ArrayList<>(page.select(".answers li"));
        assertThat(answers).extracting(Element::className).containsExactly("wrong", "right", "wrong");
        assertThat(answers.get(0).select(".head").text()).isEqualTo("✗ 1 wrong 0.500");
        assertThat(answers.get(1).select(".head").text()).isEqualTo("✓ 2 right 0.250");
        assertThat(answers.get(0).select("img").attr("alt")).isEqualTo("Answer 1, wrong: denim");
        assertThat(answers.get(2).text()).isEqualTo("✗ 1 wrong 0.750 leather right: knit");
        assertThat(page.select(".measures").text()).isEqualTo("weight of the image 0.125");
        assertThat(page.select(".remarks").eachText()).contains("chosen by lot");
        assertThat(Files.readString(written.markdown()))
                .contains("| query | attention | 1 ✗ wrong 0.500 | 2 ✓ right 0.250 |", "leather (right: knit)");
    }

    @Test
    void gatesAreAChartAndATable() throws IOException {
        Document page =
                parse(Report.write(suite("is darker"), dir.resolve("out")).html());

        assertThat(page.select("#figure6-pictures tbody tr").eachText())
                .contains("All queries 4 0.500 ± 0.250 0.750 ± 0.125", "Changes the fit 0 – –");
        assertThat(page.select("#figure6-pictures img").eachAttr("alt"))
                .contains("Histogram of both gates over 4 queries; a is 0.500 on average, b 0.750.");
    }

    @Test
    void markdownPicturesLieBesideIt() throws IOException {
        Report.Written written = Report.write(suite("is darker"), dir.resolve("out"));

        String markdown = Files.readString(written.markdown());
        try (Stream<Path> files = Files.list(dir.resolve("out").resolve(Report.PICTURES))) {
            assertThat(files)
                    .isNotEmpty()
                    .allSatisfy(file ->
                            assertThat(markdown).contains("](" + Report.PICTURES + "/" + file.getFileName() + ")"));
        }
    }

    @Test
    void theSameFolderGivesTheSameBytes() throws IOException {
        Path suite = suite("is darker");
        Map<String, byte[]> first = files(Report.write(suite, dir.resolve("first")));
        Map<String, byte[]> second = files(Report.write(suite, dir.resolve("second")));

        assertThat(second.keySet()).isEqualTo(first.keySet());
        first.forEach((name, bytes) -> assertThat(second.get(name)).as(name).isEqualTo(bytes));
    }

    private static Map<String, byte[]> files(Report.Written written) throws IOException {
        Map<String, byte[]> files = new TreeMap<>();
        Path out = written.html().getParent();
        try (Stream<Path> all = Files.walk(out)) {
            for (Path file : all.filter(Files::isRegularFile).toList()) {
                files.put(out.relativize(file).toString(), Files.readAllBytes(file));
            }
        }
        return files;
    }

    @Test
    void stagesThatExperimentsShareCountOnce() throws IOException {
        Document page = parse(Report.write(suite("x"), dir.resolve("out")).html());

        assertThat(page.select("#times tbody tr").eachText())
                .containsExactly("train RaF-CLIP 0:01:15", "All stages 0:01:15");
        assertThat(page.select("#provenance").text())
                .contains("an operating system", "abcdef012345", "2026-01-02T03:04:05Z");
    }

    @Test
    void whatIsMissingOrDamagedIsNamedOnThePage() throws IOException {
        Path suite = suite("x");
        Files.delete(suite.resolve("photos/2.png"));
        Files.writeString(suite.resolve("results/table1.json"), "{\"format\": 1,");
        Files.writeString(
                suite.resolve("runs/one/metrics.jsonl"),
                Files.readString(suite.resolve("runs/one/metrics.jsonl")) + "{\"step\":oops}\n");
        Files.delete(suite.resolve("runs/one/provenance.json"));

        Report.Written written = Report.write(suite, dir.resolve("out"));

        assertThat(written.notes())
                .anyMatch(note -> note.contains("2.png"))
                .anyMatch(note -> note.contains("table1.json") && note.contains("run the suite again"))
                .anyMatch(note -> note.contains("metrics.jsonl, line 7"))
                .anyMatch(note -> note.contains("provenance.json"))
                .anyMatch(note -> note.contains("has not finished: 4 steps") && note.contains("epoch 2 of 2"))
                .anyMatch(note -> note.contains("Table 2 could not be done: the disk is full"));
        assertThat(parse(written.html()).select("p.note").eachText()).isEqualTo(written.notes());
        assertThat(parse(written.html()).select(".answers li")).hasSize(3);
    }

    @Test
    void severalRunsStandSideBySide() throws IOException {
        WrittenRuns.attributes(WrittenRuns.encoder(dir.resolve("runs/a"), 1), 0);
        WrittenRuns.attributes(WrittenRuns.encoder(dir.resolve("runs/b"), 2), 0);

        Document page =
                parse(Report.write(dir.resolve("runs"), dir.resolve("out")).html());

        assertThat(page.select("#states tbody tr").eachText())
                .containsExactly("a RaF-CLIP 1 4 – no 0:01:03", "b RaF-CLIP 2 4 – no 0:01:03");
        assertThat(page.select("#tables tr.method th").eachText()).contains("RaF-CLIP, a", "RaF-CLIP, b");
        assertThat(page.select("#found").text())
                .contains("They differ in seed (1, 2).", "these differences are the spread of seeds");
    }

    @Test
    void thePageBeginsWithWhatWasFoundAndEndsWithTheStates() throws IOException {
        Path suite = suite("is darker");
        Files.writeString(suite.resolve("suite.yaml"), "experiments: [table2, figure6, table3]\n");
        Document page = parse(Report.write(suite, dir.resolve("out")).html());

        assertThat(page.select("section").eachAttr("id"))
                .containsExactly(
                        "found",
                        "figure6-pictures",
                        "figure6",
                        "confusions",
                        "curves",
                        "states",
                        "times",
                        "provenance");
        assertThat(page.select("#states tbody tr").eachText())
                .containsExactly("Table 2 failed –", "Figure 6 done 1", "Table 3. Composed retrieval missing –");
        assertThat(page.select("#found .missing").text())
                .contains("Table 2 failed and Table 3. Composed retrieval was not done yet");
        assertThat(page.select("table.standings tr.method").text()).isEqualTo("AGCN 12.34 ± 0.56");
        assertThat(page.select(".query figcaption").eachText())
                .containsExactly("query", "attention: bright is where the text looks", "query");
        assertThat(page.select(".asked").text()).isEqualTo("“It is darker”");
    }

    /** Trainings with two settings, of which one has two seeds: means 62.50 and 87.50 of one group of two. */
    @Test
    void runsSideBySideSayWhatDiffersAndHowFarBesideTheSpreadOfSeeds() throws IOException {
        List<Path> runs = new ArrayList<>();
        for (String name : List.of("a1", "a2", "b")) {
            Path run = WrittenRuns.encoder(dir.resolve(name), name.equals("a2") ? 2 : 1);
            if (name.equals("b")) {
                Files.writeString(run.resolve("config.yaml"), "seed: 1\nmodel: {weights: null}\ntrain: {epochs: 3}\n");
            }
            WrittenRuns.attributes(run, 0);
            runs.add(run);
        }
        Document page = parse(Report.write(runs, dir.resolve("out")).html());

        assertThat(page.select("#settings tbody tr").eachText()).containsExactly("seed 1 2 1", "train.epochs 2 2 3");
        assertThat(page.select("#differences thead tr").first().text())
                .isEqualTo("Method Figure a1, a2 (2 seeds) b b − a1, a2 (2 seeds) Beside seeds");
        assertThat(page.select("#differences tbody tr").eachText())
                .contains("RaF-CLIP Mean 62.50 ± 0.00 62.50 +0.00 the same");
        assertThat(page.select("#curves img")).hasSize(2);
    }

    @Test
    void suitesSideBySideSayHowFarTheirTablesAreApart() throws IOException {
        Path one = suite("is darker");
        Path two = dir.resolve("other");
        Files.createDirectories(two);
        Files.writeString(one.resolve("suite.yaml"), "seeds: [1]\noutput: {dir: one}\n");
        Files.writeString(two.resolve("suite.yaml"), "seeds: [1, 2]\noutput: {dir: two}\n");
        new Results(two)
                .write(
                        new ExperimentResult(
                                "figure6",
                                "Figure 6",
                                List.of(new Table(
                                        "Table 5. is darker",
                                        List.of("Method", "R@10"),
                                        List.of(
                                                List.of("AGCN (ours)", "14.00 ± 1.00"),
                                                List.of("AGCN (paper)", "39.18")),
                                        List.of())),
                                List.of(),
                                List.of(),
                                List.of(),
                                null,
                                List.of(),
                                null),
                        WrittenRuns.provenance(1));

        Document page =
                parse(Report.write(List.of(one, two), dir.resolve("out")).html());

        // 14.00 − 12.34 = 1.66, more than 0.56 + 1.00
        assertThat(page.select("#differences tbody tr").eachText())
                .containsExactly("AGCN R@10 12.34 ± 0.56 14.00 ± 1.00 +1.66 beyond the spread of seeds");
        assertThat(page.select("#found .finding").eachText())
                .containsExactly(
                        "Figure 6 AGCN, R@10: 12.34 ± 0.56 in suite, 14.00 ± 1.00 in other, 1.66 points more, beyond"
                                + " the spread of seeds.");
        assertThat(page.select("#settings tbody tr").eachText()).containsExactly("seeds [1] [1, 2]");
        assertThat(page.select("h1").text()).isEqualTo("suite and other");
    }

    @Test
    void whatCannotBeComparedIsOneError() throws IOException {
        Path suite = suite("x");
        Path run = suite.resolve("runs/one");
        Files.createDirectories(dir.resolve("empty"));

        assertThatThrownBy(() -> Report.write(List.of(suite, run), dir.resolve("out")))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("is a training run", "a suite's folder");
        assertThatThrownBy(() -> Report.write(List.of(suite, dir.resolve("empty")), dir.resolve("out")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("empty is neither a training run");
        assertThatThrownBy(() -> Report.write(List.of(run, run), dir.resolve("out")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("given twice");
        assertThat(dir.resolve("out")).doesNotExist();
    }

    @Test
    void aFolderWithoutAnythingToReportIsOneError() throws IOException {
        Files.createDirectories(dir.resolve("empty/nothing"));

        assertThatThrownBy(() -> Report.write(dir.resolve("empty"), dir.resolve("out")))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("empty holds nothing to report", "output.dir");
        assertThatThrownBy(() -> Report.write(dir.resolve("absent"), dir.resolve("out")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("there is no such folder");
        assertThat(dir.resolve("out")).doesNotExist();
    }
}
