package org.rafclip.agcn.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.Coverage;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.eval.Retrieval;

class ComposedRetrievalTest {

    private static final Offset<Double> EXACT = within(1e-12);

    /** Sixteen entries of ±1/4 a row: of length 1, and cosines are exact in float, with ties in plenty. */
    private static float[][] signs(long seed, int rows) {
        Random random = new Random(seed);
        float[][] signs = new float[rows][16];
        for (float[] row : signs) {
            for (int i = 0; i < row.length; i++) {
                row[i] = random.nextBoolean() ? 0.25f : -0.25f;
            }
        }
        return signs;
    }

    private static float[][] gaussian(long seed, int rows, int width) {
        Random random = new Random(seed);
        float[][] unit = new float[rows][width];
        for (float[] row : unit) {
            double squares = 0;
            for (int i = 0; i < width; i++) {
                row[i] = (float) random.nextGaussian();
                squares += row[i] * row[i];
            }
            for (int i = 0; i < width; i++) {
                row[i] /= (float) Math.sqrt(squares);
            }
        }
        return unit;
    }

    /** Sorts the whole gallery of every query and looks the right entries up. */
    private static int[][] bruteForce(
            float[][] queries, float[][] gallery, IntFunction<int[]> right, IntUnaryOperator masked) {
        int[][] ranks = new int[queries.length][];
        for (int q = 0; q < queries.length; q++) {
            double[] cosines = new double[gallery.length];
            for (int g = 0; g < gallery.length; g++) {
                for (int i = 0; i < gallery[g].length; i++) {
                    cosines[g] += (double) queries[q][i] * gallery[g][i];
                }
            }
            int hidden = masked.applyAsInt(q);
            List<Integer> order = IntStream.range(0, gallery.length)
                    .filter(g -> g != hidden)
                    .boxed()
                    .sorted(Comparator.<Integer>comparingDouble(g -> -cosines[g])
                            .thenComparing(g -> g))
                    .toList();
            ranks[q] = Arrays.stream(right.apply(q))
                    .map(g -> order.indexOf(g) + 1)
                    .sorted()
                    .toArray();
        }
        return ranks;
    }

    @Test
    void ranksAreThoseOfSortingEverything() {
        check(signs(1, 150), signs(2, 400));
        check(gaussian(3, 60, 24), gaussian(4, 1500, 24));
    }

    private static void check(float[][] queries, float[][] gallery) {
        Random random = new Random(7);
        int[][] right = new int[queries.length][];
        int[] reference = new int[queries.length];
        for (int q = 0; q < queries.length; q++) {
            int count = q % 3 == 0 ? 1 : 1 + random.nextInt(40);
            int[] drawn =
                    random.ints(0, gallery.length).distinct().limit(count + 1).toArray();
            right[q] = Arrays.copyOf(drawn, count);
            reference[q] = q % 5 == 0 ? -1 : drawn[count];
        }
        // a reference is often the nearest image of all
        for (int q = 1; q < queries.length; q += 2) {
            gallery[Math.max(0, reference[q])] = queries[q];
        }
        INDArray q = Nd4j.createFromArray(queries);
        INDArray g = Nd4j.createFromArray(gallery);
        for (IntUnaryOperator masked : List.<IntUnaryOperator>of(i -> -1, i -> reference[i])) {
            int[][] expected = bruteForce(queries, gallery, i -> right[i], masked);
            assertThat(Retrieval.ranks(q, g, i -> right[i], masked)).isDeepEqualTo(expected);
            ComposedResult.Category category =
                    ComposedRetrieval.evaluate("all", q, g, i -> right[i], masked, ComposedRetrieval.KS);
            for (int k : ComposedRetrieval.KS) {
                long found = Arrays.stream(expected).filter(r -> r[0] <= k).count();
                assertThat(category.at(k).recall()).isEqualTo((double) found / queries.length, EXACT);
                double precision = 0;
                for (int[] ranks : expected) {
                    double sum = 0;
                    for (int rank = 1; rank <= k; rank++) {
                        int upTo = rank;
                        long hits = Arrays.stream(ranks).filter(r -> r <= upTo).count();
                        boolean hit = Arrays.stream(ranks).anyMatch(r -> r == upTo);
                        sum += hit ? (double) hits / rank : 0;
                    }
                    precision += sum / Math.min(k, ranks.length);
                }
                assertThat(category.at(k).meanAveragePrecision()).isEqualTo(precision / queries.length, EXACT);
            }
        }
    }

