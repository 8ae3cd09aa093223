package org.rafclip.launch;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;
import org.rafclip.train.MetricsLog;
import org.rafclip.train.RunFolder;
import org.rafclip.train.TensorBoardWriter;

/** Shows a training's progress and writes its metrics files. */
final class TrainingConsole implements AutoCloseable {

    private final ProgressLine.View view = ProgressLine.View.standardError();
    private final RunFolder folder;
    private final boolean resume;
    private ProgressLine current;
    private MetricsLog log;
    private TensorBoardWriter tensorBoard;

    TrainingConsole(RunFolder folder, boolean resume) {
        this.folder = folder;
        this.resume = resume;
    }

    org.rafclip.data.Progress stage(String name, String unit, int total) {
        replace(new ProgressLine(view, name, unit, total, 0));
        ProgressLine shown = current;
        return (done, ofTotal) -> shown.reach(done);
    }

    private void replace(ProgressLine next) {
        if (current != null) {
            current.close();
        }
        current = next;
    }

    void started(long done, long totalSteps) {
        replace(new ProgressLine(view, "training", "steps", totalSteps, done));
        Path boards = folder.dir().resolve("tensorboard");
        boolean goesOn = resume && Files.exists(folder.metricsFile());
        try {
            Files.createDirectories(boards);
            log = goesOn
                    ? MetricsLog.resume(folder.metricsFile(), done, Clock.systemUTC())
                    : MetricsLog.create(folder.metricsFile(), Clock.systemUTC());
            tensorBoard = goesOn
                    ? TensorBoardWriter.resume(boards, done, Clock.systemUTC())
                    : TensorBoardWriter.create(boards, Clock.systemUTC());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** @param shown beside the progress */
    void step(long number, int epoch, String shown, Map<String, Double> values) {
        current.advance(1, shown);
        write(number, epoch, values);
    }

    /** A line of its own, before the training or between its steps. */
    void message(String line) {
        if (current == null) {
            view.out().println(line);
        } else {
            current.message(line);
        }
    }

    void validated(long step, int epoch, String message, Map<String, Double> values) {
        current.message(message);
        write(step, epoch, values);
    }

    private void write(long step, int epoch, Map<String, Double> values) {
        try {
            log.log(step, epoch, values);
            tensorBoard.scalars(step, values);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void saving() {
        try {
            log.force();
            tensorBoard.force();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() throws IOException {
        replace(null);
        if (log != null) {
            log.close();
            tensorBoard.close();
        }
    }
}
