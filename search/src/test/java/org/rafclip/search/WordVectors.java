package org.rafclip.search;

import java.util.Locale;
import java.util.Optional;
import java.util.Random;

/** Each word a direction of its own, a text their sum, a photo the word of its color. */
public final class WordVectors {

    public static final int WIDTH = 64;

    private WordVectors() {}

    public static FakeModel model() {
        return new FakeModel(WIDTH, WordVectors::of, WordVectors::of, Optional.of("sum of words"));
    }

    public static float[] of(String text) {
        float[] sum = new float[WIDTH];
        for (String word : text.toLowerCase(Locale.ROOT).split("[^\\p{L}\\p{N}]+")) {
            Random random = new Random(word.hashCode());
            for (int i = 0; i < WIDTH; i++) {
                sum[i] += (float) random.nextGaussian();
            }
        }
        return sum;
    }

    private static float[] of(Photo photo) {
        double[] mean = FakeModel.mean(photo);
        int most = mean[0] >= mean[1] && mean[0] >= mean[2] ? 0 : mean[1] >= mean[2] ? 1 : 2;
        return of(new String[] {"red", "green", "blue"}[most] + " dress");
    }
}
