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
import org.rafclip.io.AtomicFiles;

/**
 * A result as a JSON file: the result's own fields at the top level, under the names of its record components, and its
 * {@link Provenance} under {@code provenance}.
 *
 * @param body a record without a component named {@code provenance}
 * @param provenance of the run that computed it
 */
public record JsonReport<T extends Record>(T body, Provenance provenance) {

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
        ObjectNode tree = JSON.valueToTree(body);
        if (tree.has("provenance")) {
            throw new IllegalStateException("a report's body has a field named provenance of its own");
        }
        tree.set("provenance", JSON.valueToTree(provenance));
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
     * @throws ConfigException if there is no such file or it is not a report of this kind
     */
    public static <T extends Record> JsonReport<T> read(Path file, Class<T> type) {
        try {
            JsonNode tree = JSON.readTree(Files.readString(file));
            return new JsonReport<>(
                    JSON.treeToValue(tree, type), JSON.treeToValue(tree.path("provenance"), Provenance.class));
        } catch (NoSuchFileException e) {
            throw new ConfigException(file + ": there is no such report", e);
        } catch (JsonProcessingException e) {
            throw new ConfigException(
                    file + ": is not a report of " + type.getSimpleName() + ": "
                            + e.getOriginalMessage().replaceAll("\\s+", " "),
                    e);
        } catch (IOException e) {
            throw new ConfigException(file + ": cannot be read: " + e, e);
        }
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
