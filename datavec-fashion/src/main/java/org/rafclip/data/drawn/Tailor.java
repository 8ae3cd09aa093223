package org.rafclip.data.drawn;

import java.awt.Shape;
import java.awt.geom.Area;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.rafclip.data.Seeds;
import org.rafclip.data.drawn.Cloth.Finish;
import org.rafclip.data.drawn.Piece.Detail;
import org.rafclip.data.drawn.Piece.Frame;
import org.rafclip.data.drawn.Piece.Kind;
import org.rafclip.data.drawn.Piece.Relief;
import org.rafclip.data.drawn.Piece.Stage;

/** Cuts a garment's pieces to its labels and to the pose, with collars, seams, pockets and closures. */
final class Tailor {

    private static final int CUT_STREAM = 21;
    private static final double WAIST = 3.0;

    private final Look look;
    private final Pose pose;
    private final boolean worn;
    private final double depth;
    private final double fineness;
    private final int seed;
    private final double a;
    private final double b;
    private final double c;
    private final double d;
    private final double ease;
    private final boolean open;
    private final List<Piece> pieces = new ArrayList<>();
    private final List<Area> covered = new ArrayList<>();

    /**
     * A garment cut out.
     *
     * @param pieces in the order of painting within their stage
     * @param covered by its trunk at the arms' roots: no skin shows there
     */
    record Garment(List<Piece> pieces, Cloth.Ornament ornament, List<Area> covered) {}

    private Tailor(Look look, long style, Pose pose, boolean worn, double depth, double fineness) {
        this.look = look;
        this.pose = pose;
        this.worn = worn;
        this.depth = depth;
        this.fineness = fineness;
        SplittableRandom random = Seeds.stream(style, CUT_STREAM);
        seed = random.nextInt(1 << 24);
        a = random.nextDouble();
        b = random.nextDouble();
        c = random.nextDouble();
        d = random.nextDouble();
        ease = switch (look.fit()) {
            case TIGHT -> 0.015;
            case CONVENTIONAL -> 0.09;
            case LOOSE -> 0.27;
        };
        open = look.category().part() == Category.Part.OUTER && a < 0.5;
    }

    /** @param cloth of the garment; its folds are deeper or finer by fabric */
    static Garment cut(Look look, long style, Pose pose, boolean worn, double depth, double fineness) {
        Tailor tailor = new Tailor(look, style, pose, worn, depth, fineness);
        return switch (look.category().part()) {
            case LOWER -> tailor.lower();
            case UPPER, OUTER -> tailor.upper();
            case WHOLE -> tailor.whole();
        };
    }

    static double shoulderLine(double x) {
        return 1.22 + 0.30 * Math.max(0, Math.abs(x) - 0.14);
    }

    private boolean strapless() {
        return look.neckline() == Look.Neckline.NO_NECKLINE;
    }

    private boolean collared() {
        return switch (look.category()) {
            case BUTTON_DOWN -> true;
            case JACKET -> b < 0.75;
            case BLAZER, COAT -> true;
            case BLOUSE -> b < 0.3 && look.neckline() == Look.Neckline.V_NECKLINE;
            default -> false;
        };
    }

    private double pick(double tight, double conventional, double loose) {
        return switch (look.fit()) {
            case TIGHT -> tight;
            case CONVENTIONAL -> conventional;
            case LOOSE -> loose;
        };
    }

    // ---- upper garments

    private Garment upper() {
        double hem = switch (look.category()) {
            case TEE, TANK -> b < 0.14 ? 3.15 : 3.72 + 0.35 * c;
            case BLOUSE -> 3.72 + 0.3 * c;
            case BUTTON_DOWN -> 3.95 + 0.25 * c;
            case SWEATER, HOODIE -> 3.72 + 0.25 * c;
            case CARDIGAN -> 3.9 + 0.9 * c * c;
            case JACKET -> 3.4 + 0.4 * c;
            case BLAZER -> 3.95 + 0.2 * c;
            default -> 5.1 + 1.1 * c;
        };
        hem += pick(-0.05, 0, 0.14);
        boolean coat = look.category() == Category.COAT;
        double outer = look.category().part() == Category.Part.OUTER ? 0.06 : 0;
        double e = ease + outer;
        boolean gathered = look.category() == Category.SWEATER
                || look.category() == Category.HOODIE
                || look.category() == Category.JACKET && d < 0.5;
        double hemHalf = coat
                ? pick(0.86, 1.0, 1.2) + outer
                : gathered
                        ? pick(0.74, 0.78, 0.92)
                        : pick(0.77, 0.85, 1.05) + outer + (look.category() == Category.BLOUSE ? 0.08 : 0);
        Profile side = new Profile(
                1.9,
                0.70 + e,
                2.25,
                0.70 + e,
                WAIST,
                pick(0.56, 0.67, 0.93) + outer,
                coat ? 4.0 : Math.max(hem, 3.2),
                coat ? 0.82 + e : hemHalf + (gathered ? 0.1 : 0),
                coat ? hem : hem + 0.6,
                hemHalf + (coat ? 0 : 0.02));
        torso(side, hem, Stage.MAIN, gathered);
        sleeves();
        return garment(new Cloth.Ornament(0, 2.38, 0.44 + 0.08 * c, neckDepth() + 0.18, hem - 0.28));
    }

    private Garment garment(Cloth.Ornament ornament) {
        return new Garment(List.copyOf(pieces), ornament, List.copyOf(covered));
    }

    private double neckDepth() {
        return switch (look.neckline()) {
            case CREW_NECKLINE -> 1.52 + 0.07 * d;
            case V_NECKLINE -> open ? 2.3 : 1.95 + 0.35 * d;
            case SQUARE_NECKLINE -> 1.82 + 0.12 * d;
            case NO_NECKLINE -> 1.92;
        };
    }

    private double neckWidth() {
        return switch (look.neckline()) {
            case CREW_NECKLINE -> 0.27 + 0.06 * c;
            case V_NECKLINE -> collared() ? 0.25 : 0.29 + 0.05 * c;
            case SQUARE_NECKLINE -> 0.40 + 0.04 * c;
            case NO_NECKLINE -> 0.64;
        };
    }

