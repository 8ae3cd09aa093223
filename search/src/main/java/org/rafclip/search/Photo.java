package org.rafclip.search;

import java.nio.file.Path;
import java.util.Optional;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.RgbImage;

/**
 * A photo to ask with, decoded and upright.
 *
 * @param box the garment in it, in pixels from 0; empty where it fills the photo
 */
public record Photo(RgbImage image, Optional<Box> box) {

    /**
     * A photo's file, without a box.
     *
     * @throws org.rafclip.data.DataException naming the file if it is missing, no image, too large or broken
     */
    public static Photo of(Path file) {
        return new Photo(new ImageReader().read(file), Optional.empty());
    }

    /** The same photo with another box. */
    public Photo in(Box garment) {
        return new Photo(image, Optional.of(garment));
    }

    /** The box, or the whole photo. */
    public Box garment() {
        return box.orElse(new Box(0, 0, image.width() - 1, image.height() - 1));
    }
}
