package org.rafclip.agcn.eval;

import java.util.List;
import java.util.Locale;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.QuerySet;

/**
 * What must be the same for two results to compare.
 *
 * @param gallery which images may be answers
 * @param referenceMasked whether a query's reference image is kept from being an answer
 * @param captions how a query's text is made of the captions
 * @param needed images of the whole galleries, over all categories
 * @param missing images of them that are not there
 * @param dropped triplets that could not be asked since an image of theirs is missing
 * @param partialAllowed whether missing images were allowed
 */
public record Protocol(
        GalleryKind gallery,
        boolean referenceMasked,
        CaptionForm captions,
        int needed,
        int missing,
        int dropped,
        boolean partialAllowed) {

    public Protocol {
        if (missing > 0 && !partialAllowed) {
            throw new IllegalArgumentException(
                    missing + " of " + needed + " gallery images are missing and a partial gallery is not allowed");
        }
    }

    /**
     * The protocol of query sets that are measured together.
     *
     * @param sets one a category
     * @throws IllegalArgumentException if they differ in gallery or caption form, or there is none
     */
    public static Protocol of(List<QuerySet> sets, boolean referenceMasked, boolean partialAllowed) {
        if (sets.isEmpty()) {
            throw new IllegalArgumentException("there is no query set");
        }
        GalleryKind gallery = sets.get(0).coverage().kind();
        CaptionForm captions = sets.get(0).form();
        for (QuerySet set : sets) {
            if (set.coverage().kind() != gallery || set.form() != captions) {
                throw new IllegalArgumentException("category " + set.category() + " has the "
                        + set.coverage().kind().word() + " gallery and "
                        + set.form().word() + " captions, "
                        + sets.get(0).category() + " the " + gallery.word() + " gallery and " + captions.word()
                        + " captions; measure all categories alike");
            }
        }
        return new Protocol(
                gallery,
                referenceMasked,
                captions,
                sets.stream().mapToInt(set -> set.coverage().needed()).sum(),
                sets.stream().mapToInt(set -> set.coverage().missing().size()).sum(),
                sets.stream().mapToInt(QuerySet::dropped).sum(),
                partialAllowed);
    }

    /** The protocol in words, as tables print it. */
    @Override
    public String toString() {
        String text = gallery.word() + " gallery, reference " + (referenceMasked ? "masked" : "may be an answer") + ", "
                + captions.word() + " captions";
        return missing == 0
                ? text + String.format(Locale.ROOT, ", all %,d gallery images", needed)
                : text
                        + String.format(
                                Locale.ROOT,
                                ", PARTIAL gallery: %,d of %,d images missing and %,d triplets left out",
                                missing,
                                needed,
                                dropped);
    }
}
