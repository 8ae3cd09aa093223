package org.rafclip.data.fashioniq;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;

/**
 * Attribute labels of a split's images, which make every image with the target's labels a right answer. As a file:
 * {@code {"groups": [{"name", "attributes": […]}, …], "labels": {"ID": [class index per group, -1 for none], …}}}.
 *
 * @param groups what the indices mean
 * @param labels per image id a class index of each group, or {@link FashionItem#MISSING}
 */
public record ImageLabels(List<AttributeTaxonomy.Group> groups, Map<String, List<Integer>> labels) {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** @throws IllegalArgumentException if an image's labels do not fit the groups */
    public ImageLabels {
        groups = List.copyOf(groups);
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
        for (Map.Entry<String, List<Integer>> entry : labels.entrySet()) {
            List<Integer> classes = entry.getValue();
            boolean fits = classes.size() == groups.size();
            for (int i = 0; fits && i < classes.size(); i++) {
                fits = classes.get(i) >= FashionItem.MISSING
                        && classes.get(i) < groups.get(i).size();
            }
            if (!fits) {
                throw new IllegalArgumentException("the labels " + classes + " of image '" + entry.getKey()
                        + "' do not fit the groups; write a class index from 0 for each of the " + groups.size()
                        + ", -1 for none");
            }
        }
    }

    /** Where a category's labels lie. */
    public static Path file(Path dir, String category, String split) {
        return dir.resolve("labels").resolve("labels." + category + "." + split + ".json");
    }

    /** @throws DataException naming the file and, where it is broken, the line */
    public static ImageLabels read(Path file) {
        try {
            return JSON.readValue(file.toFile(), ImageLabels.class);
        } catch (MismatchedInputException e) {
            throw new DataException(file + ": is no labels file (" + e.getOriginalMessage() + ")", e);
        } catch (JsonProcessingException e) {
            String line = e.getLocation() == null ? "" : ":" + e.getLocation().getLineNr();
            throw new DataException(file + line + ": " + e.getOriginalMessage() + "; make the file again", e);
        } catch (IOException e) {
            throw new DataException(file + ": cannot be read (" + e.getMessage() + ")", e);
        }
    }

    /** The file's text. */
    public String toJson() {
        try {
            return JSON.writeValueAsString(this);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * One image's labels.
     *
     * @throws DataException if it has none
     */
    public List<Integer> of(String id) {
        List<Integer> classes = labels.get(id);
        if (classes == null) {
            throw new DataException("image '" + id + "' has no entry among the labels; make the labels file again");
        }
        return classes;
    }

    /** Whether an image has a label in every group. */
    public static boolean complete(List<Integer> classes) {
        return !classes.contains(FashionItem.MISSING);
    }

    /** For each combination of labels the places in a gallery that have it; images that lack a label have no place. */
    Map<List<Integer>, List<Integer>> alike(List<String> gallery) {
        Map<List<Integer>, List<Integer>> alike = new HashMap<>();
        for (int i = 0; i < gallery.size(); i++) {
            List<Integer> classes = of(gallery.get(i));
            if (complete(classes)) {
                alike.computeIfAbsent(classes, fresh -> new ArrayList<>()).add(i);
            }
        }
        return alike;
    }
}
