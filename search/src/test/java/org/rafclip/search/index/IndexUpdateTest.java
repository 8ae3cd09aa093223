package org.rafclip.search.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.store.AlreadyClosedException;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.store.FilterDirectory;
import org.apache.lucene.store.FilterIndexOutput;
import org.apache.lucene.store.IOContext;
import org.apache.lucene.store.IndexOutput;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.search.index.PhotoIndex.Match;

/** What is written to an index, and what becomes of it. */
class IndexUpdateTest {

    private static final Instant NOON = Instant.parse("2026-05-01T12:00:00Z");
    private static final Clock CLOCK = Clock.fixed(NOON, ZoneOffset.UTC);

    @TempDir
    private Path temporary;

    private final AtomicInteger folders = new AtomicInteger();

    static IndexInfo info(String model, Path root) {
        return new IndexInfo(
                model,
                model + "-0123456789abcdef",
                root,
                null,
                PhotoIndexContract.WIDTH,
                Images.CROPS,
                false,
                root,
                false,
                0,
                Instant.EPOCH);
    }

    private IndexUpdate update(Path folder) {
        return IndexUpdate.open(folder, info("clip", temporary), Optional.empty(), CLOCK);
    }

    private Path folder() {
        return temporary.resolve("index-" + folders.incrementAndGet());
    }

    private Path filled(List<Entry> entries) {
        Path folder = folder();
        try (IndexUpdate update = update(folder)) {
            entries.forEach(update::put);
            update.commit();
        }
        return folder;
    }

    @Test
    void itSaysWhatItIsOf() {
        Path folder = filled(PhotoIndexContract.entries(3, new SplittableRandom(1)));
        try (LuceneIndex index = LuceneIndex.open(folder)) {
            assertThat(index.info())
                    .isEqualTo(new IndexInfo(
                            "clip",
                            "clip-0123456789abcdef",
                            temporary,
                            null,
                            PhotoIndexContract.WIDTH,
                            Images.CROPS,
                            false,
                            temporary,
                            false,
                            3,
                            NOON));
            assertThat(index.graph()).isEmpty();
        }
    }

    @Test
    void newChangedDeletedAndRenamedEntries() {
        SplittableRandom random = new SplittableRandom(3);
        List<Entry> entries = PhotoIndexContract.entries(5, random);
        Path folder = filled(entries);
        Entry first = entries.get(0);
        Entry changed = new Entry(
                first.id(),
                "b.jpg",
                "ff",
                Optional.empty(),
                Map.of(),
                PhotoIndexContract.unit(random, PhotoIndexContract.WIDTH),
                new byte[] {7});
        Entry gone = entries.get(1);
        Entry renamed = entries.get(2);
        try (LuceneIndex before = LuceneIndex.open(folder)) {
            assertThat(before.refresh()).isEmpty();
            try (IndexUpdate update = update(folder)) {
                assertThat(update.ids())
                        .containsExactlyInAnyOrderElementsOf(
                                entries.stream().map(Entry::id).toList());
                Entry known = update.ofContent(renamed.sha256(), renamed.box()).orElseThrow();
                assertThat(known.id()).isEqualTo(renamed.id());
                assertThat(update.ofContent(renamed.sha256(), Optional.of(new Box(0, 0, 5, 5))))
                        .isEmpty();
                assertThat(update.get(gone.id())).isPresent();
                update.put(changed);
                update.delete(gone.id());
                update.delete("never there");
                update.delete(known.id());
                update.put(new Entry(
                        "new name",
                        "new/name.jpg",
                        known.sha256(),
                        known.box(),
                        known.labels(),
                        known.vector(),
                        known.thumbnail()));
                assertThat(before.refresh()).isEmpty();
                update.commit();
            }
            try (LuceneIndex after = before.refresh().orElseThrow()) {
                assertThat(after.info().entries()).isEqualTo(4);
                assertThat(after.get(first.id()).orElseThrow().file()).isEqualTo("b.jpg");
                assertThat(after.get(gone.id())).isEmpty();
                assertThat(after.get(renamed.id())).isEmpty();
                assertThat(after.nearest(renamed.vector(), Filter.ALL, Set.of(), 1))
                        .extracting(Match::id)
                        .containsExactly("new name");
                assertThat(after.nearest(first.vector(), Filter.ALL, Set.of(), 9))
                        .extracting(Match::id)
                        .containsExactlyInAnyOrder(
                                first.id(),
                                "new name",
                                entries.get(3).id(),
                                entries.get(4).id());
            }
            assertThat(before.info().entries()).isEqualTo(5);
            assertThat(before.get(gone.id())).isPresent();
        }
    }

