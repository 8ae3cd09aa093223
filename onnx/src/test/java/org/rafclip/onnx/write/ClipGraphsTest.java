package org.rafclip.onnx.write;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.nn.Scope;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.onnx.OnnxReader;
import org.rafclip.onnx.clip.OnnxClip;
import org.rafclip.onnx.runtime.OnnxRuntimeSession;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Kernels.Activation;

/** Written towers in ONNX Runtime and in our own import, beside the encoder they were written from. */
class ClipGraphsTest {

    private static final int END = 39;
    private static final int[][] TEXTS = {{38, 5, 9, 12, 39, 0, 0}, {38, 7, 39, 0, 0, 0, 0}, {38, 1, 2, 3, 4, 5, 39}};
    private static final int[] ENDS = {4, 2, 6};

    @TempDir
    Path dir;

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    private static DualEncoder encoder(Pool pool, List<Integer> stem, Activation activation) {
        return encoder(new ClipConfig(
                20,
                activation,
                2.5,
                ClipConfig.Vision.ofClip(16, 8, 18, 2, 3, 2.5)
                        .withPool(pool)
                        .withStem(stem)
                        .withDropout(0.1)
                        .withDropPath(0.1),
                ClipConfig.Text.ofClip(9, 40, 12, 2, 2, 3).withDropout(0.1)));
    }

    private static DualEncoder encoder(ClipConfig config) {
        DualEncoder encoder = new DualEncoder(config, DataType.FLOAT, 1);
        Nd4j.getRandom().setSeed(1);
        encoder.parameters().forEach((name, array) -> {
            if (array.rank() > 0) {
                array.addi(Nd4j.randn(DataType.FLOAT, array.shape()).muli(0.1));
            }
        });
        return encoder;
    }

    private static INDArray images(int count) {
        Nd4j.getRandom().setSeed(2);
        return Nd4j.randn(DataType.FLOAT, count, 3, 16, 16);
    }

