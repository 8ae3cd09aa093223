package org.rafclip.run;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.rafclip.data.DataException;

/** Machines that do the tasks of a plan side by side. What there is is found by {@link Machines#service}. */
public interface TaskCluster {

    /**
     * A task.
     *
     * @param name by which whoever does it knows it
     * @param words for people
     * @param after names of tasks that come first; where one of them fails, this one is not begun
     */
    record Task(String name, String words, Set<String> after) {

        public Task {
            after = Set.copyOf(after);
        }
    }

    /** Follows what happens. */
    interface Watcher {

        /** A process began a task; again after a process was lost. */
        void begun(Task task, String host);

        /** @param failure null where it was done */
        void ended(Task task, String failure);

        /** A line for the reader. */
        void say(String line);
    }

    /**
     * Does tasks, each in a process that does nothing else meanwhile.
     *
     * @param doer made once in each process, of a constructor that takes the settings; takes a task's name, and returns null or why
     *     it failed. Everything that it reads and writes lies in folders that all machines share
     * @param tasks in an order in which each comes after those that it waits for
     * @return what failed and why, by task
     * @throws DataException if the machines cannot be had
     */
    Map<String, String> run(
            Machines machines,
            Class<? extends Function<Object, Object>> doer,
            Map<String, String> settings,
            List<Task> tasks,
            Watcher watcher)
            throws IOException;
}