    /** The neckline from the left to the right end, both on the shoulder line. */
    private Path2D neckline(boolean connect, Path2D path) {
        double w = neckWidth();
        double y = shoulderLine(w);
        double deep = neckDepth();
        if (strapless()) {
            y = 1.95;
            start(path, connect, -0.655 - ease, y + 0.02);
            path.curveTo(-0.5, 1.70, -0.15, 1.74, 0, deep - 0.02);
            path.curveTo(0.15, 1.74, 0.5, 1.70, 0.655 + ease, y + 0.02);
            return path;
        }
        start(path, connect, -w, y);
        switch (look.neckline()) {
            case V_NECKLINE -> {
                path.quadTo(-w * 0.62, y + (deep - y) * 0.45, 0, deep);
                path.quadTo(w * 0.62, y + (deep - y) * 0.45, w, y);
            }
            case SQUARE_NECKLINE -> {
                path.lineTo(-w * 0.93, deep);
                path.lineTo(w * 0.93, deep);
                path.lineTo(w, y);
            }
            default -> {
                path.curveTo(-w * 0.95, deep * 0.98, -w * 0.45, deep, 0, deep);
                path.curveTo(w * 0.45, deep, w * 0.95, deep * 0.98, w, y);
            }
        }
        return path;
    }

    private static void start(Path2D path, boolean connect, double x, double y) {
        if (connect) {
            path.lineTo(x, y);
        } else {
            path.moveTo(x, y);
        }
    }

    private double shoulderEnd() {
        if (look.sleeve() == Look.Sleeve.SLEEVELESS) {
            return Math.max(
                    neckWidth() + 0.07,
                    neckWidth()
                            + (look.category() == Category.TANK
                                            || look.category().part() == Category.Part.WHOLE
                                    ? 0.07 + 0.16 * b
                                    : 0.3));
        }
        return 0.80 + pick(0, 0.03, 0.14);
    }

    private double armpitY() {
        return look.sleeve() == Look.Sleeve.SLEEVELESS ? 2.08 : 2.06 + pick(0, 0.05, 0.22);
    }

    private void torso(Profile side, double hem, Stage stage, boolean gathered) {
        Path2D outline = new Path2D.Double();
        neckline(false, outline);
        double armpit = armpitY();
        double shoulder = shoulderEnd();
        if (strapless()) {
            outline.lineTo(side.at(armpit), armpit + 0.02);
        } else {
            outline.lineTo(shoulder, shoulderLine(shoulder));
            double hollow = look.sleeve() == Look.Sleeve.SLEEVELESS ? 0.30 : 0.04;
            outline.curveTo(
                    shoulder - hollow * 0.4,
                    shoulderLine(shoulder) + 0.25,
                    side.at(armpit) - hollow,
                    armpit - 0.12,
                    side.at(armpit),
                    armpit);
        }
        down(outline, side, armpit, hem, 1);
        hem(outline, side, hem);
        for (int i = 12; i >= 0; i--) {
            double y = armpit + (hem - armpit) * i / 12;
            outline.lineTo(-side.at(y), y);
        }
        if (!strapless()) {
            double hollow = look.sleeve() == Look.Sleeve.SLEEVELESS ? 0.30 : 0.04;
            outline.curveTo(
                    -side.at(armpit) + hollow,
                    armpit - 0.12,
                    -shoulder + hollow * 0.4,
                    shoulderLine(shoulder) + 0.25,
                    -shoulder,
                    shoulderLine(shoulder));
        }
        outline.closePath();

        List<Detail> details = new ArrayList<>();
        Path2D neck = neckline(false, new Path2D.Double());
        boolean knitted = look.fabric() == Look.Fabric.KNIT
                || look.category() == Category.TEE
                || look.category() == Category.HOODIE;
        if (!collared() && look.category() != Category.HOODIE) {
            details.add(new Detail(neck, Kind.BAND, knitted ? 0.17 : 0.10));
        }
        if (look.sleeve() == Look.Sleeve.SLEEVELESS && !strapless()) {
            Path2D armhole = new Path2D.Double();
            for (int s = -1; s <= 1; s += 2) {
                armhole.moveTo(s * shoulder, shoulderLine(shoulder));
                armhole.curveTo(
                        s * (shoulder - 0.12),
                        shoulderLine(shoulder) + 0.25,
                        s * (side.at(armpit) - 0.30),
                        armpit - 0.12,
                        s * side.at(armpit),
                        armpit);
            }
            details.add(new Detail(armhole, Kind.BAND, 0.08));
        }
        closures(details, hem, side);
        Shape shape = outline;
        if (open) {
            Area opened = new Area(outline);
            double gap = 0.10 + 0.25 * b;
            double top = neckDepth();
            Path2D gapPath = new Path2D.Double();
            gapPath.moveTo(0, top - 0.4);
            gapPath.curveTo(0.06 + gap * 0.3, top, gap, top + 0.6, gap * 1.25, hem + 0.3);
            gapPath.lineTo(-gap * 1.1, hem + 0.3);
            gapPath.curveTo(-gap, top + 0.6, -0.06 - gap * 0.3, top, 0, top - 0.4);
            gapPath.closePath();
            opened.subtract(new Area(gapPath));
            shape = opened;
        }
        if (!worn && !strapless()) {
            back(side);
        }
        if (open && !worn) {
            Path2D lining = new Path2D.Double();
            lining.moveTo(-0.3, 1.3);
            lining.lineTo(0.3, 1.3);
            lining.lineTo(side.at(hem) * 0.8, hem - 0.04);
            lining.lineTo(-side.at(hem) * 0.8, hem - 0.04);
            lining.closePath();
            pieces.add(new Piece(Stage.BACK, 0, lining, flat(), Finish.INSIDE, trunkFolds(hem), 0, List.of()));
        }
        pieces.add(new Piece(stage, 0, shape, torsoFrame(), Finish.FRONT, trunkFolds(hem), 0.8, details));
        if (gathered) {
            Path2D band = new Path2D.Double();
            double top = hem - 0.2;
            band.moveTo(-side.at(top) - 0.01, top);
            band.quadTo(0, top + 0.09, side.at(top) + 0.01, top);
            band.lineTo(side.at(hem), hem + 0.02);
            band.quadTo(0, hem + 0.1, -side.at(hem), hem + 0.02);
            band.closePath();
            Area clipped = new Area(band);
            clipped.intersect(new Area(shape));
            pieces.add(new Piece(stage, 0, clipped, flat(), Finish.RIB, none(), 0.15, List.of()));
        }
        if (look.category() == Category.HOODIE) {
            hood();
            Path2D pocket = new Path2D.Double();
            pocket.moveTo(-0.30, 3.0);
            pocket.lineTo(0.30, 3.0);
            pocket.lineTo(0.47, 3.35);
            pocket.lineTo(0.47, hem - 0.2);
            pocket.lineTo(-0.47, hem - 0.2);
            pocket.lineTo(-0.47, 3.35);
            pocket.closePath();
            pieces.add(new Piece(
                    stage,
                    0,
                    pocket,
                    torsoFrame(),
                    Finish.PATTERN,
                    none(),
                    0.3,
                    List.of(new Detail(pocket, Kind.SEAM, 0.025))));
        }
        if (collared()) {
            collar();
        }
    }

