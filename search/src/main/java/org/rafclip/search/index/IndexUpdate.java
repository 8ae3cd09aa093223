package org.rafclip.search.index;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.lucene.codecs.Codec;
import org.apache.lucene.codecs.KnnVectorsFormat;
import org.apache.lucene.codecs.lucene912.Lucene912Codec;
import org.apache.lucene.index.CodecReader;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.IndexWriterConfig.OpenMode;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.MergePolicy;
import org.apache.lucene.index.PostingsEnum;
import org.apache.lucene.index.SegmentInfos;
import org.apache.lucene.index.SerialMergeScheduler;
import org.apache.lucene.index.TermsEnum;
import org.apache.lucene.index.TieredMergePolicy;
import org.apache.lucene.search.DocIdSetIterator;
import org.apache.lucene.store.AlreadyClosedException;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.util.Bits;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;

/**
 * Changes an index in a folder. Nothing of it can be seen before {@link #commit}, after which all of it can, whatever
 * happens to the process or the machine in between. What was put since the last commit is dropped by {@link #close}. One
 * update at a time; for one thread.
 */
public final class IndexUpdate implements AutoCloseable {

    private static final Pattern COMMITS = Pattern.compile("segments_[0-9a-z]+");

    /** Files that a writer makes and removes again; no others may lie in its folder, which it would take for its own. */
    private static final Pattern OWN_FILES = Pattern.compile("write\\.lock|(pending_)?segments_[0-9a-z]+"
            + "|_[0-9a-z]+(_[0-9A-Za-z]+)*\\.(cfe|cfs|doc|dvd|dvm|fdm|fdt|fdx|fnm|kdd|kdi|kdm|liv|nvd|nvm|pay|pos|psm|si|tim|tip"
            + "|tmd|vec|vem|vemf|veq|vex)"
            + "|_[0-9a-z]+_[0-9A-Za-z._-]+_[0-9a-z]+\\.tmp");
    /** So few files of any index are never there. */
    private static final int LEFTOVERS = 5;

    /** What a kill can leave of a folder before its first commit. */
    private static final Pattern FIRST_FILES = Pattern.compile("write\\.lock|pending_segments_1");

    private static final double BUFFER_MIB = 128;

    private final Path folder;
    private final IndexInfo info;
    private final Optional<Graph> graph;
    private final Clock clock;
    private final Directory directory;
    private final IndexWriter writer;
    private final DirectoryReader before;
    private Path rootBefore;
    private final Map<String, String> notes = new HashMap<>();

    private IndexUpdate(Path folder, IndexInfo info, Optional<Graph> graph, Clock clock, Directory directory)
            throws IOException {
        this.folder = folder;
        this.info = info;
        this.graph = graph;
        this.clock = clock;
        this.directory = directory;
        DirectoryReader last = DirectoryReader.indexExists(directory) ? DirectoryReader.open(directory) : null;
        try {
            if (last != null) {
                for (LeafReaderContext leaf : last.leaves()) {
                    ((CodecReader) leaf.reader()).checkIntegrity();
                }
                IndexInfo old = Commits.info(folder, last.getIndexCommit().getUserData(), last.numDocs());
                if (old.entries() > 0) {
                    agree(folder, old, info);
                }
                rootBefore = old.root();
            }
            this.writer = new IndexWriter(directory, config(graph));
            if (hasChanged(directory, last)) {
                writer.rollback();
                throw new DataException(
                        folder + ": another process has just written to this index. Do the same again.");
            }
        } catch (IOException | RuntimeException | Error e) {
            if (last != null) {
                last.close();
            }
            throw e;
        }
        this.before = last;
        if (last == null) {
            // From now on the folder is known for an index, also if the first photos are never finished.
            try {
                writer.setLiveCommitData(
                        Commits.write(info, graph, notes, clock.instant()).entrySet());
                writer.commit();
            } catch (IOException | RuntimeException | Error e) {
                writer.rollback();
                throw e;
            }
        }
        if (last != null) {
            notes.putAll(Commits.notes(last.getIndexCommit().getUserData()));
        }
    }

