package org.rafclip.data.drawn;

import java.util.SplittableRandom;
import org.rafclip.data.Seeds;
import org.rafclip.data.drawn.Canvas.Sample;
import org.rafclip.data.text.FashionColor;

/**
 * Fabric, pattern and color of a garment at a point of its pieces. Lengths are in heads, so patterns keep their size on
 * the body whatever the distance.
 */
final class Cloth {

    /** How a piece is made of the cloth. */
    enum Finish {
        /** Cloth with the pattern, and a large print where it belongs. */
        FRONT,
        /** Cloth with the pattern, without a large print. */
        PATTERN,
        /** The fabric alone. */
        PLAIN,
        /** Ribbed bands at hems and cuffs. */
        RIB,
        /** What one sees of the inside, through the neckline. */
        INSIDE
    }

    /** Where print and embroidery go, in the coordinates of the front piece. */
    record Ornament(double printX, double printY, double printSize, double yoke, double hem) {}

    private static final int PATTERN_STREAM = 11;
    private static final int CREAM_THREAD = 0xd9cba8;
    private static final int WASHED = 0xb9c6da;

    private final Look look;
    private final int base;
    private final int second;
    private final int third;
    private final int leaf;
    private final int seed;
    private final Ornament ornament;
    private final double pixel;
    private final double heads;
    private final boolean mirrored;
    private final int variant;
    private final double size;
    private final double angle;
    private final double duty;
    private final double phase;
    private final Motif motif;
    private final double coarse;

    /**
     * @param style everything about it that the labels leave open
     * @param view that it is seen in
     */
    Cloth(Look look, long style, Ornament ornament, View view) {
        this.look = look;
        this.ornament = ornament;
        this.heads = view.heads();
        this.mirrored = view.mirrored();
        this.pixel = 1 / heads;
        base = Palette.shade(
                look.color(), Seeds.stream(style, PATTERN_STREAM, look.color().ordinal()));
        SplittableRandom random = Seeds.stream(style, PATTERN_STREAM);
        seed = random.nextInt(1 << 24);
        second = Palette.contrast(base, random.split());
        third = Palette.contrast(base, random.split());
        leaf = Palette.luminance(base) > 0.3 ? 0x3f6b3a : 0x7fb069;
        variant = random.nextInt(100);
        size = random.nextDouble();
        angle = random.nextDouble();
        duty = random.nextDouble();
        phase = random.nextDouble();
        motif = Motif.draw(random.split());
        // from afar everything finer than two pixels would be lost
        coarse = Math.max(1, 46 / heads);
    }

    int base() {
        return base;
    }

    /** The color of thread, buttons and the like. */
    int trim() {
        return switch (look.fabric()) {
            case DENIM -> variant < 70 ? 0xc98d42 : CREAM_THREAD;
            default ->
                Palette.luminance(base) > 0.5 ? Palette.between(base, 0, 0.45) : Palette.between(base, 0xffffff, 0.35);
        };
    }

    /** A seam: darker than the cloth, or lighter where it is nearly black. */
    int seam() {
        return look.color() == FashionColor.BLACK ? 0x2e2e32 : Palette.between(base, 0, 0.42);
    }

    /** How deep folds are. */
    double foldDepth() {
        return switch (look.fabric()) {
            case CHIFFON -> 1.25;
            case COTTON -> 1;
            case DENIM -> 0.75;
            case LEATHER -> 0.9;
            case FAUX -> 0.35;
            case KNIT -> 0.55;
        };
    }

    /** How fine folds are. */
    double foldFineness() {
        return switch (look.fabric()) {
            case CHIFFON -> 1.6;
            case LEATHER -> 1.15;
            case FAUX, KNIT -> 0.75;
            default -> 1;
        };
    }

    double fringe() {
        return look.fabric() == Look.Fabric.FAUX ? 0.11 * heads : 0;
    }

    double roundness() {
        return look.fabric() == Look.Fabric.FAUX || look.fabric() == Look.Fabric.KNIT ? 1.25 : 1;
    }

    /**
     * The cloth at a place of a piece.
     *
     * @param u across, in heads; 0 in the middle of a piece
     * @param v along
     */
    void at(double u, double v, Finish finish, Sample sample) {
        sample.color(base);
        sample.opacity = 1;
        sample.gloss = 0;
        double height = 0;
        if (finish == Finish.FRONT || finish == Finish.PATTERN) {
            height += pattern(u, v, finish == Finish.FRONT, sample);
        }
        if (finish == Finish.RIB) {
            double rib = Math.sin(2 * Math.PI * u / (0.07 * coarse));
            height += 0.012 * coarse * rib;
            sample.scale(0.93 + 0.07 * rib);
        } else {
            height += fabric(u, v, sample);
        }
        if (finish == Finish.INSIDE) {
            sample.scale(0.6);
            sample.opacity = 1;
        }
        sample.height += height * heads;
    }

