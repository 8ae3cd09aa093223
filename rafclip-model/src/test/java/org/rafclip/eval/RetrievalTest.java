package org.rafclip.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.JavaOps;

class RetrievalTest {

    static {
        JavaOps.install();
    }

    private static final Offset<Double> EXACT = within(1e-12);

    @Test
    void scoresWorkedOutByHand() {
        // cosines with the query (1, 0): 0.6, 0.8, 0, 1, 0.8
        INDArray gallery = AttributeRecognitionTest.unit(
                new float[] {3, 4}, new float[] {4, 3}, new float[] {0, 1}, new float[] {1, 0}, new float[] {4, 3});
        INDArray queries = AttributeRecognitionTest.unit(new float[] {1, 0}, new float[] {1, 0});
        // ranking for both: 3, 1, 4, 0, 2. Right: {0, 4} at ranks 4 and 3; {2} at rank 5
        int[][] right = {{0, 4}, {2}};
        RetrievalResult.Scores scores = Retrieval.evaluate(queries, gallery, i -> right[i], List.of(3, 1, 5));
        assertThat(scores.recallAt()).extracting(RetrievalResult.RecallAt::k).containsExactly(1, 3, 5);
        assertThat(scores.at(1).recall()).isZero();
        assertThat(scores.at(3).recall()).isEqualTo(0.5, EXACT);
        assertThat(scores.at(5).recall()).isEqualTo(1, EXACT);
        assertThat(scores.at(1).chance()).isEqualTo((2 / 5.0 + 1 / 5.0) / 2, EXACT);
        assertThat(scores.at(3).chance()).isEqualTo((1 - 3 / 5.0 * 2 / 4.0 * 1 / 3.0 + 3 / 5.0) / 2, EXACT);
        assertThat(scores.at(5).chance()).isEqualTo(1, EXACT);
        assertThat(scores.medianRank()).isEqualTo((3 + 5) / 2.0, EXACT);
        assertThat(scores.meanAveragePrecision()).isEqualTo(((1 / 3.0 + 2 / 4.0) / 2 + 1 / 5.0) / 2, EXACT);
    }

    @Test
    void theFirstEntriesAreThoseThatTheRanksName() {
        INDArray gallery = AttributeRecognitionTest.random(8, 60, 5);
        for (int i = 0; i < 60; i += 7) {
            gallery.putRow(i, gallery.getRow(59));
        }
        INDArray query = AttributeRecognitionTest.random(9, 1, 5);
        BitSet hidden = new BitSet();
        hidden.set(14);
        List<Retrieval.Hit> hits = new Retrieval.Gallery(gallery).nearest(query, 100, hidden);

        assertThat(hits).hasSize(59);
        for (int i = 0; i < 60; i++) {
            int entry = i;
            if (entry != 14) {
                int rank = Retrieval.ranks(query, gallery, q -> new int[] {entry}, q -> 14)[0][0];
                assertThat(hits.get(rank - 1).index()).isEqualTo(entry);
                double cosine =
                        query.mul(gallery.getRow(entry, true)).sumNumber().doubleValue();
                assertThat((double) hits.get(rank - 1).cosine()).isEqualTo(cosine, within(1e-5));
            }
        }
        assertThat(new Retrieval.Gallery(gallery).nearest(query, 3, hidden)).isEqualTo(hits.subList(0, 3));
        assertThatThrownBy(() -> new Retrieval.Gallery(gallery).nearest(gallery, 3, hidden))
                .hasMessageContaining("60 queries where one is asked");
    }

    /** Embeddings so near each other that the last bits of cosines decide. */
    @Test
    void rankingsAreInTheOrderThatRanksCount() {
        Random random = new Random(4);
        float[][] rows = new float[60][];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = new float[] {1 + 1e-6f * random.nextFloat(), 1, 1 + 1e-6f * random.nextFloat(), 1, 1, 1, 1};
        }
        INDArray gallery = AttributeRecognitionTest.unit(rows);
        INDArray queries = AttributeRecognitionTest.unit(Arrays.copyOf(rows, 37));

