package org.rafclip.data.drawn;

import java.util.Locale;
import java.util.SplittableRandom;
import org.rafclip.data.drawn.Canvas.Sample;
import org.rafclip.data.drawn.Canvas.Surface;
import org.rafclip.data.text.FashionColor;

/** What is behind or under garments, from plain to cluttered. */
final class Background {

    private enum Kind {
        PLAIN,
        STUDIO,
        WALLPAPER,
        BRICKS,
        PLANKS,
        STREET,
        SHELVES,
        LEAVES,
        SHEET
    }

    private final Kind kind;
    private final int first;
    private final int second;
    private final int third;
    private final int seed;
    private final double a;
    private final double b;
    private final double c;
    private final int width;
    private final int height;

    private Background(Kind kind, int first, int second, int third, SplittableRandom random, int width, int height) {
        this.kind = kind;
        this.first = first;
        this.second = second;
        this.third = third;
        this.seed = random.nextInt(1 << 24);
        this.a = random.nextDouble();
        this.b = random.nextDouble();
        this.c = random.nextDouble();
        this.width = width;
        this.height = height;
    }

    /** @param garment the garment's color, which a third of the backgrounds share */
    static Background draw(
            Pose.Presentation presentation, FashionColor garment, SplittableRandom random, int width, int height) {
        Kind[] kinds = switch (presentation) {
            case WORN ->
                new Kind[] {
                    Kind.PLAIN,
                    Kind.STUDIO,
                    Kind.STUDIO,
                    Kind.WALLPAPER,
                    Kind.BRICKS,
                    Kind.STREET,
                    Kind.STREET,
                    Kind.STREET,
                    Kind.SHELVES,
                    Kind.LEAVES
                };
            case HANGING -> new Kind[] {Kind.PLAIN, Kind.WALLPAPER, Kind.BRICKS, Kind.PLANKS, Kind.SHELVES};
            case FLAT -> new Kind[] {Kind.PLAIN, Kind.PLANKS, Kind.PLANKS, Kind.SHEET, Kind.SHEET, Kind.WALLPAPER};
        };
        Kind kind = kinds[random.nextInt(kinds.length)];
        boolean alike = random.nextInt(100) < 36;
        FashionColor[] names = FashionColor.values();
        FashionColor name = alike ? garment : names[random.nextInt(9)];
        int first = Palette.between(
                Palette.shade(name, random.split()),
                random.nextBoolean() ? 0xffffff : 0x9a958c,
                alike ? 0.12 : 0.25 + 0.6 * random.nextDouble());
        if (!alike && random.nextInt(100) < 35) {
            first = Palette.hsv(360 * random.nextDouble(), 0.06, 0.7 + 0.28 * random.nextDouble());
        }
        int second = Palette.between(Palette.contrast(first, random.split()), first, 0.25 + 0.4 * random.nextDouble());
        int third = Palette.between(Palette.shade(names[random.nextInt(9)], random.split()), first, 0.3);
        return new Background(kind, first, second, third, random, width, height);
    }

    String word() {
        return kind.name().toLowerCase(Locale.ROOT);
    }

    Surface surface() {
        double scale = Math.max(width, height) / 256.0;
        return (px, py, sample) -> {
            double x = px / scale;
            double y = py / scale;
            sample.color(first);
            switch (kind) {
                case PLAIN -> sample.scale(1.04 - 0.16 * y / 256 + 0.03 * (Noise.at(seed, x / 60, y / 60) - 0.5));
                case STUDIO -> studio(x, y, sample);
                case WALLPAPER -> wallpaper(x, y, sample);
                case BRICKS -> bricks(x, y, sample);
                case PLANKS -> planks(x, y, sample);
                case STREET -> street(x, y, sample);
                case SHELVES -> shelves(x, y, sample);
                case LEAVES -> leaves(x, y, sample);
                case SHEET -> sheet(x, y, sample);
            }
        };
    }

    private void studio(double x, double y, Sample sample) {
        double horizon = 175 + 50 * a;
        double floor = Noise.step(horizon - 6, horizon + 6, y);
        sample.mix(second, 0.25 * floor);
        sample.scale(1.03
                - 0.12 * floor * Math.min(1, (y - horizon) / 80 + 0.5)
                - 0.1 * Math.abs(x - 128 * (0.5 + a)) / 128);
    }

