package org.rafclip.data.drawn;

/** Smooth random fields that are functions of a seed and a place. */
final class Noise {

    private Noise() {}

    /** An independent number in [0, 1) for each integer place. */
    static double cell(int seed, int x, int y) {
        int h = seed * 0x9E3779B1 + x * 0x85EBCA6B + y * 0xC2B2AE35;
        h = (h ^ (h >>> 15)) * 0x2C1B3C6D;
        h = (h ^ (h >>> 12)) * 0x297A2D39;
        return ((h ^ (h >>> 15)) >>> 8) * 0x1.0p-24;
    }

    /** Cells at whole numbers, blended smoothly between them; in [0, 1). */
    static double at(int seed, double x, double y) {
        double left = Math.floor(x);
        double top = Math.floor(y);
        int ix = (int) left;
        int iy = (int) top;
        double fx = ease(x - left);
        double fy = ease(y - top);
        double upper = cell(seed, ix, iy) + fx * (cell(seed, ix + 1, iy) - cell(seed, ix, iy));
        double lower = cell(seed, ix, iy + 1) + fx * (cell(seed, ix + 1, iy + 1) - cell(seed, ix, iy + 1));
        return upper + fy * (lower - upper);
    }

    /** Several octaves of {@link #at}, each half as strong and twice as fine; in [0, 1). */
    static double layers(int seed, double x, double y, int octaves) {
        double sum = 0;
        double weight = 0;
        double strength = 1;
        for (int octave = 0; octave < octaves; octave++) {
            sum += strength * at(seed + octave, x, y);
            weight += strength;
            strength /= 2;
            x *= 2.03;
            y *= 2.03;
        }
        return sum / weight;
    }

    /** 0 below {@code from}, 1 above {@code to}, smooth between. */
    static double step(double from, double to, double x) {
        return ease(Math.min(1, Math.max(0, (x - from) / (to - from))));
    }

    /** 1 in the middle, falling off like a bell of the given width. */
    static double bell(double distance, double width) {
        double x = distance / width;
        return Math.exp(-x * x);
    }

    /** The length of a vector; {@link Math#hypot} is a hundred times slower. */
    static double length(double x, double y) {
        return Math.sqrt(x * x + y * y);
    }

    private static double ease(double t) {
        return t * t * (3 - 2 * t);
    }
}
