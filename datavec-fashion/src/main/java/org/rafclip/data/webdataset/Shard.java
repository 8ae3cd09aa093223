package org.rafclip.data.webdataset;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import org.rafclip.data.DataException;
import org.rafclip.data.SystemText;
import org.rafclip.data.TextFile;
import org.rafclip.data.image.ImageReader;

/**
 * Unpacks one shard: its photos into a folder, a line of the table for each. The files of a sample need not lie side by
 * side in the tar, as WebDataset's own readers demand: texts and JSON are kept until its end, photos are written as they
 * come.
 */
final class Shard implements Tar.Visitor {

    /** Of a photo, which is held in memory once. */
    private static final long MAX_BYTES = 1 << 28;

    /** Bytes of a file's name. */
    private static final int MAX_NAME = 255;

    private static final long MAX_TEXT_BYTES = 1 << 24;

    private static final JsonMapper JSON = JsonMapper.builder()
            // as Python writes them
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final String name;
    private final Path tar;
    private final Path dir;
    private final ImageReader reader;
    private final Map<String, Sample> samples = new LinkedHashMap<>();
    private final List<String> withoutImage = new ArrayList<>();
    private final List<String> unreadable = new ArrayList<>();
    private final List<String> refused = new ArrayList<>();
    private final Map<String, Integer> failed = new TreeMap<>();
    private final Map<String, Integer> otherFiles = new TreeMap<>();
    private final Map<String, Integer> otherFields = new TreeMap<>();

    /** What is known of a sample; null is what it has not. */
    private static final class Sample {
        private String image;
        private Path written;
        private byte[] text;
        private byte[] json;
        private String fault;
        private final Set<String> others = new LinkedHashSet<>();
    }

    /**
     * What became of a shard.
     *
     * @param rows lines of the table
     * @param failed samples that their JSON says were never fetched, by its status
     * @param withoutImage a line for each sample without an image
     * @param unreadable a line for each sample with an image, text or JSON that cannot be read
     * @param refused a line for each entry that may not be unpacked
     * @param otherFiles entries of kinds that a table has no use for, by their ending
     * @param otherFields fields of JSON that can be no column, by their name
     */
    record Outcome(
            int rows,
            Map<String, Integer> failed,
            List<String> withoutImage,
            List<String> unreadable,
            List<String> refused,
            Map<String, Integer> otherFiles,
            Map<String, Integer> otherFields) {}

    private Shard(String name, Path tar, Path dir, ImageReader reader) {
        this.name = name;
        this.tar = tar;
        this.dir = dir;
        this.reader = reader;
    }

    /**
     * Unpacks a shard.
     *
     * @param name of the folder in {@code images} that photos go to
     * @param dir the table's folder
     * @param rows the file to write the table's lines to
     * @param progress told how many bytes of the tar have been read
     * @throws DataException if the tar cannot be read to its end
     */
    static Outcome unpack(String name, Path tar, Path dir, Path rows, ImageReader reader, LongConsumer progress) {
        Shard shard = new Shard(name, tar, dir, reader);
        Tar.read(tar, progress, shard);
        int written = shard.write(rows);
        return new Outcome(
                written,
                shard.failed,
                shard.withoutImage,
                shard.unreadable,
                shard.refused,
                shard.otherFiles,
                shard.otherFields);
    }

    @Override
    public void refuse(String entry, String why) {
        refused.add(tar + ": entry '" + entry + "' " + why);
    }

    @Override
    public void file(String entry, long bytes, InputStream in) throws IOException {
        int base = entry.lastIndexOf('/') + 1;
        int dot = entry.indexOf('.', base);
        if (dot <= base) {
            otherFiles.merge(dot < 0 ? "without ending" : "hidden", 1, Integer::sum);
            return;
        }
        String ending = entry.substring(dot + 1).toLowerCase(Locale.ROOT);
        Sample sample = samples.computeIfAbsent(entry.substring(0, dot), key -> new Sample());
        if (ImageReader.ENDINGS.contains(ending)) {
            image(sample, entry, bytes, in);
        } else if (ending.equals("txt")) {
            sample.text = text(sample, sample.text, entry, bytes, in);
        } else if (ending.equals("json")) {
            sample.json = text(sample, sample.json, entry, bytes, in);
        } else {
            sample.others.add(ending);
            otherFiles.merge(ending, 1, Integer::sum);
        }
    }

    private void image(Sample sample, String entry, long bytes, InputStream in) throws IOException {
        if (sample.image != null) {
            otherFiles.merge("second image of a sample", 1, Integer::sum);
            return;
        }
        sample.image = entry;
        if (bytes > MAX_BYTES) {
            fault(sample, entry, "has " + bytes + " bytes, more than any photo that is read here");
            return;
        }
        Path file;
        try {
            file = dir.resolve(path(entry));
        } catch (InvalidPathException e) {
            fault(sample, entry, SystemText.fault(entry).orElse("is not a path"));
            return;
        }
        for (Path part : file) {
            if (part.toString().getBytes(StandardCharsets.UTF_8).length > MAX_NAME) {
                fault(sample, entry, "has a name longer than " + MAX_NAME + " bytes, which no file system takes");
                return;
            }
        }
        byte[] content = in.readAllBytes();
        try {
            Files.createDirectories(file.getParent());
        } catch (FileAlreadyExistsException e) {
            fault(sample, entry, "lies in " + e.getFile() + ", which is a file of another entry");
            return;
        } catch (IOException e) {
            throw new UncheckedIOException(file.toString(), e);
        }
        sample.written = file;
        try {
            Files.write(file, content);
            Optional<String> problem = reader.problem(file);
            if (problem.isPresent()) {
                String what = problem.get();
                fault(sample, entry, what.startsWith(file + ": ") ? what.substring((file + ": ").length()) : what);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file.toString(), e);
        }
    }

