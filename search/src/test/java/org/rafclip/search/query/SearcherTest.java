package org.rafclip.search.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.RgbImage;
import org.rafclip.search.Composed;
import org.rafclip.search.FakeModel;
import org.rafclip.search.Photo;
import org.rafclip.search.index.Filter;
import org.rafclip.search.query.Part.Example;
import org.rafclip.search.query.Part.Upload;
import org.rafclip.search.query.Part.Words;

/** Arithmetic of questions on {@link Plane}, by hand. */
class SearcherTest {

    private static final double HALF = Math.sqrt(0.5);
    private static final double ROUNDING = 1e-6;

    @TempDir
    static Path dir;

    private static Searcher searcher;
    private static Searcher composing;

    @BeforeAll
    static void open() throws IOException {
        searcher = Plane.in(dir, Optional.empty());
        composing = new Searcher(Plane.model(Optional.of("AGCN")), searcher.index());
    }

    @AfterAll
    static void close() {
        searcher.index().close();
    }

    private static List<String> ids(Answer answer) {
        return answer.hits().stream().map(Answer.Hit::id).toList();
    }

    private static void assertVector(Composed composed, double x, double y) {
        assertThat(composed.vector()[0]).isCloseTo((float) x, within(1e-6f));
        assertThat(composed.vector()[1]).isCloseTo((float) y, within(1e-6f));
    }

    private static Photo green(int red, int blue) {
        byte[] rgb = new byte[3 * 100];
        for (int i = 0; i < 100; i++) {
            rgb[3 * i] = (byte) red;
            rgb[3 * i + 1] = (byte) 255;
            rgb[3 * i + 2] = (byte) blue;
        }
        return new Photo(new RgbImage(10, 10, rgb), Optional.empty());
    }

    @Test
    void wordsFindWhatIsNearest() {
        Answer answer = searcher.search(Query.of(new Words("up")));

        assertThat(ids(answer)).containsExactly("b", "c", "d", "a", "e");
        assertThat(answer.hits().get(0).score()).isCloseTo(1, within(ROUNDING));
        assertThat(answer.hits().get(1).score()).isCloseTo(0.8, within(ROUNDING));
        assertThat(answer.total()).isEqualTo(5);
        assertThat(answer.how()).isEqualTo("text");
        assertThat(answer.gates()).isEmpty();
    }

    @Test
    void partsAreAddedByWeight() {
        // 2 (0, 1) + 1 (1, 0), and a text counts by its direction alone: right is (2, 0)
        assertVector(
                searcher.vector(Query.of(new Words("up", 2), new Words("right"))), 1 / Math.sqrt(5), 2 / Math.sqrt(5));
        // like c and b, not like a: (0.6, 0.8) + (0, 1) − 0.5 (1, 0)
        Query likes = Query.of(new Example("c"), new Example("b"), new Example("a", Optional.empty(), -0.5));
        double length = Math.hypot(0.1, 1.8);
        assertVector(searcher.vector(likes), 0.1 / length, 1.8 / length);
        assertThat(searcher.search(likes).how()).contains("3 photos", "1 of them negative");
        // as far from e as possible
        assertThat(ids(searcher.search(Query.of(new Example("e", Optional.empty(), -1)))))
                .startsWith("a");
        // a photo that is as red as blue, and twice the text up: (√½, √½ + 2)
        double up = HALF + 2;
        assertVector(
                searcher.vector(Query.of(new Upload(green(90, 90)), new Words("up", 2))),
                HALF / Math.hypot(HALF, up),
                up / Math.hypot(HALF, up));
    }

    @Test
    void anotherBoxOfAPhotoIsAnotherGarment() {
        assertVector(searcher.vector(Query.of(new Example("c"))), 0.6, 0.8);
        Box left = new Box(0, 0, 19, 29);
        assertVector(searcher.vector(Query.of(new Example("c", Optional.of(left), 1))), 1, 0);
        // half of it blue: mean (½, ½)
        assertVector(searcher.vector(Query.of(new Example("c", Optional.of(new Box(10, 0, 29, 29)), 1))), HALF, HALF);
        // an upload's box is cut at the photo's border
        Photo upload = green(255, 0).in(new Box(5, 5, 500, 500));
        assertVector(searcher.vector(Query.of(new Upload(upload))), 1, 0);
    }