    @Test
    void aFollowedIndexGoesOnToWhatWasCommitted() throws InterruptedException {
        List<Entry> entries = PhotoIndexContract.entries(60, new SplittableRandom(5));
        Path folder = filled(entries.subList(0, 1));
        float[] query = entries.get(0).vector();
        try (FollowedIndex index = new FollowedIndex(LuceneIndex.open(folder))) {
            assertThat(index.follow()).isFalse();
            AtomicReference<Throwable> broken = new AtomicReference<>();
            Thread asking = new Thread(() -> {
                while (!Thread.currentThread().isInterrupted()) {
                    assertThat(index.nearest(query, Filter.ALL, Set.of(), 3)).isNotEmpty();
                    assertThat(index.get(entries.get(0).id())).isPresent();
                }
            });
            asking.setUncaughtExceptionHandler((thread, failure) -> broken.set(failure));
            asking.start();
            for (int i = 1; i < entries.size(); i++) {
                try (IndexUpdate update = update(folder)) {
                    update.put(entries.get(i));
                    update.commit();
                }
                assertThat(index.follow()).isTrue();
                assertThat(index.info().entries()).isEqualTo(i + 1);
                assertThat(index.get(entries.get(i).id())).isPresent();
            }
            asking.interrupt();
            asking.join();
            assertThat(broken.get()).isNull();
            assertThat(index.count(Filter.ALL, Set.of())).isEqualTo(60);
        }
    }

