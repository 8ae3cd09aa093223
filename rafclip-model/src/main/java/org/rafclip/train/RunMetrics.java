package org.rafclip.train;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;

/** A run's figures over its steps, as JSON lines and as TensorBoard events. */
record RunMetrics(MetricsLog log, TensorBoardWriter tensorBoard) implements Closeable {

    /**
     * Begins the files, or goes on with them.
     *
     * @param done steps so far; what was logged after them is dropped
     */
    static RunMetrics open(RunFolder folder, boolean resume, long done) throws IOException {
        Path boards = Files.createDirectories(folder.boards());
        boolean goesOn = resume && Files.exists(folder.metricsFile());
        MetricsLog log = goesOn
                ? MetricsLog.resume(folder.metricsFile(), done, Clock.systemUTC())
                : MetricsLog.create(folder.metricsFile(), Clock.systemUTC());
        try {
            return new RunMetrics(
                    log,
                    goesOn
                            ? TensorBoardWriter.resume(boards, done, Clock.systemUTC())
                            : TensorBoardWriter.create(boards, Clock.systemUTC()));
        } catch (IOException | RuntimeException e) {
            log.close();
            throw e;
        }
    }

    void log(long step, int epoch, Map<String, Double> figures) throws IOException {
        log.log(step, epoch, figures);
        tensorBoard.scalars(step, figures);
    }

    /** Brings what was logged onto the disk. */
    void force() throws IOException {
        log.force();
        tensorBoard.force();
    }

    @Override
    public void close() throws IOException {
        log.close();
        tensorBoard.close();
    }
}
