package org.rafclip.data.fashioniq;

/** Which images may answer a query; results on different galleries do not compare. */
public enum GalleryKind {
    /** Every image that the split's {@code image_splits} file lists, as the data set was released. */
    ORIGINAL("original"),
    /** The images that are reference or target of one of the split's triplets: fewer, so an easier gallery. */
    VAL_SPLIT("val-split");

    private final String word;

    GalleryKind(String word) {
        this.word = word;
    }

    /** The word that tables and the command line have for it. */
    public String word() {
        return word;
    }
}
