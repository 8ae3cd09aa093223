package org.rafclip.cluster.spark;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.rafclip.cluster.embed.PhotoEmbedder;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Stages;
import org.rafclip.data.image.ImageReader;
import org.rafclip.io.AtomicFiles;
import org.rafclip.run.Machines;
import org.rafclip.search.FashionModel;
import org.rafclip.search.ListedPhotos;
import org.rafclip.search.ListedPhotos.Garment;
import org.rafclip.search.PhotoCluster;
import org.rafclip.search.build.EmbeddedPhotos;

/** Photos embedded by Spark. */
public final class SparkCluster implements PhotoCluster {

    /** In a folder of its own: Spark reads nothing that is named so. */
    private static final String LIST = "_list";

    private static final String LISTED = LIST + "/list.json";

    private static final ObjectMapper JSON = new ObjectMapper();

    @Override
    public Done embed(Machines machines, Job job, String out, Stages stages) throws IOException {
        SparkProcess spark = new SparkProcess(machines);
        RowsFolder rows = RowsFolder.of(out);
        Closeable lock = rows.take();
        try {
            Map<String, String> about = about(job);
            Map<String, String> settings = new TreeMap<>(about);
            settings.put("begun", Boolean.toString(begun(out, rows, about)));
            rows.write(EmbeddedPhotos.ABOUT, SparkProcess.text(about));
            settings.put("out", rows.address(""));
            settings.put(
                    PhotoEmbedder.OUT,
                    rows instanceof RowsFolder.Shared shared ? SparkProcess.absolute(shared.folder()) : "");
            settings.put(PhotoEmbedder.CHECKPOINT, job.checkpoint().name());
            settings.put("spark.sql.parquet.compression.codec", "zstd");
            // What a task has written is there when the task is done, not only when all are.
            settings.put("spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version", "2");
            rows.delete(LIST);
            settings.put("list", rows.address(LISTED));
            if (job.source() instanceof Listed listed) {
                write(rows, listed.photos());
            } else if (job.source() instanceof Table table) {
                settings.put("table", table.address());
                settings.put("endings", String.join(" ", new TreeSet<>(ImageReader.ENDINGS)));
                table.columns().forEach((meaning, name) -> settings.put("column." + meaning, name));
            }
            Followed followed = new Followed(stages);
            try {
                spark.run(SparkProcess.EMBED, settings, followed, followed::say);
            } catch (DataException e) {
                throw new DataException(
                        out + ": " + e.getMessage()
                                + (followed.begun ? "; what was finished is kept, the same command goes on" : ""),
                        e);
            }
            rows.delete(LIST);
            return followed.done;
        } finally {
            lock.close();
        }
    }

    /** What the driver says, as progress. */
    private static final class Followed implements Consumer<String> {

        private final Stages stages;
        private Progress progress = Progress.NONE;
        private boolean begun;
        private int todo;
        private long begin;
        private final List<String> faults = new ArrayList<>();
        private Done done;

        Followed(Stages stages) {
            this.stages = stages;
        }

        @Override
        public void accept(String line) {
            String[] words = line.split(" ");
            switch (words[0]) {
                case "todo" -> {
                    begun = true;
                    todo = Integer.parseInt(words[1]);
                    begin = System.nanoTime();
                    progress = stages.stage("embedding photos", todo);
                }
                case "done" -> progress.update(Integer.parseInt(words[1]), todo);
                case "bad" -> faults.add(line.substring("bad ".length()));
                case "end" ->
                    done = new Done(
                            Long.parseLong(words[1]),
                            Long.parseLong(words[2]),
                            Long.parseLong(words[3]),
                            faults,
                            (System.nanoTime() - begin) / 1e9);
                default -> {
                    // What libraries say there is nothing for us.
                }
            }
        }

        void say(String line) {
            System.err.println("rafclip: " + line);
        }
    }

