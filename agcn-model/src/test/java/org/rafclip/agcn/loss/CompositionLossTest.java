package org.rafclip.agcn.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.compose.Composer;
import org.rafclip.agcn.compose.Formula;
import org.rafclip.agcn.loss.CompositionLossConfig.Duplicates;
import org.rafclip.ops.JavaOps;

class CompositionLossTest {

    static {
        JavaOps.install();
    }

    private static INDArray rows(double[]... rows) {
        return Nd4j.create(rows).castTo(DataType.DOUBLE);
    }

    private static CompositionLoss loss(double temperature, boolean learnable, Duplicates duplicates) {
        return new CompositionLoss(new CompositionLossConfig(temperature, learnable, duplicates), DataType.DOUBLE);
    }

    @Test
    void isEquationThirteenByHand() {
        // Targets e1, e2; queries e1 and (0.6, 0.8); τ′ = 2.
        INDArray queries = rows(new double[] {1, 0}, new double[] {0.6, 0.8});
        INDArray targets = rows(new double[] {1, 0}, new double[] {0, 1});
        try (CompositionLoss loss = loss(2, false, Duplicates.LITERAL)) {
            CompositionLoss.Value value = loss.evaluate(queries, targets, new int[] {0, 1});

            // −log(e² / (e² + 1)) and −log(e^1.6 / (e^1.2 + e^1.6)).
            double expected = (Math.log(1 + Math.exp(-2)) + Math.log(1 + Math.exp(-0.4))) / 2;
            assertThat(value.total()).isCloseTo(expected, within(1e-12));
            assertThat(value.gradients()).isEmpty();
            assertThat(loss.parameters()).isEmpty();
        }
    }

    @Test
    void aSharedTargetCountsOncePerQueryOrOnce() {
        // Three queries at right angles to everything: every logit is 0. Two of them share target 0.
        INDArray queries = rows(new double[] {0, 0, 1}, new double[] {0, 0, 1}, new double[] {0, 0, 1});
        INDArray targets = rows(new double[] {1, 0, 0}, new double[] {0, 1, 0});
        int[] targetOf = {0, 0, 1};
        try (CompositionLoss literal = loss(5, false, Duplicates.LITERAL);
                CompositionLoss once = loss(5, false, Duplicates.ONCE)) {
            assertThat(literal.evaluate(queries, targets, targetOf).total()).isCloseTo(Math.log(3), within(1e-12));
            assertThat(once.evaluate(queries, targets, targetOf).total()).isCloseTo(Math.log(2), within(1e-12));
        }
    }

    @Test
    void valueAndGradientsAreThoseOfPyTorch() throws IOException {
        JsonNode golden;
        try (InputStream in = Composer.class.getResourceAsStream("composers.json")) {
            golden = new ObjectMapper().readTree(in).get("loss");
        }
        INDArray queries = unit(Formula.numbers("queries", 4, 8));
        INDArray targets = unit(Formula.numbers("targets", 4, 8));
        try (CompositionLoss loss = loss(20, true, Duplicates.LITERAL)) {
            CompositionLoss.Value value = loss.evaluate(queries, targets, new int[] {0, 1, 2, 3});

            assertThat(value.total()).isCloseTo(golden.get("total").asDouble(), within(1e-10));
            assertThat(value.gradients().get(CompositionLoss.LOGIT_SCALE).getDouble(0))
                    .isCloseTo(golden.get("dLogitScale").asDouble(), within(1e-10));
            for (int i = 0; i < 32; i++) {
                assertThat(value.dQueries().getDouble(i))
                        .isCloseTo(golden.get("dQueries").get(i).asDouble(), within(1e-10));
            }
        }
    }

    private static INDArray unit(INDArray rows) {
        return rows.div(rows.norm2(true, 1));
    }

    @Test
    void aLearnedTemperatureStopsAtItsLimit() {
        try (CompositionLoss loss = loss(50, true, Duplicates.LITERAL)) {
            loss.parameters().get(CompositionLoss.LOGIT_SCALE).assign(Math.log(130));
            assertThat(loss.temperature()).isCloseTo(130, within(1e-9));
            loss.clampTemperature();
            assertThat(loss.temperature()).isCloseTo(100, within(1e-9));
        }
    }

    @Test
    void featuresThatAreNotUnitVectorsAndMissingTargetsAreRefused() {
        INDArray good = rows(new double[] {1, 0}, new double[] {0, 1});
        INDArray nan = rows(new double[] {1, 0}, new double[] {Double.NaN, 1});
        INDArray threeLong = rows(new double[] {3, 0}, new double[] {0, 1});
        int[] targetOf = {0, 1};
        try (CompositionLoss loss = loss(100, false, Duplicates.LITERAL)) {
            assertThatThrownBy(() -> loss.evaluate(nan, good, targetOf)).hasMessageContaining("query 1 has length NaN");
            assertThatThrownBy(() -> loss.evaluate(good, threeLong, targetOf))
                    .hasMessageContaining("target 0 has length 3.0");
            assertThatThrownBy(() -> loss.evaluate(good, good, new int[] {0, 2}))
                    .hasMessage("query 1 has target 2 of 2");
            assertThatThrownBy(() -> loss.evaluate(good, good, new int[] {0}))
                    .hasMessage("1 targets are named for 2 queries");
        }
        assertThatThrownBy(() -> new CompositionLossConfig(0, false, Duplicates.LITERAL))
                .hasMessage("temperature must be above 0, not 0.0");
    }
}