    private String path(String entry) {
        return WebDataset.IMAGES + "/" + name + "/" + entry;
    }

    private byte[] text(Sample sample, byte[] earlier, String entry, long bytes, InputStream in) throws IOException {
        if (earlier != null) {
            fault(sample, entry, "is in the tar twice; keep one");
            return earlier;
        }
        if (bytes > MAX_TEXT_BYTES) {
            fault(sample, entry, "has " + bytes + " bytes, more than a caption or the labels of a photo take");
            return new byte[0];
        }
        return in.readAllBytes();
    }

    /** The first fault is a sample's. */
    private void fault(Sample sample, String entry, String what) {
        if (sample.fault == null) {
            sample.fault = tar + ": " + entry + ": " + what;
        }
    }

    private int write(Path rows) {
        int written = 0;
        try (BufferedWriter out = Files.newBufferedWriter(rows)) {
            for (Map.Entry<String, Sample> entry : samples.entrySet()) {
                Optional<ObjectNode> row = row(entry.getKey(), entry.getValue());
                if (row.isPresent()) {
                    // by way of bytes, for half a surrogate pair in a caption is no UTF-8
                    byte[] line = JSON.writeValueAsString(row.get()).getBytes(StandardCharsets.UTF_8);
                    out.write(new String(line, StandardCharsets.UTF_8));
                    out.write('\n');
                    written++;
                } else if (entry.getValue().written != null) {
                    Files.deleteIfExists(entry.getValue().written);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(rows.toString(), e);
        }
        return written;
    }

    /** A sample's line; empty where it has none, which is noted. */
    private Optional<ObjectNode> row(String key, Sample sample) {
        ObjectNode fields = JSON.createObjectNode();
        if (sample.json != null && sample.fault == null) {
            try {
                if (JSON.readTree(sample.json) instanceof ObjectNode object) {
                    fields = object;
                } else {
                    fault(sample, key + ".json", "is no JSON object; write one, such as {\"fit\": \"slim\"}");
                }
            } catch (IOException e) {
                String what = e instanceof JsonProcessingException json ? json.getOriginalMessage() : e.getMessage();
                fault(sample, key + ".json", "is no JSON (" + what + "); mend it or take the sample out");
            }
        }
        Set<String> captions = new LinkedHashSet<>();
        if (sample.text != null) {
            try {
                captions.add(TextFile.withoutMark(StandardCharsets.UTF_8
                                .newDecoder()
                                .decode(ByteBuffer.wrap(sample.text))
                                .toString())
                        .strip());
            } catch (CharacterCodingException e) {
                fault(sample, key + ".txt", "is not UTF-8 text; save it as UTF-8");
            }
        }
        if (sample.fault != null) {
            unreadable.add(sample.fault);
            return Optional.empty();
        }
        if (sample.image == null) {
            String status = fields.path("status").asText("success");
            if (!status.equals("success")) {
                failed.merge(status, 1, Integer::sum);
            } else {
                withoutImage.add(tar + ": sample '" + key + "' has no image (.jpg, .png, .webp)"
                        + (sample.others.isEmpty() ? "" : ", only " + String.join(", ", sample.others)));
            }
            return Optional.empty();
        }
        ObjectNode row = JSON.createObjectNode();
        row.put("image", path(sample.image));
        row.put("id", name + "/" + key);
        captions(fields.path("caption"), captions);
        if (captions.size() == 1) {
            row.put("caption", captions.iterator().next());
        } else if (!captions.isEmpty()) {
            captions.forEach(row.putArray("caption")::add);
        }
        columns(fields, row);
        return Optional.of(row);
    }

    private void captions(JsonNode written, Set<String> captions) {
        if (written.isTextual()) {
            captions.add(written.asText().strip());
        } else if (written.isArray()) {
            written.forEach(each -> captions(each, captions));
        } else if (written.isObject()) {
            otherFields.merge("caption", 1, Integer::sum);
        }
        captions.remove("");
    }

    private void columns(ObjectNode fields, ObjectNode row) {
        boolean downloaded = fields.has("original_width");
        for (Map.Entry<String, JsonNode> field : fields.properties()) {
            JsonNode value = field.getValue();
            if (value instanceof ArrayNode array
                    && array.size() == 1
                    && array.get(0).isValueNode()) {
                value = array.get(0);
            }
            String column = column(field.getKey(), downloaded);
            if (column.equals("caption") || value.isNull() || value.isDouble() && Double.isNaN(value.asDouble())) {
                continue;
            }
            if (isColumn(value)) {
                row.set(column, value);
            } else {
                otherFields.merge(field.getKey(), 1, Integer::sum);
            }
        }
    }

    private static String column(String field, boolean downloaded) {
        if (field.equalsIgnoreCase("image") || field.equalsIgnoreCase("id")) {
            return "json_" + field;
        }
        // img2dataset's are the photo's, not those of a garment's box
        return downloaded && (field.equals("width") || field.equals("height")) ? "photo_" + field : field;
    }

    /** Whether a value can stand in a table's cell; a text that is itself JSON, as img2dataset's exif, says nothing there. */
    private static boolean isColumn(JsonNode value) {
        if (value.isArray()) {
            for (JsonNode part : value) {
                if (part.isContainerNode()) {
                    return false;
                }
            }
            return true;
        }
        String text = value.asText();
        return value.isValueNode() && !(text.startsWith("{") && text.endsWith("}"));
    }
}
