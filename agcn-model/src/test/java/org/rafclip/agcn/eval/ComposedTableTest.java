package org.rafclip.agcn.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.eval.PaperTables;
import org.rafclip.eval.Table;

class ComposedTableTest {

    private static final Protocol WHOLE =
            new Protocol(GalleryKind.ORIGINAL, false, CaptionForm.JOINED, 15_536, 0, 0, false);

    private final PaperTables paper = PaperTables.load();

    private static ComposedResult result(Protocol protocol, double recall, String... categories) {
        return new ComposedResult(
                protocol,
                Stream.of(categories)
                        .map(name -> new ComposedResult.Category(
                                name,
                                2000,
                                5000,
                                1,
                                List.of(
                                        new ComposedResult.At(1, recall / 4, 0.0002, recall / 4),
                                        new ComposedResult.At(10, recall, 0.002, recall / 2),
                                        new ComposedResult.At(50, 2 * recall, 0.01, recall / 2)),
                                12,
                                recall / 2))
                        .toList());
    }

    private static ComposedTable.Ours ours(String method, ComposedResult... runs) {
        return new ComposedTable.Ours(method, List.of(runs), "RaF-CLIP, small", "FashionIQ");
    }

    private static List<String> row(Table table, String first) {
        return table.rows().stream()
                .filter(row -> row.get(0).equals(first))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no row " + first + " in " + table.rows()));
    }

    @Test
    void standsBesideThePaperAndItsPeers() {
        Table table = ComposedTable.recalls(
                List.of(
                        ours("AGCN", result(WHOLE, 0.30, "dress", "shirt", "toptee")),
                        ours(
                                "Sum",
                                result(WHOLE, 0.10, "dress", "shirt", "toptee"),
                                result(WHOLE, 0.11, "dress", "shirt", "toptee"),
                                result(WHOLE, 0.15, "dress", "shirt", "toptee"))),
                paper.table(3),
                PublishedPeers.load());
        assertThat(table.columns())
                .containsExactly(
                        "Method",
                        "Shirt R@10",
                        "Shirt R@50",
                        "Dress R@10",
                        "Dress R@50",
                        "Toptee R@10",
                        "Toptee R@50",
                        "Average R@10",
                        "Average R@50",
                        "Printed Average R@10",
                        "Printed Average R@50");
        assertThat(row(table, "AGCN (ours)"))
                .containsExactly(
                        "AGCN (ours)",
                        "30.00",
                        "60.00",
                        "30.00",
                        "60.00",
                        "30.00",
                        "60.00",
                        "30.00",
                        "60.00",
                        "–",
                        "–");
        // 10, 11, 15: mean 12, squared distances 4 + 1 + 9, over 2
        assertThat(row(table, "Sum (ours)")).contains("12.00 ± 2.65", "24.00 ± 5.29");
        assertThat(row(table, "Chance")).contains("0.20", "1.00");
        assertThat(row(table, "AGCN (paper)"))
                .containsExactly(
                        "AGCN (paper)",
                        "38.17",
                        "58.88",
                        "35.29",
                        "59.34",
                        "44.06",
                        "67.02",
                        "39.17",
                        "61.75",
                        "39.18",
                        "61.95");
        assertThat(row(table, "CLIP4Cir (published)"))
                .startsWith("CLIP4Cir (published)", "–")
                .endsWith("43.78", "66.93");
        assertThat(row(table, "DQU-CIR, val-split (published)")).endsWith("61.97", "81.56");
        assertThat(table.notes())
                .anyMatch(note -> note.startsWith("AGCN (ours): weights: RaF-CLIP, small; data: FashionIQ; protocol:"
                        + " original gallery, reference may be an answer, joined captions, all 15,536"))
                .anyMatch(note -> note.endsWith("mean ± sample standard deviation over 3 seeds"))
                .anyMatch(note -> note.startsWith("SPRC (published)") && note.contains("from memory"))
                .anyMatch(note -> note.startsWith("Paper: data: FashionIQ validation set"));
    }

    @Test
    void otherDataAndPartialGalleriesAreShownAsSuch() {
        Protocol partial = new Protocol(GalleryKind.ORIGINAL, true, CaptionForm.SINGLE, 1000, 12, 3, true);
        List<ComposedTable.Ours> ours =
                List.of(ours("AGCN", result(partial, 0.2, "photo")), ours("Sum", result(WHOLE, 0.1, "dress")));
        Table table = ComposedTable.recalls(ours, paper.table(5), new PublishedPeers(List.of()));
        assertThat(table.columns()).contains("Photo R@10", "Photo R@50");
        assertThat(row(table, "AGCN (ours)"))
                .containsExactly(
                        "AGCN (ours)", "–", "–", "–", "–", "–", "–", "20.00", "40.00", "20.00", "40.00", "–", "–");
        assertThat(row(table, "Only image (paper)")).contains("7.06", "–");
        assertThat(row(table, "Chance (queries of Sum)")).contains("0.20");
        assertThat(table.notes()).anyMatch(note -> note.contains("PARTIAL gallery: 12 of 1,000 images missing"));
        Table details = ComposedTable.details(ours);
        assertThat(details.columns())
                .containsExactly(
                        "Method, category",
                        "Queries",
                        "Gallery",
                        "Right",
                        "R@1",
                        "R@10",
                        "R@50",
                        "mAP@1",
                        "mAP@10",
                        "mAP@50",
                        "Median rank");
        assertThat(row(details, "AGCN, photo"))
                .containsExactly(
                        "AGCN, photo",
                        "2,000",
                        "5,000",
                        "1.0",
                        "5.00",
                        "20.00",
                        "40.00",
                        "5.00",
                        "10.00",
                        "10.00",
                        "12.0");
    }

