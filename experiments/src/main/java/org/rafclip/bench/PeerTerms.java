package org.rafclip.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.rafclip.loss.LossTerms;
import org.rafclip.loss.RafLossConfig;

/** The terms of RaF-CLIP's loss (Wang and Zhao 2024, Eq. 1–5, and sentences) written out for a library that does not know it. */
final class PeerTerms {

    private PeerTerms() {}

    /**
     * @param textOfImage {@code [terms][images]}, a row for each of the {@link LossTerms}, −1 where an image takes no part
     * @param loss without captions
     */
    static List<Peer.Term> of(int[][] textOfImage, RafLossConfig loss) {
        double exponent = loss.positives() == RafLossConfig.Positives.WEIGHTED ? loss.duplicateExponent() : 1;
        int sentences = (loss.withSentencesOfCrops() ? 1 : 0) + (loss.withSentencesOfRegions() ? 1 : 0);
        int firstSentence = textOfImage.length - sentences;
        int present = 0;
        for (int group = 1; group < firstSentence; group++) {
            present += participants(textOfImage[group]).length > 0 ? 1 : 0;
        }
        List<Peer.Term> terms = new ArrayList<>();
        for (int term = 0; term < textOfImage.length; term++) {
            double weight = term == 0
                    ? (1 - loss.alpha()) / 2
                    : term < firstSentence
                            ? loss.alpha() / present
                            : loss.sentence().weight() / 2 / sentences;
            if (weight > 0 && participants(textOfImage[term]).length > 0) {
                terms.add(term(textOfImage[term], weight, exponent));
            }
        }
        return terms;
    }

    private static Peer.Term term(int[] textOf, double weight, double exponent) {
        int[] images = participants(textOf);
        Map<Integer, Integer> places = new LinkedHashMap<>();
        int[] targets = new int[images.length];
        for (int i = 0; i < images.length; i++) {
            targets[i] = places.computeIfAbsent(textOf[images[i]], added -> places.size());
        }
        int[] texts = places.keySet().stream().mapToInt(Integer::intValue).toArray();
        double[] count = new double[texts.length];
        for (int target : targets) {
            count[target]++;
        }
        float[] logWeights = new float[texts.length];
        for (int k = 0; k < texts.length; k++) {
            logWeights[k] = (float) (exponent * Math.log(count[k]));
        }
        return new Peer.Term(weight, images, texts, targets, logWeights);
    }

    private static int[] participants(int[] textOf) {
        return IntStream.range(0, textOf.length).filter(i -> textOf[i] >= 0).toArray();
    }
}
