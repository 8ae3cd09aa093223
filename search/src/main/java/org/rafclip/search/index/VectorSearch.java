package org.rafclip.search.index;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.apache.lucene.search.DocIdSetIterator;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TopKnnCollector;
import org.apache.lucene.util.FixedBitSet;
import org.apache.lucene.util.LongHeap;
import org.apache.lucene.util.NumericUtils;
import org.apache.lucene.util.hnsw.HnswGraph;
import org.apache.lucene.util.hnsw.HnswGraphSearcher;
import org.apache.lucene.util.hnsw.RandomAccessVectorValues;
import org.rafclip.ops.kernel.Dots;
import org.rafclip.search.index.PhotoIndex.Match;

/**
 * The nearest vectors of several segments.
 *
 * <p>Exactly: every kept vector's rounded copy gives its cosine up to a known bound. The k that seem nearest are looked at
 * exactly; whatever could still be nearer than the last of them is looked at exactly too. By graphs: those that the walk
 * through each graph ends with, and all of segments without one, take the place of what could be nearer.
 */
final class VectorSearch {

    /** Queries that share a pass; their scores take memory. */
    private static final int BATCH = 16;

    /** A node of a graph, somewhere in memory, takes as long as so many rows of a pass; about so many are seen for each held. */
    private static final double NODE = 2.5;

    private static final double SEEN = 16;

    private final Dots dots = Dots.fastest();
    private final List<Segment> segments;
    private final int[] bases;
    private final int documents;
    private final int width;

    VectorSearch(List<Segment> segments, int width) {
        this.segments = segments;
        this.width = width;
        this.bases = new int[segments.size()];
        int sum = 0;
        for (int i = 0; i < bases.length; i++) {
            bases[i] = sum;
            sum += segments.get(i).documents();
        }
        this.documents = sum;
    }

    /** Whether a walk through graphs is likely to be quicker than a pass over what is kept. */
    boolean graphPays(Graph graph, int kept) {
        double nodes = SEEN * graph.explored() * ((double) documents / Math.max(1, kept));
        return NODE * nodes < kept;
    }

    /**
     * The nearest of all that is kept.
     *
     * @param kept documents of each segment that may be answers
     * @return for each query, best first
     */
    List<List<Match>> exact(List<float[]> queries, List<FixedBitSet> kept, int k) throws IOException {
        List<List<Match>> answers = new ArrayList<>();
        for (int q = 0; q < queries.size(); q += BATCH) {
            List<float[]> batch = queries.subList(q, Math.min(queries.size(), q + BATCH));
            float[] scores = scores(batch, kept);
            for (int i = 0; i < batch.size(); i++) {
                answers.add(certain(batch.get(i), scores, i * documents, k));
            }
        }
        return answers;
    }

    /** Rounded scores of batch × documents, {@code -∞} for what is not kept. */
    private float[] scores(List<float[]> queries, List<FixedBitSet> kept) {
        float[] scores = new float[Math.multiplyExact(queries.size(), documents)];
        for (int s = 0; s < bases.length; s++) {
            CodedVectors coded = segments.get(s).coded();
            FixedBitSet rows = kept.get(s);
            CodedVectors.Scaled[] scaled = queries.stream().map(coded::scale).toArray(CodedVectors.Scaled[]::new);
            for (int from = 0; from < coded.rows(); ) {
                int next = nextSet(rows, from);
                for (int q = 0; q < scaled.length; q++) {
                    int at = q * documents + bases[s];
                    Arrays.fill(scores, at + from, at + next, Float.NEGATIVE_INFINITY);
                }
                int end = nextClear(rows, next);
                coded.scores(scaled, next, end, scores, documents, bases[s]);
                from = end;
            }
        }
        return scores;
    }

    private static int nextSet(FixedBitSet bits, int from) {
        if (from >= bits.length()) {
            return bits.length();
        }
        int next = bits.nextSetBit(from);
        return next == DocIdSetIterator.NO_MORE_DOCS ? bits.length() : next;
    }

    private static int nextClear(FixedBitSet bits, int from) {
        long[] words = bits.getBits();
        int i = from;
        while (i < bits.length()) {
            long clear = ~words[i >> 6] >>> (i & 63);
            if (clear != 0) {
                return Math.min(bits.length(), i + Long.numberOfTrailingZeros(clear));
            }
            i = (i | 63) + 1;
        }
        return bits.length();
    }

