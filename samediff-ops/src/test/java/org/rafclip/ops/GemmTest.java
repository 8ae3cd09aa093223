package org.rafclip.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Memory;

/** Products in pieces are those of the whole, within larger arrays too. */
class GemmTest {

    private static final int OFFSET = 5;
    private static final int MARGIN = 3;

    static {
        JavaOps.install();
    }

    @ParameterizedTest(name = "[{0}, {2}] times [{2}, {1}] in {3} pieces")
    @CsvSource({
        "7, 5, 3, 1",
        "400, 300, 200, 8",
        "1000, 24, 300, 4",
        "24, 27, 20000, 8",
        "100, 400, 5000, 8",
        "600, 500, 400, 16",
        "1, 1, 4, 1",
        "1, 300, 20, 1",
        "3, 400, 5000, 4"
    })
    void piecesMakeUpTheProduct(int m, int n, int k, int pieces) {
        for (DataType type : new DataType[] {DataType.FLOAT, DataType.DOUBLE}) {
            for (int transposes = 0; transposes < 4; transposes++) {
                check(type, (transposes & 1) > 0, (transposes & 2) > 0, m, n, k, pieces);
            }
        }
    }

    @ParameterizedTest(name = "[m, {1}] times [{1}, {0}], transposed {2}")
    @CsvSource({
        "5, 7, false",
        "192, 768, false",
        "192, 768, true",
        "128, 64, true",
        "700, 192, true",
        "512, 512, true",
        "3072, 768, false",
        "512, 5120, false",
        "512, 5120, true"
    })
    void aRowsBitsDoNotDependOnTheRowsBesideIt(int n, int k, boolean transposeB) {
        assumeTrue(Blas.library() == Blas.Library.ONEDNN, "only oneDNN does so");
        Nd4j.getRandom().setSeed(4);
        INDArray a = Nd4j.rand(DataType.FLOAT, 300, k);
        INDArray b = Nd4j.rand(DataType.FLOAT, transposeB ? new long[] {n, k} : new long[] {k, n});
        try (FrozenWeights frozen = new FrozenWeights(List.of(b))) {
            for (FrozenWeights weights : Arrays.asList(null, frozen)) {
                Blas.withFrozen(weights, () -> {
                    float[] among = firstRow(300, n, k, a, b, transposeB);
                    for (int m : new int[] {1, 2, 3, 4, 5, 15, 16, 31, 200}) {
                        assertThat(firstRow(m, n, k, a, b, transposeB))
                                .as("%d rows, packed: %s", m, weights != null)
                                .isEqualTo(among);
                    }
                    return among;
                });
            }
        }
        Stream.of(a, b).forEach(INDArray::close);
    }

    /** Sizes of layers, of their gradients, and of what is left at the ends. */
    @ParameterizedTest(name = "[{0}, {2}] times [{2}, {1}]")
    @CsvSource({
        "1600, 768, 3072",
        "3072, 768, 1600",
        "4096, 192, 768",
        "768, 192, 4096",
        "1000, 577, 769",
        "520, 520, 1111",
        "48, 216, 65536",
        "24, 27, 30000",
        "300, 128, 64",
        "97, 2000, 1500"
    })
    void bitsDoNotDependOnTheNumberOfThreads(int m, int n, int k) {
        Nd4j.getRandom().setSeed(6);
        INDArray a = Nd4j.rand(DataType.FLOAT, (long) m * k);
        INDArray b = Nd4j.rand(DataType.FLOAT, (long) n * k);
        for (Precision precision : Precision.values()) {
            for (int transposes = 0; transposes < 4 && precision.available(); transposes++) {
                float[] expected = null;
                for (int threads : new int[] {1, 2, 3, 4, 7, 16, 32}) {
                    boolean transposeA = (transposes & 1) > 0;
                    boolean transposeB = (transposes & 2) > 0;
                    float[] product = product(precision, null, transposeA, transposeB, m, n, k, a, b, threads);
                    expected = expected == null ? product : expected;
                    assertThat(Arrays.equals(product, expected))
                            .as("%s, transposed %d, %d threads", precision, transposes, threads)
                            .isTrue();
                    try (FrozenWeights frozen = new FrozenWeights(List.of(b))) {
                        float[] packed = product(precision, frozen, transposeA, transposeB, m, n, k, a, b, threads);
                        assertThat(Arrays.equals(packed, expected))
                                .as("%s, transposed %d, %d threads, packed", precision, transposes, threads)
                                .isTrue();
                    }
                }
            }
        }
        Stream.of(a, b).forEach(INDArray::close);
    }

