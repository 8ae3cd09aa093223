package org.rafclip.search;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Arithmetic on embeddings. */
public final class Vectors {

    private Vectors() {}

    /** The inner product; of vectors of length 1 the cosine. */
    public static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }

    /**
     * Ranks vectors by their inner product with a query.
     *
     * @param count of answers at most
     * @return places in the list, the nearest first; of equally near ones the earlier first
     */
    public static List<Integer> nearest(float[] query, List<float[]> vectors, int count) {
        double[] near =
                vectors.stream().mapToDouble(vector -> dot(query, vector)).toArray();
        return IntStream.range(0, near.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -near[i]))
                .limit(count)
                .toList();
    }

    /** The sum of vectors of one width. */
    public static float[] sum(List<float[]> vectors) {
        double[] sum = new double[vectors.get(0).length];
        for (float[] vector : vectors) {
            for (int i = 0; i < sum.length; i++) {
                sum[i] += vector[i];
            }
        }
        float[] result = new float[sum.length];
        for (int i = 0; i < sum.length; i++) {
            result[i] = (float) sum[i];
        }
        return result;
    }

    /**
     * A vector brought to length 1.
     *
     * @throws IllegalArgumentException if it has no direction
     */
    public static float[] unit(float[] vector) {
        double length = Math.sqrt(dot(vector, vector));
        if (!(length > 0)) {
            throw new IllegalArgumentException("a vector of zeros has no direction");
        }
        float[] result = new float[vector.length];
        for (int i = 0; i < vector.length; i++) {
            result[i] = (float) (vector[i] / length);
        }
        return result;
    }
}
