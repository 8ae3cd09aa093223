package org.rafclip.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.rafclip.text.ClipTokenizer;

class ComposedFiguresTest {

    @Test
    void attentionToAWordIsThatToAllItsTokens() {
        List<String> texts = List.of("is striped", "is striped and is striped");
        try (ClipTokenizer tokenizer = ClipTokenizer.train(texts, 600, 77)) {
            assertThat(tokenizer.encode(List.of("is striped zz")).ids()[0]).hasSize(6);

            List<Figure.Word> words =
                    ComposedFigures.words(tokenizer, "is striped  zz", List.of(0.1, 0.2, 0.3, 0.05, 0.15, 0.2));

            assertThat(words).extracting(Figure.Word::text).containsExactly("‹start›", "is", "striped", "zz", "‹end›");
            double[] expected = {0.1, 0.2, 0.3, 0.2, 0.2};
            for (int i = 0; i < expected.length; i++) {
                assertThat(words.get(i).weight()).isCloseTo(expected[i], within(1e-12));
            }
            assertThat(ComposedFigures.words(tokenizer, "is", List.of())).isEmpty();
        }
    }
}
