package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
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
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.loss.RafLoss;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.ops.Graph;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.Encoded;
import org.rafclip.weights.PretrainedClip;

/** A ModifiedResNet as the image tower of a training. */
class ResNetTrainingTest {

    private static final int[][] TEXT_OF_IMAGE = {{0, 1, 0, -1}, {-1, 2, 3, 3}};
    private static final int IMAGES = 4;

    private static final ClipConfig CONFIG = new ClipConfig(
            12,
            Activation.GELU,
            1.2,
            ClipConfig.Vision.residual(64, 4, 4, List.of(1, 2, 1, 1)),
            new ClipConfig.Text(5, 9, 8, 1, 2, 2, 0));

    @TempDir
    static Path photos;

    @TempDir
    Path runs;

    @BeforeAll
    static void draw() throws Exception {
        TinyRun.drawPhotos(photos);
    }

    /** The loss and the gradients of a batch. */
    private static Map<String, INDArray> step(DualEncoder encoder, DataType type, int microBatch) {
        Nd4j.getRandom().setSeed(4);
        INDArray images = Nd4j.randn(DataType.DOUBLE, IMAGES, 3, 64, 64).castTo(type);
        int[][] ids = {{3, 8}, {4, 5, 8}, {8}, {2, 7, 6, 4, 8}};
        Encoded.Padded texts = new Encoded(ids, 0, 8, false).pad();
        Map<String, INDArray> result = new LinkedHashMap<>();
        try (Graph graph = new Graph(encoder.graph());
                RafLoss loss = new RafLoss(new RafLossConfig(0.4, Positives.IDENTITY, 0), 1, type)) {
            ContrastiveStep step = new ContrastiveStep(
                    encoder, graph, loss, List.copyOf(encoder.parameters().keySet()), microBatch);
            try (ContrastiveStep.Result done = step.run(images, texts, TEXT_OF_IMAGE, 1)) {
                result.put("loss", Nd4j.scalar(done.loss().total()));
                done.gradients().forEach((name, gradient) -> result.put(name, gradient.dup('c')));
            }
        }
        return result;
    }

    private static DualEncoder encoder(DataType type) {
        DualEncoder encoder = new DualEncoder(CONFIG, type, 3);
        // Biases of 0 put whole maps of a small network beyond what ReLU lets through.
        encoder.parameters().forEach((name, array) -> {
            if (name.startsWith("visual.") && name.endsWith("bias")) {
                array.addi(0.1);
            }
        });
        return encoder;
    }

    @Test
    void gradientsOfTheImageTowerAreThoseOfCentralDifferences() {
        DualEncoder encoder = encoder(DataType.DOUBLE);
        Map<String, INDArray> gradients = step(encoder, DataType.DOUBLE, 100);

        assertThat(gradients.keySet()).containsAll(encoder.parameters().keySet());
        double h = 1e-6;
        encoder.parameters().forEach((name, parameter) -> {
            if (!DualEncoder.isVisual(name)) {
                return;
            }
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
            assertThat(gradients.get(name).amaxNumber().doubleValue()).as(name).isGreaterThan(1e-9);
        });
    }

    @Test
    void singlePrecisionByOneDnnGivesTheGradientsOfDoublePrecisionByPatches() {
        DualEncoder exact = encoder(DataType.DOUBLE);
        DualEncoder fast = encoder(DataType.FLOAT);
        Map<String, INDArray> expected = step(exact, DataType.DOUBLE, 100);

        step(fast, DataType.FLOAT, 3).forEach((name, gradient) -> {
            INDArray wanted = expected.get(name);
            assertThat(gradient.castTo(DataType.DOUBLE).reshape(-1).distance2(wanted.reshape(-1)))
                    .as(name)
                    .isLessThan(1e-5 + 1e-4 * wanted.norm2Number().doubleValue());
        });
    }

    @Test
    void anImportedResNetLearns() throws Exception {
        Path published = Path.of(PretrainedClip.class
                .getResource("resnet-openclip/open_clip_model.safetensors")
                .toURI());
        Path model = Files.createDirectories(runs.resolve("model"));
        try (ClipModel imported = PretrainedClip.load(PretrainedClip.Origin.of(published), (done, total) -> {})
                .model()) {
            imported.save(model, Map.of());
        }
        String crop = "crop | squash(64) | normalize(clip)";
        String region = "mask(mean) | crop | squash(64) | normalize(clip)";
        RafClipConfig config = TinyRun.config(
                photos,
                runs.resolve("run"),
                "model.clip=null",
                "model.weights=" + model,
                "data.train.crop=" + crop,
                "data.train.region=" + region,
                "data.evaluation.crop=" + crop,
                "data.evaluation.region=" + region,
                "train.epochs=6",
                "train.lr=3e-3");
        TinyRun.Listener told = new TinyRun.Listener();

        TinyRun.train(config, false, told);

        int last = told.steps.size();
        assertThat(mean(told.steps.subList(last - 4, last))).isLessThan(mean(told.steps.subList(0, 4)));
    }

    private static double mean(List<TrainingListener.Step> steps) {
        return steps.stream().mapToDouble(TrainingListener.Step::loss).average().orElseThrow();
    }
}
