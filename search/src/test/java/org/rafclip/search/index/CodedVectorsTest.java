package org.rafclip.search.index;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class CodedVectorsTest {

    private static final int WIDTH = 77;
    private static final int ROWS = 500;

    /** A few elements are far larger than the others, as with CLIP; the last vectors lie far from all others. */
    private static float[][] vectors(SplittableRandom random) {
        float[][] vectors = new float[ROWS][];
        for (int i = 0; i < ROWS; i++) {
            float[] centre = new float[WIDTH];
            centre[3] = i < ROWS - 5 ? 2 : -2;
            centre[40] = 1;
            vectors[i] = PhotoIndexContract.near(centre, 1, random);
        }
        return vectors;
    }

    @Test
    void theBoundHoldsForEveryVectorAndEveryQuery() throws IOException {
        SplittableRandom random = new SplittableRandom(8);
        float[][] vectors = vectors(random);
        CodedVectors coded = CodedVectors.of(ROWS, WIDTH, () -> row -> vectors[row]);
        double widest = 0;
        for (int q = 0; q < 200; q++) {
            // The last hundred are what the bound is widest for: what rounding took from a vector.
            float[] query = q < 100 ? PhotoIndexContract.unit(random, WIDTH) : vectors[q];
            CodedVectors.Scaled scaled = coded.scale(query);
            float[] scores = new float[ROWS];
            coded.scores(new CodedVectors.Scaled[] {scaled}, 0, ROWS, scores, ROWS, 0);
            for (int i = 0; i < ROWS; i++) {
                double exact = PhotoIndexContract.cosine(query, vectors[i]);
                assertThat(Math.abs(exact - scores[i])).isLessThanOrEqualTo(coded.off(scaled, i));
                widest = Math.max(widest, coded.off(scaled, i));
                assertThat(coded.score(scaled, i, new float[1])).isEqualTo(scores[i]);
            }
        }
        assertThat(widest).as("narrow enough to be of use").isLessThan(0.03);
    }

    @Test
    void aQueryInTheDirectionOfWhatRoundingTookComesCloseToTheBound() throws IOException {
        SplittableRandom random = new SplittableRandom(8);
        float[][] vectors = vectors(random);
        CodedVectors coded = CodedVectors.of(ROWS, WIDTH, () -> row -> vectors[row]);
        for (int i = 0; i < 50; i++) {
            float[] rounded = new float[WIDTH];
            for (int j = 0; j < WIDTH; j++) {
                float[] axis = new float[WIDTH];
                axis[j] = 1;
                rounded[j] = coded.score(coded.scale(axis), i, new float[1]);
            }
            float[] taken = new float[WIDTH];
            double squares = 0;
            for (int j = 0; j < WIDTH; j++) {
                taken[j] = vectors[i][j] - rounded[j];
                squares += (double) taken[j] * taken[j];
            }
            for (int j = 0; j < WIDTH; j++) {
                taken[j] /= (float) Math.sqrt(squares);
            }
            CodedVectors.Scaled scaled = coded.scale(taken);
            double is = PhotoIndexContract.cosine(taken, vectors[i]) - coded.score(scaled, i, new float[1]);
            assertThat(is).isLessThanOrEqualTo(coded.off(scaled, i)).isGreaterThan(0.9 * coded.off(scaled, i));
        }
    }

    @Test
    void equalElementsAreKeptAsTheyAre() throws IOException {
        float[] only = PhotoIndexContract.unit(new SplittableRandom(1), WIDTH);
        CodedVectors coded = CodedVectors.of(3, WIDTH, () -> row -> only);
        assertThat(coded.off(coded.scale(only), 2)).isLessThan(1e-4f);
    }
}
