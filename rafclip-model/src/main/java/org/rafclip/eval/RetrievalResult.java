package org.rafclip.eval;

import java.util.List;

/**
 * Text ↔ image retrieval on n pairs.
 *
 * @param n pairs, and so queries and gallery entries in each direction
 * @param distinctTexts different text embeddings among them; where it is below n, several texts are alike and only one
 *     of their images can be first at instance level
 * @param distinctLabels different label combinations
 * @param textToImage queries are texts, the gallery is all images
 * @param imageToText queries are images, the gallery is all n texts
 */
public record RetrievalResult(
        int n, int distinctTexts, int distinctLabels, Direction textToImage, Direction imageToText) {

    /**
     * One direction.
     *
     * @param instance only the other half of the query's own pair is right
     * @param label any gallery entry with the query's labels is right
     */
    public record Direction(Scores instance, Scores label) {}

    /**
     * What a ranking of the gallery for every query reaches. Shares are between 0 and 1.
     *
     * @param queries how many
     * @param gallery how many entries each ranks
     * @param recallAt for each k, ascending
     * @param medianRank median over queries of the best right entry's rank, the first being 1
     * @param meanAveragePrecision mean over queries of the mean, over their right entries, of the precision at that
     *     entry's rank; with one right entry the mean reciprocal rank
     */
    public record Scores(
            int queries, int gallery, List<RecallAt> recallAt, double medianRank, double meanAveragePrecision) {

        /**
         * The share found among the first k.
         *
         * @throws IllegalArgumentException if that k was not measured
         */
        public RecallAt at(int k) {
            return recallAt.stream()
                    .filter(recall -> recall.k() == k)
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("R@" + k + " was not measured"));
        }
    }

    /**
     * Recall at k as the paper has it: the share of queries with a right entry among the first k.
     *
     * @param k length of the answer
     * @param recall the share
     * @param chance the share that a random order of the gallery reaches on average
     */
    public record RecallAt(int k, double recall, double chance) {}
}
