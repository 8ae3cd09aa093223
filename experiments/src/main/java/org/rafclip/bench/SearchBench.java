package org.rafclip.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;
import java.util.stream.Stream;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.FloatVectorValues;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.KnnFloatVectorQuery;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.util.Bits;
import org.apache.lucene.util.VectorUtil;
import org.rafclip.data.DataException;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.eval.Table;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.Filter;
import org.rafclip.search.index.Graph;
import org.rafclip.search.index.IndexInfo;
import org.rafclip.search.index.IndexUpdate;
import org.rafclip.search.index.LuceneIndex;
import org.rafclip.search.index.PhotoIndex.Match;

/** Times questions to an index, one thread, beside loops without any preparation, and how many right answers a graph misses. */
public final class SearchBench {

    private static final String VECTOR = "vector";
    private static final String LOT = "lot";
    private static final int LOTS = 100;
    private static final int BATCH = 16;
    private static final int WARM_UP = 60;

    /** The plain loop holds its vectors on the heap. */
    private static final int PLAIN_ROWS = 100_000;

    private static final int READ_INTS = 48 << 20;
    private static final int READS = 20;
    private static final double NOISE = 0.3;
    private static final int CHECKED = 5;
    private static final double ROUNDING = 1e-6;

    /** For all rounds of one way to answer; a round asks at least so many. */
    private static final double SECONDS = 8;

    private static final int LEAST = 5;

    private final Work work;
    private final Yardstick yardstick;
    private final Consumer<String> progress;

    /**
     * @param yardstick of one thread
     * @param progress is told what is being measured
     */
    public SearchBench(Work work, Yardstick yardstick, Consumer<String> progress) {
        this.work = work;
        this.yardstick = yardstick;
        this.progress = progress;
    }

    /**
     * @param k answers of a question
     * @param queries of a round
     * @param rounds of which the one with the lowest median counts
     */
    public record Work(int k, int queries, int rounds, long seed) {}

