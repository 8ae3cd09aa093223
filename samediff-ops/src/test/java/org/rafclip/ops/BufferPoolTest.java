package org.rafclip.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Memory;

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
            for (DataType type : new DataType[] {DataType.FLOAT, DataType.BFLOAT16, DataType.DOUBLE}) {
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
    void piecesAreUsedAgainAndJoined() {
        try (BufferPool pool = new BufferPool()) {
            INDArray[] thirds = new INDArray[3];
            for (int i = 0; i < thirds.length; i++) {
                thirds[i] = pool.take(DataType.FLOAT, 1 << 20);
            }
            long bytes = pool.bytes();
            long first = address(thirds[0]);
            pool.giveBack(thirds[0]);
            pool.giveBack(thirds[0]);
            assertThat(address(pool.take(DataType.FLOAT, 600))).isEqualTo(first);
            INDArray other = pool.take(DataType.FLOAT, 600);
            assertThat(address(other)).isNotEqualTo(first);
            assertThat(pool.bytes()).isEqualTo(bytes);
        }
    }

    @Test
    void freeChunksMakeRoomForALargerOne() {
        try (BufferPool pool = new BufferPool()) {
            pool.giveBack(pool.take(DataType.FLOAT, 1 << 20));
            INDArray larger = pool.take(DataType.FLOAT, 1 << 21);
            assertThat(pool.bytes()).isEqualTo(4 << 21);
            pool.giveBack(larger);
        }
    }

    /** Whatever is taken and given back: no two arrays share memory, and little more is held than was ever lent at once. */
    @Test
    void arraysNeverOverlapAndMemoryStaysNearWhatIsLent() {
        SplittableRandom random = new SplittableRandom(3);
        BufferPool pool = new BufferPool();
        try (pool) {
            List<INDArray> held = new ArrayList<>();
            long lent = 0;
            long most = 0;
            for (int step = 0; step < 20_000; step++) {
                if (held.size() < 40 && (held.isEmpty() || random.nextInt(100) < 55)) {
                    INDArray array = pool.take(DataType.FLOAT, 1 + random.nextInt(1 << random.nextInt(6, 19)));
                    held.add(array);
                    lent += 4 * array.length();
                    most = Math.max(most, lent);
                    Memory.of(array).set(0, step);
                    Memory.of(array).set(array.length() - 1, step);
                } else {
                    INDArray array = held.remove(random.nextInt(held.size()));
                    assertThat(array.getFloat(0)).isEqualTo(array.getFloat(array.length() - 1));
                    lent -= 4 * array.length();
                    pool.giveBack(array);
                }
            }
            held.sort(Comparator.comparingLong(BufferPoolTest::address));
            for (int i = 0; i + 1 < held.size(); i++) {
                assertThat(address(held.get(i)) + 4 * held.get(i).length())
                        .isLessThanOrEqualTo(address(held.get(i + 1)));
            }
            assertThat(pool.bytes()).isLessThan(2 * most);
            held.forEach(pool::giveBack);
        }
        assertThat(pool.bytes()).isZero();
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
