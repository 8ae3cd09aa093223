package org.rafclip.search.index;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rafclip.data.DataException;
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

    private static final int SHOWN = 100;

    /**
     * Checks whether an index can keep this.
     *
     * @param width of the index's vectors
     * @throws DataException naming the entry if its id, a word or the vector cannot be kept
     */
    public void mustFit(int width) {
        String called = id.length() > SHOWN ? id.substring(0, SHOWN) + "…" : id;
        if (id.isEmpty() || bytes(id) > LONGEST) {
            throw new DataException(
                    "the id '" + called + "' has " + bytes(id) + " bytes; an id has 1 to " + LONGEST + ". Shorten it.");
        }
        labels.forEach((facet, words) -> words.forEach(word -> {
            if (facet.isEmpty() || word.isEmpty() || bytes(facet) > LONGEST || bytes(word) > LONGEST) {
                throw new DataException("the entry '" + called + "' has a label of " + bytes(facet)
                        + " bytes with a word of " + bytes(word) + "; each has 1 to " + LONGEST + ". Change it.");
            }
        }));
        double squares = IndexInfo.squares(vector);
        if (vector.length != width || !(Math.abs(squares - 1) < IndexInfo.UNIT)) {
            throw new DataException("the vector of '" + called + "' has " + vector.length + " elements and length "
                    + Math.sqrt(squares) + "; the index holds " + width + " of length 1");
        }
    }

    private static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }
}