    private static float[] product(
            Precision precision,
            FrozenWeights frozen,
            boolean transposeA,
            boolean transposeB,
            int m,
            int n,
            int k,
            INDArray a,
            INDArray b,
            int threads) {
        int lda = transposeA ? m : k;
        int ldb = transposeB ? k : n;
        try (INDArray c = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', m, n)) {
            Memory left = Memory.of(a);
            Memory right = Memory.of(b);
            Gemm product = new Gemm(
                    transposeA, transposeB, m, n, k, 1, left, 0, lda, right, 0, ldb, 0, Memory.of(c), 0, n, null, 0);
            try (Gemm.Pieces cut = product.pieces(precision, frozen, threads)) {
                for (int piece = 0; piece < cut.count(); piece++) {
                    cut.compute(piece);
                }
                cut.addUp(Parallel.standard());
            }
            return c.data().asFloat();
        }
    }

    @ParameterizedTest(name = "{0} x {1} x {2}, transposed {3}")
    @CsvSource({"33, 192, 768, false", "33, 192, 768, true", "300, 24, 27, false", "200, 500, 100, true"})
    void bitsDoNotDependOnWhereArraysLie(int m, int n, int k, boolean transposeB) {
        assumeTrue(Blas.library() == Blas.Library.ONEDNN, "only oneDNN does so");
        Nd4j.getRandom().setSeed(5);
        INDArray a = Nd4j.rand(DataType.FLOAT, m, k);
        INDArray b = Nd4j.rand(DataType.FLOAT, n, k);
        int ldb = transposeB ? k : n;
        float[] expected = null;
        for (int shift = 0; shift < 17; shift++) {
            try (INDArray shiftedA = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', (long) m * k + shift);
                    INDArray shiftedB = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', (long) n * k + shift);
                    INDArray c = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', (long) m * n + shift)) {
                Memory left = Memory.of(shiftedA);
                Memory right = Memory.of(shiftedB);
                left.copyFrom(Memory.of(a), 0, shift, (long) m * k);
                right.copyFrom(Memory.of(b), 0, shift, (long) n * k);
                Blas.gemm(false, transposeB, m, n, k, 1, left, shift, k, right, shift, ldb, 0, Memory.of(c), shift, n);
                float[] product = Arrays.copyOfRange(c.data().asFloat(), shift, shift + m * n);
                expected = expected == null ? product : expected;
                assertThat(product).as("%d elements further on", shift).isEqualTo(expected);
            }
        }
        Stream.of(a, b).forEach(INDArray::close);
    }

    /** Both gradients of a linear layer, of a part of its outputs too; what changes afterwards is rounded anew. */
    @Test
    void aSharedFactorIsRoundedOnceAndNotKept() {
        assumeTrue(Precision.BF16.available(), "no bf16 here");
        int rows = 100;
        int out = 96;
        int in = 64;
        Nd4j.getRandom().setSeed(7);
        INDArray dy = Nd4j.rand(DataType.FLOAT, rows, out);
        INDArray x = Nd4j.rand(DataType.FLOAT, rows, in);
        INDArray weight = Nd4j.rand(DataType.FLOAT, out, in);
        for (int change = 0; change < 2; change++) {
            List<float[]> separate = gradients(dy, x, weight, out);
            List<float[]> ofPart = gradients(dy, x, weight, out - 8);
            Blas.sharingFactors(() -> {
                assertThat(gradients(dy, x, weight, out))
                        .usingRecursiveComparison()
                        .isEqualTo(separate);
                assertThat(gradients(dy, x, weight, out - 8))
                        .usingRecursiveComparison()
                        .isEqualTo(ofPart);
                assertThat(gradients(dy, x, weight, out))
                        .usingRecursiveComparison()
                        .isEqualTo(separate);
            });
            dy.addi(1);
        }
        Stream.of(dy, x, weight).forEach(INDArray::close);
    }

    /** A single row is copied to be computed as one of two; the copies of several rows may lie at the same place in turn. */
    @Test
    void singleRowsThatShareFactorsAreEachTheirOwn() {
        assumeTrue(Precision.BF16.available(), "bf16 needs AVX512_BF16 or AMX");
        int k = 768;
        int n = 8;
        Nd4j.getRandom().setSeed(9);
        INDArray rows = Nd4j.rand(DataType.FLOAT, 16, k);
        INDArray b = Nd4j.rand(DataType.FLOAT, k, n);
        INDArray separate = Nd4j.createUninitialized(DataType.FLOAT, 16, n);
        INDArray sharing = Nd4j.createUninitialized(DataType.FLOAT, 16, n);

        oneByOne(rows, b, separate);
        Blas.sharingFactors(() -> oneByOne(rows, b, sharing));

        assertThat(sharing).isEqualTo(separate);
        Stream.of(rows, b, separate, sharing).forEach(INDArray::close);
    }

