package org.rafclip.data.drawn;

import java.util.SplittableRandom;

/**
 * How a figure stands, or how a garment without one lies. Lengths are heads, y grows downwards from the top of the head,
 * x from the middle; an upright figure is eight heads high.
 */
record Pose(double lean, double sway, Limb leftArm, Limb rightArm, Limb leftLeg, Limb rightLeg) {

    static final double SHOULDER_X = 0.74;
    static final double SHOULDER_Y = 1.56;

    /** What a photo shows. */
    enum Presentation {
        WORN,
        HANGING,
        FLAT
    }

    static Pose draw(Presentation presentation, SplittableRandom random) {
        double small = random.nextDouble() - 0.5;
        return switch (presentation) {
            case WORN -> {
                double stance = 0.06 + 0.16 * random.nextDouble();
                yield new Pose(
                        0.05 * small,
                        0.14 * (random.nextDouble() - 0.5),
                        arm(-1, random),
                        arm(1, random),
                        leg(-1, stance, random),
                        leg(1, stance, random));
            }
            case HANGING -> {
                double down = Math.toRadians(4 + 10 * random.nextDouble());
                yield new Pose(
                        0.02 * small,
                        0,
                        arm(-1, down, down * 0.6),
                        arm(1, down, down * 0.6),
                        leg(-1, 0, 0.02, 1),
                        leg(1, 0, 0.02, 1));
            }
            case FLAT -> {
                double out = Math.toRadians(18 + 34 * random.nextDouble());
                double bend = Math.toRadians(-25 + 40 * random.nextDouble());
                double spread = 0.08 + 0.2 * random.nextDouble();
                yield new Pose(
                        0.05 * small,
                        0.1 * (random.nextDouble() - 0.5),
                        arm(-1, out, out + bend),
                        arm(1, out + 0.1 * small, out + 0.1 * small + bend),
                        leg(-1, spread, 0, 1),
                        leg(1, spread, 0, 1));
            }
        };
    }

    private static Limb arm(int side, SplittableRandom random) {
        double draw = random.nextDouble();
        double wide = random.nextDouble();
        double bend = random.nextDouble();
        if (draw < 0.58) {
            double out = Math.toRadians(7 + 13 * wide);
            return arm(side, out, out - Math.toRadians(18 * bend));
        }
        if (draw < 0.80) {
            return arm(side, Math.toRadians(36 + 12 * wide), Math.toRadians(-38 - 16 * bend));
        }
        if (draw < 0.92) {
            return arm(side, Math.toRadians(22 + 16 * wide), Math.toRadians(38 + 30 * bend));
        }
        return arm(side, Math.toRadians(14 + 8 * wide), Math.toRadians(-72 - 18 * bend));
    }

    /** @param upper angle of the upper arm from straight down, outwards, in radians; {@code lower} of the forearm */
    private static Limb arm(int side, double upper, double lower) {
        double elbowX = SHOULDER_X + 1.28 * Math.sin(upper);
        double elbowY = SHOULDER_Y + 1.28 * Math.cos(upper);
        return new Limb(
                side * SHOULDER_X,
                SHOULDER_Y,
                side * elbowX,
                elbowY,
                side * (elbowX + 1.16 * Math.sin(lower)),
                elbowY + 1.16 * Math.cos(lower));
    }

    private static Limb leg(int side, double stance, SplittableRandom random) {
        return leg(
                side,
                stance,
                random.nextDouble() < 0.35 ? 0.16 * random.nextDouble() : 0,
                1 - 0.03 * random.nextDouble());
    }

    private static Limb leg(int side, double stance, double knee, double length) {
        return new Limb(
                side * 0.38,
                3.95,
                side * (0.38 + 0.5 * stance + knee),
                3.95 + 1.8 * length,
                side * (0.37 + stance),
                3.95 + 3.5 * length);
    }

    Limb arm(int side) {
        return side < 0 ? leftArm : rightArm;
    }

    Limb leg(int side) {
        return side < 0 ? leftLeg : rightLeg;
    }

    /** How far the body is off the straight line at a height. */
    double offset(double y) {
        return lean * (4 - y) + sway * Math.sin((y - 1.3) * 0.9);
    }
}
