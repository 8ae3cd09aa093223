package org.rafclip.eval;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Exact retrieval by cosine, as Table 2 of the paper measures it. The whole gallery is ranked for every query; of two
 * equally near entries the one with the lower index comes first, and equal embeddings are always equally near. Scores
 * are computed a block at a time, so memory grows with the number of embeddings and not with its square.
 */
public final class Retrieval {

    /** The answer lengths of the paper's Table 2. */
    public static final List<Integer> PAPER_KS = List.of(3, 5, 10, 50);

    private static final IntUnaryOperator NONE_MASKED = query -> -1;

    /** Below any cosine, and near enough to them that the difference of two keys does not overflow. */
    private static final float BELOW_ALL = -1.5f;

    private Retrieval() {}

    /**
     * Both directions between n images and their n texts.
     *
     * @param images L2-normalised, {@code [n, d]}
     * @param texts L2-normalised, {@code [n, d]}; row i belongs to image i
     * @param labels one a pair; equal numbers mean equal labels, see {@link #labelClasses}
     * @param ks answer lengths, each at least 1
     * @throws IllegalArgumentException if the counts differ or an embedding is not of length 1
     */
    public static RetrievalResult evaluate(INDArray images, INDArray texts, int[] labels, List<Integer> ks) {
        Embeddings.Distinct image = Embeddings.of(images, "image embeddings").distinct();
        Embeddings.Distinct text = Embeddings.of(texts, "text embeddings").distinct();
        int n = labels.length;
        if (image.index().length != n || text.index().length != n) {
            throw new IllegalArgumentException("retrieval needs one text and one label an image; there are "
                    + image.index().length + " images, " + text.index().length + " texts and " + n + " labels");
        }
        Map<Integer, int[]> members = IntStream.range(0, n)
                .boxed()
                .collect(Collectors.groupingBy(
                        i -> labels[i], Collectors.collectingAndThen(Collectors.toList(), Retrieval::toArray)));
        List<IntFunction<int[]>> right = List.of(i -> new int[] {i}, i -> members.get(labels[i]));
        List<RetrievalResult.Scores> t2i = scores(text, image, right, ks);
        List<RetrievalResult.Scores> i2t = scores(image, text, right, ks);
        return new RetrievalResult(
                n,
                text.embeddings().rows(),
                members.size(),
                new RetrievalResult.Direction(t2i.get(0), t2i.get(1)),
                new RetrievalResult.Direction(i2t.get(0), i2t.get(1)));
    }

    /**
     * Any queries against any gallery.
     *
     * @param queries L2-normalised, {@code [q, d]}
     * @param gallery L2-normalised, {@code [g, d]}
     * @param right for query i the gallery indices that answer it, at least one, without repetition; called from
     *     several threads
     * @param ks answer lengths, each at least 1
     * @throws IllegalArgumentException if the widths differ, an embedding is not of length 1, or a query has no right
     *     entry or one outside the gallery
     */
    public static RetrievalResult.Scores evaluate(
            INDArray queries, INDArray gallery, IntFunction<int[]> right, List<Integer> ks) {
        return scores(
                        Embeddings.of(queries, "query embeddings").distinct(),
                        Embeddings.of(gallery, "gallery embeddings").distinct(),
                        List.of(right),
                        ks)
                .get(0);
    }

    /**
     * Where the right entries stand for every query.
     *
     * @param queries L2-normalised, {@code [q, d]}
     * @param gallery L2-normalised, {@code [g, d]}
     * @param right as for {@link #evaluate(INDArray, INDArray, IntFunction, List)}
     * @param masked for query i the gallery index that may not be an answer and takes no rank, or -1; called from
     *     several threads
     * @return for each query the ranks of its right entries, ascending, the first rank being 1
     * @throws IllegalArgumentException as there; also if a masked entry is outside the gallery or right
     */
    public static int[][] ranks(INDArray queries, INDArray gallery, IntFunction<int[]> right, IntUnaryOperator masked) {
        Embeddings.Distinct asking = Embeddings.of(queries, "query embeddings").distinct();
        int[][] ranks = new int[asking.index().length][];
        rank(
                asking,
                Embeddings.of(gallery, "gallery embeddings").distinct(),
                masked,
                List.of(new Notion(right, (query, found) -> ranks[query] = found)));
        return ranks;
    }

