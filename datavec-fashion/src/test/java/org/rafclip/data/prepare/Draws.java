package org.rafclip.data.prepare;

import java.util.random.RandomGenerator;

/** A generator whose draws a test has written down: each is the share of its range that is drawn. */
final class Draws implements RandomGenerator {

    private final double[] shares;
    private int next;

    Draws(double... shares) {
        this.shares = shares;
    }

    @Override
    public double nextDouble() {
        return shares[next++];
    }

    @Override
    public int nextInt(int bound) {
        return (int) (shares[next++] * bound);
    }

    @Override
    public long nextLong() {
        throw new UnsupportedOperationException("steps draw doubles and bounded ints");
    }

    boolean exhausted() {
        return next == shares.length;
    }
}
