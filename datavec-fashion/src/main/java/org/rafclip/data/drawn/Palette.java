package org.rafclip.data.drawn;

import java.awt.Color;
import java.util.SplittableRandom;
import org.rafclip.data.text.FashionColor;

/** Shades of the nine color names, well inside the ranges of {@link org.rafclip.data.text.DominantColor}. */
final class Palette {

    static final int WHITE = 0xf4f2ee;
    static final int CREAM = 0xe9e0cb;
    static final int INK = 0x17181c;
    static final int NAVY = 0x1f2a4f;

    private Palette() {}

    /** A shade that light and folds may change without changing its name. */
    static int shade(FashionColor color, SplittableRandom random) {
        double a = random.nextDouble();
        double b = random.nextDouble();
        double c = random.nextDouble();
        return switch (color) {
            case RED ->
                a < 0.22
                        ? hsv(322 + 26 * a / 0.22, 0.40 + 0.25 * b, 0.80 + 0.14 * c)
                        : hsv(348 + 21 * b, 0.70 + 0.25 * c, 0.55 + 0.33 * a);
            case ORANGE ->
                a < 0.35
                        ? hsv(28 + 14 * b, 0.40 + 0.25 * c, 0.50 + 0.3 * a)
                        : hsv(27 + 13 * b, 0.72 + 0.22 * c, 0.78 + 0.18 * a);
            case YELLOW -> hsv(54.5 + 7 * a, 0.52 + 0.36 * b, 0.78 + 0.17 * c);
            case GREEN -> hsv(82 + 60 * a, 0.38 + 0.45 * b, 0.38 + 0.42 * c);
            case CYAN -> hsv(166 + 25 * a, 0.45 + 0.4 * b, 0.55 + 0.33 * c);
            case BLUE -> hsv(208 + 32 * a, 0.50 + 0.40 * b, 0.42 + 0.45 * c);
            case PURPLE -> hsv(260 + 40 * a, 0.36 + 0.40 * b, 0.44 + 0.38 * c);
            case BLACK -> hsv(360 * a, 0.25 * b, 0.055 + 0.05 * c);
            case GRAY, WHITE ->
                a < 0.4 ? hsv(30 + 40 * b, 0.045 * c, 0.88 + 0.08 * b) : hsv(360 * b, 0.05 * c, 0.36 + 0.45 * a);
        };
    }

    /** A color that stands out against another one. */
    static int contrast(int rgb, SplittableRandom random) {
        double light = luminance(rgb);
        double draw = random.nextDouble();
        if (draw < 0.38) {
            return light > 0.55 ? (draw < 0.19 ? INK : NAVY) : (draw < 0.24 ? WHITE : CREAM);
        }
        FashionColor[] names = FashionColor.values();
        for (int attempt = 0; attempt < 12; attempt++) {
            int other = shade(names[random.nextInt(9)], random);
            if (Math.abs(luminance(other) - light) > 0.22) {
                return other;
            }
        }
        return light > 0.5 ? INK : WHITE;
    }

    static double luminance(int rgb) {
        return (0.3 * (rgb >> 16 & 0xff) + 0.59 * (rgb >> 8 & 0xff) + 0.11 * (rgb & 0xff)) / 255;
    }

    static int hsv(double hueDegrees, double saturation, double value) {
        return Color.HSBtoRGB((float) (hueDegrees / 360), (float) saturation, (float) value) & 0xffffff;
    }

    /** A color between two. */
    static int between(int from, int to, double share) {
        int rgb = 0;
        for (int shift = 16; shift >= 0; shift -= 8) {
            int a = from >> shift & 0xff;
            int b = to >> shift & 0xff;
            rgb |= (int) Math.round(a + share * (b - a)) << shift;
        }
        return rgb;
    }
}
