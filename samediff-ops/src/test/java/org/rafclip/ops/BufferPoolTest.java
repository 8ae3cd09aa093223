package org.rafclip.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class BufferPoolTest {

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    private static long address(INDArray array) {
        return array.data().addressPointer().address();
    }

    @Test
    void arraysHaveTheirShapeAndAnAlignedPlaceOfTheirOwn() {
        try (BufferPool pool = new BufferPool()) {
            for (DataType type : new DataType[] {DataType.FLOAT, DataType.DOUBLE}) {
                for (long[] shape : new long[][] {{}, {1}, {7}, {3, 5}, {1, 2, 3, 4}}) {
                    INDArray a = pool.take(type, shape);
                    INDArray b = pool.take(type, shape);
                    assertThat(a.shape()).isEqualTo(shape);
                    assertThat(a.ordering()).isEqualTo('c');
                    assertThat(address(a) % 64).isZero();
                    a.assign(1);
                    b.assign(2);
                    assertThat(a.sumNumber().doubleValue()).isEqualTo(a.length());
                }
            }
        }
    }

    @Test
    void aBlockServesAgainForUpToHalfItsSize() {
        try (BufferPool pool = new BufferPool()) {
            INDArray large = pool.take(DataType.FLOAT, 1024);
            long place = address(large);
            long bytes = pool.bytes();
            pool.giveBack(large);
            pool.giveBack(large);
            INDArray smaller = pool.take(DataType.FLOAT, 600);
            assertThat(address(smaller)).isEqualTo(place);
            assertThat(pool.bytes()).isEqualTo(bytes);
            INDArray other = pool.take(DataType.FLOAT, 600);
            assertThat(address(other)).isNotEqualTo(place);
            pool.giveBack(smaller);
            assertThat(address(pool.take(DataType.FLOAT, 16))).isNotEqualTo(place);
        }
    }

    @Test
    void smallerFreeBlocksMakeRoomForALargerOne() {
        try (BufferPool pool = new BufferPool()) {
            pool.giveBack(pool.take(DataType.FLOAT, 1 << 16));
            INDArray larger = pool.take(DataType.FLOAT, 1 << 17);
            assertThat(pool.bytes()).isEqualTo(4 << 17);
            pool.giveBack(larger);
        }
    }

    @Test
    void arraysFromElsewhereAreLeftAlone() {
        try (BufferPool pool = new BufferPool()) {
            INDArray own = Nd4j.createFromArray(1f, 2f);
            pool.giveBack(own);
            assertThat(own.toFloatVector()).containsExactly(1, 2);
            assertThat(pool.bytes()).isZero();
        }
    }

    @Test
    void memoryThatDoesNotSufficeIsSaidWithTheRemedy() {
        try (BufferPool pool = new BufferPool()) {
            assertThatThrownBy(() -> pool.take(DataType.FLOAT, 1L << 44))
                    .isInstanceOf(OutOfMemoryError.class)
                    .hasMessageContaining("no native memory for 67108864 MB more")
                    .hasMessageContaining("train.micro-batch");
            assertThat(pool.bytes()).isZero();
            pool.giveBack(pool.take(DataType.FLOAT, 8));
        }
    }
}