    private static INDArray ours(DualEncoder encoder, String output, Map<String, INDArray> inputs) {
        Map<String, INDArray> all = new LinkedHashMap<>(inputs);
        all.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, -1));
        try (Graph graph = new Graph(encoder.graph());
                Graph.Outputs outputs = graph.run(all, output)) {
            return outputs.get(output).dup('c');
        }
    }

    private static double worst(INDArray a, INDArray b) {
        assertThat(a.shape()).isEqualTo(b.shape());
        return a.sub(b).amaxNumber().doubleValue();
    }

    @ParameterizedTest
    @CsvSource({"CLASS_TOKEN, '', GELU", "CLASS_TOKEN, '', QUICK_GELU", "MEAN, '4,6', GELU", "MEAN, '', QUICK_GELU"})
    void imagesHaveTheSameFeaturesInOnnxRuntime(Pool pool, String stem, Activation activation) throws IOException {
        List<Integer> widths = stem.isEmpty()
                ? List.of()
                : Arrays.stream(stem.split(",")).map(Integer::valueOf).toList();
        DualEncoder encoder = encoder(pool, widths, activation);
        Path file = dir.resolve("image.onnx");
        ClipGraphs.image(encoder, Numbers.FP32).write(file);

        try (OnnxRuntimeSession session = new OnnxRuntimeSession(file)) {
            for (int batch : new int[] {1, 3}) {
                Map<String, INDArray> theirs = session.run(Map.of(ClipGraphs.IMAGES, images(batch)));
                Map<String, INDArray> given = Map.of(DualEncoder.IMAGES, images(batch));
                assertThat(theirs.get(ClipGraphs.IMAGE_FEATURES).amaxNumber().doubleValue())
                        .isGreaterThan(0.5);
                assertThat(worst(
                                theirs.get(ClipGraphs.IMAGE_FEATURES),
                                ours(encoder, DualEncoder.IMAGE_FEATURES, given)))
                        .isLessThan(1e-5);
                assertThat(worst(theirs.get(ClipGraphs.IMAGE_TOKENS), ours(encoder, DualEncoder.IMAGE_TOKENS, given)))
                        .isLessThan(1e-5);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"true, 7", "true, 9", "false, 7"})
    void textsOfAnyLengthHaveTheSameFeatures(boolean highest, int length) throws IOException {
        DualEncoder encoder = encoder(Pool.CLASS_TOKEN, List.of(), Activation.GELU);
        Path file = dir.resolve("text.onnx");
        ClipGraphs.text(encoder, END, highest, 0, Numbers.FP32).write(file);
        int[][] rows =
                Arrays.stream(TEXTS).map(row -> Arrays.copyOf(row, length)).toArray(int[][]::new);
        INDArray tokens = Nd4j.createFromArray(rows);
        INDArray expected = ours(
                encoder,
                DualEncoder.TEXT_FEATURES,
                Map.of(DualEncoder.TOKENS, tokens, DualEncoder.TOKEN_ENDS, Nd4j.createFromArray(ENDS)));

        try (OnnxRuntimeSession session = new OnnxRuntimeSession(file)) {
            Map<String, INDArray> theirs = session.run(Map.of(ClipGraphs.TOKENS, tokens.castTo(DataType.INT64)));
            assertThat(worst(theirs.get(ClipGraphs.TEXT_FEATURES), expected)).isLessThan(1e-5);
            assertThat(theirs.get(ClipGraphs.TEXT_TOKENS).shape()).containsExactly(3, length, 20);
        }
    }

    @Test
    void aResidualTowerHasTheSameFeatures() throws IOException {
        DualEncoder encoder = encoder(new ClipConfig(
                20,
                Activation.GELU,
                2.5,
                ClipConfig.Vision.residual(64, 4, 4, List.of(2, 1, 1, 2)),
                ClipConfig.Text.ofClip(9, 40, 12, 2, 2, 3).withDropout(0.1)));
        Path file = dir.resolve("image.onnx");
        ClipGraphs.image(encoder, Numbers.FP32).write(file);
        Nd4j.getRandom().setSeed(2);
        INDArray images = Nd4j.randn(DataType.FLOAT, 3, 3, 64, 64);

        try (OnnxRuntimeSession session = new OnnxRuntimeSession(file)) {
            Map<String, INDArray> theirs = session.run(Map.of(ClipGraphs.IMAGES, images));
            INDArray features = theirs.get(ClipGraphs.IMAGE_FEATURES);
            INDArray tokens = theirs.get(ClipGraphs.IMAGE_TOKENS);
            Map<String, INDArray> given = Map.of(DualEncoder.IMAGES, images);
            assertThat(tokens.shape()).containsExactly(3, 5, 20);
            assertThat(features.amaxNumber().doubleValue()).isGreaterThan(0.1);
            assertThat(worst(features, ours(encoder, DualEncoder.IMAGE_FEATURES, given)))
                    .isLessThan(1e-5);
            assertThat(worst(tokens, ours(encoder, DualEncoder.IMAGE_TOKENS, given)))
                    .isLessThan(1e-5);
        }
    }

    @Test
    void siglipsTowersHaveTheSameFeatures() throws IOException {
        DualEncoder encoder = encoder(new ClipConfig(
                18,
                Activation.GELU_TANH,
                1e-6,
                2.5,
                -10.0,
                ClipConfig.Vision.ofClip(16, 8, 18, 2, 3, 2.5)
                        .withPool(Pool.ATTENTION)
                        .withPatchBias(true)
                        .withPreNorm(false)
                        .withProjection(Projection.NONE),
                ClipConfig.Text.ofClip(9, 40, 12, 2, 2, 3)
                        .withCausal(false)
                        .withPool(TextPool.LAST_TOKEN)
                        .withProjection(Projection.LINEAR)));
        Path image = dir.resolve("image.onnx");
        Path text = dir.resolve("text.onnx");
        ClipGraphs.image(encoder, Numbers.FP32).write(image);
        ClipGraphs.text(encoder, END, true, 0, Numbers.FP32).write(text);
        int[][] rows = Arrays.stream(TEXTS).map(row -> Arrays.copyOf(row, 9)).toArray(int[][]::new);
        INDArray tokens = Nd4j.createFromArray(rows);

        try (OnnxRuntimeSession images = new OnnxRuntimeSession(image);
                OnnxRuntimeSession texts = new OnnxRuntimeSession(text)) {
            assertThat(worst(
                            images.run(Map.of(ClipGraphs.IMAGES, images(3))).get(ClipGraphs.IMAGE_FEATURES),
                            ours(encoder, DualEncoder.IMAGE_FEATURES, Map.of(DualEncoder.IMAGES, images(3)))))
                    .isLessThan(1e-5);
            assertThat(worst(
                            texts.run(Map.of(ClipGraphs.TOKENS, tokens.castTo(DataType.INT64)))
                                    .get(ClipGraphs.TEXT_FEATURES),
                            ours(
                                    encoder,
                                    DualEncoder.TEXT_FEATURES,
                                    Map.of(
                                            DualEncoder.TOKENS,
                                            tokens,
                                            DualEncoder.TOKEN_ENDS,
                                            Nd4j.createFromArray(8, 8, 8)))))
                    .isLessThan(1e-5);
        }
    }

    @ParameterizedTest
    @CsvSource({"MEAN_BESIDE_CLASS_TOKEN, false", "MEAN_BESIDE_CLASS_TOKEN, true", "MEAN, true"})
    void aMeanIsTakenAsTheModelTakesIt(Pool pool, boolean normBeforeMean) throws IOException {
        DualEncoder encoder = encoder(new ClipConfig(
                20,
                Activation.GELU,
                2.5,
                ClipConfig.Vision.ofClip(16, 8, 18, 2, 3, 2.5)
                        .withPool(pool)
                        .withPatchBias(true)
                        .withPreNorm(false)
                        .withProjection(Projection.LINEAR)
                        .withNormBeforeMean(normBeforeMean),
                ClipConfig.Text.ofClip(9, 40, 12, 2, 2, 3)));
        Path file = dir.resolve("image.onnx");
        ClipGraphs.image(encoder, Numbers.FP32).write(file);

        try (OnnxRuntimeSession session = new OnnxRuntimeSession(file)) {
            Map<String, INDArray> theirs = session.run(Map.of(ClipGraphs.IMAGES, images(3)));
            Map<String, INDArray> given = Map.of(DualEncoder.IMAGES, images(3));
            assertThat(worst(theirs.get(ClipGraphs.IMAGE_FEATURES), ours(encoder, DualEncoder.IMAGE_FEATURES, given)))
                    .isLessThan(1e-5);
            assertThat(worst(theirs.get(ClipGraphs.IMAGE_TOKENS), ours(encoder, DualEncoder.IMAGE_TOKENS, given)))
                    .isLessThan(1e-5);
        }
    }

    @ParameterizedTest
    @CsvSource({"true, false", "false, false", "false, true"})
    void theMeanOfATextsTokensIsThatOfTheModel(boolean postNorm, boolean causal) throws IOException {
        DualEncoder encoder = encoder(new ClipConfig(
                20,
                Activation.GELU,
                2.5,
                ClipConfig.Vision.ofClip(16, 8, 18, 2, 3, 2.5),
                ClipConfig.Text.ofClip(9, 40, 12, 2, 2, 3)
                        .withCausal(causal)
                        .withPool(TextPool.MEAN)
                        .withProjection(Projection.MLP)
                        .withLayerNormEps(1e-6)
                        .withPostNorm(postNorm)));
        Path file = dir.resolve("text.onnx");
        int fill = 1;
        ClipGraphs.text(encoder, END, true, fill, Numbers.FP32).write(file);
        int[][] rows = {{38, 5, 9, 12, 39, fill, fill}, {38, 7, 39, fill, fill, fill, fill}, {38, 0, 2, 3, 4, 5, 39}};
        INDArray tokens = Nd4j.createFromArray(rows);
        Map<String, INDArray> given =
                Map.of(DualEncoder.TOKENS, tokens, DualEncoder.TOKEN_ENDS, Nd4j.createFromArray(ENDS));

        try (OnnxRuntimeSession session = new OnnxRuntimeSession(file)) {
            Map<String, INDArray> theirs = session.run(Map.of(ClipGraphs.TOKENS, tokens.castTo(DataType.INT64)));
            assertThat(worst(theirs.get(ClipGraphs.TEXT_FEATURES), ours(encoder, DualEncoder.TEXT_FEATURES, given)))
                    .isLessThan(1e-5);
            INDArray ours = ours(encoder, DualEncoder.TEXT_TOKENS, given);
            for (int text = 0; text < rows.length; text++) {
                for (int token = 0; token <= ENDS[text]; token++) {
                    INDArray here = ours.slice(text).getRow(token);
                    assertThat(worst(
                                    theirs.get(ClipGraphs.TEXT_TOKENS)
                                            .slice(text)
                                            .getRow(token),
                                    here))
                            .isLessThan(1e-5);
                }
            }
        }
    }

    @Test
    void ourOwnImportRebuildsTheSameWeights() throws IOException {
        DualEncoder encoder = encoder(Pool.CLASS_TOKEN, List.of(), Activation.QUICK_GELU);
        ClipGraphs.image(encoder, Numbers.FP32).write(dir.resolve("image.onnx"));
        ClipGraphs.text(encoder, END, true, 0, Numbers.FP32).write(dir.resolve("text.onnx"));

        OnnxClip again = OnnxClip.load(
                dir.resolve("image.onnx"), dir.resolve("text.onnx"), OnnxClip.Options.standard(), Progress.NONE);

        assertThat(again.proof().worst()).isLessThan(1e-5);
        encoder.parameters().forEach((name, array) -> {
            if (!name.equals(DualEncoder.LOGIT_SCALE)) {
                assertThat(worst(again.encoder().parameters().get(name), array))
                        .as(name)
                        .isZero();
            }
        });
    }

    @ParameterizedTest
    @EnumSource(
            value = Numbers.class,
            names = {"FP16", "INT8"})
    void fewerBitsAreCloseAndSmaller(Numbers numbers) throws IOException {
        DualEncoder encoder = encoder(Pool.CLASS_TOKEN, List.of(), Activation.GELU);
        Path whole = dir.resolve("fp32.onnx");
        Path fewer = dir.resolve("image.onnx");
        ClipGraphs.image(encoder, Numbers.FP32).write(whole);
        ClipGraphs.image(encoder, numbers).write(fewer);
        INDArray expected = ours(encoder, DualEncoder.IMAGE_EMBEDDING, Map.of(DualEncoder.IMAGES, images(3)));

        try (OnnxRuntimeSession session = new OnnxRuntimeSession(fewer)) {
            INDArray features =
                    session.run(Map.of(ClipGraphs.IMAGES, images(3))).get(ClipGraphs.IMAGE_FEATURES);
            INDArray unit = features.divColumnVector(features.norm2(true, 1));
            assertThat(worst(unit, expected)).isBetween(1e-7, numbers == Numbers.FP16 ? 0.005 : 0.05);
        }
        assertThat(Files.size(fewer)).isLessThan(Files.size(whole) * 3 / 4);
    }

    @Test
    void aWeightBeyondHalfPrecisionIsRefused() {
        DualEncoder encoder = encoder(Pool.CLASS_TOKEN, List.of(), Activation.GELU);
        encoder.parameters().get("visual.proj").putScalar(3, 7e4);

        assertThatThrownBy(() -> ClipGraphs.image(encoder, Numbers.FP16))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("visual.proj")
                .hasMessageContaining("half precision");
    }

    @Test
    void largeWeightsLieBesideTheFile() throws IOException {
        ClipConfig config = new ClipConfig(
                20,
                Activation.GELU,
                2.5,
                ClipConfig.Vision.ofClip(16, 8, 48, 1, 3, 4),
                ClipConfig.Text.ofClip(9, 40, 12, 2, 2, 3));
        DualEncoder encoder = new DualEncoder(config, DataType.FLOAT, 1);
        Path inside = dir.resolve("inside.onnx");
        Path file = dir.resolve("image.onnx");
        ClipGraphs.image(encoder, Numbers.FP32).graph().write(inside, 1 << 30);
        ClipGraphs.image(encoder, Numbers.FP32).graph().write(file, 1000);

        assertThat(dir.resolve("image.onnx.data")).exists();
        assertThat(dir.resolve("inside.onnx.data")).doesNotExist();
        assertThat(Files.size(file)).isLessThan(Files.size(inside) / 2);
        OnnxModel model = OnnxReader.read(file);
        assertThat(model.opset()).isEqualTo(17);
        assertThat(model.parameters()).isEqualTo(OnnxReader.read(inside).parameters());
        try (OnnxRuntimeSession apart = new OnnxRuntimeSession(file);
                OnnxRuntimeSession whole = new OnnxRuntimeSession(inside)) {
            assertThat(apart.run(Map.of(ClipGraphs.IMAGES, images(2))))
                    .isEqualTo(whole.run(Map.of(ClipGraphs.IMAGES, images(2))));
        }
    }
}
