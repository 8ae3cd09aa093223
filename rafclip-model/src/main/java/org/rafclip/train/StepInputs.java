package org.rafclip.train;

import java.util.Iterator;
import java.util.NoSuchElementException;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.Seeds;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.region.FashionRecordReader;
import org.rafclip.data.region.RegionBatch;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Encoded;

/**
 * A reader's records as what a step computes on: tensors and tokens of one batch after the other. Where a text has several
 * templates, a garment's is drawn from (seed, epoch, position in the epoch's order).
 */
final class StepInputs implements Iterator<StepInputs.Inputs> {

    private static final int TEMPLATE = -2;

    private final FashionRecordReader reader;
    private final AttributeTaxonomy taxonomy;
    private final ClipTokenizer tokenizer;
    private final RafClipConfig config;
    private int left;

    /**
     * @param reader stands where the first batch begins
     * @param batches to be made
     */
    StepInputs(
            FashionRecordReader reader,
            int batches,
            ClipTokenizer tokenizer,
            AttributeTaxonomy taxonomy,
            RafClipConfig config) {
        this.reader = reader;
        this.left = batches;
        this.tokenizer = tokenizer;
        this.taxonomy = taxonomy;
        this.config = config;
    }

    /**
     * What a step computes on.
     *
     * @param images {@code [branches · n, 3, size, size]}, or those that the reader is limited to
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
        int epoch = reader.epoch();
        int first = reader.position();
        RegionBatch batch = RegionBatch.of(reader.next(config.train().batchSize()), BatchTexts.branches(config.loss()));
        BatchTexts texts = BatchTexts.of(
                batch,
                taxonomy,
                config.loss(),
                config.prompts(),
                (garment, form, templates) -> templates == 1
                        ? 0
                        : Seeds.stream(config.seed(), epoch, first + garment, TEMPLATE, form)
                                .nextInt(templates));
        return new Inputs(batch.images(), texts, tokenizer.encode(texts.texts()));
    }
}
