package org.rafclip.photos;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BiFunction;
import org.rafclip.data.deepfashion.FashionSplit;

/** The splits of data folders that a program works with, each read once. For one thread. */
public final class PhotoSplits {

    private final Map<Place, PhotoSplit> known = new HashMap<>();

    private final BiFunction<Path, String, FashionSplit> read;

    /** Splits as {@link FashionSplit#read} reads them. */
    public PhotoSplits() {
        this(FashionSplit::read);
    }

    /** @param read what is in a data folder's split */
    public PhotoSplits(BiFunction<Path, String, FashionSplit> read) {
        this.read = read;
    }

    private record Place(Path dir, String name) {}

    /**
     * A split.
     *
     * @param dir the data folder
     * @param name such as {@code train}
     * @throws org.rafclip.data.DataException naming file and line of the first thing wrong with it
     */
    public PhotoSplit split(Path dir, String name) {
        return known.computeIfAbsent(
                new Place(dir.toAbsolutePath().normalize(), name), fresh -> new PhotoSplit(dir, read.apply(dir, name)));
    }
}
