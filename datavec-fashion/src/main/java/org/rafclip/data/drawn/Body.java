package org.rafclip.data.drawn;

import java.awt.Shape;
import java.awt.geom.Area;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.util.SplittableRandom;
import org.rafclip.data.drawn.Canvas.Lie;
import org.rafclip.data.drawn.Canvas.Surface;

/** A person, or a shop's figure, to wear the garments. */
final class Body {

    private static final int[] SKIN = {0xf3cfb8, 0xe8b796, 0xd69c74, 0xb87a52, 0x8f5a3a, 0x5f3a26};
    private static final int[] HAIR = {0x2a1c16, 0x1a1717, 0x5b3a22, 0x8a5a2f, 0xc79a55, 0x7d2f20, 0x8c8a88};

    private final Canvas canvas;
    private final View view;
    private final Pose pose;
    private final int skin;
    private final int hair;
    private final boolean mannequin;
    private final boolean headless;
    private final double hairLength;
    private final int seed;

    Body(Canvas canvas, View view, SplittableRandom random) {
        this.canvas = canvas;
        this.view = view;
        this.pose = view.pose();
        mannequin = random.nextInt(100) < 14;
        headless = mannequin && random.nextBoolean();
        skin = mannequin ? (random.nextBoolean() ? 0xe8e6e1 : 0xcfc4b4) : SKIN[random.nextInt(SKIN.length)];
        hair = HAIR[random.nextInt(HAIR.length)];
        hairLength = random.nextDouble();
        seed = random.nextInt(1 << 24);
    }

    private void limb(Shape shape, double roundness, double shadow) {
        paint(shape, skin, roundness, shadow);
    }

    private void paint(Shape shape, int rgb, double roundness, double shadow) {
        double heads = view.heads();
        Surface surface = (x, y, sample) -> sample.color(rgb);
        canvas.paint(view.picture(shape), surface, new Lie(roundness * heads, 1.6, shadow, 0.09 * heads, 0, false));
    }

    /** Hair behind everything. */
    void hairBehind() {
        if (mannequin || hairLength < 0.25) {
            return;
        }
        double low = 1.0 + 1.3 * hairLength;
        Path2D path = new Path2D.Double();
        path.moveTo(-0.40, 0.5);
        path.curveTo(-0.52, 0.9, -0.5, low - 0.3, -0.42, low);
        path.quadTo(0, low + 0.12, 0.42, low);
        path.curveTo(0.5, low - 0.3, 0.52, 0.9, 0.40, 0.5);
        path.closePath();
        hair(path);
    }

    private void hair(Shape shape) {
        double heads = view.heads();
        double[] p = new double[2];
        Surface surface = (x, y, sample) -> {
            view.figure(x, y, p);
            sample.color(hair);
            sample.scale(0.8 + 0.5 * Noise.at(seed, p[0] * 22 + 2 * Noise.at(seed + 1, p[0] * 3, p[1] * 2), p[1] * 2));
            sample.height = 0.05 * heads * Noise.at(seed + 2, p[0] * 9, p[1] * 1.2);
            sample.gloss = 0.12f;
        };
        canvas.paint(view.picture(shape), surface, new Lie(0.14 * heads, 1.4, 0.35, 0.1 * heads, 0, false));
    }

    /** Legs, trunk, neck and head. */
    void body() {
        for (int s = -1; s <= 1; s += 2) {
            Limb leg = pose.leg(s);
            Profile half = new Profile(0, 0.37, 0.25, 0.29, 0.48, 0.185, 0.56, 0.175, 0.68, 0.19, 0.97, 0.095, 1, 0.1);
            limb(leg.strip(0, 1, half::at, 0.3, 0.2), 0.16, 0);
            double[] ankle = leg.point(1);
            Path2D shoe = new Path2D.Double();
            shoe.moveTo(ankle[0] - 0.13, ankle[1] - 0.10);
            shoe.curveTo(
                    ankle[0] - 0.2 + s * 0.06,
                    ankle[1] + 0.25,
                    ankle[0] - 0.1 + s * 0.14,
                    ankle[1] + 0.36,
                    ankle[0] + s * 0.12,
                    ankle[1] + 0.34);
            shoe.curveTo(
                    ankle[0] + 0.2 + s * 0.12,
                    ankle[1] + 0.34,
                    ankle[0] + 0.2,
                    ankle[1] + 0.1,
                    ankle[0] + 0.13,
                    ankle[1] - 0.10);
            shoe.closePath();
            paint(shoe, mannequin ? skin : Palette.hsv(30 * (seed % 12), 0.3, 0.25 + 0.05 * (seed % 9)), 0.08, 0);
        }
        Profile side = new Profile(1.62, 0.78, 2.0, 0.665, 2.25, 0.665, 2.95, 0.535, 3.7, 0.76, 4.05, 0.74);
        Path2D trunk = new Path2D.Double();
        trunk.moveTo(-0.17, 0.85);
        trunk.curveTo(-0.17, 1.2, -0.24, 1.26, -0.62, 1.38);
        trunk.curveTo(-0.76, 1.42, -0.83, 1.5, -0.80, 1.68);
        for (int i = 0; i <= 16; i++) {
            double y = 1.75 + (4.05 - 1.75) * i / 16;
            trunk.lineTo(-side.at(y), y);
        }
        trunk.quadTo(-0.3, 4.3, 0, 4.2);
        trunk.quadTo(0.3, 4.3, side.at(4.05), 4.05);
        for (int i = 16; i >= 0; i--) {
            double y = 1.75 + (4.05 - 1.75) * i / 16;
            trunk.lineTo(side.at(y), y);
        }
        trunk.lineTo(0.80, 1.68);
        trunk.curveTo(0.83, 1.5, 0.76, 1.42, 0.62, 1.38);
        trunk.curveTo(0.24, 1.26, 0.17, 1.2, 0.17, 0.85);
        trunk.closePath();
        limb(trunk, 0.2, 0.2);
        if (!mannequin) {
            // what is worn below everything, so that nobody stands there bare
            Path2D wear = new Path2D.Double();
            wear.moveTo(-0.56, 1.95);
            wear.quadTo(0, 2.05, 0.56, 1.95);
            wear.lineTo(0.62, 2.35);
            wear.quadTo(0, 2.5, -0.62, 2.35);
            wear.closePath();
            paint(wear, 0xe9e4de, 0.1, 0);
        }
    }

