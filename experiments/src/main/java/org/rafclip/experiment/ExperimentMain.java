package org.rafclip.experiment;

import java.util.ServiceLoader;

/** Runs one experiment of a suite from a command line; what understands command lines provides it. */
public interface ExperimentMain {

    /**
     * Runs, and ends the process.
     *
     * @param id of the experiment
     * @param arguments of {@code ./rafclip ablate}
     */
    void run(String id, String[] arguments);

    /** What the {@code main} methods of experiments do. */
    static void of(String id, String[] arguments) {
        ServiceLoader.load(ExperimentMain.class)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("nothing on the class path runs experiments"))
                .run(id, arguments);
    }
}
