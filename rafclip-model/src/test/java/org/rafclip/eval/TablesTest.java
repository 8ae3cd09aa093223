package org.rafclip.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TablesTest {

    private static final Setting SMALL =
            new Setting("random", "4,000 photos, 1,000 held out", "\"a photo of {attribute} clothes\"", 4000);
    private static final Setting FULL = new Setting("OpenCLIP", "all", "as the paper", 16_000);

    private final PaperTables paper = PaperTables.load();

    private static AttributeResult result(String... names) {
        return result(List.of("floral", "graphic", "striped", "embroidered"), names);
    }

    private static AttributeResult result(List<String> attributes, String... names) {
        List<AttributeResult.Group> groups = new ArrayList<>();
        for (String name : names) {
            groups.add(AttributeRecognition.score(
                    name, attributes, new int[] {0, 0, 0, 1, -1}, new int[] {0, 0, 1, 1, 2}));
        }
        return AttributeResult.of(5, groups);
    }

    @Test
    void aGroupOfTheSameNameButOtherAttributesIsNoneOfThePapers() {
        AttributeResult ours = result(List.of("slim", "regular", "wide", "boxy"), "fit");
        Table table = AttributeTable.of(List.of(new AttributeTable.Ours("RaF-CLIP", ours, FULL)), paper.table(1))
                .get(0);
        assertThat(table.columns()).containsExactly("Method", "fit", "Mean");
        assertThat(table.rows()).extracting(row -> row.get(0)).noneMatch(name -> name.contains("paper"));
    }

    private static List<String> row(Table table, String first) {
        return table.rows().stream()
                .filter(row -> row.get(0).equals(first))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no row " + first + " in " + table.rows()));
    }

    @Test
    void attributesStandBesideThePaper() {
        AttributeResult ours = result("texture", "sleeve length", "dress_length", "neckline", "fabric", "fit");
        List<Table> tables =
                AttributeTable.of(List.of(new AttributeTable.Ours("RaF-CLIP", ours, SMALL)), paper.table(1));
        Table accuracy = tables.get(0);
        assertThat(accuracy.columns())
                .containsExactly(
                        "Method",
                        "Texture",
                        "Sleeve length",
                        "Dress length",
                        "Neckline",
                        "Fabric",
                        "Fit",
                        "Mean",
                        "Printed mean");
        assertThat(row(accuracy, "RaF-CLIP (ours, small data)"))
                .endsWith("75.00", "75.00", "75.00", "75.00", "75.00", "75.00", "75.00", "–");
        assertThat(row(accuracy, "CLIP (paper)"))
                .containsExactly(
                        "CLIP (paper)", "55.36", "59.52", "72.65", "24.94", "45.45", "52.03", "51.66", "51.25");
        assertThat(row(accuracy, "Majority class")).contains("75.00").endsWith("75.00", "–");
        assertThat(row(accuracy, "Chance")).endsWith("25.00", "25.00", "–");
        assertThat(accuracy.notes())
                .anyMatch(note -> note.contains("Trained on 4,000 images where the paper used 16,000"))
                .anyMatch(note -> note.contains("weights: random; data: 4,000 photos"))
                .anyMatch(note -> note.contains("its mean is printed as 51.25; its own figures average 51.66"))
                .anyMatch(note -> note.startsWith("Paper: data: DeepFashion subset"))
                .contains("Fit is what the paper's table calls Loose style");
        Table balanced = tables.get(1);
        assertThat(row(balanced, "RaF-CLIP (ours, small data), balanced accuracy"))
                .endsWith("83.33");
        assertThat(row(balanced, "RaF-CLIP (ours, small data), macro F1")).endsWith("73.33");
        assertThat(row(balanced, "Majority class, balanced accuracy")).endsWith("50.00");
        assertThat(row(balanced, "Chance, balanced accuracy")).endsWith("25.00");
    }

    @Test
    void protocolsNameTheWordings() {
        List<String> own = List.of("{attribute} clothing", "clothing that is {attribute}");
        assertThat(AttributeTable.protocol(own, "crop", true))
                .contains("\"{attribute} clothing\" and \"clothing that is {attribute}\"", "'crop' averaged");
        assertThat(RetrievalTable.protocol(List.of("{color} {category}"), "crop", false))
                .contains("\"{color} {category}\" from the labels");
        assertThat(RetrievalTable.protocol(null, "crop", false)).contains("the photos' captions");
        assertThat(new Setting("random", "40 photos", "the nearest", 1200).inWords())
                .isEqualTo("weights: random; data: 40 photos; protocol: the nearest; trained on 1,200 images");
    }

    @Test
    void groupsThatThePaperDoesNotHaveStandWithoutItsRows() {
        List<Table> tables = AttributeTable.of(
                List.of(new AttributeTable.Ours("RaF-CLIP", result("type 1", "season"), FULL)), paper.table(1));

        assertThat(tables.get(0).title()).startsWith("Attribute recognition");
        assertThat(tables.get(0).columns()).containsExactly("Method", "type 1", "season", "Mean");
        assertThat(tables.get(0).rows())
                .extracting(row -> row.get(0))
                .containsExactly("RaF-CLIP (ours)", "Majority class", "Chance");
        assertThat(tables.get(0).notes())
                .noneMatch(note -> note.contains("(paper)"))
                .anyMatch(note -> note.contains("none is one of the paper's"));
        assertThat(tables.get(1).columns()).containsExactly("Method", "type 1", "season", "Mean");
    }

    @Test
    void groupsOnOneSideOnlyKeepTheirColumn() {
        Table table = AttributeTable.of(
                        List.of(
                                new AttributeTable.Ours("Complete", result("fabric", "season"), FULL),
                                new AttributeTable.Ours("RaF-CLIP", result("fabric"), FULL)),
                        paper.table(4))
                .get(0);
        assertThat(table.columns()).contains("season");
        assertThat(row(table, "Complete (ours)"))
                .containsExactly("Complete (ours)", "–", "–", "–", "–", "75.00", "–", "75.00", "75.00", "–");
        assertThat(row(table, "RaF-CLIP (ours)").get(7)).isEqualTo("–");
        assertThat(row(table, "RaF-CLIP (paper)").get(7)).isEqualTo("–");
        assertThat(row(table, "Complete (paper)")).endsWith("63.81", "63.81");
        assertThat(row(table, "Chance (labels of Complete)")).contains("25.00");
        assertThat(row(table, "Chance (labels of RaF-CLIP)")).contains("25.00");
    }

    @Test
    void retrievalStandsBesideThePaper() {
        int[] labels = IntStream.range(0, 100).map(i -> i / 2).toArray();
        RetrievalResult result = Retrieval.evaluate(
                AttributeRecognitionTest.random(1, 100, 8),
                AttributeRecognitionTest.random(2, 100, 8),
                labels,
                List.of(3, 5, 10));
        List<Table> tables =
                RetrievalTable.of(List.of(new RetrievalTable.Ours("RaF-CLIP", result, SMALL)), paper.table(2));
        Table recalls = tables.get(0);
        assertThat(row(recalls, "Chance, instance"))
                .containsExactly("Chance, instance", "3.00", "5.00", "10.00", "–", "3.00", "5.00", "10.00", "–");
        assertThat(row(recalls, "RaF-CLIP (ours, small data), instance"))
                .element(3)
                .isEqualTo(String.format(
                        "%.2f", 100 * result.textToImage().instance().at(10).recall()));
        assertThat(row(recalls, "RaF-CLIP (paper)")).contains("38.12", "44.37");
        assertThat(recalls.notes()).anyMatch(note -> note.contains("a gallery of 100 with 100 different texts and 50"));
        assertThat(tables.get(1).rows()).hasSize(2);
    }

    @Test
    void rendersAlignedTextAndMarkdown() {
        Table table = new Table(
                "Title",
                List.of("Method", "R@1", "Mean"),
                List.of(List.of("a|b", "1.00", "–"), List.of("longer name", "10.00", "2")),
                List.of("a note"));
        assertThat(table.toText()).isEqualTo("""
                        Title
                        Method         R@1  Mean
                        -----------  -----  ----
                        a|b           1.00     –
                        longer name  10.00     2
                        * a note
                        """);
        assertThat(table.toMarkdown()).isEqualTo("""
                        ### Title

                        | Method | R@1 | Mean |
                        |---|---:|---:|
                        | a\\|b | 1.00 | – |
                        | longer name | 10.00 | 2 |

                        - a note
                        """);
    }

    @Test
    void refusesTheWrongTable() {
        AttributeTable.Ours ours = new AttributeTable.Ours("RaF-CLIP", result("fabric"), SMALL);
        assertThatThrownBy(() -> AttributeTable.of(List.of(ours), paper.table(3)))
                .hasMessageContaining("not Table 3");
        assertThatThrownBy(() -> RetrievalTable.of(List.of(), paper.table(2))).hasMessageContaining("a row of ours");
        assertThatThrownBy(() -> new Table("t", List.of("a"), List.of(List.of("1", "2")), List.of()))
                .hasMessageContaining("a row of 2 cells in a table of 1 columns");
    }
}
