package org.rafclip.data;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/** Work on the items of a list, side by side on a given number of threads. */
public final class Workers {

    private Workers() {}

    /**
     * Runs {@code work} for 0 to {@code count - 1}, started in this order, and returns when all is done.
     *
     * <p>The first exception stops the rest and is thrown here; so does an interruption of the calling thread. Either
     * way no item is being worked on any more when this method ends.
     *
     * @param name of the worker threads
     * @param work called on several threads at once; writes its results by index, so that they do not depend on the
     *     number of threads
     */
    public static void forEach(String name, int count, int threads, IntConsumer work, Progress progress)
            throws InterruptedException {
        AtomicInteger next = new AtomicInteger();
        int[] done = {0};
        ExecutorService workers = Executors.newFixedThreadPool(threads, task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        });
        try {
            List<Future<?>> ends = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                ends.add(workers.submit(() -> {
                    for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
                        try {
                            work.accept(i);
                            synchronized (done) {
                                progress.update(++done[0], count);
                            }
                        } catch (RuntimeException | Error e) {
                            next.set(count);
                            throw e;
                        }
                    }
                }));
            }
            for (Future<?> end : ends) {
                end.get();
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw (RuntimeException) e.getCause();
        } finally {
            next.set(count);
            workers.shutdown();
            awaitEnd(workers);
        }
    }

    private static void awaitEnd(ExecutorService workers) {
        boolean interrupted = false;
        while (!workers.isTerminated()) {
            try {
                workers.awaitTermination(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