    /**
     * Vectors to draw.
     *
     * @param random whether without any order, rather than like CLIP's
     */
    public record Drawn(int rows, int width, boolean random) {

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "%,d vectors of %d elements, %s", rows, width, kind().toString());
        }

        DrawnVectors.Kind kind() {
            return random ? DrawnVectors.Kind.RANDOM : DrawnVectors.Kind.LIKE_CLIP;
        }
    }

    /**
     * One way to answer.
     *
     * @param median milliseconds a question
     * @param slow the 99th percentile of the same
     * @param recall share of the exact answers that it gave; null where it is not counted
     * @param bytes that a question reads at least; 0 where it depends on the question
     * @param operations multiplications and additions of a question; 0 likewise
     */
    public record Row(String what, double median, double slow, Double recall, double bytes, double operations) {}

    /**
     * How an index came about.
     *
     * @param writeSeconds drawing and writing
     * @param graphSeconds for the graph
     */
    public record Built(double writeSeconds, double graphSeconds) {}

    /**
     * What was measured.
     *
     * @param built null for an index that was there
     * @param megabytes of the index's files
     * @param openSeconds with checksums and rounding
     * @param heapMegabytes that the open index takes
     * @param gigabytesPerSecond of a plain read of memory by one thread
     * @param gemm GFLOP/s of the best matrix product of one thread
     * @param limit GFLOP/s that one thread of the processor reaches at most, or null
     * @param processor its name, and how the limit came about
     * @param loadBefore processes that ran on average over the minute before
     * @param loadAfter processes that ran on average over the last minute
     * @param rows the plain loop first
     */
    public record Result(
            String subject,
            int entries,
            int k,
            Built built,
            double megabytes,
            double openSeconds,
            double heapMegabytes,
            double gigabytesPerSecond,
            double gemm,
            Double limit,
            String processor,
            double loadBefore,
            double loadAfter,
            boolean agrees,
            List<Row> rows) {

        /** The figures as a table. */
        public Table table() {
            double plain = rows.get(0).median();
            List<List<String>> cells = new ArrayList<>();
            for (Row row : rows) {
                boolean pass = row.bytes() > 0;
                double speed = row.bytes() / row.median() / 1e6;
                double arithmetic = row.operations() / row.median() / 1e6;
                cells.add(List.of(
                        row.what(),
                        String.format(Locale.ROOT, "%.2f", row.median()),
                        String.format(Locale.ROOT, "%.2f", row.slow()),
                        String.format(Locale.ROOT, "%.1f", plain / row.median()),
                        pass ? String.format(Locale.ROOT, "%.1f", speed) : Table.NONE,
                        pass ? String.format(Locale.ROOT, "%.2f", speed / gigabytesPerSecond) : Table.NONE,
                        pass ? String.format(Locale.ROOT, "%.0f", arithmetic) : Table.NONE,
                        pass ? String.format(Locale.ROOT, "%.2f", arithmetic / gemm) : Table.NONE,
                        Yardstick.cell(pass && limit != null ? arithmetic / limit : null),
                        row.recall() == null ? Table.NONE : String.format(Locale.ROOT, "%.4f", row.recall())));
            }
            List<String> notes = new ArrayList<>();
            notes.add(String.format(
                    Locale.ROOT,
                    "one thread: a plain read of memory %.1f GB/s, sgemm %.0f GFLOP/s; load %.1f before, %.1f"
                            + " after",
                    gigabytesPerSecond,
                    gemm,
                    loadBefore,
                    loadAfter));
            notes.add(processor);
            notes.add(String.format(
                    Locale.ROOT,
                    "%sindex of %,.0f MB opened in %.2f s, %,.0f MB of it on the Java heap",
                    built == null
                            ? ""
                            : String.format(
                                    Locale.ROOT,
                                    "written in %.1f s, graph built in %.1f s; ",
                                    built.writeSeconds(),
                                    built.graphSeconds()),
                    megabytes,
                    openSeconds,
                    heapMegabytes));
            notes.add("exact answers "
                    + (agrees ? "are those of the plain loop" : "DIFFER from those of the plain loop"));
            return new Table(
                    String.format(Locale.ROOT, "The nearest %d of %s", k, subject),
                    List.of(
                            "",
                            "ms p50",
                            "ms p99",
                            "times",
                            "GB/s",
                            "of memory",
                            "GFLOP/s",
                            "of gemm",
                            "of limit",
                            "recall@" + k),
                    cells,
                    notes);
        }
    }

    /**
     * Draws vectors, writes them to an index in an empty folder, and asks it.
     *
     * @param graph to be built; empty for none
     */
    public Result drawn(Drawn drawn, Optional<Graph> graph, Path folder) {
        DrawnVectors vectors = new DrawnVectors(drawn.kind(), drawn.rows(), drawn.width(), work.seed());
        IndexInfo info = new IndexInfo(
                "bench", "bench", folder, null, drawn.width(), Images.CROPS, false, folder, false, 0, Instant.EPOCH);
        Built built;
        try (IndexUpdate update = IndexUpdate.open(folder, info, graph, Clock.systemUTC())) {
            long begin = System.nanoTime();
            for (int i = 0; i < drawn.rows(); i++) {
                if (i % 10_000 == 0) {
                    progress.accept(String.format(Locale.ROOT, "writing %,d of %,d", i, drawn.rows()));
                }
                update.put(new Entry(
                        "row " + i,
                        i + ".jpg",
                        Integer.toHexString(i),
                        Optional.empty(),
                        Map.of(LOT, List.of("lot " + i * 7919L % LOTS)),
                        vectors.row(i),
                        new byte[0]));
            }
            update.commit();
            double wrote = seconds(begin);
            progress.accept("building the graph");
            begin = System.nanoTime();
            update.finish();
            built = new Built(wrote, seconds(begin));
        }
        List<float[]> queries = Stream.iterate(0, i -> i + 1)
                .limit(work.queries())
                .map(vectors::query)
                .toList();
        return measure(folder, drawn.toString(), built, queries);
    }

    /** Asks an index that is there, with stored vectors to which a little of another direction is added. */
    public Result existing(Path folder) {
        List<float[]> queries;
        SplittableRandom random = new SplittableRandom(work.seed());
        try (LuceneIndex index = LuceneIndex.open(folder)) {
            if (index.info().entries() == 0) {
                throw new DataException(folder + ": the index is empty; there is nothing to search.");
            }
            queries = index.sample(work.queries(), random).stream()
                    .map(stored -> perturbed(stored, random))
                    .toList();
        }
        return measure(folder, folder.toString(), null, queries);
    }

    private static float[] perturbed(float[] stored, SplittableRandom random) {
        double[] sum = new double[stored.length];
        for (int j = 0; j < sum.length; j++) {
            sum[j] = stored[j] + NOISE / Math.sqrt(sum.length) * random.nextGaussian();
        }
        return DrawnVectors.unit(sum);
    }

    private Result measure(Path folder, String subject, Built built, List<float[]> queries) {
        double load = Times.load();
        progress.accept("reading memory");
        double memory = readMemory();
        progress.accept("sgemm");
        double multiplied = yardstick.gemm().getAsDouble();
        progress.accept("opening");
        double heap = heap();
        long begin = System.nanoTime();
        try (LuceneIndex index = LuceneIndex.open(folder);
                DirectoryReader reader = DirectoryReader.open(FSDirectory.open(folder))) {
            double opened = seconds(begin);
            double heapTaken = heap() - heap;
            int entries = index.info().entries();
            double vectorBytes = 4.0 * index.info().width() * entries;
            double operations = 2.0 * index.info().width() * entries;
            List<Row> rows = new ArrayList<>();
            Plain plain = new Plain(reader, work.k());
            double scale = (double) reader.maxDoc() / plain.rows();
            String sample = scale > 1 ? String.format(Locale.ROOT, ", from %,d", plain.rows()) : "";
            Timed plainly = time("plain loop", queries, 1, plain::nearest);
            rows.add(new Row(
                    "plain loop" + sample,
                    plainly.median() * scale,
                    plainly.slow() * scale,
                    null,
                    vectorBytes,
                    operations));
            Timed lucene = time("Lucene's loop", queries, 1, query -> loop(reader, query));
            rows.add(new Row(
                    "Lucene's scoring of every vector", lucene.median(), lucene.slow(), null, vectorBytes, operations));
            Timed one = time(
                    "exact",
                    queries,
                    1,
                    query -> exact(index, List.of(query), Filter.ALL).size());
            rows.add(new Row("exact", one.median(), one.slow(), null, vectorBytes / 4, operations));
            Timed many = batched(index, queries);
            rows.add(new Row(
                    "exact, in batches of " + BATCH,
                    many.median(),
                    many.slow(),
                    null,
                    vectorBytes / 4 / BATCH,
                    operations));
            onePercent(index).ifPresent(filter -> {
                Timed filtered = time(
                        "filtered",
                        queries,
                        1,
                        query ->
                                index.nearest(query, filter, Set.of(), work.k()).size());
                double share = 100.0 * index.count(filter, Set.of()) / entries;
                rows.add(new Row(
                        String.format(Locale.ROOT, "filter that keeps %.1f %%", share),
                        filtered.median(),
                        filtered.slow(),
                        null,
                        0,
                        0));
            });
            index.graph().filter(graph -> entries >= graph.from()).ifPresent(graph -> {
                Timed walked = time(
                        "graph",
                        queries,
                        1,
                        query -> index.nearestByGraph(query, Filter.ALL, Set.of(), work.k())
                                .size());
                String settings = "M " + graph.links() + ", beam " + graph.beam() + ", explored " + graph.explored();
                rows.add(new Row("graph, " + settings, walked.median(), walked.slow(), recall(index, queries), 0, 0));
                IndexSearcher searcher = new IndexSearcher(reader);
                Timed own = time("Lucene's graph search", queries, 1, query -> knn(searcher, query, graph.explored()));
                rows.add(new Row("the same graph, Lucene's scoring", own.median(), own.slow(), null, 0, 0));
            });
            return new Result(
                    subject,
                    entries,
                    work.k(),
                    built,
                    megabytes(folder),
                    opened,
                    heapTaken,
                    memory,
                    multiplied,
                    yardstick.limit(),
                    yardstick.processor(),
                    load,
                    Times.load(),
                    agrees(index, reader, queries),
                    rows);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private List<List<Match>> exact(LuceneIndex index, List<float[]> queries, Filter filter) {
        return index.nearestExactly(queries, filter, Set.of(), work.k());
    }

    private Timed batched(LuceneIndex index, List<float[]> queries) {
        List<List<float[]>> batches = new ArrayList<>();
        for (int i = 0; i + BATCH <= queries.size(); i += BATCH) {
            batches.add(queries.subList(i, i + BATCH));
        }
        if (batches.isEmpty()) {
            batches.add(queries);
        }
        return time(
                "exact in batches",
                batches,
                batches.get(0).size(),
                batch -> exact(index, batch, Filter.ALL).size());
    }

    private static Optional<Filter> onePercent(LuceneIndex index) {
        double aim = index.info().entries() / 100.0;
        return index.facets(Filter.ALL).entrySet().stream()
                .flatMap(facet -> facet.getValue().entrySet().stream()
                        .map(word -> Map.entry(
                                new Filter(Map.of(facet.getKey(), Set.of(word.getKey())), Optional.empty()),
                                word.getValue())))
                .min(Comparator.comparingDouble(counted -> Math.abs(Math.log(counted.getValue() / aim))))
                .map(Map.Entry::getKey);
    }

    private double recall(LuceneIndex index, List<float[]> queries) {
        List<List<Match>> exact = exact(index, queries, Filter.ALL);
        long right = 0;
        long found = 0;
        for (int i = 0; i < queries.size(); i++) {
            Set<String> ids = new HashSet<>(exact.get(i).stream().map(Match::id).toList());
            right += ids.size();
            found += index.nearestByGraph(queries.get(i), Filter.ALL, Set.of(), work.k()).stream()
                    .filter(match -> ids.contains(match.id()))
                    .count();
        }
        return (double) found / right;
    }

    /** Whether exact answers have the cosines that a loop in double precision finds. */
    private boolean agrees(LuceneIndex index, DirectoryReader reader, List<float[]> queries) throws IOException {
        progress.accept("checking");
        for (float[] query : queries.subList(0, Math.min(CHECKED, queries.size()))) {
            PriorityQueue<Double> best = new PriorityQueue<>();
            for (LeafReaderContext leaf : reader.leaves()) {
                Bits live = leaf.reader().getLiveDocs();
                FloatVectorValues values = leaf.reader().getFloatVectorValues(VECTOR);
                for (int doc = values.nextDoc(); doc != FloatVectorValues.NO_MORE_DOCS; doc = values.nextDoc()) {
                    if (live == null || live.get(doc)) {
                        float[] row = values.vectorValue();
                        double sum = 0;
                        for (int j = 0; j < row.length; j++) {
                            sum += (double) query[j] * row[j];
                        }
                        best.add(sum);
                        if (best.size() > work.k()) {
                            best.poll();
                        }
                    }
                }
            }
            List<Match> answer = exact(index, List.of(query), Filter.ALL).get(0);
            if (answer.size() != best.size()) {
                return false;
            }
            for (int i = answer.size() - 1; i >= 0; i--) {
                if (Math.abs(answer.get(i).cosine() - best.remove()) > ROUNDING) {
                    return false;
                }
            }
        }
        return true;
    }

    private int loop(DirectoryReader reader, float[] query) {
        try {
            PriorityQueue<Float> best = new PriorityQueue<>();
            for (LeafReaderContext leaf : reader.leaves()) {
                FloatVectorValues values = leaf.reader().getFloatVectorValues(VECTOR);
                for (int doc = values.nextDoc(); doc != FloatVectorValues.NO_MORE_DOCS; doc = values.nextDoc()) {
                    keep(best, VectorUtil.dotProduct(query, values.vectorValue()), work.k());
                }
            }
            return best.size();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int knn(IndexSearcher searcher, float[] query, int explored) {
        try {
            return searcher.search(new KnnFloatVectorQuery(VECTOR, query, explored), explored).scoreDocs.length;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void keep(PriorityQueue<Float> best, float score, int k) {
        if (best.size() < k) {
            best.add(score);
        } else if (score > best.peek()) {
            best.poll();
            best.add(score);
        }
    }

    /** Vectors on the heap and nothing clever. */
    private static final class Plain {

        private final List<float[]> vectors = new ArrayList<>();
        private final int k;

        Plain(DirectoryReader reader, int k) throws IOException {
            this.k = k;
            for (LeafReaderContext leaf : reader.leaves()) {
                FloatVectorValues values = leaf.reader().getFloatVectorValues(VECTOR);
                while (vectors.size() < PLAIN_ROWS && values.nextDoc() != FloatVectorValues.NO_MORE_DOCS) {
                    vectors.add(values.vectorValue().clone());
                }
            }
        }

        int rows() {
            return vectors.size();
        }

        int nearest(float[] query) {
            PriorityQueue<Float> best = new PriorityQueue<>();
            for (float[] vector : vectors) {
                float sum = 0;
                for (int j = 0; j < query.length; j++) {
                    sum += query[j] * vector[j];
                }
                keep(best, sum, k);
            }
            return best.size();
        }
    }

    /** Milliseconds a question. */
    private record Timed(double median, double slow) {}

    /**
     * Asks in rounds, of which other programs disturbed the one with the lowest median least.
     *
     * @param questions in an item
     */
    private <T> Timed time(String what, List<T> items, int questions, ToIntFunction<T> ask) {
        progress.accept(what);
        int answers = 0;
        double limit = SECONDS / work.rounds();
        long begin = System.nanoTime();
        for (int i = 0; i < WARM_UP && seconds(begin) < SECONDS; i++) {
            answers += ask.applyAsInt(items.get(i % items.size()));
        }
        Timed best = null;
        for (int round = 0; round < work.rounds(); round++) {
            List<Double> millis = new ArrayList<>();
            long first = System.nanoTime();
            for (int i = 0; i < items.size() && (i < LEAST || seconds(first) < limit); i++) {
                long start = System.nanoTime();
                answers += ask.applyAsInt(items.get(i));
                millis.add((System.nanoTime() - start) / 1e6 / questions);
            }
            double[] sorted =
                    millis.stream().mapToDouble(Double::doubleValue).sorted().toArray();
            Timed timed = new Timed(Times.median(sorted), sorted[(int) Math.ceil(0.99 * sorted.length) - 1]);
            best = best == null || timed.median() < best.median() ? timed : best;
        }
        if (answers == 0) {
            throw new IllegalStateException("no question was answered: " + what);
        }
        return best;
    }

    /** GB/s that one thread reads, the best of several passes over what no cache holds. */
    private static double readMemory() {
        int[] memory = new int[READ_INTS];
        Arrays.fill(memory, 1);
        double best = 0;
        for (int pass = 0; pass < READS; pass++) {
            long begin = System.nanoTime();
            int sum = sum(memory);
            double speed = 4.0 * sum / seconds(begin) / 1e9;
            best = Math.max(best, speed);
        }
        return best;
    }

    /** The compiler adds many at a time. */
    private static int sum(int[] values) {
        int sum = 0;
        for (int value : values) {
            sum += value;
        }
        return sum;
    }

    private static double heap() {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return (runtime.totalMemory() - runtime.freeMemory()) / 1e6;
    }

    private static double megabytes(Path folder) throws IOException {
        double bytes = 0;
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                bytes += Files.size(file);
            }
        }
        return bytes / 1e6;
    }

    private static double seconds(long begin) {
        return (System.nanoTime() - begin) / 1e9;
    }
}
