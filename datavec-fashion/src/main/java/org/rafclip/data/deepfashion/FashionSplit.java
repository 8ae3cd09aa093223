package org.rafclip.data.deepfashion;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;

/**
 * One split of the data set, as its annotation files say; the photos are not opened.
 *
 * <p>{@code DIR/Anno_fine} holds for a split {@code train}, line by line in step:
 *
 * <ul>
 *   <li>{@code train.txt}: image path relative to {@link #imageRoot()};
 *   <li>{@code train_bbox.txt}: {@code x1 y1 x2 y2}, pixels counted <em>from 1</em>, both corners inside; read into
 *       boxes counted from 0;
 *   <li>{@code train_attr.txt}: either one 0/1 flag per attribute (the official release) or one class index from 0 per
 *       group ({@code -1} for none);
 *   <li>{@code train_cate.txt} (may be absent): index from 1 into {@code list_category_cloth.txt};
 *   <li>{@code train_landmarks.txt} or, as the official release spells it, {@code train_landmards.txt} (may be absent):
 *       {@code x y} pairs, {@code 0 0} where hidden.
 * </ul>
 *
 * <p>Where a line of flags sets none of a group, the item has no label there; where it sets several, which one is meant
 * cannot be known, so the item has no label there either. {@link #unlabeled()} and {@link #ambiguous()} count both.
 *
 * @param name of the split, such as {@code train}
 * @param imageRoot the folder that image paths are relative to: the data folder, or its {@code Img} where the photos were
 *     unpacked in the official release's own folder
 * @param file the split's list of images; an item's line counts in it
 * @param taxonomy what the attribute labels mean: {@code list_attr_cloth.txt}, or the fine annotations' own where that
 *     file is absent
 * @param items in file order
 * @param unlabeled per group, items without a label there
 * @param ambiguous per group, items with several labels there
 */
