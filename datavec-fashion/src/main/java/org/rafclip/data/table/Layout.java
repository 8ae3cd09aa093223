package org.rafclip.data.table;

import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.table.ColumnUse.Role;
import org.rafclip.data.text.FashionColor;

/** Which of a table's columns mean what. */
final class Layout {

    private static final int MOST_VALUES = 100;
    private static final int FEW_VALUES = 10;

    /** What others call the column of images. */
    private static final List<String> IMAGE_NAMES = List.of(
            "img",
            "path",
            "file",
            "filename",
            "file_name",
            "image_path",
            "img_path",
            "filepath",
            "file_path",
            "image_name",
            "photo",
            "picture",
            "name",
            "url");

    /** What says where a garment is cannot be what it is. */
    private static final Set<Role> PLACES =
            Set.of(Role.IMAGE, Role.X, Role.Y, Role.WIDTH, Role.HEIGHT, Role.SPLIT, Role.ID);

    private static final List<Role> BOX = List.of(Role.X, Role.Y, Role.WIDTH, Role.HEIGHT);
    private static final Set<Set<String>> ANSWERS = Set.of(
            Set.of("true", "false"), Set.of("yes", "no"), Set.of("1", "0"), Set.of("1.0", "0.0"), Set.of("y", "n"));
    private static final Set<String> NOES = Set.of("false", "no", "0", "0.0", "n");

    private final Cells cells;
    private final TableSettings settings;
    private final Map<Role, Column> roles = new EnumMap<>(Role.class);
    private final List<Column> captions = new ArrayList<>();
    private final Map<Column, String> notes = new LinkedHashMap<>();
    private final List<Group> groups = new ArrayList<>();

    /**
     * An attribute group in the making.
     *
     * @param column whose cells are its classes
     * @param places of its classes, by the words of a cell
     */
    record Group(Column column, AttributeTaxonomy.Group classes, Map<String, Integer> places) {}

    /** @throws DataException where a column is missing, or there is neither a group nor a caption */
    Layout(Cells cells, TableSettings settings) {
        this.cells = cells;
        this.settings = settings;
        findRoles();
        requireBox();
        noteColors();
        findGroups();
    }

    /** The column of a role, null where there is none. */
    Column column(Role role) {
        return roles.get(role);
    }

    List<Column> captions() {
        return captions;
    }

    List<Group> groups() {
        return groups;
    }

    AttributeTaxonomy taxonomy() {
        return new AttributeTaxonomy(groups.stream().map(Group::classes).toList());
    }

    /** Every column of the table, in its order. */
    List<ColumnUse> uses() {
        List<ColumnUse> uses = new ArrayList<>();
        for (Column column : cells.columns()) {
            uses.add(new ColumnUse(
                    column.name(),
                    role(column),
                    column.filled(),
                    column.different().map(Set::size).orElse(-1),
                    notes.getOrDefault(column, "")));
        }
        return uses;
    }

    private Role role(Column column) {
        if (groups.stream().anyMatch(group -> group.column() == column)) {
            return Role.GROUP;
        }
        if (captions.contains(column)) {
            return Role.CAPTION;
        }
        return roles.entrySet().stream()
                .filter(entry -> entry.getValue() == column)
                .map(Map.Entry::getKey)
                .findFirst()
                .orElse(Role.NOT_TAKEN);
    }

    private void findRoles() {
        List<String> known = new ArrayList<>();
        for (Role role : Role.values()) {
            if (role == Role.GROUP || role == Role.NOT_TAKEN) {
                continue;
            }
            known.add(role.word());
            String given = settings.columns().get(role.word());
            if (given != null) {
                take(role, required("data.columns." + role.word(), given));
            } else if (role != Role.CAPTION) {
                named(role.word()).stream().findFirst().ifPresent(column -> take(role, column));
            }
        }
        for (String role : settings.columns().keySet()) {
            if (!known.contains(role)) {
                throw new DataException("data.columns: nothing is read from a column '" + role + "'; there are "
                        + String.join(", ", known) + ", and data.groups for attributes");
            }
        }
        if (captions.isEmpty()) {
            cells.columns().stream()
                    .filter(column -> column.name().toLowerCase(Locale.ROOT).matches("captions?[ _-]?\\d*"))
                    .forEach(captions::add);
        }
        if (column(Role.IMAGE) == null) {
            String near = cells.columns().stream()
                    .map(Column::name)
                    .filter(name -> IMAGE_NAMES.contains(name.toLowerCase(Locale.ROOT)))
                    .findFirst()
                    .map(name -> "; rename '" + name + "', or say data.columns: {image: " + name + "}")
                    .orElse("; add one with the path of each photo, or name the one that has it: data.columns: {image:"
                            + " NAME}");
            throw new DataException(cells.file() + ":1: has no column 'image', only " + names(cells.columns()) + near);
        }
    }

    private void take(Role role, Column column) {
        if (role == Role.CAPTION) {
            captions.add(column);
        } else {
            roles.put(role, column);
        }
    }

    private List<Column> named(String name) {
        return cells.columns().stream()
                .filter(column -> column.name().equalsIgnoreCase(name))
                .toList();
    }

    private Column required(String key, String name) {
        return cells.columns().stream()
                .filter(column -> column.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new DataException(cells.file() + ":1: has no column '" + name + "', which " + key
                        + " names; it has " + names(cells.columns())));
    }

    private static String names(Collection<Column> columns) {
        return columns.stream().map(Column::name).collect(Collectors.joining(", "));
    }

