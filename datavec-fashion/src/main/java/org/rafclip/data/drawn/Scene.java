package org.rafclip.data.drawn;

import java.util.List;

/**
 * One photo to be taken.
 *
 * @param garment the one of interest
 * @param others what is worn with it or lies beside it, in the order of need
 * @param seed of everything else: pose, view, background, light
 * @param size of the longer side in pixels
 */
record Scene(Dressed garment, List<Dressed> others, long seed, int size) {

    /**
     * A garment.
     *
     * @param style of everything about it that the labels leave open, such as shades and buttons
     */
    record Dressed(Look look, long style) {}

    Scene {
        others = List.copyOf(others);
    }
}
