package org.rafclip.data.segment;

import java.util.function.Supplier;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.RgbImage;

/**
 * A mask to be computed by {@link MaskCache#fill}.
 *
 * @param id names the item in the report
 * @param image reads the photo; called on a worker thread, only when the mask's turn comes
 * @param box the garment
 */
public record MaskRequest(String id, Supplier<RgbImage> image, Box box) {}
