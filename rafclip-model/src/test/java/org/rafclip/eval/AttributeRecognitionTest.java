package org.rafclip.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.nd4j.evaluation.EvaluationAveraging;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.JavaOps;

class AttributeRecognitionTest {

    static {
        JavaOps.install();
    }

    private static final Offset<Double> EXACT = within(1e-12);

    /** Unit rows from integer directions. */
    static INDArray unit(float[]... rows) {
        float[][] unit = new float[rows.length][];
        for (int i = 0; i < rows.length; i++) {
            double norm = 0;
            for (float v : rows[i]) {
                norm += v * v;
            }
            unit[i] = new float[rows[i].length];
            for (int j = 0; j < rows[i].length; j++) {
                unit[i][j] = (float) (rows[i][j] / Math.sqrt(norm));
            }
        }
        return Nd4j.createFromArray(unit);
    }

    static INDArray random(long seed, int n, int d) {
        Random random = new Random(seed);
        float[][] rows = new float[n][d];
        for (float[] row : rows) {
            for (int i = 0; i < d; i++) {
                row[i] = (float) random.nextGaussian();
            }
        }
        return unit(rows);
    }

    @Test
    void scoresWorkedOutByHand() {
        // answers:            0 right twice, 1 once, 2 three times of its four; 3 is only answered, 4 neither
        int[] labels = {0, 0, 0, 0, -1, 1, 1, 2, 2, 2, 2};
        int[] answers = {0, 0, 1, 3, 4, 1, 0, 2, 2, 2, 3};
        AttributeResult.Group group =
                AttributeRecognition.score("texture", List.of("a", "b", "c", "d", "e"), labels, answers);
        assertThat(group.n()).isEqualTo(10);
        assertThat(group.missing()).isEqualTo(1);
        assertThat(group.accuracy()).isEqualTo(6 / 10.0, EXACT);
        assertThat(group.balancedAccuracy()).isEqualTo((2 / 4.0 + 1 / 2.0 + 3 / 4.0) / 3, EXACT);
        assertThat(group.macroF1()).isEqualTo((4 / 7.0 + 1 / 2.0 + 6 / 7.0 + 0) / 4, EXACT);
        assertThat(group.majorityAccuracy()).isEqualTo(4 / 10.0, EXACT);
        assertThat(group.majorityAttribute()).isEqualTo("a");
        assertThat(group.chance()).isEqualTo(1 / 5.0, EXACT);
        assertThat(group.confusion()).isDeepEqualTo(new int[][] {
            {2, 1, 0, 1, 0}, {1, 1, 0, 0, 0}, {0, 0, 3, 1, 0}, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}
        });
        assertThat(group.perAttribute().get(0))
                .isEqualTo(new AttributeResult.Attribute("a", 4, 3, 2 / 4.0, 2 / 3.0, 4 / 7.0));
        assertThat(group.perAttribute().get(4)).isEqualTo(new AttributeResult.Attribute("e", 0, 0, 0, 0, 0));
    }

    @Test
    void agreesWithScikitLearn() throws IOException {
        try (InputStream in = getClass().getResourceAsStream("attribute-scores.json")) {
            for (JsonNode expected : new ObjectMapper().readTree(in).path("cases")) {
                int k = expected.path("k").intValue();
                List<String> names =
                        IntStream.range(0, k).mapToObj(i -> "a" + i).toList();
                AttributeResult.Group group = AttributeRecognition.score(
                        "g", names, ints(expected.path("labels")), ints(expected.path("answers")));
                assertThat(group.accuracy()).isEqualTo(expected.path("accuracy").doubleValue(), EXACT);
                assertThat(group.balancedAccuracy())
                        .isEqualTo(expected.path("balancedAccuracy").doubleValue(), EXACT);
                assertThat(group.macroF1()).isEqualTo(expected.path("macroF1").doubleValue(), EXACT);
                for (int row = 0; row < k; row++) {
                    assertThat(group.confusion()[row])
                            .isEqualTo(ints(expected.path("confusion").path(row)));
                }
            }
        }
    }

    private static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        Arrays.setAll(values, i -> array.get(i).intValue());
        return values;
    }

    @Test
    void evaluationsOwnMacroF1FlattersConstantAnswers() {
        Evaluation evaluation = new Evaluation(3);
        int[] labels = {0, 0, 0, 1};
        for (int label : labels) {
            evaluation.eval(1, label);
        }
        assertThat(evaluation.f1(EvaluationAveraging.Macro)).isEqualTo(0.4, EXACT);
        AttributeResult.Group group =
                AttributeRecognition.score("g", List.of("a", "b", "c"), labels, new int[] {1, 1, 1, 1});
        assertThat(group.macroF1()).isEqualTo((0 + 2 * 0.25 * 1 / 1.25) / 2, EXACT);
        assertThat(group.balancedAccuracy()).isEqualTo(0.5, EXACT);
    }

    @Test
    void answersWithTheNearestTextAndTakesMeansOverGroups() {
        INDArray images = unit(new float[] {1, 0}, new float[] {0, 1}, new float[] {3, 4}, new float[] {-1, 0});
        AttributeRecognition.Group first = new AttributeRecognition.Group(
                "sleeve", List.of("long", "short"), unit(new float[] {1, 0.1f}, new float[] {0, 1}), new int[] {
                    0, 1, 0, 1
                });
        AttributeRecognition.Group second = new AttributeRecognition.Group(
                "fabric",
                List.of("denim", "knit", "faux"),
                unit(new float[] {-1, 0}, new float[] {0, 1}, new float[] {1, 0}),
                new int[] {2, -1, 1, 0});
        AttributeResult result = AttributeRecognition.evaluate(images, null, List.of(first, second));
        assertThat(AttributeRecognition.predict(images, null, first)).containsExactly(0, 1, 1, 1);
        assertThat(AttributeRecognition.predict(images, null, second)).containsExactly(2, 1, 1, 0);
        assertThat(result.images()).isEqualTo(4);
        assertThat(result.groups().get(0).accuracy()).isEqualTo(0.75, EXACT);
        assertThat(result.groups().get(1).accuracy()).isEqualTo(1.0, EXACT);
        assertThat(result.meanAccuracy()).isEqualTo(0.875, EXACT);
        assertThat(result.meanBalancedAccuracy()).isEqualTo((0.75 + 1) / 2, EXACT);
        assertThat(result.meanMajorityAccuracy()).isEqualTo((0.5 + 1 / 3.0) / 2, EXACT);
        assertThat(result.meanChance()).isEqualTo((0.5 + 1 / 3.0) / 2, EXACT);
    }

    @Test
    void textsMayDependOnTheCategory() {
        int n = 3000;
        int c = 50;
        int k = 7;
        int d = 16;
        INDArray images = random(1, n, d);
        INDArray texts = random(2, c * k, d);
        int[] categories = new Random(3).ints(n, 0, c).toArray();
        int[] none = new int[n];
        List<String> names = List.of("a", "b", "c", "d", "e", "f", "g");
        int[] answers = AttributeRecognition.predict(
                images, categories, new AttributeRecognition.Group("g", names, texts.reshape(c, k, d), none));
        float[][] image = images.toFloatMatrix();
        float[][] text = texts.toFloatMatrix();
        for (int i = 0; i < n; i++) {
            int best = 0;
            double bestScore = -2;
            for (int a = 0; a < k; a++) {
                double score = 0;
                for (int j = 0; j < d; j++) {
                    score += image[i][j] * text[categories[i] * k + a][j];
                }
                if (score > bestScore) {
                    best = a;
                    bestScore = score;
                }
            }
            assertThat(answers[i]).isEqualTo(best);
        }
    }

    @Test
    void viewsAndDoublesGiveTheSameAnswers() {
        INDArray images = random(1, 40, 8);
        INDArray texts = random(2, 3, 8);
        List<String> names = List.of("a", "b", "c");
        int[] expected = AttributeRecognition.predict(
                images, null, new AttributeRecognition.Group("g", names, texts, new int[40]));
        INDArray fortran = images.castTo(DataType.DOUBLE).dup('f');
        INDArray view = texts.transpose().dup('c').transpose();
        assertThat(AttributeRecognition.predict(
                        fortran, null, new AttributeRecognition.Group("g", names, view, new int[40])))
                .isEqualTo(expected);
    }

    @Test
    void refusesWhatDoesNotFit() {
        INDArray images = random(1, 4, 8);
        INDArray texts = random(2, 3, 8);
        List<String> names = List.of("a", "b", "c");
        float[][] broken = texts.toFloatMatrix();
        broken[1][5] = Float.NaN;
        INDArray nan = Nd4j.createFromArray(broken);
        assertRefused(
                () -> new AttributeRecognition.Group("fabric", List.of("a"), texts, new int[4]),
                "group fabric: text embeddings of the shape [3, 8] do not fit 1 attributes");
        assertRefused(() -> evaluate(images.mul(2), texts, 0, 0, 0, 0), "image embeddings: row 0 has the length 2");
        assertRefused(() -> evaluate(images, nan, 0, 0, 0, 0), "row 1 has the length NaN");
        assertRefused(() -> evaluate(random(1, 4, 9), texts, 0, 0, 0, 0), "9 dimensions, the gallery has 8");
        assertRefused(() -> evaluate(images, texts, 0, 0), "group fabric: 2 labels for 4 images");
        assertRefused(() -> evaluate(images, texts, 0, 3, 0, 0), "group fabric: image 1 has the label 3");
        assertRefused(() -> evaluate(images, texts, -1, -1, -1, -1), "none of the 4 images has a label");
        AttributeRecognition.Group byCategory =
                new AttributeRecognition.Group("fabric", names, random(3, 6, 8).reshape(2, 3, 8), new int[4]);
        assertRefused(
                () -> AttributeRecognition.evaluate(images, null, List.of(byCategory)),
                "each of the 4 images needs one; there are 0");
        assertRefused(
                () -> AttributeRecognition.evaluate(images, new int[] {0, 1, 2, 0}, List.of(byCategory)),
                "image 2 has the category 2; there are texts for 2 categories");
    }

    private static void evaluate(INDArray images, INDArray texts, int... labels) {
        AttributeRecognition.evaluate(
                images, null, List.of(new AttributeRecognition.Group("fabric", List.of("a", "b", "c"), texts, labels)));
    }

    private static void assertRefused(ThrowingCallable call, String message) {
        assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class).hasMessageContaining(message);
    }

    @Test
    void anAnswerIsRightIfItIsOneOfSeveralAttributesAndCountedUnderIt() {
        INDArray texts = Nd4j.create(new float[][] {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}});
        INDArray images = Nd4j.create(new float[][] {{0, 1, 0}, {0, 1, 0}, {0, 0, 1}, {1, 0, 0}});
        AttributeRecognition.Group group = new AttributeRecognition.Group(
                "fabric",
                List.of("a", "b", "c"),
                texts,
                new int[] {0, 0, 0, -1},
                List.of(List.of(1), List.of(2), List.of(), List.of()));

        AttributeResult.Group result = AttributeRecognition.evaluate(images, null, List.of(group))
                .groups()
                .get(0);

        // Answers b, b, c: the first photo is a and b, the second a and c, the third a alone.
        assertThat(result.accuracy()).isEqualTo(1.0 / 3);
        assertThat(result.confusion()).isDeepEqualTo(new int[][] {{0, 1, 1}, {0, 1, 0}, {0, 0, 0}});
        assertThat(result.missing()).isEqualTo(1);
    }
}
