package org.rafclip.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class VectorsTest {

    @Test
    void theNearestComeFirstAndOfEqualsTheEarlier() {
        float[] query = {1, 0};
        List<float[]> vectors =
                List.of(new float[] {0, 1}, new float[] {0.6f, 0.8f}, new float[] {1, 0}, new float[] {0.6f, -0.8f});

        assertThat(Vectors.nearest(query, vectors, 3)).containsExactly(2, 1, 3);
        assertThat(Vectors.nearest(query, vectors, 9)).containsExactly(2, 1, 3, 0);
    }

    @Test
    void lengthAndSum() {
        assertThat(Vectors.unit(new float[] {3, 4})).containsExactly(0.6f, 0.8f);
        assertThat(Vectors.sum(List.of(new float[] {1, 2}, new float[] {3, 5}))).containsExactly(4, 7);
        assertThatThrownBy(() -> Vectors.unit(new float[2])).isInstanceOf(IllegalArgumentException.class);
    }
}
