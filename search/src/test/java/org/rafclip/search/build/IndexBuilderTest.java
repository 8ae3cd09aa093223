package org.rafclip.search.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Stages;
import org.rafclip.data.image.Box;
import org.rafclip.data.table.TableSettings;
import org.rafclip.ops.Blas;
import org.rafclip.photos.Vocabulary;
import org.rafclip.run.Configs;
import org.rafclip.search.FashionModel;
import org.rafclip.search.ListedPhotos;
import org.rafclip.search.Photo;
import org.rafclip.search.Recognition;
import org.rafclip.search.SmallModel;
import org.rafclip.search.build.IndexBuilder.Labels;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.Filter;
import org.rafclip.search.index.LuceneIndex;
import org.rafclip.search.index.PhotoIndex.Match;

class IndexBuilderTest {

    @TempDir
    private static Path shared;

    private static Path folder;
    private static FashionModel model;

    @TempDir
    private Path dir;

    private Path photos;
    private Path out;
    private List<String> groups = List.of();

    @BeforeAll
    static void openModel() throws IOException {
        folder = SmallModel.in(shared);
        model = FashionModel.open(folder);
    }

    @AfterAll
    static void closeModel() {
        model.close();
    }

    @BeforeEach
    void drawPhotos() throws IOException {
        photos = Files.createDirectories(dir.resolve("photos"));
        out = dir.resolve("index");
        draw("a.png", Color.RED);
        draw("b.png", Color.GREEN);
        draw("sub/c.png", Color.BLUE);
    }

    private void draw(String name, Color color) throws IOException {
        BufferedImage image = new BufferedImage(90, 120, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < 120; y++) {
            for (int x = 0; x < 90; x++) {
                boolean garment = x > 20 && x < 70 && y > 20 && y < 100;
                image.setRGB(x, y, (garment ? color : Color.WHITE).getRGB());
            }
        }
        Path file = photos.resolve(name);
        Files.createDirectories(file.getParent());
        ImageIO.write(image, "png", file.toFile());
    }

    private Built build(Path place, Labels labels) {
        return build(model, place, labels);
    }

    private Built build(FashionModel by, Path place, Labels labels) {
        return build(by, place, labels, false);
    }

    private Built build(FashionModel by, Path place, Labels labels, boolean replace) {
        return new IndexBuilder(
                        by,
                        new IndexBuilder.Settings(labels, Optional.empty(), 3, Duration.ZERO, replace),
                        Clock.systemUTC(),
                        Stages.NONE)
                .build(ListedPhotos.in(place, new TableSettings(null, groups, Map.of())), out);
    }

    private static void assertCounts(
            Built built, int entries, int embedded, int renamed, int relabelled, int unchanged, int removed) {
        assertThat(List.of(
                        built.entries(),
                        built.embedded(),
                        built.renamed(),
                        built.relabelled(),
                        built.unchanged(),
                        built.removed()))
                .as("entries, embedded, renamed, relabelled, unchanged, removed")
                .containsExactly(entries, embedded, renamed, relabelled, unchanged, removed);
    }

    @Test
    void photosOfAnotherFolderTakeNoOthersPlaceUnasked() throws IOException {
        build(photos, Labels.NONE);
        Path moved = dir.resolve("moved");
        Files.move(photos, moved);
        assertCounts(build(moved, Labels.NONE), 3, 0, 0, 0, 3, 0);
        Path others = dir.resolve("others");
        Files.createDirectories(others);
        Files.copy(moved.resolve("a.png"), others.resolve("a.png"));

        assertThatThrownBy(() -> build(others, Labels.NONE))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("2 of its 3 garments are not in " + others)
                .hasMessageContaining("--replace");
        try (LuceneIndex index = LuceneIndex.open(out)) {
            assertThat(index.info().entries()).isEqualTo(3);
            assertThat(index.info().root()).isEqualTo(moved);
        }

        assertCounts(build(model, others, Labels.NONE, true), 1, 0, 0, 0, 1, 2);
    }

