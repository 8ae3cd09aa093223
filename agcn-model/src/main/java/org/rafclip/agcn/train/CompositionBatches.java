package org.rafclip.agcn.train;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import org.datavec.api.writable.Writable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.data.DataException;
import org.rafclip.data.Prefetch;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.Captions;
import org.rafclip.data.fashioniq.Triplet;
import org.rafclip.data.fashioniq.TripletRecordReader;
import org.rafclip.data.fashioniq.TripletRecordReader.Column;
import org.rafclip.train.TrainConfig;

/**
 * Records of a {@link TripletRecordReader} as batches of features. Order and caption form are a function of (seed, epoch);
 * an epoch leaves out what does not fill a batch.
 */
public final class CompositionBatches {

    private static final int AHEAD = 2;

    private final List<Triplet> triplets;
    private final EncodedData features;
    private final int size;
    private final long seed;

    /**
     * @param triplets with targets
     * @param features of their images and of all their {@link #wordings}
     * @throws DataException if there are fewer triplets than a batch has
     */
    public CompositionBatches(List<Triplet> triplets, EncodedData features, int size, long seed) {
        this.triplets = triplets;
        this.features = features;
        this.size = size;
        this.seed = seed;
        if (triplets.size() < size) {
            throw new DataException(triplets.size() + " triplets make no batch of " + size
                    + "; add " + TrainConfig.smallerBatch(triplets.size())
                    + ", or give more triplets: rows of data.triplets-table, or, where labels"
                    + " make them, data.triplets.per-reference");
        }
    }

    /**
     * What a step computes on; its arrays live until it is closed.
     *
     * @param inputs placeholders of the composer
     * @param targets embeddings of the distinct targets, of length 1, {@code [m, d]}
     * @param targetOfQuery for each query the row of its target
     */
    public record Batch(Map<String, INDArray> inputs, INDArray targets, int[] targetOfQuery) implements AutoCloseable {

        @Override
        public void close() {
            inputs.values().forEach(INDArray::close);
            targets.close();
        }
    }

    /** Every text that a triplet can be trained with. */
    public static Set<String> wordings(Triplet triplet) {
        Set<String> wordings = new LinkedHashSet<>();
        List<String> captions = triplet.captions();
        wordings.add(Captions.joined(captions));
        if (captions.size() == 2) {
            wordings.add(Captions.joined(List.of(captions.get(1), captions.get(0))));
        }
        wordings.addAll(Captions.queries(captions, CaptionForm.SINGLE));
        return wordings;
    }

    public int perEpoch() {
        return triplets.size() / size;
    }

    /** An epoch's batches from one of them on, gathered while the one before is computed on. */
    public Prefetch<Batch> ahead(int epoch, int firstBatch) {
        return new Prefetch<>(batches(epoch, firstBatch), AHEAD, Batch::close);
    }

    /** An epoch's batches from one of them on. */
    public Iterator<Batch> batches(int epoch, int firstBatch) {
        TripletRecordReader reader = TripletRecordReader.forTraining(seed).shuffled(seed);
        reader.initialize(triplets);
        reader.seek(epoch, firstBatch * size);
        return new Iterator<>() {
            private int next = firstBatch;

            @Override
            public boolean hasNext() {
                return next < perEpoch();
            }

            @Override
            public Batch next() {
                if (!hasNext()) {
                    throw new NoSuchElementException("epoch " + epoch + " has " + perEpoch() + " batches");
                }
                next++;
                return batch(reader.next(size));
            }
        };
    }

    private Batch batch(List<List<Writable>> records) {
        List<String> references = new ArrayList<>();
        List<String> texts = new ArrayList<>();
        Map<String, Integer> targetRow = new LinkedHashMap<>();
        int[] targetOfQuery = new int[size];
        for (int i = 0; i < size; i++) {
            List<Writable> record = records.get(i);
            references.add(Column.REFERENCE.of(record));
            texts.add(Column.TEXT.of(record));
            String target = Column.TARGET.of(record);
            targetRow.putIfAbsent(target, targetRow.size());
            targetOfQuery[i] = targetRow.get(target);
        }
        return new Batch(
                ComposerModel.inputs(features.images(references), features.texts(texts)),
                features.embeddings(List.copyOf(targetRow.keySet())),
                targetOfQuery);
    }
}
