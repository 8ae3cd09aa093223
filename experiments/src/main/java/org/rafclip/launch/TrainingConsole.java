package org.rafclip.launch;

import java.util.Locale;
import lombok.RequiredArgsConstructor;
import org.rafclip.data.Progress;
import org.rafclip.train.TrainingListener;

/** Shows a training's progress. */
@RequiredArgsConstructor
final class TrainingConsole implements TrainingListener, AutoCloseable {

    private final ProgressLine.View view;
    private ProgressLine current;

    @Override
    public Progress stage(String name, int total) {
        ProgressLine shown = replace(name, "items", total, 0);
        return (done, ofTotal) -> shown.reach(done);
    }

    private ProgressLine replace(String name, String unit, long total, long done) {
        close();
        current = new ProgressLine(view, name, unit, total, done);
        return current;
    }

    @Override
    public void message(String line) {
        if (current == null) {
            view.out().println(line);
        } else {
            current.message(line);
        }
    }

    @Override
    public void started(long done, long totalSteps) {
        replace("training", "steps", totalSteps, done);
    }

    @Override
    public void step(Step step) {
        current.advance(
                1,
                String.format(
                        Locale.ROOT,
                        "%.0f %s/s, loss %.3f, lr %.2e",
                        step.itemsPerSecond(),
                        step.batch().unit(),
                        step.loss(),
                        step.learningRate()));
    }

    @Override
    public void validated(Validated validated) {
        current.message(String.format(
                Locale.ROOT,
                "step %d, epoch %d: %s%s",
                validated.step(),
                validated.epoch() + 1,
                validated.validation().summary(),
                validated.best() ? " (best)" : ""));
    }

    @Override
    public void close() {
        if (current != null) {
            current.close();
        }
    }
}
