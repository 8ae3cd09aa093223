package org.rafclip.photos;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.table.PhotoTable;
import org.rafclip.data.table.TableSettings;

/** The splits of data folders and tables that a program works with, each read once. For one thread. */
public final class PhotoSplits {

    private final Map<Place, PhotoSplit> known = new HashMap<>();
    private final Map<Path, PhotoTable> tables = new HashMap<>();

    private record Place(Path path, String name) {}

    /**
     * A split of the photos that settings name.
     *
     * @param name such as {@code train}
     * @throws org.rafclip.data.DataException naming file and line of the first thing wrong with it
     */
    public PhotoSplit split(PhotoConfig data, String name) {
        return split(data.place(), name, data.tableSettings());
    }

    /**
     * A split. A table that was read already is taken as it was read; otherwise its images lie in its own folder.
     *
     * @param place the data folder, or a table
     * @param name such as {@code train}
     * @throws org.rafclip.data.DataException naming file and line of the first thing wrong with it
     */
    public PhotoSplit split(Path place, String name) {
        return split(place, name, TableSettings.DEFAULT);
    }

    /**
     * A split.
     *
     * @param settings of a table that was not read yet
     * @throws org.rafclip.data.DataException naming file and line of the first thing wrong with it
     */
    public PhotoSplit split(Path place, String name, TableSettings settings) {
        Path whole = place.toAbsolutePath().normalize();
        PhotoSplit split = known.get(new Place(whole, name));
        if (split == null) {
            split = PhotoTable.isTable(place)
                    ? new PhotoSplit(place, table(whole, place, settings).split(name))
                    : new PhotoSplit(place, FashionSplit.read(place, name));
            known.put(new Place(whole, name), split);
        }
        return split;
    }

    /**
     * The ids of all photos, whatever their split.
     *
     * @param place the data folder, or a table
     * @param settings of a table that was not read yet
     */
    public Set<String> ids(Path place, TableSettings settings) {
        Stream<FashionItem> items = PhotoTable.isTable(place)
                ? table(place.toAbsolutePath().normalize(), place, settings).all().items().stream()
                : FashionSplit.available(place).stream().flatMap(name -> split(place, name, settings).items().stream());
        return items.map(FashionItem::id).collect(Collectors.toCollection(LinkedHashSet::new));
    }

    private PhotoTable table(Path whole, Path place, TableSettings settings) {
        return tables.computeIfAbsent(whole, fresh -> PhotoTable.open(place, settings));
    }
}
