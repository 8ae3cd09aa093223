package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.clip.ClipConfig.Vision;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.io.Safetensors;
import org.rafclip.loss.RafLoss;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.loss.RafLossConfig.Kind;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.ops.Graph;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Encoded;
import org.rafclip.weights.PretrainedClip;

/** The further towers that CLIPs have, in training. */
class TowersTrainingTest {

    private static final int[][] TEXT_OF_IMAGE = {{0, 1, 0, 2, -1, -1}, {-1, -1, -1, -1, 3, 3}};
    private static final int IMAGES = 6;
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
        ClipConfig.Text ofClip = new ClipConfig.Text(5, 9, 8, 1, 2, 2, 0);
        ClipConfig.Text ofClipa = new ClipConfig.Text(
                5, 9, 8, 1, 2, 2, 0, false, TextPool.LAST_TOKEN, Projection.MATRIX, null, 1e-6, false);
        ClipConfig.Text ofRoberta = new ClipConfig.Text(
                5, 9, 8, 2, 2, 2, 0, false, TextPool.MEAN, Projection.MLP, Activation.GELU_TANH, null, true);
        ClipConfig.Text causalMean =
                new ClipConfig.Text(5, 9, 8, 1, 2, 2, 0, true, TextPool.MEAN, Projection.LINEAR, null, null, false);
        ClipConfig.Text seeingAll =
                new ClipConfig.Text(5, 9, 8, 1, 2, 2, 0, false, TextPool.END_TOKEN, Projection.MATRIX, null);
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
        return new Vision(8, 4, 12, 2, 2, 2, pool, List.of(), 0, 0, patchBias, preNorm, projection, normBeforeMean);
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
        double h = 1e-5;
        try (Batch whole = new Batch(encoder, 100);
                Batch pieces = new Batch(encoder, 2)) {
            Map<String, INDArray> gradients = whole.step();
            assertThat(gradients.keySet()).containsAll(encoder.parameters().keySet());
            pieces.step()
                    .forEach((name, gradient) -> assertThat(gradient.reshape(-1)
                                    .distance2(gradients.get(name).reshape(-1)))
                            .as(name)
                            .isLessThan(1e-10));
            encoder.parameters().forEach((name, parameter) -> {
                for (long at : new long[] {0, parameter.length() / 2}) {
                    double there = parameter.getDouble(at);
                    parameter.putScalar(at, there + h);
                    double above = whole.step().get("loss").getDouble(0);
                    parameter.putScalar(at, there - h);
                    double below = whole.step().get("loss").getDouble(0);
                    parameter.putScalar(at, there);
                    assertThat(gradients.get(name).getDouble(at))
                            .as("%s[%d]", name, at)
                            .isCloseTo((above - below) / (2 * h), within(1e-7));
                }
            });
        }
    }

    /** Steps on the same images and texts. */
    private static final class Batch implements AutoCloseable {
        private final Graph graph;
        private final RafLoss loss;
        private final ContrastiveStep step;
        private final INDArray images;
        private final Encoded.Padded texts;

        Batch(DualEncoder encoder, int microBatch) {
            RafLossConfig settings =
                    new RafLossConfig(Kind.CONTRASTIVE, 0.4, Positives.SAME_TEXT, 0, 0, RafLossConfig.Sentence.NONE);
            Nd4j.getRandom().setSeed(4);
            images = Nd4j.randn(DataType.DOUBLE, IMAGES, 3, 8, 8);
            ClipTokenizer.Context context = encoder.config().text().context();
            texts = context.filled()
                    ? new Encoded(FILLED, 0, 1, context.reading(), 0).pad()
                    : new Encoded(UNFILLED, 0, 8).pad();
            graph = new Graph(encoder.graph());
            loss = new RafLoss(settings, 1, DataType.DOUBLE);
            step = new ContrastiveStep(
                    encoder, graph, loss, List.copyOf(encoder.parameters().keySet()), microBatch);
        }

        /** The loss and the gradients. */
        Map<String, INDArray> step() {
            Map<String, INDArray> result = new LinkedHashMap<>();
            try (ContrastiveStep.Result done = step.run(images, texts, TEXT_OF_IMAGE, 1)) {
                result.put("loss", Nd4j.scalar(done.loss().total()));
                done.gradients().forEach((name, gradient) -> result.put(name, gradient.dup('c')));
            }
            return result;
        }

        @Override
        public void close() {
            loss.close();
            graph.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"clipa-openclip, 16", "timm-avg-openclip, 32", "xlmr-openclip, 16"})
    void anImportedModelGoesOn(String name, int size) throws Exception {
        Path published = Path.of(PretrainedClip.class.getResource(name).toURI());
        boolean ownWords = Files.exists(published.resolve("tokenizer.json"));
        Path words = ownWords
                ? published
                : Path.of(PretrainedClip.class.getResource("openclip").toURI());
        Path model = Files.createDirectories(runs.resolve("model"));
        Map<String, INDArray> before = new LinkedHashMap<>();
        try (ClipModel imported = PretrainedClip.load(
                        new PretrainedClip.Origin(
                                published.resolve("open_clip_model.safetensors"), null, words, null, null),
                        (done, total) -> {})
                .model()) {
            imported.save(model, Map.of());
            imported.encoder().parameters().forEach((key, array) -> before.put(key, array.dup('c')));
        }
        String crop = "crop | squash(" + size + ") | normalize(clip)";
        String region = "mask(mean) | " + crop;
        RafClipConfig config = TinyRun.config(
                photos,
                runs.resolve("run"),
                "model.clip=null",
                "model.weights=" + model,
                "data.train.crop=" + crop,
                "data.train.region=" + region,
                "data.evaluation.crop=" + crop,
                "data.evaluation.region=" + region,
                "train.epochs=5",
                "train.lr=3e-3");
        TinyRun.Listener told = new TinyRun.Listener();

        TinyRun.train(config, false, told);

        assertThat(mean(told.steps.subList(told.steps.size() - 4, told.steps.size())))
                .isLessThan(mean(told.steps.subList(0, 4)));
        Path last = new RunFolder(config.output().dir())
                .checkpoints()
                .find(Checkpoints.Which.LAST)
                .orElseThrow();
        Map<String, INDArray> trained = Safetensors.readAll(last.resolve(ClipModel.WEIGHTS_FILE));
        assertThat(trained.keySet()).isEqualTo(before.keySet());
        before.forEach((key, array) ->
                assertThat(trained.get(key).distance2(array)).as(key).isPositive());
    }

    private static double mean(List<TrainingListener.Step> steps) {
        return steps.stream().mapToDouble(TrainingListener.Step::loss).average().orElseThrow();
    }
}