    private double fabric(double u, double v, Sample sample) {
        // on black cloth texture shows as light on it
        double visible = look.color() == FashionColor.BLACK ? 1.8 : 1;
        switch (look.fabric()) {
            case COTTON -> {
                sample.scale(0.975 + 0.05 * Noise.at(seed + 1, u * 22, v * 22));
                return 0;
            }
            case DENIM -> {
                double twill = Math.sin(2 * Math.PI * (u + 0.8 * v) / (0.055 * coarse));
                double slub = Noise.at(seed + 2, u * 26, v * 5);
                double worn = Noise.step(0.45, 0.85, Noise.layers(seed + 3, u * 1.1, v * 0.7, 2));
                sample.mix(
                        look.color() == FashionColor.BLACK ? 0x2b2c30 : WASHED,
                        look.color() == FashionColor.BLACK ? 0.25 * worn : 0.26 * worn);
                sample.scale(1 + visible * (0.06 * twill + 0.22 * (slub - 0.5)));
                return 0;
            }
            case CHIFFON -> {
                sample.opacity = look.color() == FashionColor.BLACK ? 0.88f : 0.8f;
                sample.gloss = 0.05f;
                sample.scale(1.04);
                return 0.02 * Noise.at(seed + 4, u * 5, v * 1.2);
            }
            case LEATHER -> {
                sample.gloss = 0.5f;
                sample.scale(0.9);
                double crinkle = Noise.layers(seed + 5, u * 3.2, v * 3.2, 2);
                return 0.055 * Math.abs(crinkle - 0.5) * 2 + 0.07 * Noise.at(seed + 6, u * 1.3, v * 1.3);
            }
            case FAUX -> {
                double warp = 1.3 * Noise.at(seed + 7, u * 1.6, v * 1.6);
                double tuft = Noise.at(seed + 8, (u + 0.25 * warp) * 11 / coarse, (v + 0.2 * warp) * 5 / coarse);
                double strand = Noise.at(seed + 9, (u + 0.2 * warp) * 34, (v + 0.3 * warp) * 10);
                sample.scale(1 + visible * (0.5 * (tuft - 0.5) + 0.5 * (strand - 0.5)));
                return 0.12 * tuft;
            }
            case KNIT -> {
                double width = (variant < 40 ? 0.15 : 0.105) * coarse;
                double column = u / width - Math.floor(u / width);
                double rise = Math.sin(Math.PI * column);
                double stitch = Math.sin(2 * Math.PI * (v / (0.09 * coarse) + Math.abs(column - 0.5) * 0.9));
                sample.scale(1 + visible * (0.16 * (rise - 0.64) + 0.09 * stitch));
                return 0.035 * coarse * rise + 0.012 * coarse * stitch;
            }
        }
        throw new IllegalStateException();
    }

    /** Paints the pattern and returns how much it rises. */
    private double pattern(double u, double v, boolean front, Sample sample) {
        return switch (look.texture()) {
            case SOLID -> 0;
            case STRIPED -> stripes(u, v, sample);
            case LATTICE -> lattice(u, v, sample);
            case FLORAL -> flowers(u, v, sample);
            case GRAPHIC -> front ? print(u, v, sample) : 0;
            case EMBROIDERED -> embroidery(u, v, front, sample);
            case PLEATED -> pleats(u, sample);
        };
    }

    /** 1 inside a band around 0 of period 1 and the given width, smooth over a pixel. */
    private static double band(double x, double width, double blur) {
        double distance = Math.abs(x - Math.rint(x));
        return 1 - Noise.step(width / 2 - blur / 2, width / 2 + blur / 2 + 1e-6, distance);
    }

    private double stripes(double u, double v, Sample sample) {
        double across = variant < 62 ? v : variant < 90 ? u : 0.7 * (u + v);
        double period = 0.17 + 0.36 * size * size;
        double x = across / period + phase;
        double blur = pixel / period;
        sample.mix(second, band(x, 0.22 + 0.14 * duty, blur));
        if (angle > 0.65) {
            sample.mix(third, band(x + 0.5, 0.1, blur));
        }
        return 0;
    }

    private double lattice(double u, double v, Sample sample) {
        double period = 0.24 + 0.34 * size;
        double tilt = angle > 0.85 ? 0.7 : 0;
        double a = (u + tilt * v) / period + phase;
        double b = (v - tilt * u) / period + phase;
        double blur = pixel / period;
        if (variant < 34) {
            // gingham
            double across = band(a, 0.32, blur);
            double down = band(b, 0.32, blur);
            sample.mix(second, 0.5 * across);
            sample.mix(second, 0.5 * down);
        } else if (variant < 74) {
            // tartan
            sample.mix(second, 0.55 * band(a, 0.28, blur));
            sample.mix(second, 0.55 * band(b, 0.28, blur));
            sample.mix(third, 0.8 * band(a + 0.5, 0.09, blur));
            sample.mix(third, 0.8 * band(b + 0.5, 0.09, blur));
        } else {
            // window pane
            sample.mix(second, band(a, Math.max(0.1, 1.4 * blur), blur));
            sample.mix(second, band(b, Math.max(0.1, 1.4 * blur), blur));
        }
        return 0;
    }

