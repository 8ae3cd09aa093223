package org.rafclip.search.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.search.index.PhotoIndex.Match;

/** What every index does, against plain loops over the entries. One index serves all tests. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class PhotoIndexContract {

    /** No multiple of any vector's lanes. */
    public static final int WIDTH = 45;

    private static final double ROUNDING = 1e-6;
    private static final List<String> CATEGORIES = List.of("dress", "shirt", "skirt");
    private static final List<String> COLORS = List.of("red", "blue", "olive green");

    private final SplittableRandom random = new SplittableRandom(11);
    private List<Entry> entries;
    private PhotoIndex index;

    /** An index of these entries, put in in this order. */
    protected abstract PhotoIndex with(List<Entry> entries);

    @BeforeAll
    void fill() {
        entries = entries(700, random);
        index = with(entries);
    }

    @AfterAll
    void close() {
        // Null where the store is not here and its tests are skipped.
        if (index != null) {
            index.close();
        }
    }

    /** Entries in about thirty clusters, some with the same vector, in shuffled order of their ids. */
    static List<Entry> entries(int count, SplittableRandom random) {
        List<float[]> centres =
                IntStream.range(0, 30).mapToObj(i -> unit(random, WIDTH)).toList();
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            float[] vector = i % 10 == 9 ? entries.get(i - 1).vector() : near(centres.get(i % 30), 0.5, random);
            Map<String, List<String>> labels = new HashMap<>();
            labels.put(Entry.CATEGORY, List.of(CATEGORIES.get(i % 3)));
            labels.put(
                    Entry.COLOR,
                    i % 7 == 0
                            ? List.of(COLORS.get(0), COLORS.get(2))
                            : List.of(COLORS.get(random.nextInt(COLORS.size()))));
            if (i % 5 == 0) {
                labels.put("sleeve", List.of("long"));
            }
            entries.add(new Entry(
                    "photo " + (i * 7919 % 10007) + "é/日本.jpg",
                    "a/" + i + ".jpg",
                    String.format("%064x", i),
                    i % 4 == 0 ? Optional.of(new Box(i, 1, i + 9, 20)) : Optional.empty(),
                    labels,
                    vector,
                    new byte[] {1, (byte) i, (byte) 255}));
        }
        return entries;
    }

    static float[] unit(SplittableRandom random, int width) {
        return near(new float[width], 1, random);
    }

    /** The centre and noise of about this length, brought to length 1. */
    static float[] near(float[] centre, double noise, SplittableRandom random) {
        float[] vector = new float[centre.length];
        double squares = 0;
        for (int j = 0; j < vector.length; j++) {
            vector[j] = (float) (centre[j] + random.nextGaussian() * noise / Math.sqrt(vector.length));
            squares += (double) vector[j] * vector[j];
        }
        for (int j = 0; j < vector.length; j++) {
            vector[j] /= (float) Math.sqrt(squares);
        }
        return vector;
    }

    static double cosine(float[] a, float[] b) {
        double sum = 0;
        for (int j = 0; j < a.length; j++) {
            sum += (double) a[j] * b[j];
        }
        return sum;
    }

    private boolean keeps(Filter filter, Entry entry) {
        return filter.words().entrySet().stream()
                        .allMatch(facet -> entry.labels().getOrDefault(facet.getKey(), List.of()).stream()
                                .anyMatch(facet.getValue()::contains))
                && filter.boxed().map(boxed -> boxed == entry.box().isPresent()).orElse(true);
    }

    private void assertNearest(float[] query, Filter filter, Set<String> without, int k) {
        List<Match> expected = entries.stream()
                .filter(entry -> keeps(filter, entry) && !without.contains(entry.id()))
                .map(entry -> new Match(entry.id(), cosine(query, entry.vector())))
                .sorted(Comparator.comparingDouble(Match::cosine).reversed().thenComparing(Match::id))
                .limit(k)
                .toList();
        List<Match> found = index.nearest(query, filter, without, k);
        assertThat(found).hasSameSizeAs(expected);
        for (int i = 0; i < found.size(); i++) {
            assertThat(found.get(i).cosine()).isCloseTo(expected.get(i).cosine(), within(ROUNDING));
        }
        assertThat(found).extracting(Match::id).containsExactlyElementsOf(ids(expected));
    }

    private static List<String> ids(List<Match> matches) {
        return matches.stream().map(Match::id).toList();
    }

    @Test
    void theNearestAreThoseOfAPlainLoop() {
        for (int i = 0; i < 20; i++) {
            assertNearest(unit(random, WIDTH), Filter.ALL, Set.of(), 50);
            assertNearest(near(entries.get(i).vector(), 0.2, random), Filter.ALL, Set.of(), 1 + i);
        }
        assertNearest(unit(random, WIDTH), Filter.ALL, Set.of(), 100_000);
    }

    @Test
    void equallyNearEntriesComeByTheirIds() {
        Entry twin = entries.get(8);
        List<Match> found = index.nearest(twin.vector(), Filter.ALL, Set.of(), 2);
        assertThat(found)
                .extracting(Match::id)
                .containsExactlyElementsOf(List.of(twin.id(), entries.get(9).id()).stream()
                        .sorted()
                        .toList());
        assertThat(found.get(0).cosine()).isEqualTo(found.get(1).cosine());
        assertThat(index.nearest(twin.vector(), Filter.ALL, Set.of(), 1)).isEqualTo(found.subList(0, 1));
    }

    @Test
    void filtersKeepWhatHasOneOfTheWordsInEveryFacet() {
        float[] query = unit(random, WIDTH);
        Filter reds = new Filter(Map.of(Entry.COLOR, Set.of("red")), Optional.empty());
        Filter many = new Filter(
                Map.of(Entry.COLOR, Set.of("red", "blue", "unseen"), Entry.CATEGORY, Set.of("dress")),
                Optional.of(true));
        Filter whole = new Filter(Map.of("sleeve", Set.of("long")), Optional.of(false));
        for (Filter filter : List.of(reds, many, whole, new Filter(Map.of(), Optional.of(true)))) {
            assertNearest(query, filter, Set.of(), 30);
            assertThat(index.count(filter, Set.of()))
                    .isEqualTo(entries.stream()
                            .filter(entry -> keeps(filter, entry))
                            .count())
                    .isPositive();
        }
        assertThat(index.count(Filter.ALL, Set.of())).isEqualTo(700);
        assertThat(index.count(Filter.ALL, Set.of(entries.get(3).id(), "in no index")))
                .isEqualTo(699);
    }

    @Test
    void aFilterThatNothingPassesHasNoAnswers() {
        for (Filter filter : List.of(
                new Filter(Map.of(Entry.COLOR, Set.of()), Optional.empty()),
                new Filter(Map.of(Entry.COLOR, Set.of("unseen")), Optional.empty()))) {
            assertThat(index.nearest(unit(random, WIDTH), filter, Set.of(), 5)).isEmpty();
            assertThat(index.count(filter, Set.of())).isZero();
        }
    }

    @Test
    void anUnknownFacetIsRefusedWithThoseThereAre() {
        Filter filter = new Filter(Map.of("fabric", Set.of("silk")), Optional.empty());
        assertThatThrownBy(() -> index.nearest(unit(random, WIDTH), filter, Set.of(), 5))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("fabric")
                .hasMessageContaining("category, color, sleeve");
        assertThatThrownBy(() -> index.count(filter, Set.of())).isInstanceOf(DataException.class);
        assertThatThrownBy(() -> index.facets(filter)).isInstanceOf(DataException.class);
    }

    @Test
    void entriesThatAreShutOutAreNoAnswers() {
        float[] query = unit(random, WIDTH);
        Set<String> seen = Set.copyOf(ids(index.nearest(query, Filter.ALL, Set.of(), 10)));
        assertNearest(query, Filter.ALL, seen, 10);
        assertNearest(query, Filter.ALL, Set.of("never there"), 10);
    }

    @Test
    void facetsCountWordsAndLeaveTheirOwnChoiceOpen() {
        Filter filter = new Filter(Map.of(Entry.COLOR, Set.of("red")), Optional.of(true));
        Map<String, Map<String, Integer>> counts = index.facets(filter);

        assertThat(counts.keySet()).containsExactly(Entry.CATEGORY, Entry.COLOR, "sleeve");
        assertThat(counts.get(Entry.CATEGORY)).isEqualTo(counted(Entry.CATEGORY, filter));
        assertThat(counts.get(Entry.COLOR)).isEqualTo(counted(Entry.COLOR, new Filter(Map.of(), Optional.of(true))));
        assertThat(counts.get("sleeve")).isEqualTo(counted("sleeve", filter));
        counts.values()
                .forEach(words ->
                        assertThat(List.copyOf(words.values())).isSortedAccordingTo(Comparator.reverseOrder()));
        assertThat(index.facets(Filter.ALL).get(Entry.COLOR)).isEqualTo(counted(Entry.COLOR, Filter.ALL));
    }

    private Map<String, Integer> counted(String facet, Filter filter) {
        Map<String, Integer> counts = new HashMap<>();
        for (Entry entry : entries) {
            if (keeps(filter, entry)) {
                entry.labels().getOrDefault(facet, List.of()).forEach(word -> counts.merge(word, 1, Integer::sum));
            }
        }
        return counts;
    }

    @Test
    void anEntryComesBackAsItWasPut() {
        for (Entry entry : entries.subList(0, 30)) {
            Entry found = index.get(entry.id()).orElseThrow();
            assertThat(found)
                    .usingRecursiveComparison()
                    .ignoringFields("vector", "thumbnail")
                    .isEqualTo(entry);
            assertThat(found.vector()).containsExactly(entry.vector());
            assertThat(found.thumbnail()).containsExactly(entry.thumbnail());
        }
        assertThat(index.get("photo")).isEmpty();
    }

    @Test
    void anImpossibleQuestionIsAFaultOfTheProgram() {
        assertThatThrownBy(() -> index.nearest(new float[WIDTH], Filter.ALL, Set.of(), 5))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("length 0");
        assertThatThrownBy(() -> index.nearest(unit(random, WIDTH + 1), Filter.ALL, Set.of(), 5))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> index.nearest(unit(random, WIDTH), Filter.ALL, Set.of(), 0))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void anEmptyIndexAnswersWithNothing() {
        try (PhotoIndex empty = with(List.of())) {
            assertThat(empty.nearest(unit(random, WIDTH), Filter.ALL, Set.of(), 5))
                    .isEmpty();
            assertThat(empty.count(Filter.ALL, Set.of())).isZero();
            assertThat(empty.facets(Filter.ALL)).isEmpty();
            assertThat(empty.get("any")).isEmpty();
            assertThat(empty.info().entries()).isZero();
        }
    }
}
