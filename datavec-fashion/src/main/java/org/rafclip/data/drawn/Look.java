package org.rafclip.data.drawn;

import java.util.List;
import java.util.Locale;
import org.rafclip.data.text.FashionColor;

/**
 * A garment's labels: one of each group. The attributes stand in the order of {@link
 * org.rafclip.data.deepfashion.AttributeTaxonomy#deepFashionFine()}.
 *
 * @param color one of the paper's nine, the one that most of its pixels have
 */
public record Look(
        Category category,
        FashionColor color,
        Texture texture,
        Sleeve sleeve,
        Length length,
        Neckline neckline,
        Fabric fabric,
        Fit fit) {

    /** The pattern of the cloth: the group texture. */
    public enum Texture {
        FLORAL,
        GRAPHIC,
        STRIPED,
        EMBROIDERED,
        PLEATED,
        SOLID,
        LATTICE
    }

    /** The group sleeve length. */
    public enum Sleeve {
        LONG_SLEEVE,
        SHORT_SLEEVE,
        SLEEVELESS
    }

    /** The group dress length. */
    public enum Length {
        MAXI_LENGTH,
        MINI_LENGTH,
        NO_DRESS
    }

    /** The group neckline. */
    public enum Neckline {
        CREW_NECKLINE,
        V_NECKLINE,
        SQUARE_NECKLINE,
        NO_NECKLINE
    }

    /** The group fabric. */
    public enum Fabric {
        DENIM,
        CHIFFON,
        COTTON,
        LEATHER,
        FAUX,
        KNIT
    }

    /** How loose a garment is: the group fit. */
    public enum Fit {
        TIGHT,
        LOOSE,
        CONVENTIONAL
    }

    /** The class index of each group. */
    public List<Integer> attributes() {
        return List.of(
                texture.ordinal(),
                sleeve.ordinal(),
                length.ordinal(),
                neckline.ordinal(),
                fabric.ordinal(),
                fit.ordinal());
    }

    /** All labels in words, color and category first. */
    public List<String> words() {
        return List.of(
                color.word(),
                category.word(),
                word(texture),
                word(sleeve),
                word(length),
                word(neckline),
                word(fabric),
                word(fit));
    }

    private static String word(Enum<?> label) {
        return label.name().toLowerCase(Locale.ROOT);
    }
}
