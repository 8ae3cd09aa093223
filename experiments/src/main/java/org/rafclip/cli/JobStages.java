package org.rafclip.cli;

import org.rafclip.data.Progress;
import org.rafclip.data.Stages;

/** Shows stages that follow each other on standard error; each ends where the next begins. */
final class JobStages implements Stages, AutoCloseable {

    private JobProgress last;

    @Override
    public Progress stage(String name, int total) {
        close();
        last = new JobProgress(name, "rows");
        return last;
    }

    @Override
    public void close() {
        if (last != null) {
            last.close();
        }
    }
}
