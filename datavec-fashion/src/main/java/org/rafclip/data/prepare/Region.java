package org.rafclip.data.prepare;

import java.util.Optional;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;

/**
 * What goes through a {@link Preparation}: an image and, as long as no step has used them up, where the garment is. Steps
 * that move pixels move the box and the mask with them.
 *
 * @param image the pixels
 * @param box the garment's box in the image; the {@code crop} step uses it up
 * @param mask the garment's pixels, of the image's size; the {@code mask} step uses it up
 */
public record Region(RgbImage image, Optional<Box> box, Optional<Mask> mask) {

    public Region {
        if (mask.isPresent()
                && (mask.get().width() != image.width() || mask.get().height() != image.height())) {
            throw new IllegalArgumentException("the mask is " + mask.get().width() + "x"
                    + mask.get().height() + ", its image " + image.width() + "x" + image.height());
        }
    }

    public static Region of(RgbImage image) {
        return new Region(image, Optional.empty(), Optional.empty());
    }

    public static Region of(RgbImage image, Box box) {
        return new Region(image, Optional.of(box), Optional.empty());
    }

    public static Region of(RgbImage image, Box box, Mask mask) {
        return new Region(image, Optional.of(box), Optional.of(mask));
    }

    Region withImage(RgbImage changed) {
        return new Region(changed, box, mask);
    }

    Region withBox(Optional<Box> changed) {
        return new Region(image, changed, mask);
    }

    /** A rectangle of the image's plane; it may reach beyond the image, which the fill then continues. */
    Region window(int left, int top, int width, int height, Fill fill) {
        return new Region(
                Pixels.window(image, left, top, width, height, fill),
                box.map(b -> new Box(b.x1() - left, b.y1() - top, b.x2() - left, b.y2() - top)),
                mask.map(m -> Pixels.window(m, left, top, width, height)));
    }

    /** A rectangle inside the image, brought to a size. */
    Region resampled(
            int left, int top, int windowWidth, int windowHeight, int width, int height, Interpolation interpolation) {
        double scaleX = (double) width / windowWidth;
        double scaleY = (double) height / windowHeight;
        return new Region(
                Resampler.resize(image, left, top, windowWidth, windowHeight, width, height, interpolation),
                box.map(b -> new Box(
                        (int) Math.floor((b.x1() - left) * scaleX),
                        (int) Math.floor((b.y1() - top) * scaleY),
                        (int) Math.ceil((b.x2() + 1 - left) * scaleX) - 1,
                        (int) Math.ceil((b.y2() + 1 - top) * scaleY) - 1)),
                mask.map(m -> Resampler.nearest(m, left, top, windowWidth, windowHeight, width, height)));
    }

    Region mirrored() {
        int last = image.width() - 1;
        return new Region(
                Pixels.mirror(image),
                box.map(b -> new Box(last - b.x2(), b.y1(), last - b.x1(), b.y2())),
                mask.map(Pixels::mirror));
    }
}
