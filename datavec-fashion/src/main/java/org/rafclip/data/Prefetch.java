package org.rafclip.data;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import org.deeplearning4j.core.parallelism.AsyncIterator;

/**
 * What an iterator gives, made ahead of its consumer in Deeplearning4j's prefetching thread.
 *
 * <p>That thread drops what an iterator throws and leaves its consumer waiting, so a failure travels as an element and is
 * thrown by {@link #next()}. It also makes one element more than its queue holds; here no more are made than asked for.
 */
public final class Prefetch<T> implements AutoCloseable {

    private final Consumer<? super T> discard;
    private final Semaphore wanted;
    private final Queue<Made<T>> unused = new ConcurrentLinkedQueue<>();
    private final AsyncIterator<Made<T>> ahead;

    /**
     * @param source is used by the prefetching thread alone until this is closed
     * @param depth elements made ahead of the one in use, at least 1
     * @param discard is given the elements that nobody has taken when this is closed
     */
    public Prefetch(Iterator<? extends T> source, int depth, Consumer<? super T> discard) {
        if (depth < 1) {
            throw new IllegalArgumentException("at least one element is made ahead, not " + depth);
        }
        this.discard = discard;
        this.wanted = new Semaphore(depth);
        this.ahead = new AsyncIterator<>(new Source(source), depth);
    }

    private record Made<T>(T element, Throwable failure) {}

    /** Asks the source for no more than is wanted, and turns what it throws into an element. */
    private final class Source implements Iterator<Made<T>> {

        private final Iterator<? extends T> source;
        private Throwable failure;
        private boolean told;

        Source(Iterator<? extends T> source) {
            this.source = source;
        }

        /** Waits until an element is wanted, as some iterators make theirs here. */
        @Override
        public boolean hasNext() {
            try {
                wanted.acquire();
                return failure == null ? source.hasNext() : !told;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
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
            Made<T> made = new Made<>(element, failure);
            unused.add(made);
            return made;
        }
    }

    public boolean hasNext() {
        return ahead.hasNext();
    }

    /** The next element; throws what the source threw in its place. */
    public T next() {
        if (!ahead.hasNext()) {
            throw new NoSuchElementException("the source has no more elements");
        }
        ahead.next();
        Made<T> made = unused.remove();
        wanted.release();
        if (made.failure() instanceof RuntimeException e) {
            throw e;
        }
        if (made.failure() instanceof Error e) {
            throw e;
        }
        return made.element();
    }

    /** Ends the thread and discards what it has made ahead. */
    @Override
    public void close() {
        ahead.shutdown();
        for (Made<T> made = unused.poll(); made != null; made = unused.poll()) {
            if (made.failure() == null) {
                discard.accept(made.element());
            }
        }
    }
}
