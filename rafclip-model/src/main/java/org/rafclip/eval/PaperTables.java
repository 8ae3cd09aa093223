package org.rafclip.eval;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.rafclip.run.Configs;
import org.rafclip.run.Default;

/**
 * The five tables of the paper as data, read from {@code paper-tables.yaml}.
 *
 * @param source the paper
 * @param tables by number
 */
public record PaperTables(String source, List<PaperTable> tables) {

    /** How a table prints its figures. */
    public enum Unit {
        /** Shares between 0 and 1. */
        FRACTION,
        /** Shares between 0 and 100. */
        PERCENT
    }

    /**
     * One table.
     *
     * @param number as in the paper
     * @param title as in the paper
     * @param unit of all figures
     * @param figure what is measured, in the paper's word
     * @param trainingImages images the paper's own model was trained on, 0 where that is not what it learns from
     * @param data what it was trained and measured on, as far as the paper says
     * @param protocol how it was measured, as far as the paper says
     * @param columns the measured columns
     * @param means the columns that are means of others
     * @param rows the methods
     */
    public record PaperTable(
            int number,
            String title,
            Unit unit,
            String figure,
            int trainingImages,
            String data,
            String protocol,
            List<Column> columns,
            @Default("[]") List<Mean> means,
            List<Row> rows) {

        public PaperTable {
            Set<String> names = new HashSet<>(columns.stream().map(Column::name).toList());
            for (Mean mean : means) {
                if (!names.containsAll(mean.of())) {
                    throw new IllegalArgumentException(
                            "the mean " + mean.name() + " is of columns that are not all there: " + mean.of());
                }
            }
            for (Row row : rows) {
                if (row.values().size() != columns.size() || row.printedMeans().size() != means.size()) {
                    throw new IllegalArgumentException("the row " + row.method() + " needs " + columns.size()
                            + " values and " + means.size() + " printed means");
                }
            }
        }

        /** The printed figure of a row in a column. */
        public double value(Row row, String column) {
            for (int i = 0; i < columns.size(); i++) {
                if (columns.get(i).name().equals(column)) {
                    return row.values().get(i);
                }
            }
            throw new IllegalArgumentException("table " + number + " has no column " + column);
        }

        /** A mean worked out from the row's own figures; the paper prints another here and there. */
        public double recomputed(Row row, Mean mean) {
            return mean.of().stream()
                    .mapToDouble(column -> value(row, column))
                    .average()
                    .orElseThrow();
        }
    }

    /**
     * A measured column.
     *
     * @param name as the table prints it
     * @param aliases what data sets call it
     * @param shown what our tables call it where the paper alone says otherwise; null for {@code name}
     */
    public record Column(
            String name,
            @Default("[]") List<String> aliases,
            @Default("null") String shown) {

        /** The heading that our tables give it: the name by which everything but the paper calls it. */
        public String heading() {
            return shown == null ? name : shown;
        }
    }

    /**
     * A column of means.
     *
     * @param name as the table prints it
     * @param of the columns it is the mean of
     */
    public record Mean(String name, List<String> of) {}

    /**
     * One method.
     *
     * @param method as the table prints it
     * @param weights where its parameters come from, as far as the paper says
     * @param values one a column
     * @param printedMeans one a mean, as printed
     */
    public record Row(
            String method,
            String weights,
            List<Double> values,
            @Default("[]") List<Double> printedMeans) {}

    /** Reads the tables that come with the library. */
    public static PaperTables load() {
        try (InputStream in = PaperTables.class.getResourceAsStream("paper-tables.yaml")) {
            if (in == null) {
                throw new IllegalStateException("org/rafclip/eval/paper-tables.yaml is not on the class path");
            }
            String yaml = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            return Configs.parse(yaml, "paper-tables.yaml", List.of(), PaperTables.class);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The table with a number of the paper, 1 to 5. */
    public PaperTable table(int number) {
        return tables.stream()
                .filter(table -> table.number() == number)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("the paper has no table " + number));
    }
}
