package org.rafclip.text;

import java.util.Optional;

/**
 * What a model's description says of its texts, beside its {@code tokenizer.json}.
 *
 * @param cleaning of texts; empty for how transformers does it with such a tokenizer
 * @param endsWithFilling whether a text ends with the token that fills it up, in the place of an end token
 */
public record TextSettings(Optional<SiglipText.Cleaning> cleaning, boolean endsWithFilling) {

    /** Nothing. */
    public static final TextSettings NONE = new TextSettings(Optional.empty(), false);
}
