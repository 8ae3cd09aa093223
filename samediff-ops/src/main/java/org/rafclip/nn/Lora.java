package org.rafclip.nn;

import java.util.function.Predicate;

/**
 * Low-rank adapters (Hu et al. 2022, "LoRA"): linear layers stay as they are, and to each that is adapted
 * {@code (α/rank) B A} is added, with factors {@code A [rank, in]} and {@code B [out, rank]}. A is drawn from a normal
 * distribution with the variance of Kaiming's uniform one as PEFT and PyTorch have it, 1/(3 in); B begins at zero, so
 * nothing is changed at first.
 *
 * @param alpha α
 * @param dropout rate on what A reads
 * @param seed of A; each depends on it and its layer's name alone
 * @param adapts whether a layer is adapted, by its name
 */
public record Lora(int rank, double alpha, double dropout, long seed, Predicate<String> adapts) {

    /** No adapters. */
    public static final Lora NONE = new Lora(1, 1, 0, 0, layer -> false);

    /** What stands behind a layer's name in the name of its A. */
    public static final String A = ".lora_A.weight";

    /** What stands behind a layer's name in the name of its B. */
    public static final String B = ".lora_B.weight";

    /** What the product of both is multiplied by. */
    public double scale() {
        return alpha / rank;
    }

    /** Whether a variable is a factor of an adapter. */
    public static boolean isFactor(String variable) {
        return variable.endsWith(A) || variable.endsWith(B);
    }
}
