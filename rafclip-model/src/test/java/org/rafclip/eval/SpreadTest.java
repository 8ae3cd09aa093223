package org.rafclip.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class SpreadTest {

    private static final Offset<Double> EXACT = within(1e-12);

    @Test
    void deviationsAreThoseOfASample() {
        // 0.10, 0.11, 0.15: mean 0.12, squared distances 4 + 1 + 9 of a ten-thousandth, over 2
        Spread three = Spread.of(0.10, 0.11, 0.15);
        assertThat(three.mean()).isEqualTo(0.12, EXACT);
        assertThat(three.deviation()).isEqualTo(Math.sqrt(7e-4), EXACT);
        assertThat(three.percent()).isEqualTo("12.00 ± 2.65");
        Spread one = Spread.of(0.3);
        assertThat(one.deviation()).isNull();
        assertThat(one.percent()).isEqualTo("30.00");
        assertThatThrownBy(Spread::of).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void poolingWeighsVariancesByDegreesOfFreedom() {
        Spread three = Spread.of(0.10, 0.11, 0.15);
        // variance 2e-4 / 1
        Spread two = Spread.of(0.20, 0.22);
        assertThat(three.pooledDeviation(two)).isEqualTo(Math.sqrt((14e-4 + 2e-4) / 3), EXACT);
        assertThat(two.pooledDeviation(three)).isEqualTo(three.pooledDeviation(two), EXACT);
        assertThat(three.pooledDeviation(Spread.of(0.5))).isEqualTo(three.deviation(), EXACT);
        assertThat(Spread.of(0.5).pooledDeviation(Spread.of(0.4))).isNull();
    }
}
