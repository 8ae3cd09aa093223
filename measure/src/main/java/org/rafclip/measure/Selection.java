package org.rafclip.measure;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;

/** Which photos of a split a model is measured on. */
public enum Selection {
    /** Those that training kept out, of a split that it took photos of; otherwise all. */
    UNSEEN,
    /** Those that training kept out. */
    HELD_OUT,
    /** All, whether they were trained on or not. */
    ALL;

    /**
     * What is measured.
     *
     * @param heldOut whether training kept them out
     */
    record Photos(List<FashionItem> items, boolean heldOut) {}

    /**
     * The photos of a split, known by their content.
     *
     * @param trainedOn hashes of photos that a composer on the encoder was trained on
     * @throws DataException if photos that were kept out are wanted, and there are none or one of them is not as it was
     */
    Photos of(PhotoSplit split, OpenedEncoder encoder, PhotoSplits splits, Set<String> trainedOn) {
        return this == HELD_OUT || this == UNSEEN && keptOut(split, encoder, trainedOn)
                ? new Photos(encoder.heldOut(splits, split), true)
                : new Photos(split.items(), false);
    }

    /** The split that an encoder's run was validated on, where it is one of its own and its photos are asked for. */
    public Optional<String> splitOf(OpenedEncoder encoder) {
        return this == ALL || encoder.photos() == null
                ? Optional.empty()
                : Optional.ofNullable(encoder.data().validationSplit());
    }

    private static boolean keptOut(PhotoSplit split, OpenedEncoder encoder, Set<String> trainedOn) {
        Predicate<String> known = trainedOn::contains;
        if (encoder.photos() != null) {
            if (encoder.photos().heldOut().isEmpty()) {
                return false;
            }
            known = known.or(encoder.photos().heldOut()::contains)
                    .or(encoder.photos().trainedOn()::contains);
        }
        return split.items().stream().map(split::hash).anyMatch(known);
    }
}
