package org.rafclip.search;

import java.util.Optional;

/**
 * A query of image plus text.
 *
 * @param vector of length 1, {@code [d]}
 * @param how it was composed, in words for people, such as {@code AGCN} or {@code sum of both, as the model has no composer}
 * @param gates the weights of the composer's two branches (Wang and Zhao 2024, Eq. 12), empty where it has none
 */
public record Composed(float[] vector, String how, Optional<Gates> gates) {

    /**
     * @param image a, the mean over the embedding's elements where there is one an element
     * @param text b, likewise
     */
    public record Gates(double image, double text) {}
}
