package org.rafclip.cli;

import org.rafclip.data.Progress;
import org.rafclip.data.Stages;

/** Shows stages that follow each other on standard error; each ends where the next begins. */
final class JobStages implements Stages, AutoCloseable {

    private JobProgress last;

    @Override
    public Progress stage(String name, int total) {
        end();
        last = new JobProgress(name, "items");
        if (total > 0) {
            // From now on time counts, not only from the first report.
            last.update(0, total);
        }
        return last;
    }

    /** The last stage has ended; what is printed now stands below it. */
    void end() {
        if (last != null) {
            last.close();
            last = null;
        }
    }

    @Override
    public void close() {
        end();
    }
}
