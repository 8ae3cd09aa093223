package org.rafclip.train;

import java.util.Iterator;
import org.deeplearning4j.core.parallelism.AsyncIterator;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.region.RegionBatch;
import org.rafclip.data.region.RegionBatches;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Encoded;

/**
 * An epoch's batches as tensors and tokens, made one ahead of the step in Deeplearning4j's prefetching thread.
 *
 * <p>That thread drops what an iterator throws and leaves its consumer waiting, so a failure travels as an element and is
 * thrown by {@link #next()}.
 */
final class StepInputs implements AutoCloseable {

    private final RegionBatches.Epoch epoch;
    private final AsyncIterator<Inputs> ahead;

    /** @param withCrops whether the category branch takes part: its crops then come before the regions */
    StepInputs(RegionBatches.Epoch epoch, ClipTokenizer tokenizer, AttributeTaxonomy taxonomy, boolean withCrops) {
        this.epoch = epoch;
        this.ahead = new AsyncIterator<>(
                new Iterator<>() {
                    private boolean failed;

                    @Override
                    public boolean hasNext() {
                        return !failed && epoch.hasNext();
                    }

                    @Override
                    public Inputs next() {
                        try {
                            RegionBatch batch = epoch.next();
                            BatchTexts texts = BatchTexts.of(batch, taxonomy, withCrops);
                            return new Inputs(
                                    batch.epoch(),
                                    images(batch, withCrops),
                                    texts,
                                    tokenizer.encode(texts.texts()),
                                    null);
                        } catch (RuntimeException e) {
                            failed = true;
                            return new Inputs(0, null, null, null, e);
                        }
                    }
                },
                1);
    }

    /**
     * What a step computes on.
     *
     * @param images {@code [n, 3, size, size]}
     * @param encoded the distinct texts
     * @param failure what went wrong instead, or null
     */
    record Inputs(int epoch, INDArray images, BatchTexts texts, Encoded encoded, RuntimeException failure) {}

    private static INDArray images(RegionBatch batch, boolean withCrops) {
        float[] pixels = batch.regions();
        if (withCrops) {
            pixels = new float[batch.crops().length + batch.regions().length];
            System.arraycopy(batch.crops(), 0, pixels, 0, batch.crops().length);
            System.arraycopy(batch.regions(), 0, pixels, batch.crops().length, batch.regions().length);
        }
        long[] shape = batch.shape();
        shape[0] = withCrops ? 2 * shape[0] : shape[0];
        return Nd4j.create(pixels, shape, 'c');
    }

    boolean hasNext() {
        return ahead.hasNext();
    }

    Inputs next() {
        ahead.hasNext();
        Inputs inputs = ahead.next();
        if (inputs.failure() != null) {
            throw inputs.failure();
        }
        return inputs;
    }

    @Override
    public void close() {
        ahead.shutdown();
        epoch.close();
    }
}
