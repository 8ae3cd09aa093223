package org.rafclip.data.table;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.image.Box;
import org.rafclip.data.table.ColumnUse.Role;
import org.rafclip.data.text.FashionColor;

/**
 * A table of photos, one row a garment: CSV or TSV with a line of column names, or JSON lines, in UTF-8, or Parquet. The photos are
 * not opened.
 *
 * <ul>
 *   <li>{@code image}: path of the photo, relative to the folder of images, or absolute. A name without an ending finds
 *       the file with one.
 *   <li>{@code x}, {@code y}, {@code width}, {@code height}: the garment's box in pixels from 0; blank, or no such
 *       columns, for a garment that fills its photo.
 *   <li>{@code category}: its word. {@code color}: its color, where the words name one of {@link FashionColor}'s;
 *       otherwise, and without this column, the color is looked for in the photo.
 *   <li>{@code caption}, {@code caption2}, …, {@code captions}: texts; an array is several.
 *   <li>{@code split}: the list that the row belongs to. Without this column every row belongs to any split.
 *   <li>{@code id}: a name of the item, each once; otherwise the image's path is.
 *   <li>attribute groups: the columns that {@link TableSettings#groups} names, or else every other column with 2 to 100
 *       different values that are at most a tenth of the rows (ten and half of the rows in a small table) and not only
 *       numbers. Several values in a cell are parted by {@code ;} or {@code |}, or are an array; a blank cell is no label.
 *       Classes stand in the order of the alphabet. A column of yes and no, true and false or 1 and 0 has the classes
 *       {@code NAME} and {@code not NAME}.
 * </ul>
 *
 * Names of columns are as good in capital letters; {@link TableSettings#columns} says where they are others.
 */
public final class PhotoTable {

    /** The split of a table without a column that says so. */
    public static final String ONLY_SPLIT = "train";

    private static final List<String> ENDINGS =
            List.of(".jpg", ".jpeg", ".png", ".webp", ".JPG", ".JPEG", ".PNG", ".WEBP", ".gif", ".bmp");

    private final Path file;
    private final Path imageRoot;
    private final AttributeTaxonomy taxonomy;
    private final List<ColumnUse> columns;
    private final boolean hasSplits;
    private final Map<String, List<FashionItem>> splits;

    private PhotoTable(
            Path file,
            Path imageRoot,
            AttributeTaxonomy taxonomy,
            List<ColumnUse> columns,
            boolean hasSplits,
            Map<String, List<FashionItem>> splits) {
        this.file = file;
        this.imageRoot = imageRoot;
        this.taxonomy = taxonomy;
        this.columns = columns;
        this.hasSplits = hasSplits;
        this.splits = splits;
    }

    /** Whether a path is to be read as a table: a file, or whatever is no data folder and whose name ends like a table's. */
    public static boolean isTable(Path path) {
        return Files.isRegularFile(path)
                || isNamedAsTable(path) && !Files.isDirectory(path.resolve(FashionSplit.FOLDER));
    }

    /** Whether a path's name ends like a table's. */
    public static boolean isNamedAsTable(Path path) {
        String name = path.toString().toLowerCase(Locale.ROOT);
        return Cells.ENDINGS.stream().anyMatch(name::endsWith);
    }

    /** Whether two paths, of which either may be null, are one table's. */
    public static boolean same(Path one, Path other) {
        return one != null
                && other != null
                && one.toAbsolutePath()
                        .normalize()
                        .equals(other.toAbsolutePath().normalize());
    }

    /** Whether two tables, of which either may be null, lie in one folder, or are one table that was moved. */
    public static boolean beside(Path one, Path other) {
        return one != null
                && other != null
                && (one.getFileName().equals(other.getFileName()) || folder(one).equals(folder(other)));
    }

    /** The folder that photos are in or beside: a data folder itself, or the one that a table lies in. */
    public static Path folder(Path place) {
        return isTable(place) ? place.toAbsolutePath().getParent() : place;
    }

    /**
     * Reads a table.
     *
     * @throws DataException naming file, line and column of the first thing wrong and its remedy
     */
    public static PhotoTable open(Path file, TableSettings settings) {
        return open(file, settings, problem -> {
            throw problem;
        });
    }

    /**
     * Reads a table and goes on after a bad row.
     *
     * @param problems told of every bad row; the row is left out where this returns
     * @throws DataException where the file as a whole is no table of photos
     */
    public static PhotoTable open(Path file, TableSettings settings, Consumer<DataException> problems) {
        Cells cells = Cells.read(file, Cells.Kind.PHOTOS, problems);
        return new Rows(cells, new Layout(cells, settings), settings, problems).table();
    }

    public Path file() {
        return file;
    }

    public AttributeTaxonomy taxonomy() {
        return taxonomy;
    }