    private static void down(Path2D outline, Profile side, double from, double to, int s) {
        for (int i = 0; i <= 12; i++) {
            double y = from + (to - from) * i / 12;
            outline.lineTo(s * side.at(y), y);
        }
    }

    /** Draws the hem from its right end to its left one. */
    private void hem(Path2D outline, Profile side, double hem) {
        double half = side.at(hem);
        boolean tails = look.category() == Category.BUTTON_DOWN || look.category() == Category.BLOUSE && d < 0.4;
        boolean waves = look.fit() == Look.Fit.LOOSE
                || look.texture() == Look.Texture.PLEATED
                || look.fabric() == Look.Fabric.CHIFFON;
        int steps = 24;
        for (int i = 1; i < steps; i++) {
            double t = 1 - 2.0 * i / steps;
            double y = hem + 0.09 * (1 - t * t);
            if (tails) {
                y += 0.13 * Math.cos(Math.PI * t) - 0.05;
            }
            if (waves) {
                y += 0.035 * Math.sin(t * 11 + 6 * a) * half;
            }
            outline.lineTo(t * half, y);
        }
    }

    /** The inside of the back, seen through the neckline of a garment that nobody wears. */
    private void back(Profile side) {
        double w = neckWidth() + 0.02;
        Path2D back = new Path2D.Double();
        double y = shoulderLine(w);
        back.moveTo(-w, y + 0.02);
        back.quadTo(0, y + 0.14, w, y + 0.02);
        back.lineTo(w * 1.1, Math.min(2.6, neckDepth() + 0.2));
        back.lineTo(-w * 1.1, Math.min(2.6, neckDepth() + 0.2));
        back.closePath();
        List<Detail> details = List.of(new Detail(new Rectangle2D.Double(-0.09, y + 0.16, 0.18, 0.10), Kind.PALE, 0));
        pieces.add(new Piece(Stage.BACK, 0, back, flat(), Finish.INSIDE, none(), 0, details));
    }

    private void hood() {
        Area ring = new Area(new Ellipse2D.Double(-0.56, 0.92, 1.12, 0.86));
        ring.subtract(new Area(new Ellipse2D.Double(-0.27, 0.86, 0.54, 0.70)));
        Area front = new Area(ring);
        front.intersect(new Area(new Rectangle2D.Double(-1, 1.14, 2, 1)));
        Relief soft = (u, v) -> 0.05 * Noise.at(seed + 40, u * 3, v * 5);
        Shape back = worn ? new Ellipse2D.Double(-0.54, 0.82, 1.08, 0.8) : new Ellipse2D.Double(-0.52, 0.42, 1.04, 1.2);
        pieces.add(new Piece(Stage.BACK, 0, back, flat(), Finish.PATTERN, soft, 0.3, List.of()));
        if (!worn) {
            pieces.add(new Piece(
                    Stage.BACK,
                    0,
                    new Ellipse2D.Double(-0.34, 0.62, 0.68, 0.95),
                    flat(),
                    Finish.INSIDE,
                    soft,
                    0.2,
                    List.of()));
        }
        pieces.add(new Piece(Stage.TOP, 0, front, flat(), Finish.PATTERN, soft, 0.5, List.of()));
        Path2D strings = new Path2D.Double();
        strings.moveTo(-0.12, 1.55);
        strings.quadTo(-0.2, 1.9, -0.15, 2.25 + 0.2 * b);
        strings.moveTo(0.12, 1.55);
        strings.quadTo(0.2, 1.9, 0.16, 2.2 + 0.2 * c);
        int last = pieces.size() - 1;
        while (pieces.get(last).finish() != Finish.FRONT) {
            last--;
        }
        Piece main = pieces.get(last);
        List<Detail> details = new ArrayList<>(main.details());
        details.add(new Detail(strings, Kind.PALE, 0.045));
        pieces.set(
                last,
                new Piece(
                        main.stage(),
                        0,
                        main.outline(),
                        main.frame(),
                        main.finish(),
                        main.relief(),
                        main.lift(),
                        details));
    }

