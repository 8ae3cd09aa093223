package org.rafclip.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.loss.RafLossConfig.Kind;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.loss.RafLossConfig.Sentence;
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

    @Test
    void captionsHaveTheirShareBesideBothBranches() {
        INDArray unit = rows(new double[] {1, 0}, new double[] {0, 1});
        double one = Math.log(1 + Math.exp(-2));
        int[][] texts = {{0, 1}, {0, 1}, {1, 0}};
        try (RafLoss loss = new RafLoss(new RafLossConfig(0.25, Positives.IDENTITY, 0, 0.4), 1, DataType.DOUBLE)) {
            RafLoss.Value value = loss.evaluate(unit, unit.dup(), Math.log(2), texts);

            // The captions are crossed: −log(1 / (1 + e²)) in both directions.
            double crossed = Math.log(1 + Math.exp(2));
            assertThat(value.caption()).isCloseTo(crossed, within(1e-12));
            assertThat(value.total()).isCloseTo(0.6 * (0.75 * one + 0.25 * 2 * one) + 0.4 * crossed, within(1e-12));
            assertThat(loss.evaluate(unit, unit.dup(), Math.log(2), new int[][] {{0, 1}, {0, 1}, {-1, -1}})
                            .caption())
                    .isZero();
        }
    }

    @Test
    void withTheWholeShareAndNoGroupsTheLossIsClipsOwnWithItsGradient() {
        Random random = new Random(8);
        double[][] v = unitRows(random, 6, 5);
        double[][] t = unitRows(random, 6, 5);
        int[][] pairs = {{-1, -1, -1, -1, -1, -1}, {0, 1, 2, 3, 4, 5}};
        double logScale = Math.log(7);
        try (RafLoss loss = new RafLoss(new RafLossConfig(0.5, Positives.IDENTITY, 0, 1), 0, DataType.DOUBLE)) {
            RafLoss.Value value = loss.evaluate(rows(v), rows(t), logScale, pairs);

            assertThat(value.total()).isCloseTo(clip(v, t, 7), within(1e-12));
            assertThat(value.caption()).isEqualTo(value.total());
            assertThat(value.category()).isZero();
            assertThat(value.attribute()).isZero();
        }
        try (RafLoss loss = new RafLoss(new RafLossConfig(0.3, Positives.IDENTITY, 0, 0.6), 1, DataType.DOUBLE)) {
            int[][] all = {{0, 1, 1, -1, -1, -1}, {-1, -1, -1, 2, 3, -1}, {4, 5, -1, -1, -1, 0}};
            assertGradientIsThatOfCentralDifferences(loss, v, t, logScale, all);
        }
    }

    private static RafLoss sigmoid(double alpha, Positives positives, double exponent) {
        return new RafLoss(
                new RafLossConfig(Kind.SIGMOID, alpha, positives, exponent, 0, Sentence.NONE), 1, DataType.DOUBLE);
    }

    @Test
    void sigmoidLossJudgesEachPairByItself() {
        // v = t = e1, e2, τ = 2, b = −½: an image's own text has the logit 3/2, the other one −½.
        INDArray unit = rows(new double[] {1, 0}, new double[] {0, 1});
        double one = Math.log(1 + Math.exp(-1.5)) + Math.log(1 + Math.exp(-0.5));
        try (RafLoss loss = sigmoid(0.25, Positives.IDENTITY, 0)) {
            RafLoss.Value value = loss.evaluate(unit, unit.dup(), Math.log(2), -0.5, new int[][] {{0, 1}, {0, 1}});

            assertThat(value.category()).isCloseTo(one, within(1e-12));
            assertThat(value.attribute()).isCloseTo(2 * one, within(1e-12));
            assertThat(value.total()).isCloseTo(0.75 * one + 0.25 * 2 * one, within(1e-12));
        }
    }

    @Test
    void sigmoidLossHoldsATextThatImagesShareForRightInAllTheirPairs() {
        // Images e1, e1, e2 with texts e1, e1, e2: the logits are 3/2 for the own text and −½ for the other.
        INDArray images = rows(new double[] {1, 0}, new double[] {1, 0}, new double[] {0, 1});
        INDArray texts = rows(new double[] {1, 0}, new double[] {0, 1});
        int[][] textOf = {{0, 0, 1}, {-1, -1, -1}};
        double right = Math.log(1 + Math.exp(-1.5));
        double wrong = Math.log(1 + Math.exp(-0.5));
        try (RafLoss all = sigmoid(0, Positives.SAME_TEXT, 0);
                RafLoss distinct = sigmoid(0, Positives.WEIGHTED, 0)) {
            // All nine pairs: 2 · 2 + 1 are right, 2 + 2 are wrong.
            assertThat(all.evaluate(images, texts, Math.log(2), -0.5, textOf).total())
                    .isCloseTo((5 * right + 4 * wrong) / 3, within(1e-12));
            assertThat(distinct.evaluate(images, texts, Math.log(2), -0.5, textOf)
                            .total())
                    .isCloseTo((3 * right + 3 * wrong) / 3, within(1e-12));
        }
    }

    @Test
    void sigmoidLossHasTheGradientOfCentralDifferences() {
        Random random = new Random(9);
        double[][] v = unitRows(random, 6, 5);
        double[][] t = unitRows(random, 5, 5);
        int[][] texts = {{0, 1, 1, -1, -1, 4}, {-1, -1, -1, 2, 3, 2}};
        try (RafLoss loss = sigmoid(0.3, Positives.WEIGHTED, 0.5)) {
            assertGradientIsThatOfCentralDifferences(loss, v, t, Math.log(7), texts);
            double h = 1e-6;
            double bias = -1.5;
            RafLoss.Value value = loss.evaluate(rows(v), rows(t), Math.log(7), bias, texts);
            double above = loss.evaluate(rows(v), rows(t), Math.log(7), bias + h, texts)
                    .total();
            double below = loss.evaluate(rows(v), rows(t), Math.log(7), bias - h, texts)
                    .total();
            assertThat(value.dLogitBias()).isCloseTo((above - below) / (2 * h), within(1e-8));
        }
    }

    private static void assertGradientIsThatOfCentralDifferences(
            RafLoss loss, double[][] v, double[][] t, double logScale, int[][] texts) {
        RafLoss.Value value = loss.evaluate(rows(v), rows(t), logScale, texts);
        double h = 1e-6;
        for (double[][] side : List.of(v, t)) {
            INDArray gradient = side == v ? value.dImages() : value.dTexts();
            for (int i = 0; i < side.length; i++) {
                for (int j = 0; j < side[i].length; j++) {
                    double there = side[i][j];
                    side[i][j] = there + h;
                    double above =
                            loss.evaluate(rows(v), rows(t), logScale, texts).total();
                    side[i][j] = there - h;
                    double below =
                            loss.evaluate(rows(v), rows(t), logScale, texts).total();
                    side[i][j] = there;
                    assertThat(gradient.getDouble(i, j)).isCloseTo((above - below) / (2 * h), within(1e-8));
                }
            }
        }
        double above = loss.evaluate(rows(v), rows(t), logScale + h, texts).total();
        double below = loss.evaluate(rows(v), rows(t), logScale - h, texts).total();
        assertThat(value.dLogitScale()).isCloseTo((above - below) / (2 * h), within(1e-8));
    }

    private static RafLoss withSentences(
            Positives positives, double exponent, double captions, double weight, Sentence.Image image, int groups) {
        return new RafLoss(
                new RafLossConfig(0.25, positives, exponent, captions, new Sentence(weight, image)),
                groups,
                DataType.DOUBLE);
    }

    @Test
    void sentencesAddTheirWeightToTheBranchesAndOfBothImagesTheMean() {
        // Crops e1, e2 and regions e1, e2. A straight term is log(1 + e⁻²), a crossed one log(1 + e²).
        INDArray images = rows(new double[] {1, 0}, new double[] {0, 1}, new double[] {1, 0}, new double[] {0, 1});
        INDArray texts = rows(new double[] {1, 0}, new double[] {0, 1});
        double straight = Math.log(1 + Math.exp(-2));
        double crossed = Math.log(1 + Math.exp(2));
        double branches = 0.75 * straight + 0.25 * 2 * crossed;
        int[] category = {0, 1, -1, -1};
        int[] attribute = {-1, -1, 1, 0};
        int[] ofCrops = {0, 1, -1, -1};
        int[] ofRegions = {-1, -1, 1, 0};
        int[] captions = {1, 0, -1, -1};
        try (RafLoss both = withSentences(Positives.IDENTITY, 0, 0, 0.7, Sentence.Image.BOTH, 1);
                RafLoss crops = withSentences(Positives.IDENTITY, 0, 0, 0.7, Sentence.Image.CROP, 1);
                RafLoss beside = withSentences(Positives.IDENTITY, 0, 0.4, 3, Sentence.Image.REGION, 1)) {
            RafLoss.Value value =
                    both.evaluate(images, texts, Math.log(2), new int[][] {category, attribute, ofCrops, ofRegions});
            assertThat(value.sentence()).isCloseTo((straight + crossed) / 2, within(1e-12));
            assertThat(value.total()).isCloseTo(branches + 0.7 * (straight + crossed) / 2, within(1e-12));

            value = crops.evaluate(images, texts, Math.log(2), new int[][] {category, attribute, ofCrops});
            assertThat(value.sentence()).isCloseTo(straight, within(1e-12));
            assertThat(value.total()).isCloseTo(branches + 0.7 * straight, within(1e-12));

            value = beside.evaluate(images, texts, Math.log(2), new int[][] {category, attribute, ofRegions, captions});
            assertThat(value.sentence()).isCloseTo(crossed, within(1e-12));
            assertThat(value.caption()).isCloseTo(crossed, within(1e-12));
            assertThat(value.total()).isCloseTo(0.6 * (branches + 3 * crossed) + 0.4 * crossed, within(1e-12));
        }
    }

    @Test
    void equalSentencesAreOneTextAndCountAsOftenAsTheExponentSays() {
        Random random = new Random(5);
        double[][] v = unitRows(random, 5, 4);
        double[][] t = unitRows(random, 3, 4);
        int[] none = {-1, -1, -1, -1, -1};
        int[] textOf = {0, 1, 0, 2, 0};
        try (RafLoss literal = withSentences(Positives.IDENTITY, 0, 0, 0.5, Sentence.Image.REGION, 0);
                RafLoss distinct = withSentences(Positives.WEIGHTED, 0, 0, 0.5, Sentence.Image.REGION, 0)) {
            RafLoss.Value value = literal.evaluate(rows(v), rows(t), Math.log(3), new int[][] {none, textOf});
            double expected = overAllEntries(v, t, textOf, 3, Positives.IDENTITY);
            assertThat(value.sentence()).isCloseTo(expected, within(1e-12));
            assertThat(value.total()).isCloseTo(0.5 * expected, within(1e-12));

            // All similarities 0: three candidates from image to text, five images from text to image.
            double[][] one = {{1, 0, 0, 0}, {1, 0, 0, 0}, {1, 0, 0, 0}, {1, 0, 0, 0}, {1, 0, 0, 0}};
            double[][] others = {{0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};
            assertThat(distinct.evaluate(rows(one), rows(others), 0, new int[][] {none, textOf})
                            .sentence())
                    .isCloseTo((Math.log(3) + Math.log(5)) / 2, within(1e-12));
        }
    }

    @Test
    void theGradientOfSentencesIsThatOfCentralDifferences() {
        Random random = new Random(9);
        double[][] v = unitRows(random, 6, 5);
        double[][] t = unitRows(random, 7, 5);
        int[][] texts = {
            {0, 1, 1, -1, -1, -1},
            {-1, -1, -1, 2, 3, 2},
            {4, 5, 4, -1, -1, -1},
            {-1, -1, -1, 4, 5, 4},
            {6, 0, -1, -1, -1, -1}
        };
        try (RafLoss loss = withSentences(Positives.WEIGHTED, 0.35, 0.3, 0.8, Sentence.Image.BOTH, 1)) {
            assertGradientIsThatOfCentralDifferences(loss, v, t, Math.log(7), texts);
        }
    }

    @Test
    void aTableWithoutTheRowsOfTheSentencesIsRefused() {
        INDArray unit = rows(new double[] {1, 0}, new double[] {0, 1});
        try (RafLoss loss = withSentences(Positives.IDENTITY, 0, 0, 0.5, Sentence.Image.BOTH, 1)) {
            assertThatThrownBy(() -> loss.evaluate(unit, unit, 0, new int[][] {{0, 1}, {-1, -1}, {0, 1}}))
                    .hasMessage("expected the texts of the category and of 1 groups and the sentences, got 3 rows");
        }
    }

    /** Figure 3 of Radford et al. 2021: half the cross-entropies of the rows and columns of τ v tᵀ with its diagonal. */
    private static double clip(double[][] v, double[][] t, double scale) {
        int n = v.length;
        double loss = 0;
        for (int i = 0; i < n; i++) {
            double row = 0;
            double column = 0;
            for (int j = 0; j < n; j++) {
                row += Math.exp(scale * dot(v[i], t[j]));
                column += Math.exp(scale * dot(v[j], t[i]));
            }
            loss += Math.log(row) + Math.log(column) - 2 * scale * dot(v[i], t[i]);
        }
        return loss / n / 2;
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