public record FashionSplit(
        String name,
        Path imageRoot,
        Path file,
        AttributeTaxonomy taxonomy,
        List<FashionItem> items,
        List<Integer> unlabeled,
        List<Integer> ambiguous) {

    /** The folder, inside the data folder, that holds the annotation files. */
    public static final String FOLDER = "Anno_fine";

    private static final String CATEGORIES = "list_category_cloth.txt";
    private static final List<String> PARTS = List.of("_attr", "_bbox", "_cate", "_landmards", "_landmarks");

    public FashionSplit {
        items = List.copyOf(items);
        unlabeled = List.copyOf(unlabeled);
        ambiguous = List.copyOf(ambiguous);
    }

    /** Where an item is listed, {@code FILE:LINE}, to begin what is said of it. */
    public String place(FashionItem item) {
        return file + ":" + item.line();
    }

    /**
     * Reads a split.
     *
     * @param dir the data folder
     * @param split its name, such as {@code train}
     * @throws DataException naming file and line of the first thing wrong and its remedy
     */
    public static FashionSplit read(Path dir, String split) {
        return read(dir, split, problem -> {
            throw problem;
        });
    }

    /**
     * Reads a split and goes on after a bad line.
     *
     * @param problems told of every bad line; the line's item is left out where this returns
     * @throws DataException where a whole file is missing, of the wrong form or length
     */
    public static FashionSplit read(Path dir, String split, Consumer<DataException> problems) {
        Path folder = folder(dir);
        List<String> available = available(dir);
        if (!available.contains(split)) {
            throw new DataException(folder + ": there is no split '" + split + "' ("
                    + folder.resolve(split + ".txt").getFileName() + "); "
                    + (available.isEmpty()
                            ? "put the data set's split files there"
                            : "available: " + String.join(", ", available)));
        }
        requireParts(dir, folder, split);
        Path file = folder.resolve(split + ".txt");
        List<String> images = ListFile.lines(file);
        if (images.isEmpty()) {
            throw new DataException(file + ": is empty; get the file again");
        }
        Path listed = folder.resolve(AttributeTaxonomy.FILE);
        AttributeTaxonomy taxonomy =
                Files.exists(listed) ? AttributeTaxonomy.read(listed) : AttributeTaxonomy.deepFashionFine();
        Parser parser = new Parser(dir, folder, split, file, images.size(), taxonomy);

        List<FashionItem> items = new ArrayList<>(images.size());
        Map<String, Integer> seen = new HashMap<>();
        for (int i = 0; i < images.size(); i++) {
            try {
                String image = images.get(i).strip();
                if (image.isEmpty()) {
                    throw new DataException(file + ":" + (i + 1) + ": is blank; write one image path a line");
                }
                int times = seen.merge(image, 1, Integer::sum);
                items.add(parser.item(times == 1 ? image : image + "#" + times, image, i));
            } catch (DataException problem) {
                problems.accept(problem);
            }
        }
        return new FashionSplit(
                split, imageRoot(dir), file, taxonomy, items, boxed(parser.unlabeled), boxed(parser.ambiguous));
    }

    /**
     * The splits that a data folder has, by name.
     *
     * @throws DataException where the folder of annotation files is missing
     */
    public static List<String> available(Path dir) {
        Path folder = folder(dir);
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".txt") && !name.startsWith("list_"))
                    .map(name -> name.substring(0, name.length() - ".txt".length()))
                    .filter(name -> PARTS.stream().noneMatch(name::endsWith))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new DataException(folder + ": cannot be read (" + e.getMessage() + ")", e);
        }
    }

    private static Path folder(Path dir) {
        Path folder = dir.resolve(FOLDER);
        if (!Files.isDirectory(folder)) {
            throw new DataException(
                    folder + ": no such folder; name the folder of the DeepFashion Category and Attribute"
                            + " data, in which " + FOLDER + " and img lie, or a table of photos");
        }
        return folder;
    }

    /** All files that a split lacks in one message. */
    private static void requireParts(Path dir, Path folder, String split) {
        List<String> missing = new ArrayList<>();
        List<String> remedies = new ArrayList<>();
        Path boxes = folder.resolve(split + "_bbox.txt");
        if (!Files.exists(boxes)) {
            missing.add(boxes + ": no such file");
            remedies.add(boxes.getFileName() + " holds each image's box, x1 y1 x2 y2 from 1");
        }
        Path attributes = folder.resolve(split + "_attr.txt");
        if (!Files.exists(attributes)) {
            missing.add(attributes + ": no such file");
            remedies.add(attributes.getFileName() + " its attributes, a flag 0 or 1 each or a class index a group");
        }
        Path category = folder.resolve(split + "_cate.txt");
        if (Files.exists(category) && categoryList(dir, folder).isEmpty()) {
            missing.add(folder.resolve(CATEGORIES) + ": no such file");
            remedies.add(CATEGORIES + " the names that " + category.getFileName()
                    + " numbers (the data set has it in Anno_fine or Anno_coarse)");
        }
        if (!missing.isEmpty()) {
            throw new DataException(String.join("; ", missing) + ". Put them there, line by line in step with " + split
                    + ".txt: " + String.join("; ", remedies) + ". Not needed are " + category.getFileName()
                    + " and its list, " + split + "_landmarks.txt, " + AttributeTaxonomy.FILE
                    + " (for attributes other than DeepFashion's 26)");
        }
    }

    private static Optional<Path> categoryList(Path dir, Path folder) {
        return Stream.of(folder, dir.resolve("Anno_coarse"), dir.resolve("Anno"))
                .map(place -> place.resolve(CATEGORIES))
                .filter(Files::exists)
                .findFirst();
    }

    private static Path imageRoot(Path dir) {
        Path unpacked = dir.resolve("Img");
        return !Files.isDirectory(dir.resolve("img")) && Files.isDirectory(unpacked.resolve("img")) ? unpacked : dir;
    }

    private static List<Integer> boxed(int[] values) {
        return Arrays.stream(values).boxed().toList();
    }

    private static final class Parser {

        private final AttributeTaxonomy taxonomy;
        private final Part boxes;
        private final Part attributes;
        private final boolean flags;
        private final Optional<Part> categories;
        private final List<String> categoryNames;
        private final Optional<Part> landmarks;
        private final int[] unlabeled;
        private final int[] ambiguous;

        Parser(Path dir, Path folder, String split, Path file, int count, AttributeTaxonomy taxonomy) {
            this.taxonomy = taxonomy;
            this.unlabeled = new int[taxonomy.groups().size()];
            this.ambiguous = new int[taxonomy.groups().size()];
            boxes = Part.read(folder.resolve(split + "_bbox.txt"), file, count);
            attributes = Part.read(folder.resolve(split + "_attr.txt"), file, count);
            int columns = attributes.columns(0);
            flags = columns == taxonomy.attributeCount();
            if (!flags && columns != taxonomy.groups().size()) {
                throw new DataException(attributes.file + ":1: has " + columns + " numbers; write either "
                        + taxonomy.attributeCount() + " flags 0 or 1, one per attribute, or "
                        + taxonomy.groups().size() + " class indices, one per group"
                        + (Files.exists(folder.resolve(AttributeTaxonomy.FILE))
                                ? ""
                                : "; for attributes other than DeepFashion's put a list of them beside it, "
                                        + AttributeTaxonomy.FILE));
            }
            Path category = folder.resolve(split + "_cate.txt");
            if (Files.exists(category)) {
                categories = Optional.of(Part.read(category, file, count));
                categoryNames =
                        ListFile.read(categoryList(dir, folder).orElseThrow(), "category_name category_type").stream()
                                .map(entry -> entry.name().replace('_', ' '))
                                .toList();
            } else {
                categories = Optional.empty();
                categoryNames = List.of();
            }
            landmarks = Stream.of("_landmarks.txt", "_landmards.txt")
                    .map(ending -> folder.resolve(split + ending))
                    .filter(Files::exists)
                    .findFirst()
                    .map(part -> Part.read(part, file, count));
        }

        FashionItem item(String id, String image, int index) {
            Optional<String> category = Optional.empty();
            if (categories.isPresent()) {
                category = Optional.of(category(categories.get(), index));
            }
            Box box = box(index);
            List<Landmark> points = landmarks.isPresent() ? landmarks(landmarks.get(), index) : List.of();
            return new FashionItem(id, image, box, category, flags ? flags(index) : indices(index), points, index + 1);
        }

        private Box box(int index) {
            int[] corners = boxes.numbers(index, 4, "the box's x1 y1 x2 y2");
            if (corners[2] < corners[0] || corners[3] < corners[1]) {
                throw boxes.error(index, "has no pixel: x2 must not be below x1, nor y2 below y1");
            }
            return new Box(corners[0] - 1, corners[1] - 1, corners[2] - 1, corners[3] - 1);
        }

        private String category(Part part, int index) {
            int number = part.numbers(index, 1, "the category's number")[0];
            if (number < 1 || number > categoryNames.size()) {
                throw part.error(
                        index, "is no category; " + CATEGORIES + " lists " + categoryNames.size() + ", counted from 1");
            }
            return categoryNames.get(number - 1);
        }

        private List<Landmark> landmarks(Part part, int index) {
            int columns = part.columns(index);
            if (columns % 2 != 0) {
                throw part.error(index, "has " + columns + " numbers; write pairs of x y");
            }
            int[] numbers = part.numbers(index, columns, "landmarks");
            List<Landmark> points = new ArrayList<>(columns / 2);
            for (int i = 0; i < columns; i += 2) {
                boolean visible = numbers[i] != 0 || numbers[i + 1] != 0;
                points.add(
                        visible ? new Landmark(numbers[i] - 1, numbers[i + 1] - 1, true) : new Landmark(0, 0, false));
            }
            return points;
        }

        private List<Integer> indices(int index) {
            int[] classes = attributes.numbers(index, taxonomy.groups().size(), "a class index per group");
            List<Integer> labels = new ArrayList<>(classes.length);
            for (int group = 0; group < classes.length; group++) {
                int size = taxonomy.group(group).size();
                if (classes[group] < FashionItem.MISSING || classes[group] >= size) {
                    throw attributes.error(
                            index,
                            "class " + classes[group] + " is not in group '"
                                    + taxonomy.group(group).name() + "'; it goes from 0 to " + (size - 1)
                                    + ", -1 for no label");
                }
                labels.add(classes[group]);
            }
            for (int group = 0; group < classes.length; group++) {
                unlabeled[group] += classes[group] == FashionItem.MISSING ? 1 : 0;
            }
            return labels;
        }

        private List<Integer> flags(int index) {
            int[] set = attributes.numbers(index, taxonomy.attributeCount(), "a flag per attribute");
            for (int flag : set) {
                if (flag != 0 && flag != 1) {
                    throw attributes.error(index, "flag " + flag + " is neither 0 nor 1");
                }
            }
            List<Integer> labels = new ArrayList<>(taxonomy.groups().size());
            int from = 0;
            for (int group = 0; group < taxonomy.groups().size(); group++) {
                int to = from + taxonomy.group(group).size();
                int several = Arrays.stream(set, from, to).sum();
                int label = FashionItem.MISSING;
                for (int i = from; i < to && several == 1; i++) {
                    label = set[i] == 1 ? i - from : label;
                }
                labels.add(label);
                unlabeled[group] += several == 0 ? 1 : 0;
                ambiguous[group] += several > 1 ? 1 : 0;
                from = to;
            }
            return labels;
        }
    }

    /** A file whose lines go in step with the list of images. */
    private record Part(Path file, List<String> lines) {

        static Part read(Path file, Path images, int count) {
            List<String> lines = ListFile.lines(file);
            if (lines.size() != count) {
                throw new DataException(file + ": has " + lines.size() + " lines, " + images.getFileName() + " has "
                        + count + "; both need one line an image, get the files again from one release");
            }
            return new Part(file, lines);
        }

        int columns(int index) {
            return fields(index).length;
        }

        int[] numbers(int index, int count, String meaning) {
            String[] fields = fields(index);
            if (fields.length != count) {
                throw error(
                        index,
                        "has " + fields.length + " numbers; write " + meaning + ", " + count
                                + (count == 1 ? " number" : " numbers"));
            }
            int[] numbers = new int[count];
            for (int i = 0; i < count; i++) {
                try {
                    numbers[i] = Integer.parseInt(fields[i]);
                } catch (NumberFormatException e) {
                    throw error(index, "'" + fields[i] + "' is not a whole number; write " + meaning);
                }
            }
            return numbers;
        }

        private String[] fields(int index) {
            String line = lines.get(index).strip();
            return line.isEmpty() ? new String[0] : line.split("\\s+");
        }

        DataException error(int index, String what) {
            String line = lines.get(index).strip();
            return new DataException(file + ":" + (index + 1) + ": '"
                    + (line.length() > 80 ? line.substring(0, 80) + "…" : line) + "' " + what);
        }
    }
}
