package org.rafclip.cluster.opensearch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Stages;
import org.rafclip.search.Vectors;
import org.rafclip.search.index.Entries;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.Filter;
import org.rafclip.search.index.Graph;
import org.rafclip.search.index.IndexInfo;
import org.rafclip.search.index.LiveIndex;
import org.rafclip.search.index.PhotoIndex.Match;
import org.rafclip.search.index.PhotoIndexContract;

/** On two nodes, of which the last test kills one. */
class OpenSearchStoreTest {

    private static final Instant NOON = Instant.parse("2026-05-01T12:00:00Z");

    private static LocalNodes nodes;

    private final OpenSearchStore store = new OpenSearchStore();

    @BeforeAll
    static void start() throws IOException {
        nodes = new LocalNodes(2);
    }

    @AfterAll
    static void stop() throws IOException {
        if (nodes != null) {
            nodes.close();
        }
    }

    private static Cluster cluster(String name) {
        return new Cluster(Address.parse(nodes.place(name), Map.of()));
    }

    private static List<Entry> entries(int count, long seed, int thumbnail) {
        SplittableRandom random = new SplittableRandom(seed);
        return IntStream.range(0, count)
                .mapToObj(i -> {
                    float[] vector = new float[PhotoIndexContract.WIDTH];
                    for (int j = 0; j < vector.length; j++) {
                        vector[j] = (float) random.nextGaussian();
                    }
                    return new Entry(
                            "photo " + i,
                            i + ".jpg",
                            String.format("%064x", i),
                            Optional.empty(),
                            Map.of(Entry.COLOR, List.of(i % 2 == 0 ? "red" : "blue")),
                            Vectors.unit(vector),
                            new byte[thumbnail]);
                })
                .toList();
    }

    private static Listed listed(List<Entry> entries, Instant updated) {
        return new Listed(entries, Optional.empty(), updated);
    }

    private static List<String> nearest(List<Entry> entries, float[] query, int k) {
        return entries.stream()
                .sorted(Comparator.comparingDouble((Entry entry) -> -Vectors.dot(query, entry.vector())))
                .limit(k)
                .map(Entry::id)
                .toList();
    }

    private static List<String> ids(List<Match> matches) {
        return matches.stream().map(Match::id).toList();
    }

