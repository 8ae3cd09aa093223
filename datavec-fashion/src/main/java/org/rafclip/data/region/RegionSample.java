package org.rafclip.data.region;

import java.util.List;
import org.rafclip.data.prepare.Region;
import org.rafclip.data.text.FashionColor;

/**
 * One garment, prepared as far as can be done once: what follows draws random numbers or makes floats.
 *
 * @param id the item's
 * @param crop the category branch's image
 * @param region the attribute branch's image
 * @param color dominant color of the garment's pixels
 * @param category the category's word, the default one where the data name none
 * @param attributes per group the class index, or {@link org.rafclip.data.deepfashion.FashionItem#MISSING}
 */
public record RegionSample(
        String id, Region crop, Region region, FashionColor color, String category, List<Integer> attributes) {

    public RegionSample {
        attributes = List.copyOf(attributes);
    }

    /** Bytes of pixels and masks held, an image that both branches share counted once. */
    long bytes() {
        return bytes(crop)
                + (region.image() == crop.image() ? 0 : region.image().rgb().length)
                + (region.mask().equals(crop.mask()) ? 0 : maskBytes(region));
    }

    private static long bytes(Region region) {
        return region.image().rgb().length + maskBytes(region);
    }

    private static long maskBytes(Region region) {
        return region.mask().map(mask -> (long) mask.inside().length).orElse(0L);
    }
}
