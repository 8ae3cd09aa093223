package org.rafclip.search.index;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rafclip.data.image.Box;

/**
 * A garment in an index.
 *
 * @param id unique in the index; it never becomes a path
 * @param file the photo, relative to the index's folder of images, with {@code /}
 * @param sha256 of the photo's file
 * @param box the garment in the photo, empty where it fills it
 * @param labels words by facet: {@code category}, {@code color} and the attribute groups; several in one facet are allowed
 * @param vector of length 1, {@code [d]}
 * @param thumbnail a small JPEG
 */
public record Entry(
        String id,
        String file,
        String sha256,
        Optional<Box> box,
        Map<String, List<String>> labels,
        float[] vector,
        byte[] thumbnail) {

    /** Bytes of an id or word at most: Lucene's longest term is 32,766, no name or word of people is that long. */
    public static final int LONGEST = 4096;

    public static final String CATEGORY = "category";
    public static final String COLOR = "color";
}