    @Test
    void figuresWorkedOutByHand() {
        // cosines with (1, 0): 0.6, 0.8, 0, 1, 0.8; ranking 3, 1, 4, 0, 2, without 3: 1, 4, 0, 2
        INDArray gallery =
                Nd4j.createFromArray(new float[][] {{0.6f, 0.8f}, {0.8f, 0.6f}, {0, 1}, {1, 0}, {0.8f, -0.6f}});
        INDArray queries = Nd4j.createFromArray(new float[][] {{1, 0}, {1, 0}});
        int[][] right = {{0, 4}, {2}};
        ComposedResult.Category open = ComposedRetrieval.evaluate(
                "x", queries, gallery, i -> right[i], ComposedRetrieval.NOTHING_MASKED, List.of(3, 5, 1));
        assertThat(open.at()).extracting(ComposedResult.At::k).containsExactly(1, 3, 5);
        assertThat(open.at(1).recall()).isZero();
        assertThat(open.at(3).recall()).isEqualTo(1 / 2.0, EXACT);
        assertThat(open.at(3).meanAveragePrecision()).isEqualTo(1 / 3.0 / 2 / 2, EXACT);
        assertThat(open.at(5).meanAveragePrecision()).isEqualTo(((1 / 3.0 + 2 / 4.0) / 2 + 1 / 5.0) / 2, EXACT);
        assertThat(open.at(1).chance()).isEqualTo((2 / 5.0 + 1 / 5.0) / 2, EXACT);
        assertThat(open.medianRank()).isEqualTo((3 + 5) / 2.0, EXACT);
        assertThat(open.meanRight()).isEqualTo(1.5, EXACT);

        ComposedResult.Category hidden =
                ComposedRetrieval.evaluate("x", queries, gallery, i -> right[i], i -> i == 0 ? 3 : -1, List.of(1, 3));
        assertThat(hidden.at(3).meanAveragePrecision()).isEqualTo((1 / 2.0 + 2 / 3.0) / 2 / 2, EXACT);
        assertThat(hidden.at(1).chance()).isEqualTo((2 / 4.0 + 1 / 5.0) / 2, EXACT);
        assertThat(hidden.medianRank()).isEqualTo((2 + 5) / 2.0, EXACT);
    }

    private static QuerySet set(String category, int missing) {
        return new QuerySet(
                CaptionForm.JOINED,
                List.of("a", "b", "c"),
                List.of(
                        new QuerySet.Query(0, "a", OptionalInt.of(0), "is red", List.of(1)),
                        new QuerySet.Query(1, "b", OptionalInt.of(1), "is blue", List.of(2))),
                new Coverage(
                        category,
                        "val",
                        GalleryKind.ORIGINAL,
                        3 + missing,
                        List.of("x", "y").subList(0, missing),
                        List.of()),
                missing);
    }

    @Test
    void measuresAQuerySetByItsProtocol() {
        INDArray gallery = Nd4j.createFromArray(new float[][] {{1, 0}, {0.8f, 0.6f}, {0, 1}});
        INDArray queries = Nd4j.createFromArray(new float[][] {{1, 0}, {0.6f, 0.8f}});
        QuerySet dress = set("dress", 0);
        assertThat(ComposedRetrieval.evaluate(dress, queries, gallery, false, List.of(1))
                        .at(1)
                        .recall())
                .isZero();
        ComposedResult.Category masked = ComposedRetrieval.evaluate(dress, queries, gallery, true, List.of(1));
        assertThat(masked.at(1).recall()).isEqualTo(1);
        assertThat(masked.at(1).chance()).isEqualTo(1 / 2.0, EXACT);
        assertThat(Protocol.of(List.of(dress), true, false))
                .hasToString("original gallery, reference masked, joined captions, all 3 gallery images");
        assertThat(Protocol.of(List.of(dress, set("shirt", 2)), false, true))
                .hasToString("original gallery, reference may be an answer, joined captions, PARTIAL gallery: 2 of 8"
                        + " images missing and 2 triplets left out");
        assertThatThrownBy(() -> Protocol.of(List.of(set("shirt", 2)), false, false))
                .hasMessageContaining("a partial gallery is not allowed");

        INDArray nan = queries.dup();
        nan.putScalar(1, 0, Float.NaN);
        assertThatThrownBy(() -> ComposedRetrieval.evaluate(dress, nan, gallery, true, List.of(1)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("the query from image b by 'is blue' of category dress")
                .hasMessageContaining("length NaN")
                .hasMessageContaining("another checkpoint");
        INDArray zero = gallery.dup();
        zero.putScalar(2, 1, 0);
        assertThatThrownBy(() -> ComposedRetrieval.evaluate(dress, queries, zero, true, List.of(1)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("image c of category dress has an embedding of length 0.0");
        assertThatThrownBy(() -> ComposedRetrieval.evaluate(dress, gallery, gallery, true, List.of(1)))
                .hasMessageContaining("has 2 queries and a gallery of 3; there are 3 and 3 embeddings");
        assertThatThrownBy(() -> ComposedRetrieval.evaluate(dress, queries, gallery, true, List.of(0)))
                .hasMessageContaining("at least 1");
        assertThatThrownBy(
                        () -> ComposedRetrieval.evaluate("x", queries, gallery, i -> new int[] {2}, i -> 2, List.of(1)))
                .hasMessageContaining("has the right entry 2, which it masks");
        assertThatThrownBy(
                        () -> ComposedRetrieval.evaluate("x", queries, gallery, i -> new int[] {2}, i -> 3, List.of(1)))
                .hasMessageContaining("masks the entry 3; the gallery has 3 entries");
    }

    @Test
    void ranksTheWholeValidationSetInSeconds() {
        int[] galleries = {3817, 6346, 5373};
        int[] counts = {2017, 2038, 1961};
        long nanos = 0;
        for (int c = 0; c < 3; c++) {
            INDArray gallery = Nd4j.createFromArray(gaussian(c, galleries[c], 512));
            INDArray queries = Nd4j.createFromArray(gaussian(10 + c, counts[c], 512));
            long start = System.nanoTime();
            ComposedResult.Category category = ComposedRetrieval.evaluate(
                    "c", queries, gallery, i -> new int[] {i}, i -> i + 1, ComposedRetrieval.KS);
            nanos += System.nanoTime() - start;
            assertThat(category.at(50).recall()).isCloseTo(category.at(50).chance(), within(0.02));
        }
        assertThat(nanos / 1e9).as("seconds").isLessThan(30);
    }
}
