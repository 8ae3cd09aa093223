package org.rafclip.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.deeplearning4j.arbiter.optimize.api.CandidateGenerator;
import org.deeplearning4j.arbiter.optimize.api.OptimizationResult;
import org.deeplearning4j.arbiter.optimize.api.saving.InMemoryResultSaver;
import org.deeplearning4j.arbiter.optimize.api.termination.MaxCandidatesCondition;
import org.deeplearning4j.arbiter.optimize.config.OptimizationConfiguration;
import org.deeplearning4j.arbiter.optimize.serde.jackson.JsonMapper;
import org.junit.jupiter.api.Test;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Configs;

class CandidatesTest {

    private static final String SPACES = """
            spaces:
              lr: {log-uniform: [1e-5, 1e-3]}
              dropout: {uniform: [0.1, 0.5]}
              blocks: {integer: [1, 6]}
              kind: {choice: [agcn, add, 3]}
            """;

    private static SweepConfig sweep(String lines, String spaces) {
        return Configs.parse(
                "base: base.yaml\nmetric: m\noutput: {dir: out}\n" + lines + "\n" + spaces,
                "sweep.yaml",
                List.of(),
                SweepConfig.class);
    }

    private static double[] numbers(List<Map<String, Object>> candidates, String key) {
        return candidates.stream()
                .mapToDouble(values -> ((Number) values.get(key)).doubleValue())
                .toArray();
    }

    /** Kolmogorov and Smirnov's distance between a sample and a distribution. */
    private static double distance(double[] sample, DoubleUnaryOperator cumulative) {
        double[] sorted = sample.clone();
        Arrays.sort(sorted);
        return IntStream.range(0, sorted.length)
                .mapToDouble(i -> {
                    double p = cumulative.applyAsDouble(sorted[i]);
                    return Math.max(p - (double) i / sorted.length, (i + 1.0) / sorted.length - p);
                })
                .max()
                .orElseThrow();
    }

    @Test
    void randomValuesFollowTheirSpaces() {
        int n = 2000;
        List<Map<String, Object>> drawn = Candidates.of(sweep("trials: " + n, SPACES));

        assertThat(drawn).hasSize(n).doesNotHaveDuplicates();
        // Of 100 right samples 99 lie nearer than that.
        double near = 1.63 / Math.sqrt(n);
        double[] rates = numbers(drawn, "lr");
        assertThat(Arrays.stream(rates)).allMatch(rate -> rate >= 1e-5 && rate <= 1e-3);
        assertThat(distance(rates, rate -> Math.log10(rate / 1e-5) / 2)).isLessThan(near);
        assertThat(distance(numbers(drawn, "dropout"), rate -> (rate - 0.1) / 0.4))
                .isLessThan(near);
        for (int blocks = 1; blocks <= 6; blocks++) {
            int wanted = blocks;
            assertThat(Arrays.stream(numbers(drawn, "blocks"))
                            .filter(value -> value == wanted)
                            .count())
                    .as("blocks %d", blocks)
                    .isCloseTo(n / 6, within(60L));
        }
        Map<Object, Long> kinds =
                drawn.stream().collect(Collectors.groupingBy(values -> values.get("kind"), Collectors.counting()));
        assertThat(kinds).containsOnlyKeys("agcn", "add", 3);
        assertThat(kinds.values()).allMatch(count -> Math.abs(count - n / 3.0) < 75);
    }

    @Test
    void drawnNumbersHaveFourDigits() {
        assertThat(Arrays.stream(numbers(Candidates.of(sweep("trials: 50", SPACES)), "lr")))
                .allMatch(rate -> new BigDecimal(Double.toString(rate))
                                .stripTrailingZeros()
                                .precision()
                        <= 4);
    }

    @Test
    void candidatesAreAFunctionOfSeedAndIndex() {
        List<Map<String, Object>> few = Candidates.of(sweep("trials: 5\nseed: 4", SPACES));

        assertThat(Candidates.of(sweep("trials: 5\nseed: 4", SPACES))).isEqualTo(few);
        assertThat(Candidates.of(sweep("trials: 30\nseed: 4", SPACES)).subList(0, 5))
                .isEqualTo(few);
        double[] firstRates = IntStream.range(0, 20)
                .mapToDouble(seed -> numbers(Candidates.of(sweep("trials: 1\nseed: " + seed, SPACES)), "lr")[0])
                .toArray();
        assertThat(Arrays.stream(firstRates).max().orElseThrow()
                        / Arrays.stream(firstRates).min().orElseThrow())
                .as("neighbouring seeds")
                .isGreaterThan(10);
    }

