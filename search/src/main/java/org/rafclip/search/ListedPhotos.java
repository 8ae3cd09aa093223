package org.rafclip.search;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.table.PhotoTable;
import org.rafclip.data.table.TableSettings;
import org.rafclip.search.index.Entry;

/**
 * Garments that somebody has: the photos below a folder, the rows of a table, or a folder in DeepFashion's layout. Nothing is
 * opened but the lists.
 *
 * @param root the folder that the photos' files are relative to
 * @param labelled whether what lists them brings labels
 * @param garments in the order of their list, or of their names; their ids differ
 */
public record ListedPhotos(Path root, boolean labelled, List<Garment> garments) {

    /** What ids of photos that were uploaded begin with, and no others. */
    public static final String UPLOADED = "upload:";

    private static final int SHOWN = 40;

    public ListedPhotos {
        garments = List.copyOf(garments);
    }

    /**
     * A garment.
     *
     * @param id of a row, or the file
     * @param file relative to the root, with {@code /}
     * @param box empty where the list has none
     * @param labels words by facet: {@link Entry#CATEGORY}, {@link Entry#COLOR} and attribute groups
     */
    public record Garment(String id, String file, Optional<Box> box, Map<String, List<String>> labels) {

        public Garment {
            labels = Map.copyOf(labels);
        }
    }

    /**
     * Lists photos.
     *
     * @param place a folder of photos, a table, or a folder with {@code Anno_fine}
     * @param settings of a table
     * @throws DataException if there is nothing there, or the list is wrong, naming file and line
     */
    public static ListedPhotos in(Path place, TableSettings settings) {
        if (PhotoTable.isTable(place)) {
            return of(PhotoTable.open(place, settings.withLabelsOptional(true)).all());
        }
        if (!Files.isDirectory(place)) {
            throw new DataException(place + ": there is no such folder or table of photos");
        }
        if (Files.isDirectory(place.resolve(FashionSplit.FOLDER))) {
            return ofSplits(FashionSplit.available(place).stream()
                    .map(split -> FashionSplit.read(place, split))
                    .toList());
        }
        List<Garment> garments = files(place).stream()
                .map(file -> new Garment(file, file, Optional.empty(), Map.of()))
                .toList();
        if (garments.isEmpty()) {
            throw new DataException(place + ": holds no photo ("
                    + String.join(", ", ImageReader.ENDINGS.stream().sorted().toList())
                    + "), nor do the folders in it");
        }
        return new ListedPhotos(place, false, garments);
    }

    /** The garments of a split. */
    public static ListedPhotos of(FashionSplit split) {
        return ofSplits(List.of(split));
    }

    private static ListedPhotos ofSplits(List<FashionSplit> splits) {
        Map<String, Garment> garments = new LinkedHashMap<>();
        boolean labelled = false;
        for (FashionSplit split : splits) {
            for (FashionItem item : split.items()) {
                requireUsable(item.id(), split.imageRoot());
                Garment garment = new Garment(
                        item.id(),
                        item.image(),
                        item.box().equals(Box.WHOLE) ? Optional.empty() : Optional.of(item.box()),
                        labels(split.taxonomy(), item));
                garment.labels()
                        .forEach((facet, words) -> words.stream()
                                .filter(ListedPhotos::tooLong)
                                .findFirst()
                                .ifPresent(word -> {
                                    throw new DataException(split.imageRoot() + ": " + garment.id() + " has a " + facet
                                            + " of more than " + Entry.LONGEST + " bytes; shorten it");
                                }));
                labelled |= !garment.labels().isEmpty();
                garments.putIfAbsent(item.id(), garment);
            }
        }
        return new ListedPhotos(splits.get(0).imageRoot(), labelled, List.copyOf(garments.values()));
    }

    /** Ids stand in addresses, among those of uploads, and in lines of tables. */
    private static void requireUsable(String id, Path place) {
        boolean broken = id.chars().anyMatch(Character::isISOControl);
        if (tooLong(id)) {
            throw new DataException(place + ": a photo has an id of more than " + Entry.LONGEST
                    + " bytes, which begins with " + id.substring(0, SHOWN) + "; give it another id");
        }
        if (id.equals(".") || id.equals("..") || id.startsWith(UPLOADED) || broken) {
            throw new DataException(place + ": a photo has the id '" + id.replaceAll("\\p{Cntrl}", "?")
                    + "', which a search cannot name; give it another id");
        }
    }

    private static boolean tooLong(String text) {
        return text.length() > Entry.LONGEST || text.getBytes(StandardCharsets.UTF_8).length > Entry.LONGEST;
    }

    private static Map<String, List<String>> labels(AttributeTaxonomy taxonomy, FashionItem item) {
        Map<String, List<String>> labels = new LinkedHashMap<>();
        item.category().ifPresent(category -> labels.put(Entry.CATEGORY, List.of(category)));
        item.color().ifPresent(color -> labels.put(Entry.COLOR, List.of(color.word())));
        for (int g = 0; g < taxonomy.groups().size(); g++) {
            AttributeTaxonomy.Group group = taxonomy.group(g);
            List<String> words = item.classes(g).stream().map(group::words).toList();
            if (!words.isEmpty()) {
                labels.put(group.name(), words);
            }
        }
        return labels;
    }

    /**
     * Photos below a folder, and what is called like one and leads nowhere, to be told of. Links that lie in the folder itself
     * are followed, as its owner's word; no others.
     */
    private static List<String> files(Path root) {
        List<String> files = new ArrayList<>();
        try (Stream<Path> entries = Files.list(root)) {
            for (Path entry : entries.sorted().toList()) {
                boolean folder = Files.isDirectory(entry);
                Path start = folder && Files.isSymbolicLink(entry) ? entry.toRealPath() : entry;
                try (Stream<Path> below = Files.walk(start)) {
                    below.filter(path -> !Files.isDirectory(path))
                            .filter(path -> isPhoto(path.getFileName().toString()))
                            .map(path -> root.relativize(folder ? entry.resolve(start.relativize(path)) : entry))
                            .map(path -> path.toString().replace('\\', '/'))
                            .forEach(files::add);
                }
            }
        } catch (IOException e) {
            throw new DataException(root + ": cannot be listed (" + e.getMessage() + ")", e);
        }
        return files.stream().sorted().toList();
    }

    private static boolean isPhoto(String name) {
        int dot = name.lastIndexOf('.');
        return dot > 0 && ImageReader.ENDINGS.contains(name.substring(dot + 1).toLowerCase(Locale.ROOT));
    }
}
