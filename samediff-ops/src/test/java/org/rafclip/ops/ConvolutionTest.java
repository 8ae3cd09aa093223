package org.rafclip.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.ops.transforms.Transforms;
import org.rafclip.ops.op.Convolution;
import org.rafclip.ops.op.WeightedSum;

/** Convolutions by oneDNN beside those by patches in double precision, whose gradients are checked by differences. */
class ConvolutionTest {

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    @ParameterizedTest(name = "{0} images of {1}x{1}, {2} channels, {3} filters, first layer: {4}")
    @CsvSource({
        "1, 7, 3, 5, true",
        "70, 16, 3, 24, true",
        "33, 12, 24, 48, false",
        "130, 8, 16, 7, false",
        "2, 9, 5, 3, false"
    })
    void valuesAndGradientsAreThoseOfPatches(int batch, int size, int channels, int filters, boolean images) {
        Sizes sizes = new Sizes(batch, size, channels, filters, images);
        Map<String, INDArray> exact = computed(DataType.DOUBLE, Precision.FP32, sizes, UnaryOperator.identity());
        Map<String, INDArray> fast = computed(DataType.FLOAT, Precision.FP32, sizes, UnaryOperator.identity());
        assertThat(fast.keySet()).isEqualTo(exact.keySet());
        errors(fast, exact).forEach((name, error) -> assertThat(error).as(name).isCloseTo(0, within(2e-5)));
    }

    /** Sixteenths up to 8 are bfloat16 numbers: of them products are exact, and sums are single precision's. */
    @ParameterizedTest
    @CsvSource({"70, 16, 3, 24, true", "33, 12, 24, 48, false", "2, 9, 5, 3, false"})
    void inBfloat16FactorsAreRoundedAndNothingElse(int batch, int size, int channels, int filters, boolean images) {
        assumeTrue(Precision.BF16.available(), "no bfloat16 here");
        Sizes sizes = new Sizes(batch, size, channels, filters, images);
        UnaryOperator<INDArray> sixteenths = x -> Transforms.round(x.mul(16)).div(16);
        Map<String, INDArray> exact = computed(DataType.DOUBLE, Precision.FP32, sizes, sixteenths);
        errors(computed(DataType.FLOAT, Precision.BF16, sizes, sixteenths), exact)
                .forEach((name, error) -> assertThat(error).as(name).isCloseTo(0, within(2e-5)));
        Map<String, INDArray> others = computed(DataType.DOUBLE, Precision.FP32, sizes, UnaryOperator.identity());
        Map<String, INDArray> rounded = computed(DataType.FLOAT, Precision.BF16, sizes, UnaryOperator.identity());
        errors(rounded, others).forEach((name, error) -> {
            assertThat(error).as(name).isCloseTo(0, within(1e-2));
            if (!name.equals("loss") && !name.equals("b")) {
                assertThat(error).as(name).isGreaterThan(1e-4);
            }
        });
    }

    @ParameterizedTest(name = "{0}x{0}, {1} channels, {2} filters")
    @CsvSource({"16, 3, 24", "28, 3, 32", "16, 24, 48", "14, 64, 64"})
    void anImagesBitsDoNotDependOnTheImagesBesideIt(int size, int channels, int filters) {
        assumeTrue(Blas.library() == Blas.Library.ONEDNN, "only oneDNN does so");
        Nd4j.getRandom().setSeed(12);
        INDArray all = Nd4j.randn(DataType.FLOAT, 40, (long) size * size, channels);
        INDArray weights = Nd4j.randn(DataType.FLOAT, filters, 9L * channels);
        INDArray biases = Nd4j.randn(DataType.FLOAT, filters);
        for (Precision precision : Precision.values()) {
            if (precision.available()) {
                float[] among = firstMap(precision, all, size, weights, biases);
                for (int batch : new int[] {1, 2, 3, 17}) {
                    INDArray some = all.get(NDArrayIndex.interval(0, batch), NDArrayIndex.all(), NDArrayIndex.all())
                            .dup('c');
                    assertThat(firstMap(precision, some, size, weights, biases))
                            .as("%d images in %s", batch, precision)
                            .isEqualTo(among);
                }
            }
        }
    }

    private static float[] firstMap(Precision precision, INDArray x, int size, INDArray weights, INDArray biases) {
        SameDiff sd = SameDiff.create();
        SDVariable pixels = sd.placeHolder("x", DataType.FLOAT, x.shape());
        Convolution.ofTokens(sd, pixels, size, size, sd.var("w", weights), sd.var("b", biases), 3, 2, 1)
                .output()
                .rename("y");
        try (Graph graph = new Graph(sd)) {
            graph.computeIn(precision);
            try (Graph.Outputs outputs = graph.run(Map.of("x", x), List.of("y"))) {
                return outputs.get("y").slice(0).dup().ravel().toFloatVector();
            }
        }
    }

    private record Sizes(int batch, int size, int channels, int filters, boolean images) {}

    /** The largest error of each array beside its largest element. */
    private static Map<String, Double> errors(Map<String, INDArray> found, Map<String, INDArray> expected) {
        Map<String, Double> errors = new TreeMap<>();
        expected.forEach((name, array) -> {
            INDArray off = found.get(name).castTo(DataType.DOUBLE).sub(array);
            errors.put(name, off.amaxNumber().doubleValue() / array.amaxNumber().doubleValue());
        });
        return errors;
    }

    private static Map<String, INDArray> computed(
            DataType type, Precision precision, Sizes sizes, UnaryOperator<INDArray> change) {
        int batch = sizes.batch;
        int size = sizes.size;
        int channels = sizes.channels;
        int filters = sizes.filters;
        boolean images = sizes.images;
        Nd4j.getRandom().setSeed(11);
        SameDiff sd = SameDiff.create();
        long[] shape =
                images ? new long[] {batch, channels, size, size} : new long[] {batch, (long) size * size, channels};
        INDArray pixels = change.apply(Nd4j.randn(DataType.DOUBLE, shape)).castTo(type);
        INDArray weights = change.apply(Nd4j.randn(DataType.DOUBLE, filters, 9L * channels))
                .castTo(type);
        INDArray biases = Nd4j.randn(DataType.DOUBLE, filters).castTo(type);
        SDVariable x = images ? sd.placeHolder("x", type, shape) : sd.var("x", pixels);
        SDVariable w = sd.var("w", weights);
        SDVariable b = sd.var("b", biases);
        SDVariable y = (images
                        ? Convolution.ofImages(sd, x, w, b, 3, 2, 1)
                        : Convolution.ofTokens(sd, x, size, size, w, b, 3, 2, 1))
                .output()
                .rename("y");
        int side = (size + 1) / 2;
        long[] result = {batch, (long) side * side, filters};
        new WeightedSum(sd, y, sd.placeHolder("d", type, result)).output().rename("loss");
        sd.setLossVariables("loss");
        Map<String, INDArray> inputs = new TreeMap<>();
        inputs.put("d", change.apply(Nd4j.randn(DataType.DOUBLE, result)).castTo(type));
        if (images) {
            inputs.put("x", pixels);
        }
        List<String> parameters = images ? List.of("w", "b") : List.of("x", "w", "b");
        Map<String, INDArray> found = new TreeMap<>();
        try (Graph graph = new Graph(sd)) {
            graph.computeIn(precision);
            try (Graph.Outputs outputs = graph.gradients(inputs, parameters, List.of("y"))) {
                outputs.asMap().forEach((name, array) -> found.put(name, array.dup()));
            }
        }
        return found;
    }
}
