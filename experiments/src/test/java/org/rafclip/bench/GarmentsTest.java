package org.rafclip.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.loss.RafLossConfig.Sentence;

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
    void sentencesAddARowForEachOfTheirImagesAndChangeNothingElse() {
        RafLossConfig loss = new RafLossConfig(0.5, Positives.IDENTITY, 0, 0, new Sentence(0.5, Sentence.Image.BOTH));
        Garments.Texts plain = new Garments(50).draw(16, new SplittableRandom(1));

        Garments.Texts texts = new Garments(50).draw(16, loss, new SplittableRandom(1));

        assertThat(texts.texts())
                .doesNotHaveDuplicates()
                .hasSizeGreaterThan(plain.texts().size());
        assertThat(texts.textOfImage()).hasDimensions(9, 32);
        for (int i = 0; i < 16; i++) {
            String sentence = texts.texts().get(texts.textOfImage()[7][i]);
            assertThat(texts.textOfImage()[8][16 + i]).isEqualTo(texts.textOfImage()[7][i]);
            assertThat(texts.textOfImage()[7][16 + i]).isEqualTo(-1);
            for (int term = 0; term < 7; term++) {
                int image = term == 0 ? i : 16 + i;
                String text = texts.texts().get(texts.textOfImage()[term][image]);
                assertThat(text).isEqualTo(plain.texts().get(plain.textOfImage()[term][image]));
                assertThat(sentence.split(" ")).contains(text.split(" "));
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

    @Test
    void sentencesAreWrittenOutForThePeerWithTheirWeight() {
        int[][] textOfImage = {{4, 4, -1, -1}, {-1, -1, 2, 0}, {-1, -1, -1, -1}, {1, 3, -1, -1}, {-1, -1, 1, 3}};
        RafLossConfig both = new RafLossConfig(0.8, Positives.IDENTITY, 0, 0, new Sentence(0.6, Sentence.Image.BOTH));
        RafLossConfig regions =
                new RafLossConfig(0.8, Positives.IDENTITY, 0, 0, new Sentence(0.6, Sentence.Image.REGION));

        assertThat(PeerTerms.of(textOfImage, both))
                .extracting(Peer.Term::weight)
                .usingComparatorForType((a, b) -> Math.abs(a - b) < 1e-12 ? 0 : Double.compare(a, b), Double.class)
                .containsExactly(0.1, 0.8, 0.15, 0.15);
        List<Peer.Term> terms =
                PeerTerms.of(new int[][] {textOfImage[0], textOfImage[1], textOfImage[2], textOfImage[4]}, regions);
        assertThat(terms).hasSize(3);
        assertThat(terms.get(2).weight()).isCloseTo(0.3, within(1e-12));
        assertThat(terms.get(2).images()).containsExactly(2, 3);
    }
}
