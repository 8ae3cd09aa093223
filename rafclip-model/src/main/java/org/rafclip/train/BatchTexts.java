package org.rafclip.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.region.RegionBatch;
import org.rafclip.data.text.Prompts;
import org.rafclip.loss.RafLoss;

/**
 * The distinct texts of a batch and which image has which in each term of {@link RafLoss}.
 *
 * @param texts each once
 * @param textOfImage {@code [1 + groups][images]}: indices into the texts, −1 where an image takes no part
 */
record BatchTexts(List<String> texts, int[][] textOfImage) {

    /**
     * The texts of a batch whose images are its crops, if the category branch takes part, then its regions.
     *
     * @param withCrops whether the batch's images start with the crops
     */
    static BatchTexts of(RegionBatch batch, AttributeTaxonomy taxonomy, boolean withCrops) {
        int n = batch.size();
        int firstRegion = withCrops ? n : 0;
        int groups = taxonomy.groups().size();
        Map<String, Integer> places = new LinkedHashMap<>();
        int[][] textOf = new int[1 + groups][firstRegion + n];
        for (int[] row : textOf) {
            Arrays.fill(row, -1);
        }
        for (int i = 0; i < n; i++) {
            String category = batch.categories().get(i);
            if (withCrops) {
                textOf[0][i] = place(places, Prompts.category(batch.colors().get(i), category));
            }
            for (int g = 0; g < groups; g++) {
                int attribute = batch.attributes()[i][g];
                if (attribute != FashionItem.MISSING) {
                    String words = taxonomy.group(g).words(attribute);
                    textOf[1 + g][firstRegion + i] = place(places, Prompts.attribute(words, category));
                }
            }
        }
        return new BatchTexts(new ArrayList<>(places.keySet()), textOf);
    }

    private static int place(Map<String, Integer> places, String text) {
        return places.computeIfAbsent(text, added -> places.size());
    }
}
