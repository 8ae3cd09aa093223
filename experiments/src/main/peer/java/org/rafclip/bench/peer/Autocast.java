package org.rafclip.bench.peer;

import org.rafclip.ops.Precision;

/**
 * Matrix products in TorchScript as {@code torch.autocast} computes them in bfloat16: factors are rounded, results are
 * bfloat16 too, and norms, sums with single precision and losses stay in single precision.
 *
 * @param precision of products
 */
record Autocast(Precision precision) {

    private static final int BFLOAT16 = 15;
    private static final int FLOAT = 6;

    /** A factor of a product. */
    String factor(String value) {
        return precision == Precision.BF16 ? to(value, BFLOAT16) : value;
    }

    /** A result from which single precision goes on. */
    String single(String value) {
        return precision == Precision.BF16 ? to(value, FLOAT) : value;
    }

    /** {@code x Wᵀ + b}. */
    String linear(String x, String weight, String bias) {
        return "torch.linear(" + factor(x) + ", " + factor(weight) + ", " + factor(bias) + ")";
    }

    private static String to(String value, int type) {
        return "torch.to(" + value + ", " + type + ")";
    }
}
