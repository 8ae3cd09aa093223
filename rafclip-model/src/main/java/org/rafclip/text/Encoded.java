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
 * @param reading where the texts are read
 * @param fill what rows of equal length are filled up with
 */
public record Encoded(int[][] ids, int cut, int endToken, Reading reading, int fill) {

    /** Read at the last token where they are filled up to the context, else at the end token. */
    public Encoded(int[][] ids, int cut, int endToken, boolean filled) {
        this(ids, cut, endToken, filled ? Reading.LAST_TOKEN : Reading.END_TOKEN, 0);
    }

    /** Not filled, and read at the end token. */
    public Encoded(int[][] ids, int cut, int endToken) {
        this(ids, cut, endToken, false);
    }

    /**
     * Rows of equal length.
     *
     * @param ids [texts, longest]
     * @param endPositions per text the column where its features are read: its first end token, or the last of the row; or up
     *     to which the text is read as a whole
     */
    public record Padded(int[][] ids, int[] endPositions) {
        /** Number of columns; 0 without texts. */
        public int length() {
            return ids.length == 0 ? 0 : ids[0].length;
        }

        /** Tokens of each text, without what fills it up. */
        public int[] lengths() {
            return Arrays.stream(endPositions).map(end -> end + 1).toArray();
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
        return new Encoded(places.stream().map(place -> ids[place]).toArray(int[][]::new), 0, endToken, reading, fill);
    }

    /** Fills up to the longest text here, not to the context length: the rest would only cost time. */
    public Padded pad() {
        int longest = Arrays.stream(ids).mapToInt(row -> row.length).max().orElse(0);
        int[][] rows = new int[ids.length][];
        int[] ends = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            rows[i] = Arrays.copyOf(ids[i], longest);
            Arrays.fill(rows[i], ids[i].length, longest, fill);
            if (reading != Reading.END_TOKEN) {
                ends[i] = ids[i].length - 1;
                continue;
            }
            while (ids[i][ends[i]] != endToken) {
                ends[i]++;
            }
        }
        return new Padded(rows, ends);
    }
}
