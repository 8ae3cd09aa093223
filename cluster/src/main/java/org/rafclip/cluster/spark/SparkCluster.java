package org.rafclip.cluster.spark;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.rafclip.cluster.embed.PhotoEmbedder;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Stages;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.FolderLock;
import org.rafclip.run.Machines;
import org.rafclip.search.FashionModel;
import org.rafclip.search.ListedPhotos;
import org.rafclip.search.ListedPhotos.Garment;
import org.rafclip.search.PhotoCluster;
import org.rafclip.search.build.EmbeddedPhotos;

/** Photos embedded by Spark. */
public final class SparkCluster implements PhotoCluster {

    private static final String LOCK = "_lock";

    /** In a folder of its own: Spark reads nothing that is named so. */
    private static final String LIST = "_list";

    private static final ObjectMapper JSON = new ObjectMapper();

    @Override
    public Done embed(Machines machines, Job job, Path out, Stages stages) throws IOException {
        SparkProcess spark = new SparkProcess(machines);
        Files.createDirectories(out);
        FolderLock lock = FolderLock.take(out.resolve(LOCK), "fills " + out);
        try {
            Map<String, String> about = about(job);
            Map<String, String> settings = new TreeMap<>(about);
            settings.put("begun", Boolean.toString(begun(out, about)));
            AtomicFiles.writeString(out.resolve(EmbeddedPhotos.ABOUT), SparkProcess.text(about));
            settings.put("out", address(out));
            settings.put(PhotoEmbedder.OUT, SparkProcess.absolute(out));
            settings.put(PhotoEmbedder.CHECKPOINT, job.checkpoint().name());
            settings.put("spark.sql.parquet.compression.codec", "zstd");
            // What a task has written is there when the task is done, not only when all are.
            settings.put("spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version", "2");
            Path list = out.resolve(LIST);
            AtomicFiles.deleteDirectory(list);
            if (job.source() instanceof Listed listed) {
                Files.createDirectories(list);
                write(list.resolve("list.json"), listed.photos());
                settings.put("list", address(list.resolve("list.json")));
            } else if (job.source() instanceof Table table) {
                settings.put("table", table.address());
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
            AtomicFiles.deleteDirectory(list);
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
            String[] words = line.split(" ", 3);
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
                            todo,
                            Long.parseLong(words[2]),
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

    /** As Hadoop reads addresses, which decodes nothing. */
    private static String address(Path path) {
        return "file://" + SparkProcess.absolute(path);
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
    private static boolean begun(Path out, Map<String, String> about) throws IOException {
        Path file = out.resolve(EmbeddedPhotos.ABOUT);
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(out, one -> !one.endsWith(LOCK))) {
            files.forEach(one -> names.add(one.getFileName().toString()));
        }
        if (!Files.exists(file)) {
            if (!names.isEmpty()) {
                throw new DataException(out + ": holds other files, such as " + names.get(0)
                        + ". Name a folder that is empty or not there, or one that embed --master has begun.");
            }
            return false;
        }
        Properties before = new Properties();
        try (BufferedReader reader = Files.newBufferedReader(file)) {
            before.load(reader);
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

    private static void write(Path list, ListedPhotos photos) throws IOException {
        try (Writer writer = Files.newBufferedWriter(list)) {
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
            throw AtomicFiles.naming(list, e);
        }
    }
}
