package org.rafclip.eval;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.DoubleStream;

/**
 * One figure over the seeds of a method.
 *
 * @param runs how many, at least 1
 * @param mean over the runs
 * @param deviation sample standard deviation (n − 1); null for one run, which has none
 */
public record Spread(int runs, double mean, Double deviation) {

    /** @throws IllegalArgumentException if there is no value */
    public static Spread of(double... values) {
        double mean = Arrays.stream(values)
                .average()
                .orElseThrow(() -> new IllegalArgumentException("there is no value to take a mean of"));
        if (values.length == 1) {
            return new Spread(1, mean, null);
        }
        double squares = Arrays.stream(values)
                .map(value -> (value - mean) * (value - mean))
                .sum();
        return new Spread(values.length, mean, Math.sqrt(squares / (values.length - 1)));
    }

    /**
     * The standard deviation within both methods: the root of their variances' mean, weighted by n − 1. A method of one
     * run adds nothing to it; null where both have one.
     */
    public Double pooledDeviation(Spread other) {
        int freedom = runs + other.runs - 2;
        return freedom == 0
                ? null
                : Double.valueOf(
                        Math.sqrt(DoubleStream.of(squares(), other.squares()).sum() / freedom));
    }

    private double squares() {
        return deviation == null ? 0 : (runs - 1) * deviation * deviation;
    }

    /** A share in percent: {@code 12.00 ± 2.65}, or {@code 12.00} for one run. */
    public String percent() {
        String text = String.format(Locale.ROOT, "%.2f", 100 * mean);
        return deviation == null ? text : text + String.format(Locale.ROOT, " ± %.2f", 100 * deviation);
    }
}
