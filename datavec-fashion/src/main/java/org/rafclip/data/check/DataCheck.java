package org.rafclip.data.check;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Workers;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.table.ColumnUse;
import org.rafclip.data.table.PhotoTable;
import org.rafclip.data.table.TableSettings;

/**
 * Looks through a folder of DeepFashion's fine annotations, or a table of photos: every line of every split, every photo
 * decoded.
 */
public final class DataCheck {

    private DataCheck() {}

    /**
     * What was found.
     *
     * @param dir the folder, or the table
     * @param columns what became of a table's columns; none for a folder
     * @param problems of a table's rows that are in no split for it
     * @param splits in the order of their names
     * @param duplicates photos that are in the data more than once
     * @param lookAlikes pairs of photos in different splits that look like copies of one, as {@code split: image = split:
     *     image}
     */
    public record Report(
            Path dir,
            List<ColumnUse> columns,
            List<Problem> problems,
            List<SplitReport> splits,
            List<Duplicate> duplicates,
            List<String> lookAlikes) {

        /** Whether training on the data would stop with an error: any problem but duplicates and boxes that overlap an edge. */
        public boolean usable() {
            return problems.isEmpty()
                    && splits.stream().allMatch(split -> split.problems().isEmpty());
        }

        /**
         * The report as text.
         *
         * @param shown problems of a kind that are listed; the others are counted
         */
        public String render(int shown) {
            return new ReportText(this, shown).toString();
        }
    }

    /**
     * One split.
     *
     * @param name such as {@code train}
     * @param items whose lines are right
     * @param photos different ones that the items name
     * @param categories items by category, empty where the split has none
     * @param groups label counts, in the taxonomy's order
     * @param edgeBoxes items whose box reaches beyond the photo; it is cut off there
     * @param problems all of them, in the order of the files
     */
    public record SplitReport(
            String name,
            int items,
            int photos,
            Map<String, Integer> categories,
            List<GroupReport> groups,
            List<String> edgeBoxes,
            List<Problem> problems) {}

    /**
     * How often a group's classes occur.
     *
     * @param name the group
     * @param classes as the data set spells them
     * @param counts items per class
     * @param unlabeled items without a label
     * @param ambiguous items with several, taken for none
     */
    public record GroupReport(String name, List<String> classes, List<Integer> counts, int unlabeled, int ambiguous) {

        /** The share of the most frequent class among labeled items, 0 to 1: what always answering it scores. */
        public double majority() {
            int labeled = counts.stream().mapToInt(Integer::intValue).sum();
            return labeled == 0
                    ? 0
                    : (double) counts.stream().mapToInt(Integer::intValue).max().orElse(0) / labeled;
        }
    }

    /** What can be wrong so that an item or a split cannot be used. */
    public enum Kind {
        ANNOTATION("bad annotations"),
        MISSING("missing photos"),
        UNREADABLE("unreadable photos"),
        BOX("boxes outside their photo");

        private final String words;

        Kind(String words) {
            this.words = words;
        }

        /** As a report heads a list of them. */
        public String words() {
            return words;
        }
    }

    /** One thing wrong, with file, line and remedy in its message. */
    public record Problem(Kind kind, String message) {}

    /**
     * Equal files, or one photo in several splits.
     *
     * @param places as {@code split: image}, at least two
     * @param betweenSplits whether they are in more than one split, so that a score on one of them flatters
     */
    public record Duplicate(List<String> places, boolean betweenSplits) {}

    /** @param looks null where there is a problem */
    private record Photo(String digest, Looks looks, int width, int height, Problem problem) {

        Photo(Problem problem) {
            this("", null, 0, 0, problem);
        }
    }

    /**
     * Checks a folder, or a table with the usual columns and its images beside it.
     *
     * @param dir in which {@code Anno_fine} and the photos lie, or a table
     * @param reader says what is readable, with its pixel limit
     * @param progress told of photos
     * @throws DataException where there is no such folder or it has no split
     */
    public static Report run(Path dir, ImageReader reader, int threads, Progress progress) throws InterruptedException {
        return PhotoTable.isTable(dir)
                ? table(dir, TableSettings.DEFAULT, Optional.of(reader), threads, progress)
                : folder(dir, reader, threads, progress);
    }

