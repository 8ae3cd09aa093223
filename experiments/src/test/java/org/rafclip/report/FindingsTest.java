package org.rafclip.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.rafclip.eval.Table;

/** Sentences of tables made by hand, whose differences are counted by hand. */
class FindingsTest {

    private static Table recognition(String own, String start) {
        return new Table(
                "Table 1. Attribute recognition: accuracy (the paper's precision)",
                List.of("Method", "Fabric", "Loose style", "Mean", "Printed mean"),
                List.of(
                        row("Random start (ours)", "0.1000", "0.2000", start, "–"),
                        row("RaF-CLIP (ours, small data)", "0.5000", "0.3000", own, "–"),
                        row("CLIP (paper)", "0.4545", "0.5203", "0.4874", "0.5125"),
                        row("RaF-CLIP (paper)", "0.7371", "0.6761", "0.7066", "0.7066"),
                        row("Majority class", "0.4500", "0.4700", "0.4600", "–"),
                        row("Chance", "0.1667", "0.3333", "0.2500", "–")),
                List.of(
                        "Random start (ours): weights: random weights, untrained; data: 8 photos; protocol: the nearest",
                        "RaF-CLIP (ours, small data): weights: trained from random weights; data: 8 photos; protocol: the"
                                + " nearest. Trained on 2,800 images where the paper used 16,000: little data"
                                + (own.contains("±") ? "; mean ± sample standard deviation over 3 seeds" : "")));
    }

    private static List<String> row(String... cells) {
        return List.of(cells);
    }

    private static List<Page.Block> blocks(String heading, Table... tables) {
        Findings findings = new Findings();
        add(findings, heading, tables);
        return findings.blocks();
    }

    private static void add(Findings findings, String heading, Table... tables) {
        List<ResultTable> read = new ArrayList<>();
        for (Table table : tables) {
            if (TableReader.compares(table)) {
                read.addAll(TableReader.read(TableReader.below(heading, table.title()), table, List.of(tables)));
            }
        }
        findings.add("id", heading, read, List.of(tables));
    }

    private static List<String> sentences(List<Page.Block> blocks) {
        return blocks.stream()
                .filter(Page.Finding.class::isInstance)
                .flatMap(block -> ((Page.Finding) block).sentences().stream())
                .toList();
    }

    @Test
    void oneSeedHasNoSpreadAndALossIsCalledOne() {
        List<Page.Block> blocks = blocks("Table 1. Attribute recognition", recognition("0.4000", "0.1500"));

        assertThat(blocks.get(0))
                .isInstanceOfSatisfying(
                        Page.Note.class,
                        note -> assertThat(note.text()).startsWith("Every training was made with one seed"));
        assertThat(sentences(blocks))
                .containsExactly(
                        "RaF-CLIP reaches 40.00 % (mean accuracy).",
                        "It is, in points, 25.00 above its untrained start (15.00) and 15.00 above chance (25.00).",
                        "It loses: it stays 6.00 below always naming the majority class (46.00).",
                        "It is above the majority class in 1 of 2 groups: fabric.",
                        "The paper gives 70.66, 30.66 points more. Ours was trained on 2,800 images where the paper used"
                                + " 16,000 and from other weights: a result on small data, no reproduction.");
    }

    @Test
    void aDifferenceWithinTheSpreadIsNoDifference() {
        // 46.00 lies within 42.00 ± 5.00, and 33.00 + 4.00 = 37.00 = 42.00 − 5.00 touches it
        List<Page.Block> blocks =
                blocks("Table 1. Attribute recognition", recognition("0.4200 ± 0.0500", "0.3300 ± 0.0400"));

        assertThat(blocks).noneMatch(Page.Note.class::isInstance);
        assertThat(sentences(blocks))
                .contains(
                        "RaF-CLIP reaches 42.00 ± 5.00 % (mean accuracy; mean ± deviation over 3 seeds).",
                        "It is, in points, 17.00 above chance (25.00).",
                        "It cannot be told apart from its untrained start (33.00 ± 4.00, +9.00 points) and always naming the"
                                + " majority class (46.00, −4.00 points): that is within the spread of seeds.");
    }

    @Test
    void aDifferenceJustBeyondTheSpreadIsOne() {
        assertThat(sentences(blocks("Table 1. Attribute recognition", recognition("0.4200 ± 0.0399", "0.1500"))))
                .contains("It loses: it stays 4.00 below always naming the majority class (46.00).");
    }

