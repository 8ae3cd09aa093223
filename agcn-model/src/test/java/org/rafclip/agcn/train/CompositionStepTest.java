package org.rafclip.agcn.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.compose.Composer;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.loss.CompositionLoss;
import org.rafclip.agcn.loss.CompositionLossConfig;
import org.rafclip.agcn.loss.CompositionLossConfig.Duplicates;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.ops.Graph;
import org.rafclip.run.Configs;

class CompositionStepTest {

    private static final int N = 12;
    private static final int WIDTH = 8;

    private static Composer composer(String kind, DataType type) {
        return composer(kind, type, 0);
    }

    private static Composer composer(String kind, DataType type, double dropout) {
        String yaml = ("{kind: %1$s, branches: {blocks: 1, heads: 2, mlp-ratio: 2, dropout: %2$s},"
                        + " gates: {projection: 8, hidden: 8, dropout: %2$s},"
                        + " combiner: {width-factor: 0.01, dropout: %2$s}}")
                .formatted(kind, dropout);
        return new Composer(
                Configs.parse(yaml, "test", List.of(), ComposerConfig.class), WIDTH, Pool.CLASS_TOKEN, type, 3);
    }

    private static CompositionLoss loss(DataType type) {
        return new CompositionLoss(new CompositionLossConfig(10, true, Duplicates.LITERAL), type);
    }

    private static INDArray random(Random random, DataType type, long... shape) {
        long length = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        return Nd4j.create(random.doubles(length, -1, 1).toArray(), shape, DataType.DOUBLE)
                .castTo(type);
    }

    private static Map<String, INDArray> inputs(DataType type) {
        Random random = new Random(5);
        Map<String, INDArray> inputs = new HashMap<>();
        inputs.put(Composer.IMAGE_TOKENS, random(random, type, N, 3, WIDTH));
        inputs.put(Composer.TEXT_TOKENS, random(random, type, N, 4, WIDTH));
        int[] lengths = new int[N];
        Arrays.setAll(lengths, i -> 1 + i % 4);
        inputs.put(Composer.TEXT_LENGTHS, Nd4j.createFromArray(lengths));
        inputs.put(Composer.IMAGE_FEATURES, random(random, type, N, WIDTH));
        inputs.put(Composer.TEXT_FEATURES, random(random, type, N, WIDTH));
        return inputs;
    }

    private static INDArray targets(DataType type) {
        INDArray targets = random(new Random(8), type, N, WIDTH);
        return targets.div(targets.norm2(true, 1));
    }

    private static int[] each() {
        int[] targetOf = new int[N];
        Arrays.setAll(targetOf, i -> i);
        return targetOf;
    }

    private static CompositionStep step(Composer composer, Graph graph, CompositionLoss loss, int microBatch) {
        return new CompositionStep(
                composer, graph, loss, List.copyOf(composer.parameters().keySet()), microBatch);
    }

    @Test
    void chunksGiveTheLossAndGradientOfTheWholeBatch() {
        Composer composer = composer("agcn", DataType.DOUBLE);
        try (Graph graph = new Graph(composer.graph());
                CompositionLoss loss = loss(DataType.DOUBLE)) {
            CompositionStep whole = step(composer, graph, loss, N);
            CompositionStep chunked = step(composer, graph, loss, 5);
            INDArray targets = targets(DataType.DOUBLE);

            CompositionStep.Result expected = whole.run(inputs(DataType.DOUBLE), targets, each(), 1);
            CompositionStep.Result actual = chunked.run(inputs(DataType.DOUBLE), targets, each(), 1);

            assertThat(actual.loss()).isCloseTo(expected.loss(), within(1e-12));
            assertThat(actual.gradients()).containsOnlyKeys(expected.gradients().keySet());
            assertThat(actual.gradients()).containsKey(CompositionLoss.LOGIT_SCALE);
            expected.gradients()
                    .forEach((name, gradient) -> assertThat(actual.gradients()
                                    .get(name)
                                    .sub(gradient)
                                    .amaxNumber()
                                    .doubleValue())
                            .as(name)
                            .isLessThan(1e-12));
        }
    }

