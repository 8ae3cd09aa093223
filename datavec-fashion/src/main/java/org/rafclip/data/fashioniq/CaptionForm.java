package org.rafclip.data.fashioniq;

/** How queries are made of a triplet's two captions; results under different forms do not compare. */
public enum CaptionForm {
    /** One query a triplet: the first caption, "and", the second. */
    JOINED("joined"),
    /** Each caption is a query of its own. */
    SINGLE("single");

    private final String word;

    CaptionForm(String word) {
        this.word = word;
    }

    /** The word that tables and the command line have for it. */
    public String word() {
        return word;
    }
}
