package org.rafclip.data.drawn;

import java.util.SplittableRandom;
import org.rafclip.data.drawn.Canvas.Sample;

/** A large print, in a square from -1 to 1. */
final class Motif {

    private static final String[] WORDS = {"NOVA", "WILD", "1987", "RIO", "HELLO", "PARIS", "NYC", "LOVE", "SURF", "84"
    };

    private enum Kind {
        STAR,
        SUNSET,
        HEART,
        WORD,
        FACE,
        BOLT,
        RINGS,
        CAT
    }

    private final Kind kind;
    private final String word;
    private final boolean framed;

    private Motif(Kind kind, String word, boolean framed) {
        this.kind = kind;
        this.word = word;
        this.framed = framed;
    }

    static Motif draw(SplittableRandom random) {
        Kind[] kinds = Kind.values();
        return new Motif(
                kinds[random.nextInt(kinds.length)], WORDS[random.nextInt(WORDS.length)], random.nextInt(100) < 35);
    }

    /** Mixes the print's color at a point into the sample's. */
    void paint(double x, double y, double blur, int first, int second, Sample sample) {
        if (framed && kind != Kind.WORD) {
            double r = Noise.length(x, y);
            sample.mix(second, inside(1.0 - r, blur));
            sample.mix(Palette.between(second, 0xffffff, 0.55), inside(0.9 - r, blur));
            x *= 1.35;
            y *= 1.35;
        }
        switch (kind) {
            case STAR -> {
                double angle = Math.atan2(x, -y);
                double fold = Math.abs(angle - Math.rint(angle / (0.4 * Math.PI)) * 0.4 * Math.PI);
                double edge = 0.36 / Math.cos(0.2 * Math.PI * 2 - fold - 0.12);
                sample.mix(
                        first,
                        inside(
                                Math.min(1, edge + 0.62 * (1 - fold / (0.2 * Math.PI)) * 0.8) - Noise.length(x, y),
                                blur));
            }
            case SUNSET -> {
                double r = Noise.length(x, y);
                sample.mix(first, inside(0.92 - r, blur));
                double stripe = y * 7 - Math.floor(y * 7);
                sample.mix(second, y > 0.05 && stripe < 0.4 ? inside(0.92 - r, blur) : 0);
                double hill = 0.35 + 0.5 * Math.abs(x - 0.2) - 0.15 * Math.cos(5 * x);
                sample.mix(Palette.between(second, 0, 0.5), r < 0.92 ? inside(y - hill, blur) : 0);
            }
            case HEART -> {
                double hx = x * 1.15;
                double hy = -y * 1.15 + 0.1;
                double value = hx * hx + hy * hy - 0.62;
                sample.mix(first, inside(-(value * value * value - 1.2 * hx * hx * hy * hy * hy) * 2, blur));
            }
            case WORD -> {
                double share = PixelFont.at(word, (x + 1) / 2, (y / 0.55 + 1) / 2);
                sample.mix(first, share);
                sample.mix(
                        second, inside(0.05 - Math.abs(Math.abs(y) - 0.72), blur) * inside(0.95 - Math.abs(x), blur));
            }
            case FACE -> {
                double r = Noise.length(x, y);
                sample.mix(first, inside(0.9 - r, blur));
                double eyes = Noise.length((Math.abs(x) - 0.32) / 0.11, (y + 0.22) / 0.18);
                sample.mix(Palette.INK, inside(1 - eyes, blur * 6));
                double mouth = Math.abs(Noise.length(x, y - 0.02) - 0.52) - 0.07;
                sample.mix(Palette.INK, y > 0.12 ? inside(-mouth, blur) : 0);
            }
            case BOLT -> {
                double upper = y < 0.12 && y > -0.95
                        ? Math.min(x + 0.25 + 0.35 * (y + 0.2), 0.42 - 0.1 * y - x - 0.35 * (y + 0.9))
                        : -1;
                double lower = y > -0.1 && y < 0.95
                        ? Math.min(x + 0.42 + 0.4 * (y - 0.9) + 0.2, 0.48 - 0.62 * (y + 0.1) - x)
                        : -1;
                sample.mix(first, inside(Math.max(upper, lower), blur));
            }
            case RINGS -> {
                double r = Noise.length(x, y);
                double ring = Math.abs(r * 4 - Math.floor(r * 4) - 0.5) - 0.22;
                sample.mix(r * 4 % 2 < 1 ? first : second, r < 0.98 ? inside(-ring, blur * 4) : 0);
            }
            case CAT -> {
                double head = 0.68 - Noise.length(x, (y - 0.15) * 1.15);
                double ears = Math.min(y + 0.95, 0.26 - Math.abs(Math.abs(x) - 0.42) - 0.42 * (-0.2 - y));
                sample.mix(first, inside(Math.max(head, y < 0 ? ears : -1), blur));
                double eyes = Noise.length((Math.abs(x) - 0.27) / 0.12, y / 0.1);
                sample.mix(second, inside(1 - eyes, blur * 6));
                double whiskers = Math.abs(y - 0.32 - 0.12 * Math.sin(9 * x)) - 0.03;
                sample.mix(second, Math.abs(x) < 0.5 ? inside(-whiskers, blur) : 0);
            }
        }
    }

    /** 1 where the distance into the shape is positive, smooth over a pixel. */
    private static double inside(double distance, double blur) {
        return Noise.step(-blur, blur, distance);
    }
}
