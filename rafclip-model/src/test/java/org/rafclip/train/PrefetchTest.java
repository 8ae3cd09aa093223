package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class PrefetchTest {

    @Test
    void elementsComeInOrder() {
        List<Integer> taken = new ArrayList<>();
        try (Prefetch<Integer> ahead = new Prefetch<>(List.of(3, 1, 2).iterator())) {
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
        try (Prefetch<Integer> ahead = new Prefetch<>(source)) {
            assertThat(ahead.next()).isZero();
            assertThat(second.await(20, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void aFailureIsThrownInThePlaceOfItsElement() {
        Iterator<Integer> source = List.of(1, 0, 1).stream().map(i -> 6 / i).iterator();
        try (Prefetch<Integer> ahead = new Prefetch<>(source)) {
            assertThat(ahead.next()).isEqualTo(6);
            assertThatThrownBy(ahead::next).isInstanceOf(ArithmeticException.class);
            assertThat(ahead.hasNext()).isFalse();
        }
    }
}
