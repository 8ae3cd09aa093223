package org.rafclip.ops.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Arrays;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.onednn.OneDnn;

/** oneDNN's kernels beside the plain ones, and that an element's bits do not depend on its place. */
class OneDnnKernelsTest extends KernelsContract {

    /** Where it is; a gradient may be one there or not, since what it is the gradient of has told already. */
    private static final int NOT_A_NUMBER = 7;

    OneDnnKernelsTest() {
        super(Kernels.of(DataType.FLOAT));
    }

    @BeforeAll
    static void needsOneDnn() {
        assumeTrue(OneDnn.available(), "oneDNN is on Linux on x86-64 only");
    }

    @ParameterizedTest
    @EnumSource(names = "RELU", mode = EnumSource.Mode.EXCLUDE)
    void bitsOfAnActivationDoNotDependOnItsPlace(Activation f) {
        Nd4j.getRandom().setSeed(9);
        int length = 40_000;
        INDArray x = Nd4j.randn(DataType.FLOAT, length);
        INDArray dy = Nd4j.randn(DataType.FLOAT, length);
        float[][] whole = both(f, x, dy, new int[] {0, length});
        for (int[] cuts : new int[][] {{0, 1, 2, 17, 100, 20_001, length}, {0, 16_384, 32_001, length}}) {
            float[][] parts = both(f, x, dy, cuts);
            assertThat(parts[0]).as("%s cut at %s", f, Arrays.toString(cuts)).isEqualTo(whole[0]);
            assertThat(parts[1]).as("%s' cut at %s", f, Arrays.toString(cuts)).isEqualTo(whole[1]);
        }
    }

    /** A bfloat16 has 8 significant bits: half of the last is 2⁻⁸ of a number at most, and a tie is a tie on both sides. */
    @ParameterizedTest
    @EnumSource(names = "RELU", mode = EnumSource.Mode.EXCLUDE)
    void activationsOfBfloat16AreThoseOfTheNumbersItHolds(Activation f) {
        Nd4j.getRandom().setSeed(9);
        int length = 20_001;
        INDArray x = Nd4j.randn(DataType.FLOAT, length).muli(3).castTo(DataType.BFLOAT16);
        INDArray dy = Nd4j.randn(DataType.FLOAT, length).castTo(DataType.BFLOAT16);
        x.putScalar(NOT_A_NUMBER, Double.NaN);
        Kernels plain = new PlainKernels();
        INDArray[] exact = {Nd4j.zeros(DataType.DOUBLE, length), Nd4j.zeros(DataType.DOUBLE, length)};
        INDArray wideX = x.castTo(DataType.DOUBLE);
        plain.activation(f, Memory.of(wideX), Memory.of(exact[0]), 0, length);
        plain.activationBackward(
                f, Memory.of(wideX), Memory.of(dy.castTo(DataType.DOUBLE)), Memory.of(exact[1]), 0, length);
        for (int types = 0; types < 8; types++) {
            INDArray given = (types & 1) == 0 ? x : x.castTo(DataType.FLOAT);
            INDArray gradient = (types & 2) == 0 ? dy : dy.castTo(DataType.FLOAT);
            DataType result = (types & 4) == 0 ? DataType.BFLOAT16 : DataType.FLOAT;
            INDArray y = Nd4j.zeros(result, length);
            INDArray dx = Nd4j.zeros(result, length);
            Kernels kernels = Kernels.of(result);
            kernels.activation(f, Memory.of(given), Memory.of(y), 0, length);
            kernels.activationBackward(f, Memory.of(given), Memory.of(gradient), Memory.of(dx), 0, length);
            for (int i = 0; i < length; i++) {
                assertThat(y.getDouble(i)).isCloseTo(exact[0].getDouble(i), within(off(exact[0].getDouble(i))));
                if (i != NOT_A_NUMBER) {
                    assertThat(dx.getDouble(i)).isCloseTo(exact[1].getDouble(i), within(off(exact[1].getDouble(i))));
                }
            }
        }
    }

    private static double off(double value) {
        return Double.isNaN(value) ? 0 : Math.abs(value) / 256 + 1e-5;
    }

    @Test
    void layerNormsOfBfloat16AreThoseOfSinglePrecision() {
        int rows = 300;
        int width = 96;
        Nd4j.getRandom().setSeed(9);
        INDArray x = Nd4j.randn(DataType.FLOAT, rows, width);
        INDArray gain = Nd4j.randn(DataType.FLOAT, width);
        INDArray bias = Nd4j.randn(DataType.FLOAT, width);
        INDArray dy = Nd4j.randn(DataType.FLOAT, rows, width).castTo(DataType.BFLOAT16);
        INDArray[] y = new INDArray[2];
        INDArray[] dx = new INDArray[2];
        double[][] sums = new double[4][width];
        Kernels kernels = Kernels.of(DataType.FLOAT);
        for (int i = 0; i < 2; i++) {
            DataType type = i == 0 ? DataType.FLOAT : DataType.BFLOAT16;
            y[i] = Nd4j.zeros(type, rows, width);
            dx[i] = Nd4j.zeros(DataType.FLOAT, rows, width);
            Memory statistics = Memory.of(Nd4j.zeros(DataType.FLOAT, 2, rows));
            Memory given = Memory.of(x);
            Memory gains = Memory.of(gain);
            kernels.layerNorm(given, gains, Memory.of(bias), Memory.of(y[i]), statistics, width, 1e-5, 0, rows);
            kernels.layerNormBackward(
                    given,
                    gains,
                    statistics,
                    Memory.of(dy.castTo(type)),
                    Memory.of(dx[i]),
                    sums[2 * i],
                    sums[2 * i + 1],
                    width,
                    1e-5,
                    0,
                    rows);
        }
        assertThat(y[1]).isEqualTo(y[0].castTo(DataType.BFLOAT16));
        assertThat(dx[1].sub(dx[0]).amaxNumber().doubleValue()).isLessThan(1e-5);
        for (int j = 0; j < width; j++) {
            assertThat(sums[2][j]).isCloseTo(sums[0][j], within(1e-3));
            assertThat(sums[3][j]).isCloseTo(sums[1][j], within(1e-3));
        }
    }

    private static float[][] both(Activation f, INDArray x, INDArray dy, int[] cuts) {
        INDArray y = Nd4j.zeros(DataType.FLOAT, x.length());
        INDArray dx = Nd4j.zeros(DataType.FLOAT, x.length());
        Kernels kernels = Kernels.of(DataType.FLOAT);
        for (int i = 0; i + 1 < cuts.length; i++) {
            kernels.activation(f, Memory.of(x), Memory.of(y), cuts[i], cuts[i + 1]);
            kernels.activationBackward(f, Memory.of(x), Memory.of(dy), Memory.of(dx), cuts[i], cuts[i + 1]);
        }
        return new float[][] {y.toFloatVector(), dx.toFloatVector()};
    }
}
