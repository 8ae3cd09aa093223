package org.rafclip.data.fashioniq;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.datavec.api.records.Record;
import org.datavec.api.records.metadata.RecordMetaDataIndex;
import org.rafclip.data.DataException;
import org.rafclip.data.fashioniq.QuerySet.Query;
import org.rafclip.data.fashioniq.TripletRecordReader.Column;

/**
 * A data folder in FashionIQ's layout (Wu et al., CVPR 2021):
 *
 * <ul>
 *   <li>{@code captions/cap.CATEGORY.SPLIT.json}: an array of {@code {"target", "candidate", "captions"}}, without
 *       {@code target} where the answers are not published;
 *   <li>{@code image_splits/split.CATEGORY.SPLIT.json}: an array of the split's image ids;
 *   <li>{@code labels/labels.CATEGORY.SPLIT.json} (not in the release, may be absent): see {@link ImageLabels};
 *   <li>{@code images/ID.jpg}, or {@code images/CATEGORY/ID.jpg}, or any other usual extension; they may lie elsewhere. A
 *       file that is no image counts as missing.
 * </ul>
 *
 * <p>The release's categories are dress, shirt and toptee, its splits train, val and test; any others are read as well.
 * Files are read when they are asked for and held by nobody. Every method throws {@link DataException}, naming file and
 * entry, where a file is missing, broken or contradicts another.
 */
public final class FashionIq {

    private static final String CAPTIONS = "captions";
    private static final Pattern CAPTIONS_FILE = Pattern.compile("cap\\.(.+)\\.([^.]+)\\.json");

    private final Path dir;
    private final ImagesById images;

    private FashionIq(Path dir, ImagesById images) {
        this.dir = dir;
        this.images = images;
    }

    /**
     * A data folder with its images in {@code images}.
     *
     * @throws DataException if there are no captions in it
     */
    public static FashionIq open(Path dir) {
        return open(dir, dir.resolve("images"));
    }

    /**
     * A data folder with its images elsewhere.
     *
     * @param images need not exist: its images count as missing then
     */
    public static FashionIq open(Path dir, Path images) {
        FashionIq data = new FashionIq(dir, new ImagesById(images));
        if (data.files().isEmpty()) {
            throw new DataException(dir.resolve(CAPTIONS) + ": has no files such as cap.dress.val.json; name the folder"
                    + " of the FashionIQ data, in which captions and image_splits lie");
        }
        return data;
    }

    /** The categories, in alphabetical order. */
    public List<String> categories() {
        return files().stream().map(name -> name.group(1)).distinct().sorted().toList();
    }

    /** The splits of a category, in alphabetical order. */
    public List<String> splits(String category) {
        return files().stream()
                .filter(name -> name.group(1).equals(category))
                .map(name -> name.group(2))
                .sorted()
                .toList();
    }

    public ImagesById images() {
        return images;
    }

    /** A split's triplets, in file order. */
    public List<Triplet> triplets(String category, String split) {
        return triplets(requireCaptions(category, split), splitFile(category, split), category);
    }

    /** The image ids that the {@code image_splits} file lists, in file order. */
    public List<String> imageIds(String category, String split) {
        requireCaptions(category, split);
        return imageIds(splitFile(category, split));
    }

    /** The whole gallery, whether its images are there or not, in the order of the {@code image_splits} file. */
    public List<String> gallery(String category, String split, GalleryKind kind) {
        List<String> ids = imageIds(category, split);
        if (kind == GalleryKind.ORIGINAL) {
            return ids;
        }
        Set<String> used = new HashSet<>();
        for (Triplet triplet : triplets(category, split)) {
            used.add(triplet.reference());
            triplet.target().ifPresent(used::add);
        }
        return ids.stream().filter(used::contains).toList();
    }

    /** Which images of a gallery have a file. A training split needs those of {@link GalleryKind#VAL_SPLIT}. */
    public Coverage coverage(String category, String split, GalleryKind kind) {
        return coverage(category, split, kind, images::has);
    }

    private Coverage coverage(String category, String split, GalleryKind kind, Predicate<String> available) {
        List<String> gallery = gallery(category, split, kind);
        List<String> missing = gallery.stream().filter(available.negate()).toList();
        return new Coverage(
                category,
                split,
                kind,
                gallery.size(),
                missing,
                missing.stream().map(images::problem).flatMap(Optional::stream).toList());
    }