    @Test
    void runsThatAreAskedOfOtherPhotosEachHaveTheirOwnChance() {
        ComposedTable.Ours agcn = ours("AGCN", ofPhotos(0.30, 0.10), ofPhotos(0.36, 0.12));

        List<String> chance = row(
                ComposedTable.recalls(List.of(agcn), PaperTables.load().table(3), new PublishedPeers(List.of())),
                "Chance");

        assertThat(chance).contains("11.00 ± 1.41");
        // 0.20 and 0.24 above
        ComposedMargin.At over =
                ComposedTable.margins(agcn, List.of()).get(0).at().get(0);
        assertThat(over.difference()).isCloseTo(0.22, within(1e-12));
        assertThat(over.deviation()).isCloseTo(0.04 / Math.sqrt(2), within(1e-12));
    }

    private static ComposedResult ofPhotos(double recall, double chance) {
        List<ComposedResult.At> at = Stream.of(10, 50)
                .map(k -> new ComposedResult.At(k, recall, chance, recall))
                .toList();
        return new ComposedResult(WHOLE, List.of(new ComposedResult.Category("photo", 100, 50, 2, at, 12, recall)));
    }

    @Test
    void marginsAreCountedInPooledDeviationsOverSeeds() {
        ComposedTable.Ours agcn = ours("AGCN", result(WHOLE, 0.30, "dress"), result(WHOLE, 0.32, "dress"));
        ComposedTable.Ours add =
                ours("Add", result(WHOLE, 0.10, "dress"), result(WHOLE, 0.11, "dress"), result(WHOLE, 0.15, "dress"));
        ComposedTable.Ours sum = ours("Sum", result(WHOLE, 0.25, "dress"));

        List<ComposedMargin> margins = ComposedTable.margins(agcn, List.of(add, sum));

        assertThat(margins).extracting(ComposedMargin::over).containsExactly("Add", "Sum", "chance");
        // 0.31 − 0.12; variances 2e-4 with 1 degree of freedom and 7e-4 with 2: (2 + 14) / 3 = 5.333e-4
        ComposedMargin.At overAdd = margins.get(0).at().get(0);
        assertThat(overAdd.k()).isEqualTo(10);
        assertThat(overAdd.difference()).isCloseTo(0.19, within(1e-12));
        assertThat(overAdd.deviation()).isCloseTo(Math.sqrt(16e-4 / 3), within(1e-12));
        assertThat(overAdd.deviations()).isCloseTo(0.19 / Math.sqrt(16e-4 / 3), within(1e-9));
        assertThat(ComposedTable.marginTable(margins).rows())
                .startsWith(
                        List.of("AGCN over Add", "+19.00", "+8.2", "2.31", "+38.00", "+8.2", "4.62", "2, 3"),
                        List.of("AGCN over Sum", "+6.00", "+4.2", "1.41", "+12.00", "+4.2", "2.83", "2, 1"));
        // chance of R@10 is 0.002
        assertThat(margins.get(2).at().get(0).difference()).isCloseTo(0.308, within(1e-12));
        assertThat(ComposedTable.marginTable(margins).rows().get(2)).endsWith("2");
        List<ComposedMargin> single = ComposedTable.margins(sum, List.of(ours("Add", result(WHOLE, 0.3, "dress"))));
        assertThat(ComposedTable.marginTable(single).rows().get(0))
                .containsExactly("Sum over Add", "-5.00", "–", "–", "-10.00", "–", "–", "1, 1");
        ComposedTable.Ours still = ours("Add", result(WHOLE, 0.1, "dress"), result(WHOLE, 0.1, "dress"));
        List<ComposedMargin> overChance = ComposedTable.margins(still, List.of());
        assertThat(overChance.get(0).at().get(0).deviations()).isNull();
        assertThat(ComposedTable.marginTable(overChance).rows().get(0)).containsSubsequence("–", "0.00");
    }

    @Test
    void refusesWhatCannotBeCompared() {
        Protocol other = new Protocol(GalleryKind.VAL_SPLIT, false, CaptionForm.JOINED, 10, 0, 0, false);
        assertThatThrownBy(() -> ours("AGCN", result(WHOLE, 0.1, "dress"), result(other, 0.1, "dress")))
                .hasMessageContaining("its runs differ in protocol or categories");
        assertThatThrownBy(() -> ComposedTable.recalls(
                        List.of(ours("AGCN", result(WHOLE, 0.1, "dress"))),
                        paper.table(2),
                        new PublishedPeers(List.of())))
                .hasMessageContaining("not Table 2");
        assertThatThrownBy(() -> new PublishedPeers.Peer("x", "", "", "", 60, 50))
                .hasMessageContaining("must be percentages that grow with k");
        assertThat(PublishedPeers.load().peers()).hasSize(7);
    }
}
