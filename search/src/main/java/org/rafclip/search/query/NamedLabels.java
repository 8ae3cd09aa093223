package org.rafclip.search.query;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** Which labels a text names: those whose words stand in it one after another, plurals being their singulars. */
final class NamedLabels {

    private static final Pattern BETWEEN_WORDS = Pattern.compile("[^\\p{L}\\p{N}]+");

    private NamedLabels() {}

    /** The labels that any of the texts names, each once, in the order of the facets' names. */
    static List<String> in(Map<String, List<String>> labels, List<String> texts) {
        List<List<String>> spoken = texts.stream().map(NamedLabels::words).toList();
        List<String> named = new ArrayList<>();
        for (String facet : new TreeSet<>(labels.keySet())) {
            for (String label : labels.get(facet)) {
                List<String> words = words(label);
                boolean found = !words.isEmpty()
                        && spoken.stream().anyMatch(text -> Collections.indexOfSubList(text, words) >= 0);
                if (found && !named.contains(label)) {
                    named.add(label);
                }
            }
        }
        return named;
    }

    private static List<String> words(String text) {
        return BETWEEN_WORDS
                .splitAsStream(text.toLowerCase(Locale.ROOT))
                .filter(word -> !word.isEmpty())
                .map(NamedLabels::singular)
                .toList();
    }

    private static String singular(String word) {
        if (word.endsWith("sses")) {
            return word.substring(0, word.length() - 2);
        }
        // Shorts are no short, nor jeans a jean.
        boolean always =
                word.equals("shorts") || word.equals("jeans") || word.equals("leggings") || word.equals("chinos");
        return !always && word.length() > 3 && word.endsWith("s") && !word.endsWith("ss")
                ? word.substring(0, word.length() - 1)
                : word;
    }
}