    /** What an image's labels are, where the data have any. */
    public Optional<ImageLabels> labels(String category, String split) {
        Path file = ImageLabels.file(dir, category, split);
        return Files.exists(file) ? Optional.of(ImageLabels.read(file)) : Optional.empty();
    }

    /**
     * The queries of a split and the gallery they are asked against. Where the data have labels, every image with the
     * target's labels is a right answer, the reference excepted; otherwise the target alone.
     *
     * @param available whether an image can be used, such as {@code images()::has}
     * @param allowPartial goes on with the rest where images are missing
     * @throws DataException also if the split has no targets, or images are missing and that is not allowed
     */
    public QuerySet queries(
            String category,
            String split,
            GalleryKind kind,
            CaptionForm form,
            Predicate<String> available,
            boolean allowPartial) {
        Coverage coverage = coverage(category, split, kind, available);
        if (!coverage.complete() && !allowPartial) {
            throw new DataException(dir + ": " + coverage + "; complete " + images.folder()
                    + ", or allow a partial gallery, whose figures do not compare with others");
        }
        Set<String> missing = new HashSet<>(coverage.missing());
        List<String> gallery = gallery(category, split, kind).stream()
                .filter(id -> !missing.contains(id))
                .toList();
        Map<String, Integer> position = new HashMap<>();
        gallery.forEach(id -> position.put(id, position.size()));
        Optional<ImageLabels> labels = labels(category, split);
        Map<List<Integer>, List<Integer>> alike =
                labels.map(known -> known.alike(gallery)).orElse(Map.of());

        List<Triplet> triplets = triplets(category, split);
        requireTargets(triplets, requireCaptions(category, split));
        TripletRecordReader reader = TripletRecordReader.forEvaluation(form).withImages(position::containsKey);
        reader.initialize(triplets);
        List<Query> queries = new ArrayList<>();
        while (reader.hasNext()) {
            Record record = reader.nextRecord();
            String target = Column.TARGET.of(record.getRecord());
            String reference = Column.REFERENCE.of(record.getRecord());
            Integer start = position.get(reference);
            Integer right = position.get(target);
            List<Integer> answers = List.of(right);
            if (labels.isPresent()) {
                answers = alike.getOrDefault(labels.get().of(target), List.of()).stream()
                        .filter(index -> !index.equals(start))
                        .toList();
                if (!answers.contains(right)) {
                    throw new DataException(ImageLabels.file(dir, category, split) + ": the labels of " + target
                            + ", a target, are not complete; label it in every group or take its triplets out");
                }
            }
            int triplet = (int) ((RecordMetaDataIndex) record.getMetaData()).getIndex();
            queries.add(
                    new Query(triplet, reference, OptionalInt.of(start), Column.TEXT.of(record.getRecord()), answers));
        }
        if (queries.isEmpty()) {
            throw new DataException(dir + ": " + coverage + "; no triplet of " + category + " " + split
                    + " has both its images, so there is nothing to measure; complete " + images.folder() + ", or take "
                    + captionsFile(dir, category, split) + " away");
        }
        return new QuerySet(form, gallery, queries, coverage, reader.leftOut());
    }

    private static void requireTargets(List<Triplet> triplets, Path captions) {
        for (Triplet triplet : triplets) {
            if (triplet.target().isEmpty()) {
                throw new DataException(captions + ":" + triplet.line() + ": entry " + (triplet.index() + 1)
                        + ": has no target, so nothing can be measured on this split; take one with targets, such"
                        + " as val");
            }
        }
    }

    /**
     * @param captions such as {@code DIR/captions/cap.dress.val.json}
     * @return its category and split
     */
    static Matcher nameOf(Path captions) {
        Matcher name = CAPTIONS_FILE.matcher(captions.getFileName().toString());
        if (!name.matches()) {
            throw new DataException(captions + ": is no captions file such as cap.dress.val.json; name that file");
        }
        return name;
    }

    /** Reads a captions file of a folder in the data set's layout. */
    static List<Triplet> triplets(Path captions) {
        Matcher name = nameOf(captions);
        Path dir = captions.toAbsolutePath().getParent().resolveSibling("image_splits");
        return triplets(captions, dir.resolve("split." + name.group(1) + "." + name.group(2) + ".json"), name.group(1));
    }

