package org.rafclip.data.segment;

import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;

/**
 * What a {@link Segmenter} answers.
 *
 * @param mask of the whole photo's size, never empty, no pixel outside the box
 * @param fallback whether the segmenter found no garment and the mask is the plain box
 */
public record Segmentation(Mask mask, boolean fallback) {

    /** The plain box, which every segmenter gives where it finds nothing. */
    public static Segmentation plainBox(int width, int height, Box box) {
        return new Segmentation(Mask.of(width, height, box), true);
    }
}
