package org.rafclip.bench;

import java.util.SplittableRandom;

/**
 * Vectors of length 1 to search in, and queries for them; each is made when it is asked for, the same one each time.
 *
 * <p>{@link Kind#LIKE_CLIP}: what CLIP's embeddings of a shop's photos have in common with each other. A vector is the sum
 * of a direction that all share, one of its category, one of its product and one of its own, whose squared lengths are
 * 0.5, 0.2, 0.2 and 0.1; the latter three are normally distributed with deviations that fall with the root of an element's
 * place, so that a few elements are much larger than the others. There are 50 categories and 8 photos a product. Half
 * the queries are further photos of a product, half are of a product that is not there.
 *
 * <p>{@link Kind#RANDOM}: directions without any order, the hardest for graphs.
 */
final class DrawnVectors {

    enum Kind {
        LIKE_CLIP("like CLIP's"),
        RANDOM("random");

        private final String words;

        Kind(String words) {
            this.words = words;
        }

        @Override
        public String toString() {
            return words;
        }
    }

    private static final int CATEGORIES = 50;
    private static final int PHOTOS_OF_A_PRODUCT = 8;
    private static final double SHARED = Math.sqrt(0.5);
    private static final double CATEGORY = Math.sqrt(0.2);
    private static final double PRODUCT = Math.sqrt(0.2);
    private static final double OWN = Math.sqrt(0.1);

    /** What a stream of random numbers is for. */
    private enum Stream {
        SHARED,
        CATEGORY,
        PRODUCT,
        OWN,
        QUERY
    }

    private final Kind kind;
    private final int rows;
    private final int width;
    private final long seed;
    private final double[] deviations;

    DrawnVectors(Kind kind, int rows, int width, long seed) {
        this.kind = kind;
        this.rows = rows;
        this.width = width;
        this.seed = seed;
        this.deviations = new double[width];
        double squares = 0;
        for (int j = 0; j < width; j++) {
            deviations[j] = 1 / Math.sqrt(j + 1);
            squares += deviations[j] * deviations[j];
        }
        for (int j = 0; j < width; j++) {
            deviations[j] /= Math.sqrt(squares);
        }
    }

    /** The photo of a row. */
    float[] row(int row) {
        return kind == Kind.RANDOM ? random(Stream.OWN, row) : photo(row / PHOTOS_OF_A_PRODUCT, Stream.OWN, row);
    }

    float[] query(int number) {
        if (kind == Kind.RANDOM) {
            return random(Stream.QUERY, number);
        }
        int products = Math.max(1, rows / PHOTOS_OF_A_PRODUCT);
        int product = number % 2 == 0 ? stream(Stream.QUERY, -1 - number).nextInt(products) : products + number;
        return photo(product, Stream.QUERY, number);
    }

    private float[] photo(int product, Stream own, int number) {
        double[] sum = new double[width];
        add(sum, stream(Stream.SHARED, 0), SHARED);
        add(sum, stream(Stream.CATEGORY, stream(Stream.PRODUCT, -1 - product).nextInt(CATEGORIES)), CATEGORY);
        add(sum, stream(Stream.PRODUCT, product), PRODUCT);
        add(sum, stream(own, number), OWN);
        return unit(sum);
    }

    private void add(double[] sum, SplittableRandom random, double length) {
        for (int j = 0; j < width; j++) {
            sum[j] += length * deviations[j] * random.nextGaussian();
        }
    }

    private float[] random(Stream stream, int number) {
        SplittableRandom random = stream(stream, number);
        double[] sum = new double[width];
        for (int j = 0; j < width; j++) {
            sum[j] = random.nextGaussian();
        }
        return unit(sum);
    }

    private SplittableRandom stream(Stream stream, int number) {
        return new SplittableRandom(seed * 0x9E3779B97F4A7C15L + stream.ordinal() * 0xD1B54A32D192ED03L + number * 31L);
    }

    static float[] unit(double[] sum) {
        double squares = 0;
        for (double v : sum) {
            squares += v * v;
        }
        float[] unit = new float[sum.length];
        for (int j = 0; j < unit.length; j++) {
            unit[j] = (float) (sum[j] / Math.sqrt(squares));
        }
        return unit;
    }
}
