package org.rafclip.search.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.search.query.Dialog.Reference;
import org.rafclip.search.query.Dialog.Rules;

/** Turns on {@link Plane}. */
class DialogTest {

    @TempDir
    static Path dir;

    private static Searcher searcher;

    @BeforeAll
    static void open() throws IOException {
        searcher = Plane.in(dir, Optional.of("AGCN"));
    }

    @AfterAll
    static void close() {
        searcher.index().close();
    }

    private static Dialog dialog(int hits, boolean withReferences, boolean withShown) {
        return Dialog.begin(
                searcher,
                Rules.DEFAULT.withHits(hits).withWithReferences(withReferences).withWithShown(withShown));
    }

    private static List<String> last(Dialog dialog) {
        List<Dialog.Turn> turns = dialog.turns();
        return turns.get(turns.size() - 1).answer().hits().stream()
                .map(Answer.Hit::id)
                .toList();
    }

    @Test
    void anAnswersPhotoIsTheNextReference() {
        Dialog words = dialog(5, true, true).say("up");
        assertThat(last(words)).containsExactly("b", "c", "d", "a", "e");
        assertThatThrownBy(() -> words.say("left"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("choose one of the hits first");

        // c's box is blue: (0, 1) + (−1, 0)
        Dialog changed = words.choose(2).say("left");
        assertThat(last(changed)).containsExactly("b", "e", "c", "d", "a");
        assertThat(changed.reference().map(Reference::name)).contains("c");
        assertThat(changed.turns()).hasSize(2);
        assertThat(changed.turns().get(0).chosen().map(Answer.Hit::id)).contains("c");
        assertThat(changed.turns().get(1).reference().map(Reference::name)).contains("c");
        // the turns before have no other influence
        assertThat(last(dialog(5, true, true).from(Reference.of("c")).say("left")))
                .isEqualTo(last(changed));
    }

    @Test
    void aDialogNeverChanges() {
        Dialog begin = dialog(2, false, true);
        Dialog asked = begin.from(Reference.of("a")).say("up");
        Dialog chosen = asked.choose(1);
        Dialog further = chosen.say("left");

        assertThat(further.back()).containsSame(chosen);
        assertThat(chosen.back()).containsSame(asked);
        assertThat(asked.turns().get(0).chosen()).isEmpty();
        assertThat(asked.choose(2).turns().get(0).chosen().map(Answer.Hit::id))
                .contains(last(asked).get(1));
        assertThat(asked.back().orElseThrow().reference().map(Reference::name)).contains("a");
        assertThat(asked.back().orElseThrow().turns()).isEmpty();
        assertThat(asked.back().orElseThrow().back()).containsSame(begin);
        assertThat(begin.back()).isEmpty();
    }

    @Test
    void referencesAndWhatWasShownStayOut() {
        Dialog first = dialog(5, false, true).from(Reference.of("a")).say("up");
        // (1, 0) + (0, 1): c and d equally near, then b
        assertThat(last(first)).containsExactly("c", "d", "b", "e");
        assertThat(last(first.choose(1).say("left"))).containsExactly("b", "e", "d");

        Dialog fresh = dialog(2, true, false).from(Reference.of("a")).say("up");
        assertThat(last(fresh)).containsExactly("c", "d");
        Dialog second = fresh.say("up");
        assertThat(last(second)).containsExactly("a", "b");
        Dialog third = second.say("up");
        assertThat(last(third)).containsExactly("e");
        assertThat(last(third.say("up"))).isEmpty();
        // taken back, the photos may be shown again
        assertThat(last(second.back().orElseThrow().say("up"))).containsExactly("a", "b");
        // examples of the first question are references too
        assertThat(last(dialog(5, false, true).ask("like b", List.of(new Part.Example("b")))))
                .doesNotContain("b");
    }

    @Test
    void whatIsNotThereIsNamed() {
        Dialog begin = dialog(2, true, true);
        assertThatThrownBy(() -> begin.from(Reference.of("z"))).hasMessageContainingAll("'z'", "5");
        assertThatThrownBy(() -> begin.choose(1)).hasMessageContaining("there is no answer to choose 1 of");
        Dialog asked = begin.say("up");
        assertThatThrownBy(() -> asked.choose(3)).hasMessageContaining("no photo 3, only 1 to 2");
        assertThatThrownBy(() -> asked.choose(0)).hasMessageContaining("no photo 0");
        assertThatThrownBy(() -> asked.choose(1).say(" ")).hasMessageContaining("empty");
    }
}
