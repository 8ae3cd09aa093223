package org.rafclip.ops.onednn;

import java.util.Arrays;

/** Lengths cut into blocks of few sizes, so that what is compiled for one length serves for others. */
public final class Blocks {

    /** Smaller blocks cost more than they spare. */
    private static final int LEAST = 16;

    private Blocks() {}

    /**
     * A length as a multiple of a unit, then halves of the unit, quarters and so on down to {@value #LEAST}, then what is left,
     * but never one alone beside others.
     *
     * @param unit a power of two
     */
    public static int[] of(int length, int unit) {
        int[] found = new int[32];
        int count = 0;
        int left = length;
        if (length >= unit) {
            found[count++] = length / unit * unit;
            left = length % unit;
        }
        for (int block = unit / 2; block >= LEAST; block /= 2) {
            if (left >= block) {
                found[count++] = block;
                left -= block;
            }
        }
        if (left == 1 && count > 0) {
            found[count - 1]++;
        } else if (left > 0) {
            found[count++] = left;
        }
        return Arrays.copyOf(found, count);
    }
}