    @Test
    void anotherModelsIndexIsNotFollowed() throws IOException {
        List<Entry> entries = PhotoIndexContract.entries(2, new SplittableRandom(5));
        Path folder = filled(entries);
        try (FollowedIndex index = new FollowedIndex(LuceneIndex.open(folder))) {
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.toList()) {
                    Files.delete(file);
                }
            }
            try (IndexUpdate update = IndexUpdate.open(folder, info("other", temporary), Optional.empty(), CLOCK)) {
                update.put(entries.get(0));
                update.commit();
                update.put(entries.get(1));
                update.commit();
                update.delete(entries.get(1).id());
                update.commit();
            }
            assertThatThrownBy(index::follow).isInstanceOf(DataException.class).hasMessageContaining("start again");
            assertThat(index.count(Filter.ALL, Set.of())).isEqualTo(2);
        }
    }

    @Test
    void filesOfOthersAreNeitherTakenNorRemoved() throws IOException {
        for (String name : List.of("_notes.txt", "_1.jpg", "segments_a.jpg", "_0.si", "notes")) {
            Path folder = Files.createDirectories(folder());
            Path file = Files.writeString(folder.resolve(name), "precious");
            assertThatThrownBy(() -> update(folder))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining(folder + ": holds other files, such as " + name);
            assertThat(file).hasContent("precious");
        }
        Path index = filled(PhotoIndexContract.entries(2, new SplittableRandom(5)));
        Path file = Files.writeString(index.resolve("_1.jpg"), "precious");
        assertThatThrownBy(() -> update(index)).hasMessageContaining("holds other files, such as _1.jpg");
        assertThat(file).hasContent("precious");
    }

    @Test
    void aFileWhereTheFolderIsMeantIsSaidToBeOne() throws IOException {
        Path file = Files.writeString(folder(), "text");
        assertThatThrownBy(() -> update(file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("there is a file where the folder is meant to be")
                .hasMessageNotContaining("null");
    }

    @Test
    void whatWasNotCommittedIsNotThere() {
        List<Entry> entries = PhotoIndexContract.entries(3, new SplittableRandom(1));
        Path folder = filled(entries.subList(0, 1));
        try (IndexUpdate update = update(folder)) {
            update.put(entries.get(1));
        }
        try (LuceneIndex index = LuceneIndex.open(folder)) {
            assertThat(index.info().entries()).isEqualTo(1);
        }
    }

    @Test
    void anotherModelIsRefusedByName() {
        Path folder = filled(PhotoIndexContract.entries(2, new SplittableRandom(1)));
        assertThatThrownBy(
                        () -> IndexUpdate.open(folder, info("other", temporary), Optional.empty(), Clock.systemUTC()))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll(folder.toString(), "'clip'", "'other'");
        try (LuceneIndex index = LuceneIndex.open(folder)) {
            index.info().mustBeOf(folder, "renamed", "clip-0123456789abcdef");
            assertThatThrownBy(() -> index.info().mustBeOf(folder, "other", "0"))
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll("'clip'", "'other'");
        }
    }

    @Test
    void twoWritersAtOnceAreRefused() {
        Path folder = folder();
        try (IndexUpdate first = update(folder)) {
            first.commit();
            assertThatThrownBy(() -> update(folder))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("another process is writing");
        }
        update(folder).close();
    }

    @Test
    void aFolderWithOtherFilesIsLeftAlone() throws IOException {
        Path folder = Files.createDirectories(folder());
        Files.writeString(folder.resolve("holiday.jpg"), "x");
        assertThatThrownBy(() -> update(folder))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("holiday.jpg");
        assertThatThrownBy(() -> LuceneIndex.open(folder))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no index is here");
        assertThatThrownBy(() -> LuceneIndex.open(folder.resolve("none")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no such folder");
    }

    @Test
    void everyByteThatIsNotTheOneWrittenIsNoticed() throws IOException {
        Path folder = filled(PhotoIndexContract.entries(20, new SplittableRandom(1)));
        SplittableRandom random = new SplittableRandom(9);
        List<Path> files;
        try (Stream<Path> listed = Files.list(folder)) {
            files = listed.filter(file -> !file.endsWith("write.lock")).sorted().toList();
        }
        assertThat(files).hasSizeGreaterThan(8);
        for (Path file : files) {
            byte[] whole = Files.readAllBytes(file);
            for (int i = 0; i < 4; i++) {
                byte[] bent = whole.clone();
                bent[random.nextInt(bent.length)] ^= (byte) (1 << random.nextInt(8));
                Files.write(file, bent);
                assertDamaged(folder, file);
                assertThatThrownBy(() -> update(folder))
                        .as("not written on: " + file)
                        .isInstanceOf(DataException.class)
                        .hasMessageContaining(folder.toString());
            }
            Files.write(file, Arrays.copyOf(whole, random.nextInt(whole.length)));
            assertDamaged(folder, file);
            Files.delete(file);
            assertThatThrownBy(() -> LuceneIndex.open(folder))
                    .as(file.toString())
                    .isInstanceOf(DataException.class);
            Files.write(file, whole);
        }
        LuceneIndex.open(folder).close();
    }

    private static void assertDamaged(Path folder, Path file) {
        assertThatThrownBy(() -> LuceneIndex.open(folder))
                .as(file.toString())
                .isInstanceOf(DataException.class)
                .hasMessageContaining(folder.toString())
                .hasMessageContaining("uild it anew")
                .hasMessageNotContaining("\n");
    }

    @Test
    void aFullDiskLeavesTheLastCommit() throws IOException {
        List<Entry> entries = PhotoIndexContract.entries(200, new SplittableRandom(1));
        Path folder = filled(entries.subList(0, 50));
        long room = 20_000;
        FullDisk disk = new FullDisk(folder, room);
        try (IndexUpdate update = IndexUpdate.open(folder, info("clip", temporary), Optional.empty(), CLOCK, disk)) {
            assertThatThrownBy(() -> {
                        entries.forEach(update::put);
                        update.commit();
                    })
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll(folder.toString(), "no space left", "as it was at its last commit");
        }
        try (LuceneIndex index = LuceneIndex.open(folder)) {
            assertThat(index.info().entries()).isEqualTo(50);
        }
        try (IndexUpdate update = update(folder)) {
            entries.forEach(update::put);
            update.commit();
        }
        try (LuceneIndex index = LuceneIndex.open(folder)) {
            assertThat(index.info().entries()).isEqualTo(200);
        }
    }

    private static final class FullDisk extends FilterDirectory {

        private long room;

        FullDisk(Path folder, long room) throws IOException {
            super(FSDirectory.open(folder));
            this.room = room;
        }

        @Override
        public IndexOutput createOutput(String name, IOContext context) throws IOException {
            return new FilterIndexOutput(name, name, super.createOutput(name, context)) {
                @Override
                public void writeBytes(byte[] bytes, int offset, int length) throws IOException {
                    take(length);
                    super.writeBytes(bytes, offset, length);
                }

                @Override
                public void writeByte(byte b) throws IOException {
                    take(1);
                    super.writeByte(b);
                }
            };
        }

        private void take(int bytes) throws IOException {
            room -= bytes;
            if (room < 0) {
                throw new IOException("No space left on device");
            }
        }
    }

    @Test
    void aWrongEntryIsNamed() {
        Entry good = PhotoIndexContract.entries(1, new SplittableRandom(1)).get(0);
        try (IndexUpdate update = update(folder())) {
            assertThatThrownBy(() -> update.put(new Entry(
                            "twice",
                            "f",
                            "s",
                            Optional.empty(),
                            Map.of(),
                            new float[PhotoIndexContract.WIDTH],
                            new byte[0])))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("'twice'");
            assertThatThrownBy(() -> update.put(new Entry(
                            "x".repeat(5000), "f", "s", Optional.empty(), Map.of(), good.vector(), new byte[0])))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("5000 bytes");
            assertThatThrownBy(() -> update.put(new Entry(
                            "a",
                            "f",
                            "s",
                            Optional.empty(),
                            Map.of("color", List.of("y".repeat(40_000))),
                            good.vector(),
                            new byte[0])))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("a word of 40000");
        }
    }

    @Test
    void questionsAreAnsweredWhileTheIndexIsClosedAndRefused() throws Exception {
        List<Entry> entries = PhotoIndexContract.entries(300, new SplittableRandom(1));
        Path folder = filled(entries);
        LuceneIndex index = LuceneIndex.open(folder);
        List<Match> expected = index.nearest(entries.get(0).vector(), Filter.ALL, Set.of(), 10);
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        List<Thread> askers = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            Thread asker = new Thread(() -> {
                try {
                    while (true) {
                        assertThat(index.nearest(entries.get(0).vector(), Filter.ALL, Set.of(), 10))
                                .isEqualTo(expected);
                    }
                } catch (AlreadyClosedException e) {
                    assertThat(e).hasMessageContaining("closed");
                } catch (Throwable e) {
                    failures.add(e);
                }
            });
            asker.start();
            askers.add(asker);
        }
        Thread.sleep(50);
        index.close();
        for (Thread asker : askers) {
            asker.join();
        }
        assertThat(failures).isEmpty();
    }

    @Test
    void severalQueriesAtOnceAreAnsweredLikeOneByOne() {
        SplittableRandom random = new SplittableRandom(4);
        Path folder = filled(PhotoIndexContract.entries(400, random));
        Filter reds = new Filter(Map.of(Entry.COLOR, Set.of("red")), Optional.empty());
        try (LuceneIndex index = LuceneIndex.open(folder)) {
            List<float[]> queries = new ArrayList<>();
            for (int i = 0; i < 23; i++) {
                queries.add(PhotoIndexContract.unit(random, PhotoIndexContract.WIDTH));
            }
            for (Filter filter : List.of(Filter.ALL, reds)) {
                List<List<Match>> together = index.nearestExactly(queries, filter, Set.of(), 7);
                for (int i = 0; i < queries.size(); i++) {
                    assertThat(together.get(i)).isEqualTo(index.nearest(queries.get(i), filter, Set.of(), 7));
                }
            }
        }
    }

    @Test
    void aGraphFindsNearlyAllAndIsKeptUp() {
        SplittableRandom random = new SplittableRandom(5);
        List<Entry> entries = PhotoIndexContract.entries(9000, random);
        Path folder = folder();
        Graph graph = new Graph(8000, 16, 60, 100);
        try (IndexUpdate update = IndexUpdate.open(folder, info("clip", temporary), Optional.of(graph), CLOCK)) {
            entries.subList(0, 8500).forEach(update::put);
            update.finish();
            entries.subList(8500, 9000).forEach(update::put);
            update.delete(entries.get(17).id());
            update.finish();
        }
        try (LuceneIndex index = LuceneIndex.open(folder)) {
            assertThat(index.graph()).contains(graph);
            assertThat(IndexUpdate.graph(folder)).contains(graph);
            assertThat(index.info().entries()).isEqualTo(8999);
            int found = 0;
            for (int i = 0; i < 50; i++) {
                float[] query = PhotoIndexContract.near(entries.get(i * 170).vector(), 0.3, random);
                List<Match> exact = index.nearestExactly(List.of(query), Filter.ALL, Set.of(), 10)
                        .get(0);
                List<Match> near = index.nearestByGraph(query, Filter.ALL, Set.of(), 10);
                found += exact.stream().filter(near::contains).count();
                assertThat(near)
                        .extracting(Match::id)
                        .doesNotContain(entries.get(17).id());
            }
            assertThat(found).isGreaterThan(490);
        }
    }

    @Test
    void anIndexOfAnotherProgramIsRefused() throws IOException {
        Path folder = folder();
        try (IndexWriter writer = new IndexWriter(FSDirectory.open(folder), new IndexWriterConfig())) {
            writer.commit();
        }
        assertThatThrownBy(() -> LuceneIndex.open(folder))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("another program");
        assertThatThrownBy(() -> update(folder))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("another program");
    }
}
