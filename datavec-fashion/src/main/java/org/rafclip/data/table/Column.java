package org.rafclip.data.table;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A table's column. Equal cells are one string, until a column has so many different ones that looking for equals is
 * no gain.
 */
final class Column {

    /** Between the parts of a cell that is a JSON array. */
    static final char PART = '\u0001';

    /** Different cells that are counted at most. */
    static final int SHARED = 1 << 16;

    private final String name;
    private String[] cells = new String[64];
    private Map<String, String> shared = new HashMap<>();
    private int filled;

    Column(String name) {
        this.name = name;
    }

    String name() {
        return name;
    }

    /** Cells that are not blank. */
    int filled() {
        return filled;
    }

    void set(int row, String cell) {
        if (cell == null || cell.isBlank()) {
            return;
        }
        if (row >= cells.length) {
            cells = Arrays.copyOf(cells, Math.max(row + 1, cells.length * 2));
        }
        cells[row] = one(cell.strip());
        filled++;
    }

    void clear(int row) {
        if (row < cells.length && cells[row] != null) {
            cells[row] = null;
            filled--;
        }
    }

    private String one(String cell) {
        if (shared == null) {
            return cell;
        }
        String known = shared.putIfAbsent(cell, cell);
        if (shared.size() > SHARED) {
            shared = null;
        }
        return known == null ? cell : known;
    }

    /** A cell without blanks around it, null where it is blank. */
    String cell(int row) {
        return row < cells.length ? cells[row] : null;
    }

    /** Different cells; empty where there are too many to have been counted. */
    Optional<Set<String>> different() {
        return Optional.ofNullable(shared).map(Map::keySet);
    }

    /** The values in a cell: the parts of an array, else what {@code ;} and {@code |} part. */
    static List<String> values(String cell) {
        if (cell == null) {
            return List.of();
        }
        if (cell.indexOf(PART) < 0 && cell.indexOf(';') < 0 && cell.indexOf('|') < 0) {
            return List.of(cell);
        }
        String[] parts = cell.indexOf(PART) >= 0 ? cell.split("\u0001") : cell.split("[;|]");
        return Stream.of(parts)
                .map(String::strip)
                .filter(part -> !part.isEmpty())
                .distinct()
                .toList();
    }

    /** The texts in a cell: the parts of an array, else the whole. */
    static List<String> texts(String cell) {
        if (cell == null) {
            return List.of();
        }
        if (cell.indexOf(PART) < 0) {
            return List.of(cell);
        }
        return Stream.of(cell.split("\u0001"))
                .map(String::strip)
                .filter(part -> !part.isEmpty())
                .toList();
    }
}