    /** Whole numbers below 8, whose products and sums are exact; the result is rounded where it is bfloat16. */
    @ParameterizedTest(name = "[{0}, {2}] times [{2}, {1}]")
    @CsvSource({
        "1, 40, 120",
        "5, 40, 120",
        "257, 300, 1000",
        "300, 1030, 256",
        "1024, 300, 1001",
        "2048, 300, 1001",
        "64, 64, 5000",
        "3, 5, 7"
    })
    void bfloat16IsTakenAsItIsAndWrittenRounded(int m, int n, int k) {
        assumeTrue(Precision.BF16.available(), "no bf16 here");
        SplittableRandom random = new SplittableRandom(3);
        for (int transposes = 0; transposes < 4; transposes++) {
            boolean transposeA = (transposes & 1) > 0;
            boolean transposeB = (transposes & 2) > 0;
            int lda = (transposeA ? m : k) + MARGIN;
            int ldb = (transposeB ? k : n) + MARGIN;
            INDArray a = wholeNumbers(random, (transposeA ? k : m) * lda);
            INDArray b = wholeNumbers(random, (transposeB ? n : k) * ldb);
            float[] x = a.toFloatVector();
            float[] y = b.toFloatVector();
            for (int types = 1; types < 8; types++) {
                if (transposeA && (types & 4) > 0) {
                    continue;
                }
                INDArray left = (types & 1) > 0 ? a.castTo(DataType.BFLOAT16) : a;
                INDArray right = (types & 2) > 0 ? b.castTo(DataType.BFLOAT16) : b;
                DataType type = (types & 4) > 0 ? DataType.BFLOAT16 : DataType.FLOAT;
                INDArray c = Nd4j.zeros(type, m, n);
                Memory result = Memory.of(c);
                Blas.inPrecision(Precision.BF16, () -> {
                    Blas.gemm(
                            transposeA,
                            transposeB,
                            m,
                            n,
                            k,
                            1,
                            Memory.of(left),
                            0,
                            lda,
                            Memory.of(right),
                            0,
                            ldb,
                            0,
                            result,
                            0,
                            n);
                    return c;
                });
                int step = (long) m * n * k > 10_000_000 ? 37 : 1;
                for (int at = 0; at < m * n; at += step) {
                    int i = at / n;
                    int j = at % n;
                    float sum = 0;
                    for (int l = 0; l < k; l++) {
                        sum += x[transposeA ? l * lda + i : i * lda + l] * y[transposeB ? j * ldb + l : l * ldb + j];
                    }
                    double expected = type == DataType.FLOAT ? sum : toBfloat16(sum);
                    assertThat(result.get(at))
                            .as("%d, %d, transposed %d, types %d", i, j, transposes, types)
                            .isEqualTo(expected);
                }
                Stream.of(left, right, c)
                        .filter(array -> array != a && array != b)
                        .forEach(INDArray::close);
            }
            Stream.of(a, b).forEach(INDArray::close);
        }
    }

    @Test
    void typesThatDoNotGoTogetherAreRefused() {
        for (DataType[] types : new DataType[][] {
            {DataType.INT32, DataType.FLOAT, DataType.FLOAT},
            {DataType.FLOAT, DataType.BOOL, DataType.FLOAT},
            {DataType.DOUBLE, DataType.FLOAT, DataType.FLOAT},
            {DataType.BFLOAT16, DataType.BFLOAT16, DataType.DOUBLE}
        }) {
            assertThatThrownBy(() -> ofTypes(types, false))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(types[0] + ", " + types[1] + ", " + types[2]);
        }
        DataType[] halves = {DataType.FLOAT, DataType.FLOAT, DataType.BFLOAT16};
        assertThatThrownBy(() -> ofTypes(halves, true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("into BFLOAT16");
    }

    private static void ofTypes(DataType[] types, boolean transposeA) {
        Memory a = Memory.of(Nd4j.zeros(types[0], 8, 8));
        Memory b = Memory.of(Nd4j.zeros(types[1], 8, 8));
        Memory c = Memory.of(Nd4j.zeros(types[2], 8, 8));
        Blas.gemm(transposeA, false, 8, 8, 8, 1, a, 0, 8, b, 0, 8, 0, c, 0, 8);
    }

    private static INDArray wholeNumbers(SplittableRandom random, int length) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = random.nextInt(-7, 8);
        }
        return Nd4j.createFromArray(values);
    }

