package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.region.RegionBatch;
import org.rafclip.data.text.Prompts;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.loss.RafLossConfig.Sentence;
import org.rafclip.ops.JavaOps;

class BatchTextsTest {

    private static final int NONE = FashionItem.MISSING;

    static {
        JavaOps.install();
    }

    /** Four garments: the first and the last have the same labels, the second lacks some, the third has none. */
    private static RegionBatch garments() {
        return new RegionBatch(
                List.of("a", "b", "c", "d"),
                Nd4j.zeros(8, 3, 2, 2),
                List.of("red", "black", "blue", "red"),
                List.of("dress", "tee", "clothing", "dress"),
                List.of("", "", "", ""),
                new int[][] {
                    {0, 0, 1, 3, 2, 0},
                    {NONE, 1, NONE, 1, NONE, 2},
                    {NONE, NONE, NONE, NONE, NONE, NONE},
                    {0, 0, 1, 3, 2, 0}
                });
    }

    private static BatchTexts texts(RafLossConfig loss, Prompts prompts, BatchTexts.Draw draw) {
        try (RegionBatch batch = garments()) {
            return BatchTexts.of(batch, AttributeTaxonomy.deepFashionFine(), loss, prompts, draw);
        }
    }

    private static RafLossConfig loss(double alpha, double weight, Sentence.Image image) {
        return new RafLossConfig(alpha, Positives.IDENTITY, 0, 0, new Sentence(weight, image));
    }

    /** The texts of a term, {@code null} for an image without one. */
    private static List<String> ofTerm(BatchTexts texts, int term) {
        List<String> found = new ArrayList<>();
        for (int text : texts.textOfImage()[term]) {
            found.add(text < 0 ? null : texts.texts().get(text));
        }
        return found;
    }

    private static List<String> aside(List<String> texts, boolean regions) {
        List<String> all = new ArrayList<>(Collections.nCopies(8, null));
        for (int i = 0; i < 4; i++) {
            all.set((regions ? 4 : 0) + i, texts.get(i));
        }
        return all;
    }

    @Test
    void aSentenceSaysColorLabelsInTheGroupsOrderAndCategoryAndWhatIsMissingIsAbsent() {
        List<String> sentences = List.of(
                "a photo of red floral long sleeve mini length no neckline cotton tight dress",
                "a photo of black short sleeve v neckline conventional tee",
                "a photo of blue clothing",
                "a photo of red floral long sleeve mini length no neckline cotton tight dress");

        BatchTexts both = texts(loss(0.5, 1, Sentence.Image.BOTH), Prompts.PAPER, (garment, form, templates) -> 0);

        assertThat(both.textOfImage()).hasDimensions(1 + 6 + 2, 8);
        assertThat(ofTerm(both, 7)).isEqualTo(aside(sentences, false));
        assertThat(ofTerm(both, 8)).isEqualTo(aside(sentences, true));
        assertThat(both.texts()).doesNotHaveDuplicates();
        assertThat(both.textOfImage()[7][0]).as("equal sentences are one text").isEqualTo(both.textOfImage()[7][3]);
        assertThat(both.textOfImage()[7][2])
                .as("a sentence without labels is the category's text")
                .isEqualTo(both.textOfImage()[0][2]);
        assertThat(ofTerm(texts(loss(0.5, 1, Sentence.Image.CROP), Prompts.PAPER, (garment, form, templates) -> 0), 7))
                .isEqualTo(aside(sentences, false));
        assertThat(ofTerm(
                        texts(loss(0.5, 1, Sentence.Image.REGION), Prompts.PAPER, (garment, form, templates) -> 0), 7))
                .isEqualTo(aside(sentences, true));
    }

    @Test
    void withoutWeightTheTextsAreThoseOfTheTwoBranches() {
        BatchTexts without =
                texts(new RafLossConfig(0.5, Positives.IDENTITY, 0), Prompts.PAPER, (garment, form, templates) -> 0);
        BatchTexts with = texts(loss(0.5, 1, Sentence.Image.REGION), Prompts.PAPER, (garment, form, templates) -> 0);

        BatchTexts weightless =
                texts(loss(0.5, 0, Sentence.Image.BOTH), Prompts.PAPER, (garment, form, templates) -> 0);
        assertThat(weightless.texts()).isEqualTo(without.texts());
        assertThat(weightless.textOfImage()).isDeepEqualTo(without.textOfImage());
        for (int term = 0; term < 7; term++) {
            assertThat(ofTerm(with, term)).isEqualTo(ofTerm(without, term));
        }
    }

    @Test
    void theWordingIsOneOfTheTemplatesForRetrievalTheSameForBothImagesOfAGarment() {
        Prompts prompts = new Prompts(
                Prompts.PAPER.category(),
                Prompts.PAPER.attribute(),
                List.of("{category}, {color}: {attributes}", "{attributes} {category}"));

        BatchTexts texts = texts(loss(0.5, 1, Sentence.Image.BOTH), prompts, (garment, form, templates) -> {
            assertThat(templates).isEqualTo(form == 7 ? 2 : 1);
            return form == 7 ? garment % 2 : 0;
        });

        assertThat(ofTerm(texts, 7).subList(0, 4))
                .isEqualTo(ofTerm(texts, 8).subList(4, 8))
                .containsExactly(
                        "dress, red: floral long sleeve mini length no neckline cotton tight",
                        "short sleeve v neckline conventional tee",
                        "clothing, blue:",
                        "floral long sleeve mini length no neckline cotton tight dress");
    }
}
