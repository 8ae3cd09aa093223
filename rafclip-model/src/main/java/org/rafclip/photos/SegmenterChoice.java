package org.rafclip.photos;

/** What finds the garment in its box; all but SAM need no weights. */
public enum SegmenterChoice {
    GRABCUT,
    /** No segmentation: everything in the box counts as garment. */
    BOX,
    /** The ellipse inscribed in the box. */
    ELLIPSE,
    /** The masks that came with a generated data set. */
    EXACT,
    /** Segment Anything, whose networks {@link SamConfig} names. */
    SAM
}
