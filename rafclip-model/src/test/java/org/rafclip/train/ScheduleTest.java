package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.rafclip.run.ConfigException;

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

    private static TrainConfig continued(String schedule, String rule) {
        return TinyRun.config(
                        Path.of("data"),
                        Path.of("run"),
                        "train.lr=0.1",
                        "train.schedule=" + schedule,
                        "train.warmup=0.2",
                        "train.epochs=10",
                        "train.continued=[4, 6]",
                        "train.continue=" + rule)
                .train();
    }

    @Test
    void upToTheFirstEndTheRateIsThatOfTheRunThatWasToEndThere() {
        // 10 epochs of 5 steps, ends at 20 and 30.
        TrainConfig alone = config("cosine", 0.2).train();
        for (String rule : List.of("restart", "constant")) {
            for (int step = 0; step < 20; step++) {
                assertThat(continued("cosine", rule).learningRate(step, 50)).isEqualTo(alone.learningRate(step, 20));
            }
        }
    }

    @Test
    void beyondAnEndTheRateRestartsWithoutWarmUpOrStays() {
        TrainConfig restart = continued("cosine", "restart");
        assertThat(restart.learningRate(20, 50)).isEqualTo(0.1);
        assertThat(restart.learningRate(25, 50)).isCloseTo(0.05, within(1e-12));
        assertThat(restart.learningRate(30, 50)).isEqualTo(0.1);
        assertThat(restart.learningRate(40, 50)).isCloseTo(0.05, within(1e-12));

        double last = 0.1 * (1 + Math.cos(Math.PI * 15 / 16)) / 2;
        for (int step = 20; step < 50; step++) {
            assertThat(continued("cosine", "constant").learningRate(step, 50)).isCloseTo(last, within(1e-12));
            assertThat(continued("constant", "restart").learningRate(step, 50)).isEqualTo(0.1);
        }
    }

    @Test
    void endsThatAreNotAscendingAndBelowTheEpochsAreRefused() {
        for (String ends : List.of("[4]", "[0]", "[3, 2]", "[2, 2]")) {
            assertThatThrownBy(() -> TinyRun.config(
                            Path.of("data"), Path.of("run"), "train.epochs=4", "train.continued=" + ends))
                    .isInstanceOf(ConfigException.class)
                    .hasMessageContaining("goes on to more of them: epochs above the last, ascending, not 4");
        }
    }
}
