package org.rafclip.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.loss.RafLossConfig.Positives;

class GarmentsTest {

    @Test
    void everyGarmentHasACategoryTextForItsCropAndSixAttributeTextsForItsRegion() {
        Garments.Texts texts = new Garments(50).draw(32, new SplittableRandom(1));

        assertThat(texts.texts()).doesNotHaveDuplicates();
        assertThat(texts.textOfImage()).hasDimensions(7, 64);
        assertThat(Arrays.stream(texts.textOfImage()[0], 0, 32)).allMatch(text -> text >= 0);
        for (int term = 0; term < 7; term++) {
            int from = term == 0 ? 32 : 0;
            assertThat(Arrays.copyOfRange(texts.textOfImage()[term], from, from + 32))
                    .containsOnly(-1);
        }
    }

    @Test
    void repeatedTextsAreOneForEachUseAndMeanTheSame() {
        Garments.Texts distinct = new Garments(3).draw(16, new SplittableRandom(1));

        Garments.Texts repeated = distinct.repeated();

        assertThat(distinct.texts()).hasSizeLessThan(7 * 16);
        assertThat(repeated.texts()).hasSize(7 * 16);
        for (int term = 0; term < 7; term++) {
            for (int i = 0; i < 32; i++) {
                int text = distinct.textOfImage()[term][i];
                int own = repeated.textOfImage()[term][i];
                assertThat(own < 0 ? null : repeated.texts().get(own))
                        .isEqualTo(text < 0 ? null : distinct.texts().get(text));
            }
        }
    }

    @Test
    void labelsAreAsFrequentAsInTheFineSet() {
        Garments.Texts texts = new Garments(1).draw(5000, new SplittableRandom(1));
        int solid = texts.texts().indexOf("a photo of solid clothing");
        long drawn = Arrays.stream(texts.textOfImage()[1])
                .filter(text -> text == solid)
                .count();

        assertThat(texts.texts()).hasSizeLessThanOrEqualTo(26 + 9);
        assertThat(drawn / 5000.0).isCloseTo(2408 / 5000.0, within(0.03));
    }

    @Test
    void theLossIsWrittenOutForThePeer() {
        int[][] textOfImage = {{4, 4, -1, -1}, {-1, -1, 2, 0}, {-1, -1, -1, -1}};
        RafLossConfig loss = new RafLossConfig(0.8, Positives.WEIGHTED, 0.5);

        List<Peer.Term> terms = PeerTerms.of(textOfImage, loss);

        assertThat(terms).hasSize(2);
        assertThat(terms.get(0).weight()).isCloseTo(0.1, within(1e-12));
        assertThat(terms.get(0).images()).containsExactly(0, 1);
        assertThat(terms.get(0).texts()).containsExactly(4);
        assertThat(terms.get(0).targets()).containsExactly(0, 0);
        assertThat(terms.get(0).logWeights()).containsExactly((float) (0.5 * Math.log(2)));
        assertThat(terms.get(1).weight()).isCloseTo(0.8, within(1e-12));
        assertThat(terms.get(1).texts()).containsExactly(2, 0);
        assertThat(terms.get(1).logWeights()).containsExactly(0, 0);
    }
}
