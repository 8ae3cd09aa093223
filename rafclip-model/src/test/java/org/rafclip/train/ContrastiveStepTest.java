package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;
import org.rafclip.clip.Formula;
import org.rafclip.clip.LoraConfig;
import org.rafclip.loss.RafLoss;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.nn.Scope;
import org.rafclip.ops.GradientCheck;
import org.rafclip.ops.Graph;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.op.InfoNce;
import org.rafclip.run.Configs;
import org.rafclip.text.Encoded;

class ContrastiveStepTest {

    private static final double ALPHA = 0.4;
    private static final int[][] TEXT_OF_IMAGE = {
        {0, 1, 0, 2, -1, -1, -1, -1}, {-1, -1, -1, -1, 3, 3, 4, -1}, {-1, -1, -1, -1, 5, 6, 1, 5}
    };
    private static final int IMAGES = 8;
    private static final int[] TEXT_LENGTHS = {4, 7, 9, 3, 6, 5, 2};

    private static ClipConfig config(int width, double dropout) {
        return new ClipConfig(
                8,
                Activation.GELU,
                1.5,
                ClipConfig.Vision.ofClip(8, 4, width, 2, 2, 2)
                        .withDropout(dropout)
                        .withDropPath(dropout),
                ClipConfig.Text.ofClip(10, 12, width, 1, 2, 2).withDropout(dropout));
    }

    private static Encoded.Padded texts(ClipConfig config) {
        INDArray ids = Formula.texts(config, TEXT_LENGTHS).get(DualEncoder.TOKENS);
        return new Encoded.Padded(
                ids.toIntMatrix(),
                Arrays.stream(TEXT_LENGTHS).map(length -> length - 1).toArray());
    }

    /** One step on new buffers: the loss and, under their names, copies of the gradients. */
    private static Map<String, INDArray> step(
            DualEncoder encoder, List<String> trainable, int microBatch, int dropoutSeed) {
        ClipConfig config = encoder.config();
        Map<String, INDArray> result = new LinkedHashMap<>();
        try (Graph graph = new Graph(encoder.graph());
                RafLoss loss = new RafLoss(new RafLossConfig(ALPHA, Positives.IDENTITY, 0), 2, DataType.FLOAT)) {
            ContrastiveStep step = new ContrastiveStep(encoder, graph, loss, trainable, microBatch);
            // The second run finds used buffers.
            for (int run = 0; run < 2; run++) {
                try (ContrastiveStep.Result done = step.run(
                        Formula.images(config, DataType.FLOAT, IMAGES), texts(config), TEXT_OF_IMAGE, dropoutSeed)) {
                    Map<String, INDArray> copies = new LinkedHashMap<>();
                    copies.put("loss", Nd4j.scalar(done.loss().total()));
                    done.gradients().forEach((name, gradient) -> copies.put(name, gradient.dup('c')));
                    if (run == 1) {
                        assertThat(copies)
                                .as("a repeated step has the same bits")
                                .isEqualTo(result);
                    }
                    result.putAll(copies);
                }
            }
        }
        return result;
    }

    private static List<String> all(DualEncoder encoder) {
        return List.copyOf(encoder.parameters().keySet());
    }

    @ParameterizedTest(name = "in pieces of {0}")
    @CsvSource({"1", "3", "4", "7"})
    void piecesGiveTheGradientOfTheWholeBatch(int microBatch) {
        DualEncoder encoder = new DualEncoder(config(16, 0), DataType.FLOAT, 5);
        Formula.fill(encoder);
        Map<String, INDArray> whole = step(encoder, all(encoder), 100, 1);

        Map<String, INDArray> pieces = step(encoder, all(encoder), microBatch, 1);

        assertThat(whole).containsKeys(encoder.parameters().keySet().toArray(String[]::new));
        assertClose(pieces, whole, 1e-5);
    }

    @ParameterizedTest(name = "frozen: {0}, in pieces of {1}")
    @CsvSource({"visual.*, 100", "visual.*, 3", "*transformer*, 100", "*transformer*, 3", "token*, 3", "logit_scale, 3"
    })
    void frozenParametersHaveNoGradientAndTheOthersTheSame(String pattern, int microBatch) {
        DualEncoder encoder = new DualEncoder(config(16, 0), DataType.FLOAT, 5);
        Formula.fill(encoder);
        List<String> trainable = Configs.parse("{}", "freeze", List.of("freeze=['" + pattern + "']"), TrainConfig.class)
                .trainable(encoder.parameters().keySet());
        Map<String, INDArray> whole = step(encoder, all(encoder), 100, 1);
        whole.keySet().retainAll(withLoss(trainable));

        Map<String, INDArray> some = step(encoder, trainable, microBatch, 1);

        assertThat(trainable).isNotEmpty().hasSizeLessThan(encoder.parameters().size());
        assertThat(some).containsOnlyKeys(whole.keySet());
        assertClose(some, whole, 1e-5);
    }

