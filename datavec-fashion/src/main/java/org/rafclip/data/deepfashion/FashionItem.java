package org.rafclip.data.deepfashion;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import lombok.With;
import org.rafclip.data.image.Box;
import org.rafclip.data.text.FashionColor;

/**
 * One annotated garment of one photo.
 *
 * @param id unique in its split: the image path, with {@code #2}, {@code #3} … after it where a split names one image
 *     again
 * @param image path relative to the split's image folder, with {@code /}
 * @param box the garment, in pixels from 0, as annotated: it may reach beyond the image
 * @param category the category's display word, empty where the split has no category file
 * @param attributes per group of the taxonomy the class index from 0, or {@link #MISSING}
 * @param landmarks empty where the split has no landmark file
 * @param line of the item in each of the split's files, from 1
 * @param captions texts that describe it, may be empty
 * @param further classes beside the one in {@code attributes}, by group, where an item has several; mostly empty
 * @param color where it was written down; otherwise it is looked for in the photo
 */
public record FashionItem(
        String id,
        String image,
        Box box,
        Optional<String> category,
        @With List<Integer> attributes,
        List<Landmark> landmarks,
        int line,
        @With List<String> captions,
        @With Map<Integer, List<Integer>> further,
        Optional<FashionColor> color) {

    /** The class index of a group in which an item has no label. */
    public static final int MISSING = -1;

    public FashionItem {
        attributes = List.copyOf(attributes);
        landmarks = List.copyOf(landmarks);
        captions = List.copyOf(captions);
        further = Map.copyOf(further);
    }

    /** An item without captions, with one class a group at most, whose color is not written down. */
    public FashionItem(
            String id,
            String image,
            Box box,
            Optional<String> category,
            List<Integer> attributes,
            List<Landmark> landmarks,
            int line) {
        this(id, image, box, category, attributes, landmarks, line, List.of(), Map.of(), Optional.empty());
    }

    /** Every class that an item has in a group; none where it has no label. */
    public List<Integer> classes(int group) {
        int first = attributes.get(group);
        if (first == MISSING) {
            return List.of();
        }
        List<Integer> all = new ArrayList<>(List.of(first));
        all.addAll(further.getOrDefault(group, List.of()));
        return all;
    }

    /** {@link #attributes()} as an array. */
    public int[] attributeArray() {
        return attributes.stream().mapToInt(Integer::intValue).toArray();
    }
}
