package org.rafclip.search.serve;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.regex.Pattern;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.Filter;
import org.rafclip.search.index.PhotoIndex;

/**
 * What an index has, for those who see it for the first time.
 *
 * @param examples ids of photos that differ
 * @param suggestions texts that have answers
 */
record Showcase(List<String> examples, List<String> suggestions) {

    private static final int EXAMPLES = 12;
    private static final int SUGGESTIONS = 8;
    private static final int WORDS = 6;

    /** Words for what is not there find nothing that one can see. */
    private static final Pattern NOTHING = Pattern.compile("(no|not|none|non|without|other|unknown)\\b.*");

    static Showcase of(PhotoIndex index) {
        Map<String, Map<String, Integer>> facets = index.facets(Filter.ALL);
        return new Showcase(examples(index, facets), suggestions(index, facets));
    }

    /** Of the most frequent categories in turns, each nearest to another direction. */
    private static List<String> examples(PhotoIndex index, Map<String, Map<String, Integer>> facets) {
        Random random = new Random(1);
        List<Filter> filters = new ArrayList<>();
        facets.getOrDefault(Entry.CATEGORY, Map.of()).keySet().stream()
                .limit(EXAMPLES)
                .forEach(word -> filters.add(filter(Map.of(Entry.CATEGORY, word))));
        if (filters.isEmpty()) {
            filters.add(Filter.ALL);
        }
        Set<String> examples = new LinkedHashSet<>();
        for (int i = 0; i < EXAMPLES; i++) {
            index.nearest(direction(random, index.info().width()), filters.get(i % filters.size()), examples, 1)
                    .forEach(match -> examples.add(match.id()));
        }
        return List.copyOf(examples);
    }

    private static float[] direction(Random random, int width) {
        double[] direction = random.doubles(width).map(v -> 2 * v - 1).toArray();
        double squares = 0;
        for (double v : direction) {
            squares += v * v;
        }
        float[] unit = new float[width];
        for (int i = 0; i < width; i++) {
            unit[i] = (float) (direction[i] / Math.sqrt(squares));
        }
        return unit;
    }

    private static Filter filter(Map<String, String> words) {
        Map<String, Set<String>> sets = new HashMap<>();
        words.forEach((facet, word) -> sets.put(facet, Set.of(word)));
        return new Filter(sets, Optional.empty());
    }

    private record Pair(String text, String word, String category, int count) {}

    /** A word and a category that most garments have together, each category and word at most twice. */
    private static List<String> suggestions(PhotoIndex index, Map<String, Map<String, Integer>> facets) {
        List<String> categories = first(facets.get(Entry.CATEGORY));
        List<Pair> pairs = new ArrayList<>();
        for (Map.Entry<String, Map<String, Integer>> facet : facets.entrySet()) {
            if (facet.getKey().equals(Entry.CATEGORY)) {
                continue;
            }
            for (String word : first(facet.getValue())) {
                String text = word.toLowerCase(Locale.ROOT);
                if (NOTHING.matcher(text).matches()) {
                    continue;
                }
                if (categories.isEmpty()) {
                    pairs.add(new Pair(text, word, word, facet.getValue().get(word)));
                }
                for (String category : categories) {
                    int count = index.count(filter(Map.of(facet.getKey(), word, Entry.CATEGORY, category)), Set.of());
                    if (count > 0) {
                        pairs.add(new Pair(text + " " + category.toLowerCase(Locale.ROOT), word, category, count));
                    }
                }
            }
        }
        pairs.sort(Comparator.comparingInt(Pair::count).reversed().thenComparing(Pair::text));
        Set<String> texts = new LinkedHashSet<>();
        Map<String, Integer> used = new HashMap<>();
        Set<String> words = new HashSet<>();
        for (Pair pair : pairs) {
            if (texts.size() < SUGGESTIONS && used.getOrDefault(pair.category(), 0) < 2 && words.add(pair.word())) {
                texts.add(pair.text());
                used.merge(pair.category(), 1, Integer::sum);
            }
        }
        return List.copyOf(texts);
    }

    private static List<String> first(Map<String, Integer> words) {
        return words == null ? List.of() : words.keySet().stream().limit(WORDS).toList();
    }
}
