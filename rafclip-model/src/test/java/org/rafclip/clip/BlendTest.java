package org.rafclip.clip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.rafclip.data.DataException;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.ClipTokenizer;

class BlendTest {

    private static final List<String> TEXTS = List.of("a red dress", "a blue dress", "the dress");

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    private static ClipModel model(long seed, int width, Activation activation, List<String> texts) {
        ClipConfig config = new ClipConfig(
                8,
                activation,
                2.5,
                ClipConfig.Vision.ofClip(16, 8, width, 1, 2, 2),
                ClipConfig.Text.ofClip(8, 560, 8, 1, 2, 2));
        return new ClipModel(new DualEncoder(config, DataType.FLOAT, seed), ClipTokenizer.train(texts, 520, 8));
    }

    private static Map<String, float[]> values(ClipModel model) {
        Map<String, float[]> values = new TreeMap<>();
        model.encoder()
                .parameters()
                .forEach((name, array) -> values.put(name, array.dup('c').data().asFloat()));
        return values;
    }

    @Test
    void everyWeightLiesBetweenBoth() {
        try (ClipModel first = model(1, 8, Activation.GELU, TEXTS);
                ClipModel second = model(2, 8, Activation.GELU, TEXTS)) {
            Map<String, float[]> a = values(first);
            Map<String, float[]> b = values(second);
            Blend blend = Blend.of(first, second);

            blend.writeTo(first, 0.25);
            values(first).forEach((name, blended) -> {
                for (int i = 0; i < blended.length; i++) {
                    assertThat((double) blended[i])
                            .isCloseTo(0.75 * a.get(name)[i] + 0.25 * b.get(name)[i], within(1e-6));
                }
            });
            blend.writeTo(first, 1);
            assertThat(values(first))
                    .allSatisfy((name, array) -> assertThat(array).isEqualTo(b.get(name)));
            blend.writeTo(first, 0);
            assertThat(values(first))
                    .allSatisfy((name, array) -> assertThat(array).isEqualTo(a.get(name)));
        }
    }

    @Test
    void whatDoesNotBelongTogetherIsNamed() {
        try (ClipModel first = model(1, 8, Activation.GELU, TEXTS);
                ClipModel wider = model(1, 12, Activation.GELU, TEXTS);
                ClipModel quick = model(1, 8, Activation.QUICK_GELU, TEXTS);
                ClipModel other = model(1, 8, Activation.GELU, List.of("jeans and jeans", "more jeans"))) {
            assertThatThrownBy(() -> Blend.of(first, wider))
                    .isInstanceOf(DataException.class)
                    .hasMessageMatching(
                            ".*tensor 'visual\\.\\S+' has the shape \\[8.*\\] in the first, \\[12.*\\] in the second");
            assertThatThrownBy(() -> Blend.of(first, quick))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("activation is GELU in the first and QUICK_GELU in the second");
            assertThatThrownBy(() -> Blend.of(first, other))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("tokenizers differ");
        }
    }
}
