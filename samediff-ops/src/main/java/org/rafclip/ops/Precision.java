package org.rafclip.ops;

import java.util.Locale;
import org.rafclip.ops.onednn.OneDnn;

/** What products are computed in. Weights, sums, norms, softmax and losses are single precision. */
public enum Precision {
    /** Single precision. */
    FP32,

    /**
     * Factors are rounded to bfloat16, sums are single precision: twice as fast, where the processor can do it. What goes between
     * linear layers, norms, activations and attention is written so too, and so are its gradients. Products of attention, one
     * sample's and head's each, and small ones of single-precision factors stay in single precision.
     */
    BF16;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether this can be used here. */
    public boolean available() {
        return this == FP32 || OneDnn.multipliesBf16();
    }

    /** @throws IllegalArgumentException if this cannot be used here */
    public void requireAvailable() {
        if (!available()) {
            throw new IllegalArgumentException("bf16 needs Linux on a processor with AVX512_BF16 or AMX"
                    + (OneDnn.available() ? ", which this one has not" : ", and oneDNN") + "; take fp32");
        }
    }
}