    private double flowers(double u, double v, Sample sample) {
        double cell = (variant < 45 ? 0.26 + 0.12 * size : 0.4 + 0.25 * size) * Math.sqrt(coarse);
        double row = Math.floor(v / cell);
        double shifted = u / cell + (((long) row & 1) == 0 ? 0 : 0.5);
        int cx = (int) Math.floor(shifted);
        int cy = (int) row;
        if (Noise.cell(seed + 20, cx, cy) < 0.1) {
            return 0;
        }
        double radius = 0.30 + 0.12 * Noise.cell(seed + 21, cx, cy);
        double x = shifted - cx - 0.5 - (0.42 - radius) * (Noise.cell(seed + 22, cx, cy) - 0.5);
        double y = v / cell - cy - 0.5 - (0.42 - radius) * (Noise.cell(seed + 23, cx, cy) - 0.5);
        double turn = 2 * Math.PI * Noise.cell(seed + 24, cx, cy);
        double r = Noise.length(x, y) / radius;
        double direction = Math.atan2(y, x);
        int petals = variant % 3 == 0 ? 4 : variant % 3 == 1 ? 5 : 6;
        double blur = pixel / cell / radius;
        double leaves = Math.cos(direction - turn);
        sample.mix(
                leaf,
                (1
                        - Noise.step(
                                0.97 * Math.pow(Math.abs(leaves), 5) - blur,
                                0.97 * Math.pow(Math.abs(leaves), 5) + blur,
                                r)));
        double petal = 0.5 + 0.36 * Math.cos(petals * direction + turn);
        double flower = 1 - Noise.step(petal - blur, petal + blur, r);
        int color = Noise.cell(seed + 25, cx, cy) < 0.65 ? second : third;
        sample.mix(Palette.between(color, 0xffffff, 0.25 * (1 - r)), flower);
        sample.mix(Noise.cell(seed + 25, cx, cy) < 0.65 ? third : second, 1 - Noise.step(0.18 - blur, 0.18 + blur, r));
        return 0;
    }

    private double print(double u, double v, Sample sample) {
        double x = (u - ornament.printX()) / ornament.printSize();
        double y = (v - ornament.printY()) / ornament.printSize();
        if (Math.abs(x) > 1.15 || Math.abs(y) > 1.15) {
            return 0;
        }
        motif.paint(mirrored ? -x : x, y, pixel / ornament.printSize(), second, third, sample);
        return 0;
    }

    /** Vines in thread: on the yoke and above the hem of front pieces, along the others. */
    private double embroidery(double u, double v, boolean front, Sample sample) {
        double side = Math.abs(u);
        double thread = 0;
        double yoke = v - ornament.yoke();
        double hem = v - ornament.hem();
        if (front && variant < 75) {
            thread = Math.max(vine(side, yoke, 0.34), thread);
        }
        if (!front || variant > 35) {
            thread = Math.max(vine(v * 0.9 + side, front ? hem : u, 0.2), thread);
        }
        if (front && variant > 20) {
            thread = Math.max(vine(hem * 0.8 + 2, side - 0.26, 0.16), thread);
        }
        if (thread <= 0) {
            return 0;
        }
        double twist = Math.sin(2 * Math.PI * (u + v) / (0.045 * coarse));
        sample.mix(Palette.between(second, 0, 0.14 + 0.14 * twist), Math.min(1, thread));
        return 0.035 * thread;
    }

    /** A winding stem with leaves and blossoms around {@code y = 0}, running in x. */
    private double vine(double x, double y, double height) {
        if (Math.abs(y) > height * 1.5) {
            return 0;
        }
        double wave = 0.42 * height * Math.sin(2 * Math.PI * x / (2.1 * height));
        double blur = pixel;
        double stem = 1 - Noise.step(0.022 * coarse, 0.022 * coarse + blur, Math.abs(y - wave));
        double period = 1.05 * height;
        double local = x / period - Math.rint(x / period);
        boolean up = ((long) Math.rint(x / period) & 1) == 0;
        double cx = local * period;
        double cy = y - (up ? 0.45 : -0.45) * height;
        double r = Noise.length(cx, cy) / (0.36 * height);
        double petal = 0.66 + 0.34 * Math.cos(5 * Math.atan2(cy, cx));
        double blossom = (1 - Noise.step(petal - 0.1, petal + 0.12, r)) * Noise.step(0.16, 0.3, r);
        double leafX = (x / period + 0.5 - Math.rint(x / period + 0.5)) * period;
        double leafY = y + (up ? 0.5 : -0.5) * height;
        double leafR = Noise.length(leafX / (0.30 * height), leafY / (0.13 * height));
        return Math.max(stem, Math.max(blossom, 1 - Noise.step(0.9, 1.1, leafR)));
    }

    private double pleats(double u, Sample sample) {
        double period = (0.15 + 0.09 * size) * Math.sqrt(coarse);
        double x = u / period + phase;
        double t = x - Math.floor(x);
        double lift = look.color() == FashionColor.BLACK ? 1.5 : 1;
        sample.scale(1 + lift * (0.17 * (t - 0.5) - 0.36 * Noise.bell(Math.min(t, 1 - t), 0.13)));
        return 0.05 * coarse * t;
    }
}
