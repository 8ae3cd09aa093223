package org.rafclip.search;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;
import org.rafclip.search.index.Entry;

/**
 * What a model sees on a photo.
 *
 * @param box that was looked at, in the photo
 * @param mask the garment's pixels, of the photo's size
 * @param crop the category branch's image as the model saw it, before normalisation
 * @param region the attribute branch's image as the model saw it, before normalisation
 * @param groups the attribute groups that the model was trained on, then {@value #WORDS} if any were asked for; each with
 *     its candidates, the most probable first
 * @param category candidates, the most probable first; empty where the model knows no categories
 * @param color of most of the garment's pixels, as its texts call it
 */
public record Recognition(
        Box box,
        Mask mask,
        RgbImage crop,
        RgbImage region,
        List<Group> groups,
        List<Candidate> category,
        String color) {

    /** The name of the group of words that were asked for. */
    public static final String WORDS = "words";

    /** The most probable word of each group, of the category and the color, as labels of an index. */
    public Map<String, List<String>> labels() {
        Map<String, List<String>> labels = new LinkedHashMap<>();
        if (!category.isEmpty()) {
            labels.put(Entry.CATEGORY, List.of(category.get(0).word()));
        }
        labels.put(Entry.COLOR, List.of(color));
        groups.forEach(group ->
                labels.put(group.name(), List.of(group.candidates().get(0).word())));
        return labels;
    }

    /**
     * @param name of the group
     * @param candidates the most probable first
     */
    public record Group(String name, List<Candidate> candidates) {}

    /**
     * @param word as displayed
     * @param cosine of image and text
     * @param probability softmax over the group's candidates at the model's temperature; of each of {@value #WORDS} by itself,
     *     against the same text without the word
     */
    public record Candidate(String word, double cosine, double probability) {}
}
