package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.JavaOps;
import org.rafclip.run.Configs;

/** Two parameters with the gradients (3, 0) and 4, so that the norm of both is 5. */
class ParameterUpdateTest {

    private static final double LR = 0.1;

    private final Map<String, INDArray> parameters = new LinkedHashMap<>();
    private int clamped;

    ParameterUpdateTest() {
        JavaOps.install();
        parameters.put("a", Nd4j.createFromArray(1.0, 2.0));
        parameters.put("b", Nd4j.createFromArray(-1.0));
    }

    private ParameterUpdate update(String settings) {
        return new ParameterUpdate(
                parameters, Configs.parse(settings, "train", List.of(), TrainConfig.class), () -> clamped++);
    }

    private static Map<String, INDArray> gradients(double first, double last) {
        Map<String, INDArray> gradients = new LinkedHashMap<>();
        gradients.put("a", Nd4j.createFromArray(first, 0.0));
        gradients.put("b", Nd4j.createFromArray(last));
        return gradients;
    }

    /** AdamW's first step, in which the bias corrections cancel the decays: lr * g / (|g| + eps). */
    private static double step(double gradient, double eps) {
        return LR * gradient / (Math.abs(gradient) + eps);
    }

    private void assertParameters(double a, double b) {
        assertThat(parameters.get("a").getDouble(0)).isCloseTo(a, within(1e-9));
        assertThat(parameters.get("a").getDouble(1)).isEqualTo(2);
        assertThat(parameters.get("b").getDouble(0)).isCloseTo(b, within(1e-9));
    }

    @Test
    void gradientsAreScaledToTheNormAndTheNormBeforeIsReturned() {
        // With an eps of the gradients' own size a step shows by how much they were scaled: 2 / 5.
        double norm = update("{clip-norm: 2, eps: 1}").apply(gradients(3, 4), LR, 1);

        assertThat(norm).isCloseTo(5, within(1e-12));
        assertParameters(1 - step(3 * 0.4, 1), -1 - step(4 * 0.4, 1));
        assertThat(clamped).isOne();
    }

    @ParameterizedTest
    @ValueSource(strings = {"{clip-norm: 0, eps: 1}", "{clip-norm: 5, eps: 1}", "{clip-norm: 7, eps: 1}"})
    void gradientsWithinTheNormAreLeftAlone(String settings) {
        assertThat(update(settings).apply(gradients(3, 4), LR, 1)).isCloseTo(5, within(1e-12));

        assertParameters(1 - step(3, 1), -1 - step(4, 1));
    }

    @ParameterizedTest
    @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
    void aGradientThatIsNotFiniteUpdatesNothing(double broken) {
        ParameterUpdate update = update("{clip-norm: 1}");
        double norm = update.apply(gradients(broken, 4), LR, 1);

        assertThat(norm).isNotFinite();
        assertParameters(1, -1);
        assertThat(clamped).isZero();
        assertThat(update.optimizer().moments().values())
                .isNotEmpty()
                .allMatch(moment -> moment.amaxNumber().doubleValue() == 0);
    }

    @Test
    void limitsHoldAfterEveryStep() {
        ParameterUpdate update = new ParameterUpdate(
                parameters,
                Configs.parse("{clip-norm: 0, eps: 1e-9}", "train", List.of(), TrainConfig.class),
                () -> parameters
                        .get("b")
                        .putScalar(0, Math.max(-1.05, parameters.get("b").getDouble(0))));
        for (int t = 1; t <= 3; t++) {
            update.apply(gradients(3, 4), LR, t);
            assertThat(parameters.get("b").getDouble(0)).isEqualTo(-1.05);
        }
        assertThat(parameters.get("a").getDouble(0)).isCloseTo(1 - 3 * LR, within(1e-6));
    }
}
