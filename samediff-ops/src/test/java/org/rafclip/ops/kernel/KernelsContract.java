package org.rafclip.ops.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.kernel.Kernels.AdamWStep;
import org.rafclip.ops.kernel.Kernels.Draws;

/** What fast kernels promise: what the plain ones give, for every way a row can end within a vector. */
abstract class KernelsContract {

    private static final int LARGEST = 70;
    private static final double TOLERANCE = 2e-6;

    private final Kernels plain = new PlainKernels();
    private final Kernels vector;
    private final SplittableRandom random = new SplittableRandom(5);

    KernelsContract(Kernels tested) {
        this.vector = tested;
    }

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    /** An array that stays reachable beside its memory. */
    private record Values(INDArray array, Memory memory) {

        static Values of(float... values) {
            INDArray array = Nd4j.createFromArray(values);
            return new Values(array, Memory.of(array));
        }

        Values copy() {
            return of(array.toFloatVector());
        }
    }

    private Values random(int length) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = (float) random.nextGaussian(0.3, 1.7);
        }
        return Values.of(values);
    }

    private static void assertClose(Values actual, Values expected, String what, int width) {
        float[] a = actual.array.toFloatVector();
        float[] e = expected.array.toFloatVector();
        double largest = 1e-30;
        for (float v : e) {
            largest = Math.max(largest, Math.abs(v));
        }
        for (int i = 0; i < e.length; i++) {
            assertThat(Math.abs(a[i] - e[i]) / largest)
                    .as("%s, width %d: [%d] is %s, plain %s", what, width, i, a[i], e[i])
                    .isLessThan(TOLERANCE * 4);
        }
    }

    private static void assertClose(double[] actual, double[] expected, String what, int width) {
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).as("%s, width %d", what, width).isCloseTo(expected[i], within(2e-5));
        }
    }

    @Test
    void layerNormOfEveryWidth() {
        for (int width = 1; width <= LARGEST; width++) {
            Values x = random(5 * width);
            Values gamma = random(width);
            Values beta = random(width);
            Values dy = random(5 * width);
            Values fast = random(5 * width);
            Values exact = fast.copy();
            Values found = random(10);
            Values expected = found.copy();
            vector.layerNorm(x.memory, gamma.memory, beta.memory, fast.memory, found.memory, width, 1e-5, 1, 4);
            plain.layerNorm(x.memory, gamma.memory, beta.memory, exact.memory, expected.memory, width, 1e-5, 1, 4);
            assertClose(fast, exact, "layer norm", width);
            assertClose(found, expected, "mean and variance", width);

            double[][] sums = new double[4][width];
            if (width > 2) {
                vector.layerNormBackward(
                        x.memory,
                        gamma.memory,
                        found.memory,
                        dy.memory,
                        fast.memory,
                        sums[0],
                        sums[1],
                        width,
                        1e-5,
                        1,
                        4);
                plain.layerNormBackward(
                        x.memory,
                        gamma.memory,
                        expected.memory,
                        dy.memory,
                        exact.memory,
                        sums[2],
                        sums[3],
                        width,
                        1e-5,
                        1,
                        4);
                assertClose(fast, exact, "layer norm backward", width);
                assertClose(sums[0], sums[2], "gain", width);
                assertClose(sums[1], sums[3], "bias", width);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void activationsOfEveryLengthAndStart(Activation f) {
        for (int length = 1; length <= LARGEST; length++) {
            for (int from = 0; from < 3 && from < length; from++) {
                Values x = random(length);
                Values dy = random(length);
                Values fast = random(length);
                Values exact = fast.copy();
                vector.activation(f, x.memory, fast.memory, from, length);
                plain.activation(f, x.memory, exact.memory, from, length);
                assertClose(fast, exact, f + " from " + from, length);
                vector.activationBackward(f, x.memory, dy.memory, fast.memory, from, length);
                plain.activationBackward(f, x.memory, dy.memory, exact.memory, from, length);
                assertClose(fast, exact, f + " backward from " + from, length);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void activationsFarFromZero(Activation f) {
        float[] far = {
            0f, -0f, 1e-8f, -1e-8f, 4f, -4f, 5.6f, -5.6f, 5.7f, -5.7f, 10f, -10f, 100f, -100f, 1e4f, -1e4f, 1e30f,
            -1e30f
        };
        Values x = repeated(far, 16);
        Values ones = Values.of(new float[far.length * 16]);
        ones.array.assign(1);
        Values fast = ones.copy();
        Values exact = ones.copy();
        vector.activation(f, x.memory, fast.memory, 0, x.memory.length());
        plain.activation(f, x.memory, exact.memory, 0, x.memory.length());
        for (int i = 0; i < far.length; i++) {
            double expected = exact.memory.get(i * 16L);
            assertThat(fast.memory.get(i * 16L))
                    .as("%s(%s)", f, far[i])
                    .isCloseTo(expected, within(1e-6 + 1e-6 * Math.abs(expected)));
        }
        vector.activationBackward(f, x.memory, ones.memory, fast.memory, 0, x.memory.length());
        plain.activationBackward(f, x.memory, ones.memory, exact.memory, 0, x.memory.length());
        for (int i = 0; i < far.length; i++) {
            double expected = exact.memory.get(i * 16L);
            assertThat(fast.memory.get(i * 16L)).as("%s'(%s)", f, far[i]).isCloseTo(expected, within(1e-6));
        }
    }

    private static Values repeated(float[] values, int times) {
        float[] result = new float[values.length * times];
        for (int i = 0; i < result.length; i++) {
            result[i] = values[i / times];
        }
        return Values.of(result);
    }

    @Test
    void geluByHand() {
        Values x = Values.of(1f, -1f, 2f, 0.5f);
        Values y = x.copy();
        plain.activation(Activation.GELU, x.memory, y.memory, 0, 4);
        assertThat(y.array.toDoubleVector())
                .containsExactly(
                        new double[] {0.8413447460685429, -0.15865525393145707, 1.9544997361036416, 0.34573123063700656
                        },
                        within(1e-7));
    }

    @ParameterizedTest
    @EnumSource
    void activationsKeepNotANumber(Activation f) {
        float[] values = new float[37];
        values[3] = Float.NaN;
        values[36] = Float.NaN;
        Values x = Values.of(values);
        Values y = x.copy();
        vector.activation(f, x.memory, y.memory, 0, 37);
        for (int i = 0; i < 37; i++) {
            assertThat(Double.isNaN(y.memory.get(i))).as("%s at %d", f, i).isEqualTo(i == 3 || i == 36);
        }
        Values dy = x.copy();
        vector.activationBackward(f, random(37).memory, dy.memory, y.memory, 0, 37);
        if (f != Activation.RELU) {
            assertThat(y.memory.get(3)).isNaN();
            assertThat(y.memory.get(36)).isNaN();
        }
    }

    /** Every small one, and some that are computed otherwise. */
    private static int[] widths() {
        return IntStream.concat(IntStream.rangeClosed(1, LARGEST), IntStream.of(127, 128, 129, 196, 1030))
                .toArray();
    }

    @Test
    void softmaxOfEveryWidth() {
        for (int width : widths()) {
            for (boolean causal : new boolean[] {false, true}) {
                int stride = width % 2 == 0 ? width : width + 2;
                int rows = Math.min(width + 1, 20);
                Values fast = random(5 + rows * stride);
                Values exact = fast.copy();
                vector.softmax(fast.memory, 5, rows, stride, width, causal);
                plain.softmax(exact.memory, 5, rows, stride, width, causal);
                assertClose(fast, exact, "softmax", width);
                Values d = random(width + 4);
                Values dExact = d.copy();
                vector.softmaxBackward(d.memory, 3, fast.memory, 5, width, 0.7);
                plain.softmaxBackward(dExact.memory, 3, exact.memory, 5, width, 0.7);
                assertClose(d, dExact, "softmax backward", width);
            }
        }
    }

    @Test
    void softmaxOfLargeLogits() {
        for (int width : new int[] {3, 16, 37, 141}) {
            float[] logits = new float[width];
            for (int i = 0; i < width; i++) {
                logits[i] = i % 2 == 0 ? 30000f : -30000f;
            }
            Values p = Values.of(logits);
            vector.softmax(p.memory, 0, 1, width, width, false);
            double share = 1.0 / ((width + 1) / 2);
            for (int i = 0; i < width; i++) {
                assertThat(p.memory.get(i)).isCloseTo(i % 2 == 0 ? share : 0, within(1e-6));
            }
        }
    }

    @Test
    void softmaxOfNotANumberIsNotANumber() {
        for (int width : new int[] {37, 150}) {
            for (int bad : new int[] {2, width - 1}) {
                float[] logits = new float[width];
                logits[bad] = Float.NaN;
                Values p = Values.of(logits);
                vector.softmax(p.memory, 0, 1, width, width, false);
                assertThat(p.memory.get(0)).isNaN();
                assertThat(p.memory.get(width - 1)).isNaN();
            }
        }
    }

    @Test
    void sumsAndNormsOfEveryWidth() {
        for (int width = 1; width <= LARGEST; width++) {
            Values x = random(6 * width);
            Values y = random(6 * width);
            double[] fastSums = new double[width];
            double[] exactSums = new double[width];
            vector.addColumnSums(x.memory, fastSums, width, 1, 5);
            plain.addColumnSums(x.memory, exactSums, width, 1, 5);
            assertClose(fastSums, exactSums, "column sums", width);

            INDArray halves = x.array.castTo(DataType.BFLOAT16);
            double[] sumsOfHalves = new double[width];
            vector.addColumnSums(Memory.of(halves), sumsOfHalves, width, 1, 5);
            double[] exactSumsOfHalves = new double[width];
            for (int i = width; i < 5 * width; i++) {
                exactSumsOfHalves[i % width] += halves.getDouble(i);
            }
            assertClose(sumsOfHalves, exactSumsOfHalves, "column sums of bfloat16", width);

            assertThat(vector.sumOfSquares(x.memory, 1, 6L * width))
                    .isCloseTo(plain.sumOfSquares(x.memory, 1, 6L * width), within(1e-3));

            Values fast = random(6 * width);
            Values exact = fast.copy();
            vector.axpy(-0.37, x.memory, 2, fast.memory, 1, 4L * width);
            plain.axpy(-0.37, x.memory, 2, exact.memory, 1, 4L * width);
            assertClose(fast, exact, "axpy", width);
            Draws draws = Draws.of(width, 3, 0.3);
            vector.dropout(draws, x.memory, fast.memory, 2, 4L * width);
            plain.dropout(draws, x.memory, exact.memory, 2, 4L * width);
            assertClose(fast, exact, "dropout", width);
            long[] starts = {2, width, 0};
            for (boolean repeated : new boolean[] {false, true}) {
                vector.addRuns(x.memory, 1, starts, repeated, width, fast.memory, 3);
                plain.addRuns(x.memory, 1, starts, repeated, width, exact.memory, 3);
                assertClose(fast, exact, "runs", width);
            }
            vector.add(x.memory, y.memory, fast.memory, 1, 5L * width);
            plain.add(x.memory, y.memory, exact.memory, 1, 5L * width);
            assertClose(fast, exact, "add", width);
            vector.l2Normalize(x.memory, fast.memory, width, 1e-12, 1, 5);
            plain.l2Normalize(x.memory, exact.memory, width, 1e-12, 1, 5);
            assertClose(fast, exact, "l2 normalisation", width);
            vector.l2NormalizeBackward(x.memory, y.memory, fast.memory, width, 1e-12, 1, 5);
            plain.l2NormalizeBackward(x.memory, y.memory, exact.memory, width, 1e-12, 1, 5);
            if (width > 1) {
                assertClose(fast, exact, "l2 normalisation backward", width);
            }
        }
    }

    @Test
    void zeroVectorsStayZeroWhenNormalised() {
        Values x = Values.of(new float[20]);
        Values y = random(20);
        vector.l2Normalize(x.memory, y.memory, 20, 1e-12, 0, 1);
        assertThat(y.array.toFloatVector()).containsOnly(0f);
    }

    @Test
    void adamWOfEveryLength() {
        for (int length = 1; length <= LARGEST; length++) {
            AdamWStep step = new AdamWStep(1e-2, 0.2, 0.9, 0.98, 1e-6, 3, 0.5);
            Values g = random(length);
            Values[] fast = {random(length), random(length), random(length)};
            for (long i = 0; i < length; i++) {
                fast[2].memory.set(i, Math.abs(fast[2].memory.get(i)) + 0.1);
            }
            Values[] exact = {fast[0].copy(), fast[1].copy(), fast[2].copy()};
            vector.adamW(step, fast[0].memory, g.memory, fast[1].memory, fast[2].memory, 0, length);
            plain.adamW(step, exact[0].memory, g.memory, exact[1].memory, exact[2].memory, 0, length);
            for (int i = 0; i < 3; i++) {
                assertClose(fast[i], exact[i], "AdamW " + i, length);
            }
        }
    }

    /** The first step by hand: the moments are the gradient, so the weight moves by the learning rate and decays. */
    @Test
    void adamWByHand() {
        Values w = Values.of(2f);
        Values m = Values.of(0f);
        Values v = Values.of(0f);
        plain.adamW(
                new AdamWStep(0.1, 0.01, 0.9, 0.999, 0, 1, 1),
                w.memory,
                Values.of(0.5f).memory,
                m.memory,
                v.memory,
                0,
                1);
        assertThat(w.memory.get(0)).isCloseTo(2 * (1 - 0.1 * 0.01) - 0.1, within(1e-6));
        assertThat(m.memory.get(0)).isCloseTo(0.05, within(1e-8));
        assertThat(v.memory.get(0)).isCloseTo(0.00025, within(1e-9));
    }

    /** {@link SplittableRandom} gives the numbers of SplitMix64 one after the other. */
    @Test
    void dropoutKeepsWhatSplitMixKeeps() {
        SplittableRandom reference = new SplittableRandom(77);
        float[] ones = new float[1000];
        Arrays.fill(ones, 1);
        Values x = Values.of(ones);
        Values y = x.copy();
        vector.dropout(new Draws(77, 0.2), x.memory, y.memory, 0, ones.length);
        float[] kept = y.array.toFloatVector();
        for (int i = 2; i < kept.length; i += 2) {
            long number = reference.nextLong();
            assertThat(kept[i]).isEqualTo((number & 0xFFFFFFFFL) < 0.2 * 0x1p32 ? 0f : 1.25f);
            assertThat(kept[i + 1]).isEqualTo((number >>> 32) < 0.2 * 0x1p32 ? 0f : 1.25f);
        }
    }
}
