package org.rafclip.search.build;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.MessageType;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Stages;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.search.PhotoCluster;
import org.rafclip.search.Pictures;
import org.rafclip.search.index.Entries;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.Graph;
import org.rafclip.search.index.IndexInfo;
import org.rafclip.search.index.IndexUpdate;

/**
 * What {@link org.rafclip.search.PhotoCluster} has embedded, as entries of an index: a folder of Parquet files. Photos that
 * have an error instead of a vector are no entries, nor faults if they have a vector as well, from a later attempt. They were updated when the last file was written. Thumbnails are those of the rows, or made of the photos where rows have none.
 */
public final class EmbeddedPhotos implements Entries {

    /** Says of a folder of embeddings what they are; Spark passes over names that begin so. */
    public static final String ABOUT = "_rafclip.properties";

    /** Of the model, for people. */
    public static final String NAME = "name";

    private static final List<String> SAID = List.of(NAME, "hash", "model", "images", "whole", "labels");

    /** Where the composer lies, not there without one. */
    public static final String COMPOSER = "composer";

    private static final String PARQUET = ".parquet";
    private static final String ID = "id";
    private static final String EMBEDDING = "embedding";
    private static final String ERROR = "error";

    private final String name;
    private final List<Path> files;
    private final IndexInfo info;
    private final List<String> failures;
    private final Optional<Graph> graph;
    private final ImageReader reader = new ImageReader();

    /** Whether a folder holds embeddings. */
    public static boolean in(Path folder) {
        return Files.isRegularFile(folder.resolve(ABOUT));
    }

    /**
     * Opens a folder of embeddings; counts its rows.
     *
     * @param graph for a search that is not exact
     * @throws DataException if there are none, or a file is damaged
     */
    public static EmbeddedPhotos open(Path folder, Optional<Graph> graph) {
        return open(folder, folder.toString(), graph);
    }

    /** @param name what the folder is called where it was taken from */
    public static EmbeddedPhotos open(Path folder, String name, Optional<Graph> graph) {
        try (Reader reader = Files.newBufferedReader(folder.resolve(ABOUT));
                Stream<Path> listed = Files.list(folder)) {
            Properties about = about(name, reader);
            List<Path> files = listed.filter(file -> file.toString().endsWith(PARQUET))
                    .sorted()
                    .toList();
            Instant updated = Instant.EPOCH;
            for (Path file : files) {
                Instant written = Files.getLastModifiedTime(file).toInstant();
                updated = written.isAfter(updated) ? written : updated;
            }
            return new EmbeddedPhotos(name, files, about, updated, graph);
        } catch (IOException e) {
            throw new DataException(folder + ": the embeddings cannot be read (" + e.getMessage() + ")", e);
        }
    }

    /**
     * Reads what rows say of themselves.
     *
     * @param name of their folder
     * @throws DataException if that is damaged
     */
    public static Properties about(String name, Reader reader) throws IOException {
        Properties about = new Properties();
        try {
            about.load(reader);
            List<String> missing =
                    SAID.stream().filter(key -> about.getProperty(key) == null).toList();
            if (!missing.isEmpty()) {
                throw new DataException(damaged(name, "does not say " + String.join(", ", missing)));
            }
            Images.valueOf(about.getProperty("images"));
        } catch (IllegalArgumentException | CharacterCodingException e) {
            throw new DataException(damaged(name, e.getMessage()), e);
        }
        return about;
    }

    private static String damaged(String name, String how) {
        return name + "/" + ABOUT + ": is damaged (" + how + "); put it back, or embed into another folder";
    }

    private EmbeddedPhotos(String name, List<Path> files, Properties about, Instant updated, Optional<Graph> graph) {
        this.name = name;
        this.files = files;
        this.graph = graph;
        int[] count = new int[2];
        Map<String, String> faults = new TreeMap<>();
        rows(List.of(ID, EMBEDDING, ERROR), row -> {
            if (row.getFieldRepetitionCount(ERROR) > 0) {
                faults.put(row.getString(ID, 0), row.getString(ERROR, 0));
            } else {
                count[0]++;
                count[1] = row.getGroup(EMBEDDING, 0).getFieldRepetitionCount(0);
            }
        });
        if (count[0] == 0) {
            throw new DataException(name + ": has no embeddings; run ./rafclip embed --master … --out " + name);
        }
        if (!faults.isEmpty()) {
            rows(List.of(ID, ERROR), row -> {
                if (row.getFieldRepetitionCount(ERROR) == 0) {
                    faults.remove(row.getString(ID, 0));
                }
            });
        }
        this.failures = List.copyOf(faults.values());
        String root = about.getProperty("root", "");
        this.info = new IndexInfo(
                about.getProperty(NAME),
                about.getProperty("hash"),
                Path.of(about.getProperty("model")),
                about.getProperty(COMPOSER) == null ? null : Path.of(about.getProperty(COMPOSER)),
                count[1],
                Images.valueOf(about.getProperty("images")),
                Boolean.parseBoolean(about.getProperty("whole")),
                root.isEmpty() ? place(name) : Path.of(root),
                Boolean.parseBoolean(about.getProperty("labels")),
                count[0],
                updated.truncatedTo(ChronoUnit.MILLIS));
    }

    /** Where photos without a folder are looked for: of an address the same wherever the command is started. */
    private static Path place(String name) {
        return PhotoCluster.isAddress(name)
                ? Path.of("/", name)
                : Path.of(name).toAbsolutePath().normalize();
    }

