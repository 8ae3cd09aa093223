package org.rafclip.measure;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.rafclip.eval.Retrieval;
import org.rafclip.io.AtomicFiles;

/**
 * Raw answers, one line a photo or query, for whoever wants to count for themselves: JSON lines, or CSV in a file whose name
 * ends so. In CSV what is nested in JSON has names with dots, and lists are parted by semicolons.
 */
public final class Predictions {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String CSV = ".csv";
    private static final List<String> JSON_LINES = List.of(".jsonl", ".ndjson", ".json");

    private final OutputStream out;
    private final boolean csv;
    private CsvSchema columns;

    private Predictions(OutputStream out, boolean csv) {
        this.out = out;
        this.csv = csv;
    }

    /** Whether a file's name says how predictions are to be written. */
    public static boolean known(Path file) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        return name.endsWith(CSV) || JSON_LINES.stream().anyMatch(name::endsWith);
    }

    /**
     * Writes a file, whole or not at all.
     *
     * @param content writes the lines
     */
    public static void write(Path file, Consumer<Predictions> content) throws IOException {
        if (!known(file)) {
            throw new IllegalArgumentException(file + " ends neither in " + CSV + " nor in " + JSON_LINES);
        }
        Files.createDirectories(file.toAbsolutePath().getParent());
        try {
            AtomicFiles.write(file, channel -> {
                OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
                content.accept(new Predictions(
                        out,
                        file.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(CSV)));
                out.flush();
            });
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /** Begins a line. */
    Line line(String id) {
        return new Line(id);
    }

    /** A line that is being made. */
    final class Line {

        private final ObjectNode tree = JSON.createObjectNode();

        private Line(String id) {
            tree.put("id", id);
        }

        Line put(String name, String value) {
            tree.put(name, value);
            return this;
        }

        /**
         * One question with a fixed choice of answers.
         *
         * @param truth null where it is not known
         */
        Line answer(String question, String truth, String answer, List<String> choice, float[] scores) {
            ObjectNode node = tree.putObject(question).put("truth", truth).put("answer", answer);
            ObjectNode byAnswer = node.putObject("scores");
            for (int i = 0; i < scores.length; i++) {
                byAnswer.put(choice.get(i), scores[i]);
            }
            return this;
        }

        /**
         * A ranked answer.
         *
         * @param right every right entry, whether found or not
         * @param hits best first
         * @param ids of the gallery
         */
        Line ranking(List<String> right, List<Retrieval.Hit> hits, List<String> ids) {
            tree.set("right", JSON.valueToTree(right));
            tree.set(
                    "ranked",
                    JSON.valueToTree(
                            hits.stream().map(hit -> ids.get(hit.index())).toList()));
            tree.set(
                    "scores",
                    JSON.valueToTree(hits.stream().map(Retrieval.Hit::cosine).toList()));
            return this;
        }

        void end() {
            try {
                out.write((csv ? csv(tree) : JSON.writeValueAsString(tree) + "\n").getBytes(StandardCharsets.UTF_8));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private String csv(ObjectNode tree) throws JsonProcessingException {
        Map<String, String> flat = new LinkedHashMap<>();
        flatten("", tree, flat);
        boolean first = columns == null;
        if (first) {
            CsvSchema.Builder schema = CsvSchema.builder();
            flat.keySet().forEach(schema::addColumn);
            columns = schema.build();
        }
        ObjectWriter writer = new CsvMapper().writer(first ? columns.withHeader() : columns);
        return writer.writeValueAsString(flat);
    }

    private static void flatten(String name, JsonNode node, Map<String, String> flat) {
        if (node.isObject()) {
            node.properties()
                    .forEach(entry -> flatten(
                            name.isEmpty() ? entry.getKey() : name + "." + entry.getKey(), entry.getValue(), flat));
        } else if (node.isArray()) {
            List<String> values = new ArrayList<>();
            node.forEach(value -> values.add(value.asText()));
            flat.put(name, values.stream().collect(Collectors.joining(";")));
        } else {
            flat.put(name, node.isNull() ? "" : node.asText());
        }
    }
}