    /**
     * An entry of a ranking.
     *
     * @param index in the gallery
     * @param cosine of query and entry
     */
    public record Hit(int index, float cosine) {}

    /**
     * The first entries of every query's ranking. The order is the one that {@link #evaluate} and {@link #ranks} count on;
     * {@link Gallery} computes one query at a time, whose cosines may differ in their last bits.
     *
     * @param queries L2-normalised, {@code [q, d]}
     * @param gallery L2-normalised, {@code [g, d]}
     * @param k how many at most
     * @param masked for query i the gallery index that may not be an answer, or -1; called from several threads
     * @return one ranking a query
     * @throws IllegalArgumentException if the widths differ or an embedding is not of length 1
     */
    public static List<List<Hit>> nearest(INDArray queries, INDArray gallery, int k, IntUnaryOperator masked) {
        Embeddings.Distinct asking = Embeddings.of(queries, "query embeddings").distinct();
        List<List<Hit>> rankings = new ArrayList<>(Collections.nCopies(asking.index().length, List.of()));
        orders(
                asking,
                Embeddings.of(gallery, "gallery embeddings").distinct(),
                (query, order) -> rankings.set(query, hits(order, k, index -> index == masked.applyAsInt(query))));
        return rankings;
    }

    private static List<Hit> hits(long[] order, int k, IntPredicate hidden) {
        return Arrays.stream(order)
                .filter(key -> !hidden.test((int) key))
                .sorted()
                .limit(k)
                .mapToObj(key -> new Hit((int) key, score(key)))
                .toList();
    }

    /** A gallery for one query after the other. */
    public static final class Gallery {

        private final Embeddings.Distinct entries;

        /**
         * @param embeddings L2-normalised, {@code [g, d]}
         * @throws IllegalArgumentException if an embedding is not of length 1
         */
        public Gallery(INDArray embeddings) {
            this.entries = Embeddings.of(embeddings, "gallery embeddings").distinct();
        }

        /**
         * The first entries of a query's ranking.
         *
         * @param query L2-normalised, {@code [1, d]}
         * @param k how many at most
         * @throws IllegalArgumentException if there is not one query, or its width or length is another
         */
        public List<Hit> nearest(INDArray query, int k) {
            return nearest(query, k, new BitSet());
        }

        /**
         * The first entries of a query's ranking without some.
         *
         * @param query L2-normalised, {@code [1, d]}
         * @param k how many at most
         * @param hidden entries that may not be an answer
         * @throws IllegalArgumentException if there is not one query, or its width or length is another
         */
        public List<Hit> nearest(INDArray query, int k, BitSet hidden) {
            Embeddings.Distinct asking =
                    Embeddings.of(query, "query embeddings").distinct();
            if (asking.index().length != 1) {
                throw new IllegalArgumentException(asking.index().length + " queries where one is asked");
            }
            List<Hit> hits = new ArrayList<>();
            orders(asking, entries, (number, order) -> hits.addAll(Retrieval.hits(order, k, hidden::get)));
            return hits;
        }
    }

    /**
     * Numbers label combinations: two rows get the same number exactly when they are equal.
     *
     * @param labels one row of label indices an item, e.g. color, category and one attribute a group
     */
    public static int[] labelClasses(int[][] labels) {
        Map<List<Integer>, Integer> numbers = new HashMap<>();
        return Arrays.stream(labels)
                .mapToInt(row ->
                        numbers.computeIfAbsent(Arrays.stream(row).boxed().toList(), fresh -> numbers.size()))
                .toArray();
    }

    /**
     * What a random order reaches on average: the chance that at least one of the right entries is among the first k.
     *
     * @param gallery number of entries
     * @param right number of right ones among them
     * @param k length of the answer
     */
    public static double chance(int gallery, int right, int k) {
        double allWrong = 1;
        for (int i = 0; i < Math.min(k, gallery); i++) {
            allWrong *= Math.max(0, (double) (gallery - right - i) / (gallery - i));
        }
        return 1 - allWrong;
    }

