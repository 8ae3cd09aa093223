package org.rafclip.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.rafclip.data.text.FashionColor;
import org.rafclip.data.text.Prompts;
import org.rafclip.loss.LossTerms;
import org.rafclip.loss.RafLossConfig;

/**
 * Garments drawn at random and the texts that RaF-CLIP pairs them with: one category text and six attribute texts each, and,
 * where the loss has them, a sentence with all of these.
 *
 * <p>The attributes of a group are as frequent as among 5,000 photos of DeepFashion's fine set (Liu et al. 2016), its
 * 50 categories follow Zipf's law, the paper's nine colors are equally likely. All are drawn independently of each other,
 * so a batch has rather more distinct texts than one of real photos.
 */
final class Garments {

    static final int GROUPS = 6;

    private static final RafLossConfig PAPER = new RafLossConfig(0.5, RafLossConfig.Positives.IDENTITY, 0);

    private static final List<Map<String, Integer>> ATTRIBUTES = List.of(
            counts(
                    List.of("floral", "graphic", "striped", "embroidered", "pleated", "solid", "lattice"),
                    768,
                    853,
                    334,
                    422,
                    109,
                    2408,
                    106),
            counts(List.of("long sleeve", "short sleeve", "sleeveless"), 1523, 862, 2615),
            counts(List.of("maxi length", "mini length", "no dress"), 488, 951, 3561),
            counts(List.of("crew neckline", "v neckline", "square neckline", "no neckline"), 2086, 826, 19, 2069),
            counts(List.of("denim", "chiffon", "cotton", "leather", "faux", "knit"), 310, 702, 3399, 105, 48, 436),
            counts(List.of("tight", "loose", "conventional"), 749, 279, 3972));

    private static final List<String> CATEGORIES = List.of(
            ("dress tee blouse shorts tank skirt cardigan sweater jacket top blazer jeans romper leggings jumpsuit hoodie"
                            + " joggers coat kimono sweatpants poncho henley jersey flannel cutoffs chinos parka bomber"
                            + " sweatshorts culottes anorak jeggings robe trunks turtleneck halter peacoat capris onesie"
                            + " button-down coverup kaftan sundress jodhpurs gauchos caftan sarong shirtdress nightdress"
                            + " cape")
                    .split(" "));

    private final List<String> categories;

    /** @param categories how many of the 50, the most frequent first; 1 as in data that names none */
    Garments(int categories) {
        this.categories = categories == 1 ? List.of(Prompts.DEFAULT_CATEGORY) : CATEGORIES.subList(0, categories);
    }

    static int categoriesAtMost() {
        return CATEGORIES.size();
    }

    /**
     * Texts and which image has which.
     *
     * @param texts one each, or one for each use
     * @param textOfImage {@code [terms][2 · garments]}, a row for each of the {@link LossTerms}, crops first, −1 where an
     *     image takes no part
     */
    record Texts(List<String> texts, int[][] textOfImage) {

        /** The same with a text of its own for each use. */
        Texts repeated() {
            List<String> all = new ArrayList<>();
            int[][] places = new int[textOfImage.length][];
            for (int term = 0; term < places.length; term++) {
                places[term] = textOfImage[term].clone();
                for (int i = 0; i < places[term].length; i++) {
                    if (places[term][i] >= 0) {
                        all.add(texts.get(places[term][i]));
                        places[term][i] = all.size() - 1;
                    }
                }
            }
            return new Texts(all, places);
        }
    }

    /** The texts of a batch under the paper's loss, each once. */
    Texts draw(int garments, SplittableRandom random) {
        return draw(garments, PAPER, random);
    }

    /**
     * A batch's texts, each once.
     *
     * @param loss without captions
     */
    Texts draw(int garments, RafLossConfig loss, SplittableRandom random) {
        LossTerms terms = new LossTerms(loss, GROUPS);
        Map<String, Integer> places = new LinkedHashMap<>();
        int[][] textOf = new int[terms.count()][2 * garments];
        for (int[] row : textOf) {
            Arrays.fill(row, -1);
        }
        double[] cumulative = new double[categories.size()];
        for (int i = 0; i < cumulative.length; i++) {
            cumulative[i] = (i == 0 ? 0 : cumulative[i - 1]) + 1.0 / (i + 1);
        }
        for (int i = 0; i < garments; i++) {
            double drawn = random.nextDouble() * cumulative[cumulative.length - 1];
            int place = 0;
            while (cumulative[place] < drawn) {
                place++;
            }
            String category = categories.get(place);
            String color = FashionColor.values()[random.nextInt(FashionColor.WHITE.ordinal())].word();
            textOf[terms.category()][i] =
                    place(places, Prompts.PAPER.category(color, category).get(0));
            List<String> labels = new ArrayList<>();
            for (int group = 0; group < GROUPS; group++) {
                String attribute = draw(ATTRIBUTES.get(group), random);
                labels.add(attribute);
                textOf[terms.attribute(group)][garments + i] = place(
                        places, Prompts.PAPER.attribute(attribute, category).get(0));
            }
            String sentence = Prompts.PAPER.retrieval(color, labels, category).get(0);
            if (loss.withSentencesOfCrops()) {
                textOf[terms.sentencesOfCrops()][i] = place(places, sentence);
            }
            if (loss.withSentencesOfRegions()) {
                textOf[terms.sentencesOfRegions()][garments + i] = place(places, sentence);
            }
        }
        return new Texts(new ArrayList<>(places.keySet()), textOf);
    }

    /** All texts there are, to train a vocabulary on. */
    List<String> allTexts() {
        List<String> texts = new ArrayList<>();
        for (String category : categories) {
            for (FashionColor color : FashionColor.values()) {
                texts.addAll(Prompts.PAPER.category(color.word(), category));
            }
            ATTRIBUTES.forEach(
                    group -> group.keySet().forEach(word -> texts.addAll(Prompts.PAPER.attribute(word, category))));
        }
        return texts;
    }

    private static int place(Map<String, Integer> places, String text) {
        return places.computeIfAbsent(text, added -> places.size());
    }

    private static String draw(Map<String, Integer> counts, SplittableRandom random) {
        int left = random.nextInt(
                counts.values().stream().mapToInt(Integer::intValue).sum());
        for (Map.Entry<String, Integer> entry : counts.entrySet()) {
            left -= entry.getValue();
            if (left < 0) {
                return entry.getKey();
            }
        }
        throw new IllegalStateException("counts do not add up");
    }

    private static Map<String, Integer> counts(List<String> words, int... counts) {
        Map<String, Integer> result = new LinkedHashMap<>();
        for (int i = 0; i < counts.length; i++) {
            result.put(words.get(i), counts[i]);
        }
        return result;
    }
}
