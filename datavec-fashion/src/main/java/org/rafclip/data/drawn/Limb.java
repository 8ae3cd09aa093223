package org.rafclip.data.drawn;

import java.awt.geom.Path2D;
import java.util.function.DoubleUnaryOperator;

/** An arm or a leg: a line bent once, with a place along it and a distance from it for every point of the plane. */
final class Limb {

    private static final int POINTS = 25;

    private final double[] x = new double[POINTS];
    private final double[] y = new double[POINTS];
    private final double[] along = new double[POINTS];

    /** Through three joints; lengths are in heads. */
    Limb(double x0, double y0, double x1, double y1, double x2, double y2) {
        double upper = Math.hypot(x1 - x0, y1 - y0);
        double length = upper + Math.hypot(x2 - x1, y2 - y1);
        for (int i = 0; i < POINTS; i++) {
            double at = length * i / (POINTS - 1);
            double t = at < upper ? at / upper : (at - upper) / (length - upper);
            x[i] = at < upper ? x0 + t * (x1 - x0) : x1 + t * (x2 - x1);
            y[i] = at < upper ? y0 + t * (y1 - y0) : y1 + t * (y2 - y1);
        }
        for (int round = 0; round < 6; round++) {
            double beforeX = x[0];
            double beforeY = y[0];
            for (int i = 1; i < POINTS - 1; i++) {
                double nowX = x[i];
                double nowY = y[i];
                x[i] = (beforeX + 2 * nowX + x[i + 1]) / 4;
                y[i] = (beforeY + 2 * nowY + y[i + 1]) / 4;
                beforeX = nowX;
                beforeY = nowY;
            }
        }
        for (int i = 1; i < POINTS; i++) {
            along[i] = along[i - 1] + Math.hypot(x[i] - x[i - 1], y[i] - y[i - 1]);
        }
    }

    double length() {
        return along[POINTS - 1];
    }

    /** The point at a share of the length, 0 to 1 and a little beyond. */
    double[] point(double share) {
        double at = share * (POINTS - 1);
        int i = Math.max(0, Math.min(POINTS - 2, (int) Math.floor(at)));
        double t = at - i;
        return new double[] {x[i] + t * (x[i + 1] - x[i]), y[i] + t * (y[i + 1] - y[i])};
    }

    /** The direction at a share of the length, as a unit vector. */
    double[] direction(double share) {
        int i = Math.max(0, Math.min(POINTS - 2, (int) Math.floor(share * (POINTS - 1))));
        double dx = x[i + 1] - x[i];
        double dy = y[i + 1] - y[i];
        double length = Math.hypot(dx, dy);
        return new double[] {dx / length, dy / length};
    }

    /**
     * The outline of something around the limb.
     *
     * @param from share of the length where it begins
     * @param to where it ends
     * @param half half its width by share of the length
     * @param cap how far it is rounded off beyond both ends, in half widths
     */
    Path2D strip(double from, double to, DoubleUnaryOperator half, double startCap, double endCap) {
        int steps = 16;
        Path2D outline = new Path2D.Double();
        for (int i = 0; i <= steps; i++) {
            double share = from + (to - from) * i / steps;
            double[] p = beside(share, half.applyAsDouble(share));
            if (i == 0) {
                outline.moveTo(p[0], p[1]);
            } else {
                outline.lineTo(p[0], p[1]);
            }
        }
        cap(outline, to, half.applyAsDouble(to), endCap);
        for (int i = steps; i >= 0; i--) {
            double share = from + (to - from) * i / steps;
            double[] p = beside(share, -half.applyAsDouble(share));
            outline.lineTo(p[0], p[1]);
        }
        cap(outline, from, -half.applyAsDouble(from), -startCap * Math.signum(half.applyAsDouble(from)));
        outline.closePath();
        return outline;
    }

    private void cap(Path2D outline, double share, double half, double reach) {
        double[] d = direction(Math.min(share, 0.999));
        double[] a = beside(share, half);
        double[] b = beside(share, -half);
        double e = reach * Math.abs(half) * 1.3;
        outline.curveTo(a[0] + d[0] * e, a[1] + d[1] * e, b[0] + d[0] * e, b[1] + d[1] * e, b[0], b[1]);
    }

    /** A point beside the limb, to the left of its direction. */
    double[] beside(double share, double distance) {
        double[] p = point(share);
        double[] before = direction(Math.max(0, share - 0.04));
        double[] after = direction(Math.min(0.999, share + 0.04));
        double dx = before[0] + after[0];
        double dy = before[1] + after[1];
        double length = Math.hypot(dx, dy);
        return new double[] {p[0] + dy / length * distance, p[1] - dx / length * distance};
    }

    /** Where a point lies: across in {@code uv[0]}, along in {@code uv[1]}, in heads. */
    void locate(double px, double py, double[] uv) {
        int best = 0;
        double least = Double.MAX_VALUE;
        for (int i = 0; i < POINTS - 1; i++) {
            double dx = (x[i] + x[i + 1]) / 2 - px;
            double dy = (y[i] + y[i + 1]) / 2 - py;
            double distance = dx * dx + dy * dy;
            if (distance < least) {
                least = distance;
                best = i;
            }
        }
        double dx = x[best + 1] - x[best];
        double dy = y[best + 1] - y[best];
        double length = Math.hypot(dx, dy);
        double qx = px - x[best];
        double qy = py - y[best];
        uv[0] = (qx * dy - qy * dx) / length;
        uv[1] = along[best] + (qx * dx + qy * dy) / length;
    }
}
