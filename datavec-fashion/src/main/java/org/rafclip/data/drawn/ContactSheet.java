package org.rafclip.data.drawn;

import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.rafclip.data.drawn.Plan.Shot;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.RgbImage;

/** A picture of some photos with their boxes and labels. */
final class ContactSheet {

    private static final int TILE = 176;
    private static final int TEXT = 30;
    private static final int COLUMNS = 9;
    private static final int ROWS = 6;
    private static final int LINE = PixelFont.HEIGHT + 2;
    private static final int FRAME = 0xf5c542;

    private ContactSheet() {}

    /** The first photos of different garments of each category, a column a category. */
    static BufferedImage of(List<Shot> shots, IntFunction<RgbImage> photo, IntFunction<Box> box) {
        BufferedImage sheet = new BufferedImage(COLUMNS * TILE, ROWS * (TILE + TEXT), BufferedImage.TYPE_INT_RGB);
        int perCategory = COLUMNS * ROWS / Category.values().length;
        for (Category category : Category.values()) {
            List<Integer> chosen = new ArrayList<>();
            for (int i = 0; i < shots.size() && chosen.size() < perCategory; i++) {
                int family = shots.get(i).family();
                if (shots.get(i).garment().look().category() == category
                        && chosen.stream().noneMatch(other -> shots.get(other).family() == family)) {
                    chosen.add(i);
                }
            }
            for (int n = 0; n < chosen.size(); n++) {
                int column = category.ordinal() % COLUMNS;
                int row = category.ordinal() / COLUMNS * perCategory + n;
                int i = chosen.get(n);
                tile(sheet, column * TILE, row * (TILE + TEXT), photo.apply(i), box.apply(i), shots.get(i));
            }
        }
        return sheet;
    }

    private static void tile(BufferedImage sheet, int left, int top, RgbImage photo, Box box, Shot shot) {
        double scale = (double) Math.max(photo.width(), photo.height()) / (TILE - 4);
        int width = (int) (photo.width() / scale);
        int height = (int) (photo.height() / scale);
        int shift = (TILE - width) / 2;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                sheet.setRGB(left + shift + x, top + y, mean(photo, x * scale, y * scale, scale));
            }
        }
        int x1 = (int) (box.x1() / scale);
        int y1 = (int) (box.y1() / scale);
        int x2 = Math.min(width - 1, (int) (box.x2() / scale));
        int y2 = Math.min(height - 1, (int) (box.y2() / scale));
        for (int x = x1; x <= x2; x++) {
            sheet.setRGB(left + shift + x, top + y1, FRAME);
            sheet.setRGB(left + shift + x, top + y2, FRAME);
        }
        for (int y = y1; y <= y2; y++) {
            sheet.setRGB(left + shift + x1, top + y, FRAME);
            sheet.setRGB(left + shift + x2, top + y, FRAME);
        }
        List<String> words = shot.garment().look().words();
        String[] lines = {
            words.get(0) + " " + words.get(1) + " " + words.get(2),
            words.get(6) + " " + words.get(7) + " "
                    + words.get(4).replace("_length", "").replace("no_dress", ""),
            (words.get(3) + " " + words.get(5)).replace("_sleeve", "").replace("_neckline", " neck")
        };
        for (int line = 0; line < lines.length; line++) {
            PixelFont.write(
                    sheet, lines[line], left + 3, top + TILE - 1 + line * LINE, line == 0 ? 0xffffff : 0xb8c4b8);
        }
    }

    private static int mean(RgbImage photo, double x, double y, double scale) {
        int rgb = 0;
        int x2 = Math.min(photo.width(), Math.max((int) x + 1, (int) Math.round(x + scale)));
        int y2 = Math.min(photo.height(), Math.max((int) y + 1, (int) Math.round(y + scale)));
        for (int channel = 0; channel < 3; channel++) {
            int sum = 0;
            for (int py = (int) y; py < y2; py++) {
                for (int px = (int) x; px < x2; px++) {
                    sum += photo.get(px, py, channel);
                }
            }
            rgb = rgb << 8 | sum / ((x2 - (int) x) * (y2 - (int) y));
        }
        return rgb;
    }
}
