package org.rafclip.measure;

import java.util.List;
import java.util.Set;
import org.rafclip.data.Stages;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;

/**
 * Photos with labels on which an encoder is measured.
 *
 * @param split that they are of
 * @param items those that are measured
 * @param heldOut whether they were chosen for having been held out of a training
 * @param preparation of the photos
 * @param mirror whether an image's embedding is the mean direction of its own and its mirror image's
 */
public record MeasuredPhotos(
        PhotoSplit split, List<FashionItem> items, boolean heldOut, PhotoConfig preparation, boolean mirror) {

    public MeasuredPhotos {
        items = List.copyOf(items);
    }

    /**
     * Photos of the split that a preparation names.
     *
     * @throws org.rafclip.data.DataException if the split cannot be read, or photos are asked for that were held out and
     *     one of them is not there as it was
     */
    public static MeasuredPhotos of(
            OpenedEncoder encoder, PhotoSplits splits, PhotoConfig preparation, Selection selection, boolean mirror) {
        PhotoSplit split = splits.split(preparation, preparation.split());
        Selection.Photos photos = selection.of(split, encoder, splits, Set.of());
        return new MeasuredPhotos(split, photos.items(), photos.heldOut(), preparation, mirror);
    }

    /** The same photos in another preparation. */
    public MeasuredPhotos in(PhotoConfig other, boolean mirrored) {
        return new MeasuredPhotos(split, items, heldOut, other.at(preparation.place(), split.name()), mirrored);
    }

    /**
     * Reads the photos and prepares them.
     *
     * @throws org.rafclip.data.DataException where a photo cannot be prepared, or the preparation is random
     */
    public PhotoEvaluation prepare(Stages stages) throws InterruptedException {
        return PhotoEvaluation.prepare(
                PhotoData.loader(split.annotations(), preparation, preparation.evaluation()),
                items,
                preparation.threads(),
                preparation.prefetch(),
                stages.stage("preparing photos", items.size()));
    }

    /** How many of the photos an encoder was trained on; null where nobody knows. */
    Integer trainedOn(OpenedEncoder encoder) {
        return encoder.photos() == null
                ? null
                : (int) items.stream()
                        .filter(item -> encoder.photos().trainedOn().contains(split.hash(item)))
                        .count();
    }
}
