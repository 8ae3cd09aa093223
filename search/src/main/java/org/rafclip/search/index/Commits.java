package org.rafclip.search.index;

import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.rafclip.data.DataException;
import org.rafclip.eval.PhotoEvaluation.Images;

/** What an index says of itself, as text by name, which is kept with each commit. */
public final class Commits {

    private static final String VERSION = "rafclip.index";
    private static final String CURRENT = "1";
    private static final String MODEL = "model";
    private static final String MODEL_HASH = "model-hash";
    private static final String MODEL_PLACE = "model-place";
    private static final String COMPOSER_PLACE = "composer-place";
    private static final String WIDTH = "width";
    private static final String IMAGES = "images";
    private static final String WHOLE_PHOTOS = "whole-photos";
    private static final String ROOT = "root";
    private static final String PREDICTED = "predicted";
    private static final String UPDATED = "updated";
    private static final String GRAPH = "graph";
    private static final String NOTE = "note.";

    private Commits() {}

    /** @param notes further text by name */
    public static Map<String, String> write(
            IndexInfo info, Optional<Graph> graph, Map<String, String> notes, Instant now) {
        Map<String, String> data = new LinkedHashMap<>();
        data.put(VERSION, CURRENT);
        data.put(MODEL, info.model());
        data.put(MODEL_HASH, info.modelHash());
        data.put(MODEL_PLACE, info.modelPlace().toString());
        if (info.composerPlace() != null) {
            data.put(COMPOSER_PLACE, info.composerPlace().toString());
        }
        data.put(WIDTH, Integer.toString(info.width()));
        data.put(IMAGES, info.images().name());
        data.put(WHOLE_PHOTOS, Boolean.toString(info.wholePhotos()));
        data.put(ROOT, info.root().toString());
        data.put(PREDICTED, Boolean.toString(info.predicted()));
        data.put(UPDATED, now.toString());
        graph.ifPresent(g -> data.put(GRAPH, g.from() + " " + g.links() + " " + g.beam() + " " + g.explored()));
        notes.forEach((name, value) -> data.put(NOTE + name, value));
        return data;
    }

    static Map<String, String> notes(Map<String, String> data) {
        Map<String, String> notes = new HashMap<>();
        data.forEach((name, value) -> {
            if (name.startsWith(NOTE)) {
                notes.put(name.substring(NOTE.length()), value);
            }
        });
        return notes;
    }

    /**
     * @param place of the index, for messages
     * @param entries how many there are
     * @throws DataException if the text is of another program, or another version of this one
     */
    public static IndexInfo info(Object place, Map<String, String> data, int entries) {
        version(place, data);
        return new IndexInfo(
                data.get(MODEL),
                data.get(MODEL_HASH),
                Path.of(data.get(MODEL_PLACE)),
                data.containsKey(COMPOSER_PLACE) ? Path.of(data.get(COMPOSER_PLACE)) : null,
                Integer.parseInt(data.get(WIDTH)),
                Images.valueOf(data.get(IMAGES)),
                Boolean.parseBoolean(data.get(WHOLE_PHOTOS)),
                Path.of(data.get(ROOT)),
                Boolean.parseBoolean(data.get(PREDICTED)),
                entries,
                Instant.parse(data.get(UPDATED)));
    }

    /** How the index is searched where not exactly. */
    public static Optional<Graph> graph(Map<String, String> data) {
        return Optional.ofNullable(data.get(GRAPH)).map(text -> {
            String[] numbers = text.split(" ");
            return new Graph(
                    Integer.parseInt(numbers[0]),
                    Integer.parseInt(numbers[1]),
                    Integer.parseInt(numbers[2]),
                    Integer.parseInt(numbers[3]));
        });
    }

    private static void version(Object place, Map<String, String> data) {
        String version = data.get(VERSION);
        if (version == null) {
            throw new DataException(
                    place + ": an index of another program. Name one that ./rafclip index wrote, or another"
                            + " place to write to.");
        }
        if (!version.equals(CURRENT)) {
            throw new DataException(place + ": an index of version " + version + "; this program reads version "
                    + CURRENT + ". Build it anew in another place: ./rafclip index.");
        }
    }
}