    private static List<String> withLoss(List<String> names) {
        return Stream.concat(names.stream(), Stream.of("loss")).toList();
    }

    @Test
    void dropoutFollowsTheSeedUpToTheLargestSeed() {
        DualEncoder encoder = new DualEncoder(config(16, 0.3), DataType.FLOAT, 5);
        Formula.fill(encoder);
        Map<String, INDArray> none = step(new DualEncoder(config(16, 0), DataType.FLOAT, 5), all(encoder), 3, 1);

        double one = step(encoder, all(encoder), 3, 1).get("loss").getDouble(0);
        double other = step(encoder, all(encoder), 3, 2).get("loss").getDouble(0);
        Map<String, INDArray> largest = step(encoder, all(encoder), 3, Integer.MAX_VALUE);

        assertThat(one).isNotEqualTo(other);
        assertThat(largest.get("loss").getDouble(0))
                .isNotEqualTo(none.get("loss").getDouble(0))
                .isFinite();
    }

    @Test
    void equalsCalculateGradientsOfEncoderAndLossAsOneGraph() {
        DualEncoder encoder = new DualEncoder(config(16, 0), DataType.FLOAT, 5);
        Formula.fill(encoder);
        Map<String, INDArray> actual = step(encoder, all(encoder), 100, 1);
        DualEncoder joined = new DualEncoder(config(16, 0), DataType.FLOAT, 5);
        Formula.fill(joined);
        Map<String, INDArray> inputs = joinLoss(joined);

        Map<String, INDArray> expected = new HashMap<>(
                joined.graph().calculateGradients(inputs, joined.parameters().keySet()));
        expected.put("loss", joined.graph().outputSingle(inputs, "joinedLoss"));

        assertClose(actual, expected, 1e-5);
    }

    @Test
    void captionsAreATermOfTheSameGraph() {
        int[][] textOf = Arrays.copyOf(TEXT_OF_IMAGE, 4);
        textOf[3] = new int[] {6, -1, 5, 5, -1, -1, -1, -1};
        double share = 0.3;
        DualEncoder encoder = new DualEncoder(config(16, 0), DataType.FLOAT, 5);
        Formula.fill(encoder);
        Map<String, INDArray> actual = new LinkedHashMap<>();
        try (Graph graph = new Graph(encoder.graph());
                RafLoss loss = new RafLoss(new RafLossConfig(ALPHA, Positives.IDENTITY, 0, share), 2, DataType.FLOAT);
                ContrastiveStep.Result done = new ContrastiveStep(encoder, graph, loss, all(encoder), 3)
                        .run(
                                Formula.images(encoder.config(), DataType.FLOAT, IMAGES),
                                texts(encoder.config()),
                                textOf,
                                1)) {
            actual.put("loss", Nd4j.scalar(done.loss().total()));
            done.gradients().forEach((name, gradient) -> actual.put(name, gradient.dup('c')));
        }
        DualEncoder joined = new DualEncoder(config(16, 0), DataType.FLOAT, 5);
        Formula.fill(joined);
        Map<String, INDArray> inputs = joinLoss(joined);
        SameDiff sd = joined.graph();
        InfoNce captions = new InfoNce(
                sd,
                sd.getVariable(DualEncoder.IMAGE_EMBEDDING),
                sd.getVariable(DualEncoder.TEXT_EMBEDDING),
                sd.getVariable(DualEncoder.LOGIT_SCALE),
                sd.constant("captionOfImage", Nd4j.createFromArray(textOf)),
                3,
                1);
        SDVariable ofCaptions = captions.imageToText()
                .add(captions.textToImage())
                .mul(sd.constant(Nd4j.scalar(DataType.FLOAT, share / 2)));
        sd.getVariable("joinedLoss")
                .mul(sd.constant(Nd4j.scalar(DataType.FLOAT, 1 - share)))
                .add("withCaptions", ofCaptions);
        sd.setLossVariables("withCaptions");

        Map<String, INDArray> expected =
                new HashMap<>(sd.calculateGradients(inputs, joined.parameters().keySet()));
        expected.put("loss", sd.outputSingle(inputs, "withCaptions"));

        assertClose(actual, expected, 1e-5);
    }