    private void wallpaper(double x, double y, Sample sample) {
        double period = 14 + 26 * b;
        double u = x / period;
        double v = y / period;
        if (a < 0.25) {
            sample.mix(second, Math.abs(u - Math.rint(u)) < 0.22 ? 0.8 : 0);
        } else if (a < 0.45) {
            sample.mix(second, Math.abs(u - Math.rint(u)) < 0.2 ? 0.45 : 0);
            sample.mix(second, Math.abs(v - Math.rint(v)) < 0.2 ? 0.45 : 0);
        } else if (a < 0.75) {
            double shift = ((long) Math.floor(v) & 1) == 0 ? 0 : 0.5;
            double dx = u + shift - Math.floor(u + shift) - 0.5;
            double dy = v - Math.floor(v) - 0.5;
            double angle = Math.atan2(dy, dx);
            double petal = 0.27
                    + 0.13
                            * Math.cos(
                                    5 * angle + 6 * Noise.cell(seed, (int) Math.floor(u + shift), (int) Math.floor(v)));
            double r = Noise.length(dx, dy);
            sample.mix(second, 1 - Noise.step(petal - 0.05, petal + 0.05, r));
            sample.mix(third, 1 - Noise.step(0.07, 0.13, r));
        } else {
            double wave = Math.sin(u * Math.PI) * 0.3;
            sample.mix(second, Math.abs(v + wave - Math.rint(v + wave)) < 0.16 ? 0.85 : 0);
        }
        sample.scale(1.02 - 0.1 * y / 256);
    }

    private void bricks(double x, double y, Sample sample) {
        double h = 11 + 8 * b;
        int row = (int) Math.floor(y / h);
        double shifted = x / (h * 2.3) + ((row & 1) == 0 ? 0 : 0.5);
        int column = (int) Math.floor(shifted);
        double fx = (shifted - column) * 2.3 * h;
        double fy = y - row * h;
        sample.scale(0.78 + 0.34 * Noise.cell(seed, column, row) + 0.12 * (Noise.at(seed + 1, x / 3, y / 3) - 0.5));
        if (fx < 1.4 || fy < 1.4) {
            sample.mix(0xc9c3b8, 0.75);
        }
    }

    private void planks(double x, double y, Sample sample) {
        double along = a < 0.5 ? x : y;
        double across = a < 0.5 ? y : x;
        double w = 26 + 30 * b;
        int plank = (int) Math.floor(across / w);
        int wood =
                Palette.between(c < 0.35 ? 0xb58b5e : c < 0.6 ? 0x6e4a2f : c < 0.8 ? 0xd8c6a5 : 0x8b8a86, first, 0.25);
        sample.color(wood);
        double grain = Noise.layers(seed + plank, along / 46 + 7 * plank, across / 3.2 + Math.sin(along / 37) * 1.5, 3);
        sample.scale(0.76 + 0.4 * grain + 0.12 * (Noise.cell(seed, plank, 3) - 0.5));
        double edge = across / w - plank;
        if (edge < 0.03 || edge > 0.985) {
            sample.scale(0.55);
        }
    }

    private void street(double x, double y, Sample sample) {
        double ground = 170 + 50 * a;
        if (y > ground) {
            sample.mix(0x77747a, 0.75);
            sample.scale(0.95 + 0.1 * (Noise.at(seed, x / 7, y / 3) - 0.5) - 0.1 * (y - ground) / 90);
            return;
        }
        // houses out of focus, with windows, doors and passers-by
        double house = x / (46 + 40 * b) + Noise.at(seed + 1, 0, y / 400);
        int number = (int) Math.floor(house);
        double hue = Noise.cell(seed + 2, number, 0);
        sample.mix(hue < 0.33 ? second : hue < 0.66 ? third : 0xb9b2a6, 0.75);
        sample.scale(0.7 + 0.45 * Noise.cell(seed + 3, number, 1));
        double wx = (house - number) * 3;
        double wy = y / (30 + 20 * c);
        double fx = Math.abs(wx - Math.floor(wx) - 0.5);
        double fy = Math.abs(wy - Math.floor(wy) - 0.5);
        double window = (1 - Noise.step(0.22, 0.34, fx)) * (1 - Noise.step(0.26, 0.38, fy));
        sample.mix(
                Noise.cell(seed + 4, number * 3 + (int) Math.floor(wx), (int) Math.floor(wy)) < 0.4
                        ? 0xe9d9a8
                        : 0x39424f,
                0.7 * window);
        for (int i = 0; i < 5; i++) {
            double cx = 256 * Noise.cell(seed + 5, i, 0);
            double cy = 256 * Noise.cell(seed + 6, i, 0);
            double r = 8 + 22 * Noise.cell(seed + 7, i, 0);
            double d = Noise.length(x - cx, y - cy);
            if (d < r + 4) {
                int light = i % 3 == 0 ? 0xfff0c8 : i % 3 == 1 ? second : third;
                sample.mix(light, 0.4 * (1 - Noise.step(r - 4, r + 4, d)));
            }
        }
        double walker = 256 * Noise.cell(seed + 8, 0, 0);
        double body = Noise.length((x - walker) / 11, (y - ground + 24) / 42);
        sample.mix(third, 0.85 * (1 - Noise.step(0.85, 1.15, body)));
    }

