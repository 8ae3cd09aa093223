package org.rafclip.agcn.features;

/** A fixed list of images or texts that an encoder can turn into features. */
public interface FeatureSource {

    /** How many there are. */
    int rows();

    /** How many tokens a row has at most. */
    int mostTokens();

    /** What messages call a row: an image id, a text. */
    String name(int row);

    /** The features of the rows {@code from ≤ r < to}, of a row always the same, whatever its neighbours. */
    Features encode(int from, int to);
}
