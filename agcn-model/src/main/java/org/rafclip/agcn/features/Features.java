package org.rafclip.agcn.features;

import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What an encoder makes of some images or texts.
 *
 * @param tokens projected tokens {@code FLOAT [n, longest, d]}, 0 behind a row's own tokens
 * @param lengths how many tokens each row has
 * @param pooled projected pooled features {@code FLOAT [n, d]}, not normalised
 */
public record Features(INDArray tokens, int[] lengths, INDArray pooled) {

    public Features {
        long n = lengths.length;
        if (tokens.rank() != 3 || pooled.rank() != 2 || tokens.size(0) != n || pooled.size(0) != n) {
            throw new IllegalArgumentException("tokens " + Arrays.toString(tokens.shape()) + " and pooled features "
                    + Arrays.toString(pooled.shape()) + " do not belong to " + n + " rows");
        }
        if (tokens.size(2) != pooled.size(1)) {
            throw new IllegalArgumentException(
                    "tokens have width " + tokens.size(2) + ", pooled features " + pooled.size(1));
        }
        for (int length : lengths) {
            if (length < 1 || length > tokens.size(1)) {
                throw new IllegalArgumentException(
                        "a row has " + length + " tokens, which is not within 1 and " + tokens.size(1));
            }
        }
    }

    /** Pooled features at length 1, {@code [n, d]}: what queries are compared with. */
    public INDArray embeddings() {
        return pooled.div(pooled.norm2(true, 1));
    }
}
