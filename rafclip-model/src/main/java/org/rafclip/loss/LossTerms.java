package org.rafclip.loss;

import java.util.stream.IntStream;

/**
 * Which row of the table of texts is which term of {@link RafLoss}: the category branch, the attribute groups, then, only
 * where they take part, the sentences of crops, those of regions, and the captions.
 *
 * @param groups attribute groups; there may be none
 */
public record LossTerms(RafLossConfig config, int groups) {

    public int category() {
        return 0;
    }

    /** @param group from 0 */
    public int attribute(int group) {
        return 1 + group;
    }

    /** The row of the crops' sentences, where {@link RafLossConfig#withSentencesOfCrops()}. */
    public int sentencesOfCrops() {
        return 1 + groups;
    }

    /** The row of the regions' sentences, where {@link RafLossConfig#withSentencesOfRegions()}. */
    public int sentencesOfRegions() {
        return 1 + groups + (config.withSentencesOfCrops() ? 1 : 0);
    }

    /** All rows of sentences. */
    IntStream sentences() {
        return IntStream.range(1 + groups, captions());
    }

    /** The row of the captions, where {@link RafLossConfig#withCaptions()}. */
    public int captions() {
        return sentencesOfRegions() + (config.withSentencesOfRegions() ? 1 : 0);
    }

    /** The rows of the table. */
    public int count() {
        return captions() + (config.withCaptions() ? 1 : 0);
    }
}
