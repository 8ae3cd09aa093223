package org.rafclip.data.segment;

import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;

/** Takes the ellipse inscribed in the box for the garment: a baseline that knows only that corners are background. */
public final class EllipseSegmenter implements Segmenter {

    @Override
    public Segmentation segment(RgbImage image, Box box) {
        Box inside = Segmenter.inside(image, box);
        boolean[] pixels = new boolean[image.width() * image.height()];
        for (int y = inside.y1(); y <= inside.y2(); y++) {
            for (int x = inside.x1(); x <= inside.x2(); x++) {
                pixels[y * image.width() + x] = contains(inside, x, y, 1);
            }
        }
        return new Segmentation(new Mask(image.width(), image.height(), pixels), false);
    }

    /** Whether a pixel's center lies in the ellipse of {@code scale} times the box's half axes. */
    static boolean contains(Box box, int x, int y, double scale) {
        double dx = (2.0 * (x - box.x1()) + 1 - box.width()) / (box.width() * scale);
        double dy = (2.0 * (y - box.y1()) + 1 - box.height()) / (box.height() * scale);
        return dx * dx + dy * dy <= 1;
    }

    @Override
    public String id() {
        return "ellipse-1";
    }
}