    /**
     * Checks a table.
     *
     * @param reader says what is readable; without one photos are neither looked for nor opened
     * @throws DataException where the file is no table of photos
     */
    public static Report table(
            Path file, TableSettings settings, Optional<ImageReader> reader, int threads, Progress progress)
            throws InterruptedException {
        List<Problem> problems = new ArrayList<>();
        PhotoTable table = PhotoTable.open(
                file, settings, problem -> problems.add(new Problem(Kind.ANNOTATION, problem.getMessage())));
        List<FashionSplit> splits = table.splits().stream().map(table::split).toList();
        Map<String, Photo> photos = reader.isPresent() ? photos(splits, reader.get(), threads, progress) : Map.of();
        return new Report(
                file,
                table.columns(),
                List.copyOf(problems),
                splits.stream().map(split -> report(split, photos, List.of())).toList(),
                duplicates(splits, photos),
                lookAlikes(splits, photos, threads));
    }

    private static Report folder(Path dir, ImageReader reader, int threads, Progress progress)
            throws InterruptedException {
        List<String> names = FashionSplit.available(dir);
        if (names.isEmpty()) {
            throw new DataException(dir.resolve(FashionSplit.FOLDER)
                    + ": has no split; put the data set's split files there, such as train.txt");
        }
        Map<String, List<Problem>> problems = new LinkedHashMap<>();
        List<FashionSplit> splits = new ArrayList<>();
        for (String name : names) {
            List<Problem> found = new ArrayList<>();
            problems.put(name, found);
            try {
                splits.add(FashionSplit.read(
                        dir, name, problem -> found.add(new Problem(Kind.ANNOTATION, problem.getMessage()))));
            } catch (DataException e) {
                found.add(new Problem(Kind.ANNOTATION, e.getMessage()));
            }
        }
        Map<String, Photo> photos = photos(splits, reader, threads, progress);
        List<SplitReport> reports = new ArrayList<>();
        for (String name : names) {
            reports.add(splits.stream()
                    .filter(split -> split.name().equals(name))
                    .findFirst()
                    .map(split -> report(split, photos, problems.get(name)))
                    .orElseGet(() -> new SplitReport(
                            name, 0, 0, Map.of(), List.of(), List.of(), List.copyOf(problems.get(name)))));
        }
        return new Report(
                dir,
                List.of(),
                List.of(),
                List.copyOf(reports),
                duplicates(splits, photos),
                lookAlikes(splits, photos, threads));
    }

    private static Map<String, Photo> photos(
            List<FashionSplit> splits, ImageReader reader, int threads, Progress progress) throws InterruptedException {
        Map<String, Path> roots = new LinkedHashMap<>();
        splits.forEach(split -> split.items().forEach(item -> roots.putIfAbsent(item.image(), split.imageRoot())));
        List<String> images = List.copyOf(roots.keySet());
        Photo[] found = new Photo[images.size()];
        Workers.forEach(
                "data-check",
                images.size(),
                threads,
                i -> found[i] = photo(roots.get(images.get(i)), images.get(i), reader),
                progress);
        Map<String, Photo> photos = new LinkedHashMap<>();
        for (int i = 0; i < found.length; i++) {
            photos.put(images.get(i), found[i]);
        }
        return photos;
    }

