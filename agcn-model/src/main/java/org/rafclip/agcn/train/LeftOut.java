package org.rafclip.agcn.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.rafclip.data.fashioniq.Coverage;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.Triplet;

/**
 * What missing images take from a split of FashionIQ.
 *
 * @param category such as {@code dress}
 * @param split {@code train} or {@code val}
 * @param triplets of the whole split
 * @param leftOut triplets without one of their images
 * @param missing ids of the images that triplets need and that are not there
 */
public record LeftOut(String category, String split, int triplets, int leftOut, List<String> missing) {

    public LeftOut {
        missing = List.copyOf(missing);
    }

    /** Every split that a training with these settings does not have whole; empty for photos with labels. */
    static List<LeftOut> of(AgcnConfig.Data data) {
        if (data.fashioniq() == null || !data.allowPartial()) {
            return List.of();
        }
        FashionIq fashionIq = FashionIq.open(data.fashioniq());
        List<LeftOut> parts = new ArrayList<>();
        for (String category : fashionIq.categories()) {
            for (String split : fashionIq.splits(category)) {
                if (Set.of(CompositionData.TRAIN, CompositionData.VAL).contains(split)) {
                    Coverage coverage = fashionIq.coverage(category, split, GalleryKind.VAL_SPLIT);
                    if (!coverage.complete()) {
                        List<Triplet> triplets = fashionIq.triplets(category, split);
                        int left = (int) triplets.stream()
                                .filter(triplet -> !there(fashionIq, triplet))
                                .count();
                        parts.add(new LeftOut(category, split, triplets.size(), left, coverage.missing()));
                    }
                }
            }
        }
        return parts;
    }

    /** Whether a triplet has both its images. */
    static boolean there(FashionIq data, Triplet triplet) {
        return data.images().has(triplet.reference())
                && triplet.target().filter(data.images()::has).isPresent();
    }

    /** One line on what was left out. */
    public String summary() {
        return String.format(
                Locale.ROOT,
                "%s %s: %,d of %,d triplets left out; images missing: %,d",
                category,
                split,
                leftOut,
                triplets,
                missing.size());
    }
}
