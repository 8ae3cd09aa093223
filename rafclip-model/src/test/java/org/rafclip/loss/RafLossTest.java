package org.rafclip.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.ops.JavaOps;

class RafLossTest {

    static {
        JavaOps.install();
    }

    private static INDArray rows(double[]... rows) {
        return Nd4j.create(rows).castTo(DataType.DOUBLE);
    }

    private static RafLoss loss(double alpha, Positives positives, double exponent, int groups) {
        return new RafLoss(new RafLossConfig(alpha, positives, exponent), groups, DataType.DOUBLE);
    }

    @Test
    void categoryLossOfTwoOrthogonalPairsIsThatOfEquationOneByHand() {
        // v = t = e1, e2 and τ = 2: both directions are −log(e² / (e² + 1)) = log(1 + e⁻²).
        INDArray unit = rows(new double[] {1, 0}, new double[] {0, 1});
        try (RafLoss loss = loss(0, Positives.IDENTITY, 1, 1)) {
            RafLoss.Value value = loss.evaluate(unit, unit.dup(), Math.log(2), new int[][] {{0, 1}, {-1, -1}});

            double expected = Math.log(1 + Math.exp(-2));
            assertThat(value.category()).isCloseTo(expected, within(1e-12));
            assertThat(value.total()).isCloseTo(expected, within(1e-12));
            assertThat(value.attribute()).isZero();
        }
    }

    @Test
    void attributeLossAddsBothDirectionsUnhalvedAndAveragesOverThePresentGroups() {
        INDArray unit = rows(new double[] {1, 0}, new double[] {0, 1});
        try (RafLoss loss = loss(1, Positives.IDENTITY, 1, 3)) {
            RafLoss.Value value =
                    loss.evaluate(unit, unit.dup(), Math.log(2), new int[][] {{-1, -1}, {0, 1}, {-1, -1}, {0, -1}});

            // Group 1: 2·log(1 + e⁻²). Group 2 is absent. Group 3 has one image and one text: 0. So n = 2.
            double expected = 2 * Math.log(1 + Math.exp(-2)) / 2;
            assertThat(value.attribute()).isCloseTo(expected, within(1e-12));
            assertThat(value.total()).isCloseTo(expected, within(1e-12));
        }
    }

    @Test
    void alphaMixesTheBranches() {
        INDArray unit = rows(new double[] {1, 0}, new double[] {0, 1});
        int[][] texts = {{0, 1}, {0, 1}};
        try (RafLoss loss = loss(0.25, Positives.IDENTITY, 1, 1)) {
            double one = Math.log(1 + Math.exp(-2));
            assertThat(loss.evaluate(unit, unit.dup(), Math.log(2), texts).total())
                    .isCloseTo(0.75 * one + 0.25 * 2 * one, within(1e-12));
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Positives.class,
            names = {"IDENTITY", "SAME_TEXT"})
    void duplicatedTextsGiveTheLossOverAllEntriesOfTheBatch(Positives positives) {
        Random random = new Random(3);
        int[] textOf = {0, 1, 0, 2, 0};
        double[][] v = unitRows(random, 5, 4);
        double[][] t = unitRows(random, 3, 4);
        try (RafLoss loss = loss(0, positives, 1, 1)) {
            double actual = loss.evaluate(rows(v), rows(t), Math.log(3), new int[][] {textOf, {-1, -1, -1, -1, -1}})
                    .category();

            assertThat(actual).isCloseTo(overAllEntries(v, t, textOf, 3, positives), within(1e-12));
        }
    }

    /** Eq. 1–3 on the batch written out, entry by entry, with targets as the reading of positives says. */
    private static double overAllEntries(double[][] v, double[][] t, int[] textOf, double scale, Positives positives) {
        int n = v.length;
        double loss = 0;
        for (int i = 0; i < n; i++) {
            double imageSum = 0;
            double textSum = 0;
            for (int j = 0; j < n; j++) {
                imageSum += Math.exp(scale * dot(v[i], t[textOf[j]]));
                textSum += Math.exp(scale * dot(v[j], t[textOf[i]]));
            }
            int own = textOf[i];
            long same = Arrays.stream(textOf).filter(text -> text == own).count();
            for (int j = 0; j < n; j++) {
                boolean right = positives == Positives.IDENTITY ? i == j : textOf[i] == textOf[j];
                if (right) {
                    double share = positives == Positives.IDENTITY ? 1 : 1.0 / same;
                    loss -= share * (scale * dot(v[i], t[textOf[j]]) - Math.log(imageSum));
                    loss -= share * (scale * dot(v[j], t[textOf[i]]) - Math.log(textSum));
                }
            }
        }
        return loss / n / 2;
    }

    @Test
    void distinctTextsCountOnceWithExponentZero() {
        // Three images, two of them with text 0. All similarities are 0, so I2T is log 2, not log 3.
        INDArray images = rows(new double[] {1, 0, 0}, new double[] {1, 0, 0}, new double[] {1, 0, 0});
        INDArray texts = rows(new double[] {0, 1, 0}, new double[] {0, 0, 1});
        int[][] textOf = {{0, 0, 1}, {-1, -1, -1}};
        try (RafLoss distinct = loss(0, Positives.WEIGHTED, 0, 1);
                RafLoss literal = loss(0, Positives.WEIGHTED, 1, 1)) {
            // T2I is log 3 in both: every text finds its images among three.
            assertThat(distinct.evaluate(images, texts, 0, textOf).category())
                    .isCloseTo((Math.log(2) + Math.log(3)) / 2, within(1e-12));
            assertThat(literal.evaluate(images, texts, 0, textOf).category()).isCloseTo(Math.log(3), within(1e-12));
        }
    }

    private static double[][] unitRows(Random random, int n, int d) {
        double[][] rows = new double[n][d];
        for (double[] row : rows) {
            double sum = 0;
            for (int j = 0; j < d; j++) {
                row[j] = random.nextGaussian();
                sum += row[j] * row[j];
            }
            for (int j = 0; j < d; j++) {
                row[j] /= Math.sqrt(sum);
            }
        }
        return rows;
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int j = 0; j < a.length; j++) {
            sum += a[j] * b[j];
        }
        return sum;
    }
}
