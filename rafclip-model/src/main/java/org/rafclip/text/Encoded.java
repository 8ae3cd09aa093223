package org.rafclip.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Token ids of some texts.
 *
 * @param ids one row a text, as long as the text: start token first, if there is one, and end token last; or, if filled, as
 *     long as the context
 * @param cut how many of the texts were longer than the context and lost their last tokens
 * @param endToken id of the end token
 * @param filled whether every row is filled up to the context, and read at its last token
 */
public record Encoded(int[][] ids, int cut, int endToken, boolean filled) {

    /** Not filled. */
    public Encoded(int[][] ids, int cut, int endToken) {
        this(ids, cut, endToken, false);
    }

    /**
     * Rows of equal length.
     *
     * @param ids [texts, longest], short rows filled with 0 as CLIP does
     * @param endPositions per text the column where its features are read: CLIP's first end token, or the last
     */
    public record Padded(int[][] ids, int[] endPositions) {
        /** Number of columns; 0 without texts. */
        public int length() {
            return ids.length == 0 ? 0 : ids[0].length;
        }
    }

    /** The texts' places, those with as many tokens together, short ones first. */
    public List<List<Integer>> byLength() {
        Map<Integer, List<Integer>> places = new TreeMap<>();
        for (int i = 0; i < ids.length; i++) {
            places.computeIfAbsent(ids[i].length, length -> new ArrayList<>()).add(i);
        }
        return List.copyOf(places.values());
    }

    /** Some of the texts, by their places; {@link #cut} counts the whole's alone. */
    public Encoded at(List<Integer> places) {
        return new Encoded(places.stream().map(place -> ids[place]).toArray(int[][]::new), 0, endToken, filled);
    }

    /** Fills up to the longest text here, not to the context length: the rest would only cost time. */
    public Padded pad() {
        int longest = Arrays.stream(ids).mapToInt(row -> row.length).max().orElse(0);
        int[][] rows = new int[ids.length][];
        int[] ends = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            rows[i] = Arrays.copyOf(ids[i], longest);
            if (filled) {
                ends[i] = longest - 1;
            }
            while (!filled && ids[i][ends[i]] != endToken) {
                ends[i]++;
            }
        }
        return new Padded(rows, ends);
    }
}