    /** To the nearest, of two the even one. */
    private static float toBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.intBitsToFloat(bits + 0x7fff + (bits >>> 16 & 1) & 0xffff0000);
    }

    private static void oneByOne(INDArray rows, INDArray b, INDArray products) {
        int k = (int) b.size(0);
        int n = (int) b.size(1);
        Memory a = Memory.of(rows);
        Memory right = Memory.of(b);
        Memory c = Memory.of(products);
        Blas.inPrecision(Precision.BF16, () -> {
            for (int i = 0; i < rows.size(0); i++) {
                Blas.gemm(false, false, 1, n, k, 1, a, (long) i * k, k, right, 0, n, 0, c, (long) i * n, n);
            }
            return c;
        });
    }

    /** By bf16, {@code dy W} and {@code dyᵀ x} of the first outputs. */
    private static List<float[]> gradients(INDArray dy, INDArray x, INDArray weight, int outputs) {
        int rows = (int) dy.size(0);
        int out = (int) dy.size(1);
        int in = (int) x.size(1);
        try (INDArray dx = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', rows, in);
                INDArray dWeight = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', outputs, in)) {
            Memory d = Memory.of(dy);
            return Blas.inPrecision(Precision.BF16, () -> {
                Blas.gemm(
                        false,
                        false,
                        rows,
                        in,
                        outputs,
                        1,
                        d,
                        0,
                        out,
                        Memory.of(weight),
                        0,
                        in,
                        0,
                        Memory.of(dx),
                        0,
                        in);
                Blas.gemm(
                        true,
                        false,
                        outputs,
                        in,
                        rows,
                        1,
                        d,
                        0,
                        out,
                        Memory.of(x),
                        0,
                        in,
                        0,
                        Memory.of(dWeight),
                        0,
                        in);
                return List.of(dx.data().asFloat(), dWeight.data().asFloat());
            });
        }
    }

    private static float[] firstRow(int m, int n, int k, INDArray a, INDArray b, boolean transposeB) {
        try (INDArray c = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', m, n)) {
            Memory result = Memory.of(c);
            int ldb = transposeB ? k : n;
            Blas.gemm(false, transposeB, m, n, k, 1, Memory.of(a), 0, k, Memory.of(b), 0, ldb, 0, result, 0, n);
            return Arrays.copyOf(c.data().asFloat(), n);
        }
    }

    private static void check(DataType type, boolean transposeA, boolean transposeB, int m, int n, int k, int pieces) {
        Nd4j.getRandom().setSeed(4);
        int lda = (transposeA ? m : k) + MARGIN;
        int ldb = (transposeB ? k : n) + MARGIN;
        int ldc = n + MARGIN;
        INDArray a = Nd4j.rand(type, OFFSET + (long) (transposeA ? k : m) * lda);
        INDArray b = Nd4j.rand(type, OFFSET + (long) (transposeB ? n : k) * ldb);
        INDArray c = Nd4j.rand(type, OFFSET + (long) m * ldc);
        double[] before = c.toDoubleVector();
        double[] x = a.toDoubleVector();
        double[] y = b.toDoubleVector();
        Gemm product = new Gemm(
                transposeA,
                transposeB,
                m,
                n,
                k,
                0.5,
                Memory.of(a),
                OFFSET,
                lda,
                Memory.of(b),
                OFFSET,
                ldb,
                2,
                Memory.of(c),
                OFFSET,
                ldc,
                null,
                0);
        try (Gemm.Pieces cut = product.pieces(Precision.FP32, null, 64)) {
            assertThat(cut.count()).isEqualTo(pieces);
        }

        Blas.gemm(
                transposeA,
                transposeB,
                m,
                n,
                k,
                0.5,
                Memory.of(a),
                OFFSET,
                lda,
                Memory.of(b),
                OFFSET,
                ldb,
                2,
                Memory.of(c),
                OFFSET,
                ldc);

        double[] after = c.toDoubleVector();
        double tolerance = (type == DataType.FLOAT ? 2e-6 : 1e-14) * k;
        // All of a small result; of a large one every 37th, a number that meets all rows' and columns' ends.
        int step = (long) m * n * k > 10_000_000 ? 37 : 1;
        for (int at = 0; at < before.length; at += step) {
            int i = (at - OFFSET) / ldc;
            int j = (at - OFFSET) % ldc;
            double expected = before[at];
            if (at >= OFFSET && j < n) {
                double sum = 0;
                for (int l = 0; l < k; l++) {
                    sum += x[OFFSET + (transposeA ? l * lda + i : i * lda + l)]
                            * y[OFFSET + (transposeB ? j * ldb + l : l * ldb + j)];
                }
                expected = 0.5 * sum + 2 * before[at];
            }
            assertThat(after[at]).as("element %d, %d", i, j).isCloseTo(expected, within(tolerance));
        }
        Stream.of(a, b, c).forEach(INDArray::close);
    }
}
