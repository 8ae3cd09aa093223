package org.rafclip.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
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
        Map<String, INDArray> exact = both(DataType.DOUBLE, batch, size, channels, filters, images);
        Map<String, INDArray> fast = both(DataType.FLOAT, batch, size, channels, filters, images);
        assertThat(fast.keySet()).isEqualTo(exact.keySet());
        exact.forEach((name, expected) -> {
            double largest = expected.amaxNumber().doubleValue();
            double off = fast.get(name)
                    .castTo(DataType.DOUBLE)
                    .sub(expected)
                    .amaxNumber()
                    .doubleValue();
            assertThat(off / largest).as(name).isCloseTo(0, within(2e-5));
        });
    }

    private static Map<String, INDArray> both(
            DataType type, int batch, int size, int channels, int filters, boolean images) {
        Nd4j.getRandom().setSeed(11);
        SameDiff sd = SameDiff.create();
        long[] shape =
                images ? new long[] {batch, channels, size, size} : new long[] {batch, (long) size * size, channels};
        INDArray pixels = Nd4j.randn(DataType.DOUBLE, shape).castTo(type);
        INDArray weights = Nd4j.randn(DataType.DOUBLE, filters, 9L * channels).castTo(type);
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
        inputs.put("d", Nd4j.randn(DataType.DOUBLE, result).castTo(type));
        if (images) {
            inputs.put("x", pixels);
        }
        List<String> parameters = images ? List.of("w", "b") : List.of("x", "w", "b");
        Map<String, INDArray> found = new TreeMap<>();
        try (Graph graph = new Graph(sd);
                Graph.Outputs outputs = graph.gradients(inputs, parameters, List.of("y"))) {
            outputs.asMap().forEach((name, array) -> found.put(name, array.dup()));
        }
        return found;
    }
}
