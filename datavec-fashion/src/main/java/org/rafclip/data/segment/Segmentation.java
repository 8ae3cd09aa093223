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

    /** Says of a pixel whether it belongs to the garment. */
    @FunctionalInterface
    interface Pixels {
        boolean garment(int x, int y);
    }

    /**
     * The garment's pixels inside the box, or the plain box where there are none.
     *
     * @param inside lies within the photo
     */
    static Segmentation of(int width, int height, Box inside, Pixels pixels) {
        boolean[] garment = new boolean[width * height];
        boolean any = false;
        for (int y = inside.y1(); y <= inside.y2(); y++) {
            for (int x = inside.x1(); x <= inside.x2(); x++) {
                boolean set = pixels.garment(x, y);
                garment[y * width + x] = set;
                any |= set;
            }
        }
        return any ? new Segmentation(new Mask(width, height, garment), false) : plainBox(width, height, inside);
    }

    /** The plain box, which every segmenter gives where it finds nothing. */
    public static Segmentation plainBox(int width, int height, Box box) {
        return new Segmentation(Mask.of(width, height, box), true);
    }
}
