package org.rafclip.photos;

import java.util.List;
import java.util.Optional;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;

/**
 * The words that a model was trained with, in which it answers.
 *
 * @param groups attributes by group
 * @param categories as the data word them, in the order of the alphabet; may be empty
 */
public record Vocabulary(List<AttributeTaxonomy.Group> groups, List<String> categories) {

    /** The paper's 26 attributes, and no categories: what is asked of a run that does not say what it was trained with. */
    public static final Vocabulary PAPER =
            new Vocabulary(AttributeTaxonomy.deepFashionFine().groups(), List.of());

    /** The same with the 50 categories of DeepFashion's benchmark: what is asked of a model folder. */
    public static final Vocabulary DEEPFASHION = new Vocabulary(
            PAPER.groups(),
            List.of(
                    "anorak",
                    "blazer",
                    "blouse",
                    "bomber",
                    "button-down",
                    "caftan",
                    "cape",
                    "capris",
                    "cardigan",
                    "chinos",
                    "coat",
                    "coverup",
                    "culottes",
                    "cutoffs",
                    "dress",
                    "flannel",
                    "gauchos",
                    "halter",
                    "henley",
                    "hoodie",
                    "jacket",
                    "jeans",
                    "jeggings",
                    "jersey",
                    "jodhpurs",
                    "joggers",
                    "jumpsuit",
                    "kaftan",
                    "kimono",
                    "leggings",
                    "nightdress",
                    "onesie",
                    "parka",
                    "peacoat",
                    "poncho",
                    "robe",
                    "romper",
                    "sarong",
                    "shirtdress",
                    "shorts",
                    "skirt",
                    "sundress",
                    "sweater",
                    "sweatpants",
                    "sweatshorts",
                    "tank",
                    "tee",
                    "top",
                    "trunks",
                    "turtleneck"));

    public Vocabulary {
        groups = List.copyOf(groups);
        categories = List.copyOf(categories);
    }

    /** The words of some photos' labels. */
    public static Vocabulary of(AttributeTaxonomy taxonomy, List<FashionItem> items) {
        return new Vocabulary(
                taxonomy.groups(),
                items.stream()
                        .map(FashionItem::category)
                        .flatMap(Optional::stream)
                        .distinct()
                        .sorted()
                        .toList());
    }
}
