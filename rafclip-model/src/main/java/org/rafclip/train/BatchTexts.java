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
import org.rafclip.loss.LossTerms;
import org.rafclip.loss.RafLossConfig;

/**
 * The distinct texts of a batch and which image has which in each term of {@link org.rafclip.loss.RafLoss}.
 *
 * @param texts each once
 * @param textOfImage {@code [terms][images]}: indices into the texts, −1 where an image takes no part; terms are
 *     the {@link LossTerms}
 */
record BatchTexts(List<String> texts, int[][] textOfImage) {

    private static final int CATEGORY_FORM = 0;

    /** Draws the template of a garment's text. */
    interface Draw {

        /**
         * @param garment of the batch
         * @param form 0 for the category's, 1 + g for that of attribute group g, 1 + groups for the sentence's
         * @param templates how many there are
         * @return the index of one of them
         */
        int template(int garment, int form, int templates);
    }

    /** The images that a loss is taken on, in the order in which a batch is to have them. */
    static Column[] branches(RafLossConfig loss) {
        List<Column> branches = new ArrayList<>();
        if (loss.withCrops()) {
            branches.add(Column.CROP);
        }
        if (loss.withRegions()) {
            branches.add(Column.REGION);
        }
        return branches.toArray(Column[]::new);
    }

    /**
     * The texts of a batch.
     *
     * @param batch its images are those of {@link #branches}
     */
    static BatchTexts of(
            RegionBatch batch, AttributeTaxonomy taxonomy, RafLossConfig loss, Prompts prompts, Draw draw) {
        int n = batch.size();
        int firstRegion = loss.withCrops() ? n : 0;
        int groups = taxonomy.groups().size();
        LossTerms terms = new LossTerms(loss, groups);
        Map<String, Integer> places = new LinkedHashMap<>();
        int[][] textOf = new int[terms.count()][n * branches(loss).length];
        for (int[] row : textOf) {
            Arrays.fill(row, -1);
        }
        for (int i = 0; i < n; i++) {
            String category = batch.categories().get(i);
            if (loss.withCategories()) {
                List<String> texts = prompts.category(batch.colors().get(i), category);
                textOf[terms.category()][i] = place(places, texts.get(draw.template(i, CATEGORY_FORM, texts.size())));
            }
            List<String> labels = new ArrayList<>();
            for (int g = 0; g < groups && loss.withRegions(); g++) {
                int attribute = batch.attributes()[i][g];
                if (attribute != FashionItem.MISSING) {
                    String words = taxonomy.group(g).words(attribute);
                    labels.add(words);
                    List<String> texts = prompts.attribute(words, category);
                    textOf[terms.attribute(g)][firstRegion + i] =
                            place(places, texts.get(draw.template(i, 1 + g, texts.size())));
                }
            }
            if (loss.withSentences()) {
                List<String> texts = prompts.retrieval(batch.colors().get(i), labels, category);
                int sentence = place(places, texts.get(draw.template(i, 1 + groups, texts.size())));
                if (loss.withSentencesOfCrops()) {
                    textOf[terms.sentencesOfCrops()][i] = sentence;
                }
                if (loss.withSentencesOfRegions()) {
                    textOf[terms.sentencesOfRegions()][firstRegion + i] = sentence;
                }
            }
            String caption = batch.captions().get(i);
            if (loss.withCaptions() && !caption.isBlank()) {
                textOf[terms.captions()][i] = place(places, caption);
            }
        }
        return new BatchTexts(new ArrayList<>(places.keySet()), textOf);
    }

    private static int place(Map<String, Integer> places, String text) {
        return places.computeIfAbsent(text, added -> places.size());
    }
}
