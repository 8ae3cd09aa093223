package org.rafclip.experiment;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;
import org.rafclip.data.Seeds;

/** Which queries a figure shows. */
final class Drawing {

    private Drawing() {}

    /**
     * The first of a random order of entries that satisfy a condition.
     *
     * @param place names the draw among those of a seed
     */
    static List<Integer> draw(long seed, long place, int entries, int wanted, IntPredicate condition) {
        SplittableRandom random = Seeds.stream(seed, place);
        return Arrays.stream(Seeds.permutation(entries, random))
                .filter(condition)
                .limit(wanted)
                .boxed()
                .toList();
    }
}
