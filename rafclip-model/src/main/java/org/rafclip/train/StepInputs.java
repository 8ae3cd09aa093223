package org.rafclip.train;

import java.util.Iterator;
import java.util.NoSuchElementException;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.region.FashionRecordReader;
import org.rafclip.data.region.FashionRecordReader.Column;
import org.rafclip.data.region.RegionBatch;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Encoded;

/** A reader's records as what a step computes on: tensors and tokens of one batch after the other. */
final class StepInputs implements Iterator<StepInputs.Inputs> {

    private final FashionRecordReader reader;
    private final int size;
    private final ClipTokenizer tokenizer;
    private final AttributeTaxonomy taxonomy;
    private final boolean withCrops;
    private int left;

    /**
     * @param reader stands where the first batch begins
     * @param size of a batch
     * @param batches to be made
     * @param withCrops whether the category branch takes part: its crops then come before the regions
     */
    StepInputs(
            FashionRecordReader reader,
            int size,
            int batches,
            ClipTokenizer tokenizer,
            AttributeTaxonomy taxonomy,
            boolean withCrops) {
        this.reader = reader;
        this.size = size;
        this.left = batches;
        this.tokenizer = tokenizer;
        this.taxonomy = taxonomy;
        this.withCrops = withCrops;
    }

    /**
     * What a step computes on.
     *
     * @param images {@code [n, 3, size, size]}
     * @param encoded the distinct texts
     */
    record Inputs(INDArray images, BatchTexts texts, Encoded encoded) implements AutoCloseable {

        @Override
        public void close() {
            images.close();
        }
    }

    @Override
    public boolean hasNext() {
        return left > 0;
    }

    /** @throws org.rafclip.data.DataException where a photo of the batch cannot be prepared */
    @Override
    public Inputs next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the epoch has no more batches");
        }
        left--;
        RegionBatch batch = withCrops
                ? RegionBatch.of(reader.next(size), Column.CROP, Column.REGION)
                : RegionBatch.of(reader.next(size), Column.REGION);
        BatchTexts texts = BatchTexts.of(batch, taxonomy, withCrops);
        return new Inputs(batch.images(), texts, tokenizer.encode(texts.texts()));
    }
}
