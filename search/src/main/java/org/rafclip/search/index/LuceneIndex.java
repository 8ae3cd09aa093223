package org.rafclip.search.index;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.apache.lucene.index.CodecReader;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.ReaderUtil;
import org.apache.lucene.store.AlreadyClosedException;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.util.Bits;
import org.apache.lucene.util.FixedBitSet;
import org.rafclip.data.DataException;

/**
 * An index in a folder, by Lucene, as it was at one commit: searched exactly, or by a graph where it was built with one.
 *
 * <p>Vectors stay in the files, which the system maps into memory; a rounded copy of a quarter of their size is on the
 * Java heap. After {@link #close} a question that is being answered is answered; later ones are refused.
 */
public final class LuceneIndex implements PhotoIndex, Entries {

    private final Path folder;
    private final DirectoryReader reader;
    private final IndexInfo info;
    private final Graph graph;
    private final List<Segment> segments;
    private final Labels labels;
    private final VectorSearch search;

    private LuceneIndex(Path folder, DirectoryReader reader, Map<Object, CodedVectors> known) throws IOException {
        this.folder = folder;
        this.reader = reader;
        Map<String, String> data = reader.getIndexCommit().getUserData();
        this.info = Commits.info(folder, data, reader.numDocs());
        this.graph = Commits.graph(data).orElse(null);
        this.segments = new ArrayList<>();
        for (LeafReaderContext leaf : reader.leaves()) {
            CodedVectors coded = known.get(Segment.key(leaf));
            if (coded == null) {
                ((CodecReader) leaf.reader()).checkIntegrity();
                segments.add(Segment.of(leaf, info.width()));
            } else {
                segments.add(new Segment(leaf, coded));
            }
        }
        this.labels = new Labels(reader.leaves());
        this.search = new VectorSearch(segments, info.width());
    }

    /**
     * Opens the last commit; every file's checksum is verified.
     *
     * @throws DataException naming the folder if there is no index, or it is damaged, or another program's
     */
    public static LuceneIndex open(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new DataException(folder
                    + ": there is no such folder. Build an index: ./rafclip index --run DIR --images PHOTOS --out "
                    + folder);
        }
        LuceneWarnings.hush();
        try {
            // Left open: it holds nothing but its path, and later commits are opened through it.
            DirectoryReader reader = DirectoryReader.open(FSDirectory.open(folder));
            return opened(folder, reader, Map.of());
        } catch (IOException e) {
            throw Faults.reading(folder, e);
        } catch (IllegalArgumentException e) {
            // A codec that is not known, by its name.
            throw Faults.damaged(folder, e);
        }
    }

    private static LuceneIndex opened(Path folder, DirectoryReader reader, Map<Object, CodedVectors> known)
            throws IOException {
        try {
            return new LuceneIndex(folder, reader, known);
        } catch (IOException | RuntimeException | Error e) {
            reader.close();
            throw e;
        }
    }

    /**
     * The index as a later commit left it; empty if there is none. This one stays as it is, and both are to be closed.
     *
     * @throws DataException if it cannot be opened
     */
    public Optional<LuceneIndex> refresh() {
        return within(() -> {
            DirectoryReader later;
            try {
                later = DirectoryReader.openIfChanged(reader);
            } catch (IllegalStateException e) {
                throw new DataException(
                        folder + ": the index was removed and built anew; start again to search the new one", e);
            } catch (IllegalArgumentException e) {
                throw Faults.damaged(folder, e);
            }
            if (later == null) {
                return Optional.empty();
            }
            Map<Object, CodedVectors> known = new HashMap<>();
            segments.forEach(segment -> known.put(segment.key(), segment.coded()));
            return Optional.of(opened(folder, later, known));
        });
    }

    @Override
    public IndexInfo info() {
        return info;
    }

    @Override
    public Optional<Graph> graph() {
        return Optional.ofNullable(graph);
    }

    @Override
    public Optional<Entry> get(String id) {
        return within(() -> Documents.find(reader.leaves(), Documents.id(id)));
    }

    @Override
    public List<Match> nearest(float[] query, Filter filter, Set<String> without, int k) {
        info.mustAnswer(query, k);
        return within(() -> {
            List<FixedBitSet> kept = labels.kept(filter, without);
            if (graph != null && info.entries() >= graph.from() && search.graphPays(graph, cardinality(kept))) {
                return search.byGraph(query, kept, most(k), graph.explored());
            }
            return search.exact(List.of(query), kept, most(k)).get(0);
        });
    }

    /**
     * {@link #nearest} by the graph, whether that pays or not.
     *
     * @throws IllegalStateException if the index is searched exactly only
     */
    public List<Match> nearestByGraph(float[] query, Filter filter, Set<String> without, int k) {
        info.mustAnswer(query, k);
        if (graph == null) {
            throw new IllegalStateException(folder + ": the index has no graph");
        }
        return within(() -> search.byGraph(query, labels.kept(filter, without), most(k), graph.explored()));
    }

    /** {@link #nearest} for several queries, exact whether there is a graph or not; they share the passes over the index. */
    public List<List<Match>> nearestExactly(List<float[]> queries, Filter filter, Set<String> without, int k) {
        queries.forEach(query -> info.mustAnswer(query, k));
        return within(() -> search.exact(queries, labels.kept(filter, without), most(k)));
    }

    @Override
    public void forEach(Consumer<Entry> take) {
        within(() -> {
            for (int s = 0; s < segments.size(); s++) {
                LeafReaderContext leaf = reader.leaves().get(s);
                Bits live = leaf.reader().getLiveDocs();
                for (int row = 0; row < leaf.reader().maxDoc(); row++) {
                    if (live == null || live.get(row)) {
                        take.accept(Documents.read(leaf, row));
                    }
                }
            }
            return info;
        });
    }

    /** Vectors of entries drawn by chance, some perhaps more than once, to measure with; none of an empty index. */
    public List<float[]> sample(int count, RandomGenerator random) {
        return within(() -> {
            List<FixedBitSet> live = labels.kept(Filter.ALL, Set.of());
            List<float[]> vectors = new ArrayList<>();
            while (vectors.size() < count && info.entries() > 0) {
                int document = random.nextInt(reader.maxDoc());
                int s = ReaderUtil.subIndex(document, reader.leaves());
                int row = document - reader.leaves().get(s).docBase;
                if (live.get(s).get(row)) {
                    vectors.add(segments.get(s).vectors().vectorValue(row).clone());
                }
            }
            return vectors;
        });
    }

    /** No more answers than there are documents: memory is taken for all of them. */
    private int most(int k) {
        return Math.max(1, Math.min(k, reader.maxDoc()));
    }

    private static int cardinality(List<FixedBitSet> sets) {
        return sets.stream().mapToInt(FixedBitSet::cardinality).sum();
    }

    @Override
    public Map<String, Map<String, Integer>> facets(Filter filter) {
        return within(() -> labels.counts(filter));
    }

    @Override
    public int count(Filter filter, Set<String> without) {
        return within(() -> cardinality(labels.kept(filter, without)));
    }

    @Override
    public void close() {
        try {
            reader.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @FunctionalInterface
    private interface Question<T> {
        T ask() throws IOException;
    }

    /** Asks while the files are held open. */
    private <T> T within(Question<T> question) {
        if (!reader.tryIncRef()) {
            throw new AlreadyClosedException(folder + ": the index is closed");
        }
        try {
            return question.ask();
        } catch (IOException e) {
            throw Faults.reading(folder, e);
        } finally {
            try {
                reader.decRef();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
