package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ScheduleTest {

    private static RafClipConfig config(String schedule, double warmup) {
        return TinyRun.config(
                Path.of("data"),
                Path.of("run"),
                "train.lr=0.1",
                "train.schedule=" + schedule,
                "train.warmup=" + warmup);
    }

    @Test
    void cosineGrowsInEqualStepsThenFallsByHalfACosine() {
        RafClipConfig config = config("cosine", 0.2);

        // 20 steps, 4 of warm-up: 1/4, 2/4, 3/4, 4/4 of the rate, then (1 + cos(π i/16)) / 2 of it for i = 0 to 15.
        assertThat(config.train().learningRate(0, 20)).isCloseTo(0.025, within(1e-12));
        assertThat(config.train().learningRate(3, 20)).isCloseTo(0.1, within(1e-12));
        assertThat(config.train().learningRate(4, 20)).isCloseTo(0.1, within(1e-12));
        assertThat(config.train().learningRate(8, 20)).isCloseTo(0.1 * (1 + Math.sqrt(0.5)) / 2, within(1e-12));
        assertThat(config.train().learningRate(12, 20)).isCloseTo(0.05, within(1e-12));
        assertThat(config.train().learningRate(19, 20))
                .isCloseTo(0.1 * (1 + Math.cos(Math.PI * 15 / 16)) / 2, within(1e-12))
                .isPositive();
    }

    @Test
    void constantStaysAfterWarmUp() {
        RafClipConfig config = config("constant", 0.1);

        assertThat(config.train().learningRate(0, 20)).isCloseTo(0.05, within(1e-12));
        assertThat(config.train().learningRate(1, 20)).isCloseTo(0.1, within(1e-12));
        assertThat(config.train().learningRate(19, 20)).isCloseTo(0.1, within(1e-12));
    }

    @Test
    void noWarmUpStartsAtTheFullRate() {
        assertThat(config("cosine", 0).train().learningRate(0, 20)).isCloseTo(0.1, within(1e-12));
    }
}
