package org.rafclip.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.region.FashionRecordReader.Column;
import org.rafclip.data.region.RegionBatch;
import org.rafclip.data.text.Prompts;
import org.rafclip.loss.RafLoss;
import org.rafclip.loss.RafLossConfig;

/**
 * The distinct texts of a batch and which image has which in each term of {@link RafLoss}.
 *
 * @param texts each once
 * @param textOfImage {@code [terms][images]}: indices into the texts, −1 where an image takes no part; terms are the
 *     category, the attribute groups and, if they have a share in the loss, the captions
 */
record BatchTexts(List<String> texts, int[][] textOfImage) {

    private static final int CATEGORY_FORM = 0;

    /** Draws the template of a garment's text. */
    interface Draw {

        /**
         * @param garment of the batch
         * @param form 0 for the category's, 1 + g for that of attribute group g
         * @param templates how many there are
         * @return the index of one of them
         */
        int template(int garment, int form, int templates);
    }

    /** The images that a loss is taken on, in the order in which a batch is to have them. */
    static Column[] branches(RafLossConfig loss) {
        List<Column> branches = new ArrayList<>();
        if (withCrops(loss)) {
            branches.add(Column.CROP);
        }
        if (loss.withRegions()) {
            branches.add(Column.REGION);
        }
        return branches.toArray(Column[]::new);
    }

    private static boolean withCrops(RafLossConfig loss) {
        return loss.withCategories() || loss.withCaptions();
    }

    /**
     * The texts of a batch.
     *
     * @param batch its images are those of {@link #branches}
     */
    static BatchTexts of(
            RegionBatch batch, AttributeTaxonomy taxonomy, RafLossConfig loss, Prompts prompts, Draw draw) {
        int n = batch.size();
        int firstRegion = withCrops(loss) ? n : 0;
        int groups = taxonomy.groups().size();
        Map<String, Integer> places = new LinkedHashMap<>();
        int[][] textOf = new int[RafLoss.rows(loss, groups)][n * branches(loss).length];
        for (int[] row : textOf) {
            Arrays.fill(row, -1);
        }
        for (int i = 0; i < n; i++) {
            String category = batch.categories().get(i);
            if (loss.withCategories()) {
                List<String> texts = prompts.category(batch.colors().get(i), category);
                textOf[0][i] = place(places, texts.get(draw.template(i, CATEGORY_FORM, texts.size())));
            }
            for (int g = 0; g < groups && loss.withRegions(); g++) {
                int attribute = batch.attributes()[i][g];
                if (attribute != FashionItem.MISSING) {
                    List<String> texts = prompts.attribute(taxonomy.group(g).words(attribute), category);
                    textOf[1 + g][firstRegion + i] = place(places, texts.get(draw.template(i, 1 + g, texts.size())));
                }
            }
            String caption = batch.captions().get(i);
            if (loss.withCaptions() && !caption.isBlank()) {
                textOf[1 + groups][i] = place(places, caption);
            }
        }
        return new BatchTexts(new ArrayList<>(places.keySet()), textOf);
    }

    private static int place(Map<String, Integer> places, String text) {
        return places.computeIfAbsent(text, added -> places.size());
    }
}