    private static Photo photo(Path root, String image, ImageReader reader) {
        Path file;
        try {
            file = reader.locate(root, image);
        } catch (DataException e) {
            return new Photo(new Problem(Kind.MISSING, e.getMessage()));
        }
        try {
            RgbImage read = reader.read(file);
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
            return new Photo(HexFormat.of().formatHex(digest), Looks.of(read), read.width(), read.height(), null);
        } catch (DataException e) {
            return new Photo(new Problem(Kind.UNREADABLE, e.getMessage()));
        } catch (IOException e) {
            return new Photo(new Problem(Kind.UNREADABLE, file + ": cannot be read (" + e.getMessage() + ")"));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private static SplitReport report(FashionSplit split, Map<String, Photo> photos, List<Problem> annotations) {
        List<Problem> problems = new ArrayList<>(annotations);
        List<String> edges = new ArrayList<>();
        Set<String> images = new LinkedHashSet<>();
        Map<String, Integer> categories = new TreeMap<>();
        int[][] counts = new int[split.taxonomy().groups().size()][];
        for (int group = 0; group < counts.length; group++) {
            counts[group] = new int[split.taxonomy().group(group).size()];
        }
        for (FashionItem item : split.items()) {
            item.category().ifPresent(category -> categories.merge(category, 1, Integer::sum));
            for (int group = 0; group < counts.length; group++) {
                for (int label : item.classes(group)) {
                    counts[group][label]++;
                }
            }
            Photo photo = photos.get(item.image());
            if (photo == null) {
                images.add(item.image());
                continue;
            }
            String place = split.place(item);
            if (photo.problem() != null) {
                if (images.add(item.image())) {
                    problems.add(new Problem(
                            photo.problem().kind(),
                            place + ": " + photo.problem().message()));
                }
                continue;
            }
            images.add(item.image());
            Box inside = item.box().clip(photo.width(), photo.height());
            if (inside.width() < 1 || inside.height() < 1) {
                problems.add(new Problem(
                        Kind.BOX,
                        place + ": the box of " + item.image() + " lies outside its " + photo.width() + "x"
                                + photo.height() + " photo; correct its line or remove the item in all files"));
            } else if (!inside.equals(item.box()) && !item.box().equals(Box.WHOLE)) {
                edges.add(place + ": the box of " + item.image() + " reaches beyond its " + photo.width() + "x"
                        + photo.height() + " photo");
            }
        }
        List<GroupReport> groups = new ArrayList<>();
        for (int group = 0; group < counts.length; group++) {
            AttributeTaxonomy.Group classes = split.taxonomy().group(group);
            groups.add(new GroupReport(
                    classes.name(),
                    classes.attributes(),
                    Arrays.stream(counts[group]).boxed().toList(),
                    split.unlabeled().get(group),
                    split.ambiguous().get(group)));
        }
        return new SplitReport(
                split.name(),
                split.items().size(),
                images.size(),
                Collections.unmodifiableMap(categories),
                List.copyOf(groups),
                List.copyOf(edges),
                List.copyOf(problems));
    }

    private record Place(String split, String image) {

        @Override
        public String toString() {
            return split + ": " + image;
        }
    }

    private record Row(Place place, Box box) {}

    private static List<Duplicate> duplicates(List<FashionSplit> splits, Map<String, Photo> photos) {
        Map<String, Place> first = new HashMap<>();
        Map<String, Set<Place>> places = new LinkedHashMap<>();
        Map<Row, Integer> rows = new LinkedHashMap<>();
        for (FashionSplit split : splits) {
            for (FashionItem item : split.items()) {
                Photo photo = photos.get(item.image());
                String key = photo != null && photo.problem() == null ? photo.digest() : item.image();
                Place place = new Place(split.name(), item.image());
                rows.merge(new Row(place, item.box()), 1, Integer::sum);
                Place known = first.putIfAbsent(key, place);
                if (known != null && !known.equals(place)) {
                    places.computeIfAbsent(key, any -> new LinkedHashSet<>(Set.of(known)))
                            .add(place);
                }
            }
        }
        Stream<Duplicate> photosTwice = places.values().stream()
                .map(some -> new Duplicate(
                        some.stream().map(Place::toString).toList(),
                        some.stream().map(Place::split).distinct().count() > 1));
        Stream<Duplicate> rowsTwice = rows.entrySet().stream()
                .filter(row -> row.getValue() > 1)
                .map(row -> new Duplicate(
                        List.of(row.getKey().place() + " with the same box, " + row.getValue() + " times"), false));
        return Stream.concat(photosTwice, rowsTwice).toList();
    }

    /** Photos of one split beside those of the splits after it; equal files are {@link #duplicates}. */
    private static List<String> lookAlikes(List<FashionSplit> splits, Map<String, Photo> photos, int threads)
            throws InterruptedException {
        List<List<String>> readable = splits.stream()
                .map(split -> split.items().stream()
                        .map(FashionItem::image)
                        .distinct()
                        .filter(image ->
                                photos.containsKey(image) && photos.get(image).problem() == null)
                        .toList())
                .toList();
        List<String> pairs = new ArrayList<>();
        for (int i = 0; i < splits.size(); i++) {
            for (int j = i + 1; j < splits.size(); j++) {
                for (Looks.Pair pair :
                        Looks.alike(looks(readable.get(i), photos), looks(readable.get(j), photos), threads)) {
                    String one = readable.get(i).get(pair.one());
                    String other = readable.get(j).get(pair.other());
                    if (!photos.get(one).digest().equals(photos.get(other).digest())) {
                        pairs.add(new Place(splits.get(i).name(), one) + " = "
                                + new Place(splits.get(j).name(), other));
                    }
                }
            }
        }
        return List.copyOf(pairs);
    }

    private static List<Looks> looks(List<String> images, Map<String, Photo> photos) {
        return images.stream().map(image -> photos.get(image).looks()).toList();
    }
}
