package org.rafclip.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ParallelTest {

    @Test
    void everyIndexIsVisitedOnce() {
        for (int threads = 1; threads <= 4; threads++) {
            Parallel parallel = new Parallel(threads);
            for (int count : new int[] {0, 1, 2, 3, 7, 64, 1000, 1001}) {
                for (int grain : new int[] {1, 10, 5000}) {
                    AtomicIntegerArray visits = new AtomicIntegerArray(count);
                    int parts = parallel.run(count, grain, (from, to, part) -> {
                        for (long i = from; i < to; i++) {
                            visits.incrementAndGet((int) i);
                        }
                    });
                    assertThat(parts).isBetween(1, threads);
                    for (int i = 0; i < count; i++) {
                        assertThat(visits.get(i)).isEqualTo(1);
                    }
                }
            }
        }
    }

    @Test
    void chunksAreTheSameOnAnyNumberOfThreads() {
        for (int count : new int[] {0, 1, 7, 1000, 100_000}) {
            Set<List<Long>> cuts = new HashSet<>();
            for (int threads = 1; threads <= 5; threads++) {
                long[] ends = new long[Parallel.chunks(count, 10)];
                AtomicLong visited = new AtomicLong();
                new Parallel(threads).runChunks(count, 10, (from, to, chunk) -> {
                    ends[chunk] = to;
                    visited.addAndGet(to - from);
                });
                assertThat(visited).hasValue(count);
                cuts.add(Arrays.stream(ends).boxed().toList());
            }
            assertThat(cuts).hasSize(1);
        }
        assertThat(Parallel.chunks(1000, 10)).isEqualTo(32);
        assertThat(Parallel.chunks(100, 10)).isEqualTo(10);
    }

    @Test
    void aLoopWithinALoopOfTheSameThreadsEnds() {
        Parallel parallel = new Parallel(3);
        AtomicLong visited = new AtomicLong();
        parallel.run(30, 1, (from, to, part) -> {
            for (long i = from; i < to; i++) {
                parallel.run(10, 1, (first, last, inner) -> visited.addAndGet(last - first));
            }
        });
        assertThat(visited).hasValue(300);
    }

    @Test
    void aFailureWaitsForTheOtherParts() {
        AtomicBoolean finished = new AtomicBoolean();
        CountDownLatch failed = new CountDownLatch(1);
        assertThatThrownBy(() -> new Parallel(3).run(3, 1, (from, to, part) -> {
                    if (part < 2) {
                        failed.countDown();
                        throw new IllegalArgumentException("part " + part);
                    }
                    await(failed);
                    sleep();
                    finished.set(true);
                }))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("part 0");
        assertThat(finished).isTrue();
    }

    @Test
    void anInterruptWaitsForTheOtherPartsAndIsKept() {
        AtomicBoolean finished = new AtomicBoolean();
        Thread caller = Thread.currentThread();
        new Parallel(2).run(2, 1, (from, to, part) -> {
            if (part == 1) {
                caller.interrupt();
                sleep();
                finished.set(true);
            }
        });
        assertThat(finished).isTrue();
        assertThat(Thread.interrupted()).isTrue();
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void sleep() {
        try {
            Thread.sleep(50);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
