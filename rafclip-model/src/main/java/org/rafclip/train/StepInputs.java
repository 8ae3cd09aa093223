package org.rafclip.train;

import java.util.Iterator;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.region.RegionBatch;
import org.rafclip.data.region.RegionBatches;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Encoded;

/** An epoch's batches as tensors and tokens, made ahead of the step. */
final class StepInputs implements AutoCloseable {

    private final RegionBatches.Epoch epoch;
    private final Prefetch<Inputs> ahead;

    /** @param withCrops whether the category branch takes part: its crops then come before the regions */
    StepInputs(RegionBatches.Epoch epoch, ClipTokenizer tokenizer, AttributeTaxonomy taxonomy, boolean withCrops) {
        this.epoch = epoch;
        this.ahead = new Prefetch<>(new Iterator<Inputs>() {
            @Override
            public boolean hasNext() {
                return epoch.hasNext();
            }

            @Override
            public Inputs next() {
                RegionBatch batch = epoch.next();
                BatchTexts texts = BatchTexts.of(batch, taxonomy, withCrops);
                return new Inputs(batch.epoch(), images(batch, withCrops), texts, tokenizer.encode(texts.texts()));
            }
        });
    }

    /**
     * What a step computes on.
     *
     * @param images {@code [n, 3, size, size]}
     * @param encoded the distinct texts
     */
    record Inputs(int epoch, INDArray images, BatchTexts texts, Encoded encoded) {}

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
        return ahead.next();
    }

    @Override
    public void close() {
        ahead.close();
        epoch.close();
    }
}
