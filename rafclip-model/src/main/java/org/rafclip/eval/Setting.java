package org.rafclip.eval;

import java.util.Locale;

/**
 * What a reader must know before comparing a row with another.
 *
 * @param weights what the training started from, e.g. {@code random} or a checkpoint's name
 * @param data what it was trained and measured on
 * @param protocol how it was measured: texts, image form, what counts as right
 * @param trainingImages images trained on, 0 for none
 */
public record Setting(String weights, String data, String protocol, int trainingImages) {

    /** Whether a model was trained on less than the paper's was. */
    boolean smallData(PaperTables.PaperTable paper) {
        return trainingImages > 0 && trainingImages < paper.trainingImages();
    }

    /** The row's name, marked where its figures stand for little data. */
    String label(String method, PaperTables.PaperTable paper) {
        return smallData(paper) ? method + " (ours, small data)" : method + " (ours)";
    }

    /** The line below a table that says how the row came about. */
    String note(String method, PaperTables.PaperTable paper) {
        String note = label(method, paper) + ": " + conditions();
        return smallData(paper)
                ? note + ". Trained on " + images() + " where the paper used "
                        + String.format(Locale.ROOT, "%,d", paper.trainingImages())
                        + ": it shows what the method learns from little data and is no reproduction of the paper's row"
                : note;
    }

    /** The line below a table whose rows share all this. */
    public String inWords() {
        return conditions() + (trainingImages > 0 ? "; trained on " + images() : "");
    }

    private String conditions() {
        return "weights: " + weights + "; data: " + data + "; protocol: " + protocol;
    }

    private String images() {
        return String.format(Locale.ROOT, "%,d images", trainingImages);
    }
}
