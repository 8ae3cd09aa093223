package org.rafclip.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class WorkersTest {

    @Test
    void everyItemIsWorkedOnOnceAndProgressNeverFalls() throws InterruptedException {
        int[] times = new int[500];
        List<Integer> told = new ArrayList<>();

        Workers.forEach("test", 500, 4, i -> times[i]++, (done, total) -> told.add(done));

        assertThat(times).containsOnly(1);
        assertThat(told).isEqualTo(IntStream.rangeClosed(1, 500).boxed().toList());
    }

    @Test
    void theFirstErrorStopsTheRestAndIsThrown() {
        AtomicInteger started = new AtomicInteger();

        assertThatThrownBy(() -> Workers.forEach(
                        "test",
                        100_000,
                        3,
                        i -> {
                            started.incrementAndGet();
                            if (i == 10) {
                                throw new DataException("bad item 10");
                            }
                        },
                        (done, total) -> Thread.yield()))
                .isInstanceOf(DataException.class)
                .hasMessage("bad item 10");
        assertThat(started.get()).isLessThan(100_000);
    }

    @Test
    void nothingIsWorkedOnAnyMoreWhenAnErrorReachesTheCaller() {
        CountDownLatch bothStarted = new CountDownLatch(2);
        AtomicInteger inHand = new AtomicInteger();

        assertThatThrownBy(() -> Workers.forEach(
                        "test",
                        2,
                        2,
                        i -> {
                            inHand.incrementAndGet();
                            bothStarted.countDown();
                            try {
                                bothStarted.await();
                                Thread.sleep(100L * i);
                            } catch (InterruptedException e) {
                                throw new AssertionError(e);
                            } finally {
                                inHand.decrementAndGet();
                            }
                            if (i == 0) {
                                throw new DataException("bad item 0");
                            }
                        },
                        Progress.NONE))
                .hasMessage("bad item 0");

        assertThat(inHand).hasValue(0);
    }

    @Test
    void anErrorInTheProgressStopsTheRest() {
        AtomicInteger started = new AtomicInteger();

        assertThatThrownBy(() -> Workers.forEach("test", 100_000, 3, i -> started.incrementAndGet(), (done, total) -> {
                    throw new IllegalStateException("stop");
                }))
                .hasMessage("stop");

        assertThat(started.get()).isLessThanOrEqualTo(3);
    }

    @Test
    void anInterruptionEndsTheWork() throws InterruptedException {
        CountDownLatch working = new CountDownLatch(1);
        AtomicInteger finished = new AtomicInteger();
        Thread caller = new Thread(() -> {
            try {
                Workers.forEach(
                        "test",
                        1_000_000,
                        2,
                        i -> {
                            working.countDown();
                            Thread.onSpinWait();
                        },
                        Progress.NONE);
                finished.set(-1);
            } catch (InterruptedException e) {
                finished.set(1);
            }
        });
        caller.start();
        working.await();
        caller.interrupt();
        caller.join();

        assertThat(finished).hasValue(1);
    }
}
