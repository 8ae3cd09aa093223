package org.rafclip.nn;

import org.nd4j.autodiff.samediff.SDVariable;
import org.rafclip.ops.op.PackTokens;

/**
 * A sequence of tokens for each sample.
 *
 * @param values {@code [batch, tokens, width]}; where there are lengths, the tokens of all samples one after another,
 *     {@code [Σ lengths, width]}
 * @param lengths how many tokens each sample has ({@code INT [batch]}), or null where all have the same
 * @param data whether the values are not computed from parameters: no gradient with respect to them is computed then
 */
public record Tokens(SDVariable values, SDVariable lengths, boolean data) {

    /** Tokens of samples that all have as many, {@code [batch, tokens, width]}. */
    public static Tokens of(SDVariable values) {
        return new Tokens(values, null, values.isPlaceHolder());
    }

    /** The first {@code lengths} tokens of each sample of {@code [batch, tokens, width]}. */
    public static Tokens packed(Scope scope, SDVariable padded, SDVariable lengths) {
        return new Tokens(new PackTokens(scope.graph(), padded, lengths).output(), lengths, padded.isPlaceHolder());
    }
}
