package org.rafclip.ops;

/** What products are computed in. Everything else, and what products give, is single precision. */
public enum Precision {
    /** Single precision. */
    FP32,

    /** Factors are rounded to bfloat16, sums are single precision: twice as fast, where the processor can do it. */
    BF16;

    /** Whether this can be used here. */
    public boolean available() {
        return this == FP32 || Blas.multipliesBf16();
    }
}
