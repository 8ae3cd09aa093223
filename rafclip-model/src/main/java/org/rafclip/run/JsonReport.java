package org.rafclip.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import org.rafclip.data.TextFile;
import org.rafclip.data.WrongFile;
import org.rafclip.io.AtomicFiles;

/**
 * A result as a JSON file: the result's own fields at the top level, under the names of its record components, and its
 * {@link Provenance} under {@code provenance}.
 *
 * @param body a record without a component named {@code provenance}
 * @param provenance of the run that computed it
 */
public record JsonReport<T extends Record>(T body, Provenance provenance) {

    private static final String PROVENANCE = "provenance";
    private static final String FORMAT = "format";
    private static final ObjectMapper JSON = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .build();

    /**
     * Writes the report so that a reader, or a crash, sees either the old file or the whole new one. Missing parent
     * directories are made.
     *
     * @throws IllegalStateException if a figure is not finite; the message names its key
     * @throws UncheckedIOException if the file cannot be written
     */
    public void write(Path file) {
        ObjectNode figures = JSON.valueToTree(body);
        if (figures.has(PROVENANCE) || figures.has(FORMAT)) {
            throw new IllegalStateException("a report's body has a field named provenance or format of its own");
        }
        ObjectNode tree = JSON.createObjectNode();
        ReportFormat format = body.getClass().getAnnotation(ReportFormat.class);
        if (format != null) {
            tree.putObject(FORMAT).put("kind", format.kind()).put("version", format.version());
        }
        tree.setAll(figures);
        tree.set(PROVENANCE, JSON.valueToTree(provenance));
        requireFinite(tree, "");
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            AtomicFiles.writeString(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(tree) + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write the report " + file + ": " + e, e);
        }
    }

    /**
     * Reads a report back, for example to print several runs in one table.
     *
     * @throws ConfigException if there is no such file, it is not a report of this kind, or of another version
     */
    public static <T extends Record> JsonReport<T> read(Path file, Class<T> type) {
        try {
            return of(file, JSON.readTree(TextFile.text(file)), type);
        } catch (NoSuchFileException e) {
            throw new ConfigException(file + ": there is no such report", e);
        } catch (JsonProcessingException e) {
            throw isNone(file, type, e);
        } catch (IOException e) {
            throw new ConfigException(file + ": " + WrongFile.describe(file).orElse("cannot be read: " + e), e);
        }
    }

    /**
     * A report whose file was read already.
     *
     * @param tree what is in the file
     * @throws ConfigException if it is not a report of this kind, or of another version
     */
    public static <T extends Record> JsonReport<T> of(Path file, JsonNode tree, Class<T> type) {
        requireFormat(file, tree, type.getAnnotation(ReportFormat.class));
        try {
            return new JsonReport<>(
                    JSON.treeToValue(tree, type), JSON.treeToValue(tree.path(PROVENANCE), Provenance.class));
        } catch (JsonProcessingException e) {
            throw isNone(file, type, e);
        }
    }

    private static ConfigException isNone(Path file, Class<?> type, JsonProcessingException e) {
        return new ConfigException(
                file + ": is not a report of " + type.getSimpleName() + ": "
                        + e.getOriginalMessage().replaceAll("\\s+", " "),
                e);
    }

    private static void requireFormat(Path file, JsonNode tree, ReportFormat wanted) {
        if (wanted == null) {
            return;
        }
        String kind = tree.path(FORMAT).path("kind").asText("");
        int version = tree.path(FORMAT).path("version").asInt(1);
        if (!kind.isEmpty() && !kind.equals(wanted.kind())) {
            throw new ConfigException(file + ": is a report of " + kind + ", not of " + wanted.kind());
        }
        if (version != wanted.version()) {
            throw new ConfigException(file + ": was written by another version of this program (its form is " + version
                    + ", this one reads " + wanted.version() + "); make it again");
        }
    }

    /** What a report file says it reports, empty where it says nothing. */
    public static String kind(JsonNode tree) {
        return tree.path(FORMAT).path("kind").asText("");
    }

    private static void requireFinite(JsonNode node, String path) {
        if (node.isDouble() || node.isFloat()) {
            if (!Double.isFinite(node.doubleValue())) {
                throw new IllegalStateException(
                        "the report's figure " + path + " is " + node.doubleValue() + ", not a number");
            }
        } else if (node.isArray()) {
            for (int i = 0; i < node.size(); i++) {
                requireFinite(node.get(i), path + "[" + i + "]");
            }
        } else {
            for (Map.Entry<String, JsonNode> entry : node.properties()) {
                requireFinite(entry.getValue(), path.isEmpty() ? entry.getKey() : path + "." + entry.getKey());
            }
        }
    }
}
