package org.rafclip.experiment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Configs;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;

/**
 * The results in a suite's folder: {@code results/ID.json}, one an experiment, written whole or not at all.
 *
 * @param dir the suite's folder
 */
public record Results(Path dir) {

    private static final String FOLDER = "results";
    private static final String JSON = ".json";

    /** Tables before figures before everything else, each by its name. */
    private static final Comparator<String> READING_ORDER = Comparator.comparingInt(
                    (String id) -> id.startsWith("table") ? 0 : id.startsWith("figure") ? 1 : 2)
            .thenComparing(Comparator.naturalOrder());

    /** Where an experiment's result lies. */
    public Path file(String id) {
        return dir.resolve(FOLDER).resolve(id + JSON);
    }

    /** Writes a result, or replaces that of an earlier time; where that is the same, it stays with its provenance. */
    public void write(ExperimentResult result, Provenance provenance) {
        if (!stands(result)) {
            new JsonReport<>(result, provenance).write(file(result.id()));
        }
    }

    /** What was reused as a whole does not tell again what it was computed from. */
    private boolean stands(ExperimentResult result) {
        Path file = file(result.id());
        if (!Files.isRegularFile(file)) {
            return false;
        }
        try {
            ExperimentResult stored =
                    JsonReport.read(file, ExperimentResult.class).body();
            return Set.copyOf(stored.stages()).containsAll(result.stages())
                    && content(stored).equals(content(result));
        } catch (ConfigException e) {
            // Damaged, or of another version.
            return false;
        }
    }

    private static JsonNode content(ExperimentResult result) {
        ObjectNode content = (ObjectNode) Configs.toTree(result);
        content.remove("stages");
        return content;
    }

    /** The files of every result there is: tables first, then figures, then the others, each by id. */
    public List<Path> files() throws IOException {
        Path folder = dir.resolve(FOLDER);
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(JSON))
                    .sorted(Comparator.comparing(Results::id, READING_ORDER))
                    .toList();
        }
    }

    /**
     * Every result there is, in the order of {@link #files}.
     *
     * @throws DataException if there is none
     * @throws org.rafclip.run.ConfigException if one is damaged or was written by another version of this program
     */
    public List<JsonReport<ExperimentResult>> readAll() throws IOException {
        List<JsonReport<ExperimentResult>> results = new ArrayList<>();
        for (Path file : files()) {
            results.add(JsonReport.read(file, ExperimentResult.class));
        }
        if (results.isEmpty()) {
            throw new DataException(dir + " holds no results of experiments: it has no " + FOLDER + "/*" + JSON
                    + "; give the output.dir of ./rafclip ablate or the --out of ./rafclip demo");
        }
        return List.copyOf(results);
    }

    private static String id(Path file) {
        String name = file.getFileName().toString();
        return name.substring(0, name.length() - JSON.length());
    }

    /** A file or folder as results name it: relative to the suite's folder where it lies in it, else absolute. */
    public String name(Path file) {
        Path root = dir.toAbsolutePath().normalize();
        Path path = file.toAbsolutePath().normalize();
        return path.startsWith(root) ? root.relativize(path).toString().replace('\\', '/') : path.toString();
    }

    /** The file or folder that {@link #name} named. */
    public Path resolve(String name) {
        return dir.resolve(name);
    }
}
