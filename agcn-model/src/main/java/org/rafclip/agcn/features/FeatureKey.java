package org.rafclip.agcn.features;

/**
 * What cached features depend on; features are used only where all of it is the same.
 *
 * @param model {@link org.rafclip.open.OpenedEncoder#hash} of the encoder
 * @param data a fingerprint of what was encoded: which images or texts, with what content, in which order
 * @param preparation how images were prepared or texts worded, as its fingerprint or its settings line
 */
public record FeatureKey(String model, String data, String preparation) {}
