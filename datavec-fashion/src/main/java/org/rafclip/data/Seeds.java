package org.rafclip.data;

import java.util.SplittableRandom;

/** Random streams that depend on nothing but the numbers they are made of. */
public final class Seeds {

    private Seeds() {}

    /** The stream of a place, such as (seed, epoch, sample, branch). */
    public static SplittableRandom stream(long... place) {
        long state = place.length;
        for (long part : place) {
            state = mix(state * 0x9E3779B97F4A7C15L + mix(part));
        }
        return new SplittableRandom(state);
    }

    /** The finalizer of MurmurHash3 with Stafford's constants. */
    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** A permutation of 0 to {@code count - 1}, every one equally likely. */
    public static int[] permutation(int count, SplittableRandom random) {
        int[] order = new int[count];
        for (int i = 0; i < count; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }
}