    private void requireBox() {
        List<String> there =
                BOX.stream().filter(roles::containsKey).map(Role::word).toList();
        if (there.size() == BOX.size() || there.isEmpty()) {
            return;
        }
        BOX.forEach(roles::remove);
        if (there.contains("x") || there.contains("y")) {
            throw new DataException(cells.file() + ":1: has columns " + String.join(", ", there) + " of a box's x, y,"
                    + " width, height; give all four in pixels, or none for garments that fill their photos");
        }
        // width and height alone are the photo's
        there.forEach(word -> named(word).forEach(column -> notes.put(column, "no box without x and y")));
    }

    private void noteColors() {
        Column color = column(Role.COLOR);
        if (color == null) {
            return;
        }
        List<String> others = values(color).stream()
                .filter(value -> FashionColor.named(value).isEmpty())
                .toList();
        if (!others.isEmpty()) {
            notes.put(
                    color,
                    "looked for in the photo where this is "
                            + String.join(", ", others.subList(0, Math.min(5, others.size())))
                            + (others.size() > 5 ? " and " + (others.size() - 5) + " others" : "")
                            + ", which is none of "
                            + Stream.of(FashionColor.values())
                                    .map(FashionColor::word)
                                    .collect(Collectors.joining(", ")));
        }
    }

    private void findGroups() {
        if (!settings.groups().isEmpty()) {
            Set<String> taken = new LinkedHashSet<>();
            for (String name : settings.groups()) {
                Column column = required("data.groups", name);
                Role role = role(column);
                if (!taken.add(name) || PLACES.contains(role)) {
                    throw new DataException("data.groups names '" + name + "', which is "
                            + (PLACES.contains(role) ? "the column of " + role.word() : "named twice")
                            + "; take it out");
                }
                Set<String> values = values(column);
                if (values.isEmpty()) {
                    throw new DataException(cells.file() + ": column '" + name + "' has no value, but data.groups names"
                            + " it; take it out");
                }
                String against = against(column, values);
                if (!against.isEmpty()) {
                    notes.put(column, "odd for a group: " + against);
                }
                group(column, values);
            }
            cells.columns().stream()
                    .filter(column -> role(column) == Role.NOT_TAKEN)
                    .forEach(column -> notes.putIfAbsent(column, "not in data.groups"));
            return;
        }
        for (Column column : cells.columns()) {
            if (role(column) == Role.NOT_TAKEN && !notes.containsKey(column)) {
                boolean counted = column.different().isPresent();
                Set<String> values = counted ? values(column) : Set.of();
                String against = counted
                        ? against(column, values)
                        : String.format(Locale.ROOT, "more than %,d different values", Column.SHARED);
                if (against.isEmpty()) {
                    group(column, values);
                } else {
                    notes.put(column, against);
                }
            }
        }
        Column category = column(Role.CATEGORY);
        if (groups.isEmpty()
                && category != null
                && against(category, values(category)).isEmpty()) {
            group(category, values(category));
        }
        if (!settings.labelsOptional()
                && groups.isEmpty()
                && captions.stream().noneMatch(column -> column.filled() > 0)) {
            String seen = notes.entrySet().stream()
                    .map(entry -> entry.getKey().name() + " (" + entry.getValue() + ")")
                    .collect(Collectors.joining(", "));
            throw new DataException(cells.file() + ": no column looks like an attribute"
                    + (seen.isEmpty() ? "; add one with a few different values" : ": " + seen)
                    + "; name those that are one as data.groups: [COLUMN, …]");
        }
    }

    /** The values of a column, in the order of the alphabet; more than any group has where they were not counted. */
    private Set<String> values(Column column) {
        Set<String> values = new TreeSet<>();
        if (column.different().isPresent()) {
            column.different().get().forEach(cell -> values.addAll(Column.values(cell)));
        } else {
            for (int row = 0; row < cells.rows(); row++) {
                values.addAll(Column.values(column.cell(row)));
            }
        }
        return values;
    }

    private String against(Column column, Set<String> values) {
        if (values.size() < 2) {
            return values.isEmpty() ? "blank" : "one value only";
        }
        int most = Math.min(MOST_VALUES, Math.min(Math.max(FEW_VALUES, cells.rows() / 10), cells.rows() / 2));
        if (values.size() > most) {
            return values.size() >= column.filled()
                    ? "a value of its own in every row"
                    : values.size() + " different values, more than " + most;
        }
        if (!answers(values) && values.stream().allMatch(value -> value.matches("[-+]?[0-9.]+([eE][-+]?[0-9]+)?"))) {
            return "numbers";
        }
        return "";
    }

    private static boolean answers(Set<String> values) {
        return ANSWERS.contains(
                values.stream().map(value -> value.toLowerCase(Locale.ROOT)).collect(Collectors.toSet()));
    }

    private void group(Column column, Set<String> values) {
        String name = column.name().replace('_', ' ');
        List<String> classes = new ArrayList<>();
        Map<String, Integer> places = new LinkedHashMap<>();
        boolean answers = values.size() == 2 && answers(values);
        for (String value : values) {
            places.put(value, classes.size());
            // "a photo of true" says nothing
            classes.add(answers ? (NOES.contains(value.toLowerCase(Locale.ROOT)) ? "not " : "") + name : value);
        }
        groups.add(new Group(column, new AttributeTaxonomy.Group(name, classes), places));
        oddSpelling(column, values);
    }

    private void oddSpelling(Column column, Set<String> values) {
        Map<String, Set<String>> alike = new LinkedHashMap<>();
        values.forEach(value -> alike.computeIfAbsent(
                        value.toLowerCase(Locale.ROOT).replaceAll("[ _-]+", " "), fresh -> new LinkedHashSet<>())
                .add(value));
        String odd = alike.values().stream()
                .filter(spellings -> spellings.size() > 1)
                .map(spellings -> String.join(" and ", spellings))
                .collect(Collectors.joining(", "));
        if (!odd.isEmpty()) {
            notes.put(column, "different values that are spelled alike: " + odd);
        }
    }
}
