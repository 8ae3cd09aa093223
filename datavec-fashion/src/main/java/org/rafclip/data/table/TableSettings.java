package org.rafclip.data.table;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import lombok.With;

/**
 * What a table does not say itself.
 *
 * @param images the folder that image paths are relative to; null for the table's own
 * @param groups the columns that hold attributes; none takes every column that looks like one
 * @param columns the table's names of the columns that have a meaning of their own, where they differ: {@code category}
 *     to {@code label}, say
 * @param labelsOptional whether a table without an attribute or caption will do
 */
@With
public record TableSettings(Path images, List<String> groups, Map<String, String> columns, boolean labelsOptional) {

    /** A table beside its images, with the usual names of columns. */
    public static final TableSettings DEFAULT = new TableSettings(null, List.of(), Map.of());

    /** A table to learn from: with attributes, or captions. */
    public TableSettings(Path images, List<String> groups, Map<String, String> columns) {
        this(images, groups, columns, false);
    }

    public TableSettings {
        groups = List.copyOf(groups);
        columns = Map.copyOf(columns);
    }
}
