package org.rafclip.data.text;

import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;

/**
 * The color most pixels of a garment have.
 *
 * <p>The paper names nine colors and no thresholds. They are the names of the customary table of HSV ranges, which this
 * class follows; S and V are 8-bit, hue is in degrees:
 *
 * <table>
 * <caption>HSV ranges, first fit wins</caption>
 * <tr><th>color</th><th>V</th><th>S</th><th>hue</th></tr>
 * <tr><td>black</td><td>≤ 46</td><td>any</td><td>any</td></tr>
 * <tr><td>white</td><td>≥ 221</td><td>≤ 30</td><td>any ({@link Palette#TEN} only, else gray)</td></tr>
 * <tr><td>gray</td><td>&gt; 46</td><td>≤ 43</td><td>any</td></tr>
 * <tr><td>red</td><td rowspan="7">&gt; 46</td><td rowspan="7">&gt; 43</td><td>below 21, from 311</td></tr>
 * <tr><td>orange</td><td>21 to 51</td></tr>
 * <tr><td>yellow</td><td>51 to 69</td></tr>
 * <tr><td>green</td><td>69 to 155</td></tr>
 * <tr><td>cyan</td><td>155 to 199</td></tr>
 * <tr><td>blue</td><td>199 to 249</td></tr>
 * <tr><td>purple</td><td>249 to 311</td></tr>
 * </table>
 *
 * <p>Every pixel has one vote; of colors with equally many votes the first in {@link FashionColor}'s order wins.
 */
public final class DominantColor {

    /** The names to choose from. */
    public enum Palette {
        /** The paper's nine; white is called gray. */
        NINE,
        /** The nine colors and white. */
        TEN;

        /** What this palette calls a color. */
        public FashionColor name(FashionColor color) {
            return this == NINE && color == FashionColor.WHITE ? FashionColor.GRAY : color;
        }
    }

    private final Palette palette;

    public DominantColor(Palette palette) {
        this.palette = palette;
    }

    /**
     * The dominant color of a garment.
     *
     * @param garment of the image's size, with at least one pixel
     */
    public FashionColor of(RgbImage image, Mask garment) {
        if (garment.width() != image.width() || garment.height() != image.height()) {
            throw new IllegalArgumentException("a mask of " + garment.width() + "x" + garment.height()
                    + " does not fit an image of " + image.width() + "x" + image.height());
        }
        int[] votes = new int[FashionColor.values().length];
        for (int y = 0; y < image.height(); y++) {
            for (int x = 0; x < image.width(); x++) {
                if (garment.get(x, y)) {
                    votes[
                            ofPixel(image.get(x, y, 0), image.get(x, y, 1), image.get(x, y, 2))
                                    .ordinal()]++;
                }
            }
        }
        int best = 0;
        for (int color = 1; color < votes.length; color++) {
            best = votes[color] > votes[best] ? color : best;
        }
        if (votes[best] == 0) {
            throw new IllegalArgumentException("an empty mask has no color");
        }
        return FashionColor.values()[best];
    }

    /** The name of one pixel's color; channels 0–255. */
    public FashionColor ofPixel(int red, int green, int blue) {
        int value = Math.max(red, Math.max(green, blue));
        int chroma = value - Math.min(red, Math.min(green, blue));
        if (value <= 46) {
            return FashionColor.BLACK;
        }
        double saturation = 255.0 * chroma / value;
        if (palette == Palette.TEN && value >= 221 && saturation <= 30) {
            return FashionColor.WHITE;
        }
        if (saturation <= 43) {
            return FashionColor.GRAY;
        }
        double hue;
        if (value == red) {
            hue = 60.0 * (green - blue) / chroma;
        } else if (value == green) {
            hue = 120 + 60.0 * (blue - red) / chroma;
        } else {
            hue = 240 + 60.0 * (red - green) / chroma;
        }
        return ofHue(hue < 0 ? hue + 360 : hue);
    }

    private static FashionColor ofHue(double hue) {
        if (hue < 21 || hue >= 311) {
            return FashionColor.RED;
        }
        if (hue < 51) {
            return FashionColor.ORANGE;
        }
        if (hue < 69) {
            return FashionColor.YELLOW;
        }
        if (hue < 155) {
            return FashionColor.GREEN;
        }
        if (hue < 199) {
            return FashionColor.CYAN;
        }
        if (hue < 249) {
            return FashionColor.BLUE;
        }
        return FashionColor.PURPLE;
    }
}
