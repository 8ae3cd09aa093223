package org.rafclip.data.text;

import java.util.List;
import java.util.Locale;

/**
 * The paper's three text forms (sections 1.1 and 2.3). Words go in as they are displayed, underscores already turned to
 * blanks, and come out in lower case with single blanks.
 */
public final class Prompts {

    /**
     * Stands for the category where a data set names none. A mass noun, so that the paper's article-less wording reads
     * as English: "a photo of red clothing".
     */
    public static final String DEFAULT_CATEGORY = "clothing";

    private Prompts() {}

    /** The category branch's text: {@code a photo of {color} {category}}. */
    public static String category(String color, String category) {
        return photoOf(List.of(color, category));
    }

    /** The attribute branch's text: {@code a photo of {attribute} {category}}. */
    public static String attribute(String attribute, String category) {
        return photoOf(List.of(attribute, category));
    }

    /**
     * The retrieval query: {@code a photo of {color} {attributes…} {category}}.
     *
     * @param attributes in the order of the attribute groups, missing ones left out
     */
    public static String retrieval(String color, List<String> attributes, String category) {
        return photoOf(List.of(color, String.join(" ", attributes), category));
    }

    private static String photoOf(List<String> words) {
        return ("a photo of " + String.join(" ", words))
                .strip()
                .replaceAll("\\s+", " ")
                .toLowerCase(Locale.ROOT);
    }
}
