package org.rafclip.data.webdataset;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.image.ImageReader;

/**
 * A folder of photos with a table, unpacked from shards such as img2dataset writes: tar files of samples, each an image
 * {@code KEY.jpg} with {@code KEY.txt}, its caption, and {@code KEY.json}, whose fields are columns.
 *
 * <pre>
 * photos.jsonl                 the table: a line a photo of all shards unpacked here so far
 * images/SHARD/KEY.jpg
 * unpacked-shards/SHARD.jsonl  the shard's part of the table
 * unpacked-shards/SHARD.json   what became of it; written last, so that a shard without it is unpacked anew
 * </pre>
 */
public final class WebDataset {

    /** The table's name. */
    public static final String TABLE = "photos.jsonl";

    static final String IMAGES = "images";

    private static final String UNPACKED = "unpacked-shards";
    private static final Pattern ENDING = Pattern.compile("\\.(tar|tar\\.gz|tgz)$", Pattern.CASE_INSENSITIVE);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path dir;
    private final ImageReader reader;

    /** A finished shard. It is the same as long as its file's size and time of change, in ms since 1970, are. */
    private record Finished(long bytes, long changed, Shard.Outcome outcome) {

        boolean isOf(Path tar) throws IOException {
            return bytes == Files.size(tar)
                    && changed == Files.getLastModifiedTime(tar).toMillis();
        }
    }

    /**
     * What the folder holds, of all shards that were ever unpacked into it.
     *
     * @param table the table; not there where it would have no row
     * @param rows its lines
     * @param shards that could be read
     * @param already those of them that were not unpacked again
     * @param failed samples that their JSON says were never fetched, by its status
     * @param badShards a line for each shard that cannot be read; nothing of it is in the table
     * @param withoutImage a line for each sample without an image
     * @param unreadable a line for each sample with an image, text or JSON that cannot be read
     * @param refused a line for each entry that may not be unpacked
     * @param otherFiles entries of kinds that a table has no use for, by their ending
     * @param otherFields fields of JSON that can be no column, by their name
     */
    public record Report(
            Path table,
            int rows,
            int shards,
            int already,
            Map<String, Integer> failed,
            List<String> badShards,
            List<String> withoutImage,
            List<String> unreadable,
            List<String> refused,
            Map<String, Integer> otherFiles,
            Map<String, Integer> otherFields) {

        /** Samples of the shards that could be read. */
        public int samples() {
            return rows
                    + withoutImage.size()
                    + unreadable.size()
                    + failed.values().stream().mapToInt(Integer::intValue).sum();
        }
    }

    /** @param dir the folder to fill: a new or empty one, or one that was filled by this class */
    public WebDataset(Path dir, ImageReader reader) {
        this.dir = dir;
        this.reader = reader;
    }

    /**
     * Unpacks shards that are not unpacked yet, and writes the table of all that are.
     *
     * @param given tar files, and folders of them
     * @param progress told of megabytes read, of those to read
     * @throws DataException if there is nothing to unpack, or the folder holds other files
     */
    public Report unpack(List<Path> given, Progress progress) {
        try {
            Map<String, Path> shards = shards(given);
            requireOwnFolder();
            Files.createDirectories(dir.resolve(UNPACKED));
            int named = shards.size();
            for (Map.Entry<String, Path> shard : List.copyOf(shards.entrySet())) {
                Optional<Finished> finished = finished(shard.getKey());
                if (finished.isPresent() && finished.get().isOf(shard.getValue())) {
                    shards.remove(shard.getKey());
                }
            }
            int already = named - shards.size();
            List<String> bad = unpack(shards, progress);
            return table(already, bad);
        } catch (IOException e) {
            throw new UncheckedIOException(dir.toString(), e);
        }
    }

    /** Shards by their name. */
    private static Map<String, Path> shards(List<Path> given) throws IOException {
        Map<String, Path> shards = new TreeMap<>();
        for (Path place : given) {
            List<Path> tars = List.of(place);
            if (Files.isDirectory(place)) {
                try (Stream<Path> entries = Files.list(place)) {
                    tars = entries.filter(entry -> isNamedAsTar(entry) && !Files.isDirectory(entry))
                            .sorted()
                            .toList();
                }
                if (tars.isEmpty()) {
                    throw new DataException(place + ": holds no .tar file; name the folder that they lie in");
                }
            } else if (!Files.exists(place)) {
                throw new DataException(place + ": there is no such file; name a tar file or a folder of them");
            }
            for (Path tar : tars) {
                String file = tar.getFileName().toString();
                String name = ENDING.matcher(file).replaceFirst("");
                Path other = shards.putIfAbsent(name, tar);
                if (other != null && !Files.isSameFile(other, tar)) {
                    throw new DataException(tar + ": has the name of " + other
                            + ", and photos lie in folders named after their shard; unpack it to another folder");
                }
            }
        }
        return shards;
    }

    private static boolean isNamedAsTar(Path file) {
        String name = file.getFileName().toString();
        return !name.startsWith(".") && ENDING.matcher(name).find();
    }

