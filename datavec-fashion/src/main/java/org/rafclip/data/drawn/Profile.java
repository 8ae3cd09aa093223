package org.rafclip.data.drawn;

/** Half the width of a body or a garment by height, smooth through a few given places. */
final class Profile {

    private final double[] y;
    private final double[] half;

    /** @param places y, half width, y, half width, … with y rising */
    Profile(double... places) {
        int count = places.length / 2;
        y = new double[count];
        half = new double[count];
        for (int i = 0; i < count; i++) {
            y[i] = places[2 * i];
            half[i] = places[2 * i + 1];
        }
    }

    double at(double height) {
        int last = y.length - 1;
        if (height <= y[0]) {
            return half[0];
        }
        if (height >= y[last]) {
            return half[last] + (height - y[last]) * (half[last] - half[last - 1]) / (y[last] - y[last - 1]);
        }
        int i = 0;
        while (height > y[i + 1]) {
            i++;
        }
        double t = (height - y[i]) / (y[i + 1] - y[i]);
        double before = half[Math.max(0, i - 1)];
        double after = half[Math.min(last, i + 2)];
        double m0 = (half[i + 1] - before) / 2;
        double m1 = (after - half[i]) / 2;
        double t2 = t * t;
        double t3 = t2 * t;
        return (2 * t3 - 3 * t2 + 1) * half[i]
                + (t3 - 2 * t2 + t) * m0
                + (3 * t2 - 2 * t3) * half[i + 1]
                + (t3 - t2) * m1;
    }
}
