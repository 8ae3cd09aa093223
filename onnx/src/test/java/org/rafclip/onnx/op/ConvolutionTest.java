package org.rafclip.onnx.op;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.GradientCheck;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;

class ConvolutionTest {

    private static final int BATCH = 2;

    @BeforeAll
    static void operations() {
        JavaOps.install();
    }

    private static INDArray drawn(long seed, long... shape) {
        long count = 1;
        for (long size : shape) {
            count *= size;
        }
        return Nd4j.createFromArray(
                        new SplittableRandom(seed).doubles(count, -1, 1).toArray())
                .reshape(shape);
    }

    /** @param bias null for none */
    private static SDVariable convolved(
            SameDiff graph, int groups, int stride, int pad, int gap, INDArray x, INDArray weight, INDArray bias) {
        return new Convolution(
                        graph,
                        false,
                        new Convolution.ConvolutionAttributes(
                                "NOTSET",
                                groups,
                                new long[] {stride, stride},
                                new long[] {gap, gap},
                                new long[] {pad, pad, pad, pad},
                                null,
                                null),
                        graph.var("x", x),
                        graph.var("w", weight),
                        bias == null ? null : graph.var("b", bias))
                .output();
    }

    /** Against the definition: groups of one channel and of several, windows wider than the map, steps and gaps. */
    @ParameterizedTest
    @CsvSource({
        "4, 4, 1, 3, 1, 1, 1, 5, 6", "4, 4, 4, 3, 1, 1, 1, 5, 6", "3, 6, 3, 3, 2, 1, 1, 5, 6",
                "4, 6, 2, 3, 2, 0, 1, 7, 5",
        "2, 2, 2, 5, 1, 2, 1, 1, 1", "2, 3, 1, 5, 1, 2, 1, 1, 2", "2, 2, 2, 3, 1, 2, 2, 4, 3",
                "2, 4, 1, 3, 1, 2, 2, 4, 3",
        "3, 3, 3, 5, 3, 2, 1, 6, 4", "3, 2, 1, 1, 1, 0, 1, 4, 4", "3, 3, 3, 1, 2, 0, 1, 4, 5"
    })
    void weighsWindows(
            int channels, int maps, int groups, int kernel, int stride, int pad, int gap, int height, int width) {
        INDArray x = drawn(1, BATCH, channels, height, width);
        INDArray weight = drawn(2, maps, channels / groups, kernel, kernel);
        INDArray bias = drawn(3, maps);
        SameDiff graph = SameDiff.create();
        SDVariable out = convolved(graph, groups, stride, pad, gap, x, weight, bias);
        out.mul(out).sum().rename("loss");

        int rows = (height + 2 * pad - (kernel - 1) * gap - 1) / stride + 1;
        int columns = (width + 2 * pad - (kernel - 1) * gap - 1) / stride + 1;
        try (Graph runner = new Graph(graph);
                Graph.Outputs outputs = runner.run(Map.of(), out.name())) {
            INDArray y = outputs.get(out.name());
            assertThat(y.shape()).containsExactly(BATCH, maps, rows, columns);
            for (int sample = 0; sample < BATCH; sample++) {
                for (int map = 0; map < maps; map++) {
                    for (int row = 0; row < rows; row++) {
                        for (int column = 0; column < columns; column++) {
                            double sum = bias.getDouble(map);
                            for (int c = 0; c < channels / groups; c++) {
                                for (int i = 0; i < kernel; i++) {
                                    for (int j = 0; j < kernel; j++) {
                                        int h = row * stride - pad + i * gap;
                                        int w = column * stride - pad + j * gap;
                                        int channel = map / (maps / groups) * (channels / groups) + c;
                                        if (h >= 0 && h < height && w >= 0 && w < width) {
                                            sum += x.getDouble(sample, channel, h, w) * weight.getDouble(map, c, i, j);
                                        }
                                    }
                                }
                            }
                            assertThat(y.getDouble(sample, map, row, column)).isCloseTo(sum, Offset.offset(1e-12));
                        }
                    }
                }
            }
        }
        assertThat(GradientCheck.worstErrors(graph, Map.of(), "loss", List.of("x", "w", "b")))
                .allSatisfy((name, error) -> assertThat(error).as(name).isCloseTo(0, Offset.offset(1e-6)));
    }

    /** Large maps in single precision, which are computed strip by strip in another order, against double precision. */
    @ParameterizedTest
    @CsvSource({
        "16, 32, 1, 3, 1, 1, 1, 64, 70, true", "16, 32, 1, 3, 2, 1, 1, 65, 90, false",
        "32, 32, 32, 3, 1, 1, 1, 64, 71, true", "48, 48, 48, 3, 2, 1, 1, 70, 131, true",
        "8, 24, 2, 5, 1, 2, 1, 33, 40, true", "3, 40, 1, 7, 4, 3, 1, 120, 99, true",
        "12, 20, 1, 3, 1, 2, 2, 40, 51, false", "24, 40, 1, 1, 2, 0, 1, 90, 95, true",
        "16, 32, 1, 3, 3, 0, 1, 50, 200, true", "64, 64, 1, 5, 1, 2, 1, 3, 50, true"
    })
    void largeMapsInStrips(
            int channels,
            int maps,
            int groups,
            int kernel,
            int stride,
            int pad,
            int gap,
            int height,
            int width,
            boolean biased) {
        List<INDArray> results = new ArrayList<>();
        for (DataType type : new DataType[] {DataType.FLOAT, DataType.DOUBLE}) {
            SameDiff graph = SameDiff.create();
            SDVariable out = convolved(
                    graph,
                    groups,
                    stride,
                    pad,
                    gap,
                    drawn(1, BATCH, channels, height, width).castTo(type),
                    drawn(2, maps, channels / groups, kernel, kernel).castTo(type),
                    biased ? drawn(3, maps).castTo(type) : null);
            try (Graph runner = new Graph(graph);
                    Graph.Outputs outputs = runner.run(Map.of(), out.name())) {
                results.add(outputs.get(out.name()).dup().castTo(DataType.DOUBLE));
            }
        }
        assertThat(results.get(0).shape()).isEqualTo(results.get(1).shape());
        assertThat(results.get(0).sub(results.get(1)).amaxNumber().doubleValue())
                .isLessThan(1e-5 * Math.max(1, results.get(1).amaxNumber().doubleValue()));
    }
}
