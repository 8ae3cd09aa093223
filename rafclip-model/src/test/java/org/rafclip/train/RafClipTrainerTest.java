package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.io.Safetensors;
import org.rafclip.train.Checkpoints.Which;

class RafClipTrainerTest {

    @TempDir
    private static Path photos;

    @TempDir
    private Path runs;

    @BeforeAll
    static void draw() throws IOException {
        TinyRun.drawPhotos(photos);
    }

    private RafClipConfig config(String... overrides) {
        return TinyRun.config(photos, runs.resolve("run"), overrides);
    }

    private Path checkpoints() {
        return runs.resolve("run/checkpoints");
    }

    @Test
    void theLossFalls() throws Exception {
        TinyRun.Listener told = new TinyRun.Listener();

        TrainingLoop.Outcome outcome = TinyRun.train(config("train.epochs=12", "train.lr=1e-2"), false, told);

        assertThat(outcome.steps()).isEqualTo(48);
        assertThat(outcome.stoppedEarly()).isFalse();
        assertThat(mean(told.steps.subList(40, 48))).isLessThan(mean(told.steps.subList(0, 8)) - 0.2);
        assertThat(outcome.bestScore())
                .hasValueSatisfying(best -> assertThat(best)
                        .isEqualTo(told.scores.stream()
                                .mapToDouble(Double::doubleValue)
                                .max()
                                .orElseThrow()));
    }

    private static double mean(List<TrainingListener.Step> steps) {
        return steps.stream().mapToDouble(TrainingListener.Step::loss).average().orElseThrow();
    }

    @Test
    void frozenWeightsStayAndOthersMove() throws Exception {
        RafClipConfig some = config("train.epochs=1", "train.freeze=['visual.*', logit_scale]", "train.lr=1e-2");
        TinyRun.Listener told = new TinyRun.Listener();
        TinyRun.train(some, false, told);
        Path still = runs.resolve("still");
        RafClipConfig hardly =
                TinyRun.config(photos, still, "train.epochs=1", "train.lr=1e-30", "train.weight-decay=0");
        TinyRun.train(hardly, false, new TinyRun.Listener());

        Map<String, INDArray> before = weights(hardly);
        weights(some).forEach((name, after) -> {
            boolean frozen = name.startsWith("visual.") || name.equals("logit_scale");
            double moved = after.sub(before.get(name)).amaxNumber().doubleValue();
            if (frozen) {
                assertThat(moved).as(name).isLessThan(1e-25);
            } else {
                assertThat(moved).as(name).isGreaterThan(1e-4);
            }
        });
        try (Safetensors moments = Safetensors.open(last(some).resolve("optimizer.safetensors"))) {
            assertThat(moments.names()).isNotEmpty().noneMatch(name -> name.contains("visual."));
        }
    }

    private static Path last(RafClipConfig config) {
        return new RunFolder(config.output().dir())
                .checkpoints()
                .find(Which.LAST)
                .orElseThrow();
    }

    private static Map<String, INDArray> weights(RafClipConfig config) throws IOException {
        return Safetensors.readAll(last(config).resolve(ClipModel.WEIGHTS_FILE));
    }

