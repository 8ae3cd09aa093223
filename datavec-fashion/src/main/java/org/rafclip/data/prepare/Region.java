package org.rafclip.data.prepare;

import java.util.Optional;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;

/**
 * What goes through a {@link Preparation}: an image and, as long as no step has used them up, where the garment is.
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
}
