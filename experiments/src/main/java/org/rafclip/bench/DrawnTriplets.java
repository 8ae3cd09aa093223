package org.rafclip.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.rafclip.agcn.train.CompositionBatches;
import org.rafclip.data.fashioniq.Triplet;

/**
 * Triplets of composed retrieval drawn at random: two captions each, with as many words as FashionIQ's training captions
 * have (Wu et al. 2021), and images of their own, as nearly all of FashionIQ's have.
 *
 * @param ids of the images
 * @param texts every text that a triplet can be trained with
 */
record DrawnTriplets(List<Triplet> triplets, List<String> ids, List<String> texts) {

    /** How many of FashionIQ's 36,000 training captions have one word, two, and so on, as CLIP's tokenizer splits. */
    private static final int[] CAPTIONS_BY_WORDS = {
        247, 3023, 4235, 4784, 7078, 6583, 4631, 2587, 1409, 796, 325, 166, 68, 25, 15, 10, 2, 3
    };

    /** @param vocabulary words to make captions of */
    static DrawnTriplets draw(int count, List<String> vocabulary, SplittableRandom random) {
        List<Triplet> triplets = new ArrayList<>();
        Set<String> texts = new LinkedHashSet<>();
        for (int i = 0; i < count; i++) {
            List<String> captions = List.of(caption(vocabulary, random), caption(vocabulary, random));
            Triplet triplet =
                    new Triplet("drawn", "image " + 2 * i, Optional.of("image " + (2 * i + 1)), captions, i, i + 1);
            triplets.add(triplet);
            texts.addAll(CompositionBatches.wordings(triplet));
        }
        List<String> ids =
                IntStream.range(0, 2 * count).mapToObj(i -> "image " + i).toList();
        return new DrawnTriplets(triplets, ids, List.copyOf(texts));
    }

    /** How many words a caption has. */
    static int words(SplittableRandom random) {
        int left = random.nextInt(Arrays.stream(CAPTIONS_BY_WORDS).sum());
        int words = 0;
        while (left >= 0) {
            left -= CAPTIONS_BY_WORDS[words++];
        }
        return words;
    }

    private static String caption(List<String> vocabulary, SplittableRandom random) {
        int words = words(random);
        List<String> caption = new ArrayList<>();
        for (int i = 0; i < words; i++) {
            caption.add(vocabulary.get(random.nextInt(vocabulary.size())));
        }
        return String.join(" ", caption);
    }
}
