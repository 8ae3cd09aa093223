package org.rafclip.data.prepare;

import java.util.Locale;

/** Where a window begins whose middle lies between two pixels. */
public enum Rounding {
    /** At the nearest even pixel, as torchvision. */
    EVEN,
    /** At the pixel before, as Hugging Face's transformers. */
    DOWN;

    /** The first pixel of a window of a length in the middle of a longer or shorter one. */
    int start(int from, int to) {
        if (this == DOWN) {
            return Math.floorDiv(from - to, 2);
        }
        return from < to ? (from - to) / 2 : (int) Math.rint((from - to) / 2.0);
    }

    /** The name in a preparation's text. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
