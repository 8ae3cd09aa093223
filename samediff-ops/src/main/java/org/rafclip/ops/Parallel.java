package org.rafclip.ops;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Splits loops over a fixed number of threads. The split depends only on the thread count and the range, so sums that
 * are collected part by part come out the same every time on one machine.
 */
public final class Parallel {

    private static final int ALIGNMENT = 16;

    private final int threads;
    private final ExecutorService pool;

    /** @param threads how many threads share a loop, the caller's included; at least 1 */
    public Parallel(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads must be at least 1: " + threads);
        }
        this.threads = threads;
        this.pool = Executors.newFixedThreadPool(Math.max(1, threads - 1), task -> {
            Thread thread = new Thread(task, "samediff-ops");
            thread.setDaemon(true);
            return thread;
        });
    }

    /** The threads that the machine offers, or the system property {@code rafclip.threads}. */
    public static Parallel standard() {
        return Standard.INSTANCE;
    }

    public int threads() {
        return threads;
    }

    /**
     * Runs a body over {@code [0, count)} in at most {@link #threads()} contiguous parts of at least {@code grain}.
     *
     * @return how many parts ran; part numbers are below it
     */
    public int run(long count, long grain, Body body) {
        int parts = (int) Math.max(1, Math.min(threads, count / Math.max(1, grain)));
        if (parts == 1) {
            body.run(0, count, 0);
            return 1;
        }
        List<Future<?>> others = new ArrayList<>(parts - 1);
        for (int part = 1; part < parts; part++) {
            int number = part;
            others.add(
                    pool.submit(() -> body.run(start(count, parts, number), start(count, parts, number + 1), number)));
        }
        Throwable failure = null;
        try {
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

    private static long start(long count, int parts, int part) {
        if (part == parts) {
            return count;
        }
        long even = count * part / parts;
        return count / parts > 4 * ALIGNMENT ? even / ALIGNMENT * ALIGNMENT : even;
    }

    /** Waits to the end even if interrupted, since the part works on memory that the caller will free; its failure or null. */
    private static Throwable await(Future<?> future) {
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

    private static final class Standard {
        private static final Parallel INSTANCE = new Parallel(
                Integer.getInteger("rafclip.threads", Runtime.getRuntime().availableProcessors()));
    }
}
