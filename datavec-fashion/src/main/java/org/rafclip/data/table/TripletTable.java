package org.rafclip.data.table;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import org.rafclip.data.DataException;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.Captions;
import org.rafclip.data.fashioniq.Coverage;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.data.fashioniq.Triplet;

/**
 * Triplets of composed retrieval over photos that have ids, in a file of any kind that {@link PhotoTable} reads: columns
 * {@code reference}, the id of a photo; {@code target}, an id, or several parted by {@code ;} or {@code |} or in an array,
 * all of them right; {@code text}, what the target has different, in JSON lines an array of one or two. One file serves
 * every split: a row belongs where all its photos are.
 */
public final class TripletTable {

    /** The category that triplets of a table are of. */
    public static final String CATEGORY = "photo";

    private final Path file;
    private final List<Row> rows = new ArrayList<>();

    private record Row(String reference, List<String> targets, List<String> texts, int line) {

        List<String> photos() {
            List<String> photos = new ArrayList<>(targets);
            photos.add(0, reference);
            return photos;
        }
    }

    private TripletTable(Path file) {
        this.file = file;
    }

    /** @throws DataException naming file, line and column of the first thing wrong and its remedy */
    public static TripletTable open(Path file) {
        Cells cells = Cells.read(file, Cells.Kind.TRIPLETS, problem -> {
            throw problem;
        });
        Map<String, Column> columns =
                cells.columns().stream().collect(Collectors.toMap(Column::name, column -> column));
        for (String name : List.of("reference", "target", "text")) {
            if (!columns.containsKey(name)) {
                throw new DataException(file + ":1: has no column '" + name + "', only "
                        + String.join(", ", columns.keySet()) + "; name its columns reference, target and text");
            }
        }
        TripletTable table = new TripletTable(file);
        for (int row = 0; row < cells.rows(); row++) {
            for (Column column : columns.values()) {
                if (column.cell(row) == null
                        && Set.of("reference", "target", "text").contains(column.name())) {
                    throw new DataException(file + ":" + cells.line(row) + ": column '" + column.name()
                            + "' is blank; every triplet has a reference, a target and a text");
                }
            }
            String reference = columns.get("reference").cell(row);
            List<String> targets = Column.values(columns.get("target").cell(row));
            List<String> texts = Column.texts(columns.get("text").cell(row));
            String place = file + ":" + cells.line(row) + ": column '";
            if (targets.isEmpty() || targets.contains(reference)) {
                throw new DataException(place + "target' " + (targets.isEmpty() ? "names no photo" : "is the reference")
                        + "; name the ids of other photos");
            }
            if (texts.isEmpty() || texts.size() > 2 || texts.stream().allMatch(Captions::isBlank)) {
                throw new DataException(place + "text' has " + texts.size() + " texts; write one or two with words");
            }
            table.rows.add(new Row(reference, targets, texts, cells.line(row)));
        }
        return table;
    }

    /**
     * Checks that every photo that is named exists.
     *
     * @param ids of all photos, whatever their split
     * @throws DataException naming the first line with an unknown id
     */
    public void requireKnown(Set<String> ids) {
        for (Row row : rows) {
            for (String id : row.photos()) {
                if (!ids.contains(id)) {
                    throw new DataException(file + ":" + row.line() + ": there is no photo '" + id + "' among the "
                            + ids.size() + " that are listed, whose ids are such as '"
                            + ids.stream().findFirst().orElse("") + "'; correct the id, or take the row out");
                }
            }
        }
    }

    /**
     * The triplets among some photos, one a target.
     *
     * @param ids of the photos
     * @throws DataException if there is none
     */
    public List<Triplet> triplets(Set<String> ids) {
        List<Triplet> triplets = new ArrayList<>();
        for (int index = 0; index < rows.size(); index++) {
            Row row = rows.get(index);
            for (String target : row.targets()) {
                if (ids.contains(row.reference()) && ids.contains(target)) {
                    triplets.add(new Triplet(
                            CATEGORY, row.reference(), Optional.of(target), row.texts(), index, row.line()));
                }
            }
        }
        requireSome(triplets.size(), ids);
        return triplets;
    }

    /**
     * The queries among some photos. A target that is none of them is no right answer; a row without any is left out.
     *
     * @param gallery ids of the photos that are asked for
     * @throws DataException if there is none
     */
    public QuerySet queries(List<String> gallery, CaptionForm form) {
        Map<String, Integer> places = new HashMap<>();
        gallery.forEach(id -> places.put(id, places.size()));
        List<QuerySet.Query> queries = new ArrayList<>();
        int dropped = 0;
        for (int index = 0; index < rows.size(); index++) {
            Row row = rows.get(index);
            Integer reference = places.get(row.reference());
            List<Integer> right = row.targets().stream()
                    .map(places::get)
                    .filter(Objects::nonNull)
                    .sorted()
                    .toList();
            if (reference == null || right.isEmpty()) {
                dropped++;
                continue;
            }
            for (String text : Captions.queries(row.texts(), form)) {
                queries.add(new QuerySet.Query(index, row.reference(), OptionalInt.of(reference), text, right));
            }
        }
        requireSome(queries.size(), places.keySet());
        Coverage coverage = new Coverage(CATEGORY, "val", GalleryKind.ORIGINAL, gallery.size(), List.of(), List.of());
        return new QuerySet(form, gallery, queries, coverage, dropped);
    }

    private void requireSome(int found, Set<String> ids) {
        if (found == 0) {
            throw new DataException(
                    file + ": none of its " + rows.size() + " triplets has reference and target among the "
                            + ids.size() + " photos of this split, whose ids are such as '"
                            + ids.stream().findFirst().orElse("") + "', such as line "
                            + rows.get(0).line() + " from '" + rows.get(0).reference() + "' to '"
                            + String.join("', '", rows.get(0).targets())
                            + "'; name photos by their ids, and both of one split");
        }
    }
}
