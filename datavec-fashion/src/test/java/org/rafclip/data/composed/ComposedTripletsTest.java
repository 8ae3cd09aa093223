package org.rafclip.data.composed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.SharedData;
import org.rafclip.data.composed.ComposedTriplets.Drawing;
import org.rafclip.data.composed.ComposedTriplets.Drawn;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.data.image.Box;

class ComposedTripletsTest {

    private static final AttributeTaxonomy FINE = AttributeTaxonomy.deepFashionFine();

    @TempDir
    Path dir;

    private static FashionItem item(String id, Integer... labels) {
        return new FashionItem(id, id, new Box(0, 0, 1, 1), Optional.empty(), List.of(labels), List.of(), 1);
    }

    private static List<FashionItem> random(int count, boolean gaps) {
        Random random = new Random(4);
        List<FashionItem> items = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Integer[] labels = new Integer[FINE.groups().size()];
            for (int g = 0; g < labels.length; g++) {
                labels[g] = gaps && random.nextInt(10) == 0 ? FashionItem.MISSING : random.nextInt(2);
            }
            items.add(item("img/" + i + ".jpg", labels));
        }
        return items;
    }

    @Test
    void targetsDifferInOneOrTwoGroupsAndInNothingElse() {
        List<FashionItem> items = random(200, true);
        Map<String, List<Integer>> labels = new HashMap<>();
        items.forEach(item -> labels.put(item.id(), item.attributes()));
        ComposedTriplets drawn = ComposedTriplets.draw(FINE, items, Drawing.of(3, 1));
        int complete = (int) items.stream()
                .filter(item -> !item.attributes().contains(FashionItem.MISSING))
                .count();
        assertThat(drawn.incomplete()).isEqualTo(200 - complete).isPositive();
        assertThat(drawn.triplets()).hasSizeBetween(2 * complete, 3 * complete);
        assertThat(drawn.images()).hasSize(200);
        Set<Integer> distances = new HashSet<>();
        Set<List<Object>> combinations = new HashSet<>();
        for (Drawn triplet : drawn.triplets()) {
            List<Integer> from = labels.get(triplet.reference());
            List<Integer> to = labels.get(triplet.target());
            assertThat(from).doesNotContain(FashionItem.MISSING);
            assertThat(to).doesNotContain(FashionItem.MISSING);
            assertThat(triplet.changed())
                    .isEqualTo(IntStream.range(0, 6)
                            .filter(g -> !from.get(g).equals(to.get(g)))
                            .boxed()
                            .toList());
            distances.add(triplet.changed().size());
            assertThat(combinations.add(List.of(triplet.reference(), to))).isTrue();
        }
        assertThat(distances).containsExactlyInAnyOrder(1, 2);
        assertThat(ComposedTriplets.draw(FINE, items, new Drawing(3, 1, 1)).triplets())
                .allMatch(triplet -> triplet.changed().size() == 1);
    }

    @Test
    void captionsNameEveryChangeAndNothingElse() {
        List<FashionItem> items = random(300, false);
        Map<String, List<Integer>> labels = new HashMap<>();
        items.forEach(item -> labels.put(item.id(), item.attributes()));
        Phrases phrases = Phrases.load();
        Set<String> captions = new HashSet<>();
        for (Drawn triplet :
                ComposedTriplets.draw(FINE, items, Drawing.of(2, 9)).triplets()) {
            assertThat(triplet.captions()).hasSize(2).doesNotHaveDuplicates();
            for (String caption : triplet.captions()) {
                captions.add(caption);
                Set<String> possible = new HashSet<>(Set.of(""));
                List<Set<String>> ways = triplet.changed().stream()
                        .map(g -> Set.copyOf(phrases.of(
                                FINE.group(g),
                                labels.get(triplet.reference()).get(g),
                                labels.get(triplet.target()).get(g))))
                        .toList();
                for (String first : ways.get(0)) {
                    possible.add(first);
                    for (String second : ways.get(ways.size() - 1)) {
                        possible.add(first + " and " + second);
                        possible.add(second + " and " + first);
                    }
                }
                if (ways.size() == 2) {
                    possible.removeAll(ways.get(0));
                }
                assertThat(possible).contains(caption);
            }
        }
        assertThat(captions).contains("has long sleeves").hasSizeGreaterThan(200);
        assertThat(captions).anyMatch(caption -> caption.contains("is floral instead of graphic printed and "));
    }

    @Test
    void noPhraseCouldMeanAnotherAttribute() {
        Phrases phrases = Phrases.load();
        for (AttributeTaxonomy.Group group : FINE.groups()) {
            for (int from = 0; from < group.size(); from++) {
                Map<String, Integer> meaning = new HashMap<>();
                for (int to = 0; to < group.size(); to++) {
                    if (to == from) {
                        continue;
                    }
                    List<String> all = phrases.of(group, from, to);
                    assertThat(all).hasSizeGreaterThanOrEqualTo(4).doesNotHaveDuplicates();
                    for (String phrase : all) {
                        assertThat(meaning.put(phrase, to)).as(phrase).isNull();
                    }
                }
            }
        }
        AttributeTaxonomy.Group other = new AttributeTaxonomy.Group("season", List.of("high_summer", "winter"));
        assertThat(phrases.of(other, 1, 0)).containsExactly("is high summer", "is high summer instead of winter");
    }

    @Test
    void onlyTheSeedDecides() {
        List<FashionItem> items = random(80, true);
        ComposedTriplets drawn = ComposedTriplets.draw(FINE, items, Drawing.of(2, 5));
        assertThat(ComposedTriplets.draw(FINE, items, Drawing.of(2, 5))).isEqualTo(drawn);
        assertThat(ComposedTriplets.draw(FINE, items, Drawing.of(2, 6)).triplets())
                .isNotEqualTo(drawn.triplets());
    }

    @Test
    void fashionIqsReaderTakesWhatIsWritten() throws IOException {
        List<FashionItem> items = List.of(
                item("img/a.jpg", 5, 0, 2, 0, 2, 2),
                item("img/b.jpg", 0, 0, 2, 0, 2, 2),
                item("img/c.jpg", 0, 0, 2, 0, 2, 2),
                item("img/d.jpg", 0, 0, 2, 0, 2, -1),
                item("img/e.jpg", 0, 2, 0, 1, 2, 2));
        ComposedTriplets drawn = ComposedTriplets.draw(FINE, items, Drawing.of(1, 2));
        assertThat(drawn.withoutTarget()).isEqualTo(1);
        assertThat(drawn.triplets()).hasSize(3);
        drawn.write(dir, "photo", "val");
        DrawnPhotos.plain(dir.resolve("drawn"), "train", 1);
        Files.createDirectories(dir.resolve("photos/img"));
        for (FashionItem item : items) {
            Files.copy(
                    dir.resolve("drawn/img/train0.png"), dir.resolve("photos").resolve(item.image()));
        }
        FashionIq read = FashionIq.open(dir, dir.resolve("photos"));
        assertThat(read.labels("photo", "val")).contains(drawn.labels());
        QuerySet queries =
                read.queries("photo", "val", GalleryKind.ORIGINAL, CaptionForm.SINGLE, read.images()::has, false);
        assertThat(queries.gallery()).isEqualTo(drawn.images());
        assertThat(queries.queries()).hasSize(6);
        assertThat(queries.queries().get(0).reference()).isEqualTo("img/a.jpg");
        assertThat(queries.right(0)).as("what has no fit is no right answer").containsExactly(1, 2);
        assertThat(queries.right(5)).containsExactly(0);
    }

    @Test
    void refusesWhatHasNoTriplet() {
        assertThatThrownBy(() -> ComposedTriplets.draw(
                        FINE,
                        List.of(item("a", 0, 0, 0, 0, 0, 0), item("b", 1, 1, 1, 0, 0, 0), item("c", 0, 0, 0, 0, 0, -1)),
                        Drawing.of(1, 1)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("none of the 3 photos")
                .hasMessageContaining("1 lack a label");
        assertThatThrownBy(() -> Drawing.of(0, 1)).hasMessageContaining("at least 1, not 0");
    }

    @Test
    void drawsFromRealPhotos() {
        FashionSplit split = FashionSplit.read(SharedData.require("deepfashion-fine"), "train");
        ComposedTriplets drawn = ComposedTriplets.draw(split.taxonomy(), split.items(), Drawing.of(1, 1));
        assertThat(drawn.triplets()).hasSize(5000);
        assertThat(drawn.incomplete()).isZero();
        assertThat(drawn.withoutTarget()).isZero();
        drawn.write(dir, "photo", "train");
        QuerySet queries = FashionIq.open(dir, split.imageRoot())
                .queries("photo", "train", GalleryKind.ORIGINAL, CaptionForm.JOINED, id -> true, false);
        assertThat(queries.gallery()).hasSize(5000);
        Map<List<Integer>, Long> sizes = new HashMap<>();
        split.items().forEach(item -> sizes.merge(item.attributes(), 1L, Long::sum));
        for (int i = 0; i < 5000; i++) {
            assertThat(queries.right(i))
                    .hasSize(sizes.get(drawn.labels().of(drawn.triplets().get(i).target()))
                            .intValue())
                    .doesNotContain(i);
        }
        assertThat(drawn.triplets().stream()
                        .filter(t -> t.changed().size() == 1)
                        .count())
                .isBetween(2300L, 2700L);
    }
}
