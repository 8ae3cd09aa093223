package org.rafclip.data.text;

import com.fasterxml.jackson.annotation.JsonFormat;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The three text forms of the paper (sections 1.1 and 2.3), each as one template or several. A template is a text with
 * placeholders such as {@code a photo of {attribute} {category}}. Words go in as they are displayed, underscores already
 * turned to blanks, and texts come out in lower case with single blanks. The order of templates is theirs in the lists.
 *
 * <p>Of several templates, training takes one, drawn anew each epoch; a measurement takes the mean direction of all, as
 * CLIP's zero-shot classifiers do (Radford et al. 2021, section 3.1.4).
 *
 * @param category of the category branch: {@code {color}} and {@code {category}}, at least one of them
 * @param attribute of the attribute branch: {@code {attribute}}, and {@code {category}} if wanted
 * @param retrieval of a photo's retrieval query, and of the sentence that training pairs it with where the loss has
 *     sentences: {@code {color}}, {@code {attributes}} and {@code {category}}, at least
 *     one of them
 */
public record Prompts(
        @JsonFormat(with = JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
        List<String> category,

        @JsonFormat(with = JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
        List<String> attribute,

        @JsonFormat(with = JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
        List<String> retrieval) {

    /** The paper's wording as YAML: what a configuration has where it says nothing. */
    public static final String PAPER_YAML = "{category: ['a photo of {color} {category}'],"
            + " attribute: ['a photo of {attribute} {category}'],"
            + " retrieval: ['a photo of {color} {attributes} {category}']}";

    /**
     * Stands for the category where a data set names none. A mass noun, so that the paper's article-less wording reads
     * as English: "a photo of red clothing".
     */
    public static final String DEFAULT_CATEGORY = "clothing";

    private static final String COLOR = "color";
    private static final String CATEGORY = "category";
    private static final String ATTRIBUTE = "attribute";
    private static final String ATTRIBUTES = "attributes";
    private static final Pattern PLACEHOLDER = Pattern.compile("\\{([^{}]*)}");

    /** The paper's wording. */
    public static final Prompts PAPER = new Prompts(
            List.of("a photo of {color} {category}"),
            List.of("a photo of {attribute} {category}"),
            List.of("a photo of {color} {attributes} {category}"));

    public Prompts {
        category = checked("category", category, List.of(COLOR, CATEGORY), List.of(COLOR, CATEGORY));
        attribute = checked("attribute", attribute, List.of(ATTRIBUTE, CATEGORY), List.of(ATTRIBUTE));
        retrieval = checked(
                "retrieval", retrieval, List.of(COLOR, ATTRIBUTES, CATEGORY), List.of(COLOR, ATTRIBUTES, CATEGORY));
    }

    private static List<String> checked(
            String form, List<String> templates, List<String> known, List<String> oneOfThese) {
        if (templates.isEmpty()) {
            throw new IllegalArgumentException(form + " needs at least one template");
        }
        for (String template : templates) {
            Set<String> found = new HashSet<>();
            for (MatchResult match : PLACEHOLDER.matcher(template).results().toList()) {
                if (!known.contains(match.group(1))) {
                    throw new IllegalArgumentException(form + ": '" + template + "' has the unknown placeholder "
                            + match.group() + "; there are " + braced(known, ", "));
                }
                found.add(match.group(1));
            }
            if (oneOfThese.stream().noneMatch(found::contains)) {
                throw new IllegalArgumentException(form + ": '" + template + "' needs " + braced(oneOfThese, " or "));
            }
        }
        return List.copyOf(templates);
    }

    private static String braced(List<String> names, String between) {
        return names.stream().map(name -> "{" + name + "}").collect(Collectors.joining(between));
    }

    /** Templates as they stand in a sentence. */
    public static String quoted(List<String> templates) {
        return templates.stream().map(text -> "\"" + text + "\"").collect(Collectors.joining(" and "));
    }

    /** The category branch's texts, one a template. */
    public List<String> category(String color, String word) {
        return filled(category, Map.of(COLOR, color, CATEGORY, word));
    }

    /** The attribute branch's texts, one a template. */
    public List<String> attribute(String words, String categoryWord) {
        return filled(attribute, Map.of(ATTRIBUTE, words, CATEGORY, categoryWord));
    }

    /**
     * The texts of retrieval queries and of sentences, one a template.
     *
     * @param attributes in the order of the attribute groups, missing ones left out
     */
    public List<String> retrieval(String color, List<String> attributes, String categoryWord) {
        return filled(
                retrieval, Map.of(COLOR, color, ATTRIBUTES, String.join(" ", attributes), CATEGORY, categoryWord));
    }

    private static List<String> filled(List<String> templates, Map<String, String> words) {
        return templates.stream()
                .map(template -> PLACEHOLDER
                        .matcher(template)
                        .replaceAll(match -> Matcher.quoteReplacement(words.get(match.group(1))))
                        .strip()
                        .replaceAll("\\s+", " ")
                        .toLowerCase(Locale.ROOT))
                .toList();
    }
}
