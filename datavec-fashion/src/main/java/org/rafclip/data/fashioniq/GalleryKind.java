package org.rafclip.data.fashioniq;

/** Which images a query is asked against; results on different galleries do not compare. */
public enum GalleryKind {
    /** Every image that the split's {@code image_splits} file lists, as the data set was released. */
    ORIGINAL("original"),
    /** The images that are reference or target of one of the split's triplets: fewer, so an easier gallery. */
    VAL_SPLIT("val-split");

    private final String word;

    GalleryKind(String word) {
        this.word = word;
    }

    /** As tables and the command line write it. */
    public String word() {
        return word;
    }
}