    /** Whether there is another commit than the last that was seen, or than none. */
    private static boolean hasChanged(Directory directory, DirectoryReader last) throws IOException {
        if (last == null) {
            return DirectoryReader.indexExists(directory);
        }
        try (DirectoryReader later = DirectoryReader.openIfChanged(last)) {
            return later != null;
        }
    }

    private static IndexWriterConfig config(Optional<Graph> graph) {
        KnnVectorsFormat vectors = new SearchVectorsFormat(graph.orElse(null));
        Codec codec = new Lucene912Codec() {
            @Override
            public KnnVectorsFormat getKnnVectorsFormatForField(String field) {
                return vectors;
            }
        };
        return new IndexWriterConfig()
                .setOpenMode(OpenMode.CREATE_OR_APPEND)
                .setCodec(codec)
                .setCommitOnClose(false)
                .setUseCompoundFile(false)
                .setMergeScheduler(new SerialMergeScheduler())
                .setRAMBufferSizeMB(BUFFER_MIB)
                .setMergePolicy(graph.<MergePolicy>map(GraphMerges::new).orElseGet(TieredMergePolicy::new));
    }

    /**
     * Opens an index to change it, or begins one.
     *
     * @param info what the index is to say of itself; how many entries and when is found out
     * @param graph empty for exact search, whatever the index had
     * @param clock tells when a commit is
     * @throws DataException naming the folder if it holds other files, another model's index or a damaged one, if another
     *     process writes to it, or if it cannot be written
     */
    public static IndexUpdate open(Path folder, IndexInfo info, Optional<Graph> graph, Clock clock) {
        try {
            Files.createDirectories(folder);
            if (hasLeftovers(folder)) {
                throw Faults.damaged(folder, new IOException("its segments file is missing"));
            }
            foreign(folder).ifPresent(file -> {
                throw new DataException(folder + ": holds other files, such as " + file
                        + ". Name a folder that is empty or not there, or one that holds an index.");
            });
            return open(folder, info, graph, clock, FSDirectory.open(folder));
        } catch (IOException e) {
            throw Faults.writing(folder, e);
        }
    }

    /** The graph that an index was last written with; empty for none, or where there is no index. */
    public static Optional<Graph> graph(Path folder) {
        if (!Files.isDirectory(folder)) {
            return Optional.empty();
        }
        LuceneWarnings.hush();
        try (Directory directory = FSDirectory.open(folder)) {
            return DirectoryReader.indexExists(directory)
                    ? Commits.graph(SegmentInfos.readLatestCommit(directory).getUserData())
                    : Optional.empty();
        } catch (IOException e) {
            throw Faults.reading(folder, e);
        } catch (NumberFormatException e) {
            // Lucene takes a file's name for a commit's.
            return Optional.empty();
        }
    }

    /** In any directory. */
    static IndexUpdate open(Path folder, IndexInfo info, Optional<Graph> graph, Clock clock, Directory directory) {
        LuceneWarnings.hush();
        try {
            return new IndexUpdate(folder, info, graph, clock, directory);
        } catch (IOException e) {
            throw Faults.writing(folder, e);
        }
    }

    private static Optional<String> foreign(Path folder) throws IOException {
        List<String> names = names(folder);
        boolean index = names.stream().anyMatch(name -> COMMITS.matcher(name).matches());
        return names.stream()
                .filter(name -> index
                        ? !OWN_FILES.matcher(name).matches()
                        : !FIRST_FILES.matcher(name).matches())
                .findFirst();
    }

