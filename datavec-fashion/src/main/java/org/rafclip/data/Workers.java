package org.rafclip.data;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/** Threads that work on the items of one list after another, side by side. */
public final class Workers implements AutoCloseable {

    private final int threads;
    private final ExecutorService pool;

    /**
     * @param name of the threads
     * @param threads at least 1; each starts when it is first needed and ends on {@link #close()}
     */
    public Workers(String name, int threads) {
        this.threads = threads;
        this.pool = Executors.newFixedThreadPool(threads, task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        });
    }

    /** {@link #forEach(int, IntConsumer, Progress)} on threads that end with it. */
    public static void forEach(String name, int count, int threads, IntConsumer work, Progress progress)
            throws InterruptedException {
        try (Workers workers = new Workers(name, threads)) {
            workers.forEach(count, work, progress);
        }
    }

    /**
     * Runs {@code work} for 0 to {@code count - 1}, started in this order, and returns when all is done.
     *
     * <p>An exception stops the rest and is thrown here, that of the first item where there are several; so does an
     * interruption of the calling thread. Either way no item is being worked on any more when this method ends.
     *
     * @param work called on several threads at once; writes its results by index, so that they do not depend on the
     *     number of threads
     * @throws java.util.concurrent.RejectedExecutionException after {@link #close()}
     */
    public void forEach(int count, IntConsumer work, Progress progress) throws InterruptedException {
        Run run = new Run(count, work, progress);
        List<Future<?>> ends = new ArrayList<>();
        for (int thread = 0; thread < Math.min(threads, count); thread++) {
            ends.add(pool.submit(run));
        }
        boolean interrupted = false;
        for (Future<?> end : ends) {
            interrupted |= awaitEnd(end, run);
        }
        if (interrupted) {
            throw new InterruptedException();
        }
        if (run.failure instanceof Error error) {
            throw error;
        }
        if (run.failure != null) {
            throw (RuntimeException) run.failure;
        }
    }

    /** @return whether the calling thread was interrupted meanwhile */
    private static boolean awaitEnd(Future<?> end, Run run) {
        boolean interrupted = false;
        while (true) {
            try {
                end.get();
                return interrupted;
            } catch (InterruptedException e) {
                interrupted = true;
                run.stop();
            } catch (ExecutionException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /** Ends the threads. */
    @Override
    public void close() {
        pool.shutdown();
    }

    /** One list's work, done by several threads. */
    private static final class Run implements Runnable {

        private final int count;
        private final IntConsumer work;
        private final Progress progress;
        private final AtomicInteger next = new AtomicInteger();
        private int done;
        private int failed;
        private Throwable failure;

        Run(int count, IntConsumer work, Progress progress) {
            this.count = count;
            this.work = work;
            this.progress = progress;
            this.failed = count;
        }

        void stop() {
            next.set(count);
        }

        @Override
        public void run() {
            for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
                try {
                    work.accept(i);
                    synchronized (this) {
                        progress.update(++done, count);
                    }
                } catch (RuntimeException | Error e) {
                    stop();
                    fail(i, e);
                }
            }
        }

        private synchronized void fail(int item, Throwable e) {
            if (item < failed) {
                failed = item;
                failure = e;
            }
        }
    }
}