    private void collar() {
        boolean lapels = look.category() == Category.BLAZER || look.category() == Category.COAT;
        double w = neckWidth();
        for (int s = -1; s <= 1; s += 2) {
            Path2D leaf = new Path2D.Double();
            double y = shoulderLine(w);
            if (lapels) {
                double close = neckDepth() + 0.15;
                double gap = open ? 0.12 + 0.2 * b : 0;
                leaf.moveTo(s * (w - 0.07), y - 0.09);
                leaf.quadTo(s * (w * 0.7 + gap * 0.3), (y + close) / 2, s * (0.02 + gap), close + 0.1);
                leaf.quadTo(s * (0.34 + gap), close - 0.35, s * (0.46 + gap * 0.6), 1.98);
                leaf.lineTo(s * (0.36 + gap * 0.5), 1.86);
                leaf.lineTo(s * (0.44 + gap * 0.4), 1.76);
                leaf.quadTo(s * (w + 0.2), 1.45, s * (w + 0.08), y - 0.04);
            } else {
                double front = look.neckline() == Look.Neckline.CREW_NECKLINE ? 0.03 : 0.12;
                double low = look.neckline() == Look.Neckline.CREW_NECKLINE ? 1.50 : 1.66;
                leaf.moveTo(s * (w - 0.05), y - 0.12);
                leaf.quadTo(s * (front + 0.12), y + 0.12, s * front, low);
                leaf.lineTo(s * (front + 0.17 + 0.08 * d), low + 0.26);
                leaf.quadTo(s * (w + 0.14), low - 0.05, s * (w + 0.10), y - 0.02);
            }
            leaf.closePath();
            pieces.add(new Piece(
                    Stage.TOP,
                    0,
                    leaf,
                    flat(),
                    look.texture() == Look.Texture.GRAPHIC ? Finish.PLAIN : Finish.PATTERN,
                    none(),
                    0.45,
                    List.of(new Detail(leaf, Kind.SEAM, 0.03))));
        }
    }

    private void closures(List<Detail> details, double hem, Profile side) {
        double top = neckDepth();
        double bottom = hem + 0.02;
        switch (look.category()) {
            case BUTTON_DOWN -> {
                placket(details, 0.07, top, bottom);
                buttons(details, 0, top + 0.12, bottom - 0.15, 0.33, 0.034);
                if (d < 0.6) {
                    pocket(details, 0.2, 2.12, 0.34, 0.38);
                }
            }
            case BLOUSE -> {
                if (b < 0.45) {
                    placket(details, 0.05, top, bottom);
                    buttons(details, 0, top + 0.14, bottom - 0.2, 0.28, 0.026);
                }
            }
            case CARDIGAN -> {
                double x = open ? 0.17 + 0.25 * b : 0;
                if (open) {
                    buttons(details, x, top + 0.45, bottom - 0.2, 0.36, 0.045);
                } else {
                    placket(details, 0.09, top, bottom);
                    buttons(details, 0, top + 0.15, bottom - 0.15, 0.34, 0.045);
                }
                pocket(details, 0.33, hem - 0.75, 0.36, 0.42);
                pocket(details, -0.69, hem - 0.75, 0.36, 0.42);
            }
            case JACKET -> {
                if (look.fabric() == Look.Fabric.DENIM) {
                    placket(details, 0.08, top, bottom);
                    buttons(details, 0, top + 0.12, bottom - 0.1, 0.28, 0.036);
                    for (int s = -1; s <= 1; s += 2) {
                        line(details, Kind.STITCH, 0.025, s * 0.12, 2.02, s * 0.78, 1.96);
                        line(details, Kind.STITCH, 0.025, s * 0.30, 2.4, s * 0.2, hem - 0.22);
                        line(details, Kind.STITCH, 0.025, s * 0.52, 2.4, s * 0.46, hem - 0.22);
                        pocket(details, s > 0 ? 0.22 : -0.58, 2.04, 0.36, 0.36);
                    }
                    line(details, Kind.STITCH, 0.025, -side.at(hem), hem - 0.2, side.at(hem), hem - 0.2);
                } else {
                    double slant = look.fabric() == Look.Fabric.LEATHER && d > 0.4 ? 0.18 : 0;
                    line(details, Kind.DARK, 0.055, slant, top, -0.4 * slant, bottom + 0.1);
                    line(details, Kind.METAL, 0.025, slant, top, -0.4 * slant, bottom + 0.1);
                    for (int s = -1; s <= 1; s += 2) {
                        line(details, Kind.METAL, 0.03, s * 0.32, 3.22, s * 0.56, 2.9);
                        line(details, Kind.SEAM, 0.03, s * 0.12, 2.2, s * 0.80, 2.1);
                    }
                }
            }
            case BLAZER -> {
                line(details, Kind.SEAM, 0.03, 0.03, top, 0.06, bottom);
                buttons(details, 0.0, top + 0.22, top + 0.62, 0.34, 0.05);
                for (int s = -1; s <= 1; s += 2) {
                    flap(details, s * 0.48, 3.32);
                }
                line(details, Kind.SEAM, 0.04, 0.3, 2.28, 0.56, 2.24);
            }
            case COAT -> {
                line(details, Kind.SEAM, 0.03, 0.05, top, 0.08, bottom + 0.1);
                if (!open) {
                    double x = c < 0.5 ? 0.22 : 0;
                    buttons(details, x, top + 0.2, 3.9, 0.42, 0.055);
                    if (x > 0) {
                        buttons(details, -x, top + 0.2, 3.9, 0.42, 0.055);
                    }
                }
                for (int s = -1; s <= 1; s += 2) {
                    flap(details, s * 0.55, 3.62);
                }
                if (d < 0.4) {
                    belt(details, side, 3.05);
                }
            }
            default -> line(details, Kind.SEAM, 0.022, -side.at(hem), hem - 0.07, side.at(hem), hem - 0.07, 0.09);
        }
        if (look.fabric() == Look.Fabric.DENIM && look.category() != Category.JACKET) {
            line(details, Kind.STITCH, 0.025, -side.at(hem), hem - 0.08, side.at(hem), hem - 0.08, 0.09);
        }
    }

    private static void belt(List<Detail> details, Profile side, double y) {
        Path2D belt = new Path2D.Double();
        belt.moveTo(-side.at(y), y - 0.08);
        belt.quadTo(0, y, side.at(y), y - 0.08);
        belt.lineTo(side.at(y), y + 0.08);
        belt.quadTo(0, y + 0.16, -side.at(y), y + 0.08);
        belt.closePath();
        details.add(new Detail(belt, Kind.BAND, 0));
        details.add(new Detail(belt, Kind.SEAM, 0.025));
        details.add(new Detail(new Rectangle2D.Double(-0.09, y - 0.06, 0.18, 0.2), Kind.METAL, 0.035));
    }

    private static void placket(List<Detail> details, double half, double top, double bottom) {
        line(details, Kind.SEAM, 0.022, -half, top, -half, bottom + 0.1);
        line(details, Kind.SEAM, 0.022, half, top, half, bottom + 0.1);
    }

