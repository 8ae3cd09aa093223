package org.rafclip.data.fashioniq;

/** How the two captions of a triplet are asked; results under different forms do not compare. */
public enum CaptionForm {
    /** One query a triplet: the first caption, "and", the second. */
    JOINED("joined"),
    /** Each caption is a query of its own. */
    SINGLE("single");

    private final String word;

    CaptionForm(String word) {
        this.word = word;
    }

    /** As tables and the command line write it. */
    public String word() {
        return word;
    }
}
