package org.rafclip.data.region;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.rafclip.data.Seeds;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.image.Dimensions;

/**
 * Serves a list of garments as batches, epoch after epoch.
 *
 * <p>The order of an epoch is a permutation drawn from (seed, epoch); a garment's augmentation is drawn from (seed,
 * epoch, its position in the list, branch). Nothing depends on threads, timing or where in the epoch one starts.
 */
public final class RegionBatches {

    private static final int ORDER = -1;
    private static final int CROP = 0;
    private static final int REGION = 1;

    private final RegionLoader loader;
    private final List<FashionItem> items;
    private final Options options;

    /**
     * How to serve.
     *
     * @param batchSize garments in a batch
     * @param shuffle whether an epoch has its own order; else the list's
     * @param dropLast whether to leave out an epoch's last batch where it is not full
     * @param seed of order and augmentation
     * @param threads preparing side by side
     * @param prefetch batches prepared ahead of the one in use, from 0
     */
    public record Options(int batchSize, boolean shuffle, boolean dropLast, long seed, int threads, int prefetch) {

        public Options {
            if (batchSize < 1 || threads < 1 || prefetch < 0) {
                throw new IllegalArgumentException("batches need a size and threads from 1 and prefetch from 0, not "
                        + batchSize + ", " + threads + ", " + prefetch);
            }
        }
    }

    /**
     * @param items of the loader's split, such as its training part
     * @throws IllegalArgumentException where no batch comes out of them
     */
    public RegionBatches(RegionLoader loader, List<FashionItem> items, Options options) {
        this.loader = loader;
        this.items = List.copyOf(items);
        this.options = options;
        if (batchesPerEpoch() == 0) {
            throw new IllegalArgumentException(
                    items.size() + " garments make no batch of " + options.batchSize() + "; take a smaller batch size");
        }
    }

    public int batchesPerEpoch() {
        int size = options.batchSize();
        return options.dropLast() ? items.size() / size : (items.size() + size - 1) / size;
    }

    /** The whole of an epoch; see {@link #epoch(int, int)}. */
    public Epoch epoch(int epoch) {
        return epoch(epoch, 0);
    }

    /**
     * An epoch's batches from one of them on.
     *
     * @param epoch from 0
     * @param firstBatch 0 to {@link #batchesPerEpoch()}
     * @return to be closed, which ends its threads
     */
    public Epoch epoch(int epoch, int firstBatch) {
        if (epoch < 0 || firstBatch < 0 || firstBatch > batchesPerEpoch()) {
            throw new IllegalArgumentException(
                    "there is no batch " + firstBatch + " of " + batchesPerEpoch() + " in epoch " + epoch);
        }
        return new Epoch(epoch, firstBatch);
    }

    private int[] order(int epoch) {
        return options.shuffle()
                ? Seeds.permutation(items.size(), Seeds.stream(options.seed(), epoch, ORDER, 0))
                : IntStream.range(0, items.size()).toArray();
    }

    /**
     * Batches in order. An error while preparing one is thrown by the {@link #next()} that would have returned it. For one
     * consumer thread.
     */
    public final class Epoch implements Iterator<RegionBatch>, AutoCloseable {

        private final int epoch;
        private final int[] order;
        private final ExecutorService workers;
        private final Deque<Pending> ahead = new ArrayDeque<>();
        private int next;
        private int started;

        private Epoch(int epoch, int firstBatch) {
            this.epoch = epoch;
            this.order = order(epoch);
            this.next = firstBatch;
            this.started = firstBatch;
            this.workers = Executors.newFixedThreadPool(options.threads(), task -> {
                Thread thread = new Thread(task, "region-batches");
                thread.setDaemon(true);
                return thread;
            });
            start(options.prefetch());
        }

        private void start(int wanted) {
            while (ahead.size() < wanted && started < batchesPerEpoch()) {
                int from = started * options.batchSize();
                int to = Math.min(items.size(), from + options.batchSize());
                ahead.add(new Pending(epoch, started, Arrays.copyOfRange(order, from, to), workers));
                started++;
            }
        }

        @Override
        public boolean hasNext() {
            return next < batchesPerEpoch();
        }

        /**
         * @throws org.rafclip.data.DataException where a photo of the batch cannot be prepared
         * @throws IllegalStateException after {@link #close()}
         */
        @Override
        public RegionBatch next() {
            if (!hasNext()) {
                throw new NoSuchElementException("epoch " + epoch + " has " + batchesPerEpoch() + " batches");
            }
            if (workers.isShutdown()) {
                throw new IllegalStateException("this epoch is closed");
            }
            start(1);
            Pending pending = ahead.remove();
            next++;
            start(options.prefetch());
            return pending.await();
        }

        @Override
        public void close() {
            workers.shutdownNow();
            ahead.clear();
        }
    }

    /** A batch whose parts are being prepared. */
    private final class Pending {

        private final RegionBatch batch;
        private final RegionSample[] samples;
        private final List<Future<?>> parts = new ArrayList<>();

        Pending(int epoch, int index, int[] members, ExecutorService workers) {
            Dimensions size = loader.settings().size();
            int floats = Math.toIntExact(3L * members.length * size.width() * size.height());
            samples = new RegionSample[members.length];
            batch = new RegionBatch(
                    epoch,
                    index,
                    members,
                    List.of(),
                    size.width(),
                    size.height(),
                    new float[floats],
                    new float[floats],
                    List.of(),
                    List.of(),
                    new int[members.length][]);
            int chunk = Math.max(1, members.length / (4 * options.threads()));
            for (int from = 0; from < members.length; from += chunk) {
                int first = from;
                int end = Math.min(members.length, from + chunk);
                parts.add(workers.submit(() -> {
                    for (int i = first; i < end && !Thread.currentThread().isInterrupted(); i++) {
                        prepare(i);
                    }
                }));
            }
        }

        private void prepare(int i) {
            int member = batch.samples()[i];
            RegionSample sample = loader.load(items.get(member));
            int offset = i * 3 * batch.width() * batch.height();
            loader.cropRest()
                    .toFloats(
                            sample.crop(),
                            Seeds.stream(options.seed(), batch.epoch(), member, CROP),
                            batch.crops(),
                            offset);
            loader.regionRest()
                    .toFloats(
                            sample.region(),
                            Seeds.stream(options.seed(), batch.epoch(), member, REGION),
                            batch.regions(),
                            offset);
            batch.attributes()[i] =
                    sample.attributes().stream().mapToInt(Integer::intValue).toArray();
            samples[i] = sample;
        }

        RegionBatch await() {
            try {
                for (Future<?> part : parts) {
                    part.get();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CancellationException("interrupted while waiting for a batch");
            } catch (ExecutionException e) {
                if (e.getCause() instanceof Error error) {
                    throw error;
                }
                throw (RuntimeException) e.getCause();
            }
            return new RegionBatch(
                    batch.epoch(),
                    batch.index(),
                    batch.samples(),
                    Arrays.stream(samples).map(RegionSample::id).toList(),
                    batch.width(),
                    batch.height(),
                    batch.crops(),
                    batch.regions(),
                    Arrays.stream(samples).map(RegionSample::color).toList(),
                    Arrays.stream(samples).map(RegionSample::category).toList(),
                    batch.attributes());
        }
    }
}
