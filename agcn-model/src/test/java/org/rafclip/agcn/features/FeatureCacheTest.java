package org.rafclip.agcn.features;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.features.FeatureCache.Storage;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.ops.JavaOps;

class FeatureCacheTest {

    static {
        JavaOps.install();
    }

    private static final int WIDTH = 3;
    private static final int ROWS = 1200;
    private static final FeatureKey KEY = new FeatureKey("model-a", "data-a", "resize(224)");

    @TempDir
    private Path folder;

    /** Row r has 1 + r mod 4 tokens; its numbers follow from the row, the token and the place. */
    private static final class Numbered implements FeatureSource {
        private final List<Integer> encoded = new ArrayList<>();
        private int stopAt = Integer.MAX_VALUE;

        @Override
        public int rows() {
            return ROWS;
        }

        @Override
        public int mostTokens() {
            return 4;
        }

        @Override
        public String name(int row) {
            return "image " + row + ".jpg";
        }

        @Override
        public Features encode(int from, int to) {
            if (from >= stopAt) {
                throw new IllegalStateException("stopped");
            }
            encoded.add(from);
            int[] lengths = new int[to - from];
            Arrays.setAll(lengths, i -> tokens(from + i));
            INDArray tokens = Nd4j.zeros(DataType.FLOAT, to - from, 4, WIDTH);
            INDArray pooled = Nd4j.zeros(DataType.FLOAT, to - from, WIDTH);
            for (int i = 0; i < to - from; i++) {
                for (int j = 0; j < WIDTH; j++) {
                    pooled.putScalar(i, j, pooledValue(from + i, j));
                    for (int t = 0; t < 4; t++) {
                        tokens.putScalar(i, t, j, t < lengths[i] ? tokenValue(from + i, t, j) : Double.NaN);
                    }
                }
            }
            return new Features(tokens, lengths, pooled);
        }
    }

    private static int tokens(int row) {
        return 1 + row % 4;
    }

    private static float pooledValue(int row, int j) {
        return row * 0.37f - 100 * j - 1;
    }

    private static float tokenValue(int row, int token, int j) {
        return (float) Math.sin(row * 12 + token * 3 + j);
    }

    private FeatureCache build(FeatureSource source, Storage storage) throws IOException {
        return FeatureCache.build(folder, KEY, source, WIDTH, storage, Progress.NONE);
    }

    @ParameterizedTest
    @EnumSource(Storage.class)
    void givesBackWhatWasEncodedInAnyOrder(Storage storage) throws IOException {
        build(new Numbered(), storage);
        FeatureCache cache = FeatureCache.open(folder, KEY);
        int[] rows = {1199, 0, 511, 512, 0};

        Features read = cache.read(rows);

        assertThat(read.lengths()).containsExactly(4, 1, 4, 1, 1);
        assertThat(read.tokens().shape()).containsExactly(5, 4, WIDTH);
        double relative = storage == Storage.FP32 ? 0 : 1.0 / 2048;
        for (int i = 0; i < rows.length; i++) {
            for (int j = 0; j < WIDTH; j++) {
                float pooled = pooledValue(rows[i], j);
                assertThat(read.pooled().getFloat(i, j))
                        .isCloseTo(pooled, within((float) (Math.abs(pooled) * relative)));
                assertThat(cache.readPooled(rows).getFloat(i, j))
                        .isEqualTo(read.pooled().getFloat(i, j));
                for (int t = 0; t < 4; t++) {
                    float expected = t < tokens(rows[i]) ? tokenValue(rows[i], t, j) : 0;
                    assertThat(read.tokens().getFloat(i, t, j))
                            .isCloseTo(expected, within((float) (Math.abs(expected) * relative)));
                }
            }
        }
        assertThat(read.embeddings().norm2(1).toDoubleVector())
                .containsExactly(new double[] {1, 1, 1, 1, 1}, within(1e-6));
    }

    @Test
    void halfPrecisionTakesHalfTheSpace() throws IOException {
        FeatureCache full = build(new Numbered(), Storage.FP32);
        FeatureCache half =
                FeatureCache.build(folder.resolve("half"), KEY, new Numbered(), WIDTH, Storage.FP16, Progress.NONE);

        long header = 3 * 12 + ROWS * 4L;
        assertThat(full.bytes() - header).isEqualTo(2 * (half.bytes() - header));
    }

