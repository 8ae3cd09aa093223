package org.rafclip.sweep;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.deeplearning4j.arbiter.optimize.api.CandidateGenerator;
import org.deeplearning4j.arbiter.optimize.api.ParameterSpace;
import org.deeplearning4j.arbiter.optimize.generator.GridSearchCandidateGenerator;
import org.deeplearning4j.arbiter.optimize.generator.GridSearchCandidateGenerator.Mode;
import org.deeplearning4j.arbiter.optimize.generator.RandomSearchGenerator;

/** The combinations of values that a sweep tries: a function of its configuration alone. */
final class Candidates {

    /** A space is taken for exhausted when so many draws in a row gave nothing new. */
    private static final int FRUITLESS = 1000;

    private Candidates() {}

    /** Arbiter's generator for a sweep, at its first candidate. */
    static CandidateGenerator generator(SweepConfig config) {
        Map<String, ParameterSpace<?>> spaces = new LinkedHashMap<>();
        config.spaces().forEach((key, space) -> spaces.put(key, space.parameterSpace()));
        KeySpaces all = new KeySpaces(spaces);
        if (config.search() == SweepConfig.Search.GRID) {
            // Arbiter's random order is drawn before it takes a seed: another one in every process.
            int points = config.points() == null ? 2 : config.points();
            return new GridSearchCandidateGenerator(all, points, Mode.Sequential, null);
        }
        CandidateGenerator random = new RandomSearchGenerator(all);
        random.setRngSeed(randomSeed(config));
        return random;
    }

    /** Arbiter draws by java.util.Random, whose first numbers are nearly the same for neighbouring seeds. */
    static long randomSeed(SweepConfig config) {
        return new SplittableRandom(config.seed()).nextLong();
    }

    /**
     * All of them in order, each once. Those of a random search with more trials start with the same ones.
     *
     * @return values by key path; fewer than {@code trials} where the spaces have no more
     */
    static List<Map<String, Object>> of(SweepConfig config) {
        CandidateGenerator generator = generator(config);
        Set<Map<String, Object>> distinct = new LinkedHashSet<>();
        int fruitless = 0;
        while (generator.hasMoreCandidates()
                && fruitless < FRUITLESS
                && (config.trials() == null || distinct.size() < config.trials())) {
            @SuppressWarnings("unchecked")
            Map<String, Object> drawn =
                    (Map<String, Object>) generator.getCandidate().getValue();
            drawn.replaceAll((key, value) -> config.spaces().get(key).value(value));
            fruitless = distinct.add(drawn) ? 0 : fruitless + 1;
        }
        return new ArrayList<>(distinct);
    }
}
