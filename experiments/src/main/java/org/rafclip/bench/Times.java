package org.rafclip.bench;

import java.util.Arrays;

/**
 * How long repetitions of one thing took.
 *
 * @param millis each, in milliseconds
 */
public record Times(double[] millis) {

    public Times {
        if (millis.length == 0) {
            throw new IllegalArgumentException("nothing was measured");
        }
    }

    /** In milliseconds. */
    public double median() {
        double[] sorted = millis.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** The quickest, which other programs disturbed least, in milliseconds. */
    public double best() {
        return Arrays.stream(millis).min().orElseThrow();
    }
}
