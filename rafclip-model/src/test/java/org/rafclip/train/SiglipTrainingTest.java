package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.io.Safetensors;
import org.rafclip.loss.RafLoss;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.loss.RafLossConfig.Kind;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.ops.Graph;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.Encoded;
import org.rafclip.weights.PretrainedClip;

/** SigLIP's towers and the sigmoid loss in training. */
class SiglipTrainingTest {

    private static final int[][] TEXT_OF_IMAGE = {{0, 1, 0, 2, -1, -1}, {-1, -1, -1, -1, 3, 3}};
    private static final int IMAGES = 6;

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
            new ClipConfig.Vision(8, 4, 12, 2, 2, 2, Pool.ATTENTION, List.of(), 0, 0, true, false, Projection.NONE),
            new ClipConfig.Text(5, 9, 8, 1, 2, 2, 0, false, TextPool.LAST_TOKEN, Projection.LINEAR, Activation.GELU));

    /** The loss and the gradients of a batch. */
    private static Map<String, INDArray> step(DualEncoder encoder, DataType type, int microBatch) {
        Nd4j.getRandom().setSeed(4);
        INDArray images = Nd4j.randn(DataType.DOUBLE, IMAGES, 3, 8, 8).castTo(type);
        int[][] ids = {{3, 1, 0, 0, 0}, {4, 5, 1, 0, 0}, {8, 1, 0, 0, 0}, {2, 7, 6, 4, 1}};
        Encoded.Padded texts = new Encoded(ids, 0, 1, true).pad();
        Map<String, INDArray> result = new LinkedHashMap<>();
        RafLossConfig settings =
                new RafLossConfig(Kind.SIGMOID, 0.4, Positives.SAME_TEXT, 0, 0, RafLossConfig.Sentence.NONE);
        try (Graph graph = new Graph(encoder.graph());
                RafLoss loss = new RafLoss(settings, 1, type)) {
            ContrastiveStep step = new ContrastiveStep(
                    encoder, graph, loss, List.copyOf(encoder.parameters().keySet()), microBatch);
            try (ContrastiveStep.Result done = step.run(images, texts, TEXT_OF_IMAGE, 1)) {
                result.put("loss", Nd4j.scalar(done.loss().total()));
                done.gradients().forEach((name, gradient) -> result.put(name, gradient.dup('c')));
            }
        }
        return result;
    }

    @Test
    void gradientsOfAllParametersAreThoseOfCentralDifferences() {
        DualEncoder encoder = new DualEncoder(SIGLIP, DataType.DOUBLE, 3);
        // A layer norm of numbers around 0.01 is too curved for differences.
        encoder.parameters().get("token_embedding.weight").muli(50);
        encoder.parameters().get("positional_embedding").muli(50);
        Map<String, INDArray> gradients = step(encoder, DataType.DOUBLE, 100);

        assertThat(gradients.keySet()).containsAll(encoder.parameters().keySet());
        double h = 1e-5;
        encoder.parameters().forEach((name, parameter) -> {
            for (long at : new long[] {0, parameter.length() / 2, parameter.length() - 1}) {
                double there = parameter.getDouble(at);
                parameter.putScalar(at, there + h);
                double above = step(encoder, DataType.DOUBLE, 100).get("loss").getDouble(0);
                parameter.putScalar(at, there - h);
                double below = step(encoder, DataType.DOUBLE, 100).get("loss").getDouble(0);
                parameter.putScalar(at, there);
                assertThat(gradients.get(name).getDouble(at))
                        .as("%s[%d]", name, at)
                        .isCloseTo((above - below) / (2 * h), within(1e-7));
            }
        });
    }

    @Test
    void piecesGiveTheGradientOfTheWholeBatch() {
        DualEncoder encoder = new DualEncoder(SIGLIP, DataType.DOUBLE, 3);
        Map<String, INDArray> whole = step(encoder, DataType.DOUBLE, 100);

        step(encoder, DataType.DOUBLE, 2)
                .forEach((name, gradient) -> assertThat(
                                gradient.reshape(-1).distance2(whole.get(name).reshape(-1)))
                        .as(name)
                        .isLessThan(1e-10));
    }

    @Test
    void anImportedSiglipGoesOnInItsLoss() throws Exception {
        Path published = Path.of(
                PretrainedClip.class.getResource("siglip-hf/model.safetensors").toURI());
        Path model = Files.createDirectories(runs.resolve("model"));
        try (ClipModel imported = PretrainedClip.load(PretrainedClip.Origin.of(published), (done, total) -> {})
                .model()) {
            imported.save(model, Map.of());
        }
        RafClipConfig config = siglip(model, "run", "loss.kind=sigmoid", "train.epochs=8", "train.lr=3e-3");
        TinyRun.Listener told = new TinyRun.Listener();

        TinyRun.train(config, false, told);

        assertThat(mean(told.steps.subList(24, 32))).isLessThan(mean(told.steps.subList(0, 4)));
        Map<String, INDArray> trained = weights(config);
        // SigLIP's temperature is above CLIP's limit of 100 in published models; e^4.5 = 90 here, so only that it
        // moves.
        assertThat(trained.get(DualEncoder.LOGIT_SCALE).getDouble(0)).isNotEqualTo(4.5);
        assertThat(trained.get(DualEncoder.LOGIT_BIAS).getDouble(0)).isNotEqualTo(-12.5);
    }

    @Test
    void theContrastiveLossTrainsItTooAndLeavesTheBias() throws Exception {
        Path published = Path.of(
                PretrainedClip.class.getResource("siglip-hf/model.safetensors").toURI());
        Path model = Files.createDirectories(runs.resolve("model"));
        try (ClipModel imported = PretrainedClip.load(PretrainedClip.Origin.of(published), (done, total) -> {})
                .model()) {
            imported.save(model, Map.of());
        }
        RafClipConfig config = siglip(model, "run", "train.epochs=1");

        TinyRun.train(config, false, new TinyRun.Listener());

        assertThat(weights(config).get(DualEncoder.LOGIT_BIAS).getDouble(0)).isEqualTo(-12.5);
    }

    @Test
    void aClipIsGivenTheBiasThatTheSigmoidLossNeeds() throws Exception {
        RafClipConfig random = TinyRun.config(photos, runs.resolve("random"), "train.epochs=1");
        TinyRun.train(random, false, new TinyRun.Listener());
        assertThat(weights(random)).doesNotContainKey(DualEncoder.LOGIT_BIAS);
        Path start = new RunFolder(random.output().dir())
                .checkpoints()
                .find(Checkpoints.Which.LAST)
                .orElseThrow();

        RafClipConfig tuned = TinyRun.config(
                photos,
                runs.resolve("tuned"),
                "model.clip=null",
                "model.weights=" + start,
                "loss.kind=sigmoid",
                "train.epochs=1");
        TinyRun.train(tuned, false, new TinyRun.Listener());

        assertThat(weights(tuned).get(DualEncoder.LOGIT_BIAS).getDouble(0))
                .isCloseTo(ClipConfig.SIGLIP_LOGIT_BIAS, within(0.1))
                .isNotEqualTo(ClipConfig.SIGLIP_LOGIT_BIAS);
    }

    private RafClipConfig siglip(Path model, String run, String... more) {
        String crop = "crop | squash(16) | normalize(clip)";
        String region = "mask(mean) | crop | squash(16) | normalize(clip)";
        String[] settings = {
            "model.clip=null",
            "model.weights=" + model,
            "data.train.crop=" + crop,
            "data.train.region=" + region,
            "data.evaluation.crop=" + crop,
            "data.evaluation.region=" + region
        };
        String[] all = Arrays.copyOf(settings, settings.length + more.length);
        System.arraycopy(more, 0, all, settings.length, more.length);
        return TinyRun.config(photos, runs.resolve(run), all);
    }

    private static Map<String, INDArray> weights(RafClipConfig config) throws Exception {
        Path last = new RunFolder(config.output().dir())
                .checkpoints()
                .find(Checkpoints.Which.LAST)
                .orElseThrow();
        return Safetensors.readAll(last.resolve(ClipModel.WEIGHTS_FILE));
    }

    private static double mean(List<TrainingListener.Step> steps) {
        return steps.stream().mapToDouble(TrainingListener.Step::loss).average().orElseThrow();
    }
}
