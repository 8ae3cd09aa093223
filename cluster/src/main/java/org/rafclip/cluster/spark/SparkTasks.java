package org.rafclip.cluster.spark;

import java.io.IOException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.rafclip.run.Machines;
import org.rafclip.run.TaskCluster;

/** A plan's tasks, each a job of Spark's. */
public final class SparkTasks implements TaskCluster {

    @Override
    public Map<String, String> run(
            Machines machines,
            Class<? extends Function<Object, Object>> doer,
            Map<String, String> settings,
            List<Task> tasks,
            Watcher watcher)
            throws IOException {
        Map<String, String> wanted = new TreeMap<>(settings);
        wanted.put("doer", doer.getName());
        // An executor does one task at a time: its process has the cores of all.
        wanted.put("spark.task.cpus", Integer.toString(machines.cores()));
        wanted.put("tasks", Integer.toString(tasks.size()));
        Map<String, Integer> numbers = new HashMap<>();
        for (Task task : tasks) {
            String key = "task." + numbers.size();
            wanted.put(key, task.name());
            wanted.put(
                    key + ".after",
                    task.after().stream()
                            .map(name -> Integer.toString(numbers.get(name)))
                            .collect(Collectors.joining(" ")));
            numbers.put(task.name(), numbers.size());
        }
        Map<String, String> failures = new LinkedHashMap<>();
        new SparkProcess(machines)
                .run("tasks", wanted, line -> follow(line.split(" ", 3), tasks, watcher, failures), watcher::say);
        return failures;
    }

    private static void follow(String[] words, List<Task> tasks, Watcher watcher, Map<String, String> failures) {
        switch (words[0]) {
            case "begin" -> watcher.begun(tasks.get(Integer.parseInt(words[1])), words[2]);
            case "end" -> watcher.ended(tasks.get(Integer.parseInt(words[1])), null);
            case "broken" -> {
                Task task = tasks.get(Integer.parseInt(words[1]));
                failures.put(task.name(), words[2]);
                watcher.ended(task, words[2]);
            }
            case "left" -> {
                Task task = tasks.get(Integer.parseInt(words[1]));
                String why = "what it is made from failed: "
                        + task.after().stream()
                                .filter(failures::containsKey)
                                .map(failures::get)
                                .findFirst()
                                .orElse("");
                failures.put(task.name(), why);
                watcher.ended(task, why);
            }
            default -> {
                // What libraries say there is nothing for us.
            }
        }
    }
}
