package org.rafclip.cli;

import org.rafclip.agcn.features.EncodedData;
import org.rafclip.data.Progress;

/** Shows stages that follow each other on standard error; each ends where the next begins. */
final class JobStages implements EncodedData.Stages, AutoCloseable {

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
