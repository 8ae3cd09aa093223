package org.rafclip.data.fashioniq;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CaptionsTest {

    private record Golden(List<String> captions, String joined, String swapped, List<String> single) {}

    @Test
    void textsAreWhatPythonMakesOfThem() throws IOException {
        Golden[] goldens =
                new ObjectMapper().readValue(CaptionsTest.class.getResourceAsStream("captions.json"), Golden[].class);
        assertThat(goldens).hasSize(8);
        for (Golden golden : goldens) {
            assertThat(Captions.joined(golden.captions())).isEqualTo(golden.joined());
            assertThat(Captions.queries(golden.captions(), CaptionForm.JOINED)).containsExactly(golden.joined());
            assertThat(Captions.queries(golden.captions(), CaptionForm.SINGLE)).isEqualTo(golden.single());
            for (int index = 0; index < 20; index++) {
                assertThat(Captions.training(golden.captions(), 1, 2, index))
                        .isIn(
                                golden.joined(),
                                golden.swapped(),
                                golden.single().get(0),
                                golden.single().get(1));
            }
        }
    }

    @Test
    void trainingTextsAreDrawnInQuarters() {
        Map<String, Integer> counts = new HashMap<>();
        for (int index = 0; index < 8000; index++) {
            String text = Captions.training(List.of("is A.", "has b"), 3, 1, index);
            assertThat(Captions.training(List.of("is A.", "has b"), 3, 1, index))
                    .isEqualTo(text);
            counts.merge(text, 1, Integer::sum);
        }
        assertThat(counts.keySet()).isEqualTo(Set.of("Is a and has b", "Has b and is A", "Is a", "Has b"));
        // four standard deviations of a quarter of 8,000
        assertThat(counts.values()).allMatch(count -> Math.abs(count - 2000) < 155);
        assertThat(IntStream.range(0, 50).mapToObj(epoch -> Captions.training(List.of("a", "b"), 3, epoch, 0)))
                .as("one triplet over the epochs")
                .contains("A and b", "B and a", "A", "B");
    }

    @Test
    void aBlankCaptionLeavesTheOther() {
        for (List<String> captions : List.of(List.of(" . ", "Is Red"), List.of("Is Red", ""), List.of("Is Red"))) {
            assertThat(Captions.joined(captions)).isEqualTo("Is red");
            assertThat(Captions.queries(captions, CaptionForm.SINGLE)).containsExactly("Is red");
            assertThat(Captions.training(captions, 1, 1, 1)).isEqualTo("Is red");
        }
        assertThatThrownBy(() -> Captions.joined(List.of("", " ?"))).hasMessageContaining("not blank");
        assertThatThrownBy(() -> Captions.joined(List.of("a", "b", "c"))).hasMessageContaining("one or two captions");
    }
}
