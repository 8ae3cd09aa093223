package org.rafclip.ops.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.ops.JavaOps;

class MemoryTest {

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    private static INDArray matrix() {
        return Nd4j.createFromArray(new float[][] {{0, 1, 2}, {10, 11, 12}, {20, 21, 22}});
    }

    @Test
    void rowsOfAMatrixAreSeenInPlace() {
        INDArray matrix = matrix();
        INDArray rows = matrix.get(NDArrayIndex.interval(1, 3), NDArrayIndex.all());
        Memory memory = Memory.of(rows);
        assertThat(memory.length()).isEqualTo(6);
        assertThat(memory.get(0)).isEqualTo(10);
        memory.set(5, 7);
        assertThat(matrix.getDouble(2, 2)).isEqualTo(7);
    }

    @Test
    void whatIsNotDenseIsCopiedOrRefused() {
        INDArray column = matrix().get(NDArrayIndex.all(), NDArrayIndex.interval(1, 3));
        INDArray transposed = matrix().transpose();
        assertThatThrownBy(() -> Memory.of(column))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected a dense array");
        assertThatThrownBy(() -> Memory.of(transposed)).isInstanceOf(IllegalArgumentException.class);
        Memory copy = Memory.of(Memory.dense(transposed));
        assertThat(copy.get(1)).isEqualTo(10);
        assertThat(copy.get(3)).isEqualTo(1);
        INDArray matrix = matrix();
        assertThat(Memory.dense(matrix)).isSameAs(matrix);
    }

    @Test
    void arraysOfOneElementAreDenseInEveryShape() {
        for (long[] shape : new long[][] {{}, {1}, {1, 1}, {1, 1, 1}}) {
            for (char order : new char[] {'c', 'f'}) {
                INDArray array = Nd4j.create(DataType.FLOAT, shape, order).assign(3);
                assertThat(Memory.of(array).get(0)).isEqualTo(3);
            }
        }
        assertThat(Memory.of(Nd4j.createFromArray(new int[][] {{4}})).getInt(0)).isEqualTo(4);
        assertThat(Memory.of(Nd4j.zeros(DataType.DOUBLE, 1, 5, 1)).length()).isEqualTo(5);
    }

    /** The upper halves of 32-bit floats. */
    @Test
    void bfloat16IsRead() {
        Memory memory = Memory.of(Nd4j.createFromArray(1f, -2.5f, 0x1.02p100f).castTo(DataType.BFLOAT16));
        assertThat(new double[] {memory.get(0), memory.get(1), memory.get(2)}).containsExactly(1, -2.5, 0x1.02p100);
        assertThat(memory.address(2) - memory.address(0)).isEqualTo(4);
        assertThatThrownBy(() -> memory.set(0, 1)).hasMessageContaining("BFLOAT16");
    }

    @Test
    void otherTypesAreRefused() {
        assertThatThrownBy(() -> Memory.of(Nd4j.zeros(DataType.FLOAT16, 3)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("HALF is not supported");
    }
}