    @Test
    void gradientsOfTheWholeModelEqualCentralDifferences() {
        DualEncoder encoder = new DualEncoder(config(4, 0.2), DataType.DOUBLE, 5);
        Formula.fill(encoder);
        Map<String, INDArray> inputs = joinLoss(encoder);

        Map<String, Double> worst = GradientCheck.worstErrors(encoder.graph(), inputs, "joinedLoss", all(encoder));

        assertThat(worst).hasSameSizeAs(encoder.parameters());
        assertThat(worst).allSatisfy((name, error) -> assertThat(error).isLessThan(1e-5));
    }

    private static DualEncoder adapted(DataType type, int width, double dropout) {
        LoraConfig lora = new LoraConfig(3, 4.0, List.of(LoraConfig.Target.values()), dropout);
        DualEncoder encoder = new DualEncoder(config(width, dropout), type, 5, lora.adapters(6, weight -> true));
        Formula.fill(encoder);
        return encoder;
    }

    private static void fillFactors(DualEncoder encoder) {
        encoder.adapters()
                .forEach((name, array) -> array.assign(Formula.array(array.dataType(), name, 0, 0.4, array.shape())));
    }

    private static List<String> factors(DualEncoder encoder) {
        return List.copyOf(encoder.adapters().keySet());
    }

    @Test
    void gradientsOfAdaptersEqualCentralDifferences() {
        DualEncoder encoder = adapted(DataType.DOUBLE, 4, 0.2);
        fillFactors(encoder);
        Map<String, INDArray> inputs = joinLoss(encoder);

        Map<String, Double> worst = GradientCheck.worstErrors(encoder.graph(), inputs, "joinedLoss", factors(encoder));

        assertThat(worst).hasSize(3 * 6 * 2);
        assertThat(worst).allSatisfy((name, error) -> assertThat(error).isLessThan(1e-5));
    }

    @Test
    void adaptersThatAreZeroChangeNoBitAndPiecesOfABatchGiveTheSameGradient() {
        DualEncoder plain = new DualEncoder(config(16, 0), DataType.FLOAT, 5);
        Formula.fill(plain);
        DualEncoder encoder = adapted(DataType.FLOAT, 16, 0);

        assertThat(step(encoder, factors(encoder), 100, 1).get("loss"))
                .isEqualTo(step(plain, all(plain), 100, 1).get("loss"));

        fillFactors(encoder);
        assertClose(step(encoder, factors(encoder), 3, 1), step(encoder, factors(encoder), 100, 1), 1e-5);
    }

    /** Adds Eq. 1 to 5 behind the encoder, composed anew from the two directions of InfoNCE; returns all inputs. */
    private static Map<String, INDArray> joinLoss(DualEncoder encoder) {
        SameDiff sd = encoder.graph();
        DataType type = encoder.parameters().get(DualEncoder.LOGIT_SCALE).dataType();
        SDVariable textOfImage = sd.constant("textOfImage", Nd4j.createFromArray(TEXT_OF_IMAGE));
        SDVariable[] terms = new SDVariable[3];
        for (int term = 0; term < terms.length; term++) {
            InfoNce infoNce = new InfoNce(
                    sd,
                    sd.getVariable(DualEncoder.IMAGE_EMBEDDING),
                    sd.getVariable(DualEncoder.TEXT_EMBEDDING),
                    sd.getVariable(DualEncoder.LOGIT_SCALE),
                    textOfImage,
                    term,
                    1);
            terms[term] = infoNce.imageToText().add(infoNce.textToImage());
        }
        SDVariable category = terms[0].mul(sd.constant(Nd4j.scalar(type, (1 - ALPHA) / 2)));
        SDVariable attributes = terms[1].add(terms[2]).mul(sd.constant(Nd4j.scalar(type, ALPHA / 2)));
        category.add("joinedLoss", attributes);
        sd.setLossVariables("joinedLoss");
        Map<String, INDArray> inputs = new HashMap<>(Formula.texts(encoder.config(), TEXT_LENGTHS));
        inputs.put(DualEncoder.IMAGES, Formula.images(encoder.config(), type, IMAGES));
        if (sd.hasVariable(Scope.DROPOUT_SEED)) {
            inputs.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, 1));
        }
        return inputs;
    }

    private static void assertClose(Map<String, INDArray> actual, Map<String, INDArray> expected, double tolerance) {
        assertThat(actual).hasSameSizeAs(expected);
        expected.forEach((name, value) -> {
            double largest = value.amaxNumber().doubleValue();
            assertThat(largest).as(name).isPositive();
            double difference = actual.get(name)
                    .castTo(DataType.DOUBLE)
                    .sub(value.castTo(DataType.DOUBLE))
                    .amaxNumber()
                    .doubleValue();
            assertThat(difference / largest).as(name).isCloseTo(0, within(tolerance));
        });
    }
}