    @Test
    void theChartShowsTheMethodItsStartBaselinesAndThePaperOnOneScale() {
        List<Page.Block> blocks =
                blocks("Table 1. Attribute recognition", recognition("0.4000 ± 0.0100", "0.1500 ± 0.0100"));

        Page.Standings chart = (Page.Standings) blocks.get(blocks.size() - 1);
        assertThat(chart.panels()).singleElement().satisfies(panel -> {
            assertThat(panel.title()).isEqualTo("Table 1. Attribute recognition: mean accuracy");
            assertThat(panel.bars())
                    .containsExactly(
                            new Page.Bar(ResultTable.Kind.METHOD, "RaF-CLIP", new Amount(40, 1.0)),
                            new Page.Bar(ResultTable.Kind.START, "Random start", new Amount(15, 1.0)),
                            new Page.Bar(ResultTable.Kind.BASELINE, "Majority class", new Amount(46, null)),
                            new Page.Bar(ResultTable.Kind.BASELINE, "Chance", new Amount(25, null)),
                            new Page.Bar(ResultTable.Kind.PAPER, "RaF-CLIP", new Amount(70.66, null)));
        });
        assertThat(chart.most()).isEqualTo(80);
    }

    @Test
    void balancedAccuracyIsSaidBesideAndNothingTwice() {
        Table balanced = new Table(
                "Table 1, continued. Balanced accuracy and macro F1",
                List.of("Method", "Fabric", "Loose style", "Mean"),
                List.of(
                        row("RaF-CLIP (ours, small data), balanced accuracy", "0.3000", "0.4000", "0.3500"),
                        row("Majority class, balanced accuracy", "0.1667", "0.3333", "0.2500")),
                List.of());
        Findings findings = new Findings();
        add(findings, "Table 1. Attribute recognition", recognition("0.4000", "0.1500"), balanced);
        add(findings, "Table 4. Again", recognition("0.4000", "0.1500"), balanced);

        List<Page.Block> blocks = findings.blocks();
        assertThat(sentences(blocks))
                .containsOnlyOnce(
                        "In balanced accuracy, which counts rare attributes like frequent ones, it reaches 35.00 %, 10.00"
                                + " points above the majority class (25.00).")
                .containsOnlyOnce("It is above the majority class in 1 of 2 groups: fabric.");
    }

    @Test
    void figuresOnOtherDataAreNotComparedAndDifferencesAreThoseBeforeRounding() {
        Table recalls = new Table(
                "Table 3. Composed retrieval: recall@k in percent",
                List.of("Method", "Shirt R@10", "Photo R@10", "Average R@10", "Printed Average R@10"),
                List.of(
                        row("Sum (ours)", "–", "12.25", "12.25", "–"),
                        row("Add (ours)", "–", "14.33", "14.33", "–"),
                        row("AGCN (ours)", "–", "13.92", "13.92", "–"),
                        row("Chance", "–", "6.45", "6.45", "–"),
                        row("Add (paper)", "31.59", "–", "31.59", "31.60"),
                        row("AGCN (paper)", "38.17", "–", "38.17", "38.17")),
                List.of());
        Table margins = new Table(
                "Composed retrieval: how far above the others",
                List.of("Margin", "R@10, points", "R@10, sd", "Seeds"),
                List.of(row("AGCN over Add", "-0.42", "–", "1, 1")),
                List.of());

        assertThat(sentences(blocks("Table 3. Composed retrieval", recalls, margins)))
                .containsExactly(
                        "AGCN reaches 13.92 % (mean R@10).",
                        "It is, in points, 1.67 above the untrained Sum (12.25) and 7.47 above chance (6.45).",
                        "It loses: it stays 0.42 below Add (14.33).",
                        "The paper's 38.17 was measured on other data, so that the two do not compare.",
                        "In the paper it is 6.58 above Add.");
    }

    @Test
    void whereNoRowIsTheMethodTheBestIsNamedWithWhatIsAsGood() {
        Table ablation = new Table(
                "The share α of the attribute branch",
                List.of("Training", "Mean accuracy", "T2I R@10, %"),
                List.of(
                        row("α = 0", "0.3000 ± 0.0100", "3.00 ± 0.10"),
                        row("α = 0.5 (paper)", "0.4000 ± 0.0100", "5.00 ± 0.10"),
                        row("α = 1", "0.3900 ± 0.0100", "4.00 ± 0.10"),
                        row("Majority class", "0.4600", "–")),
                List.of());

        assertThat(sentences(blocks("The share α of the attribute branch", ablation)))
                .containsExactly(
                        "Best in mean accuracy is “α = 0.5 (paper)” with 40.00 ± 1.00 %.",
                        "It cannot be told apart from “α = 1” (39.00 ± 1.00).",
                        "Even the best loses to always naming the majority class (46.00).");
    }
}
