package org.rafclip.ops.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Kernels.Activation;

/** What a cold process computes has the bits of what a warm one does: resumed training relies on it. */
class ReproducibilityTest {

    private static final int ROWS = 16;
    private static final int WIDTH = 72;

    static {
        JavaOps.install();
    }

    @Test
    void compiledKernelsGiveTheBitsOfInterpretedOnes() {
        byte[] cold = compute();
        for (int lap = 0; lap < 3000; lap++) {
            compute();
        }
        assertThat(compute()).isEqualTo(cold);
    }

    private static byte[] compute() {
        INDArray x = Nd4j.linspace(DataType.FLOAT, -9, 0.0157, ROWS * WIDTH).reshape(ROWS, WIDTH);
        INDArray all = Nd4j.zeros(DataType.FLOAT, Activation.values().length * 2 + 1, ROWS * WIDTH);
        Kernels kernels = Kernels.of(DataType.FLOAT);
        int row = 0;
        for (Activation activation : Activation.values()) {
            kernels.activation(activation, Memory.of(x), Memory.of(all.getRow(row++)), 0, x.length());
            kernels.activationBackward(
                    activation, Memory.of(x), Memory.of(x), Memory.of(all.getRow(row++)), 0, x.length());
        }
        all.getRow(row).assign(x.reshape(ROWS * WIDTH));
        Memory probabilities = Memory.of(all.getRow(row));
        kernels.softmax(probabilities, 0, ROWS, WIDTH, WIDTH, true);
        return all.data().asBytes();
    }
}
