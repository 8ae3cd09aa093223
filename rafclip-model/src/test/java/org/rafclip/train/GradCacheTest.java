package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;
import org.rafclip.clip.Formula;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Kernels.Activation;

/** A text tower with dropout, under a loss that is linear in the embeddings: its gradient is the sum over any parts. */
class GradCacheTest {

    private static final int[] LENGTHS = {4, 7, 9, 3, 6, 5, 2};

    private static DualEncoder encoder;
    private static Graph graph;
    private static GradCache.Tower tower;

    @BeforeAll
    static void build() {
        JavaOps.install();
        encoder = new DualEncoder(
                new ClipConfig(
                        8,
                        Activation.GELU,
                        1.5,
                        ClipConfig.Vision.ofClip(8, 4, 8, 1, 2, 2),
                        ClipConfig.Text.ofClip(10, 12, 16, 2, 2, 2).withDropout(0.4)),
                DataType.DOUBLE,
                5);
        Formula.fill(encoder);
        graph = new Graph(encoder.graph());
        tower = new GradCache.Tower(
                DualEncoder.TEXT_EMBEDDING,
                DualEncoder.TEXT_GRADIENT,
                encoder.parameters().keySet().stream()
                        .filter(name -> !DualEncoder.isVisual(name) && !name.equals(DualEncoder.LOGIT_SCALE))
                        .toList());
    }

    @AfterAll
    static void close() {
        graph.close();
    }

    /** The gradient of texts {@code from ≤ i < to}. */
    private static Map<String, INDArray> gradient(int from, int to, int microBatch, int dropoutSeed) {
        Map<String, INDArray> texts = new LinkedHashMap<>();
        Formula.texts(encoder.config(), LENGTHS).forEach((name, all) -> texts.put(name, rows(all, from, to)));
        INDArray weights = rows(Formula.array(DataType.DOUBLE, "loss", 0, 1, LENGTHS.length, 8), from, to);
        Map<String, INDArray> copies = new LinkedHashMap<>();
        try (GradCache.Gradients gradients = new GradCache(graph, encoder.parameters(), microBatch)
                .run(
                        List.of(new GradCache.Rows(tower, texts)),
                        dropoutSeed,
                        embeddings -> Map.of(DualEncoder.TEXT_GRADIENT, weights))) {
            gradients.byName().forEach((name, value) -> copies.put(name, value.dup('c')));
        }
        return copies;
    }

    private static INDArray rows(INDArray all, int from, int to) {
        return all.get(NDArrayIndex.interval(from, to)).dup('c');
    }

    private static double difference(Map<String, INDArray> one, Map<String, INDArray> other) {
        assertThat(one).containsOnlyKeys(other.keySet());
        return one.keySet().stream()
                .mapToDouble(
                        name -> one.get(name).sub(other.get(name)).amaxNumber().doubleValue())
                .max()
                .orElseThrow();
    }

    private static Map<String, INDArray> sum(List<Map<String, INDArray>> parts) {
        Map<String, INDArray> sum = new LinkedHashMap<>();
        for (Map<String, INDArray> part : parts) {
            part.forEach((name, value) -> sum.merge(name, value, INDArray::add));
        }
        return sum;
    }

    @Test
    void aChunkDropsByASeedOfItsOwnThatIsNeverNegative() {
        // 2^31 - 1 + 31 and 2^31 - 1 + 62 without the sign bit are 30 and 61.
        Map<String, INDArray> expected =
                sum(List.of(gradient(0, 3, 7, Integer.MAX_VALUE), gradient(3, 6, 7, 30), gradient(6, 7, 7, 61)));

        assertThat(difference(gradient(0, 7, 3, Integer.MAX_VALUE), expected)).isLessThan(1e-12);
    }

    @Test
    void aSmallSeedCountsOnBy31() {
        Map<String, INDArray> expected =
                sum(List.of(gradient(0, 3, 7, 5), gradient(3, 6, 7, 36), gradient(6, 7, 7, 67)));

        assertThat(difference(gradient(0, 7, 3, 5), expected)).isLessThan(1e-12);
    }

    @Test
    void dropoutIsOnInEveryChunk() {
        int[] seeds = {0, 1, Integer.MAX_VALUE - 31, Integer.MAX_VALUE};
        for (int seed : seeds) {
            for (int other : seeds) {
                // The same texts alone: only where a seed is negative would two of them have the same gradient.
                assertThat(difference(gradient(3, 6, 1, seed), gradient(3, 6, 1, other)) > 1e-3)
                        .as("seeds " + seed + " and " + other)
                        .isEqualTo(seed != other);
            }
        }
        assertThat(difference(gradient(0, 7, 3, 1), gradient(0, 7, 3, 2))).isGreaterThan(1e-3);
        assertThat(difference(gradient(0, 7, 3, 2), gradient(0, 7, 3, 2))).isZero();
    }

    @Test
    void aBatchThatFitsIsOnePass() {
        assertThat(difference(gradient(0, 7, 7, 9), gradient(0, 7, 100, 9))).isZero();
        assertThatThrownBy(() -> gradient(0, 7, 0, 9)).hasMessageContaining("at least 1, not 0");
    }

    /** A place among others of whom nobody is ever heard. */
    private record Placed(int rank, int size) implements Peers {

        @Override
        public String word(String mine) {
            throw new AssertionError("nobody is there");
        }

        @Override
        public INDArray gather(INDArray mine, long rows) {
            throw new AssertionError("nobody is there");
        }

        @Override
        public void sum(Collection<INDArray> arrays) {
            throw new AssertionError("nobody is there");
        }
    }

    @Test
    void sharesAreWholeChunksAndAllRowsTogether() {
        for (int size = 1; size <= 5; size++) {
            for (int count = 1; count <= 40; count++) {
                long end = 0;
                for (int rank = 0; rank < size; rank++) {
                    GradCache.Share share =
                            new GradCache(graph, encoder.parameters(), 6, new Placed(rank, size)).share(count);
                    assertThat(share.from()).isEqualTo(end);
                    assertThat(share.from() % 6 == 0 || share.from() == count).isTrue();
                    end = share.to();
                }
                assertThat(end).isEqualTo(count);
            }
        }
    }
}
