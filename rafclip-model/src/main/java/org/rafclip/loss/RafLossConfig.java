package org.rafclip.loss;

import org.rafclip.run.Default;

/**
 * Settings of {@link RafLoss}.
 *
 * @param alpha α of Eq. 5: the share of the attribute branch
 * @param positives what a text shared by several images of a batch means
 * @param duplicateExponent γ of {@link org.rafclip.ops.op.InfoNce} for {@code weighted}; unused otherwise
 */
public record RafLossConfig(
        @Default("0.5") double alpha,
        @Default("identity") Positives positives,
        @Default("0") double duplicateExponent) {

    public RafLossConfig {
        if (alpha < 0 || alpha > 1) {
            throw new IllegalArgumentException("alpha lies in [0, 1]: " + alpha);
        }
        if (duplicateExponent < 0 || duplicateExponent > 1) {
            throw new IllegalArgumentException("duplicate-exponent lies in [0, 1]: " + duplicateExponent);
        }
    }

    /** Readings of InfoNCE where texts repeat within a batch. */
    public enum Positives {
        /** As printed: only an image's own entry is right, duplicates of its text are candidates like all others. */
        IDENTITY,
        /**
         * Every entry with the same text gets an equal share of the target. Equal texts have equal embeddings, so loss
         * and gradient are those of {@code identity}, whatever the weights; the name is kept so that an ablation can
         * show it.
         */
        SAME_TEXT,
        /** Each distinct text is one candidate of an image, with weight {@code count^γ}. */
        WEIGHTED
    }

    double exponent() {
        return positives == Positives.WEIGHTED ? duplicateExponent : 1;
    }
}