        List<List<Retrieval.Hit>> rankings = Retrieval.nearest(queries, gallery, 60, query -> query % 2 == 0 ? 7 : -1);

        for (int entry = 0; entry < 60; entry++) {
            int right = entry;
            int[][] ranks = Retrieval.ranks(
                    queries, gallery, query -> new int[] {right}, query -> query % 2 == 0 && right != 7 ? 7 : -1);
            for (int query = 0; query < 37; query++) {
                boolean hidden = query % 2 == 0 && right == 7;
                List<Integer> ranked =
                        rankings.get(query).stream().map(Retrieval.Hit::index).toList();
                assertThat(ranked.indexOf(right)).isEqualTo(hidden ? -1 : ranks[query][0] - 1);
            }
        }
        assertThat(Retrieval.nearest(queries, gallery, 3, query -> -1))
                .hasSize(37)
                .allMatch(ranking -> ranking.size() == 3);
    }

    @Test
    void agreesWithSortingEverything() {
        int n = 333;
        int d = 12;
        Random random = new Random(5);
        INDArray images = AttributeRecognitionTest.random(6, n, d);
        int[] labels = random.ints(n, 0, 40).map(i -> i < 10 ? 0 : i).toArray();
        INDArray texts = AttributeRecognitionTest.random(7, 40, d);
        float[][] image = images.toFloatMatrix();
        float[][] text = new float[n][];
        for (int i = 0; i < n; i++) {
            text[i] = texts.toFloatMatrix()[labels[i]];
        }
        List<Integer> ks = Retrieval.PAPER_KS;
        RetrievalResult result = Retrieval.evaluate(images, Nd4j.createFromArray(text), labels, ks);
        assertThat(result.distinctTexts()).isEqualTo(31);
        assertThat(result.distinctLabels()).isEqualTo(31);
        check(result.textToImage(), text, image, labels, ks);
        check(result.imageToText(), image, text, labels, ks);
    }

    private static void check(
            RetrievalResult.Direction actual, float[][] queries, float[][] gallery, int[] labels, List<Integer> ks) {
        int n = queries.length;
        List<Integer> instanceRanks = new ArrayList<>();
        List<Integer> labelRanks = new ArrayList<>();
        double labelPrecision = 0;
        double reciprocal = 0;
        for (int i = 0; i < n; i++) {
            double[] scores = new double[n];
            for (int j = 0; j < n; j++) {
                for (int x = 0; x < queries[i].length; x++) {
                    scores[j] += (double) queries[i][x] * gallery[j][x];
                }
            }
            int[] order = IntStream.range(0, n)
                    .boxed()
                    .sorted(Comparator.<Integer>comparingDouble(j -> -scores[j]).thenComparing(j -> j))
                    .mapToInt(j -> j)
                    .toArray();
            int found = 0;
            double precision = 0;
            for (int r = 0; r < n; r++) {
                if (order[r] == i) {
                    instanceRanks.add(r + 1);
                    reciprocal += 1.0 / (r + 1);
                }
                if (labels[order[r]] == labels[i]) {
                    if (found == 0) {
                        labelRanks.add(r + 1);
                    }
                    precision += ++found / (r + 1.0);
                }
            }
            labelPrecision += precision / found;
        }
        for (int k : ks) {
            assertThat(actual.instance().at(k).recall()).isEqualTo(share(instanceRanks, k), EXACT);
            assertThat(actual.label().at(k).recall()).isEqualTo(share(labelRanks, k), EXACT);
            assertThat(actual.instance().at(k).chance()).isEqualTo((double) k / n, EXACT);
        }
        assertThat(actual.instance().medianRank()).isEqualTo(median(instanceRanks), EXACT);
        assertThat(actual.label().medianRank()).isEqualTo(median(labelRanks), EXACT);
        assertThat(actual.instance().meanAveragePrecision()).isEqualTo(reciprocal / n, EXACT);
        assertThat(actual.label().meanAveragePrecision()).isEqualTo(labelPrecision / n, EXACT);
    }

    private static double share(List<Integer> ranks, int k) {
        return ranks.stream().filter(rank -> rank <= k).count() / (double) ranks.size();
    }

    private static double median(List<Integer> ranks) {
        int[] sorted = ranks.stream().mapToInt(Integer::intValue).sorted().toArray();
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2.0;
    }

    @Test
    void embeddingsThatAreAllAlikeReachChance() {
        float[][] same = new float[200][];
        Arrays.fill(same, new float[] {0.6f, 0.8f});
        INDArray collapsed = Nd4j.createFromArray(same);
        int[] labels = IntStream.range(0, 200).toArray();
        RetrievalResult result = Retrieval.evaluate(collapsed, collapsed, labels, Retrieval.PAPER_KS);
        for (int k : Retrieval.PAPER_KS) {
            assertThat(result.textToImage().instance().at(k).recall()).isEqualTo(k / 200.0, EXACT);
            assertThat(result.imageToText().label().at(k).recall()).isEqualTo(k / 200.0, EXACT);
        }
        assertThat(result.textToImage().instance().medianRank()).isEqualTo(100.5, EXACT);
        assertThat(result.distinctTexts()).isEqualTo(1);
    }

    @Test
    void equalEmbeddingsTieWhereverTheyStand() {
        int n = 2500;
        INDArray base = AttributeRecognitionTest.random(8, 50, 64);
        float[][] rows = base.toFloatMatrix();
        float[][] repeated = new float[n][];
        Arrays.setAll(repeated, i -> rows[i % 50]);
        INDArray gallery = Nd4j.createFromArray(repeated);
        RetrievalResult.Scores scores =
                Retrieval.evaluate(base, gallery, i -> new int[] {i + 50 * 49}, List.of(49, 50));
        assertThat(scores.at(49).recall()).isZero();
        assertThat(scores.at(50).recall()).isEqualTo(1, EXACT);
    }

    @Test
    void numbersLabelCombinations() {
        int[] classes = Retrieval.labelClasses(new int[][] {{1, 2}, {2, 1}, {1, 2}, {-1, 2}, {2, 1}});
        assertThat(classes).containsExactly(0, 1, 0, 2, 1);
    }

    @Test
    void chanceCountsDraws() {
        assertThat(Retrieval.chance(4000, 1, 10)).isEqualTo(10 / 4000.0, EXACT);
        assertThat(Retrieval.chance(10, 9, 2)).isEqualTo(1, EXACT);
        assertThat(Retrieval.chance(4, 2, 2)).isEqualTo(1 - 1 / 6.0, EXACT);
        assertThat(Retrieval.chance(5, 1, 50)).isEqualTo(1, EXACT);
    }

    @Test
    void refusesWhatDoesNotFit() {
        INDArray images = AttributeRecognitionTest.random(1, 4, 8);
        INDArray texts = AttributeRecognitionTest.random(2, 3, 8);
        assertThatThrownBy(() -> Retrieval.evaluate(images, texts, new int[4], List.of(1)))
                .hasMessageContaining("there are 4 images, 3 texts and 4 labels");
        assertThatThrownBy(() -> Retrieval.evaluate(images, images, new int[4], List.of(0, 3)))
                .hasMessageContaining("answer lengths of at least 1");
        assertThatThrownBy(() -> Retrieval.evaluate(images, texts, i -> new int[0], List.of(1)))
                .hasMessageContaining("has no right entry in the gallery");
        assertThatThrownBy(() -> Retrieval.evaluate(images, texts, i -> new int[] {3}, List.of(1)))
                .hasMessageContaining("the gallery has 3 entries");
    }
}
