package org.rafclip.agcn.loss;

import org.rafclip.run.Default;

/**
 * Settings of {@link CompositionLoss}.
 *
 * @param temperature τ′, where it is learned its first value; CLIP4Cir has 100
 * @param learnable whether τ′ is trained, as the exponential of a scalar and up to {@value #MAX_TEMPERATURE}
 * @param duplicates what a target that several queries of a batch share means
 */
public record CompositionLossConfig(
        @Default("100") double temperature,
        @Default("false") boolean learnable,
        @Default("literal") Duplicates duplicates) {

    /** Where a learned temperature stops, as in CLIP. */
    public static final double MAX_TEMPERATURE = 100;

    public CompositionLossConfig {
        if (!(temperature > 0) || Double.isInfinite(temperature)) {
            throw new IllegalArgumentException("temperature must be above 0, not " + temperature);
        }
        if (learnable && temperature > MAX_TEMPERATURE) {
            throw new IllegalArgumentException(
                    "a learnable temperature starts at " + MAX_TEMPERATURE + " or below, not at " + temperature);
        }
    }

    /** Readings of Eq. 13 where two queries of a batch have the same target image. */
    public enum Duplicates {
        /**
         * As printed: the sum runs over the batch, so the target counts once for each of its queries, and a query's own
         * target stands among its wrong answers too.
         */
        LITERAL,
        /** Each distinct target counts once. */
        ONCE
    }
}
