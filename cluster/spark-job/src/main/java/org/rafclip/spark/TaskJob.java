package org.rafclip.spark;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.sql.SparkSession;

/**
 * Tasks that wait for each other, each a job of Spark's of its own, so that what is lost with an executor is the task that it
 * did. Says {@code begin N HOST}, {@code end N}, {@code broken N WORDS}, {@code left N}.
 */
final class TaskJob {

    private static final String NAME = "rafclip.task";

    private TaskJob() {}

    private record Ended(int task, String failure) {}

    /** The settings hold {@code tasks}, how many, and of each {@code task.N} its name and {@code task.N.after} numbers. */
    static void run(SparkSession spark, Map<String, String> settings) throws InterruptedException {
        int count = Integer.parseInt(settings.get("tasks"));
        Map<Integer, Set<Integer>> waiting = new LinkedHashMap<>();
        for (int task = 0; task < count; task++) {
            Set<Integer> after = new HashSet<>();
            for (String one : settings.getOrDefault("task." + task + ".after", "").split(" ")) {
                if (!one.isEmpty()) {
                    after.add(Integer.parseInt(one));
                }
            }
            waiting.put(task, after);
        }
        tellOfBeginnings(spark.sparkContext());
        BlockingQueue<Ended> ended = new LinkedBlockingQueue<>();
        for (int running = 0; ; running--) {
            for (int task : ready(waiting)) {
                waiting.remove(task);
                running++;
                start(spark, settings, task, ended);
            }
            if (running == 0) {
                break;
            }
            Ended one = ended.take();
            if (one.failure() == null) {
                Driver.say("end " + one.task());
                waiting.values().forEach(after -> after.remove(one.task()));
            } else {
                Driver.say("broken " + one.task() + " " + one.failure());
                leave(waiting, one.task());
            }
        }
    }

    private static List<Integer> ready(Map<Integer, Set<Integer>> waiting) {
        return waiting.entrySet().stream()
                .filter(task -> task.getValue().isEmpty())
                .map(Map.Entry::getKey)
                .toList();
    }

    /** What waits for something that failed is not begun. */
    private static void leave(Map<Integer, Set<Integer>> waiting, int failed) {
        ArrayDeque<Integer> gone = new ArrayDeque<>(List.of(failed));
        while (!gone.isEmpty()) {
            int one = gone.poll();
            for (int task : new ArrayList<>(waiting.keySet())) {
                if (waiting.get(task).contains(one)) {
                    waiting.remove(task);
                    Driver.say("left " + task);
                    gone.add(task);
                }
            }
        }
    }

    private static void tellOfBeginnings(SparkContext context) {
        Map<Integer, String> stages = new ConcurrentHashMap<>();
        context.addSparkListener(new SparkListener() {
            @Override
            public void onStageSubmitted(SparkListenerStageSubmitted stage) {
                String task = stage.properties().getProperty(NAME);
                if (task != null) {
                    stages.put(stage.stageInfo().stageId(), task);
                }
            }

            @Override
            public void onTaskStart(SparkListenerTaskStart start) {
                String task = stages.get(start.stageId());
                if (task != null) {
                    Driver.say("begin " + task + " " + start.taskInfo().executorId() + "@" + start.taskInfo().host());
                }
            }
        });
    }

    private static void start(
            SparkSession spark, Map<String, String> settings, int task, BlockingQueue<Ended> ended) {
        String name = settings.get("task." + task);
        HashMap<String, String> given = new HashMap<>(settings);
        given.keySet().removeIf(key -> key.startsWith("task."));
        int threads = Integer.parseInt(settings.get("spark.executor.cores"));
        Thread thread = new Thread(() -> {
            JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
            context.setLocalProperty(NAME, Integer.toString(task));
            String failure;
            try {
                failure = context.parallelize(List.of(name), 1)
                        .map(one -> Optional.ofNullable(Child.ask(given, threads, "do " + one, null)).orElse(""))
                        .collect()
                        .get(0);
                failure = failure.isEmpty() ? null : failure;
            } catch (Exception e) {
                failure = Words.of(e);
            }
            ended.add(new Ended(task, failure));
        });
        thread.setDaemon(true);
        thread.start();
    }
}
