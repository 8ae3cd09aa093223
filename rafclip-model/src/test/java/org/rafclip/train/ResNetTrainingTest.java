package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.Encoded;

/** A ModifiedResNet as the image tower of a training. */
class ResNetTrainingTest {

    private static final ClipConfig CONFIG = new ClipConfig(
            12,
            Activation.GELU,
            1.2,
            ClipConfig.Vision.residual(64, 4, 4, List.of(1, 2, 1, 1)),
            ClipConfig.Text.ofClip(5, 9, 8, 1, 2, 2));

    @TempDir
    static Path photos;

    @TempDir
    Path runs;

    @BeforeAll
    static void draw() throws Exception {
        TinyRun.drawPhotos(photos);
    }

    private static TrainedBatch batch(DataType type, int microBatch) {
        DualEncoder encoder = new DualEncoder(CONFIG, type, 3);
        // Biases of 0 put whole maps of a small network beyond what ReLU lets through.
        encoder.parameters().forEach((name, array) -> {
            if (name.startsWith("visual.") && name.endsWith("bias")) {
                array.addi(0.1);
            }
        });
        int[][] textOfImage = {{0, 1, 0, -1}, {-1, 2, 3, 3}};
        int[][] ids = {{3, 8}, {4, 5, 8}, {8}, {2, 7, 6, 4, 8}};
        RafLossConfig loss = new RafLossConfig(0.4, Positives.IDENTITY, 0);
        return new TrainedBatch(encoder, type, loss, textOfImage, new Encoded(ids, 0, 8, false).pad(), microBatch);
    }

    @Test
    void gradientsOfTheImageTowerAreThoseOfCentralDifferences() {
        try (TrainedBatch batch = batch(DataType.DOUBLE, 100)) {
            batch.requireCentralDifferences(DualEncoder::isVisual, 1e-6);
            batch.gradients().forEach((name, gradient) -> {
                if (DualEncoder.isVisual(name)) {
                    assertThat(gradient.amaxNumber().doubleValue()).as(name).isGreaterThan(1e-9);
                }
            });
        }
    }

    @Test
    void singlePrecisionByOneDnnGivesTheGradientsOfDoublePrecisionByPatches() {
        try (TrainedBatch exact = batch(DataType.DOUBLE, 100);
                TrainedBatch fast = batch(DataType.FLOAT, 3)) {
            Map<String, INDArray> expected = exact.gradients();
            fast.gradients().forEach((name, gradient) -> {
                INDArray wanted = expected.get(name);
                assertThat(gradient.castTo(DataType.DOUBLE).reshape(-1).distance2(wanted.reshape(-1)))
                        .as(name)
                        .isLessThan(1e-5 + 1e-4 * wanted.norm2Number().doubleValue());
            });
        }
    }

    @Test
    void anImportedResNetLearns() throws Exception {
        RafClipConfig config = TinyRun.imported(
                photos, runs.resolve("run"), "resnet-openclip", "resnet-openclip", "train.epochs=6", "train.lr=3e-3");
        TinyRun.Listener told = new TinyRun.Listener();

        TinyRun.train(config, false, told);

        assertThat(told.lastLoss()).isLessThan(told.firstLoss());
    }
}
