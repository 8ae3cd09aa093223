package org.rafclip.agcn.compose;

import java.util.List;

/**
 * How a composer came to one query: the weights of its branches and where each branch looked. What a network does not have
 * is an empty list.
 *
 * @param imageGate a of Wang and Zhao 2024, Eq. 12: one number, or one an element of the embedding
 * @param textGate b, of the same form
 * @param patches where the text looked: how the token that F_t is read from spreads its cross-attention over the image's
 *     patches in the last block (Eq. 9), row by row; the mean over heads, a class token left out, so that they sum to 1
 * @param words where the image looked: how the tokens that F_i is read from spread theirs over the text's tokens, start
 *     and end token included; the mean over heads and those tokens, summing to 1
 */
public record Explanation(List<Double> imageGate, List<Double> textGate, List<Double> patches, List<Double> words) {

    public Explanation {
        imageGate = List.copyOf(imageGate);
        textGate = List.copyOf(textGate);
        patches = List.copyOf(patches);
        words = List.copyOf(words);
    }
}
