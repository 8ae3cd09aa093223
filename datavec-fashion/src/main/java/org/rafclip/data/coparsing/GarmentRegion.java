package org.rafclip.data.coparsing;

import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;

/**
 * A garment with its drawn mask.
 *
 * @param label such as {@code dress}
 * @param box the smallest box around the mask: the prompt a segmenter gets
 * @param mask of the photo's size
 */
public record GarmentRegion(String label, Box box, Mask mask) {}