    @Test
    void aSpaceWithFewerCombinationsGivesEachOnce() {
        assertThat(Candidates.of(sweep("trials: 50", "spaces: {a: {choice: [x, y]}, b: {integer: [1, 3]}}")))
                .hasSize(6)
                .doesNotHaveDuplicates();
    }

    @Test
    void aGridIsCompleteAndHasNothingTwice() {
        List<Map<String, Object>> grid = Candidates.of(sweep("search: grid\npoints: 3", SPACES));

        assertThat(grid).hasSize(3 * 3 * 3 * 3);
        assertThat(new HashSet<>(grid)).hasSize(81);
        assertThat(grid.stream().map(values -> values.get("lr")).distinct()).containsExactly(1e-5, 1e-4, 1e-3);
        assertThat(grid.stream().map(values -> values.get("dropout")).distinct())
                .containsExactly(0.1, 0.3, 0.5);
        assertThat(grid.stream().map(values -> values.get("blocks")).distinct()).containsExactly(1, 3, 6);
        assertThat(grid.stream().map(values -> values.get("kind")).distinct()).containsExactly("agcn", "add", 3);
        assertThat(grid.get(1).get("lr")).as("the first key changes fastest").isEqualTo(1e-4);
    }

    @Test
    void aGridHasEveryNumberOfAShortIntegerRange() {
        for (int high = 2; high <= 30; high++) {
            SweepConfig config = sweep("search: grid\npoints: 40", "spaces: {n: {integer: [1, " + high + "]}}");
            assertThat(numbers(Candidates.of(config), "n"))
                    .containsExactly(
                            IntStream.rangeClosed(1, high).asDoubleStream().toArray());
        }
    }

    @Test
    void whatIsNoSpaceIsRefused() {
        assertRefused("trials: 1", "spaces: {lr: {uniform: [1, 1]}}", "spaces.lr", "[lowest, highest]");
        assertRefused("trials: 1", "spaces: {lr: {log-uniform: [0, 1]}}", "spaces.lr", "above 0");
        assertRefused("trials: 1", "spaces: {lr: {integer: [1.5, 3]}}", "spaces.lr.integer", "whole number");
        assertRefused("trials: 1", "spaces: {kind: {choice: [agcn]}}", "spaces.kind", "overrides");
        assertRefused("trials: 1", "spaces: {a: {choice: [x, x]}}", "spaces.a", "different");
        assertRefused("trials: 1", "spaces: {a: {uniform: [0, 1], integer: [0, 1]}}", "exactly one", "not 2");
        assertRefused("trials: 1", "spaces: {a: {normal: [0, 1]}}", "spaces.a.normal", "unknown key");
        assertRefused("trials: 1", "spaces: {}", "names no key");
        assertRefused("trials: 1", "spaces: {output.dir: {choice: [a, b]}}", "output.dir");
        assertRefused("", "spaces: {a: {choice: [1, 2]}}", "trials is missing");
        assertRefused("search: grid\ntrials: 3", "spaces: {a: {choice: [1, 2]}}", "take trials out");
        assertRefused("search: grid", "spaces: {a: {integer: [1, 2]}}", "needs points");
    }

    private static void assertRefused(String lines, String spaces, String... words) {
        assertThatThrownBy(() -> sweep(lines, spaces))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("sweep.yaml")
                .message()
                .contains(words);
    }

    @Test
    void arbitersConfigurationIsJsonBothWays() {
        for (String search : List.of("trials: 3", "search: grid\npoints: 3")) {
            SweepConfig config = sweep(search, SPACES);
            OptimizationConfiguration written = new OptimizationConfiguration.Builder()
                    .candidateGenerator(Candidates.generator(config))
                    .modelSaver(new InMemoryResultSaver())
                    .scoreFunction(new ValidationScore("m", true))
                    .terminationConditions(new MaxCandidatesCondition(3))
                    .rngSeed(Candidates.randomSeed(config))
                    .build();

            OptimizationConfiguration read = OptimizationConfiguration.fromJson(written.toJson());

            assertThat(read.getScoreFunction().minimize()).isTrue();
            CandidateGenerator generator = read.getCandidateGenerator();
            generator.setRngSeed(read.getRngSeed());
            assertThat(generator.getCandidate().getValue())
                    .isEqualTo(Candidates.generator(config).getCandidate().getValue());
        }
    }

    @Test
    void arbitersResultsCannotBeReadBack() throws Exception {
        OptimizationResult result = new OptimizationResult(null, 0.5, 0, null, null, null);
        String json = JsonMapper.getMapper().writeValueAsString(result);

        assertThat(json).contains("0.5");
        assertThatThrownBy(() -> JsonMapper.getMapper().readValue(json, OptimizationResult.class))
                .hasMessageContaining("no Creators");
    }
}
