package org.rafclip.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * Token ids of some texts.
 *
 * @param ids one row a text, as long as the text: start token first, if there is one, and end token last; or, if filled, as
 *     long as the context
 * @param cut how many of the texts were longer than the context and lost their last tokens
 * @param endToken id of the end token
 * @param filled whether every row is filled up to the context, and read at its last token
 * @param padding what no text holds and rows of equal length are filled up with, where a text is read as a whole; empty
 *     where it is read at its first end token, and anything may stand behind that
 */
public record Encoded(int[][] ids, int cut, int endToken, boolean filled, OptionalInt padding) {

    /** Filled or not, and not read as a whole. */
    public Encoded(int[][] ids, int cut, int endToken, boolean filled) {
        this(ids, cut, endToken, filled, OptionalInt.empty());
    }

    /** Not filled. */
    public Encoded(int[][] ids, int cut, int endToken) {
        this(ids, cut, endToken, false);
    }

    /**
     * Rows of equal length.
     *
     * @param ids [texts, longest], short rows filled with 0 as CLIP does, or with what no text holds
     * @param endPositions per text the column where its features are read: CLIP's first end token, or the last; or up to which
     *     they are
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
        return new Encoded(
                places.stream().map(place -> ids[place]).toArray(int[][]::new), 0, endToken, filled, padding);
    }

    /** Fills up to the longest text here, not to the context length: the rest would only cost time. */
    public Padded pad() {
        int longest = Arrays.stream(ids).mapToInt(row -> row.length).max().orElse(0);
        int[][] rows = new int[ids.length][];
        int[] ends = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            rows[i] = Arrays.copyOf(ids[i], longest);
            if (filled || padding.isPresent()) {
                ends[i] = ids[i].length - 1;
                Arrays.fill(rows[i], ids[i].length, longest, padding.orElse(0));
                continue;
            }
            while (ids[i][ends[i]] != endToken) {
                ends[i]++;
            }
        }
        return new Padded(rows, ends);
    }
}
