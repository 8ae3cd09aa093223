package org.rafclip.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class PrefetchTest {

    private static <T> Prefetch<T> ahead(Iterator<T> source, int depth) {
        return new Prefetch<>(source, depth, unused -> {});
    }

    /** Counts from 0 without end. */
    private static Iterator<Integer> counting(AtomicInteger made) {
        return Stream.generate(made::getAndIncrement).iterator();
    }

    @Test
    void elementsComeInOrder() {
        List<Integer> taken = new ArrayList<>();
        try (Prefetch<Integer> ahead = ahead(List.of(3, 1, 2).iterator(), 2)) {
            while (ahead.hasNext()) {
                taken.add(ahead.next());
            }
        }

        assertThat(taken).containsExactly(3, 1, 2);
    }

    @Test
    void theNextElementIsMadeWhileThisOneIsUsed() throws InterruptedException {
        CountDownLatch second = new CountDownLatch(1);
        Iterator<Integer> source = new Iterator<>() {
            private int next;

            @Override
            public boolean hasNext() {
                return next < 3;
            }

            @Override
            public Integer next() {
                if (next == 1) {
                    second.countDown();
                }
                return next++;
            }
        };
        try (Prefetch<Integer> ahead = ahead(source, 1)) {
            assertThat(ahead.next()).isZero();
            assertThat(second.await(20, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void aFailureIsThrownInThePlaceOfItsElement() {
        Iterator<Integer> source = List.of(1, 0, 1).stream().map(i -> 6 / i).iterator();
        try (Prefetch<Integer> ahead = ahead(source, 1)) {
            assertThat(ahead.next()).isEqualTo(6);
            assertThatThrownBy(ahead::next).isInstanceOf(ArithmeticException.class);
            assertThat(ahead.hasNext()).isFalse();
        }
    }

    @Test
    void noMoreElementsAreMadeAheadThanAskedAndThoseNobodyTookAreDiscarded() throws InterruptedException {
        for (int depth = 1; depth <= 4; depth++) {
            AtomicInteger made = new AtomicInteger();
            List<Integer> discarded = new ArrayList<>();
            try (Prefetch<Integer> ahead = new Prefetch<>(counting(made), depth, discarded::add)) {
                assertThat(ahead.next()).isZero();
                assertThat(ahead.hasNext()).isTrue();
                Thread.sleep(200);
                assertThat(made).hasValue(1 + depth);
            }
            assertThat(discarded)
                    .isEqualTo(IntStream.rangeClosed(1, depth).boxed().toList());
        }
    }

    @Test
    void closingWaitsForTheElementInHandAndThenThereIsNoNext() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        AtomicInteger interrupted = new AtomicInteger();
        Iterator<Integer> slow = Stream.generate(() -> {
                    begun.countDown();
                    try {
                        Thread.sleep(20_000);
                    } catch (InterruptedException e) {
                        interrupted.incrementAndGet();
                        throw new CancellationException("interrupted");
                    }
                    return 1;
                })
                .iterator();
        Prefetch<Integer> ahead = ahead(slow, 1);
        begun.await();
        ahead.close();

        assertThat(interrupted).hasValue(1);
        assertThat(ahead.hasNext()).isFalse();
        assertThatThrownBy(ahead::next).isInstanceOf(NoSuchElementException.class);
    }

    @Test
    void nothingAheadIsRefused() {
        assertThatThrownBy(() -> ahead(List.of(1).iterator(), 0)).hasMessageContaining("at least one");
    }
}