    @Override
    public IndexInfo info() {
        return info;
    }

    @Override
    public Optional<Graph> graph() {
        return graph;
    }

    /** What photos have instead of a vector, in the order of their ids. */
    public List<String> failures() {
        return failures;
    }

    @Override
    public void forEach(Consumer<Entry> take) {
        rows(List.of(), row -> {
            if (row.getFieldRepetitionCount(ERROR) == 0) {
                take.accept(entry(row));
            }
        });
    }

    /** @param columns that are read, none for all */
    private void rows(List<String> columns, Consumer<Group> take) {
        for (Path file : files) {
            try (ParquetFileReader parquet = ParquetFileReader.open(new LocalInputFile(file))) {
                MessageType written = parquet.getFooter().getFileMetaData().getSchema();
                MessageType schema = columns.isEmpty()
                        ? written
                        : new MessageType(
                                written.getName(),
                                columns.stream().map(written::getType).toList());
                parquet.setRequestedSchema(schema);
                for (PageReadStore pages = parquet.readNextRowGroup();
                        pages != null;
                        pages = parquet.readNextRowGroup()) {
                    RecordReader<Group> records = new ColumnIOFactory()
                            .getColumnIO(schema)
                            .getRecordReader(pages, new GroupRecordConverter(schema));
                    for (long i = 0; i < pages.getRowCount(); i++) {
                        take.accept(records.read());
                    }
                }
            } catch (DataException e) {
                throw e;
            } catch (IOException | RuntimeException e) {
                throw new DataException(
                        file + ": is damaged (" + e.getMessage() + "); delete it, and embed again what it held", e);
            }
        }
    }

    private Entry entry(Group row) {
        String file = row.getString("file", 0);
        Group list = row.getGroup(EMBEDDING, 0);
        float[] vector = new float[list.getFieldRepetitionCount(0)];
        for (int i = 0; i < vector.length; i++) {
            vector[i] = list.getGroup(0, i).getFloat(0, 0);
        }
        return new Entry(
                row.getString(ID, 0),
                file,
                row.getString("sha256", 0),
                row.getFieldRepetitionCount("x1") == 0
                        ? Optional.empty()
                        : Optional.of(new Box(
                                row.getInteger("x1", 0),
                                row.getInteger("y1", 0),
                                row.getInteger("x2", 0),
                                row.getInteger("y2", 0))),
                labels(row),
                vector,
                row.getFieldRepetitionCount("thumbnail") > 0
                        ? row.getBinary("thumbnail", 0).getBytes()
                        : thumbnail(file));
    }

    private static Map<String, List<String>> labels(Group row) {
        Map<String, List<String>> labels = new LinkedHashMap<>();
        if (row.getFieldRepetitionCount("labels") > 0) {
            Group map = row.getGroup("labels", 0);
            for (int i = 0; i < map.getFieldRepetitionCount(0); i++) {
                Group words = map.getGroup(0, i).getGroup("value", 0);
                List<String> values = new ArrayList<>();
                for (int w = 0; w < words.getFieldRepetitionCount(0); w++) {
                    values.add(words.getGroup(0, w).getString(0, 0));
                }
                labels.put(map.getGroup(0, i).getString("key", 0), values);
            }
        }
        return labels;
    }

    private byte[] thumbnail(String file) {
        try {
            return Pictures.jpeg(reader.read(info.root(), file), IndexBuilder.THUMBNAIL);
        } catch (DataException e) {
            throw new DataException(
                    name + ": the rows have no thumbnails, and the photo is not there any more: " + e.getMessage()
                            + "; embed with --thumbnails, or put the photo back",
                    e);
        }
    }

    /**
     * Brings an index in a folder to these entries. What was committed before a kill is kept.
     *
     * @param between commits
     * @return how many were written
     * @throws DataException if the index is another model's, or of another folder of photos
     */
    public int writeTo(Path index, Duration between, Clock clock, Stages stages) {
        Progress progress = stages.stage("indexing photos", info.entries());
        try (IndexUpdate update = IndexUpdate.open(index, info, graph, clock)) {
            Set<String> gone = new HashSet<>(update.ids());
            if (!gone.isEmpty() && !update.rootBefore().equals(Optional.of(info.root()))) {
                throw new DataException(index + ": the index has photos of "
                        + update.rootBefore().map(Path::toString).orElse("another folder") + ", not of " + info.root()
                        + "; name another folder");
            }
            int[] done = new int[2];
            Instant[] committed = {clock.instant()};
            forEach(entry -> {
                boolean known = gone.remove(entry.id())
                        && update.get(entry.id())
                                .filter(there -> there.sha256().equals(entry.sha256())
                                        && there.box().equals(entry.box())
                                        && there.file().equals(entry.file())
                                        && there.labels().equals(entry.labels())
                                        && Arrays.equals(there.vector(), entry.vector()))
                                .isPresent();
                if (!known) {
                    update.put(entry);
                    done[1]++;
                }
                progress.update(++done[0], info.entries());
                if (Duration.between(committed[0], clock.instant()).compareTo(between) >= 0) {
                    update.commit();
                    committed[0] = clock.instant();
                }
            });
            gone.forEach(update::delete);
            update.note(IndexBuilder.LABELS, "embedded");
            update.finish();
            return done[1];
        }
    }
}
