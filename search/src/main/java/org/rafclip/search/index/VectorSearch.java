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
 * <p>Exactly: every kept vector's rounded copy tells between which bounds its cosine lies. What lies wholly below k others is
 * none of the k nearest; the rest is looked at exactly, until nothing that is left can be as near as the k-th. By graphs: what
 * a walk through each graph ends with is looked at exactly, and segments without one are passed over as above.
 */
final class VectorSearch {

    /** Queries that share a pass. */
    private static final int BATCH = 16;

    /** Rows whose scores are kept at a time, in the cache. */
    private static final int BLOCK = 4096;

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
            List<Possible> possible =
                    batch.stream().map(query -> new Possible(k)).toList();
            for (int s = 0; s < bases.length; s++) {
                pass(batch, s, kept.get(s), possible);
            }
            for (int i = 0; i < batch.size(); i++) {
                Exact exact = new Exact(batch.get(i), k);
                exact.lookAt(possible.get(i));
                answers.add(exact.best());
            }
        }
        return answers;
    }

    /** Passes over the kept rows of a segment, block by block, for all queries. */
    private void pass(List<float[]> queries, int segment, FixedBitSet kept, List<Possible> possible) {
        CodedVectors coded = segments.get(segment).coded();
        CodedVectors.Scaled[] scaled = queries.stream().map(coded::scale).toArray(CodedVectors.Scaled[]::new);
        int stride = Math.min(BLOCK, coded.rows());
        float[] scores = new float[scaled.length * stride];
        int from = nextSet(kept, 0);
        while (from < coded.rows()) {
            int to = Math.min(nextClear(kept, from), from + stride);
            coded.scores(scaled, from, to, scores, stride, -from);
            for (int q = 0; q < scaled.length; q++) {
                possible.get(q).take(coded, scaled[q], scores, q * stride, from, to, bases[segment]);
            }
            from = nextSet(kept, to);
        }
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

    /** The nearest of what walks through the graphs come to, and of all in segments without one. */
    List<Match> byGraph(float[] query, List<FixedBitSet> kept, int k, int explored) throws IOException {
        Exact exact = new Exact(query, k);
        Possible possible = new Possible(k);
        for (int s = 0; s < bases.length; s++) {
            Segment segment = segments.get(s);
            Optional<HnswGraph> graph = segment.graph();
            if (graph.isEmpty()) {
                pass(List.of(query), s, kept.get(s), List.of(possible));
            } else {
                int[] found = walk(graph.get(), segment.coded(), query, kept.get(s), Math.max(explored, k));
                Arrays.sort(found);
                for (int row : found) {
                    exact.look(bases[s] + row);
                }
            }
        }
        exact.lookAt(possible);
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

    private static long key(float score, int document) {
        return (long) NumericUtils.floatToSortableInt(score) << 32 | document;
    }

    private static float score(long key) {
        return NumericUtils.sortableIntToFloat((int) (key >> 32));
    }

    /** What can be among the k nearest, as far as rounded scores tell. */
    private static final class Possible {

        private final int k;

        /** The k largest cosines that vectors have at least. */
        private final LongHeap sure;

        private float bar = Float.NEGATIVE_INFINITY;

        /** Documents by the cosine that they have at most. */
        private long[] highest = new long[256];

        private int count;

        Possible(int k) {
            this.k = k;
            this.sure = new LongHeap(k);
        }

        void take(CodedVectors coded, CodedVectors.Scaled query, float[] scores, int at, int from, int to, int base) {
            float most = coded.mostOff(query);
            for (int r = from; r < to; r++) {
                float score = scores[at + r - from];
                if (score + most >= bar) {
                    add(base + r, score, coded.off(query, r));
                }
            }
        }

        private void add(int document, float score, float off) {
            if (score + off < bar) {
                return;
            }
            if (count == highest.length) {
                drop();
            }
            highest[count++] = key(score + off, document);
            sure.insertWithOverflow(key(score - off, document));
            bar = sure.size() == k ? score(sure.top()) : bar;
        }

        /** Makes room: by what has become impossible, or by more memory. */
        private void drop() {
            int stay = 0;
            for (int i = 0; i < count; i++) {
                if (score(highest[i]) >= bar) {
                    highest[stay++] = highest[i];
                }
            }
            count = stay;
            if (2 * count > highest.length) {
                highest = Arrays.copyOf(highest, 2 * highest.length);
            }
        }

        /** Those that can be nearest first. */
        long[] ordered() {
            long[] order = Arrays.copyOf(highest, count);
            Arrays.sort(order);
            for (int i = 0; i < count / 2; i++) {
                long other = order[i];
                order[i] = order[count - 1 - i];
                order[count - 1 - i] = other;
            }
            return order;
        }
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

        /** Looks until nothing that is left can be as near as the last answer. */
        void lookAt(Possible possible) throws IOException {
            for (long candidate : possible.ordered()) {
                if (score(candidate) < worst) {
                    return;
                }
                look((int) candidate);
            }
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
