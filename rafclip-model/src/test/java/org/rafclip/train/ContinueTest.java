package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;

/** Runs that go on with more epochs than they were to have. 4 steps an epoch. */
class ContinueTest {

    @TempDir
    private static Path photos;

    @TempDir
    private Path runs;

    @BeforeAll
    static void draw() throws IOException {
        TinyRun.drawPhotos(photos);
    }

    private RafClipConfig config(String run, String... overrides) {
        return TinyRun.config(photos, runs.resolve(run), overrides);
    }

    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** Ends a training as a kill would after a step that is between two checkpoints. */
    private static final class Killing extends TinyRun.Listener {

        private final long at;

        Killing(long at) {
            this.at = at;
        }

        @Override
        public void step(Step step) {
            super.step(step);
            if (step.number() == at) {
                throw new Killed();
            }
        }
    }

    private static void assertSameBits(RafClipConfig actual, RafClipConfig expected) throws IOException {
        Map<String, INDArray> tensors = TinyRun.lastTensors(actual);
        Map<String, INDArray> wanted = TinyRun.lastTensors(expected);
        assertThat(tensors).hasSameSizeAs(wanted);
        wanted.forEach((name, value) -> assertThat(tensors.get(name).data().asBytes())
                .as(name)
                .isEqualTo(value.data().asBytes()));
    }

    private static List<Double> scores(RafClipConfig config) throws IOException {
        return MetricsLog.read(new RunFolder(config.output().dir()).metricsFile()).stream()
                .filter(entry -> entry.values().containsKey("validation/meanAccuracy"))
                .map(entry -> entry.values().get("validation/meanAccuracy"))
                .toList();
    }

    @Test
    void aContinuedRunIsTheSameHoweverItWasInterruptedAndTheSameAsOneThatWasToEndThereFromTheStart() throws Exception {
        RafClipConfig finished = config("continued", "train.epochs=3");
        TinyRun.train(finished, false, new TinyRun.Listener());
        RafClipConfig more = config("continued", "train.epochs=6");
        TinyRun.Listener told = new TinyRun.Listener();
        assertThat(TinyRun.train(more, true, told).steps()).isEqualTo(24);
        assertThat(told.steps).extracting(TrainingListener.Step::number).first().isEqualTo(13L);
        assertThat(told.steps.get(0).learningRate()).isEqualTo(more.train().lr());
        assertThat(new RunFolder(runs.resolve("continued")).config().train().continued())
                .containsExactly(3);

        TinyRun.train(config("killed", "train.epochs=3"), false, new TinyRun.Listener());
        RafClipConfig killed = config("killed", "train.epochs=6");
        assertThatThrownBy(() -> TinyRun.train(killed, true, new Killing(17))).isInstanceOf(Killed.class);
        assertThatThrownBy(() -> TinyRun.train(killed, true, new Killing(20))).isInstanceOf(Killed.class);
        TinyRun.train(killed, true, new TinyRun.Listener());

        RafClipConfig planned = config("planned", "train.epochs=6", "train.continued=[3]");
        TinyRun.train(planned, false, new TinyRun.Listener());

        assertSameBits(killed, more);
        assertSameBits(planned, more);
        assertThat(scores(killed))
                .isEqualTo(scores(more))
                .isEqualTo(scores(planned))
                .hasSize(4);
        TinyRun.Listener again = new TinyRun.Listener();
        assertThat(TinyRun.train(more, true, again).steps()).isEqualTo(24);
        assertThat(again.steps).isEmpty();
    }

    @Test
    void aRunContinuedTwiceKeepsBothEndsAndItsRule() throws Exception {
        TinyRun.train(config("run", "train.epochs=1"), false, new TinyRun.Listener());
        RafClipConfig constant = config("run", "train.epochs=2", "train.continue=constant");
        TinyRun.train(constant, true, new TinyRun.Listener());
        RafClipConfig other = config("run", "train.epochs=3", "train.continue=restart");
        assertThatThrownBy(() -> TinyRun.train(other, true, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("train.continue: restart instead of constant");
        RafClipConfig twice = config("run", "train.epochs=3", "train.continue=constant");
        TinyRun.train(twice, true, new TinyRun.Listener());

        TrainConfig kept = new RunFolder(runs.resolve("run")).config().train();
        assertThat(kept.epochs()).isEqualTo(3);
        assertThat(kept.continued()).containsExactly(1, 2);
        RafClipConfig planned =
                config("planned", "train.epochs=3", "train.continue=constant", "train.continued=[1, 2]");
        TinyRun.train(planned, false, new TinyRun.Listener());
        assertSameBits(twice, planned);
    }

    @Test
    void whatElseDiffersAndFewerEpochsAndOtherEndsAreRefusedByNameAndChangeNothing() throws Exception {
        RafClipConfig config = config("run", "train.epochs=2");
        TinyRun.train(config, false, new TinyRun.Listener());

        assertRefused("train.lr: 0.5 instead of 0.002", "train.epochs=4", "train.lr=0.5");
        assertRefused("holds a run of 2 epochs, and train.epochs is 1: a run goes on to its end", "train.epochs=1");
        assertRefused("train.continued", "train.epochs=4", "train.continued=[1]");
        assertRefused("train.continue: constant instead of restart", "train.epochs=2", "train.continue=constant");
        RafClipConfig longer = config("run", "train.epochs=3");
        assertThatThrownBy(() -> TinyRun.train(longer, false, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("train.epochs: 3 instead of 2");
        assertThat(new RunFolder(runs.resolve("run")).config()).isEqualTo(config);
    }

    private void assertRefused(String message, String... overrides) {
        assertThatThrownBy(() -> TinyRun.train(config("run", overrides), true, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(message);
    }

    @Test
    void aRunThatStoppedEarlyIsNotContinued() throws Exception {
        String[] still = {"train.lr=1e-30", "train.weight-decay=0", "train.validate-every=1", "train.patience=1"};
        TinyRun.train(config("run", still), false, new TinyRun.Listener());
        RafClipConfig more = config("run", still[0], still[1], still[2], still[3], "train.epochs=8");

        assertThatThrownBy(() -> TinyRun.train(more, true, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("stopped early, after train.patience validations");
        assertThat(new RunFolder(runs.resolve("run")).config().train().epochs()).isEqualTo(4);
    }
}
