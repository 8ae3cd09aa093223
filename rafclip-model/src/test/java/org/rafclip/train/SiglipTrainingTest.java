package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.clip.DualEncoder;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.loss.RafLossConfig.Kind;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.Encoded;

/** SigLIP's towers and the sigmoid loss in training. */
class SiglipTrainingTest {

    @TempDir
    static Path photos;

    @TempDir
    Path runs;

    @BeforeAll
    static void draw() throws Exception {
        TinyRun.drawPhotos(photos);
    }

    private static final ClipConfig SIGLIP = new ClipConfig(
            12,
            Activation.GELU_TANH,
            1e-6,
            1.2,
            -1.5,
            ClipConfig.Vision.ofClip(8, 4, 12, 2, 2, 2)
                    .withPool(Pool.ATTENTION)
                    .withPatchBias(true)
                    .withPreNorm(false)
                    .withProjection(Projection.NONE),
            ClipConfig.Text.ofClip(5, 9, 8, 1, 2, 2)
                    .withCausal(false)
                    .withPool(TextPool.LAST_TOKEN)
                    .withProjection(Projection.LINEAR)
                    .withActivation(Activation.GELU));

    private static TrainedBatch batch(DualEncoder encoder, int microBatch) {
        int[][] textOfImage = {{0, 1, 0, 2, -1, -1}, {-1, -1, -1, -1, 3, 3}};
        int[][] ids = {{3, 1, 0, 0, 0}, {4, 5, 1, 0, 0}, {8, 1, 0, 0, 0}, {2, 7, 6, 4, 1}};
        RafLossConfig loss =
                new RafLossConfig(Kind.SIGMOID, 0.4, Positives.SAME_TEXT, 0, 0, RafLossConfig.Sentence.NONE);
        Encoded.Padded texts = new Encoded(ids, 0, 1, true).pad();
        return new TrainedBatch(encoder, DataType.DOUBLE, loss, textOfImage, texts, microBatch);
    }

    @Test
    void gradientsOfAllParametersAreThoseOfCentralDifferences() {
        DualEncoder encoder = new DualEncoder(SIGLIP, DataType.DOUBLE, 3);
        // A layer norm of numbers around 0.01 is too curved for differences.
        encoder.parameters().get("token_embedding.weight").muli(50);
        encoder.parameters().get("positional_embedding").muli(50);
        try (TrainedBatch batch = batch(encoder, 100)) {
            batch.requireCentralDifferences(name -> true, 1e-5);
        }
    }

    @Test
    void piecesGiveTheGradientOfTheWholeBatch() {
        DualEncoder encoder = new DualEncoder(SIGLIP, DataType.DOUBLE, 3);
        try (TrainedBatch whole = batch(encoder, 100);
                TrainedBatch pieces = batch(encoder, 2)) {
            Map<String, INDArray> expected = whole.gradients();
            pieces.gradients()
                    .forEach((name, gradient) -> assertThat(gradient.reshape(-1)
                                    .distance2(expected.get(name).reshape(-1)))
                            .as(name)
                            .isLessThan(1e-10));
        }
    }

    @Test
    void anImportedSiglipGoesOnInItsLoss() throws Exception {
        RafClipConfig config = siglip("loss.kind=sigmoid", "train.epochs=8", "train.lr=3e-3");
        TinyRun.Listener told = new TinyRun.Listener();

        TinyRun.train(config, false, told);

        assertThat(told.lastLoss()).isLessThan(told.firstLoss());
        Map<String, INDArray> trained = TinyRun.lastWeights(config);
        // SigLIP's temperature is above CLIP's limit of 100 in published models; e^4.5 = 90 here, so only that it
        // moves.
        assertThat(trained.get(DualEncoder.LOGIT_SCALE).getDouble(0)).isNotEqualTo(4.5);
        assertThat(trained.get(DualEncoder.LOGIT_BIAS).getDouble(0)).isNotEqualTo(-12.5);
    }

    @Test
    void theContrastiveLossTrainsItTooAndLeavesTheBias() throws Exception {
        RafClipConfig config = siglip("train.epochs=1");

        TinyRun.train(config, false, new TinyRun.Listener());

        assertThat(TinyRun.lastWeights(config).get(DualEncoder.LOGIT_BIAS).getDouble(0))
                .isEqualTo(-12.5);
    }

    private RafClipConfig siglip(String... settings) throws Exception {
        return TinyRun.imported(photos, runs.resolve("run"), "siglip-hf", "siglip-hf", settings);
    }

    @Test
    void aClipIsGivenTheBiasThatTheSigmoidLossNeeds() throws Exception {
        RafClipConfig random = TinyRun.config(photos, runs.resolve("random"), "train.epochs=1");
        TinyRun.train(random, false, new TinyRun.Listener());
        assertThat(TinyRun.lastWeights(random)).doesNotContainKey(DualEncoder.LOGIT_BIAS);

        RafClipConfig tuned = TinyRun.config(
                photos,
                runs.resolve("tuned"),
                "model.clip=null",
                "model.weights=" + TinyRun.last(random),
                "loss.kind=sigmoid",
                "train.epochs=1");
        TinyRun.train(tuned, false, new TinyRun.Listener());

        assertThat(TinyRun.lastWeights(tuned).get(DualEncoder.LOGIT_BIAS).getDouble(0))
                .isCloseTo(ClipConfig.SIGLIP_LOGIT_BIAS, within(0.1))
                .isNotEqualTo(ClipConfig.SIGLIP_LOGIT_BIAS);
    }
}