    void head() {
        if (headless) {
            return;
        }
        limb(new Ellipse2D.Double(-0.35, 0.05, 0.70, 0.98), 0.2, 0.4);
        if (mannequin) {
            return;
        }
        double heads = view.heads();
        for (int s = -1; s <= 1; s += 2) {
            paint(new Ellipse2D.Double(s * 0.145 - 0.055, 0.50, 0.11, 0.055), 0x2c2422, 0, 0);
            if (heads > 26) {
                paint(
                        new Ellipse2D.Double(s * 0.145 - 0.08, 0.425, 0.16, 0.03),
                        Palette.between(hair, skin, 0.25),
                        0,
                        0);
            }
        }
        paint(new Ellipse2D.Double(-0.085, 0.80, 0.17, 0.06), Palette.between(skin, 0xb0353c, 0.55), 0, 0);
        paint(new Ellipse2D.Double(-0.03, 0.58, 0.06, 0.15), Palette.between(skin, 0x6b3a25, 0.22), 0, 0);
        Path2D cap = new Path2D.Double();
        cap.moveTo(-0.40, 0.62);
        cap.curveTo(-0.50, -0.10, -0.15, -0.08, 0, -0.07);
        cap.curveTo(0.15, -0.08, 0.50, -0.10, 0.40, 0.62);
        cap.curveTo(0.34, 0.40, 0.26, 0.28, 0.08, 0.26);
        cap.curveTo(-0.16, 0.24, -0.32, 0.40, -0.40, 0.62);
        cap.closePath();
        hair(cap);
    }

    /** Long hair that falls over the shoulders, and with it over what is worn there. */
    void hairInFront() {
        if (mannequin || hairLength < 0.62) {
            return;
        }
        double low = 1.5 + 1.3 * (hairLength - 0.6) / 0.4;
        for (int s = -1; s <= 1; s += 2) {
            Path2D lock = new Path2D.Double();
            lock.moveTo(s * 0.36, 0.35);
            lock.curveTo(s * 0.52, 0.7, s * 0.56, 1.2, s * 0.5, low);
            lock.quadTo(s * 0.38, low + 0.18, s * 0.28, low - 0.1);
            lock.curveTo(s * 0.36, 1.3, s * 0.30, 0.9, s * 0.33, 0.5);
            lock.closePath();
            hair(lock);
        }
    }

    /** @param covered where garments leave no skin to be seen */
    void arm(int side, Area covered) {
        Limb arm = pose.arm(side);
        Profile half = new Profile(0, 0.185, 0.3, 0.15, 0.52, 0.125, 0.65, 0.125, 0.95, 0.085, 1, 0.085);
        double[] wrist = arm.point(1);
        double[] d = arm.direction(0.99);
        Path2D hand = new Path2D.Double();
        double px = -d[1];
        double py = d[0];
        hand.moveTo(wrist[0] - 0.085 * px - 0.04 * d[0], wrist[1] - 0.085 * py - 0.04 * d[1]);
        hand.curveTo(
                wrist[0] - 0.15 * px + 0.2 * d[0], wrist[1] - 0.15 * py + 0.2 * d[1],
                wrist[0] - 0.08 * px + 0.5 * d[0], wrist[1] - 0.08 * py + 0.5 * d[1],
                wrist[0] + 0.02 * px + 0.46 * d[0], wrist[1] + 0.02 * py + 0.46 * d[1]);
        hand.curveTo(
                wrist[0] + 0.12 * px + 0.4 * d[0],
                wrist[1] + 0.12 * py + 0.4 * d[1],
                wrist[0] + 0.14 * px + 0.15 * d[0],
                wrist[1] + 0.14 * py + 0.15 * d[1],
                wrist[0] + 0.085 * px - 0.04 * d[0],
                wrist[1] + 0.085 * py - 0.04 * d[1]);
        hand.closePath();
        limb(hand, 0.06, 0.25);
        Path2D trunk = new Path2D.Double();
        trunk.moveTo(0, 0);
        trunk.lineTo(side * 0.70, 0);
        trunk.lineTo(side * 0.70, 1.4);
        trunk.quadTo(side * 0.60, 1.7, side * 0.64, 2.02);
        trunk.lineTo(0, 2.02);
        trunk.closePath();
        Area visible = new Area(arm.strip(0, 1, half::at, 0.9, 0));
        visible.subtract(new Area(trunk));
        visible.subtract(covered);
        limb(visible, 0.11, 0.3);
    }
}
