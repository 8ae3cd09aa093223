package org.rafclip.photos;

import java.util.List;
import java.util.function.Function;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Dimensions;

/**
 * Where garments lie in their photos on average, in fractions of the photos' width and height. A model that was trained on
 * boxes is shown this part of a photo without one.
 *
 * @param left edge
 * @param top edge
 * @param right edge, above {@code left}
 * @param bottom edge, above {@code top}
 */
public record TypicalBox(double left, double top, double right, double bottom) {

    /** Garments that fill their photos. */
    public static final TypicalBox WHOLE = new TypicalBox(0, 0, 1, 1);

    private static final int SAMPLE = 1000;

    public TypicalBox {
        if (!(0 <= left && left < right && right <= 1 && 0 <= top && top < bottom && bottom <= 1)) {
            throw new IllegalArgumentException(
                    "the edges are fractions of the photo: 0 ≤ left < right ≤ 1, 0 ≤ top <" + " bottom ≤ 1");
        }
    }

    /**
     * The mean of some garments' boxes, of every so many where there are more than {@value #SAMPLE}; the whole photo where one
     * of them has no box.
     *
     * @param size of an item's photo
     */
    public static TypicalBox of(List<FashionItem> items, Function<FashionItem, Dimensions> size) {
        int stride = Math.max(1, (items.size() + SAMPLE - 1) / SAMPLE);
        double[] sum = new double[4];
        int count = 0;
        for (int i = 0; i < items.size(); i += stride) {
            FashionItem item = items.get(i);
            if (item.box().equals(Box.WHOLE)) {
                return WHOLE;
            }
            Dimensions photo = size.apply(item);
            Box box = item.box().clip(photo.width(), photo.height());
            if (box.width() > 0 && box.height() > 0) {
                sum[0] += (double) box.x1() / photo.width();
                sum[1] += (double) box.y1() / photo.height();
                sum[2] += (box.x2() + 1.0) / photo.width();
                sum[3] += (box.y2() + 1.0) / photo.height();
                count++;
            }
        }
        return count == 0 ? WHOLE : new TypicalBox(sum[0] / count, sum[1] / count, sum[2] / count, sum[3] / count);
    }

    /** This part of a photo, of a pixel at least. */
    public Box in(int width, int height) {
        int x1 = Math.min(width - 1, (int) Math.round(left * width));
        int y1 = Math.min(height - 1, (int) Math.round(top * height));
        int x2 = Math.max(x1, (int) Math.round(right * width) - 1);
        int y2 = Math.max(y1, (int) Math.round(bottom * height) - 1);
        return new Box(x1, y1, x2, y2);
    }
}
