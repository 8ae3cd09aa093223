package org.rafclip.sweep;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.rafclip.launch.Training;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;

/**
 * One combination of values and the run that tries it.
 *
 * @param number from 1
 * @param values by key path
 * @param dir the run's folder
 * @param training null where the values do not go together
 * @param refusal why, else null
 */
public record Trial(int number, Map<String, Object> values, Path dir, Training training, String refusal) {

    private static final String OUTCOME = "trial.json";

    /**
     * How a trial ended, in its folder as {@code trial.json}.
     *
     * @param values by key path
     * @param inputs a fingerprint of the data, and of the encoder where there is one; null where it was not known
     * @param steps done, 0 where it failed
     * @param stoppedEarly whether validation stopped improving before the last epoch
     * @param seconds of the process that ended it
     * @param resumed whether an earlier process did a part of it, whose time is not in {@code seconds}
     * @param error what went wrong, in a line; null where nothing did
     * @param trace where, for what is not the user's to mend; else null
     */
    public record Outcome(
            Map<String, Object> values,
            String inputs,
            long steps,
            boolean stoppedEarly,
            double seconds,
            boolean resumed,
            String error,
            String trace) {

        public boolean failed() {
            return error != null;
        }
    }

    /** How it ended, unless it has not. */
    Optional<Outcome> outcome() {
        Path file = dir.resolve(OUTCOME);
        return Files.exists(file)
                ? Optional.of(JsonReport.read(file, Outcome.class).body())
                : Optional.empty();
    }

    void write(Outcome outcome, Provenance provenance) {
        new JsonReport<>(outcome, provenance).write(dir.resolve(OUTCOME));
    }
}
