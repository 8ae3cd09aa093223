package org.rafclip.sweep;

import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.arbiter.optimize.api.ParameterSpace;
import org.deeplearning4j.arbiter.optimize.distribution.LogUniformDistribution;
import org.deeplearning4j.arbiter.optimize.parameter.continuous.ContinuousParameterSpace;
import org.deeplearning4j.arbiter.optimize.parameter.discrete.DiscreteParameterSpace;
import org.deeplearning4j.arbiter.optimize.parameter.integer.IntegerParameterSpace;
import org.rafclip.run.Default;
import org.rafclip.run.Output;

/**
 * What is searched, how, and what counts: one YAML file.
 *
 * @param base the configuration that trials vary, of RaF-CLIP or of a composer; beside the sweep's file unless absolute
 * @param overrides of the base, {@code key.path=value} each
 * @param trials of a random search; a grid has as many as it has points
 * @param points of each range in a grid; integer ranges that are shorter have all of theirs
 * @param seed of a random search; a run's own seed is a key of the base
 * @param metric a figure of a validation as {@code metrics.jsonl} names it; a trial's score is its best one
 * @param goal whether the metric is to be high or low
 * @param spaces by key path of the base
 * @param output the folder of the sweep, in which every trial has its own
 */
public record SweepConfig(
        Path base,
        @Default("[]") List<String> overrides,
        @Default("random") Search search,
        @Default("null") Integer trials,
        @Default("null") Integer points,
        @Default("1") long seed,
        String metric,
        @Default("max") Goal goal,
        Map<String, Space> spaces,
        Output output) {

    static final String OUTPUT_DIR = "output.dir";

    /** How candidates are chosen. */
    public enum Search {
        /** Each value drawn from its space. */
        RANDOM,
        /** Every combination of evenly spaced values; the first space changes fastest. */
        GRID
    }

    /** What a good score is. */
    public enum Goal {
        MAX,
        MIN
    }

    public SweepConfig {
        overrides = List.copyOf(overrides);
        spaces = new LinkedHashMap<>(spaces);
        if (spaces.isEmpty()) {
            throw new IllegalArgumentException(
                    "spaces names no key; write what to search, such as spaces: {train.lr: {log-uniform: [1e-5, 1e-3]}}");
        }
        if (spaces.containsKey(OUTPUT_DIR)) {
            throw new IllegalArgumentException("spaces: every trial has an output.dir of its own; take it out");
        }
        if (search == Search.RANDOM) {
            if (trials == null || trials < 1) {
                throw new IllegalArgumentException("trials "
                        + (trials == null
                                ? "is missing: a random search needs it"
                                : "must be at least 1, not " + trials));
            }
            if (points != null) {
                throw new IllegalArgumentException("points belongs to search: grid; a random search has trials");
            }
        } else {
            if (trials != null) {
                throw new IllegalArgumentException(
                        "a grid has a trial for each of its points; take trials out, or take search: random");
            }
            boolean ranges = spaces.values().stream().anyMatch(space -> space.choice() == null);
            if (ranges && (points == null || points < 2)) {
                throw new IllegalArgumentException("a grid over ranges needs points, at least 2 for each range"
                        + (points == null ? "" : ", not " + points));
            }
        }
    }

    /**
     * The values that a key can have: exactly one of the four. A range is two numbers, both included.
     *
     * @param logUniform a range above 0, each order of magnitude as likely as another
     * @param uniform a range
     * @param integer a range of whole numbers, each as likely
     * @param choice at least two different values of any kind, each as likely
     */
    public record Space(
            @Default("null") List<Double> logUniform,
            @Default("null") List<Double> uniform,
            @Default("null") List<Integer> integer,
            @Default("null") List<Object> choice) {

        /** Drawn numbers are rounded to so many digits: configurations stay readable, the distribution as good as is. */
        private static final MathContext DIGITS = new MathContext(4);

        public Space {
            int given = (logUniform == null ? 0 : 1)
                    + (uniform == null ? 0 : 1)
                    + (integer == null ? 0 : 1)
                    + (choice == null ? 0 : 1);
            if (given != 1) {
                throw new IllegalArgumentException(
                        "give exactly one of log-uniform, uniform, integer and choice, not " + given);
            }
            requireRange("log-uniform", logUniform);
            requireRange("uniform", uniform);
            requireRange("integer", integer);
            if (logUniform != null && !(logUniform.get(0) > 0)) {
                throw new IllegalArgumentException("log-uniform: " + logUniform + " does not lie above 0");
            }
            if (choice != null && (choice.size() < 2 || new HashSet<>(choice).size() < choice.size())) {
                throw new IllegalArgumentException("choice: " + choice + " is not a list of at least two different"
                        + " values; what has one value belongs into overrides");
            }
        }

        private static void requireRange(String kind, List<? extends Number> range) {
            if (range == null) {
                return;
            }
            boolean right = range.size() == 2
                    && range.stream().allMatch(end -> Double.isFinite(end.doubleValue()))
                    && range.get(0).doubleValue() < range.get(1).doubleValue();
            if (!right) {
                throw new IllegalArgumentException(
                        kind + ": " + range + " is not a range; write [lowest, highest], such as [1, 6]");
            }
        }

        /** Arbiter's parameter space of these values. */
        ParameterSpace<?> parameterSpace() {
            if (logUniform != null) {
                return new ContinuousParameterSpace(new LogUniformDistribution(logUniform.get(0), logUniform.get(1)));
            }
            if (uniform != null) {
                return new ContinuousParameterSpace(uniform.get(0), uniform.get(1));
            }
            return integer != null
                    ? new IntegerParameterSpace(integer.get(0), integer.get(1))
                    : new DiscreteParameterSpace<>(choice);
        }

        /** The value that a trial takes for a drawn one: within the range, and with few digits. */
        Object value(Object drawn) {
            List<Double> range = logUniform != null ? logUniform : uniform;
            if (range == null) {
                return drawn;
            }
            double rounded = BigDecimal.valueOf((Double) drawn).round(DIGITS).doubleValue();
            return Math.max(range.get(0), Math.min(range.get(1), rounded));
        }
    }
}
