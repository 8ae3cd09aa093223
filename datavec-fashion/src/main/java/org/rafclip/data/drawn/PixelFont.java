package org.rafclip.data.drawn;

import java.awt.image.BufferedImage;

/** Capital letters, digits and a few signs on a grid of 5 by 7, for machines without fonts. */
final class PixelFont {

    static final int WIDTH = 5;
    static final int HEIGHT = 7;

    private static final String SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.,:/#";

    /** Rows from the top, in base 32: the leftmost pixel is the highest bit. */
    private static final String[] ROWS = {
        "ehhvhhh", "uhhuhhu", "ehgghhe", "uhhhhhu", "vgguggv", "vgguggg", "ehgnhhf", "hhhvhhh", "e44444e", "72222ic",
        "hikokih", "ggggggv", "hrllhhh", "hhpljhh", "ehhhhhe", "uhhuggg", "ehhhlid", "uhhukih", "fgge11u", "v444444",
        "hhhhhhe", "hhhhha4", "hhhllla", "hha4ahh", "hha4444", "v1248gv", "ehjlphe", "4c4444e", "eh1248v", "v2421he",
        "26aiv22", "vgu11he", "68guhhe", "v124888", "ehhehhe", "ehhf12c", "000v000", "00000cc", "0000c48", "0cc0cc0",
        "01248g0", "aavavaa"
    };

    private PixelFont() {}

    /** Whether a pixel of a letter's grid is set; letters that are not known are blank. */
    static boolean isSet(char letter, int x, int y) {
        int sign = SIGNS.indexOf(Character.toUpperCase(letter));
        return sign >= 0 && (Character.digit(ROWS[sign].charAt(y), 32) >> (WIDTH - 1 - x) & 1) != 0;
    }

    /** 1 where a word that fills the unit square is printed, else 0. */
    static double at(String word, double x, double y) {
        if (x < 0 || y < 0 || x >= 1 || y >= 1) {
            return 0;
        }
        double column = x * (word.length() * (WIDTH + 1) - 1);
        int letter = (int) column / (WIDTH + 1);
        int cx = (int) column % (WIDTH + 1);
        return cx < WIDTH && isSet(word.charAt(letter), cx, (int) (y * HEIGHT)) ? 1 : 0;
    }

    /** Pixels that a text takes. */
    static int width(String text) {
        return text.length() * (WIDTH + 1) - 1;
    }

    /** Writes a text with its upper left corner at a point. */
    static void write(BufferedImage image, String text, int left, int top, int rgb) {
        for (int i = 0; i < text.length(); i++) {
            for (int y = 0; y < HEIGHT; y++) {
                for (int x = 0; x < WIDTH; x++) {
                    int px = left + i * (WIDTH + 1) + x;
                    if (isSet(text.charAt(i), x, y) && px < image.getWidth() && top + y < image.getHeight()) {
                        image.setRGB(px, top + y, rgb);
                    }
                }
            }
        }
    }
}
