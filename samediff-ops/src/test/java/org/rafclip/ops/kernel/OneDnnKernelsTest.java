package org.rafclip.ops.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Arrays;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.onednn.OneDnn;

/** oneDNN's kernels beside the plain ones, and that an element's bits do not depend on its place. */
class OneDnnKernelsTest extends KernelsContract {

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
