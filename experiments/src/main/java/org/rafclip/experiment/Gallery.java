package org.rafclip.experiment;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.Seeds;

/** Drawn queries and their nearest entries, for figures. */
final class Gallery {

    private Gallery() {}

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

    /** An entry and its cosine. */
    record Near(int index, double score) {}

    /**
     * The entries nearest to a query, best first; of two equally near the one with the lower index.
     *
     * @param query of length 1, {@code [d]} or {@code [1, d]}
     * @param gallery of length 1, {@code [n, d]}
     * @param left how many at most
     * @param allowed which entries may be answers
     */
    static List<Near> nearest(INDArray query, INDArray gallery, int left, IntPredicate allowed) {
        double[] scores = gallery.mmul(query.reshape(query.length(), 1)).data().asDouble();
        List<Near> all = new ArrayList<>();
        IntStream.range(0, scores.length).filter(allowed).forEach(i -> all.add(new Near(i, scores[i])));
        all.sort((a, b) ->
                a.score() != b.score() ? Double.compare(b.score(), a.score()) : Integer.compare(a.index(), b.index()));
        return List.copyOf(all.subList(0, Math.min(left, all.size())));
    }
}
