package org.rafclip.data.prepare;

import java.util.Locale;

/** What weighs the neighbours of a pixel when an image is resized, as Pillow's filters of the same names. */
public enum Interpolation {
    /** Cubic, a = −0.5. */
    BICUBIC(2) {
        @Override
        double at(double distance) {
            double a = -0.5;
            double d = Math.abs(distance);
            if (d < 1) {
                return ((a + 2) * d - (a + 3)) * d * d + 1;
            }
            return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
        }
    },
    /** A triangle. */
    BILINEAR(1) {
        @Override
        double at(double distance) {
            return Math.max(0, 1 - Math.abs(distance));
        }
    },
    /** A sinc in the window of a wider one, three pixels to each side. */
    LANCZOS(3) {
        @Override
        double at(double distance) {
            return -3 <= distance && distance < 3 ? sinc(distance) * sinc(distance / 3) : 0;
        }
    };

    private final double support;

    Interpolation(double support) {
        this.support = support;
    }

    /** Pixels to each side that count. */
    double support() {
        return support;
    }

    abstract double at(double distance);

    private static double sinc(double x) {
        return x == 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    }

    /** The name in a preparation's text. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
