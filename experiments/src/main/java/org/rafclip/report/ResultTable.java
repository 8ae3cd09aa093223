package org.rafclip.report;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A table of results as the page shows it: rows by what they are, one unit, the best of each column marked, and no column
 * that says nothing.
 *
 * @param title as a caption
 * @param columns the headings, the names' first
 * @param groups rows under a common heading, in order
 * @param notes below the table
 */
record ResultTable(String title, List<String> columns, List<Group> groups, List<String> notes) {

    /** What a row is. */
    enum Kind {
        /** The method that the table is about. */
        METHOD("method", "ours"),
        /** Another of our trainings. */
        OURS("ours", "ours"),
        /** Ours, but untrained. */
        START("baseline", "untrained"),
        /** What takes no model: the majority class, chance. */
        BASELINE("baseline", "no model"),
        /** The paper's row. */
        PAPER("theirs", "paper"),
        /** Another publication's. */
        PUBLISHED("theirs", "published");

        private final String style;
        private final String word;

        Kind(String style, String word) {
            this.style = style;
            this.word = word;
        }

        /** Its class in the style sheet. */
        String style() {
            return style;
        }

        /** In a word, where rows of several kinds stand together. */
        String word() {
            return word;
        }

        /** Whether rows were measured here, on the same photos. */
        boolean here() {
            return this != PAPER && this != PUBLISHED;
        }

        boolean baseline() {
            return this == START || this == BASELINE;
        }
    }

    /** @param title empty where there is only one group */
    record Group(String title, List<Row> rows) {

        Group {
            rows = List.copyOf(rows);
        }
    }

    /**
     * A row.
     *
     * @param name without what {@code kind} says
     * @param smallData whether it was trained on less than the paper's row
     * @param cells one a column but the first
     */
    record Row(Kind kind, String name, boolean smallData, List<Cell> cells) {

        Row {
            cells = List.copyOf(cells);
        }
    }

    /** @param best whether nothing that it is measured with is better */
    record Cell(String text, boolean best) {

        Optional<Amount> amount() {
            return Amount.of(text);
        }
    }

    ResultTable {
        columns = List.copyOf(columns);
        groups = List.copyOf(groups);
        notes = List.copyOf(notes);
    }

    Stream<Row> rows() {
        return groups.stream().flatMap(group -> group.rows().stream());
    }

    /** What bold figures are, where there are any. */
    Optional<String> bold() {
        boolean any = rows().flatMap(row -> row.cells().stream()).anyMatch(Cell::best);
        boolean both = rows().anyMatch(row -> row.kind().here()) && rows().anyMatch(row -> row.kind() == Kind.PAPER);
        return any
                ? Optional.of("Bold: the best of a column"
                        + (both ? ", among what was measured here and, by itself, among the paper's rows." : "."))
                : Optional.empty();
    }

    /** The place of a heading among a row's cells. */
    int cell(String column) {
        return columns.indexOf(column) - 1;
    }
}