    @Test
    void aChangeIsComposedFromTheGarmentsOwnBox() {
        // c's box is the blue half: (0, 1) + (−1, 0)
        Answer answer = composing.search(Query.of(new Example("c")).but("left"));
        assertVector(composing.vector(Query.of(new Example("c")).but("left")), -HALF, HALF);
        assertThat(answer.how()).isEqualTo("AGCN");
        assertThat(answer.gates()).contains(new Composed.Gates(0.25, 0.75));
        assertThat(ids(answer)).containsExactly("b", "e", "c", "d", "a");

        Answer sum = searcher.search(Query.of(new Example("c")).but("left"));
        assertThat(sum.how()).contains("sum of photo and text", "no composer");
        assertThat(sum.gates()).isEmpty();
        assertThat(ids(sum)).isEqualTo(ids(answer));
    }

    @Test
    void filtersAndExclusionsHold() {
        Query up = Query.of(new Words("up"));
        Filter red = new Filter(Map.of("color", Set.of("red")), Optional.empty());
        Answer answer = searcher.search(up.withFilter(red));
        assertThat(ids(answer)).containsExactly("c", "a", "e");
        assertThat(answer.total()).isEqualTo(3);
        assertThat(ids(searcher.search(up.withFilter(new Filter(Map.of(), Optional.of(true))))))
                .containsExactly("c");
        assertThat(ids(searcher.search(up.withWithout(Set.of("b", "d", "unknown")))))
                .containsExactly("c", "a", "e");
    }

    @Test
    void pagesContinueOneRanking() {
        Query right = Query.of(new Words("right"));
        List<String> whole = ids(searcher.search(right));
        // c and d are equally near
        assertThat(whole).containsExactly("a", "c", "d", "b", "e");
        List<String> pages = new ArrayList<>();
        for (int offset = 0; offset < 6; offset += 2) {
            pages.addAll(ids(searcher.search(right.withOffset(offset).withLimit(2))));
        }
        assertThat(pages).isEqualTo(whole);
        assertThat(ids(searcher.search(right.withOffset(99)))).isEmpty();
    }

    @Test
    void whySaysWhichLabelsTheWordsName() {
        Answer answer = searcher.search(Query.of(new Words("red dresses"), new Words("up", -0.1)));
        Map<String, List<String>> why = new HashMap<>();
        answer.hits().forEach(hit -> why.put(hit.id(), hit.why()));
        assertThat(why.get("a")).containsExactly("dress", "red");
        assertThat(why.get("b")).containsExactly("dress");
        // "long sleeve dress" is more than was said
        assertThat(why.get("c")).containsExactly("red");
        assertThat(why.get("d")).isEmpty();
    }

    @Test
    void whatHasNoAnswerIsNamed() {
        assertFault(Query.of(), "parts", "empty");
        assertFault(Query.of(new Words(" ")), "parts[0].text", "empty");
        assertFault(Query.of(new Words("up", 0)), "parts[0].weight", "0.0");
        assertFault(Query.of(new Words("up", Double.NaN)), "parts[0].weight", "NaN");
        assertFault(Query.of(new Words("up"), new Example("z")), "parts[1].id", "'z'", "5");
        assertFault(Query.of(new Example("a"), new Example("e")), "parts", "cancel");
        assertFault(Query.of(new Words("up")).but("left"), "change", "one photo");
        assertFault(Query.of(new Example("a"), new Example("b")).but("left"), "change", "one photo");
        assertFault(Query.of(new Example("a")).but(" "), "change", "empty");
        assertFault(Query.of(new Example("a", Optional.of(new Box(40, 0, 50, 9)), 1)), "parts[0].box", "40x30");
        assertFault(Query.of(new Upload(green(1, 1).in(new Box(0, 10, 5, 20)))), "parts[0].box", "10x10");
        assertFault(
                Query.of(new Words("up")).withFilter(new Filter(Map.of("size", Set.of("M")), Optional.empty())),
                "filter.words",
                "'size'",
                "category, color");
        // its vector is in the index, its photo is not there any more
        assertThat(ids(searcher.search(Query.of(new Example("d"))))).startsWith("c");
        assertThatThrownBy(() -> searcher.search(Query.of(new Example("d")).but("left")))
                .isInstanceOf(LostPhotoException.class)
                .hasMessageContaining("gone.png");
    }

    private static void assertFault(Query query, String field, String... words) {
        assertThatThrownBy(() -> searcher.search(query))
                .isInstanceOfSatisfying(
                        QueryException.class, e -> assertThat(e.field()).isEqualTo(field))
                .hasMessageContainingAll(words);
    }

    @Test
    void anotherModelIsRefusedByName() {
        FakeModel other = new FakeModel(2, text -> null, photo -> null, Optional.empty()).named("other", "beef");
        assertThatThrownBy(() -> new Searcher(other, searcher.index()))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("fake", "other", "beef");
    }
}
