package org.rafclip.agcn.compose;

import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.run.Default;

/**
 * Which composer, and its sizes. Sections that a kind does not use are ignored by it.
 *
 * @param pooled how pooled features enter {@code sum}, {@code clip4cir}, the gates, and branches over pooled features
 */
public record ComposerConfig(
        @Default("agcn") Kind kind, @Default("raw") Pooled pooled, Branches branches, Gates gates, Combiner combiner) {

    /** ε of every layer norm. */
    public static final double LAYER_NORM_EPS = 1e-5;

    /** The networks. The first five are the rows of the paper's Table 5, in reverse order. */
    public enum Kind {
        /** Both branches, weighted by gates (Wang and Zhao 2024, Eq. 7–12). */
        AGCN("AGCN"),
        /** Both branches with equal weights. */
        ADD("Add"),
        /** The text-to-image branch alone. */
        ONLY_TEXT("Only text"),
        /** The image-to-text branch alone. */
        ONLY_IMAGE("Only image"),
        /** The sum of both pooled features; nothing to train. */
        SUM("Sum"),
        /** The combiner of CLIP4Cir (Baldrati et al. 2022). */
        CLIP4CIR("CLIP4Cir combiner");

        private final String title;

        Kind(String title) {
            this.title = title;
        }

        /** The name that tables give it; those of the first five are the paper's in Table 5. */
        public String title() {
            return title;
        }

        boolean hasImageBranch() {
            return this == AGCN || this == ADD || this == ONLY_IMAGE;
        }

        boolean hasTextBranch() {
            return this == AGCN || this == ADD || this == ONLY_TEXT;
        }
    }

    /** The length of pooled features. */
    public enum Pooled {
        /** The length that the encoder's projection gives them. */
        RAW,
        /** Scaled to length 1. */
        UNIT
    }

    /** What the {@code k} elements of a sample are (Wang and Zhao 2024, section 1.2). */
    public enum Features {
        /** All tokens of an image, all tokens of a text. */
        TOKEN,
        /** One pooled feature each: {@code k = 1}. */
        POOLED
    }

    /** How many numbers a gate has for a sample. */
    public enum GateShape {
        /** One, as Eq. 12 prints it. */
        SCALAR,
        /** One for each element of the embedding. */
        VECTOR
    }

    /**
     * The two stacks of attention blocks.
     *
     * @param blocks y, in each branch
     * @param mlpRatio hidden width of a block's feed-forward network over the embedding width
     * @param activation of the feed-forward network; the transformer that the paper builds on has ReLU
     * @param dropout on each residual branch
     */
    public record Branches(
            @Default("6") int blocks,
            @Default("8") int heads,
            @Default("4") double mlpRatio,
            @Default("relu") Activation activation,
            @Default("0.1") double dropout,
            @Default("token") Features features) {

        public Branches {
            atLeastOne("blocks", blocks);
            atLeastOne("heads", heads);
            if (!(mlpRatio > 0)) {
                throw new IllegalArgumentException("mlp-ratio must be above 0, not " + mlpRatio);
            }
            rate(dropout);
        }
    }

    /**
     * The two networks that weigh the branches: projection, linear, ReLU, dropout, linear, sigmoid.
     *
     * @param projection width after the projection layer
     * @param hidden width between the two linear layers
     */
    public record Gates(
            @Default("scalar") GateShape shape,
            @Default("512") int projection,
            @Default("512") int hidden,
            @Default("0.1") double dropout) {

        public Gates {
            atLeastOne("projection", projection);
            atLeastOne("hidden", hidden);
            rate(dropout);
        }
    }

    /**
     * CLIP4Cir's combiner.
     *
     * @param widthFactor scales its published widths, {@value #PROJECTION} a projection and {@value #HIDDEN} hidden
     */
    public record Combiner(
            @Default("1") double widthFactor,
            @Default("0.5") double dropout) {

        private static final int PROJECTION = 2560;
        private static final int HIDDEN = 5120;

        public Combiner {
            if (!(widthFactor * PROJECTION >= 1)) {
                throw new IllegalArgumentException(
                        "width-factor " + widthFactor + " leaves nothing of " + PROJECTION + " units");
            }
            rate(dropout);
        }

        /** Width after each projection. */
        public int projection() {
            return (int) Math.round(PROJECTION * widthFactor);
        }

        /** Width between two layers. */
        public int hidden() {
            return (int) Math.round(HIDDEN * widthFactor);
        }
    }

    private static void atLeastOne(String key, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(key + " must be at least 1, not " + value);
        }
    }

    private static void rate(double dropout) {
        if (!(dropout >= 0 && dropout < 1)) {
            throw new IllegalArgumentException("dropout lies in [0, 1): " + dropout);
        }
    }
}