    @Test
    void aPhotoThatCannotBeReadNowStaysAsItWas() throws IOException {
        Path table = Files.writeString(
                dir.resolve("photos.csv"), "image,category\na.png,dress\nb.png,shirt\nsub/c.png,skirt\n");
        TableSettings settings = new TableSettings(photos, List.of(), Map.of());
        build(table, settings);
        Path away = dir.resolve("away");
        Files.move(photos, away);
        Files.createDirectories(photos);

        Built missing = build(table, settings);
        assertCounts(missing, 3, 0, 0, 0, 0, 0);
        assertThat(missing.failures()).hasSize(3);

        Files.delete(photos);
        Files.move(away, photos);
        assertCounts(build(table, settings), 3, 0, 0, 0, 3, 0);
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aLinkThatLeadsNowhereIsNamedAndItsPhotoStays() throws IOException {
        Path store = Files.createDirectories(dir.resolve("store"));
        Files.move(photos.resolve("a.png"), store.resolve("a.png"));
        Files.createSymbolicLink(photos.resolve("a.png"), store.resolve("a.png"));
        assertCounts(build(photos, Labels.NONE), 3, 3, 0, 0, 0, 0);
        Files.move(store, dir.resolve("unmounted"));

        Built built = build(photos, Labels.NONE);

        assertCounts(built, 3, 0, 0, 0, 2, 0);
        assertThat(built.failures())
                .singleElement()
                .satisfies(failure -> assertThat(failure.reason()).contains("a.png but a link to what is not there"));
    }

    @Test
    void anIndexWithoutItsListOfFilesIsDamaged() throws IOException {
        build(photos, Labels.NONE);
        try (Stream<Path> files = Files.list(out)) {
            for (Path file : files.filter(path -> path.getFileName().toString().startsWith("segments_"))
                    .toList()) {
                Files.delete(file);
            }
        }
        String damaged = "the index is damaged (its segments file is missing). Remove the folder";
        assertThatThrownBy(() -> LuceneIndex.open(out)).hasMessageContaining(damaged);
        assertThatThrownBy(() -> build(photos, Labels.NONE)).hasMessageContaining(damaged);
    }

    /** Labels are made anew, for which photos are read a second time. */
    @Test
    void aPhotoThatCannotBeReadAnyMoreStaysAsItWas() throws IOException {
        build(photos, Labels.NONE);
        Path away = dir.resolve("away");
        IndexBuilder losing = new IndexBuilder(
                model,
                new IndexBuilder.Settings(Labels.PREDICTED, Optional.empty(), 1, Duration.ZERO, false),
                Clock.systemUTC(),
                (name, total) -> {
                    if (name.equals("embedding photos")) {
                        assertThat(photos.toFile().renameTo(away.toFile())).isTrue();
                    }
                    return Progress.NONE;
                });

        Built lost = losing.build(ListedPhotos.in(photos, TableSettings.DEFAULT), out);

        assertCounts(lost, 3, 0, 0, 0, 0, 0);
        assertThat(lost.failures()).hasSize(3);
        try (LuceneIndex index = LuceneIndex.open(out)) {
            assertThat(index.info().entries()).isEqualTo(3);
        }
    }

    @Test
    void aPhotoThatWasAwayWhenTheWordsChangedIsLabelledOnceItIsBack() throws IOException {
        Path table = Files.writeString(dir.resolve("photos.csv"), "image\na.png\nb.png\nsub/c.png\n");
        ListedPhotos listed = ListedPhotos.in(table, new TableSettings(photos, List.of(), Map.of()));
        IndexBuilder.Settings settings =
                new IndexBuilder.Settings(Labels.PREDICTED, Optional.empty(), 2, Duration.ZERO, false);
        try (FashionModel first = speaking("striped", "floral");
                FashionModel second = speaking("long", "short")) {
            IndexBuilder inOldWords = new IndexBuilder(first, settings, Clock.systemUTC(), Stages.NONE);
            IndexBuilder inNewWords = new IndexBuilder(second, settings, Clock.systemUTC(), Stages.NONE);
            assertCounts(inOldWords.build(listed, out), 3, 3, 0, 0, 0, 0);
            Path away = dir.resolve("a.png");
            Files.move(photos.resolve("a.png"), away);
            assertCounts(inNewWords.build(listed, out), 3, 2, 0, 0, 0, 0);
            assertCounts(inNewWords.build(listed, out), 3, 0, 0, 0, 2, 0);

            Files.move(away, photos.resolve("a.png"));
            assertCounts(inNewWords.build(listed, out), 3, 1, 0, 0, 2, 0);
            try (LuceneIndex index = LuceneIndex.open(out)) {
                assertThat(index.get("a.png").orElseThrow().labels().get("pattern"))
                        .isSubsetOf("long", "short");
            }
            assertCounts(inNewWords.build(listed, out), 3, 0, 0, 0, 3, 0);
        }
    }

    private FashionModel speaking(String... words) throws IOException {
        return FashionModel.open(folder, FashionModel.Settings.DEFAULT.withVocabulary(vocabulary(words)));
    }

    @Test
    void whereTheTableNamesNoColorItIsLookedAtOnceLabelsAreAskedFor() throws IOException {
        Path table = Files.writeString(
                dir.resolve("colorless.csv"), "image,category\nphotos/a.png,dress\nphotos/b.png,shirt\n");
        build(table, Labels.NONE);

        assertCounts(build(table, Labels.TABLE), 2, 2, 0, 0, 0, 0);
        try (LuceneIndex index = LuceneIndex.open(out)) {
            assertThat(index.get("photos/a.png").orElseThrow().labels()).containsKey(Entry.COLOR);
        }
        assertCounts(build(table, Labels.TABLE), 2, 0, 0, 0, 2, 0);
    }

    private Built build(Path table, TableSettings settings) {
        return new IndexBuilder(
                        model,
                        new IndexBuilder.Settings(Labels.TABLE, Optional.empty(), 2, Duration.ZERO, false),
                        Clock.systemUTC(),
                        Stages.NONE)
                .build(ListedPhotos.in(table, settings), out);
    }

    @Test
    void labelsThatAKillLeftHalfChangedAreChangedAgain() throws IOException {
        build(photos, Labels.NONE);
        IndexBuilder interrupted = new IndexBuilder(
                model,
                new IndexBuilder.Settings(Labels.PREDICTED, Optional.empty(), 1, Duration.ZERO, false),
                Clock.systemUTC(),
                (name, total) -> {
                    if (name.equals("finishing the index")) {
                        throw new IllegalStateException("killed");
                    }
                    return Progress.NONE;
                });
        assertThatThrownBy(() -> interrupted.build(ListedPhotos.in(photos, TableSettings.DEFAULT), out))
                .hasMessage("killed");
        assertCounts(build(photos, Labels.PREDICTED), 3, 3, 0, 0, 0, 0);
        assertCounts(build(photos, Labels.PREDICTED), 3, 0, 0, 0, 3, 0);
    }

    @Test
    void aFolderBecomesAnIndexOfItsPhotos() throws IOException {
        assertCounts(build(photos, Labels.NONE), 3, 3, 0, 0, 0, 0);

        try (LuceneIndex index = LuceneIndex.open(out)) {
            assertThat(index.info().entries()).isEqualTo(3);
            assertThat(index.info().modelHash()).isEqualTo(model.hash());
            assertThat(index.info().root()).isEqualTo(photos);
            assertThat(index.info().predicted()).isFalse();
            float[] asked =
                    model.embed(List.of(Photo.of(photos.resolve("sub/c.png")))).get(0);
            Match best = index.nearest(asked, Filter.ALL, Set.of(), 3).get(0);
            assertThat(best.id()).isEqualTo("sub/c.png");
            assertThat(best.cosine()).isCloseTo(1, within(1e-5));
            Entry entry = index.get("a.png").orElseThrow();
            assertThat(entry.labels()).isEmpty();
            BufferedImage thumbnail = ImageIO.read(new ByteArrayInputStream(entry.thumbnail()));
            assertThat(thumbnail.getWidth()).isEqualTo(90);
        }
    }

    @Test
    void onlyWhatIsNewIsEmbedded() throws IOException {
        build(photos, Labels.NONE);
        assertCounts(build(photos, Labels.NONE), 3, 0, 0, 0, 3, 0);

        draw("a.png", Color.ORANGE);
        draw("d.png", Color.BLACK);
        Files.move(photos.resolve("b.png"), photos.resolve("sub/new name é.png"));
        Files.delete(photos.resolve("sub/c.png"));
        FashionModel.Spent before = model.spent();
        assertCounts(build(photos, Labels.NONE), 3, 2, 1, 0, 0, 2);
        assertThat(model.spent().encoding()).isGreaterThan(before.encoding());

        try (LuceneIndex index = LuceneIndex.open(out)) {
            assertThat(index.get("b.png")).isEmpty();
            assertThat(index.get("sub/c.png")).isEmpty();
            Entry renamed = index.get("sub/new name é.png").orElseThrow();
            assertThat(renamed.file()).isEqualTo("sub/new name é.png");
            for (String id : List.of("a.png", "d.png", "sub/new name é.png")) {
                // oneDNN gives a vector the same bits whatever is encoded with it.
                assertThat(index.get(id).orElseThrow().vector())
                        .containsExactly(
                                model.embed(List.of(Photo.of(photos.resolve(id))))
                                        .get(0),
                                within(Blas.library() == Blas.Library.ONEDNN ? 0f : 1e-5f));
            }
        }
    }

    @Test
    void aBadPhotoIsNamedAndTheOthersAreKept() throws IOException {
        build(photos, Labels.NONE);
        Files.writeString(photos.resolve("b.png"), "<html>not found</html>");
        Files.write(photos.resolve("empty.jpg"), new byte[0]);

        Built built = build(photos, Labels.NONE);

        assertCounts(built, 2, 0, 0, 0, 2, 1);
        assertThat(built.failures()).extracting(Built.Failure::file).containsExactlyInAnyOrder("b.png", "empty.jpg");
        assertThat(built.failures())
                .allSatisfy(failure -> assertThat(failure.reason()).contains(failure.file()));
        draw("b.png", Color.GREEN);
        Files.delete(photos.resolve("empty.jpg"));
        assertCounts(build(photos, Labels.NONE), 3, 1, 0, 0, 2, 0);
    }

    @Test
    void aTablesRowsBringIdsBoxesAndLabels() throws IOException {
        Path table = dir.resolve("table.csv");
        Files.writeString(table, """
                id,image,x,y,width,height,category,color,sleeve
                one,photos/a.png,20,20,51,81,dress,red,long
                two,photos/a.png,30,30,31,61,dress,red,
                three,photos/b.png,20,20,51,81,skirt,green,short
                far,photos/b.png,2000,2000,101,101,skirt,green,short
                """);
        groups = List.of("sleeve");
        Built built = build(table, Labels.TABLE);
        assertCounts(built, 3, 3, 0, 0, 0, 0);
        assertThat(built.failures())
                .singleElement()
                .satisfies(failure ->
                        assertThat(failure.reason()).startsWith("far: ").contains("no pixel"));
        try (LuceneIndex index = LuceneIndex.open(out)) {
            Entry one = index.get("one").orElseThrow();
            assertThat(one.box()).contains(new Box(20, 20, 70, 100));
            assertThat(one.file()).isEqualTo("photos/a.png");
            assertThat(one.labels())
                    .containsEntry(Entry.CATEGORY, List.of("dress"))
                    .containsEntry("sleeve", List.of("long"));
            assertThat(index.facets(Filter.ALL).get(Entry.CATEGORY))
                    .containsEntry("dress", 2)
                    .containsEntry("skirt", 1);
        }
        Files.writeString(table, """
                id,image,x,y,width,height,category,color,sleeve
                one,photos/a.png,20,20,51,81,shirt,red,long
                two,photos/a.png,31,30,30,61,dress,red,
                three,photos/b.png,20,20,51,81,skirt,green,short
                """);
        assertCounts(build(table, Labels.TABLE), 3, 1, 0, 1, 1, 0);
    }

    @Test
    void labelsAreTheModelsAnswersInItsWordsAndAreMadeAnewForOthers() throws IOException {
        Vocabulary words = vocabulary("striped", "floral");
        try (FashionModel answering = FashionModel.open(folder, FashionModel.Settings.DEFAULT.withVocabulary(words))) {
            assertCounts(build(answering, photos, Labels.PREDICTED), 3, 3, 0, 0, 0, 0);
            assertCounts(build(answering, photos, Labels.PREDICTED), 3, 0, 0, 0, 3, 0);
            try (LuceneIndex index = LuceneIndex.open(out)) {
                assertThat(index.info().predicted()).isTrue();
                Entry entry = index.get("a.png").orElseThrow();
                Recognition seen = answering.recognise(Photo.of(photos.resolve("a.png")), List.of());
                assertThat(entry.labels())
                        .containsEntry(Entry.COLOR, List.of(seen.color()))
                        .containsEntry(
                                "pattern",
                                List.of(seen.groups().get(0).candidates().get(0).word()));
            }
        }
        Vocabulary others = vocabulary("long", "short");
        try (FashionModel answering = FashionModel.open(folder, FashionModel.Settings.DEFAULT.withVocabulary(others))) {
            assertCounts(build(answering, photos, Labels.PREDICTED), 3, 3, 0, 0, 0, 0);
        }
        assertCounts(build(photos, Labels.NONE), 3, 0, 0, 3, 0, 0);
    }

    private static Vocabulary vocabulary(String... words) {
        return Configs.parse(
                "{groups: [{name: pattern, attributes: [" + String.join(", ", words)
                        + "]}], categories: [dress, shirt]}",
                "words",
                List.of(),
                Vocabulary.class);
    }

    @Test
    void workThatFailsEndsEverything() {
        assertThatThrownBy(() -> Workers.run(
                        3,
                        IntStream.range(0, 1000).iterator(),
                        number -> {
                            if (number == 500) {
                                throw new IllegalStateException("five hundred");
                            }
                            return number;
                        },
                        number -> {}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("five hundred");
        Set<Integer> taken = new HashSet<>();
        Workers.run(4, IntStream.range(0, 1000).iterator(), number -> 2 * number, taken::add);
        assertThat(taken).hasSize(1000);
    }
}