    @Test
    void aStoppedEncodingGoesOnWhereItStopped() throws IOException {
        Numbered source = new Numbered();
        source.stopAt = 700;
        assertThatThrownBy(() -> build(source, Storage.FP32)).hasMessage("stopped");
        assertThatThrownBy(() -> FeatureCache.open(folder, KEY))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("block-00001.bin: this block of features is missing");
        source.stopAt = Integer.MAX_VALUE;
        source.encoded.clear();

        build(source, Storage.FP32);

        assertThat(source.encoded).startsWith(512).doesNotContain(0);
        Path other = folder.resolve("uninterrupted");
        FeatureCache.build(other, KEY, new Numbered(), WIDTH, Storage.FP32, Progress.NONE);
        for (int b = 0; b < 3; b++) {
            String name = "block-0000" + b + ".bin";
            assertThat(folder.resolve(name)).hasSameBinaryContentAs(other.resolve(name));
        }
    }

    @Test
    void aDamagedBlockIsRefusedAndMadeAnew() throws IOException {
        build(new Numbered(), Storage.FP32);
        Path block = folder.resolve("block-00001.bin");
        byte[] bytes = Files.readAllBytes(block);
        bytes[bytes.length / 2] ^= 4;
        Files.write(block, bytes);

        assertThatThrownBy(() -> FeatureCache.open(folder, KEY))
                .hasMessageContaining("block-00001.bin")
                .hasMessageContaining("damaged")
                .hasMessageContaining("run the encoding again");
        Numbered source = new Numbered();
        build(source, Storage.FP32);
        assertThat(source.encoded).allMatch(from -> from >= 512 && from < 1024);
        FeatureCache.open(folder, KEY);
    }

    @Test
    void featuresOfAnotherModelDataOrPreparationAreRefused() throws IOException {
        build(new Numbered(), Storage.FP32);

        assertThatThrownBy(() -> FeatureCache.open(folder, new FeatureKey("model-b", "data-a", "resize(96)")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("model is model-a there but model-b here")
                .hasMessageContaining("preparation is resize(224) there but resize(96) here")
                .hasMessageContaining("Name another folder, or delete this one");
        assertThatThrownBy(() -> build(new Numbered(), Storage.FP16))
                .hasMessageContaining("storage is FP32 there but FP16 here");
        assertThatThrownBy(() -> FeatureCache.open(folder.resolve("nowhere"), KEY))
                .hasMessageContaining("holds no cached features");
    }

    @Test
    void featuresThatAreNotFiniteOrDoNotFitAreRefusedByName() {
        FeatureSource broken = new FeatureSource() {
            @Override
            public int rows() {
                return 2;
            }

            @Override
            public int mostTokens() {
                return 1;
            }

            @Override
            public String name(int row) {
                return "image " + row + ".jpg";
            }

            @Override
            public Features encode(int from, int to) {
                INDArray tokens = Nd4j.ones(DataType.FLOAT, 2, 1, WIDTH);
                INDArray pooled = Nd4j.ones(DataType.FLOAT, 2, WIDTH);
                pooled.putScalar(1, 2, Double.NaN);
                tokens.putScalar(0, 0, 1, 70000);
                return new Features(tokens, new int[] {1, 1}, pooled);
            }
        };

        assertThatThrownBy(() -> build(broken, Storage.FP32))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("row 1 (image 1.jpg) has NaN");
        assertThatThrownBy(
                        () -> FeatureCache.build(folder.resolve("b"), KEY, broken, WIDTH, Storage.FP16, Progress.NONE))
                .hasMessageContaining("row 0 (image 0.jpg) has 70000.0 among its features: too large for fp16");
    }

    @Test
    void rowsOutsideAreRefused() throws IOException {
        FeatureCache cache = build(new Numbered(), Storage.FP32);
        assertThatThrownBy(() -> cache.read(0, ROWS)).hasMessage("row 1200 is not within 0 and 1199");
    }
}