    private static List<RetrievalResult.Scores> scores(
            Embeddings.Distinct queries,
            Embeddings.Distinct gallery,
            List<IntFunction<int[]>> rights,
            List<Integer> ks) {
        TreeSet<Integer> lengths = new TreeSet<>(ks);
        if (lengths.isEmpty() || lengths.first() < 1) {
            throw new IllegalArgumentException("R@k needs answer lengths of at least 1, not " + ks);
        }
        List<Tally> tallies = rights.stream()
                .map(right -> new Tally(queries.index().length, gallery.index().length))
                .toList();
        rank(
                queries,
                gallery,
                NONE_MASKED,
                IntStream.range(0, rights.size())
                        .mapToObj(i -> new Notion(rights.get(i), tallies.get(i)::add))
                        .toList());
        return tallies.stream().map(tally -> tally.scores(lengths)).toList();
    }

    private static void rank(
            Embeddings.Distinct queries, Embeddings.Distinct gallery, IntUnaryOperator masked, List<Notion> notions) {
        orders(queries, gallery, (query, order) -> rank(query, order, masked.applyAsInt(query), notions));
    }

    /** Takes every query's order keys of the whole gallery; from any thread. */
    private interface Orders {

        /** @param order left as it is */
        void take(int query, long[] order);
    }

    private static void orders(Embeddings.Distinct queries, Embeddings.Distinct gallery, Orders orders) {
        int g = gallery.index().length;
        int[][] askers = askers(queries);
        int width = gallery.embeddings().rows();
        queries.embeddings()
                .against(
                        gallery.embeddings(),
                        (from, count, scores) -> IntStream.range(0, count)
                                .parallel()
                                .forEach(i -> {
                                    long[] order = new long[g];
                                    for (int j = 0; j < g; j++) {
                                        order[j] = orderKey(scores[i * width + gallery.index()[j]], j);
                                    }
                                    for (int query : askers[from + i]) {
                                        orders.take(query, order);
                                    }
                                }));
    }

    private static void rank(int query, long[] order, int masked, List<Notion> notions) {
        if (masked >= order.length) {
            throw new IllegalArgumentException(
                    "query " + query + " masks the entry " + masked + "; the gallery has " + order.length + " entries");
        }
        long kept = 0;
        if (masked >= 0) {
            kept = order[masked];
            order[masked] = orderKey(BELOW_ALL, masked);
        }
        for (Notion notion : notions) {
            notion.ranks().take(query, notion.ranks(query, order, masked));
        }
        if (masked >= 0) {
            order[masked] = kept;
        }
    }

    /** For each distinct query embedding the queries that have it. */
    private static int[][] askers(Embeddings.Distinct queries) {
        List<List<Integer>> askers = new ArrayList<>();
        for (int query = 0; query < queries.index().length; query++) {
            if (queries.index()[query] == askers.size()) {
                askers.add(new ArrayList<>());
            }
            askers.get(queries.index()[query]).add(query);
        }
        return askers.stream().map(Retrieval::toArray).toArray(int[][]::new);
    }

    private static int[] toArray(List<Integer> list) {
        return list.stream().mapToInt(Integer::intValue).toArray();
    }

    /**
     * A number that is smaller the earlier an entry comes: higher score first, then lower index. Scores are cosines, so
     * the difference of two keys never overflows.
     */
    private static long orderKey(float score, int index) {
        int bits = Float.floatToIntBits(-score + 0f);
        bits ^= (bits >> 31) & 0x7fffffff;
        return ((long) bits << 32) | index;
    }

    /** The score that an order key was made of. */
    private static float score(long key) {
        int bits = (int) (key >> 32);
        bits ^= (bits >> 31) & 0x7fffffff;
        return -Float.intBitsToFloat(bits) + 0f;
    }

    /** Takes the ascending ranks of a query's right entries; each query's once, from any thread. */
    private interface Ranks {
        void take(int query, int[] ranks);
    }

