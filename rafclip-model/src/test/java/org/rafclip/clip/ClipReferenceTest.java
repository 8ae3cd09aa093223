package org.rafclip.clip;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.io.Safetensors;
import org.rafclip.loss.RafLoss;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.run.Configs;
import org.rafclip.weights.FeatureCheck;

/** The dual encoder and its gradients against PyTorch: golden files of {@code src/test/python/clip_reference.py}. */
class ClipReferenceTest {

    static {
        JavaOps.install();
    }

    private static final String GRADIENT = "gradient.";
    private static final List<String> OUTPUTS = List.of(
            DualEncoder.IMAGE_TOKENS,
            DualEncoder.IMAGE_FEATURES,
            DualEncoder.IMAGE_EMBEDDING,
            DualEncoder.TEXT_TOKENS,
            DualEncoder.TEXT_FEATURES,
            DualEncoder.TEXT_EMBEDDING);
    private static final int[][] TEXT_OF_IMAGE = {{0, 1, 0, -1, -1, -1}, {-1, -1, -1, 2, 2, 3}, {-1, -1, -1, 4, -1, 1}};
    private static final int[] TEXT_LENGTHS = {4, 7, 9, 3, 6};
    private static final double ALPHA = 0.4;

    /** In both precisions; one more file, such as the whole ViT-B/32, can be named by {@code -Dclip.reference=FILE}. */
    static Stream<Arguments> goldens() throws URISyntaxException {
        List<Arguments> cases = new ArrayList<>();
        String further = System.getProperty("clip.reference");
        if (further != null) {
            Path file = Path.of(further);
            cases.add(Arguments.of(Named.of(file.toString(), file), DataType.FLOAT, 1e-5));
        }
        for (String name : List.of(
                "small-gelu", "small-quick-gelu", "stem-mean-pool", "b32-widths-gelu", "b32-widths-quick-gelu")) {
            Path file = golden(name);
            cases.add(Arguments.of(Named.of(name, file), DataType.FLOAT, 1e-5));
            cases.add(Arguments.of(Named.of(name, file), DataType.DOUBLE, 1e-11));
        }
        return cases.stream();
    }

    private static Path golden(String name) throws URISyntaxException {
        return Path.of(
                ClipReferenceTest.class.getResource(name + ".safetensors").toURI());
    }

    @ParameterizedTest(name = "{0} in {1}")
    @MethodSource("goldens")
    void outputsAndGradientsAreThoseOfPyTorch(Path golden, DataType type, double tolerance) throws Exception {
        compare(golden, 0, TEXT_OF_IMAGE, OUTPUTS, type, tolerance);
    }

    /** Of plain CLIP, where crops alone have texts, one of them none and two the same, and of captions beside labels. */
    @ParameterizedTest
    @CsvSource({"FLOAT, 1e-5", "DOUBLE, 1e-11"})
    void lossAndGradientsWithCaptionsAreThoseOfPyTorch(DataType type, double tolerance) throws Exception {
        int[] none = {-1, -1, -1, -1, -1, -1};
        int[][] alone = {none, none, none, {3, 0, 1, -1, 3, 4}};
        int[][] beside = Arrays.copyOf(TEXT_OF_IMAGE, 4);
        beside[3] = new int[] {2, -1, 3, -1, -1, -1};

        compare(golden("captions-alone"), 1, alone, List.of(), type, tolerance);
        compare(golden("captions-beside-labels"), 0.3, beside, List.of(), type, tolerance);
    }

    /**
     * @param captions their share in the loss
     * @param outputs to compare
     */
    private static void compare(
            Path golden, double captions, int[][] textOfImage, List<String> outputs, DataType type, double tolerance)
            throws Exception {
        ClipConfig config = config(golden);
        Map<String, INDArray> expected = Safetensors.readAll(golden);
        DualEncoder encoder = new DualEncoder(config, type, 7);
        Formula.fill(encoder);
        Map<String, INDArray> inputs = new LinkedHashMap<>(Formula.texts(config, TEXT_LENGTHS));
        inputs.put(DualEncoder.IMAGES, Formula.images(config, type, textOfImage[0].length));
        List<String> parameters = expected.keySet().stream()
                .filter(name -> name.startsWith(GRADIENT))
                .map(name -> name.substring(GRADIENT.length()))
                .filter(name -> !name.equals(DualEncoder.LOGIT_SCALE))
                .toList();
        RafLoss.Value[] value = new RafLoss.Value[1];

        try (RafLoss loss = new RafLoss(new RafLossConfig(ALPHA, Positives.IDENTITY, 0, captions), 2, type);
                Graph graph = new Graph(encoder.graph());
                Graph.Outputs actual = graph.gradients(inputs, parameters, OUTPUTS, known -> {
                    value[0] = loss.evaluate(
                            known.get(DualEncoder.IMAGE_EMBEDDING),
                            known.get(DualEncoder.TEXT_EMBEDDING),
                            1.5,
                            textOfImage);
                    return Map.of(
                            DualEncoder.IMAGE_GRADIENT, value[0].dImages(),
                            DualEncoder.TEXT_GRADIENT, value[0].dTexts());
                })) {
            Map<String, Double> errors = new LinkedHashMap<>();
            UnaryOperator<INDArray> own = all -> FeatureCheck.ownTokens(all, inputs.get(DualEncoder.TOKEN_ENDS));
            outputs.forEach(name -> errors.put(
                    name,
                    name.equals(DualEncoder.TEXT_TOKENS)
                            ? relativeError(own.apply(actual.get(name)), own.apply(expected.get(name)))
                            : relativeError(actual.get(name), expected.get(name))));
            parameters.forEach(
                    name -> errors.put(name, relativeError(actual.get(name), expected.get(GRADIENT + name))));
            errors.put("loss", relativeError(value[0].total(), expected.get("loss")));
            errors.put("logit_scale", relativeError(value[0].dLogitScale(), expected.get(GRADIENT + "logit_scale")));

            assertThat(parameters).isNotEmpty();
            assertThat(errors).allSatisfy((name, error) -> assertThat(error).isLessThan(tolerance));
        }
    }

    private static ClipConfig config(Path golden) throws Exception {
        try (Safetensors file = Safetensors.open(golden)) {
            return Configs.parse(file.metadata().get("config"), golden.toString(), List.of(), ClipConfig.class);
        }
    }

    private static double relativeError(double actual, INDArray expected) {
        return Math.abs(actual / expected.getDouble(0) - 1);
    }

    /** The largest difference as a share of the largest value. */
    private static double relativeError(INDArray actual, INDArray expected) {
        assertThat(actual.length()).isEqualTo(expected.length());
        INDArray flat = actual.castTo(DataType.DOUBLE).dup('c').reshape(expected.shape());
        return flat.sub(expected).amaxNumber().doubleValue()
                / expected.amaxNumber().doubleValue();
    }
}
