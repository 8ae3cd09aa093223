package org.rafclip.cli;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import lombok.RequiredArgsConstructor;
import org.rafclip.run.TaskCluster;

/** Tasks on other machines, a line each when one begins and when it ends. */
@RequiredArgsConstructor
final class TaskProgress implements TaskCluster.Watcher {

    private final int total;
    private final Consumer<String> lines;
    private final Map<String, Long> begun = new HashMap<>();
    private int ended;

    @Override
    public void begun(TaskCluster.Task task, String host) {
        String again = begun.put(task.name(), System.nanoTime()) == null ? "" : ", again: its process was lost";
        lines.accept(task.words() + ": on " + host + again);
    }

    @Override
    public void ended(TaskCluster.Task task, String failure) {
        ended++;
        Long begin = begun.get(task.name());
        lines.accept(String.format(
                Locale.ROOT,
                "%s: %s (%d of %d)",
                task.words(),
                failure != null
                        ? "FAILED: " + failure
                        : String.format(Locale.ROOT, "done in %.0f s", (System.nanoTime() - begin) / 1e9),
                ended,
                total));
    }

    @Override
    public void say(String line) {
        lines.accept(line);
    }
}
