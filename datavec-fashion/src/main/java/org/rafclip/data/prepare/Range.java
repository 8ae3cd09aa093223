package org.rafclip.data.prepare;

import java.util.random.RandomGenerator;

/**
 * What a random number is drawn from, uniformly or log-uniformly.
 *
 * @param min smallest value
 * @param max largest value
 */
public record Range(double min, double max) {

    public Range {
        if (!(min > 0 && min <= max && max < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("a range needs 0 < min <= max, not " + min + ".." + max);
        }
    }

    double draw(RandomGenerator random) {
        return min + (max - min) * random.nextDouble();
    }

    double drawLog(RandomGenerator random) {
        return Math.exp(Math.log(min) + (Math.log(max) - Math.log(min)) * random.nextDouble());
    }

    /** Reads {@code 0.08..1}, or one number for both ends. */
    static Range parse(String text) {
        int dots = text.indexOf("..");
        String min = dots < 0 ? text : text.substring(0, dots);
        String max = dots < 0 ? text : text.substring(dots + 2);
        try {
            return new Range(Double.parseDouble(min), Double.parseDouble(max));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("is not a range such as 0.08..1", e);
        }
    }

    /** The text that {@link #parse} reads. */
    @Override
    public String toString() {
        return Grammar.format(min) + ".." + Grammar.format(max);
    }
}
