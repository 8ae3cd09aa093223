package org.rafclip.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.rafclip.eval.Table;
import org.rafclip.report.ResultTable.Kind;
import org.rafclip.report.ResultTable.Row;

class TableReaderTest {

    private static List<ResultTable> read(Table table) {
        return TableReader.read(table.title(), table, List.of(table));
    }

    private static List<String> best(Row row) {
        return row.cells().stream()
                .filter(ResultTable.Cell::best)
                .map(ResultTable.Cell::text)
                .toList();
    }

    private static Row named(ResultTable table, Kind kind, String name) {
        return table.rows()
                .filter(row -> row.kind() == kind && row.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static final Table RECOGNITION = new Table(
            "Table 1. Attribute recognition: accuracy",
            List.of("Method", "Neckline shape", "Loose style", "Mean", "Printed mean"),
            List.of(
                    List.of("Random start (ours)", "0.2000", "0.4000", "0.3000", "–"),
                    List.of("RaF-CLIP (ours, small data)", "0.5000", "0.3000", "0.4000 ± 0.0050", "–"),
                    List.of("CLIP (paper)", "0.6000", "0.1000", "0.3500", "0.3600"),
                    List.of("RaF-CLIP (paper)", "0.7000", "0.6000", "0.6500", "0.6500"),
                    List.of("Majority class", "0.4500", "0.4000", "0.4250", "–")),
            List.of("Random start (ours): weights: random weights, untrained; data: d; protocol: p"));

    @Test
    void rowsAreToldApartAndSharesArePercent() {
        ResultTable table = read(RECOGNITION).get(0);

        assertThat(table.title()).isEqualTo("Table 1. Attribute recognition: accuracy in percent");
        assertThat(table.columns()).containsExactly("Method", "Neckline", "Fit", "Mean");
        assertThat(table.groups())
                .extracting(ResultTable.Group::title)
                .containsExactly("Measured here", "The paper's rows");
        assertThat(table.rows().map(row -> row.kind() + " " + row.name()))
                .containsExactly(
                        "METHOD RaF-CLIP",
                        "START Random start",
                        "BASELINE Majority class",
                        "PAPER CLIP",
                        "PAPER RaF-CLIP");
        assertThat(named(table, Kind.METHOD, "RaF-CLIP").cells())
                .extracting(ResultTable.Cell::text)
                .containsExactly("50.00", "30.00", "40.00 ± 0.50");
        assertThat(table.notes())
                .contains(
                        "CLIP (paper): its Mean is printed as 36.00; its own figures average 35.00",
                        "Fit is what the paper's table calls Loose style",
                        "Neckline is what the paper's table calls Neckline shape");
    }

    @Test
    void theBestOfAColumnIsTheBestOfWhatCompares() {
        ResultTable table = read(RECOGNITION).get(0);

        assertThat(best(named(table, Kind.METHOD, "RaF-CLIP"))).containsExactly("50.00");
        assertThat(best(named(table, Kind.START, "Random start"))).containsExactly("40.00");
        assertThat(best(named(table, Kind.BASELINE, "Majority class"))).containsExactly("40.00", "42.50");
        assertThat(best(named(table, Kind.PAPER, "CLIP"))).isEmpty();
        assertThat(best(named(table, Kind.PAPER, "RaF-CLIP"))).containsExactly("70.00", "60.00", "65.00");
    }

    @Test
    void theLowestRankIsTheBest() {
        ResultTable table = read(new Table(
                        "Ranks",
                        List.of("Method", "T2I median rank", "T2I mAP"),
                        List.of(
                                List.of("Random start (ours), instance", "300.0", "0.0100"),
                                List.of("RaF-CLIP (ours), instance", "37.0", "0.0800"),
                                List.of("Random start (ours), label", "20.0", "0.0900"),
                                List.of("RaF-CLIP (ours), label", "23.0", "0.1000")),
                        List.of()))
                .get(0);

        assertThat(table.columns()).containsExactly("Method", "T2I median rank", "T2I mAP, %");
        assertThat(table.groups()).extracting(ResultTable.Group::title).containsExactly("Instance", "Label");
        assertThat(table.groups().get(0).rows().get(1).cells())
                .extracting(ResultTable.Cell::best)
                .containsExactly(true, true);
        assertThat(table.groups().get(1).rows().get(0).cells())
                .extracting(ResultTable.Cell::best)
                .containsExactly(true, false);
    }

    private static final Table COMPOSED = new Table(
            "Table 3. Composed retrieval: recall@k in percent",
            List.of("Method", "Shirt R@10", "Photo R@10", "Average R@10", "Printed Average R@10"),
            List.of(
                    List.of("Sum (ours)", "–", "12.25", "12.25", "–"),
                    List.of("AGCN (ours)", "–", "13.92", "13.92", "–"),
                    List.of("Chance", "–", "6.45", "6.45", "–"),
                    List.of("AGCN (paper)", "38.17", "–", "39.17", "39.18"),
                    List.of("SPRC (published)", "–", "–", "–", "54.70")),
            List.of(
                    "Sum (ours): weights: untrained; data: d; protocol: p",
                    "AGCN (ours): weights: trained; data: d; protocol: p",
                    "SPRC (published): weights: BLIP-2; protocol: original gallery; source: Bai et al., ICLR 2024"));

    @Test
    void rowsOfOtherDataAndOfOthersHaveTheirOwnTablesAndEmptyColumnsGo() {
        List<ResultTable> tables = read(COMPOSED);

        assertThat(tables).hasSize(3);
        assertThat(tables.get(0).columns()).containsExactly("Method", "Average R@10");
        assertThat(tables.get(0).rows().map(row -> row.kind() + " " + row.name()))
                .containsExactly("METHOD AGCN", "START Sum", "BASELINE Chance");
        assertThat(tables.get(1).columns()).containsExactly("Method", "Shirt R@10", "Average R@10");
        assertThat(tables.get(1).notes())
                .contains("AGCN (paper): its Average R@10 is printed as 39.18; its own figures average 39.17");
        assertThat(tables.get(2).columns()).containsExactly("Method", "Average R@10", "Weights", "Protocol", "Source");
        assertThat(tables.get(2).rows().findFirst().orElseThrow().cells())
                .extracting(ResultTable.Cell::text)
                .containsExactly("54.70", "BLIP-2", "original gallery", "Bai et al., ICLR 2024");
    }

    @Test
    void whatAllRowsSayIsSaidOnce() {
        assertThat(read(COMPOSED).get(0).notes())
                .containsExactly(
                        "All rows of ours: data: d",
                        "All rows of ours: protocol: p",
                        "Sum: weights: untrained",
                        "AGCN: weights: trained");
    }

    @Test
    void aSecondTableDoesNotRepeatTheFirst() {
        Table details = new Table(
                "Composed retrieval: all that is measured, shares in percent",
                List.of("Method, category", "Queries", "R@1", "R@10"),
                List.of(
                        List.of("Sum, photo", "1,200", "0.75", "12.25"),
                        List.of("AGCN, photo", "1,200", "1.92", "13.92")),
                List.of());

        ResultTable shown = TableReader.read("All that is measured", details, List.of(COMPOSED, details))
                .get(0);

        assertThat(shown.columns()).containsExactly("Method", "R@1");
        assertThat(shown.notes()).containsExactly("In every row: queries 1,200");
        assertThat(named(shown, Kind.START, "Sum").cells())
                .extracting(ResultTable.Cell::text)
                .containsExactly("0.75");
    }

    @Test
    void aCaptionDoesNotSayWhatTheHeadingSays() {
        assertThat(TableReader.below("Table 1. Attribute recognition", "Table 1. Attribute recognition: accuracy"))
                .isEqualTo("Accuracy");
        assertThat(TableReader.below("Table 1. Attribute recognition", "Table 1, continued. Balanced accuracy"))
                .isEqualTo("Balanced accuracy");
        assertThat(TableReader.below("Table 3. Composed retrieval", "Composed retrieval: how far above the others"))
                .isEqualTo("How far above the others");
        assertThat(TableReader.below("Blocks in each branch", "Blocks in each branch, continued. By group"))
                .isEqualTo("By group");
        assertThat(TableReader.below("Figure 3. Recognition", "Figure 3. Recognition"))
                .isEmpty();
    }

    @Test
    void aFigureIsReadAsItIsPrinted() {
        assertThat(Amount.of("1,200.50 ± 0.25")).contains(new Amount(1200.5, 0.25));
        assertThat(Amount.of("-0.42")).contains(new Amount(-0.42, null));
        assertThat(Amount.of("–")).isEmpty();
        assertThat(Amount.of("1, 1")).isEmpty();
        assertThat(Amount.percent("0.3361 ± 0.0040")).isEqualTo("33.61 ± 0.40");
        assertThat(Amount.percent("0.75")).isEqualTo("0.75");
    }
}