    /** What became of each column. */
    public List<ColumnUse> columns() {
        return columns;
    }

    /** The splits that there are, by name. */
    public List<String> splits() {
        return List.copyOf(splits.keySet());
    }

    /**
     * A split's items, in the order of their rows.
     *
     * @throws DataException if there is no such split
     */
    public FashionSplit split(String name) {
        List<FashionItem> items = hasSplits ? splits.get(name) : splits.get(ONLY_SPLIT);
        if (items == null) {
            StringBuilder there = new StringBuilder();
            splits.forEach((split, some) -> there.append(there.isEmpty() ? "" : ", ")
                    .append(split)
                    .append(" (")
                    .append(some.size())
                    .append(" rows)"));
            throw new DataException(
                    file + ": no row's split is '" + name + "'; there are " + there + "; take one of them");
        }
        return split(name, items);
    }

    /** The items of all splits, in the order of their rows. */
    public FashionSplit all() {
        List<FashionItem> items = new ArrayList<>();
        splits.values().forEach(items::addAll);
        items.sort(Comparator.comparingInt(FashionItem::line));
        return split("all", items);
    }

    private FashionSplit split(String name, List<FashionItem> items) {
        int groups = taxonomy.groups().size();
        int[] unlabeled = new int[groups];
        for (FashionItem item : items) {
            for (int g = 0; g < groups; g++) {
                unlabeled[g] += item.attributes().get(g) == FashionItem.MISSING ? 1 : 0;
            }
        }
        return new FashionSplit(
                name,
                imageRoot,
                file,
                taxonomy,
                items,
                Arrays.stream(unlabeled).boxed().toList(),
                Collections.nCopies(groups, 0));
    }

    /** Makes items of rows. Whatever many rows have in common they share. */
    private static final class Rows {

        private final Cells cells;
        private final Layout layout;
        private final Consumer<DataException> problems;
        private final Path folder;
        private final boolean absolute;
        private final Path imageRoot;
        private final List<Column> captions;
        private final Set<String> ids = new HashSet<>();
        private final Map<String, Integer> repeated = new HashMap<>();
        private final Map<Labels, Labels> labels = new HashMap<>();
        private final Map<String, Optional<String>> categories = new HashMap<>();
        private final List<Map<String, List<Integer>>> classes = new ArrayList<>();

        private record Labels(List<Integer> first, Map<Integer, List<Integer>> further) {}

        Rows(Cells cells, Layout layout, TableSettings settings, Consumer<DataException> problems) {
            this.cells = cells;
            this.layout = layout;
            this.problems = problems;
            Path parent = cells.file().toAbsolutePath().normalize().getParent();
            folder = settings.images() == null ? parent : settings.images();
            absolute = anyAbsolute();
            // the file system's root where there are absolute paths, so that every path is relative to one folder
            imageRoot = absolute ? folder.toAbsolutePath().getRoot() : folder;
            captions = layout.captions();
            layout.groups().forEach(group -> classes.add(new HashMap<>()));
        }

        private boolean anyAbsolute() {
            Column image = layout.column(Role.IMAGE);
            for (int row = 0; row < cells.rows(); row++) {
                if (image.cell(row) != null && image.cell(row).startsWith("/")) {
                    return true;
                }
            }
            return false;
        }

        PhotoTable table() {
            Column split = layout.column(Role.SPLIT);
            Map<String, List<FashionItem>> splits = new TreeMap<>();
            for (int row = 0; row < cells.rows(); row++) {
                try {
                    String name = ONLY_SPLIT;
                    if (split != null) {
                        name = split.cell(row);
                        if (name == null) {
                            throw error(row, split, "is blank; every row needs one, such as train");
                        }
                    }
                    FashionItem item = item(row);
                    splits.computeIfAbsent(name, fresh -> new ArrayList<>()).add(item);
                } catch (DataException e) {
                    problems.accept(e);
                }
            }
            splits.replaceAll((name, items) -> List.copyOf(items));
            return new PhotoTable(cells.file(), imageRoot, layout.taxonomy(), layout.uses(), split != null, splits);
        }

        private FashionItem item(int row) {
            String written = written(row);
            Labels all = labels(row);
            Column category = layout.column(Role.CATEGORY);
            String word = category == null ? null : category.cell(row);
            List<String> texts = List.of();
            if (captions.size() == 1) {
                texts = Column.texts(captions.get(0).cell(row));
            } else if (!captions.isEmpty()) {
                texts = captions.stream()
                        .flatMap(column -> Column.texts(column.cell(row)).stream())
                        .toList();
            }
            Box box = box(row);
            Column color = layout.column(Role.COLOR);
            return new FashionItem(
                    id(row, written),
                    image(written),
                    box,
                    word == null
                            ? Optional.empty()
                            : categories.computeIfAbsent(word, fresh -> Optional.of(fresh.replace('_', ' '))),
                    all.first(),
                    List.of(),
                    cells.line(row),
                    texts,
                    all.further(),
                    color == null || color.cell(row) == null ? Optional.empty() : FashionColor.named(color.cell(row)));
        }

