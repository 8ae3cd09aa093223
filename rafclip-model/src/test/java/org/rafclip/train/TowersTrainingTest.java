package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.clip.ClipConfig.Vision;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.io.Safetensors;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.loss.RafLossConfig.Kind;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Encoded;

/** The further towers that CLIPs have, in training. */
class TowersTrainingTest {

    private static final int[][] UNFILLED = {{3, 1, 8}, {4, 5, 6, 2, 8}, {7, 8}, {2, 7, 6, 8}};
    private static final int[][] FILLED = {{3, 1, 0, 0, 0}, {4, 5, 1, 0, 0}, {8, 1, 0, 0, 0}, {2, 7, 6, 4, 1}};

    @TempDir
    static Path photos;

    @TempDir
    Path runs;

    @BeforeAll
    static void draw() throws Exception {
        TinyRun.drawPhotos(photos);
    }

    static Stream<ClipConfig> architectures() {
        ClipConfig.Text ofClip = ClipConfig.Text.ofClip(5, 9, 8, 1, 2, 2);
        ClipConfig.Text ofClipa = ClipConfig.Text.ofClip(5, 9, 8, 1, 2, 2)
                .withCausal(false)
                .withPool(TextPool.LAST_TOKEN)
                .withLayerNormEps(1e-6);
        ClipConfig.Text ofRoberta = ClipConfig.Text.ofClip(5, 9, 8, 2, 2, 2)
                .withCausal(false)
                .withPool(TextPool.MEAN)
                .withProjection(Projection.MLP)
                .withActivation(Activation.GELU_TANH)
                .withPostNorm(true);
        ClipConfig.Text causalMean =
                ClipConfig.Text.ofClip(5, 9, 8, 1, 2, 2).withPool(TextPool.MEAN).withProjection(Projection.LINEAR);
        ClipConfig.Text seeingAll = ClipConfig.Text.ofClip(5, 9, 8, 1, 2, 2).withCausal(false);
        return Stream.of(
                config(vision(Pool.CLASS_TOKEN, false, true, Projection.MATRIX, false), seeingAll),
                config(vision(Pool.CLASS_TOKEN, false, true, Projection.MLP, false), ofRoberta),
                config(vision(Pool.CLASS_TOKEN, false, true, Projection.MATRIX, false), causalMean),
                config(vision(Pool.MEAN_BESIDE_CLASS_TOKEN, false, false, Projection.MATRIX, false), ofClipa),
                config(vision(Pool.MEAN_BESIDE_CLASS_TOKEN, true, false, Projection.LINEAR, true), ofClip),
                config(vision(Pool.MEAN, true, false, Projection.MATRIX, true), ofClip),
                config(vision(Pool.CLASS_TOKEN, true, false, Projection.LINEAR, false), ofClip));
    }

    private static Vision vision(
            Pool pool, boolean patchBias, boolean preNorm, Projection projection, boolean normBeforeMean) {
        return Vision.ofClip(8, 4, 12, 2, 2, 2)
                .withPool(pool)
                .withPatchBias(patchBias)
                .withPreNorm(preNorm)
                .withProjection(projection)
                .withNormBeforeMean(normBeforeMean);
    }

    private static ClipConfig config(Vision vision, ClipConfig.Text text) {
        return new ClipConfig(10, Activation.GELU, 1e-5, 1.2, null, vision, text);
    }

    @ParameterizedTest
    @MethodSource("architectures")
    void gradientsAreThoseOfCentralDifferencesInPiecesToo(ClipConfig config) {
        DualEncoder encoder = new DualEncoder(config, DataType.DOUBLE, 3);
        // A layer norm of numbers around 0.01 is too curved for differences.
        encoder.parameters().get("token_embedding.weight").muli(50);
        encoder.parameters().get("positional_embedding").muli(50);
        try (TrainedBatch whole = batch(encoder, 100);
                TrainedBatch pieces = batch(encoder, 2)) {
            Map<String, INDArray> gradients = whole.gradients();
            pieces.gradients()
                    .forEach((name, gradient) -> assertThat(gradient.reshape(-1)
                                    .distance2(gradients.get(name).reshape(-1)))
                            .as(name)
                            .isLessThan(1e-10));
            whole.requireCentralDifferences(name -> true, 1e-5);
        }
    }

    private static TrainedBatch batch(DualEncoder encoder, int microBatch) {
        RafLossConfig loss =
                new RafLossConfig(Kind.CONTRASTIVE, 0.4, Positives.SAME_TEXT, 0, 0, RafLossConfig.Sentence.NONE);
        int[][] textOfImage = {{0, 1, 0, 2, -1, -1}, {-1, -1, -1, -1, 3, 3}};
        ClipTokenizer.Context context = encoder.config().text().context();
        Encoded.Padded texts = context.filled()
                ? new Encoded(FILLED, 0, 1, context.reading(), 0).pad()
                : new Encoded(UNFILLED, 0, 8).pad();
        return new TrainedBatch(encoder, DataType.DOUBLE, loss, textOfImage, texts, microBatch);
    }

    @ParameterizedTest
    @CsvSource({"clipa-openclip, clipa-openclip", "timm-avg-openclip, openclip", "xlmr-openclip, xlmr-openclip"})
    void anImportedModelGoesOn(String name, String words) throws Exception {
        RafClipConfig config =
                TinyRun.imported(photos, runs.resolve("run"), name, words, "train.epochs=5", "train.lr=3e-3");
        TinyRun.Listener told = new TinyRun.Listener();

        TinyRun.train(config, false, told);

        assertThat(told.lastLoss()).isLessThan(told.firstLoss());
        Map<String, INDArray> before =
                Safetensors.readAll(config.model().weights().resolve(ClipModel.WEIGHTS_FILE));
        Map<String, INDArray> trained = TinyRun.lastWeights(config);
        assertThat(trained.keySet()).isEqualTo(before.keySet());
        before.forEach((key, array) ->
                assertThat(trained.get(key).distance2(array)).as(key).isPositive());
    }
}