    private void shelves(double x, double y, Sample sample) {
        double h = 44 + 30 * b;
        double shelf = y / h + a;
        int row = (int) Math.floor(shelf);
        double fy = (shelf - row) * h;
        sample.scale(0.62);
        double at = x / 9;
        int item = (int) Math.floor(at + Noise.cell(seed, row, 9));
        double tall = 0.45 + 0.42 * Noise.cell(seed + 1, item, row);
        if (Noise.cell(seed + 2, item, row) < 0.82 && fy > h * (1 - tall)) {
            double pick = Noise.cell(seed + 3, item, row);
            sample.color(pick < 0.3 ? first : pick < 0.55 ? second : pick < 0.8 ? third : 0xd9d3c5);
            double fx = at + Noise.cell(seed, row, 9) - item;
            sample.scale(0.72 + 0.3 * Noise.cell(seed + 4, item, row) - 0.25 * Math.abs(fx - 0.5));
            if (Math.abs(fy - h * (1 - tall * 0.7)) < 2) {
                sample.mix(0xf2ead8, 0.6);
            }
        }
        if (fy > h - 4 || fy < 0.8) {
            sample.color(Palette.between(0x7a5a3c, first, 0.3));
        }
    }

    private void leaves(double x, double y, Sample sample) {
        sample.color(Palette.between(0x2e4a2b, first, 0.2));
        for (int layer = 0; layer < 3; layer++) {
            double cell = 34 - 8 * layer;
            double u = x / cell + 3.1 * layer;
            double v = y / cell + 1.7 * layer;
            int ix = (int) Math.floor(u);
            int iy = (int) Math.floor(v);
            double turn = 2 * Math.PI * Noise.cell(seed + layer, ix, iy);
            double dx = u - ix - 0.5;
            double dy = v - iy - 0.5;
            double lx = dx * Math.cos(turn) + dy * Math.sin(turn);
            double ly = dy * Math.cos(turn) - dx * Math.sin(turn);
            double r = Noise.length(lx / 0.46, ly / 0.22);
            double leaf = 1 - Noise.step(0.85, 1.05, r);
            double tone = Noise.cell(seed + 10 + layer, ix, iy);
            sample.mix(
                    Palette.between(tone < 0.2 ? second : 0x5f8f45, tone < 0.6 ? 0x2d5a2e : 0x9dbb62, tone),
                    leaf * (0.5 + 0.2 * layer));
            if (leaf > 0 && Math.abs(ly) < 0.02) {
                sample.scale(0.85);
            }
        }
        sample.scale(0.8 + 0.4 * Noise.at(seed + 20, x / 80, y / 80));
    }

    private void sheet(double x, double y, Sample sample) {
        double warp = 18 * Noise.at(seed, x / 70, y / 70);
        double fold = Noise.layers(
                seed + 1,
                (x * Math.cos(a) + y * Math.sin(a)) / 22 + warp / 9,
                (y * Math.cos(a) - x * Math.sin(a)) / 90,
                2);
        if (b < 0.3) {
            double u = (x + warp * 0.3) / (20 + 20 * c);
            sample.mix(second, Math.abs(u - Math.rint(u)) < 0.2 ? 0.7 : 0);
        }
        sample.scale(0.78 + 0.4 * fold);
    }
}
