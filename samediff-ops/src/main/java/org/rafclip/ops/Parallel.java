package org.rafclip.ops;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Splits loops over a fixed number of threads. Where a loop collects sums, {@link #runChunks} keeps them apart by chunks
 * that depend on the range alone, so that they come to the same bits on any number of threads.
 */
public final class Parallel {

    private static final int ALIGNMENT = 16;

    /** More chunks would keep more threads busy, but their sums have to be kept and added up. */
    private static final int MOST_CHUNKS = 32;

    /** Nanoseconds that a thread waits awake: loops follow each other within less, and waking one up takes as long. */
    private static final long PATIENCE = 100_000;

    private final int threads;
    private final ExecutorService pool;

    /** @param threads how many threads share a loop, the caller's included; at least 1 */
    public Parallel(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads must be at least 1: " + threads);
        }
        this.threads = threads;
        int others = Math.max(1, threads - 1);
        this.pool = new ThreadPoolExecutor(others, others, 0, TimeUnit.NANOSECONDS, new Parts(), task -> {
            Thread thread = new Worker(task);
            thread.setDaemon(true);
            return thread;
        });
    }

    /** The threads that the machine offers, or the system property {@code rafclip.threads}; matrix products use them too. */
    public static Parallel standard() {
        return Standard.INSTANCE;
    }

    public int threads() {
        return threads;
    }

    /**
     * Runs a body over {@code [0, count)} in at most {@link #threads()} contiguous parts of at least {@code grain}; within
     * a part of another loop in one part.
     *
     * @return how many parts ran; part numbers are below it
     */
    public int run(long count, long grain, Body body) {
        int parts = (int) Math.max(1, Math.min(threads, count / Math.max(1, grain)));
        if (parts == 1 || Thread.currentThread() instanceof Worker) {
            body.run(0, count, 0);
            return 1;
        }
        List<Future<?>> others = new ArrayList<>(parts - 1);
        Throwable failure = null;
        try {
            for (int part = 1; part < parts; part++) {
                int number = part;
                others.add(pool.submit(
                        () -> body.run(start(count, parts, number), start(count, parts, number + 1), number)));
            }
            body.run(0, start(count, parts, 1), 0);
        } catch (RuntimeException | Error e) {
            failure = e;
        }
        for (Future<?> other : others) {
            Throwable its = await(other);
            failure = failure == null ? its : failure;
        }
        if (failure instanceof RuntimeException e) {
            throw e;
        }
        if (failure instanceof Error e) {
            throw e;
        }
        return parts;
    }

    /**
     * Runs a body over {@code [0, count)} chunk by chunk: {@link #chunks} of them, the same on any number of threads. The
     * last argument of the body is the number of the chunk.
     */
    public void runChunks(long count, long grain, Body body) {
        int chunks = chunks(count, grain);
        run(chunks, 1, (from, to, part) -> {
            for (int chunk = (int) from; chunk < to; chunk++) {
                body.run(start(count, chunks, chunk), start(count, chunks, chunk + 1), chunk);
            }
        });
    }

    /** How many chunks of at least {@code grain} {@link #runChunks} makes of a range. */
    public static int chunks(long count, long grain) {
        return (int) Math.max(1, Math.min(MOST_CHUNKS, count / Math.max(1, grain)));
    }

    /** Where a part begins, aligned for vectors where parts are long. */
    static long start(long count, int parts, int part) {
        if (part == parts) {
            return count;
        }
        long even = count * part / parts;
        return count / parts > 4 * ALIGNMENT ? even / ALIGNMENT * ALIGNMENT : even;
    }

    /** Waits to the end even if interrupted, since the part works on memory that the caller will free; its failure or null. */
    private static Throwable await(Future<?> future) {
        long begin = System.nanoTime();
        while (!future.isDone() && System.nanoTime() - begin < PATIENCE) {
            Thread.onSpinWait();
        }
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    future.get();
                    return null;
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    return e.getCause();
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** One part of a loop. */
    @FunctionalInterface
    public interface Body {
        void run(long from, long to, int part);
    }

    /** Parts that wait for a thread. Threads wait for them awake at first. */
    private static final class Parts extends LinkedBlockingQueue<Runnable> {

        @Override
        public Runnable take() throws InterruptedException {
            long begin = System.nanoTime();
            Runnable next = poll();
            while (next == null && System.nanoTime() - begin < PATIENCE) {
                Thread.onSpinWait();
                next = poll();
            }
            return next != null ? next : super.take();
        }
    }

    /** A thread of a pool: a loop in it that waited for others of the pool could wait forever. */
    private static final class Worker extends Thread {
        Worker(Runnable task) {
            super(task, "samediff-ops");
        }
    }

    private static final class Standard {
        private static final Parallel INSTANCE = new Parallel(
                Integer.getInteger("rafclip.threads", Runtime.getRuntime().availableProcessors()));
    }
}
