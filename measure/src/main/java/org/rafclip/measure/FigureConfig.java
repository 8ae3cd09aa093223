package org.rafclip.measure;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;
import org.rafclip.data.Seeds;
import org.rafclip.run.Default;

/**
 * What galleries show.
 *
 * @param queries in a gallery, drawn by the seed
 * @param answers that are shown of each
 * @param seed of the draw
 */
public record FigureConfig(
        @Default("5") int queries,
        @Default("5") int answers,
        @Default("1") long seed) {

    public FigureConfig {
        if (queries < 1) {
            throw new IllegalArgumentException("queries must be at least 1, not " + queries);
        }
        if (answers < 1) {
            throw new IllegalArgumentException("answers must be at least 1, not " + answers);
        }
    }

    /**
     * The first of a random order of entries that satisfy a condition.
     *
     * @param place names the draw among those of the seed
     */
    List<Integer> draw(long place, int entries, int wanted, IntPredicate condition) {
        SplittableRandom random = Seeds.stream(seed, place);
        return Arrays.stream(Seeds.permutation(entries, random))
                .filter(condition)
                .limit(wanted)
                .boxed()
                .toList();
    }
}