    /** The k nearest by rounded scores that are known up to a bound. Those looked at are overwritten. */
    private List<Match> certain(float[] query, float[] scores, int at, int k) throws IOException {
        LongHeap seeming = new LongHeap(k);
        float worst = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < documents; i++) {
            float score = scores[at + i];
            if (score > worst) {
                seeming.insertWithOverflow(key(score, i));
                worst = seeming.size() == k ? score(seeming.top()) : worst;
            }
        }
        int[] first = new int[seeming.size()];
        for (int i = 0; i < first.length; i++) {
            first[i] = (int) seeming.get(i + 1);
        }
        Arrays.sort(first);
        Exact exact = new Exact(query, k);
        for (int document : first) {
            exact.look(document);
            scores[at + document] = Float.NEGATIVE_INFINITY;
        }
        for (int s = 0; s < bases.length; s++) {
            CodedVectors coded = segments.get(s).coded();
            CodedVectors.Scaled scaled = coded.scale(query);
            int base = bases[s];
            float most = coded.mostAbove(scaled);
            for (int r = 0; r < coded.rows(); r++) {
                float score = scores[at + base + r];
                if (score + most >= exact.worst()
                        && score != Float.NEGATIVE_INFINITY
                        && score + coded.above(scaled, r) >= exact.worst()) {
                    exact.look(base + r);
                }
            }
        }
        return exact.best();
    }

    /** The nearest of what walks through the graphs come to. */
    List<Match> byGraph(float[] query, List<FixedBitSet> kept, int k, int explored) throws IOException {
        int held = Math.max(explored, k);
        Exact exact = new Exact(query, k);
        for (int s = 0; s < bases.length; s++) {
            Segment segment = segments.get(s);
            Optional<HnswGraph> graph = segment.graph();
            int[] found = graph.isPresent()
                    ? walk(graph.get(), segment.coded(), query, kept.get(s), held)
                    : pass(segment.coded(), query, kept.get(s), held);
            Arrays.sort(found);
            for (int row : found) {
                exact.look(bases[s] + row);
            }
        }
        return exact.best();
    }

    private static int[] walk(HnswGraph graph, CodedVectors coded, float[] query, FixedBitSet kept, int held)
            throws IOException {
        TopKnnCollector collector = new TopKnnCollector(held, Integer.MAX_VALUE);
        FixedBitSet accepted = kept.cardinality() == coded.rows() ? null : kept;
        HnswGraphSearcher.search(CodedScorer.of(coded, coded.scale(query)), collector, graph, accepted);
        ScoreDoc[] found = collector.topDocs().scoreDocs;
        return Arrays.stream(found).mapToInt(hit -> hit.doc).toArray();
    }

    private static int[] pass(CodedVectors coded, float[] query, FixedBitSet kept, int held) {
        float[] scores = new float[coded.rows()];
        coded.scores(new CodedVectors.Scaled[] {coded.scale(query)}, 0, scores.length, scores, scores.length, 0);
        LongHeap best = new LongHeap(held);
        for (int r = 0; r < scores.length; r++) {
            if (kept.get(r)) {
                best.insertWithOverflow(key(scores[r], r));
            }
        }
        int[] rows = new int[best.size()];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = (int) best.get(i + 1);
        }
        return rows;
    }

    private static long key(float score, int document) {
        return (long) NumericUtils.floatToSortableInt(score) << 32 | document;
    }

    private static float score(long key) {
        return NumericUtils.sortableIntToFloat((int) (key >> 32));
    }

    /** Looks at vectors exactly and keeps the k nearest, with all that are as near as the last of them. */
    private final class Exact {

        private final float[] query;
        private final int k;
        private final LongHeap best;
        private final RandomAccessVectorValues.Floats[] vectors = new RandomAccessVectorValues.Floats[bases.length];
        private float worst = Float.NEGATIVE_INFINITY;
        private long[] looked = new long[256];
        private int count;

        Exact(float[] query, int k) {
            this.query = query;
            this.k = k;
            this.best = new LongHeap(k);
        }

        /** The cosine below which nothing is an answer any more. */
        float worst() {
            return worst;
        }

        void look(int document) throws IOException {
            int s = segment(document);
            if (vectors[s] == null) {
                vectors[s] = segments.get(s).vectors();
            }
            float score = dots.dot(query, vectors[s].vectorValue(document - bases[s]), width);
            if (score < worst) {
                return;
            }
            long key = key(score, document);
            if (count == looked.length) {
                looked = Arrays.copyOf(looked, 2 * count);
            }
            looked[count++] = key;
            best.insertWithOverflow(key);
            worst = best.size() == k ? score(best.top()) : worst;
        }

        private int segment(int document) {
            int s = Arrays.binarySearch(bases, document);
            return s >= 0 ? s : -2 - s;
        }

        List<Match> best() throws IOException {
            List<Match> matches = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                float score = score(looked[i]);
                if (score >= worst) {
                    int document = (int) looked[i];
                    int s = segment(document);
                    matches.add(new Match(segments.get(s).id(document - bases[s]), score));
                }
            }
            matches.sort(Comparator.comparingDouble(Match::cosine).reversed().thenComparing(Match::id));
            return List.copyOf(matches.subList(0, Math.min(k, matches.size())));
        }
    }
}
