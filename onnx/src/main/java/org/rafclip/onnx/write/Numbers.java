package org.rafclip.onnx.write;

/** What a written graph computes with. Its inputs and outputs are of single precision whatever it is. */
public enum Numbers {
    /** Single precision. */
    FP32("fp32"),
    /** Half precision throughout. */
    FP16("fp16"),
    /**
     * Linear layers by whole numbers of 8 bits: weights rounded per output when the file is written, inputs per tensor when
     * it runs, as ONNX Runtime's dynamic quantisation does; everything else in single precision.
     */
    INT8("int8");

    private final String word;

    Numbers(String word) {
        this.word = word;
    }

    /** The name for people. */
    @Override
    public String toString() {
        return word;
    }
}
