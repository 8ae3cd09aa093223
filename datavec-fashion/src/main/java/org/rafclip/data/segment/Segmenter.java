package org.rafclip.data.segment;

import java.util.ArrayList;
import java.util.List;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.RgbImage;

/**
 * Finds the garment inside a box: the role the paper gives to SAM prompted with ground-truth boxes (section 1.1).
 *
 * <p>Implementations answer the same mask for the same pixels, box and {@link #id()}, on every machine thread, and may
 * be called from several threads at once.
 */
public interface Segmenter {

    /**
     * The garment's pixels in a box.
     *
     * @param image the whole photo, so that a segmenter can learn the background from around the box
     * @param box the prompt; parts beyond the image are ignored
     * @throws IllegalArgumentException where the box has no pixel inside the image
     */
    Segmentation segment(RgbImage image, Box box);

    /** The masks of several boxes of one photo; a segmenter that encodes the photo overrides this to do so once. */
    default List<Segmentation> segment(RgbImage image, List<Box> boxes) {
        List<Segmentation> answers = new ArrayList<>(boxes.size());
        for (Box box : boxes) {
            answers.add(segment(image, box));
        }
        return answers;
    }

    /** The part of a box that lies in an image, for implementations; the error of {@link #segment} where there is none. */
    static Box inside(RgbImage image, Box box) {
        Box inside = box.clip(image.width(), image.height());
        if (inside.width() < 1 || inside.height() < 1) {
            throw new IllegalArgumentException(
                    box + " has no pixel inside the image of " + image.width() + "x" + image.height());
        }
        return inside;
    }

    /**
     * Name, version and settings in one word, such as {@code grabcut-1-i2-s128-m25}: part of a cached mask's key, so two
     * segmenters that can answer differently never share an id.
     */
    String id();
}