    private static List<Triplet> triplets(Path captions, Path splitFile, String category) {
        Set<String> known = new HashSet<>(imageIds(splitFile));
        List<Triplet> triplets = JsonArrayFile.read(captions, at -> triplet(at, category, known, splitFile));
        if (triplets.isEmpty()) {
            throw new DataException(captions + ": has no entry; get the file again");
        }
        boolean published = triplets.get(0).target().isPresent();
        for (Triplet triplet : triplets) {
            if (triplet.target().isPresent() != published) {
                throw new DataException(captions + ":" + triplet.line() + ": entry " + (triplet.index() + 1)
                        + (published ? ": has no target, while entry 1 has" : ": has a target, while entry 1 has none")
                        + "; a file gives all of them or none");
            }
        }
        return triplets;
    }

    private static Triplet triplet(JsonArrayFile at, String category, Set<String> known, Path splitFile)
            throws IOException {
        JsonParser parser = at.parser();
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw at.error("is no object; write {\"target\", \"candidate\", \"captions\"}");
        }
        String reference = null;
        String target = null;
        List<String> captions = null;
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String key = parser.currentName();
            parser.nextToken();
            switch (key) {
                case "candidate" -> reference = at.text("'candidate'");
                case "target" -> target = at.text("'target'");
                case "captions" -> {
                    if (parser.currentToken() != JsonToken.START_ARRAY) {
                        throw at.error("'captions' is no array; write one of two texts");
                    }
                    captions = new ArrayList<>();
                    while (parser.nextToken() != JsonToken.END_ARRAY) {
                        captions.add(at.text("a caption"));
                    }
                }
                default ->
                    throw at.error("has the unknown key '" + key + "'; the keys are target, candidate, captions");
            }
        }
        if (reference == null || captions == null) {
            throw at.error("has no '" + (reference == null ? "candidate" : "captions") + "'; add it");
        }
        if (captions.isEmpty() || captions.size() > 2) {
            throw at.error("has " + captions.size() + " captions; write one or two");
        }
        if (captions.stream().allMatch(Captions::isBlank)) {
            throw at.error("says nothing: its captions are blank; write one or take the entry out");
        }
        for (String id : target == null ? List.of(reference) : List.of(reference, target)) {
            if (!known.contains(id)) {
                throw at.error("image '" + id + "' is not in " + splitFile + "; correct the id or add it there");
            }
        }
        if (reference.equals(target)) {
            throw at.error("image '" + reference + "' is both reference and target; take the entry out");
        }
        return new Triplet(category, reference, Optional.ofNullable(target), captions, at.index(), at.line());
    }

    private static List<String> imageIds(Path splitFile) {
        Set<String> seen = new HashSet<>();
        List<String> ids = JsonArrayFile.read(splitFile, at -> {
            String id = at.text("an image id");
            if (id.isBlank()) {
                throw at.error("is blank; write an image id or take it out");
            }
            if (!seen.add(id)) {
                throw at.error("image '" + id + "' is listed twice; take one of them out");
            }
            return id;
        });
        if (ids.isEmpty()) {
            throw new DataException(splitFile + ": has no entry; get the file again");
        }
        return ids;
    }

    private Path requireCaptions(String category, String split) {
        Path file = captionsFile(dir, category, split);
        if (!Files.exists(file)) {
            Set<String> there = new TreeSet<>();
            files().forEach(name -> there.add(name.group(1) + " " + name.group(2)));
            throw new DataException(file + ": no such file; available: " + String.join(", ", there));
        }
        return file;
    }

    /** Where a category's captions lie. */
    public static Path captionsFile(Path dir, String category, String split) {
        return dir.resolve(CAPTIONS).resolve("cap." + category + "." + split + ".json");
    }

    /** Where a category's image ids lie. */
    public static Path splitFile(Path dir, String category, String split) {
        return dir.resolve("image_splits").resolve("split." + category + "." + split + ".json");
    }

    private Path splitFile(String category, String split) {
        return splitFile(dir, category, split);
    }

    private List<Matcher> files() {
        Path folder = dir.resolve(CAPTIONS);
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> CAPTIONS_FILE.matcher(file.getFileName().toString()))
                    .filter(Matcher::matches)
                    .toList();
        } catch (IOException e) {
            throw new DataException(folder + ": cannot be read (" + e.getMessage() + ")", e);
        }
    }
}
