package org.rafclip.ops.onednn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Memory;

/** What is compiled outlives its thread once, not each time. */
class PrimitiveTest {

    private static final int THREADS = 800;
    private static final int COMPUTATIONS = 24;

    @Test
    void threadsThatEndLeaveWhatTheyCompiledToThoseThatBegin() throws Exception {
        assumeTrue(OneDnn.available(), "oneDNN is not loaded here");
        for (int i = 0; i < THREADS / 10; i++) {
            onANewThread();
        }
        System.gc();
        long before = residentMebibytes();

        for (int i = 0; i < THREADS; i++) {
            onANewThread();
            if (i % 20 == 19) {
                System.gc();
                Thread.sleep(20);
            }
        }

        assertThat(residentMebibytes() - before).isLessThan(25);
    }

    /** Sums of rows: a matrix of ones times a column of ones. */
    private static void onANewThread() throws InterruptedException {
        double[] wrong = {-1};
        Thread thread = new Thread(() -> {
            wrong[0] = 0;
            for (int k = 1; k <= COMPUTATIONS; k++) {
                try (INDArray a = Nd4j.ones(DataType.FLOAT, 32, 10 * k);
                        INDArray b = Nd4j.ones(DataType.FLOAT, 10 * k, 48);
                        INDArray c = Nd4j.createUninitialized(DataType.FLOAT, 32, 48)) {
                    Memory product = Memory.of(c);
                    Primitive.of(new Computation.Product(
                                    Computation.Type.FP32,
                                    Computation.Type.FP32,
                                    false,
                                    false,
                                    false,
                                    32,
                                    48,
                                    10 * k,
                                    10 * k,
                                    48,
                                    48,
                                    false,
                                    false))
                            .execute(Memory.of(a).address(0), Memory.of(b).address(0), product.address(0));
                    for (int i = 0; i < 32 * 48; i++) {
                        wrong[0] += Math.abs(product.get(i) - 10 * k);
                    }
                }
            }
        });
        thread.start();
        thread.join();
        assertThat(wrong[0]).isZero();
    }

    private static long residentMebibytes() throws Exception {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
                .findFirst()
                .orElseThrow();
    }
}