        private String written(int row) {
            Column column = layout.column(Role.IMAGE);
            String image = column.cell(row);
            if (image == null) {
                throw error(row, column, "is blank; write the photo's path");
            }
            if (image.indexOf('\\') >= 0) {
                image = image.replace('\\', '/');
            }
            if (image.indexOf('\0') >= 0) {
                throw error(row, column, "is not a path; correct it");
            }
            if (image.contains("..") && Path.of(image).normalize().startsWith("..")
                    || image.contains("/../") && image.startsWith("/")) {
                throw error(row, column, "'" + image + "' leads out of " + folder + "; write a path inside it");
            }
            return image;
        }

        private String image(String written) {
            String image = written;
            if (image.indexOf('.', image.lastIndexOf('/') + 1) < 0) {
                image = withEnding(image);
            }
            if (!absolute) {
                return image;
            }
            Path whole = folder.toAbsolutePath().resolve(image).normalize();
            return whole.getRoot().relativize(whole).toString();
        }

        private String withEnding(String image) {
            for (String ending : ENDINGS) {
                if (Files.isRegularFile(folder.resolve(image + ending))) {
                    return image + ending;
                }
            }
            return image;
        }

        private String id(int row, String image) {
            Column column = layout.column(Role.ID);
            String id = column == null ? null : column.cell(row);
            if (id != null) {
                if (!ids.add(id)) {
                    throw error(row, column, "'" + id + "' is the id of an earlier row, too; each is given once");
                }
                return id;
            }
            if (ids.add(image)) {
                return image;
            }
            return image + "#" + (repeated.merge(image, 1, Integer::sum) + 1);
        }

        private Box box(int row) {
            if (layout.column(Role.X) == null) {
                return Box.WHOLE;
            }
            String x = layout.column(Role.X).cell(row);
            String y = layout.column(Role.Y).cell(row);
            String width = layout.column(Role.WIDTH).cell(row);
            String height = layout.column(Role.HEIGHT).cell(row);
            if (x == null && y == null && width == null && height == null) {
                return Box.WHOLE;
            }
            int left = number(row, Role.X, 0);
            int top = number(row, Role.Y, 0);
            return new Box(left, top, left + number(row, Role.WIDTH, 1) - 1, top + number(row, Role.HEIGHT, 1) - 1);
        }

        private int number(int row, Role role, int least) {
            Column column = layout.column(role);
            String cell = column.cell(row);
            if (cell == null) {
                throw error(row, column, "is blank, but the box's other columns are not; write all four or none");
            }
            if (cell.length() <= 7 && cell.chars().allMatch(c -> c >= '0' && c <= '9')) {
                int whole = Integer.parseInt(cell);
                if (whole >= least) {
                    return whole;
                }
            }
            double number;
            try {
                number = Double.parseDouble(cell);
            } catch (NumberFormatException e) {
                throw error(row, column, "'" + cell + "' is not a number; write pixels, such as 12");
            }
            if (!(number > -Box.WHOLE.x2() && number < Box.WHOLE.x2())) {
                throw error(row, column, cell + " is no number of pixels in a photo");
            }
            int rounded = (int) Math.round(number);
            if (least > 0 && rounded < least) {
                throw error(
                        row,
                        column,
                        cell + " leaves the box without a pixel; write at least " + least
                                + ", or nothing in all four for the whole photo");
            }
            return rounded;
        }

        private Labels labels(int row) {
            List<Layout.Group> groups = layout.groups();
            Integer[] first = new Integer[groups.size()];
            Map<Integer, List<Integer>> further = Map.of();
            for (int g = 0; g < first.length; g++) {
                Layout.Group group = groups.get(g);
                String cell = group.column().cell(row);
                if (cell == null) {
                    first[g] = FashionItem.MISSING;
                    continue;
                }
                List<Integer> all = classes.get(g)
                        .computeIfAbsent(
                                cell,
                                fresh -> Column.values(fresh).stream()
                                        .map(value -> group.places().get(value))
                                        .toList());
                first[g] = all.isEmpty() ? FashionItem.MISSING : all.get(0);
                if (all.size() > 1) {
                    further = further.isEmpty() ? new HashMap<>() : further;
                    further.put(g, all.subList(1, all.size()));
                }
            }
            Labels made = new Labels(List.of(first), Map.copyOf(further));
            Labels known = labels.putIfAbsent(made, made);
            return known == null ? made : known;
        }

        private DataException error(int row, Column column, String what) {
            return new DataException(cells.file() + ":" + cells.line(row) + ": column '" + column.name() + "' " + what);
        }
    }
}
