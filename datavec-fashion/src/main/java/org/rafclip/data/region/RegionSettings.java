package org.rafclip.data.region;

import java.util.Optional;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Dimensions;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.data.text.DominantColor;
import org.rafclip.data.text.Prompts;

/**
 * What a garment becomes before a model sees it.
 *
 * @param crop the category branch's image; ends in a normalisation and a fixed size
 * @param region the attribute branch's image, of the same size
 * @param palette the colors prompts may name
 * @param categoryWord stands for the category where the data name none
 */
public record RegionSettings(Preparation crop, Preparation region, DominantColor.Palette palette, String categoryWord) {

    /** @throws DataException where a preparation has no normalisation or size, or the two sizes differ */
    public RegionSettings {
        Dimensions size = size("crop", crop);
        if (!size.equals(size("region", region))) {
            throw new DataException("'" + crop + "' gives images of " + text(size) + ", '" + region + "' of "
                    + text(size("region", region)) + "; one encoder reads both, so make the sizes equal");
        }
    }

    /**
     * The paper's two branches: the box's crop, and the same with everything outside the garment's mask filled.
     *
     * @param fill of {@code mask}: {@code mean} (CLIP's mean color, zero after normalisation), {@code black}, …
     * @param steps what both branches go on with, such as {@code squash(64) | flip(0.5) | normalize(clip)}
     */
    public static RegionSettings regions(String fill, String steps) {
        return of("crop | " + steps, "mask(" + fill + ") | crop | " + steps);
    }

    /**
     * Table 4's "Complete" row: both branches see the whole photo. Colors still come from the garment, so that the texts
     * are the same in both rows.
     */
    public static RegionSettings complete(String steps) {
        return of(steps, steps);
    }

    /** Two preparations as text, the paper's nine colors, and {@link Prompts#DEFAULT_CATEGORY}. */
    public static RegionSettings of(String crop, String region) {
        return new RegionSettings(
                Preparation.parse(crop),
                Preparation.parse(region),
                DominantColor.Palette.NINE,
                Prompts.DEFAULT_CATEGORY);
    }

    /** Both images' size. */
    public Dimensions size() {
        return size("crop", crop);
    }

    private static Dimensions size(String branch, Preparation preparation) {
        Optional<Dimensions> size = preparation.outputSize();
        if (size.isEmpty() || preparation.normalization().isEmpty()) {
            throw new DataException("the " + branch + " preparation '" + preparation
                    + "' must give images of one size and floats; end it with center-crop(224) | normalize(clip) or the"
                    + " like");
        }
        return size.get();
    }

    private static String text(Dimensions size) {
        return size.width() + "x" + size.height();
    }
}