    private static void buttons(List<Detail> details, double x, double from, double to, double step, double radius) {
        for (double y = from; y <= to; y += step) {
            details.add(new Detail(new Ellipse2D.Double(x - radius, y - radius, 2 * radius, 2 * radius), Kind.TRIM, 0));
            details.add(
                    new Detail(new Ellipse2D.Double(x - radius, y - radius, 2 * radius, 2 * radius), Kind.DARK, 0.012));
        }
    }

    private static void pocket(List<Detail> details, double x, double y, double width, double height) {
        Path2D pocket = new Path2D.Double();
        pocket.moveTo(x, y);
        pocket.lineTo(x + width, y);
        pocket.lineTo(x + width, y + height * 0.8);
        pocket.lineTo(x + width / 2, y + height);
        pocket.lineTo(x, y + height * 0.8);
        pocket.closePath();
        details.add(new Detail(pocket, Kind.SEAM, 0.025));
        details.add(new Detail(new Rectangle2D.Double(x, y, width, 0.09), Kind.BAND, 0));
    }

    private static void flap(List<Detail> details, double x, double y) {
        Path2D flap = new Path2D.Double();
        flap.moveTo(x - 0.19, y);
        flap.lineTo(x + 0.19, y);
        flap.lineTo(x + 0.19, y + 0.13);
        flap.lineTo(x - 0.19, y + 0.13);
        flap.closePath();
        details.add(new Detail(flap, Kind.BAND, 0));
        details.add(new Detail(flap, Kind.SEAM, 0.025));
    }

    private static void line(
            List<Detail> details, Kind kind, double width, double x0, double y0, double x1, double y1) {
        line(details, kind, width, x0, y0, x1, y1, 0);
    }

    private static void line(
            List<Detail> details, Kind kind, double width, double x0, double y0, double x1, double y1, double sag) {
        Path2D path = new Path2D.Double();
        path.moveTo(x0, y0);
        path.quadTo((x0 + x1) / 2, (y0 + y1) / 2 + 2 * sag, x1, y1);
        details.add(new Detail(path, kind, width));
    }

    // ---- sleeves

    private void sleeves() {
        if (look.sleeve() == Look.Sleeve.SLEEVELESS) {
            return;
        }
        boolean isLong = look.sleeve() == Look.Sleeve.LONG_SLEEVE;
        double end = isLong ? 0.94 + 0.05 * b : 0.33 + 0.1 * b;
        double outer = look.category().part() == Category.Part.OUTER ? 0.03 : 0;
        double atShoulder = pick(0.205, 0.27, 0.37) + outer;
        double bell = look.category() == Category.BLOUSE && c < 0.35 || look.category() == Category.DRESS && c < 0.15
                ? 0.12
                : 0;
        double atEnd = (isLong ? pick(0.13, 0.175, 0.29) : pick(0.19, 0.27, 0.40)) + outer + bell;
        boolean cuff = isLong
                && (look.category() == Category.SWEATER
                        || look.category() == Category.HOODIE
                        || look.category() == Category.BUTTON_DOWN
                        || look.fabric() == Look.Fabric.KNIT
                        || look.category() == Category.JACKET);
        Profile side = new Profile(1.9, 0.68 + ease, 3, 0.66 + ease);
        for (int s = -1; s <= 1; s += 2) {
            Limb arm = pose.arm(s);
            double narrow = cuff ? 0.135 + pick(0, 0.015, 0.05) : atEnd;
            Path2D strip = arm.strip(
                    0,
                    end,
                    share -> {
                        double t = share / end;
                        double half = atShoulder + (atEnd - atShoulder) * Math.pow(t, bell > 0 ? 2.5 : 0.9);
                        return cuff ? half + (narrow - half) * Noise.step(0.84, 0.99, t) : half;
                    },
                    0.9,
                    0.12);
            double shoulder = shoulderEnd();
            Path2D core = new Path2D.Double();
            core.moveTo(0, 0);
            core.lineTo(s * (shoulder - 0.10), 0);
            core.lineTo(s * (shoulder - 0.05), shoulderLine(shoulder));
            core.curveTo(
                    s * (shoulder - 0.12),
                    1.75,
                    s * (side.at(1.9) - 0.12),
                    1.9,
                    s * (side.at(1.9) - 0.03),
                    armpitY() - 0.02);
            core.lineTo(0, armpitY() - 0.02);
            core.closePath();
            covered.add(new Area(core));
            Area sleeve = new Area(strip);
            sleeve.subtract(new Area(core));
            Area above = new Area(new Rectangle2D.Double(-4, -1, 8, 1 + shoulderLine(shoulder) - 0.02));
            if (arm.point(0.3)[1] > Pose.SHOULDER_Y) {
                sleeve.subtract(above);
            }
            List<Detail> details = new ArrayList<>();
            double[] p = arm.beside(end * 0.93, atEnd + 0.1);
            double[] q = arm.beside(end * 0.93, -atEnd - 0.1);
            if (!cuff) {
                line(
                        details,
                        look.fabric() == Look.Fabric.DENIM ? Kind.STITCH : Kind.SEAM,
                        0.022,
                        p[0],
                        p[1],
                        q[0],
                        q[1]);
            }
            Path2D armhole = new Path2D.Double();
            armhole.moveTo(s * (shoulder - 0.05), shoulderLine(shoulder));
            armhole.curveTo(
                    s * (shoulder - 0.12), 1.75, s * (side.at(1.9) - 0.12), 1.9, s * (side.at(1.9) - 0.03), armpitY());
            details.add(new Detail(armhole, Kind.SEAM, 0.04));
            Relief folds = sleeveFolds(s, arm.length(), isLong);
            pieces.add(new Piece(Stage.SLEEVE, s, sleeve, limbFrame(arm, s, 1.3), Finish.PATTERN, folds, 0.6, details));
            if (cuff) {
                double from = end - 0.075;
                double width = narrow + 0.012;
                Path2D band = arm.strip(from, end + 0.005, share -> width, 0.05, 0.12);
                boolean ribbed = look.category() != Category.BUTTON_DOWN
                        && look.fabric() != Look.Fabric.DENIM
                        && look.fabric() != Look.Fabric.LEATHER;
                pieces.add(new Piece(
                        Stage.SLEEVE,
                        s,
                        band,
                        limbFrame(arm, s, 0),
                        ribbed ? Finish.RIB : Finish.PATTERN,
                        none(),
                        0.25,
                        List.of(new Detail(band, Kind.SEAM, 0.02))));
            }
        }
    }

