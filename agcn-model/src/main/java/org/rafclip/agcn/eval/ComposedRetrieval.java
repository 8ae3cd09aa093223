package org.rafclip.agcn.eval;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.eval.Retrieval;

/**
 * Composed retrieval as FashionIQ is measured (paper, section 2.4): every query's gallery is ranked exactly by cosine,
 * of equally near images the one with the lower index coming first.
 */
public final class ComposedRetrieval {

    /** What is reported: the paper's 10 and 50, and the shorter answers beside them. */
    public static final List<Integer> KS = List.of(1, 5, 10, 50);

    /** For {@link #evaluate}: every query's reference may be an answer. */
    public static final IntUnaryOperator NOTHING_MASKED = query -> -1;

    private static final double LENGTH_TOLERANCE = 1e-3;

    private ComposedRetrieval() {}

    /**
     * Measures one category.
     *
     * @param set its queries and gallery
     * @param queries composed embeddings, L2-normalised, {@code [n, d]}, in the set's order
     * @param gallery image embeddings, L2-normalised, {@code [m, d]}, in the set's order
     * @param maskReference whether a query's reference is kept from being an answer
     * @param ks answer lengths, each at least 1
     * @throws IllegalArgumentException if counts or widths do not fit
     * @throws DataException if an embedding is not of length 1 (NaN included), naming its image and text
     */
    public static ComposedResult.Category evaluate(
            QuerySet set, INDArray queries, INDArray gallery, boolean maskReference, List<Integer> ks) {
        if (queries.size(0) != set.queries().size()
                || gallery.size(0) != set.gallery().size()) {
            throw new IllegalArgumentException("category " + set.category() + " has "
                    + set.queries().size() + " queries and a gallery of "
                    + set.gallery().size() + "; there are " + queries.size(0) + " and " + gallery.size(0)
                    + " embeddings");
        }
        requireUnitLength(queries, row -> {
            QuerySet.Query query = set.queries().get(row);
            return "the query from image " + query.reference() + " by '" + query.text() + "' of category "
                    + set.category() + " is composed to";
        });
        requireUnitLength(
                gallery, row -> "image " + set.gallery().get(row) + " of category " + set.category() + " has");
        IntUnaryOperator masked = maskReference ? set::referenceIndex : NOTHING_MASKED;
        try {
            return evaluate(set.category(), queries, gallery, set::right, masked, ks);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("category " + set.category() + ": " + e.getMessage(), e);
        }
    }

    private static void requireUnitLength(INDArray embeddings, IntFunction<String> whose) {
        double[] lengths = embeddings.norm2(1).toDoubleVector();
        for (int row = 0; row < lengths.length; row++) {
            if (!(Math.abs(lengths[row] - 1) < LENGTH_TOLERANCE)) {
                throw new DataException(whose.apply(row) + " an embedding of length " + lengths[row]
                        + ", not 1: the model's weights or its cached features are broken; take another checkpoint, or"
                        + " delete the cache that data.features names");
            }
        }
    }

    /**
     * Measures any queries.
     *
     * @param name of the category
     * @param queries composed embeddings, L2-normalised, {@code [n, d]}
     * @param gallery image embeddings, L2-normalised, {@code [m, d]}
     * @param right for query i the gallery indices that answer it, at least one, without repetition
     * @param masked for query i the gallery index that may not be an answer, or -1; see {@link #NOTHING_MASKED}
     * @param ks answer lengths, each at least 1
     * @throws IllegalArgumentException as {@link Retrieval#ranks} says
     */
    public static ComposedResult.Category evaluate(
            String name,
            INDArray queries,
            INDArray gallery,
            IntFunction<int[]> right,
            IntUnaryOperator masked,
            List<Integer> ks) {
        TreeSet<Integer> lengths = new TreeSet<>(ks);
        if (lengths.isEmpty() || lengths.first() < 1) {
            throw new IllegalArgumentException("R@k needs answer lengths of at least 1, not " + ks);
        }
        int[][] ranks = Retrieval.ranks(queries, gallery, right, masked);
        int n = ranks.length;
        int m = (int) gallery.size(0);
        Map<List<Integer>, Integer> sizes = new TreeMap<>((a, b) -> {
            int first = a.get(0).compareTo(b.get(0));
            return first != 0 ? first : a.get(1).compareTo(b.get(1));
        });
        for (int i = 0; i < n; i++) {
            int answerable = masked.applyAsInt(i) >= 0 ? m - 1 : m;
            sizes.merge(List.of(answerable, ranks[i].length), 1, Integer::sum);
        }
        List<ComposedResult.At> at = new ArrayList<>();
        for (int k : lengths) {
            double chance = sizes.entrySet().stream()
                    .mapToDouble(size -> size.getValue()
                            * Retrieval.chance(
                                    size.getKey().get(0), size.getKey().get(1), k))
                    .sum();
            long found = Arrays.stream(ranks).filter(rank -> rank[0] <= k).count();
            double precision = Arrays.stream(ranks)
                    .mapToDouble(rank -> averagePrecision(rank, k))
                    .sum();
            at.add(new ComposedResult.At(k, (double) found / n, chance / n, precision / n));
        }
        int[] first = Arrays.stream(ranks).mapToInt(rank -> rank[0]).sorted().toArray();
        return new ComposedResult.Category(
                name,
                n,
                m,
                Arrays.stream(ranks).mapToInt(rank -> rank.length).average().orElseThrow(),
                at,
                (first[(n - 1) / 2] + first[n / 2]) / 2.0,
                Arrays.stream(ranks)
                                .mapToDouble(rank -> averagePrecision(rank, m))
                                .sum()
                        / n);
    }

    private static double averagePrecision(int[] ranks, int k) {
        double precisions = 0;
        for (int i = 0; i < ranks.length && ranks[i] <= k; i++) {
            precisions += (i + 1.0) / ranks[i];
        }
        return precisions / Math.min(k, ranks.length);
    }
}
