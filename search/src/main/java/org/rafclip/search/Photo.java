package org.rafclip.search;

import java.nio.file.Path;
import java.util.Optional;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.RgbImage;
import org.rafclip.ops.JavaOps;

/**
 * A photo to ask with, decoded and upright.
 *
 * @param box the garment in it, in pixels from 0; empty where nobody said: a model then looks where it expects one
 *     ({@link FashionModel.Settings#wholePhotos})
 */
public record Photo(RgbImage image, Optional<Box> box) {

    /**
     * A photo's file, without a box.
     *
     * @throws org.rafclip.data.DataException naming the file if it is missing, no image, too large or broken
     */
    public static Photo of(Path file) {
        // Whoever reads the first photo decides which library multiplies.
        JavaOps.install();
        return new Photo(new ImageReader().read(file), Optional.empty());
    }

    /**
     * A photo that came from somewhere else than a file, without a box.
     *
     * @param encoded JPEG, PNG, WebP, BMP or GIF
     * @param name for messages
     * @throws org.rafclip.data.DataException naming it if it is no image, too large or broken
     */
    public static Photo of(byte[] encoded, String name) {
        JavaOps.install();
        return new Photo(new ImageReader().read(encoded, name), Optional.empty());
    }

    /** The same photo with another box. */
    public Photo in(Box garment) {
        return new Photo(image, Optional.of(garment));
    }

    /** The box, or the whole photo. */
    public Box garment() {
        return box.orElse(new Box(0, 0, image.width() - 1, image.height() - 1));
    }

    /** As {@link #requireInside()}, naming the garment. */
    public Box requireInside(String garment) {
        try {
            return requireInside();
        } catch (DataException e) {
            throw new DataException(garment + ": " + e.getMessage(), e);
        }
    }

    /**
     * Checks that the box has a pixel in the photo.
     *
     * @return its part that lies there
     * @throws DataException if it has none
     */
    public Box requireInside() {
        Box asked = garment();
        Box inside = asked.clip(image.width(), image.height());
        if (inside.width() < 1 || inside.height() < 1) {
            throw new DataException("the box " + asked.x1() + "," + asked.y1() + "," + asked.width() + ","
                    + asked.height() + " (x, y, width, height) has no pixel in the photo of " + image.width() + "x"
                    + image.height());
        }
        return inside;
    }
}