    // ---- trousers and skirts

    private Garment lower() {
        if (look.category() == Category.SKIRT) {
            double hem = b < 0.65 ? 4.75 + 0.5 * c : 5.7 + 0.6 * c;
            double flare = pick(-0.04, 0.16, 0.42) * (hem - 3.6) * 0.8;
            Profile side = new Profile(
                    3.02, 0.585, 3.3, 0.67 + 0.3 * ease, 3.75, 0.79 + 0.5 * ease, hem, 0.79 + 0.5 * ease + flare);
            skirt(side, 3.02, hem, true);
            return garment(new Cloth.Ornament(0.3, 4.2, 0.3, 3.45, hem - 0.25));
        }
        double end = switch (look.category()) {
            case SHORTS -> 0.17 + 0.14 * b;
            case JOGGERS -> 0.93;
            case LEGGINGS -> b < 0.2 ? 0.78 : 0.95;
            default -> b < 0.2 ? 0.9 : 0.97;
        };
        trousers(3.02, end);
        double rise = 3.02;
        Path2D band = new Path2D.Double();
        double w = 0.60 + 0.25 * ease;
        band.moveTo(-w, rise - 0.02);
        band.quadTo(0, rise + (worn ? 0.10 : 0.06), w, rise - 0.02);
        band.lineTo(w + 0.04, rise + 0.17);
        band.quadTo(0, rise + 0.28, -w - 0.04, rise + 0.17);
        band.closePath();
        List<Detail> details = new ArrayList<>();
        details.add(new Detail(band, Kind.SEAM, 0.025));
        boolean drawn = look.category() == Category.JOGGERS
                || look.category() == Category.SHORTS && look.fabric() != Look.Fabric.DENIM && d < 0.5;
        if (drawn) {
            Path2D strings = new Path2D.Double();
            strings.moveTo(-0.05, rise + 0.14);
            strings.quadTo(-0.12, rise + 0.4, -0.08, rise + 0.6);
            strings.moveTo(0.05, rise + 0.14);
            strings.quadTo(0.12, rise + 0.4, 0.1, rise + 0.55);
            details.add(new Detail(strings, Kind.PALE, 0.045));
        } else if (look.category() != Category.LEGGINGS) {
            for (double x : new double[] {-0.45, -0.2, 0.2, 0.45}) {
                line(details, Kind.BAND, 0.05, x, rise, x, rise + 0.22);
            }
            details.add(new Detail(
                    new Ellipse2D.Double(-0.045, rise + 0.1, 0.09, 0.09),
                    look.fabric() == Look.Fabric.DENIM ? Kind.METAL : Kind.TRIM,
                    0));
        }
        if (!worn) {
            Path2D inside = new Path2D.Double();
            inside.moveTo(-w, rise);
            inside.quadTo(0, rise - 0.07, w, rise);
            inside.quadTo(0, rise + 0.2, -w, rise);
            inside.closePath();
            pieces.add(0, new Piece(Stage.BACK, 0, inside, flat(), Finish.INSIDE, none(), 0, List.of()));
        }
        boolean elastic = drawn || look.category() == Category.LEGGINGS;
        pieces.add(new Piece(Stage.MAIN, 0, band, flat(), elastic ? Finish.RIB : Finish.PLAIN, none(), 0.2, details));
        return garment(new Cloth.Ornament(0.02, 0.55, 0.26, 0.5, pose.leg(1).length() * end - 0.3));
    }

