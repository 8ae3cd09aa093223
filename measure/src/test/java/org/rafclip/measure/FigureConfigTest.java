package org.rafclip.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.rafclip.run.Configs;

class FigureConfigTest {

    private static List<Integer> draw(long seed, long place, int wanted) {
        return new FigureConfig(5, 5, seed).draw(place, 100, wanted, any -> true);
    }

    @Test
    void aDrawIsAFunctionOfSeedAndPlace() {
        assertThat(draw(1, 3, 10)).isEqualTo(draw(1, 3, 10));
        Set<List<Integer>> draws = new HashSet<>();
        for (long seed = 0; seed < 10; seed++) {
            for (long place = 0; place < 10; place++) {
                draws.add(draw(seed, place, 10));
            }
        }
        assertThat(draws).hasSize(100);
    }

    @Test
    void entriesAreDrawnOnceAndAShorterDrawBeginsALongerOne() {
        List<Integer> all = draw(7, 1, 1000);

        assertThat(all)
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.range(0, 100).boxed().toList());
        assertThat(draw(7, 1, 4)).isEqualTo(all.subList(0, 4));
    }

    @Test
    void onlyWhatSatisfiesTheConditionIsDrawn() {
        FigureConfig config = new FigureConfig(5, 5, 1);

        assertThat(config.draw(1, 100, 8, entry -> entry % 10 == 3))
                .hasSize(8)
                .doesNotHaveDuplicates()
                .allMatch(entry -> entry % 10 == 3);
        assertThat(config.draw(1, 100, 8, entry -> entry == 42)).containsExactly(42);
        assertThat(config.draw(1, 100, 8, entry -> false)).isEmpty();
    }

    @Test
    void everyEntryIsAsLikelyToComeFirst() {
        int[] first = new int[4];
        for (long seed = 0; seed < 4000; seed++) {
            first[new FigureConfig(1, 1, seed).draw(1, 4, 1, any -> true).get(0)]++;
        }
        // 1000 each on average, with a standard deviation of 27.
        assertThat(first).satisfies(counts -> {
            for (int count : counts) {
                assertThat(count).isBetween(860, 1140);
            }
        });
    }

    @Test
    void aGalleryHasAQueryAndAnAnswer() {
        assertThat(Configs.parse("{}", "figures", List.of(), FigureConfig.class))
                .isEqualTo(new FigureConfig(5, 5, 1));
        assertThatThrownBy(() -> new FigureConfig(0, 5, 1)).hasMessageContaining("queries must be at least 1, not 0");
        assertThatThrownBy(() -> new FigureConfig(5, 0, 1)).hasMessageContaining("answers must be at least 1, not 0");
    }
}