    /** Whether an index was here whose list of files is gone: several files, all called as an index's own are. */
    static boolean hasLeftovers(Path folder) throws IOException {
        List<String> names = names(folder);
        return names.size() >= LEFTOVERS
                && names.stream()
                        .allMatch(name -> OWN_FILES.matcher(name).matches()
                                && !COMMITS.matcher(name).matches());
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static void agree(Path folder, IndexInfo old, IndexInfo now) {
        old.mustBeOf(folder, now.model(), now.modelHash());
        if (old.width() != now.width() || old.images() != now.images()) {
            throw new DataException(folder + ": the index holds vectors of " + old.width() + " elements of "
                    + old.images().name().toLowerCase(Locale.ROOT) + ", not of " + now.width() + " of "
                    + now.images().name().toLowerCase(Locale.ROOT) + ". Name another folder.");
        }
        if (old.wholePhotos() != now.wholePhotos()) {
            throw new DataException(folder + ": photos without a box were "
                    + (old.wholePhotos()
                            ? "taken whole for this index; say --whole-photos"
                            : "looked at where the model expects garments; leave --whole-photos away")
                    + ", or name another folder.");
        }
    }

    /** What was noted with the last commit, or since. */
    public Optional<String> note(String name) {
        return Optional.ofNullable(notes.get(name));
    }

    /** Notes something that the index is made by; it is kept with every commit from now on. */
    public void note(String name, String value) {
        notes.put(name, value);
    }

    /** The folder of photos of the last commit before this update; empty for a new index. */
    public Optional<Path> rootBefore() {
        return Optional.ofNullable(rootBefore);
    }

    /** The ids of the last commit before this update. */
    public Set<String> ids() {
        return reading(leaves -> {
            Set<String> ids = new TreeSet<>();
            for (LeafReaderContext leaf : leaves) {
                Bits live = leaf.reader().getLiveDocs();
                TermsEnum terms = leaf.reader().terms(Documents.ID).iterator();
                PostingsEnum documents = null;
                while (terms.next() != null) {
                    documents = terms.postings(documents, PostingsEnum.NONE);
                    while (documents.nextDoc() != DocIdSetIterator.NO_MORE_DOCS) {
                        if (live == null || live.get(documents.docID())) {
                            ids.add(terms.term().utf8ToString());
                        }
                    }
                }
            }
            return ids;
        });
    }

    /** An entry of the last commit before this update. */
    public Optional<Entry> get(String id) {
        return reading(leaves -> Documents.find(leaves, Documents.id(id)));
    }

    /** An entry of the last commit before this update that shows the same, whatever its id: it need not be embedded again. */
    public Optional<Entry> ofContent(String sha256, Optional<Box> box) {
        return reading(leaves -> Documents.find(leaves, Documents.content(sha256, box)));
    }

    /**
     * Adds an entry, or replaces that of the same id.
     *
     * @throws DataException if its id or a label is too long, or the vector is not of length 1
     */
    public void put(Entry entry) {
        writing(() -> writer.updateDocument(Documents.id(entry.id()), Documents.of(entry, info.width())));
    }

    /** Removes an entry; does nothing if there is none. */
    public void delete(String id) {
        writing(() -> writer.deleteDocuments(Documents.id(id)));
    }

    /** Makes everything so far visible and safe. */
    public void commit() {
        writing(() -> {
            writer.setLiveCommitData(
                    Commits.write(info, graph, notes, clock.instant()).entrySet());
            writer.commit();
        });
    }

    /** The last {@link #commit}: builds what graphs are missing, which can take minutes, and gives up the room of what was deleted. */
    public void finish() {
        commit();
        writing(() -> {
            if (graph.isPresent()) {
                writer.forceMerge(1);
            } else {
                writer.forceMergeDeletes();
            }
        });
        commit();
    }

    @Override
    public void close() {
        writing(() -> {
            try (before;
                    directory) {
                writer.rollback();
            }
        });
    }

    @FunctionalInterface
    private interface Reading<T> {
        T of(List<LeafReaderContext> leaves) throws IOException;
    }

    private <T> T reading(Reading<T> reading) {
        try {
            return reading.of(before == null ? List.of() : before.leaves());
        } catch (IOException e) {
            throw Faults.reading(folder, e);
        }
    }

    @FunctionalInterface
    private interface Writing {
        void run() throws IOException;
    }

    private void writing(Writing writing) {
        try {
            writing.run();
        } catch (AlreadyClosedException e) {
            // A write that failed in the background closed the writer.
            throw e.getCause() instanceof IOException io ? Faults.writing(folder, io) : e;
        } catch (UncheckedIOException e) {
            throw Faults.writing(folder, e.getCause());
        } catch (IOException e) {
            throw Faults.writing(folder, e);
        }
    }
}
