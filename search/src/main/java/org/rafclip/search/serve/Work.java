package org.rafclip.search.serve;

import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What takes time, a bounded number of requests at once and a bounded number waiting. More are refused at once; who waited
 * too long is refused, and what it asked for is not begun any more.
 */
final class Work implements AutoCloseable {

    private final ThreadPoolExecutor workers;
    private final Duration limit;
    private final Duration stopping;

    /**
     * @param working at once
     * @param waiting at most
     * @param limit from the request to its answer
     * @param stopping how long {@link #close} waits for what is worked on
     */
    Work(int working, int waiting, Duration limit, Duration stopping) {
        AtomicInteger number = new AtomicInteger();
        this.workers = new ThreadPoolExecutor(
                working, working, 1, TimeUnit.MINUTES, new ArrayBlockingQueue<>(waiting), task -> {
                    Thread thread = new Thread(task, "request-" + number.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                });
        this.workers.allowCoreThreadTimeOut(true);
        this.limit = limit;
        this.stopping = stopping;
    }

    /**
     * Does something soon.
     *
     * @throws ApiException if too much is being done already
     */
    <T> CompletableFuture<T> submit(Callable<T> task) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        try {
            workers.execute(() -> {
                if (answer.isDone()) {
                    return;
                }
                try {
                    answer.complete(task.call());
                } catch (Throwable e) {
                    answer.completeExceptionally(e);
                }
            });
        } catch (RejectedExecutionException e) {
            throw ApiException.busy("too many requests at once; ask again in a moment");
        }
        return answer.orTimeout(limit.toMillis(), TimeUnit.MILLISECONDS).exceptionally(e -> {
            if (e instanceof TimeoutException) {
                throw ApiException.busy("no answer within " + limit.toSeconds() + " s; ask again in a moment");
            }
            throw e instanceof RuntimeException runtime ? runtime : new CompletionException(e);
        });
    }

    /** Requests that are worked on. */
    int working() {
        return workers.getActiveCount();
    }

    /** Requests that wait. */
    int waiting() {
        return workers.getQueue().size();
    }

    @Override
    public void close() {
        workers.shutdown();
        try {
            if (!workers.awaitTermination(stopping.toMillis(), TimeUnit.MILLISECONDS)) {
                workers.shutdownNow();
            }
        } catch (InterruptedException e) {
            workers.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