    private void trousers(double rise, double end) {
        boolean joggers = look.category() == Category.JOGGERS;
        boolean shorts = end < 0.5;
        double hip = pick(0.385, 0.42, 0.46);
        double knee = pick(0.235, 0.30, 0.43);
        double ankle = joggers ? pick(0.17, 0.22, 0.27) : pick(0.155, 0.25, 0.46);
        if (look.category() == Category.LEGGINGS) {
            knee = 0.215;
            ankle = 0.135;
        }
        if (shorts) {
            knee = pick(0.36, 0.48, 0.66);
            ankle = knee;
        }
        double k = knee;
        double n = ankle;
        for (int s = -1; s <= 1; s += 2) {
            Limb leg = pose.leg(s);
            Path2D strip = leg.strip(
                    0.02,
                    end,
                    share -> {
                        double t = share / 0.5;
                        return share < 0.5
                                ? hip + (k - hip) * Math.pow(t, 0.8)
                                : k + (n - k) * Math.min(1, (share - 0.5) / 0.4);
                    },
                    0,
                    shorts ? 0.06 : 0.12);
            double e = 0.25 * ease;
            Path2D pelvis = new Path2D.Double();
            pelvis.moveTo(0, rise + 0.02);
            pelvis.lineTo(s * (0.60 + e), rise);
            pelvis.curveTo(s * (0.70 + e), 3.3, s * (0.79 + e), 3.6, s * (0.38 + hip), 4.05);
            pelvis.lineTo(s * 0.3, 4.35);
            pelvis.lineTo(0, 4.2 + 0.3 * ease);
            pelvis.closePath();
            Area whole = new Area(strip);
            whole.add(new Area(pelvis));
            Path2D middle = new Path2D.Double();
            middle.moveTo(0, 2);
            middle.lineTo(-s * 3, 2);
            middle.lineTo(-s * 3, 4.22 + 0.3 * ease);
            middle.lineTo(0, 4.22 + 0.3 * ease);
            middle.closePath();
            whole.subtract(new Area(middle));
            List<Detail> details = new ArrayList<>();
            if (s > 0) {
                line(details, Kind.SEAM, 0.03, 0.012, rise, 0.012, 4.25);
            }
            Kind stitch = look.fabric() == Look.Fabric.DENIM ? Kind.STITCH : Kind.SEAM;
            if (look.category() != Category.LEGGINGS) {
                Path2D pocket = new Path2D.Double();
                pocket.moveTo(s * 0.36, rise + 0.18);
                pocket.quadTo(s * 0.42, rise + 0.42, s * 0.74, rise + 0.46);
                details.add(new Detail(pocket, stitch, 0.03));
                if (s > 0 && !joggers) {
                    Path2D fly = new Path2D.Double();
                    fly.moveTo(0.15, rise + 0.2);
                    fly.quadTo(0.16, rise + 0.75, 0.0, rise + 0.9);
                    details.add(new Detail(fly, stitch, 0.025));
                }
            }
            if (look.fabric() == Look.Fabric.DENIM) {
                Path2D outseam = new Path2D.Double();
                for (int i = 0; i <= 12; i++) {
                    double share = 0.05 + (end - 0.05) * i / 12;
                    double half = share < 0.5
                            ? hip + (k - hip) * Math.pow(share / 0.5, 0.8)
                            : k + (n - k) * Math.min(1, (share - 0.5) / 0.4);
                    double[] p = leg.beside(share, s * (half - 0.05));
                    start(outseam, i > 0, p[0], p[1]);
                }
                details.add(new Detail(outseam, Kind.STITCH, 0.022));
            }
            if (look.category() == Category.JEANS && d < 0.28) {
                double[] at = leg.point(0.47 + 0.06 * s * c);
                for (int i = 0; i < 5; i++) {
                    line(
                            details,
                            Kind.PALE,
                            0.045,
                            at[0] - 0.15 + 0.02 * i,
                            at[1] + 0.05 * i,
                            at[0] + 0.14 - 0.02 * i,
                            at[1] + 0.05 * i + 0.02);
                }
            }
            double[] p = leg.beside(end - 0.03, n + 0.2);
            double[] q = leg.beside(end - 0.03, -n - 0.2);
            if (!joggers) {
                line(details, stitch, 0.025, p[0], p[1], q[0], q[1]);
            }
            pieces.add(new Piece(
                    Stage.MAIN,
                    0,
                    whole,
                    limbFrame(leg, s, 0),
                    s > 0 ? Finish.FRONT : Finish.PATTERN,
                    legFolds(s, leg.length(), shorts),
                    0.5,
                    details));
            if (joggers && look.fabric() != Look.Fabric.LEATHER) {
                Path2D cuff = leg.strip(end - 0.045, end + 0.01, share -> 0.165, 0.05, 0.15);
                pieces.add(new Piece(Stage.MAIN, 0, cuff, limbFrame(leg, s, 0), Finish.RIB, none(), 0.25, List.of()));
            }
        }
    }

    private void skirt(Profile side, double top, double hem, boolean band) {
        Path2D outline = new Path2D.Double();
        outline.moveTo(-side.at(top), top);
        outline.quadTo(0, top + 0.1, side.at(top), top);
        down(outline, side, top, hem, 1);
        hem(outline, side, hem);
        for (int i = 12; i >= 0; i--) {
            double y = top + (hem - top) * i / 12;
            outline.lineTo(-side.at(y), y);
        }
        outline.closePath();
        List<Detail> details = new ArrayList<>();
        if (band) {
            line(details, Kind.SEAM, 0.03, -1, top + 0.17, 1, top + 0.17, 0.05);
            line(details, Kind.BAND, 0.3, -1, top + 0.02, 1, top + 0.02, 0.05);
            if (look.fabric() == Look.Fabric.DENIM || look.fabric() == Look.Fabric.LEATHER) {
                Kind stitch = look.fabric() == Look.Fabric.DENIM ? Kind.STITCH : Kind.SEAM;
                line(
                        details,
                        look.fabric() == Look.Fabric.DENIM ? Kind.STITCH : Kind.METAL,
                        0.03,
                        0,
                        top + 0.18,
                        0,
                        c < 0.5 ? hem + 0.2 : 3.9);
                line(details, stitch, 0.03, 0.3, top + 0.18, 0.68, top + 0.5, 0.05);
                line(details, stitch, 0.03, -0.3, top + 0.18, -0.68, top + 0.5, 0.05);
            }
        }
        line(
                details,
                look.fabric() == Look.Fabric.DENIM ? Kind.STITCH : Kind.SEAM,
                0.022,
                -side.at(hem),
                hem - 0.08,
                side.at(hem),
                hem - 0.08,
                0.09);
        Frame frame = (x, y, uv) -> {
            // the cloth widens downwards with the skirt, half as much as a full circle's would
            double widen = Math.sqrt(side.at(y) / side.at(3.75));
            uv[0] = y > 3.75 ? x / widen : x;
            uv[1] = y;
        };
        pieces.add(new Piece(Stage.MAIN, 0, outline, frame, Finish.FRONT, skirtFolds(side, top, hem), 0.6, details));
    }

    // ---- dresses, jumpsuits and rompers

