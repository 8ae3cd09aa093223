package org.rafclip.train;

import java.util.Iterator;
import org.deeplearning4j.core.parallelism.AsyncIterator;

/**
 * What an iterator gives, made one ahead of its consumer in Deeplearning4j's prefetching thread.
 *
 * <p>That thread drops what an iterator throws and leaves its consumer waiting, so a failure travels as an element and is
 * thrown by {@link #next()}.
 */
public final class Prefetch<T> implements AutoCloseable {

    private final AsyncIterator<Made<T>> ahead;

    /** @param source is used by the prefetching thread alone from now on */
    public Prefetch(Iterator<? extends T> source) {
        this.ahead = new AsyncIterator<>(
                new Iterator<>() {
                    private Throwable failure;
                    private boolean told;

                    @Override
                    public boolean hasNext() {
                        try {
                            return failure == null ? source.hasNext() : !told;
                        } catch (RuntimeException | Error e) {
                            failure = e;
                            return true;
                        }
                    }

                    @Override
                    public Made<T> next() {
                        T element = null;
                        try {
                            element = failure == null ? source.next() : null;
                        } catch (RuntimeException | Error e) {
                            failure = e;
                        }
                        told = failure != null;
                        return new Made<>(element, failure);
                    }
                },
                1);
    }

    private record Made<T>(T element, Throwable failure) {}

    public boolean hasNext() {
        return ahead.hasNext();
    }

    /** The next element; throws what the source threw in its place. */
    public T next() {
        ahead.hasNext();
        Made<T> made = ahead.next();
        if (made.failure() instanceof RuntimeException e) {
            throw e;
        }
        if (made.failure() instanceof Error e) {
            throw e;
        }
        return made.element();
    }

    /** Ends the thread; what it has made ahead is dropped. */
    @Override
    public void close() {
        ahead.shutdown();
    }
}
