package org.rafclip.search.build;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.function.Consumer;
import java.util.function.Function;

/** Work on several threads, whose results the calling thread takes in the order in which they come about. */
final class Workers {

    private Workers() {}

    /** What a thread came to: a result, a failure, or, without either, its end. */
    private record Done<R>(R result, Throwable failure) {}

    /**
     * Works through all items.
     *
     * @param next gives the items; asked by one thread at a time
     * @param take if it throws, or the work does, nothing further is begun and it is thrown once all threads have ended
     */
    static <T, R> void run(int threads, Iterator<T> next, Function<T, R> work, Consumer<R> take) {
        BlockingQueue<Done<R>> done = new ArrayBlockingQueue<>(2 * threads);
        List<Thread> running = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            Thread thread = new Thread(() -> work(next, work, done), "index-" + i);
            thread.setDaemon(true);
            thread.start();
            running.add(thread);
        }
        boolean whole = false;
        try {
            for (int ended = 0; ended < threads; ) {
                Done<R> one = done.take();
                if (one.failure() instanceof RuntimeException e) {
                    throw e;
                } else if (one.failure() instanceof Error e) {
                    throw e;
                } else if (one.result() == null) {
                    ended++;
                } else {
                    take.accept(one.result());
                }
            }
            whole = true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        } finally {
            if (!whole) {
                running.forEach(Thread::interrupt);
                running.forEach(Workers::await);
            }
        }
    }

    private static void await(Thread thread) {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static <T, R> void work(Iterator<T> next, Function<T, R> work, BlockingQueue<Done<R>> done) {
        try {
            try {
                Optional<T> item = next(next);
                while (item.isPresent() && !Thread.currentThread().isInterrupted()) {
                    done.put(new Done<>(work.apply(item.get()), null));
                    item = next(next);
                }
                done.put(new Done<>(null, null));
            } catch (RuntimeException | Error e) {
                done.put(new Done<>(null, e));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static <T> Optional<T> next(Iterator<T> items) {
        synchronized (items) {
            return items.hasNext() ? Optional.of(items.next()) : Optional.empty();
        }
    }
}