    private static Map<String, String> about(Job job) {
        FashionModel model = job.model();
        Map<String, String> about = new TreeMap<>();
        about.put(PhotoEmbedder.HASH, model.hash());
        about.put(EmbeddedPhotos.NAME, model.name());
        about.put(PhotoEmbedder.MODEL, SparkProcess.absolute(model.place()));
        model.composerPlace().ifPresent(place -> about.put(EmbeddedPhotos.COMPOSER, SparkProcess.absolute(place)));
        about.put(PhotoEmbedder.IMAGES, model.images().name());
        about.put(PhotoEmbedder.WHOLE, Boolean.toString(model.wholePhotos()));
        about.put(PhotoEmbedder.PRECISION, job.precision().name());
        about.put(PhotoEmbedder.LABELS, Boolean.toString(job.labelled()));
        about.put(PhotoEmbedder.THUMBNAILS, Boolean.toString(job.thumbnails()));
        about.put(
                PhotoEmbedder.ROOT,
                job.source() instanceof Listed listed
                        ? SparkProcess.absolute(listed.photos().root())
                        : "");
        return about;
    }

    /** What makes rows others. */
    private static final List<String> DECIDING = List.of(
            PhotoEmbedder.HASH,
            PhotoEmbedder.IMAGES,
            PhotoEmbedder.WHOLE,
            PhotoEmbedder.PRECISION,
            PhotoEmbedder.LABELS,
            PhotoEmbedder.THUMBNAILS,
            PhotoEmbedder.ROOT);

    /**
     * Whether a folder has rows already.
     *
     * @throws DataException if they are others
     */
    private static boolean begun(String out, RowsFolder rows, Map<String, String> about) throws IOException {
        List<String> names = rows.names();
        if (!names.contains(EmbeddedPhotos.ABOUT)) {
            if (!names.isEmpty()) {
                throw new DataException(out + ": holds other files, such as " + names.get(0)
                        + ". Name a folder that is empty or not there, or one that embed --master has begun.");
            }
            return false;
        }
        Properties before;
        try (InputStream file = rows.read(EmbeddedPhotos.ABOUT)) {
            before = EmbeddedPhotos.about(out, new InputStreamReader(file, StandardCharsets.UTF_8));
        }
        for (String name : DECIDING) {
            if (!about.get(name).equals(before.getProperty(name))) {
                throw new DataException(
                        out + ": was begun with the model '" + before.getProperty(EmbeddedPhotos.NAME) + "' and " + name
                                + " " + before.getProperty(name) + ", not with '" + about.get(EmbeddedPhotos.NAME)
                                + "' and " + about.get(name) + ". Say the same, or name another folder.");
            }
        }
        return names.stream().anyMatch(name -> name.endsWith(".parquet"));
    }

    private static void write(RowsFolder rows, ListedPhotos photos) throws IOException {
        try (Writer writer =
                new OutputStreamWriter(new BufferedOutputStream(rows.create(LISTED)), StandardCharsets.UTF_8)) {
            for (Garment garment : photos.garments()) {
                ObjectNode line = JSON.createObjectNode();
                line.put("id", garment.id()).put("file", garment.file());
                garment.box()
                        .ifPresent(box -> line.put("x1", box.x1())
                                .put("y1", box.y1())
                                .put("x2", box.x2())
                                .put("y2", box.y2()));
                writer.write(JSON.writeValueAsString(line));
                writer.write('\n');
            }
        } catch (IOException e) {
            throw new DataException(rows.address(LISTED) + ": cannot be written (" + e.getMessage() + ")", e);
        }
    }

    @Override
    public Path fetched(String rows, Stages stages) throws IOException {
        HadoopFiles files = HadoopFiles.open();
        RowsFolder from = new RowsFolder.Remote(rows, files);
        List<String> names =
                files.names(rows).orElseThrow(() -> new DataException(rows + ": there is no such folder")).stream()
                        .filter(name -> name.equals(EmbeddedPhotos.ABOUT) || name.endsWith(".parquet"))
                        .toList();
        if (!names.contains(EmbeddedPhotos.ABOUT)) {
            throw new DataException(rows + ": has no rows of embed --master");
        }
        Path folder = Files.createTempDirectory("rafclip-rows");
        try {
            Progress progress = stages.stage("fetching rows", names.size());
            for (int i = 0; i < names.size(); i++) {
                Path file = folder.resolve(names.get(i));
                try (InputStream content = from.read(names.get(i))) {
                    Files.copy(content, file);
                }
                Files.setLastModifiedTime(file, FileTime.fromMillis(files.modified(from.address(names.get(i)))));
                progress.update(i + 1, names.size());
            }
            return folder;
        } catch (IOException | RuntimeException e) {
            AtomicFiles.deleteDirectory(folder);
            throw e;
        }
    }
}
