package org.rafclip.search;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;

/**
 * The one thread that a model's networks run on, which are for one thread. What waits of one kind is done together, up to a
 * batch; kinds take their turns by who waits longest.
 */
final class Encoding implements AutoCloseable {

    private final int limit;
    private final Deque<Job<?, ?>> waiting = new ArrayDeque<>();
    private final Thread thread;
    private int items;
    private boolean closed;

    /**
     * A kind of work that is done in batches.
     *
     * @param batch items at most that are done together
     * @param run gives a result for each item, in their order
     */
    record Kind<T, R>(int batch, Function<List<T>, List<R>> run) {}

    private record Job<T, R>(Kind<T, R> kind, List<T> items, CompletableFuture<List<R>> result) {}

    /** @param limit items that may wait */
    Encoding(int limit) {
        this.limit = limit;
        this.thread = new Thread(this::work, "fashion-model");
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Waits for work to be done.
     *
     * @throws Busy if too much waits already
     * @throws IllegalStateException if this was closed
     */
    <T, R> List<R> run(Kind<T, R> kind, List<T> some) {
        if (some.isEmpty()) {
            return List.of();
        }
        Job<T, R> job = new Job<>(kind, List.copyOf(some), new CompletableFuture<>());
        synchronized (waiting) {
            requireOpen();
            if (items > 0 && items + some.size() > limit) {
                throw new Busy(items);
            }
            items += some.size();
            waiting.add(job);
            waiting.notifyAll();
        }
        try {
            return job.result().join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw (RuntimeException) e.getCause();
        }
    }

    /** Items that wait. */
    int waiting() {
        synchronized (waiting) {
            return items;
        }
    }

    /** @throws IllegalStateException if this was closed */
    void requireOpen() {
        synchronized (waiting) {
            if (closed) {
                throw new IllegalStateException("the model is closed");
            }
        }
    }

    private void work() {
        try {
            while (true) {
                List<Job<?, ?>> together = next();
                if (together.isEmpty()) {
                    return;
                }
                perform(together);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The job that waits longest and others of its kind that fit into its batch; none when this was closed. */
    private List<Job<?, ?>> next() throws InterruptedException {
        synchronized (waiting) {
            while (waiting.isEmpty() && !closed) {
                waiting.wait();
            }
            List<Job<?, ?>> together = new ArrayList<>();
            int size = 0;
            for (Job<?, ?> job : waiting) {
                boolean first = together.isEmpty();
                if (first
                        || job.kind() == together.get(0).kind()
                                && size + job.items().size() <= job.kind().batch()) {
                    together.add(job);
                    size += job.items().size();
                }
            }
            waiting.removeAll(together);
            items -= size;
            return together;
        }
    }

    @SuppressWarnings("unchecked")
    private static <T, R> void perform(List<Job<?, ?>> together) {
        List<Job<T, R>> jobs = new ArrayList<>();
        together.forEach(job -> jobs.add((Job<T, R>) job));
        try {
            List<T> all = new ArrayList<>();
            jobs.forEach(job -> all.addAll(job.items()));
            Kind<T, R> kind = jobs.get(0).kind();
            List<R> results = new ArrayList<>(all.size());
            for (int from = 0; from < all.size(); from += kind.batch()) {
                results.addAll(kind.run().apply(all.subList(from, Math.min(all.size(), from + kind.batch()))));
            }
            int done = 0;
            for (Job<T, R> job : jobs) {
                int end = done + job.items().size();
                job.result().complete(List.copyOf(results.subList(done, end)));
                done = end;
            }
        } catch (RuntimeException | Error e) {
            jobs.forEach(job -> job.result().completeExceptionally(e));
        }
    }

    /** Waits for what runs; what waits is refused. */
    @Override
    public void close() {
        List<Job<?, ?>> refused;
        synchronized (waiting) {
            closed = true;
            refused = List.copyOf(waiting);
            waiting.clear();
            items = 0;
            waiting.notifyAll();
        }
        refused.forEach(job -> job.result().completeExceptionally(new IllegalStateException("the model is closed")));
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
}
