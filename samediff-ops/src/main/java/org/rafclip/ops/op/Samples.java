package org.rafclip.ops.op;

import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/**
 * Which tokens are whose: each sample's stand side by side.
 *
 * @param start the first token of each sample, and the number of all tokens
 * @param longest tokens of a sample
 */
record Samples(long[] start, int longest) {

    /**
     * Of an array of tokens.
     *
     * @param tokens {@code [batch, tokens, width]}; with lengths {@code [Σ lengths, width]}
     * @param lengths {@code INT [batch]}, or null
     */
    static Samples of(INDArray tokens, INDArray lengths) {
        if (lengths != null) {
            Samples samples = ofLengths(lengths);
            if (tokens.rank() != 2 || tokens.size(0) != samples.tokens()) {
                throw new IllegalArgumentException("lengths of " + samples.tokens() + " tokens in all do not fit "
                        + Arrays.toString(tokens.shape()));
            }
            return samples;
        }
        if (tokens.rank() != 3) {
            throw new IllegalArgumentException(
                    "expected [batch, tokens, width] without lengths, not " + Arrays.toString(tokens.shape()));
        }
        long[] start = new long[(int) tokens.size(0) + 1];
        for (int sample = 1; sample < start.length; sample++) {
            start[sample] = sample * tokens.size(1);
        }
        return new Samples(start, (int) tokens.size(1));
    }

    /** Samples of the lengths {@code INT [batch]}, each at least 1. */
    static Samples ofLengths(INDArray lengths) {
        Memory given = Memory.of(lengths);
        long[] start = new long[Math.toIntExact(given.length()) + 1];
        int longest = 0;
        for (int sample = 0; sample + 1 < start.length; sample++) {
            int length = given.getInt(sample);
            if (length < 1) {
                throw new IllegalArgumentException("sample " + sample + " has " + length + " tokens");
            }
            start[sample + 1] = start[sample] + length;
            longest = Math.max(longest, length);
        }
        return new Samples(start, longest);
    }

    int batch() {
        return start.length - 1;
    }

    long tokens() {
        return start[batch()];
    }

    int length(int sample) {
        return (int) (start[sample + 1] - start[sample]);
    }

    /** Where the same elements lie in both forms of a batch. */
    @FunctionalInterface
    interface Places {
        void at(long packed, long padded, long count);
    }

    /** Goes through the samples of {@code [tokens, width]} and {@code [batch, paddedTokens, width]}. */
    void forEachPadded(long paddedTokens, long width, Places body) {
        for (int sample = 0; sample < batch(); sample++) {
            body.at(start()[sample] * width, sample * paddedTokens * width, length(sample) * width);
        }
    }

    /** @throws IllegalArgumentException if a padded array is of another batch, or has no room for the longest */
    void requireRoom(INDArray padded) {
        if (padded.size(0) != batch() || longest() > padded.size(1)) {
            throw new IllegalArgumentException(
                    batch() + " lengths up to " + longest() + " do not fit " + Arrays.toString(padded.shape()));
        }
    }
}