    @Test
    void whatIsNotThereIsSaid() {
        assertThatThrownBy(() -> store.open(nodes.place("nothing")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("there is no such index")
                .hasMessageContaining("./rafclip index --from DIR --to opensearch:");
        cluster("other").ask("PUT", "/other", null);
        for (Runnable use : List.<Runnable>of(
                () -> store.open(nodes.place("other")),
                () -> store.fill(nodes.place("other"), listed(entries(3, 1, 1), NOON), Stages.NONE))) {
            assertThatThrownBy(use::run)
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("is no index that ./rafclip index made");
        }
    }

    @Test
    void aRebuiltIndexTakesTheOldOnesPlaceUnderItsReaders() {
        String place = nodes.place("rebuilt");
        List<Entry> before = entries(50, 1, 10);
        List<Entry> after = entries(60, 2, 10);
        float[] query = before.get(0).vector();
        store.fill(place, listed(before, NOON), Stages.NONE);
        try (LiveIndex followed = store.open(place);
                LiveIndex asked = store.open(place)) {
            assertThat(followed.follow()).isFalse();
            assertThat(store.fill(place, listed(after, NOON.plusSeconds(1)), Stages.NONE)
                            .entries())
                    .isEqualTo(60);
            assertThat(followed.follow()).isTrue();
            assertThat(followed.info().entries()).isEqualTo(60);
            assertThat(followed.info().updated()).isEqualTo(NOON.plusSeconds(1));
            // Nobody told this one; the index that it was opened on is gone.
            assertThat(ids(asked.nearest(query, Filter.ALL, Set.of(), 7))).isEqualTo(nearest(after, query, 7));
        }
        assertThat(new Catalogue(cluster("rebuilt")).all()).hasSize(1);
    }

    @Test
    void anotherModelsIndexIsNotGoneOnTo() {
        String place = nodes.place("othermodel");
        List<Entry> entries = entries(5, 1, 10);
        store.fill(place, listed(entries, NOON), Stages.NONE);
        try (LiveIndex index = store.open(place)) {
            store.fill(place, new OfAnotherModel(listed(entries, NOON)), Stages.NONE);
            assertThatThrownBy(index::follow).isInstanceOf(DataException.class).hasMessageContaining("start again");
        }
    }

    private record OfAnotherModel(Listed listed) implements Entries {

        @Override
        public IndexInfo info() {
            IndexInfo info = listed.info();
            return new IndexInfo(
                    "other",
                    "other-0123456789abcdef",
                    info.modelPlace(),
                    null,
                    info.width(),
                    info.images(),
                    info.wholePhotos(),
                    info.root(),
                    info.predicted(),
                    info.entries(),
                    info.updated());
        }

        @Override
        public Optional<Graph> graph() {
            return Optional.empty();
        }

        @Override
        public void forEach(Consumer<Entry> take) {
            listed.forEach(take);
        }
    }

    /** Breaks off, as a kill would. */
    private record Interrupted(Listed listed, int after) implements Entries {

        @Override
        public IndexInfo info() {
            return listed.info();
        }

        @Override
        public Optional<Graph> graph() {
            return listed.graph();
        }

        @Override
        public void forEach(Consumer<Entry> take) {
            listed.list().subList(0, after).forEach(take);
            throw new DataException("interrupted");
        }
    }

    @Test
    void anInterruptedFillingLeavesTheOldIndexAndGoesOnWhereItWas() {
        String place = nodes.place("interrupted");
        List<Entry> before = entries(20, 1, 10);
        // Five of them make a request.
        List<Entry> after = entries(40, 2, 700_000);
        Listed whole = listed(after, NOON.plusSeconds(1));
        store.fill(place, listed(before, NOON), Stages.NONE);
        assertThatThrownBy(() -> store.fill(place, new Interrupted(whole, 30), Stages.NONE))
                .hasMessage("interrupted");
        try (LiveIndex index = store.open(place)) {
            assertThat(index.info().entries()).isEqualTo(20);
        }
        Cluster cluster = cluster("interrupted");
        String begun = new Catalogue(cluster)
                .all().stream()
                        .filter(kept -> kept.info("there").entries() == 40)
                        .findFirst()
                        .orElseThrow()
                        .index();
        cluster.ask("POST", "/" + begun + "/_refresh", null);
        int there =
                cluster.ask("GET", "/" + begun + "/_count", null).path("count").asInt();
        assertThat(there).isBetween(1, 30);

        store.fill(place, whole, Stages.NONE);
        try (LiveIndex index = store.open(place)) {
            assertThat(index.info().entries()).isEqualTo(40);
            assertThat(index.count(Filter.ALL, Set.of())).isEqualTo(40);
        }
        // Written once each: what is written a second time has a second version.
        JsonNode hits = cluster.ask("GET", "/" + begun + "/_search?size=100&version=true&_source=false", null)
                .path("hits")
                .path("hits");
        assertThat(hits).hasSize(40);
        assertThat(hits)
                .allSatisfy(hit -> assertThat(hit.path("_version").asInt()).isEqualTo(1));
        // And once more there is nothing to do.
        AtomicInteger stages = new AtomicInteger();
        store.fill(place, whole, (name, total) -> {
            stages.incrementAndGet();
            return Progress.NONE;
        });
        assertThat(stages).hasValue(0);
    }

    @Test
    void aFillingWhoseIndexWasRemovedIsBegunAnew() {
        String place = nodes.place("removed");
        Listed all = listed(entries(20, 1, 700_000), NOON);
        Entries robbed = new Entries() {

            @Override
            public IndexInfo info() {
                return all.info();
            }

            @Override
            public Optional<Graph> graph() {
                return Optional.empty();
            }

            @Override
            public void forEach(Consumer<Entry> take) {
                Catalogue catalogue = new Catalogue(cluster("removed"));
                catalogue.all().forEach(kept -> catalogue.remove(kept.index()));
                all.forEach(take);
            }
        };
        assertThatThrownBy(() -> store.fill(place, robbed, Stages.NONE))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("something else changes the index");
        store.fill(place, all, Stages.NONE);
        try (LiveIndex index = store.open(place)) {
            assertThat(index.count(Filter.ALL, Set.of())).isEqualTo(20);
        }
        String left = new Catalogue(cluster("removed")).current().orElseThrow().index();
        cluster("removed").ask("DELETE", "/" + left, null);
        // As OpenSearch makes one of the first document that comes.
        cluster("removed").ask("PUT", "/" + left, null);
        store.fill(place, all, Stages.NONE);
        try (LiveIndex index = store.open(place)) {
            assertThat(index.count(Filter.ALL, Set.of())).isEqualTo(20);
        }
    }

    @Test
    void aGraphFindsNearlyAllOfTheNearest() {
        String place = nodes.place("graph");
        List<Entry> entries = entries(3000, 5, 10);
        store.fill(place, new Listed(entries, Optional.of(Graph.from(1000)), NOON), Stages.NONE);
        int right = 0;
        try (LiveIndex index = store.open(place)) {
            for (Entry asked : entries(20, 6, 0)) {
                List<Match> found = index.nearest(asked.vector(), Filter.ALL, Set.of("photo 3"), 10);
                assertThat(found).hasSize(10);
                for (Match match : found) {
                    Entry entry = entries.get(Integer.parseInt(match.id().substring(6)));
                    assertThat(match.cosine()).isEqualTo(Vectors.dot(asked.vector(), entry.vector()));
                }
                List<String> expected = new ArrayList<>(nearest(entries, asked.vector(), 11));
                expected.remove("photo 3");
                right += (int) ids(found).stream()
                        .filter(expected.subList(0, 10)::contains)
                        .count();
            }
            Filter reds = new Filter(Map.of(Entry.COLOR, Set.of("red")), Optional.empty());
            assertThat(index.nearest(entries.get(0).vector(), reds, Set.of(), 10))
                    .hasSize(10)
                    .allSatisfy(match -> assertThat(Integer.parseInt(match.id().substring(6)) % 2)
                            .isZero());
        }
        assertThat(right).isGreaterThan(190);
    }

    /** The last of all: JUnit's order is not told, so it brings its own nodes. */
    @Test
    void aKilledNodeCostsNoAnswerAndNoGarment() throws Exception {
        stop();
        nodes = new LocalNodes(2);
        String place = nodes.place("killed");
        List<Entry> searched = entries(2000, 7, 100);
        store.fill(place, listed(searched, NOON), Stages.NONE);
        cluster("killed").ask("GET", "/_cluster/health?wait_for_status=green&timeout=60s", null);
        List<Entry> filled = entries(4000, 8, 5000);
        AtomicBoolean goesOn = new AtomicBoolean(true);
        AtomicInteger answers = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try (LiveIndex index = store.open(place)) {
            Callable<Void> asking = () -> {
                for (int i = 0; goesOn.get(); i++) {
                    float[] query = filled.get(i % filled.size()).vector();
                    assertThat(ids(index.nearest(query, Filter.ALL, Set.of(), 10)))
                            .isEqualTo(nearest(searched, query, 10));
                    assertThat(index.count(Filter.ALL, Set.of())).isEqualTo(searched.size());
                    answers.incrementAndGet();
                }
                return null;
            };
            Future<Void> asked = threads.submit(asking);
            Future<IndexInfo> filling = threads.submit(() -> store.fill(
                    nodes.place("filled"), listed(filled, NOON), (name, total) -> (now, all) -> done.set(now)));
            while (done.get() < filled.size() / 4 && !filling.isDone()) {
                Thread.sleep(5);
            }
            nodes.kill(2);
            int before = done.get();
            assertThat(before).isLessThan(filled.size());
            int answered = answers.get();
            assertThat(filling.get().entries()).isEqualTo(filled.size());
            while (answers.get() < answered + 20 && !asked.isDone()) {
                Thread.sleep(5);
            }
            goesOn.set(false);
            asked.get();
        } finally {
            goesOn.set(false);
            threads.shutdownNow();
        }
        try (LiveIndex index = store.open(nodes.place("filled"))) {
            assertThat(index.count(Filter.ALL, Set.of())).isEqualTo(filled.size());
            float[] query = searched.get(0).vector();
            assertThat(ids(index.nearest(query, Filter.ALL, Set.of(), 20))).isEqualTo(nearest(filled, query, 20));
        }
    }
}
