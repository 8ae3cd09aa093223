package org.rafclip.agcn.eval;

import java.util.List;
import org.rafclip.eval.Spread;

/**
 * How far one method is above another, or above chance, in standard deviations over seeds.
 *
 * @param method the one
 * @param over the other
 * @param runs of the one
 * @param otherRuns of the other; 0 for chance, which is exact
 * @param at for each k
 */
public record ComposedMargin(String method, String over, int runs, int otherRuns, List<At> at) {

    private static final String CHANCE = "chance";

    /**
     * The margin of the mean recall over categories.
     *
     * @param k length of the answer
     * @param difference of the methods' means, a share
     * @param deviation sample standard deviation over seeds, pooled over both methods; null where neither has two runs
     * @param deviations the difference in such; null where there is none or it is 0
     */
    public record At(int k, double difference, Double deviation, Double deviations) {

        private static At of(int k, double difference, Double deviation) {
            return new At(
                    k,
                    difference,
                    deviation,
                    deviation == null || deviation == 0 ? null : Double.valueOf(difference / deviation));
        }
    }

    public ComposedMargin {
        at = List.copyOf(at);
    }

    /** A method over another, in the means that the paper's tables give. */
    static ComposedMargin of(ComposedTable.Ours method, ComposedTable.Ours other) {
        return new ComposedMargin(
                method.method(),
                other.method(),
                method.runs().size(),
                other.runs().size(),
                ComposedTable.PAPER_KS.stream()
                        .map(k -> {
                            Spread one = method.meanRecall(k);
                            Spread two = other.meanRecall(k);
                            return At.of(k, one.mean() - two.mean(), one.pooledDeviation(two));
                        })
                        .toList());
    }

    /** A method over a random order of its own queries' galleries. */
    static ComposedMargin overChance(ComposedTable.Ours method) {
        return new ComposedMargin(
                method.method(),
                CHANCE,
                method.runs().size(),
                0,
                ComposedTable.PAPER_KS.stream()
                        .map(k -> {
                            Spread above = Spread.of(method.runs().stream()
                                    .mapToDouble(run -> run.meanRecall(k) - run.meanChance(k))
                                    .toArray());
                            return At.of(k, above.mean(), above.deviation());
                        })
                        .toList());
    }
}
