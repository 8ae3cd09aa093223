package org.rafclip.eval;

import java.util.ArrayList;
import java.util.List;

/**
 * A table to show: the first column holds names, the others figures.
 *
 * @param title above the table
 * @param columns the headings
 * @param rows one cell a column; an empty cell stays empty
 * @param notes below the table
 */
public record Table(String title, List<String> columns, List<List<String>> rows, List<String> notes) {

    /** What stands where there is no figure. */
    public static final String NONE = "–";

    public Table {
        columns = List.copyOf(columns);
        rows = rows.stream().map(List::copyOf).toList();
        notes = List.copyOf(notes);
        for (List<String> row : rows) {
            if (row.size() != columns.size()) {
                throw new IllegalArgumentException(
                        "a row of " + row.size() + " cells in a table of " + columns.size() + " columns: " + row);
            }
        }
    }

    /** Aligned by blanks, for terminals; lines end with a newline. */
    public String toText() {
        int[] widths = new int[columns.size()];
        List<List<String>> all = new ArrayList<>(List.of(columns));
        all.addAll(rows);
        for (List<String> row : all) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], length(row.get(i)));
            }
        }
        StringBuilder text = new StringBuilder(title).append('\n');
        line(text, columns, widths);
        List<String> rule = new ArrayList<>();
        for (int width : widths) {
            rule.add("-".repeat(width));
        }
        line(text, rule, widths);
        rows.forEach(row -> line(text, row, widths));
        notes.forEach(note -> text.append("* ").append(note).append('\n'));
        return text.toString();
    }

    /** As a Markdown table under a heading, notes as a list. */
    public String toMarkdown() {
        StringBuilder text = new StringBuilder("### ").append(title).append("\n\n");
        markdown(text, columns);
        text.append("|---|").append("---:|".repeat(columns.size() - 1)).append('\n');
        rows.forEach(row -> markdown(text, row));
        if (!notes.isEmpty()) {
            text.append('\n');
            notes.forEach(note -> text.append("- ").append(note).append('\n'));
        }
        return text.toString();
    }

    private static void line(StringBuilder text, List<String> cells, int[] widths) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            String pad = " ".repeat(widths[i] - length(cells.get(i)));
            line.append(i == 0 ? cells.get(i) + pad : "  " + pad + cells.get(i));
        }
        text.append(line.toString().stripTrailing()).append('\n');
    }

    private static void markdown(StringBuilder text, List<String> cells) {
        text.append('|');
        cells.forEach(cell -> text.append(' ').append(cell.replace("|", "\\|")).append(" |"));
        text.append('\n');
    }

    private static int length(String cell) {
        return cell.codePointCount(0, cell.length());
    }
}
