package org.rafclip.agcn.eval;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * Composed retrieval over the categories of a data set. All figures are shares between 0 and 1.
 *
 * @param protocol how it was measured
 * @param categories one entry each
 */
public record ComposedResult(Protocol protocol, List<Category> categories) {

    /**
     * One category.
     *
     * @param name such as {@code dress}
     * @param queries how many
     * @param gallery how many images may be an answer, the masked reference included
     * @param meanRight right answers a query has on average
     * @param at figures for each k, ascending
     * @param medianRank median over queries of the best right answer's rank, the first being 1
     * @param meanAveragePrecision over the whole ranking; with one right answer the mean reciprocal rank
     */
    public record Category(
            String name,
            int queries,
            int gallery,
            double meanRight,
            List<At> at,
            double medianRank,
            double meanAveragePrecision) {

        public Category {
            at = List.copyOf(at);
        }

        /** @throws IllegalArgumentException if that k was not measured */
        public At at(int k) {
            return at.stream()
                    .filter(figures -> figures.k() == k)
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("category " + name + ": k = " + k
                            + " was not measured; " + at.stream().map(At::k).toList() + " were"));
        }
    }

    /**
     * Figures of the first k answers.
     *
     * @param k how many
     * @param recall share of queries with a right answer among them
     * @param chance the recall that a random order reaches on average
     * @param meanAveragePrecision mean over queries of the mean precision at the right answers among them, divided by
     *     k or the number of right answers, whichever is less (mAP@k of Baldrati et al., ICCV 2023)
     */
    public record At(int k, double recall, double chance, double meanAveragePrecision) {}

    /** @throws IllegalArgumentException if there is no category */
    public ComposedResult {
        categories = List.copyOf(categories);
        if (categories.isEmpty()) {
            throw new IllegalArgumentException("there is no category to take a mean of");
        }
    }

    /** Mean recall over the categories, each counting the same whatever its queries: the paper's Average. */
    public double meanRecall(int k) {
        return mean(category -> category.at(k).recall());
    }

    /** What a random order reaches in {@link #meanRecall}. */
    public double meanChance(int k) {
        return mean(category -> category.at(k).chance());
    }

    /** Mean of mAP@k over the categories. */
    public double meanAveragePrecision(int k) {
        return mean(category -> category.at(k).meanAveragePrecision());
    }

    private double mean(ToDoubleFunction<Category> figure) {
        return categories.stream().mapToDouble(figure).sum() / categories.size();
    }
}
