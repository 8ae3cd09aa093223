package org.rafclip.data.deepfashion;

/**
 * One of a garment's landmarks (collar, sleeve, waistline or hem end).
 *
 * @param x column in pixels from 0; meaningless where not visible
 * @param y row in pixels from 0; meaningless where not visible
 * @param visible false where the annotation says {@code 0 0}
 */
public record Landmark(int x, int y, boolean visible) {}
