package org.rafclip.loss;

import org.rafclip.run.Default;

/**
 * Settings of {@link RafLoss}.
 *
 * @param kind how images and texts are compared in every term; a model goes on best with the kind that it was made with
 * @param alpha α of Eq. 5: the share of the attribute branch
 * @param positives what a text shared by several images of a batch means
 * @param duplicateExponent γ of {@link org.rafclip.ops.op.InfoNce} for {@code weighted}; unused otherwise
 * @param captions λ: the share of the captions, {@code L = (1 − λ) [(1 − α) L_c + α L_a] + λ L_t}. 0 is the paper's loss, 1
 *     is CLIP's own on pairs of image and caption
 * @param sentence whole sentences beside the paper's two branches
 */
public record RafLossConfig(
        @Default("contrastive") Kind kind,
        @Default("0.5") double alpha,
        @Default("identity") Positives positives,
        @Default("0") double duplicateExponent,
        @Default("0") double captions,
        Sentence sentence) {

    public RafLossConfig {
        if (alpha < 0 || alpha > 1) {
            throw new IllegalArgumentException("alpha lies in [0, 1]: " + alpha);
        }
        if (duplicateExponent < 0 || duplicateExponent > 1) {
            throw new IllegalArgumentException("duplicate-exponent lies in [0, 1]: " + duplicateExponent);
        }
        if (captions < 0 || captions > 1) {
            throw new IllegalArgumentException("captions lies in [0, 1]: " + captions);
        }
        if (captions == 1 && sentence.weight() > 0) {
            throw new IllegalArgumentException("sentence.weight is " + sentence.weight()
                    + ", but captions: 1 leaves nothing to what is made of labels; set captions below 1, or"
                    + " sentence.weight to 0");
        }
    }

    /** The comparison of a batch's images with its texts. */
    public enum Kind {
        /** Which of the texts, which of the images: the paper's InfoNCE, as CLIP has it. */
        CONTRASTIVE,
        /** Each pair by itself, as SigLIP has it; the model needs a logit bias, and one without is given it. */
        SIGMOID
    }

    /**
     * Sentences that say all labels of a garment at once, which the paper trains without: they add {@code w L_s} to the two
     * branches. Their wording is {@link org.rafclip.data.text.Prompts#retrieval}.
     *
     * @param weight w, at least 0; 0 leaves sentences out, as the paper does
     * @param image what a sentence belongs to
     */
    public record Sentence(
            @Default("0") double weight, @Default("region") Image image) {

        /** No sentences. */
        public static final Sentence NONE = new Sentence(0, Image.REGION);

        public Sentence {
            if (!(weight >= 0 && weight < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("weight is at least 0: " + weight);
            }
        }

        /** A garment's images. */
        public enum Image {
            CROP,
            REGION,
            /** Each its own term, of which {@code L_s} is the mean. */
            BOTH
        }
    }

    /** The paper's loss, without captions. */
    public RafLossConfig(double alpha, Positives positives, double duplicateExponent) {
        this(alpha, positives, duplicateExponent, 0);
    }

    /** InfoNCE. */
    public RafLossConfig(
            double alpha, Positives positives, double duplicateExponent, double captions, Sentence sentence) {
        this(Kind.CONTRASTIVE, alpha, positives, duplicateExponent, captions, sentence);
    }

    /** Without sentences. */
    public RafLossConfig(double alpha, Positives positives, double duplicateExponent, double captions) {
        this(Kind.CONTRASTIVE, alpha, positives, duplicateExponent, captions, Sentence.NONE);
    }

    /** Whether each pair is judged by itself. */
    public boolean sigmoid() {
        return kind == Kind.SIGMOID;
    }

    /** Whether crops take part. */
    public boolean withCrops() {
        return withCategories() || withSentencesOfCrops() || withCaptions();
    }

    /** Whether sentences have a weight. */
    public boolean withSentences() {
        return sentence.weight() > 0;
    }

    /** Whether crops have sentences. */
    public boolean withSentencesOfCrops() {
        return withSentences() && sentence.image() != Sentence.Image.REGION;
    }

    /** Whether regions have sentences. */
    public boolean withSentencesOfRegions() {
        return withSentences() && sentence.image() != Sentence.Image.CROP;
    }

    /** Whether Eq. 1 has a share: texts of color and category beside crops. */
    public boolean withCategories() {
        return captions < 1 && alpha < 1;
    }

    /** Whether regions take part. They are encoded even where α is 0. */
    public boolean withRegions() {
        return captions < 1;
    }

    /** Whether captions have a share: beside crops. */
    public boolean withCaptions() {
        return captions > 0;
    }

    /**
     * Readings of InfoNCE where texts repeat within a batch. In the sigmoid loss an image's pairs with all entries of its text
     * are right whatever is chosen, since a pair cannot be right and wrong; there the first two sum over all pairs of the
     * batch.
     */
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