    /** The gradients of one step. */
    private static Map<String, INDArray> gradients(Composer composer, int microBatch, int dropoutSeed) {
        Map<String, INDArray> copies = new HashMap<>();
        try (Graph graph = new Graph(composer.graph());
                CompositionLoss loss = loss(DataType.DOUBLE);
                CompositionStep.Result result = step(composer, graph, loss, microBatch)
                        .run(inputs(DataType.DOUBLE), targets(DataType.DOUBLE), each(), dropoutSeed)) {
            result.gradients().forEach((name, gradient) -> copies.put(name, gradient.dup('c')));
        }
        return copies;
    }

    private static double difference(Map<String, INDArray> one, Map<String, INDArray> other) {
        return one.keySet().stream()
                .mapToDouble(
                        name -> one.get(name).sub(other.get(name)).amaxNumber().doubleValue())
                .max()
                .orElseThrow();
    }

    /** A chunk's seed that overflows would be negative, and a negative seed turns dropout off. */
    @ParameterizedTest
    @ValueSource(strings = {"agcn", "clip4cir"})
    void dropoutFollowsTheSeedUpToTheLargest(String kind) {
        Map<String, INDArray> none = gradients(composer(kind, DataType.DOUBLE, 0), 5, 1);
        Map<String, INDArray> one = gradients(composer(kind, DataType.DOUBLE, 0.3), 5, 1);
        Map<String, INDArray> two = gradients(composer(kind, DataType.DOUBLE, 0.3), 5, 2);
        Map<String, INDArray> largest = gradients(composer(kind, DataType.DOUBLE, 0.3), 5, Integer.MAX_VALUE);

        assertThat(difference(one, none)).isGreaterThan(1e-4);
        assertThat(difference(one, two)).isGreaterThan(1e-4);
        assertThat(difference(largest, none)).isGreaterThan(1e-4);
        assertThat(difference(largest, one)).isGreaterThan(1e-4);
        assertThat(difference(largest, gradients(composer(kind, DataType.DOUBLE, 0.3), 5, Integer.MAX_VALUE)))
                .isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"agcn", "add", "only-text", "only-image", "clip4cir"})
    void aFewTripletsAreLearnedByHeart(String kind) {
        Composer composer = composer(kind, DataType.FLOAT);
        try (Graph graph = new Graph(composer.graph());
                CompositionLoss loss = loss(DataType.FLOAT)) {
            CompositionStep step = step(composer, graph, loss, N);
            Map<String, INDArray> inputs = inputs(DataType.FLOAT);
            INDArray targets = targets(DataType.FLOAT);
            double last = 0;
            for (int i = 0; i < 60; i++) {
                CompositionStep.Result result = step.run(inputs, targets, each(), i);
                last = result.loss();
                composer.parameters()
                        .forEach((name, values) ->
                                values.subi(result.gradients().get(name).mul(0.25)));
            }
            // Guessing among 12 costs ln 12 = 2.5.
            assertThat(last).isLessThan(0.5);
        }
    }

    @Test
    void nothingToTrainAndMissingFeaturesAreSaid() {
        Composer sum = composer("sum", DataType.FLOAT);
        Composer agcn = composer("agcn", DataType.FLOAT);
        try (Graph sums = new Graph(sum.graph());
                Graph graph = new Graph(agcn.graph());
                CompositionLoss loss = loss(DataType.FLOAT)) {
            assertThatThrownBy(() -> step(sum, sums, loss, 8)).hasMessageContaining("SUM has nothing to train");
            Map<String, INDArray> inputs = inputs(DataType.FLOAT);
            inputs.remove(Composer.TEXT_TOKENS);
            assertThatThrownBy(() -> step(agcn, graph, loss, 8).run(inputs, targets(DataType.FLOAT), each(), 0))
                    .hasMessage("textTokens is missing where 12 queries have targets");
        }
    }
}