    private Garment whole() {
        boolean dress = look.category() == Category.DRESS;
        double e = ease;
        double waist = pick(0.555, 0.61, 0.80);
        if (!dress) {
            double end = look.category() == Category.ROMPER ? 0.18 + 0.1 * b : 0.95;
            trousers(2.98, end);
        }
        double hem = dress ? (look.length() == Look.Length.MAXI_LENGTH ? 6.85 + 0.4 * c : 4.7 + 0.4 * c) : 3.1;
        double flare =
                pick(0.0, 0.26, 0.55) * (look.length() == Look.Length.MAXI_LENGTH ? 0.36 * (hem - 3.6) : hem - 3.6)
                        + (look.fabric() == Look.Fabric.CHIFFON ? 0.1 : 0);
        Profile side = dress
                ? new Profile(
                        1.9,
                        0.68 + 0.7 * e,
                        2.25,
                        0.685 + 0.7 * e,
                        WAIST,
                        waist,
                        3.7,
                        0.80 + 0.7 * e,
                        hem,
                        0.80 + 0.7 * e + flare)
                : new Profile(1.9, 0.68 + 0.7 * e, 2.25, 0.685 + 0.7 * e, WAIST, waist + 0.03, 3.2, waist + 0.03);
        int before = pieces.size();
        torso(side, hem, Stage.MAIN, false);
        Piece main = pieces.get(pieces.size() - 1);
        List<Detail> details = new ArrayList<>(main.details());
        if (!dress || a < 0.6 && look.fit() != Look.Fit.LOOSE) {
            if (b < 0.35) {
                belt(details, side, WAIST);
            } else {
                line(details, Kind.SEAM, 0.045, -side.at(WAIST), WAIST - 0.02, side.at(WAIST), WAIST - 0.02, 0.04);
            }
        }
        Relief top = main.relief();
        Relief skirt = skirtFolds(side, WAIST, hem);
        Relief both = dress
                ? (u, v) ->
                        v < WAIST ? top.at(u, v) : top.at(u, WAIST) * Math.max(0, 1 - 3 * (v - WAIST)) + skirt.at(u, v)
                : top;
        for (int i = before; i < pieces.size(); i++) {
            if (pieces.get(i) == main) {
                pieces.set(
                        i,
                        new Piece(
                                main.stage(),
                                0,
                                main.outline(),
                                main.frame(),
                                main.finish(),
                                both,
                                main.lift(),
                                details));
            }
        }
        sleeves();
        return garment(new Cloth.Ornament(0, 2.34, 0.40, neckDepth() + 0.18, dress ? hem - 0.28 : 2.75));
    }

    // ---- cloth coordinates and folds

    private static Frame flat() {
        return (x, y, uv) -> {
            uv[0] = x;
            uv[1] = y;
        };
    }

    private static Frame torsoFrame() {
        return (x, y, uv) -> {
            uv[0] = x * (1 + 0.12 * x * x);
            uv[1] = y;
        };
    }

    private static Frame limbFrame(Limb limb, int side, double shift) {
        return (x, y, uv) -> {
            limb.locate(x, y, uv);
            uv[0] = side * uv[0];
            uv[1] += shift;
        };
    }

    private static Relief none() {
        return (u, v) -> 0;
    }

    /** Sharp on one side, soft on the other, as cloth falls. */
    private static double ridge(double noise) {
        return 1 - Math.abs(2 * noise - 1);
    }

    private Relief trunkFolds(double hem) {
        double across = fineness * pick(0.8, 1.5, 2.3);
        double along = fineness * pick(2.6, 0.9, 0.45);
        double strength = depth * pick(0.055, 0.10, 0.16);
        return (u, v) -> {
            double warp = 0.8 * Noise.at(seed + 50, u * 0.9, v * 0.8);
            double drape = ridge(Noise.at(seed + 51, u * across + warp, v * along + 0.6 * warp * Math.signum(u)));
            double waist = Noise.bell(v - 2.95, 0.4);
            double pinch = ridge(Noise.at(seed + 52, Math.abs(u) * 1.1 + v * 0.8, v * 3.4)) * waist;
            double armpit = ridge(Noise.at(seed + 53, (Math.abs(u) + v) * 1.9, (v - Math.abs(u)) * 0.5))
                    * Noise.bell(Noise.length(Math.abs(u) - 0.6, v - 2.05), 0.4);
            double lying = worn ? 0 : 0.05 * depth * ridge(Noise.layers(seed + 54, u * 1.4, v * 1.4, 2));
            double bust = worn ? 0.10 * Noise.bell(Noise.length(Math.abs(u) - 0.33, v - 2.2), 0.34) : 0;
            return strength * drape * (0.45 + 0.55 * Noise.step(1.6, 3.2, v))
                    + depth * (0.05 * pinch + 0.08 * armpit)
                    + lying
                    + bust;
        };
    }

    private Relief sleeveFolds(int side, double length, boolean isLong) {
        double strength = depth * pick(0.04, 0.075, 0.11);
        return (u, v) -> {
            double at = (v - 1.3) / length;
            double elbow = 0.35 + Noise.bell(at - 0.52, 0.2) + 0.8 * Noise.step(0.8, 1, at);
            double folds = ridge(
                    Noise.at(seed + 60 + side, u * 1.4 + v * 1.1 * fineness, v * 3.1 * fineness + u * 1.6 * side));
            return strength * folds * (isLong ? elbow : 0.6);
        };
    }

    private Relief legFolds(int side, double length, boolean shorts) {
        double strength = depth * pick(0.05, 0.075, 0.10);
        return (u, v) -> {
            double at = v / length;
            double knee = Noise.bell(at - 0.5, 0.13) + 0.8 * Noise.step(0.82, 0.98, at);
            double folds = ridge(Noise.at(seed + 70 + side, u * 1.2 + v * 0.4, v * 3.2 * fineness + u * side));
            double whiskers =
                    ridge(Noise.at(seed + 73, (v + u * 0.9) * 3.2, (v - u) * 0.6)) * Noise.bell(at - 0.04, 0.12);
            double hanging = look.fit() == Look.Fit.LOOSE ? ridge(Noise.at(seed + 75 + side, u * 2.6, v * 0.4)) : 0;
            double crease = 0.02 * Noise.bell(u, 0.1);
            return strength * (folds * (shorts ? 0.3 : knee) + 0.8 * whiskers + 0.9 * hanging) + crease;
        };
    }

    private Relief skirtFolds(Profile side, double top, double hem) {
        double count = fineness * (2.4 + 2.2 * c) * pick(0.5, 1, 1.5);
        double strength = depth * pick(0.03, 0.13, 0.22);
        return (u, v) -> {
            double t = u / side.at(v);
            double falling = Noise.step(top, Math.min(hem, top + 1.6), v);
            double wander = 0.7 * Noise.at(seed + 80, t * 2.2, v * 0.5);
            double tube = 0.5 + 0.5 * Math.cos(2 * Math.PI * (count * t + wander + a));
            double gather = ridge(Noise.at(seed + 81, u * 7, v * 0.6)) * Noise.bell(v - top - 0.15, 0.35);
            double tight =
                    look.fit() == Look.Fit.TIGHT ? ridge(Noise.at(seed + 82, u * 0.8, v * 2.6)) * 0.05 * depth : 0;
            return strength * falling * tube * tube + 0.03 * depth * gather + tight;
        };
    }
}
