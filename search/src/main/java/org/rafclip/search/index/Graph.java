package org.rafclip.search.index;

import org.rafclip.data.DataException;

/**
 * How an index is searched by a graph (Malkov and Yashunin 2020) rather than exactly.
 *
 * @param from entries from which on there is a graph; fewer are searched exactly
 * @param links M, neighbours that a node keeps on each level
 * @param beam nodes held while a node's neighbours are looked for
 * @param explored nodes held while a query is answered, the more the nearer to exact
 */
public record Graph(int from, int links, int beam, int explored) {

    /** M and beam of the graphs that are built. */
    public static final int LINKS = 16;

    public static final int BEAM = 100;

    /** For answers of 50 entries. */
    public static final int EXPLORED = 256;

    public Graph {
        within("from", from, 1, Integer.MAX_VALUE);
        within("links", links, 2, 512);
        within("beam", beam, 1, 3200);
        within("explored", explored, 1, 100_000);
    }

    /** With the measured standard settings. */
    public static Graph from(int entries) {
        return new Graph(entries, LINKS, BEAM, EXPLORED);
    }

    private static void within(String name, int value, int least, int most) {
        if (value < least || value > most) {
            throw new DataException(
                    "the graph's " + name + " is " + value + "; it must be between " + least + " and " + most);
        }
    }
}
