package org.rafclip.data.composed;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.rafclip.data.deepfashion.AttributeTaxonomy;

/**
 * Words for a change of attributes: "has long sleeves", "is floral instead of solid and has a v-neck". The words for
 * DeepFashion's fine attributes, the paper's nine colors and the categories of generated data are in {@code
 * phrases.json}; any other attribute is named as a prompt would name it.
 */
public final class Phrases {

    private static final String INSTEAD = " instead of ";

    /** A request that says what the garment is or has leaves out whose it is. */
    private static final Pattern STATES = Pattern.compile("^(?:is|has)\\b", Pattern.CASE_INSENSITIVE);

    private final Map<String, Words> attributes;
    private final Map<String, List<String>> changes;

    /** What can follow "is" and "has". */
    private record Words(List<String> is, List<String> has) {}

    /** @param changes phrases for one attribute turning into another, by {@code from>to} */
    private record Resource(Map<String, Words> attributes, Map<String, List<String>> changes) {}

    private Phrases(Resource resource) {
        attributes = resource.attributes();
        changes = resource.changes();
    }

    /** The phrases that come with the library. */
    public static Phrases load() {
        try (InputStream in = Phrases.class.getResourceAsStream("phrases.json")) {
            if (in == null) {
                throw new IllegalStateException("org/rafclip/data/composed/phrases.json is not on the class path");
            }
            return new Phrases(new ObjectMapper().readValue(in, Resource.class));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Every way to say that a group's attribute turns from one into another; none of them could mean a third attribute
     * of the group.
     */
    public List<String> of(AttributeTaxonomy.Group group, int from, int to) {
        Words before = words(group, from);
        Words after = words(group, to);
        List<String> phrases = new ArrayList<>();
        predicates(phrases, "is", before.is(), after.is());
        predicates(phrases, "has", before.has(), after.has());
        phrases.addAll(changes.getOrDefault(
                group.attributes().get(from) + ">" + group.attributes().get(to), List.of()));
        return phrases;
    }

    private static void predicates(List<String> phrases, String verb, List<String> before, List<String> after) {
        for (String word : after) {
            phrases.add(verb + " " + word);
        }
        if (!before.isEmpty() && !after.isEmpty()) {
            phrases.add(verb + " " + after.get(0) + " instead of " + before.get(0));
        }
    }

    private Words words(AttributeTaxonomy.Group group, int attribute) {
        Words known = attributes.get(group.attributes().get(attribute));
        return known == null ? new Words(List.of(group.words(attribute)), List.of()) : known;
    }

    /**
     * Two captions, each for all groups in which two items differ, in a drawn order and drawn phrases. They say a change
     * in different phrases where there are two.
     *
     * @param from the reference's labels
     * @param to the target's labels
     * @param changed the groups in which they differ, at least one
     */
    List<String> captions(
            AttributeTaxonomy taxonomy,
            List<Integer> from,
            List<Integer> to,
            List<Integer> changed,
            RandomGenerator random) {
        List<String> first = new ArrayList<>();
        List<String> second = new ArrayList<>();
        for (int group : changed) {
            List<String> phrases = new ArrayList<>(of(taxonomy.group(group), from.get(group), to.get(group)));
            String drawn = phrases.get(random.nextInt(phrases.size()));
            if (phrases.size() > 1) {
                phrases.remove(drawn);
            }
            first.add(drawn);
            second.add(phrases.get(random.nextInt(phrases.size())));
        }
        return List.of(joined(first, random), joined(second, random));
    }

    /**
     * A request with each wish said once, for people to read: "It is made of denim and has a loose fit instead of a tight
     * fit" for "is made of denim and has a loose fit instead of a tight fit and is denim instead of chiffon and has a loose
     * fit". Of several phrases for one wish the one that also names what it replaces stays, else the first. Phrases that
     * these words do not have stay as they are.
     *
     * @param text captions that are joined by "and", as {@link #captions} makes them
     */
    public String once(String text) {
        Map<String, String> wishes = new LinkedHashMap<>();
        for (String phrase : text.strip().split("\\s+and\\s+(?=(?:is|has)\\b)")) {
            wishes.merge(
                    wish(phrase),
                    phrase,
                    (known, again) -> known.contains(INSTEAD) || !again.contains(INSTEAD) ? known : again);
        }
        String once = String.join(" and ", wishes.values());
        return STATES.matcher(once).find()
                ? "It " + once.substring(0, 1).toLowerCase(Locale.ROOT) + once.substring(1)
                : once;
    }

    /** The attribute that a phrase asks for, or its own words where it asks for none of these. */
    private String wish(String phrase) {
        String words = phrase.toLowerCase(Locale.ROOT);
        int instead = words.indexOf(INSTEAD);
        words = instead < 0 ? words : words.substring(0, instead);
        for (Map.Entry<String, Words> known : attributes.entrySet()) {
            Stream<String> said = Stream.concat(
                    known.getValue().is().stream().map(is -> "is " + is),
                    known.getValue().has().stream().map(has -> "has " + has));
            if (said.anyMatch(words::equals)) {
                return known.getKey();
            }
        }
        for (Map.Entry<String, List<String>> change : changes.entrySet()) {
            if (change.getValue().contains(words)) {
                return change.getKey().substring(change.getKey().indexOf('>') + 1);
            }
        }
        return words;
    }

    private static String joined(List<String> phrases, RandomGenerator random) {
        for (int i = phrases.size() - 1; i > 0; i--) {
            Collections.swap(phrases, i, random.nextInt(i + 1));
        }
        return String.join(" and ", phrases);
    }
}
