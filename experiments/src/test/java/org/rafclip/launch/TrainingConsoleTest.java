package org.rafclip.launch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.rafclip.data.Progress;
import org.rafclip.train.TrainingListener;

/** What a training writes into a file or a pipe. */
class TrainingConsoleTest {

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    private Instant now = Instant.parse("2024-05-01T12:00:00Z");
    private final InstantSource clock = () -> now;
    private final TrainingConsole console = new TrainingConsole(new ProgressLine.View(out, false, 80, clock));

    private List<String> lines() {
        return bytes.toString(StandardCharsets.UTF_8).lines().toList();
    }

    private void step(long number, double seconds) {
        now = now.plusMillis((long) (1000 * seconds));
        console.step(new TrainingListener.Step(
                number, 0, 5e-4, 1.5, seconds, new TrainingListener.Batch(2.3456, 32, "images", Map.of())));
    }

    @Test
    void aTrainingIsOneTaskAfterTheOther() {
        Progress photos = console.stage("preparing photos", 10);
        now = now.plusSeconds(2);
        photos.update(10, 10);
        console.started(0, 4);
        for (int step = 1; step <= 4; step++) {
            step(step, 4);
        }
        console.validated(new TrainingListener.Validated(
                4, 0, new TrainingListener.Validation(0.5, Map.of(), "accuracy 0.500", new ARecord()), true));
        console.close();

        assertThat(lines())
                .containsExactly(
                        "preparing photos  0/10 (0 %)",
                        "preparing photos  10/10 (100 %)  in 0:00:02, 5.0 items/s",
                        "training  0/4 (0 %)",
                        "training  3/4 (75 %)  15.0 steps/min  0:00:04 left  8 images/s, loss 2.346, lr 5.00e-04",
                        "step 4, epoch 1: accuracy 0.500 (best)",
                        "training  4/4 (100 %)  in 0:00:16, 15.0 steps/min  8 images/s, loss 2.346, lr 5.00e-04");
    }

    private record ARecord() {}

    @Test
    void whatIsDoneBeforeAResumedTrainingIsShown() {
        console.started(6, 8);
        step(7, 1);
        console.close();

        assertThat(lines().get(0)).isEqualTo("training  6/8 (75 %)");
        assertThat(lines().get(1)).startsWith("training  7/8 (87 %)  in 0:00:01, 1.0 steps/s");
    }

    @Test
    void aValidationThatIsNotTheBestSaysNothingOfIt() {
        console.started(0, 8);
        console.validated(new TrainingListener.Validated(
                3, 1, new TrainingListener.Validation(0.5, Map.of(), "mean R@10 0.200", new ARecord()), false));

        assertThat(lines()).contains("step 3, epoch 2: mean R@10 0.200");
    }

    @Test
    void messagesComeBeforeAnythingIsShown() {
        console.message("goes on elsewhere than it began");
        console.close();

        assertThat(lines()).containsExactly("goes on elsewhere than it began");
    }
}
