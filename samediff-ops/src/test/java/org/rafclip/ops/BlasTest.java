package org.rafclip.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Memory;

/** Which library multiplies, that it multiplies right, and on how many threads. */
class BlasTest {

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    @Test
    void itSaysWhatItIs() {
        assertThat(Blas.description()).startsWith(Blas.library() == Blas.Library.ONEDNN ? "oneDNN 3." : "OpenBLAS");
    }

    @Test
    void productsEqualTheDefinition() {
        check();
    }

    /** Every transposition with leading dimensions and offsets larger than need be, and β. */
    private static void check() {
        SplittableRandom random = new SplittableRandom(1);
        int m = 5;
        int n = 7;
        int k = 3;
        for (DataType type : new DataType[] {DataType.FLOAT, DataType.DOUBLE}) {
            for (int transposed = 0; transposed < 4; transposed++) {
                boolean ta = (transposed & 1) > 0;
                boolean tb = (transposed & 2) > 0;
                int lda = (ta ? m : k) + 2;
                int ldb = (tb ? k : n) + 1;
                INDArray arrayA =
                        Nd4j.create(random.doubles(100, -1, 1).toArray()).castTo(type);
                INDArray arrayB =
                        Nd4j.create(random.doubles(100, -1, 1).toArray()).castTo(type);
                INDArray arrayC =
                        Nd4j.create(random.doubles(100, -1, 1).toArray()).castTo(type);
                INDArray before = arrayC.dup();
                Blas.gemm(
                        ta,
                        tb,
                        m,
                        n,
                        k,
                        0.5,
                        Memory.of(arrayA),
                        3,
                        lda,
                        Memory.of(arrayB),
                        2,
                        ldb,
                        2,
                        Memory.of(arrayC),
                        1,
                        n + 4);
                for (int row = 0; row < m; row++) {
                    for (int column = 0; column < n; column++) {
                        double sum = 0;
                        for (int i = 0; i < k; i++) {
                            sum += arrayA.getDouble(3 + (ta ? i * lda + row : row * lda + i))
                                    * arrayB.getDouble(2 + (tb ? column * ldb + i : i * ldb + column));
                        }
                        int at = 1 + row * (n + 4) + column;
                        assertThat(arrayC.getDouble(at)).isCloseTo(0.5 * sum + 2 * before.getDouble(at), within(1e-5));
                    }
                }
                assertThat(arrayC.getDouble(0)).isEqualTo(before.getDouble(0));
                assertThat(arrayC.getDouble(1 + n)).isEqualTo(before.getDouble(1 + n));
            }
        }
    }

    @Test
    void dataTypesMustAgree() {
        Memory floats = Memory.of(Nd4j.zeros(DataType.FLOAT, 4));
        Memory doubles = Memory.of(Nd4j.zeros(DataType.DOUBLE, 4));
        assertThatThrownBy(() -> Blas.gemm(false, false, 2, 2, 2, 1, floats, 0, 2, doubles, 0, 2, 0, floats, 0, 2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("one data type");
    }

    private static int threads() {
        return openblas_nolapack.blas_get_num_threads();
    }

    @Test
    void noProductUsesOpenBlasThreads() {
        checkThreads();
    }

    private static void checkThreads() {
        Parallel parallel = new Parallel(3);
        int[] seen = new int[3];
        int[] parts = new int[3];
        Blas.runWithSerialGemm(parallel, 30, 1, (from, to, part) -> {
            seen[part] = threads();
            parts[part] = (int) (to - from);
        });
        assertThat(seen).containsOnly(1);
        assertThat(parts).containsExactly(10, 10, 10);
        assertThat(threads()).isEqualTo(1);
        assertThatThrownBy(() -> Blas.runWithSerialGemm(parallel, 30, 1, (from, to, part) -> {
                    throw new IllegalArgumentException("part " + part);
                }))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(threads()).isEqualTo(1);
    }

    /** What a program sees that starts Java with other settings. */
    static final class Other {
        public static void main(String[] arguments) {
            JavaOps.install();
            check();
            checkThreads();
            System.out.println("library " + Blas.library());
        }
    }

    private static String runOther(List<String> flags, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx512m"));
        command.addAll(flags);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Other.class.getName()));
        command.addAll(Arrays.asList(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(1, TimeUnit.MINUTES)).as(output).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        return output;
    }

    @Test
    void openBlasOnDemand() throws Exception {
        assertThat(runOther(List.of("-Drafclip.blas=openblas"))).contains("library OPENBLAS");
    }

    @Test
    void itDoesNotMatterWhoIsFirst() throws Exception {
        assumeTrue(Blas.library() == Blas.Library.ONEDNN, "there is no oneDNN here");
        assertThat(runOther(List.of())).contains("library ONEDNN");
    }
}