    @Test
    void aPatternThatFreezesNothingIsRefused() {
        assertThatThrownBy(() -> TinyRun.train(config("train.freeze=[vision.*]"), false, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("train.freeze")
                .hasMessageContaining("vision.*");
    }

    @Test
    void imagesOfAnotherSizeThanTheModelsAreRefusedBeforeAnyPhotoIsPrepared() {
        RafClipConfig config = TinyRun.config(
                photos,
                runs.resolve("size"),
                "data.cache=" + runs.resolve("size-masks"),
                "model.clip.vision.image-size=48");

        assertThatThrownBy(() -> TinyRun.train(config, false, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("data.train.crop", "gives images of 32x32, the model takes 48x48");
        assertThat(runs.resolve("size-masks")).doesNotExist();
    }

    @Test
    void theTemperatureStaysBetweenOneAndOneHundred() throws Exception {
        TinyRun.Listener high = new TinyRun.Listener();
        TinyRun.train(config("train.epochs=1", "model.clip.logit-scale=6"), false, high);
        assertThat(high.steps.get(0).figures().get("temperature")).isCloseTo(100, within(1e-3));

        TinyRun.Listener low = new TinyRun.Listener();
        RafClipConfig below =
                TinyRun.config(photos, runs.resolve("low"), "train.epochs=1", "model.clip.logit-scale=-2");
        TinyRun.train(below, false, low);
        assertThat(low.steps.get(0).figures().get("temperature")).isCloseTo(1, within(1e-6));
    }

    @Test
    void stopsWhenValidationNoLongerImprovesAndStaysStopped() throws Exception {
        RafClipConfig config = config(
                "train.epochs=9",
                "train.lr=1e-30",
                "train.weight-decay=0",
                "train.validate-every=1",
                "train.patience=2");
        TinyRun.Listener told = new TinyRun.Listener();

        TrainingLoop.Outcome outcome = TinyRun.train(config, false, told);

        assertThat(outcome.stoppedEarly()).isTrue();
        assertThat(outcome.steps()).isEqualTo(12);
        assertThat(told.scores).hasSize(3);
        assertThat(Files.readString(checkpoints().resolve("best"))).isEqualTo("step-00000004");

        TinyRun.Listener again = new TinyRun.Listener();
        assertThat(TinyRun.train(config, true, again)).isEqualTo(outcome);
        assertThat(again.steps).isEmpty();
    }

    @Test
    void divergenceStopsWithItsStepAndTheLastGoodCheckpoint() throws Exception {
        // Warm-up makes the rate of the first steps harmless: 1/16 of it, 2/16 ...; the weights overflow later.
        RafClipConfig config = config("train.lr=1e18", "train.checkpoint-every=1");
        assertThatThrownBy(() -> TinyRun.train(config, false, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("training diverged at step")
                .hasMessageContaining("checkpoint")
                .hasMessageContaining("lower train.lr");

        RafClipConfig none = TinyRun.config(photos, runs.resolve("none"), "train.lr=1e30", "train.checkpoint-every=1");
        assertThatThrownBy(() -> TinyRun.train(none, false, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("training diverged at step 1")
                .hasMessageContaining("there is no checkpoint yet");
    }

    @Test
    void aRunFolderIsGoneOnWithOnlyOnRequestWithItsSettingsAndItsPhotos() throws Exception {
        Path copy = runs.resolve("copy");
        TinyRun.drawPhotos(copy);
        RafClipConfig config = TinyRun.config(copy, runs.resolve("run"), "train.epochs=1");
        TinyRun.train(config, false, new TinyRun.Listener());

        assertThatThrownBy(() -> TinyRun.train(config, false, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("already holds a run")
                .hasMessageContaining("--resume");
        RafClipConfig other = TinyRun.config(copy, runs.resolve("run"), "train.epochs=1", "train.lr=0.5");
        assertThatThrownBy(() -> TinyRun.train(other, true, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("train.lr: 0.5 instead of 0.002");
        Path boxes = copy.resolve("data/Anno_fine/train_bbox.txt");
        List<String> lines = Files.readAllLines(boxes);
        lines.set(3, "1 1 30 30");
        Files.write(boxes, lines);
        assertThatThrownBy(() -> TinyRun.train(config, true, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("other photos, boxes, labels or captions");
    }

    @Test
    void aStartThatFailedBeforeItsFirstStepDoesNotBlockItsFolder() throws Exception {
        Path copy = runs.resolve("copy");
        TinyRun.drawPhotos(copy);
        Path photo = copy.resolve("data/img/train-3.png");
        byte[] good = Files.readAllBytes(photo);
        Files.write(photo, new byte[0]);
        RafClipConfig broken = TinyRun.config(copy, runs.resolve("run"), "train.epochs=2");
        assertThatThrownBy(() -> TinyRun.train(broken, false, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("train-3.png");

        Files.write(photo, good);
        RafClipConfig other = TinyRun.config(copy, runs.resolve("run"), "train.epochs=1", "train.lr=0.01");
        assertThat(TinyRun.train(other, false, new TinyRun.Listener()).steps()).isEqualTo(4);
        assertThat(new RunFolder(runs.resolve("run")).config(RafClipConfig.class))
                .isEqualTo(other);
    }

    @Test
    void anotherTrainingInTheSameFolderIsRefused() throws Exception {
        Files.createDirectories(runs.resolve("run"));
        try (var held = new RunFolder(runs.resolve("run")).lock()) {
            assertThat(held).isNotNull();
            assertThatThrownBy(() -> TinyRun.train(config(), false, new TinyRun.Listener()))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("another process trains in");
        }
    }

    @Test
    void damagedCheckpointsAreRefusedByNameAndLostNamesFound() throws Exception {
        RafClipConfig config = config("train.epochs=1", "train.checkpoint-every=2");
        TinyRun.train(config, false, new TinyRun.Listener());
        Path last = last(config);
        try (Stream<Path> files = Files.list(last)) {
            for (Path file : files.toList()) {
                byte[] good = Files.readAllBytes(file);
                byte[] altered = good.clone();
                altered[altered.length / 2] ^= 1;
                for (byte[] bad : List.of(altered, Arrays.copyOf(good, good.length - 1), new byte[0])) {
                    Files.write(file, bad);
                    assertRefused(config, file.toString());
                }
                Files.delete(file);
                assertRefused(config, file.toString());
                Files.write(file, good);
            }
        }
        Files.writeString(last.resolve("state.json"), "{}");
        assertRefused(config, "state.json");
    }

    private static void assertRefused(RafClipConfig config, String name) {
        assertThatThrownBy(() -> TinyRun.train(config, true, new TinyRun.Listener()))
                .as(name)
                .isInstanceOf(DataException.class)
                .hasMessageContaining(name)
                .hasMessageContaining("start the run anew");
    }

    @Test
    void theNameOfTheLastCheckpointMayBeLostButNotWrong() throws Exception {
        RafClipConfig config = config("train.epochs=1", "train.checkpoint-every=2");
        TinyRun.train(config, false, new TinyRun.Listener());

        Files.writeString(checkpoints().resolve("last"), "step-00000099");
        assertThatThrownBy(() -> TinyRun.train(config, true, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(checkpoints().resolve("last").toString())
                .hasMessageContaining("step-00000099")
                .hasMessageContaining("write into it one of step-00000004");

        Files.delete(checkpoints().resolve("last"));
        Files.delete(checkpoints().resolve("best"));
        assertThat(TinyRun.train(config, true, new TinyRun.Listener()).steps()).isEqualTo(4);
        assertThat(checkpoints().resolve("last")).hasContent("step-00000004");
        assertThat(checkpoints().resolve("best")).hasContent("step-00000004");
    }
}
