package org.rafclip.cli;

import org.rafclip.launch.ProgressLine;

/** Shows a data job's progress on standard error, from its first report on. */
final class JobProgress implements org.rafclip.data.Progress, AutoCloseable {

    private final String label;
    private final String unit;
    private ProgressLine shown;

    /**
     * @param label what is done
     * @param unit what is counted, in the plural
     */
    JobProgress(String label, String unit) {
        this.label = label;
        this.unit = unit;
    }

    @Override
    public void update(int done, int total) {
        if (shown == null) {
            shown = new ProgressLine(ProgressLine.View.standardError(), label, unit, total, 0);
        }
        shown.reach(done);
    }

    @Override
    public void close() {
        if (shown != null) {
            shown.close();
        }
    }
}