    /** One notion of what is right. */
    private record Notion(IntFunction<int[]> right, Ranks ranks) {

        /** Up to so many right entries a pass each is faster than one pass with searches. */
        private static final int FEW = 16;

        int[] ranks(int query, long[] order, int masked) {
            int[] entries = right.apply(query);
            if (entries.length == 0) {
                throw new IllegalArgumentException("query " + query + " has no right entry in the gallery");
            }
            long[] keys = new long[entries.length];
            for (int i = 0; i < keys.length; i++) {
                if (entries[i] < 0 || entries[i] >= order.length) {
                    throw new IllegalArgumentException("query " + query + " has the right entry " + entries[i]
                            + "; the gallery has " + order.length + " entries");
                }
                if (entries[i] == masked) {
                    throw new IllegalArgumentException(
                            "query " + query + " has the right entry " + masked + ", which it masks");
                }
                keys[i] = order[entries[i]];
            }
            Arrays.sort(keys);
            int[] ranks = keys.length <= FEW ? aheadOfFew(keys, order) : aheadOfMany(keys, order);
            for (int i = 0; i < ranks.length; i++) {
                ranks[i]++;
            }
            return ranks;
        }

        /** For each key how many of the order come before it; one pass without branches each. */
        private static int[] aheadOfFew(long[] keys, long[] order) {
            int[] ahead = new int[keys.length];
            for (int i = 0; i < keys.length; i++) {
                long key = keys[i];
                long before = 0;
                for (long other : order) {
                    before += (other - key) >>> 63;
                }
                ahead[i] = (int) before;
            }
            return ahead;
        }

        /** The same for many sorted keys; one pass with a search in each step. */
        private static int[] aheadOfMany(long[] keys, long[] order) {
            int[] ahead = new int[keys.length];
            for (long other : order) {
                if (other < keys[keys.length - 1]) {
                    int at = Arrays.binarySearch(keys, other);
                    ahead[at < 0 ? -1 - at : at + 1]++;
                }
            }
            for (int i = 1; i < keys.length; i++) {
                ahead[i] += ahead[i - 1];
            }
            return ahead;
        }
    }

    /** What one notion of right collects, query by query; each query writes its own places only. */
    private static final class Tally {

        private final int gallery;
        private final int[] firstRank;
        private final int[] rightCount;
        private final double[] averagePrecision;

        Tally(int queries, int gallery) {
            this.gallery = gallery;
            this.firstRank = new int[queries];
            this.rightCount = new int[queries];
            this.averagePrecision = new double[queries];
        }

        void add(int query, int[] ranks) {
            firstRank[query] = ranks[0];
            double precisions = 0;
            for (int i = 0; i < ranks.length; i++) {
                precisions += (i + 1.0) / ranks[i];
            }
            rightCount[query] = ranks.length;
            averagePrecision[query] = precisions / ranks.length;
        }

        RetrievalResult.Scores scores(TreeSet<Integer> ks) {
            int queries = firstRank.length;
            int[] sorted = firstRank.clone();
            Arrays.sort(sorted);
            double median = (sorted[(queries - 1) / 2] + sorted[queries / 2]) / 2.0;
            Map<Integer, Integer> byCount = new HashMap<>();
            for (int count : rightCount) {
                byCount.merge(count, 1, Integer::sum);
            }
            List<RetrievalResult.RecallAt> recalls = new ArrayList<>();
            for (int k : ks) {
                long found = Arrays.stream(firstRank).filter(rank -> rank <= k).count();
                double chance = byCount.entrySet().stream()
                        .sorted(Map.Entry.comparingByKey())
                        .mapToDouble(entry -> entry.getValue() * chance(gallery, entry.getKey(), k))
                        .sum();
                recalls.add(new RetrievalResult.RecallAt(k, (double) found / queries, chance / queries));
            }
            double precision = Arrays.stream(averagePrecision).sum() / queries;
            return new RetrievalResult.Scores(queries, gallery, List.copyOf(recalls), median, precision);
        }
    }
}
