package org.rafclip.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.rafclip.eval.PaperTables.PaperTable;
import org.rafclip.eval.PaperTables.Unit;

class PaperTablesTest {

    private final PaperTables tables = PaperTables.load();

    @Test
    void hasTheHeadlineFigures() {
        assertThat(tables.tables()).extracting(PaperTable::number).containsExactly(1, 2, 3, 4, 5);
        assertThat(printedMeans(1, "RaF-CLIP")).containsExactly(0.6633);
        assertThat(printedMeans(4, "Complete")).containsExactly(0.6381);
        assertThat(value(2, "RaF-CLIP", "T2I R@10")).isEqualTo(38.12);
        assertThat(value(2, "RaF-CLIP", "I2T R@10")).isEqualTo(44.37);
        assertThat(printedMeans(3, "AGCN")).containsExactly(39.18, 61.95);
        assertThat(printedMeans(5, "Only image")).containsExactly(5.88, 15.53);
        assertThat(value(1, "CLIP", "Fabric")).isEqualTo(0.4545);
    }

    @Test
    void printedMeansThatAreNotTheMeanOfTheirFigures() {
        List<String> wrong = new ArrayList<>();
        for (PaperTable table : tables.tables()) {
            double roundingError = table.unit() == Unit.FRACTION ? 0.5001e-4 : 0.5001e-2;
            for (PaperTables.Row row : table.rows()) {
                for (int i = 0; i < table.means().size(); i++) {
                    double recomputed = table.recomputed(row, table.means().get(i));
                    double printed = row.printedMeans().get(i);
                    if (Math.abs(recomputed - printed) > roundingError) {
                        wrong.add(String.format(
                                Locale.ROOT, "%d %s %s %.4f", table.number(), row.method(), printed, recomputed));
                    }
                }
            }
        }
        assertThat(wrong)
                .containsExactly(
                        "1 CLIP 0.5125 0.5166",
                        "3 FashionViL (ECCV 2022) 31.2 31.2067",
                        "3 AGCN 39.18 39.1733",
                        "3 AGCN 61.95 61.7467",
                        "5 AGCN 39.18 39.1733",
                        "5 AGCN 61.95 61.7467");
    }

    @Test
    void everyFigureIsInThePapersText() throws IOException {
        Path text = shared().resolve("paper/region-aware-fashion-contrastive-learning.txt");
        Assumptions.assumeTrue(Files.exists(text), "the paper's text is not at " + text);
        List<String> lines = Files.readAllLines(text);
        for (PaperTable table : tables.tables()) {
            int at = lines.indexOf("Table " + table.number() + " " + table.title());
            assertThat(at).as("title of table %d", table.number()).isNotNegative();
            for (PaperTables.Row row : table.rows()) {
                while (!lines.get(at).startsWith(row.method())) {
                    at++;
                }
                List<Double> printed = Arrays.stream(lines.get(at).split("\t"))
                        .skip(1)
                        .map(cell -> Double.valueOf(cell.replace(" ", "")))
                        .toList();
                List<Double> figures = new ArrayList<>(row.values());
                figures.addAll(row.printedMeans());
                assertThat(figures)
                        .as("table %d, %s", table.number(), row.method())
                        .isEqualTo(printed);
            }
        }
    }

    /** The folder given by -Dshared, or the nearest one of that name above the module. */
    private static Path shared() {
        if (System.getProperty("shared") != null) {
            return Path.of(System.getProperty("shared"));
        }
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            if (Files.isDirectory(at.resolve("shared"))) {
                return at.resolve("shared");
            }
        }
        return Path.of("shared");
    }

    @Test
    void refusesATableWithoutAFigure() {
        PaperTable table = tables.table(1);
        PaperTables.Row row = new PaperTables.Row("X", "none", List.of(0.5), List.of(0.5));
        assertThatThrownBy(() -> new PaperTable(
                        1, "", table.unit(), "", 0, "", "", table.columns(), table.means(), List.of(row)))
                .hasMessageContaining("the row X needs 6 values and 1 printed means");
        assertThatThrownBy(() -> tables.table(6)).hasMessageContaining("no table 6");
    }

    @Test
    void recomputesMeans() {
        PaperTable table = tables.table(1);
        assertThat(table.recomputed(table.rows().get(0), table.means().get(0)))
                .isEqualTo((0.5536 + 0.5952 + 0.7265 + 0.2494 + 0.4545 + 0.5203) / 6, within(1e-12));
    }

    private PaperTables.Row row(int table, String method) {
        return tables.table(table).rows().stream()
                .filter(row -> row.method().equals(method))
                .findFirst()
                .orElseThrow();
    }

    private List<Double> printedMeans(int table, String method) {
        return row(table, method).printedMeans();
    }

    private double value(int table, String method, String column) {
        return tables.table(table).value(row(table, method), column);
    }
}