    private void requireOwnFolder() throws IOException {
        if (!Files.exists(dir) || Files.isDirectory(dir.resolve(UNPACKED))) {
            return;
        }
        if (!Files.isDirectory(dir)) {
            throw new DataException(dir + ": is a file, where a folder is meant; name a new one");
        }
        try (Stream<Path> entries = Files.list(dir)) {
            if (entries.findAny().isPresent()) {
                throw new DataException(
                        dir + ": holds other files; name a new or empty folder, or one that shards were unpacked to");
            }
        }
    }

    /** @return a line for each shard that cannot be read */
    private List<String> unpack(Map<String, Path> shards, Progress progress) throws IOException {
        List<String> bad = new ArrayList<>();
        long total = 0;
        for (Path tar : shards.values()) {
            total += Files.size(tar);
        }
        long before = 0;
        for (Map.Entry<String, Path> shard : shards.entrySet()) {
            String name = shard.getKey();
            Path tar = shard.getValue();
            long start = before;
            long all = total;
            Finished fresh =
                    new Finished(Files.size(tar), Files.getLastModifiedTime(tar).toMillis(), null);
            // a changed or a half unpacked one
            Files.deleteIfExists(state(name));
            delete(dir.resolve(IMAGES).resolve(name));
            try {
                Shard.Outcome outcome = Shard.unpack(
                        name,
                        tar,
                        dir,
                        rows(name),
                        reader,
                        read -> progress.update(
                                megabytes(Math.min(start + read, start + fresh.bytes())), megabytes(all)));
                whole(state(name), JSON.writeValueAsBytes(new Finished(fresh.bytes(), fresh.changed(), outcome)));
            } catch (DataException e) {
                bad.add(e.getMessage());
                delete(dir.resolve(IMAGES).resolve(name));
                Files.deleteIfExists(rows(name));
            }
            before += fresh.bytes();
            progress.update(megabytes(before), megabytes(all));
        }
        return bad;
    }

    /** Rounded up, so that a small job has a size. */
    private static int megabytes(long bytes) {
        return (int) ((bytes + 999_999) / 1_000_000);
    }

    private Report table(int already, List<String> bad) throws IOException {
        Map<String, Shard.Outcome> outcomes = new LinkedHashMap<>();
        for (String name : names()) {
            finished(name).ifPresent(finished -> outcomes.put(name, finished.outcome()));
        }
        Path table = dir.resolve(TABLE);
        int rows = outcomes.values().stream().mapToInt(Shard.Outcome::rows).sum();
        if (rows > 0) {
            Path part = part(table);
            try (OutputStream out = Files.newOutputStream(part)) {
                for (String name : outcomes.keySet()) {
                    Files.copy(rows(name), out);
                }
            }
            replace(part, table);
        } else {
            Files.deleteIfExists(table);
        }
        return new Report(
                table,
                rows,
                outcomes.size(),
                already,
                sums(outcomes, Shard.Outcome::failed),
                bad,
                lines(outcomes, Shard.Outcome::withoutImage),
                lines(outcomes, Shard.Outcome::unreadable),
                lines(outcomes, Shard.Outcome::refused),
                sums(outcomes, Shard.Outcome::otherFiles),
                sums(outcomes, Shard.Outcome::otherFields));
    }

    private static List<String> lines(
            Map<String, Shard.Outcome> outcomes, Function<Shard.Outcome, List<String>> lines) {
        return outcomes.values().stream()
                .flatMap(outcome -> lines.apply(outcome).stream())
                .toList();
    }

    private static Map<String, Integer> sums(
            Map<String, Shard.Outcome> outcomes, Function<Shard.Outcome, Map<String, Integer>> counts) {
        Map<String, Integer> sums = new TreeMap<>();
        outcomes.values()
                .forEach(outcome ->
                        counts.apply(outcome).forEach((name, count) -> sums.merge(name, count, Integer::sum)));
        return sums;
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(dir.resolve(UNPACKED))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".json"))
                    .map(name -> name.substring(0, name.length() - ".json".length()))
                    .sorted()
                    .toList();
        }
    }

    private Path state(String name) {
        return dir.resolve(UNPACKED).resolve(name + ".json");
    }

    private Path rows(String name) {
        return dir.resolve(UNPACKED).resolve(name + ".jsonl");
    }

    /** What became of a shard; empty where it is not unpacked, or its photos or rows were deleted since. */
    private Optional<Finished> finished(String name) throws IOException {
        try {
            Finished finished = JSON.readValue(Files.readAllBytes(state(name)), Finished.class);
            boolean there = Files.isRegularFile(rows(name))
                    && (finished.outcome().rows() == 0
                            || Files.isDirectory(dir.resolve(IMAGES).resolve(name)));
            return there ? Optional.of(finished) : Optional.empty();
        } catch (NoSuchFileException | JsonProcessingException e) {
            return Optional.empty();
        }
    }

    private static void whole(Path file, byte[] content) throws IOException {
        Path part = part(file);
        Files.write(part, content);
        replace(part, file);
    }

    private static void replace(Path part, Path file) throws IOException {
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static Path part(Path file) {
        return file.resolveSibling(file.getFileName() + ".part");
    }

    private static void delete(Path tree) throws IOException {
        if (!Files.exists(tree)) {
            return;
        }
        List<Path> all;
        try (Stream<Path> files = Files.walk(tree)) {
            all = files.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path each : all) {
            Files.delete(each);
        }
    }
}
