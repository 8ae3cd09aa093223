package org.rafclip.cluster.spark;

import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import org.rafclip.run.Machines;
import org.rafclip.run.SharedCluster;

/** A group of executors that work together, in Spark's barrier mode. */
public final class SparkGroup implements SharedCluster {

    @Override
    public void run(
            Machines machines,
            int size,
            Class<? extends Function<Object, Object>> member,
            Map<String, String> settings,
            Consumer<String> told)
            throws IOException {
        Map<String, String> wanted = new TreeMap<>(settings);
        wanted.put("doer", member.getName());
        wanted.put("size", Integer.toString(size));
        wanted.put("spark.cores.max", Integer.toString(size * machines.cores()));
        wanted.put("spark.task.cpus", Integer.toString(machines.cores()));
        // A lost member is looked for sooner than after two minutes, and what is lost comes back.
        wanted.put("spark.network.timeout", "60s");
        wanted.put("spark.executor.heartbeatInterval", "5s");
        // As long as it takes to put another worker in a lost one's place.
        wanted.put("spark.scheduler.barrier.maxConcurrentTasksCheck.interval", "3s");
        wanted.put("spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures", "400");
        new SparkProcess(machines)
                .run(
                        "train",
                        wanted,
                        line -> {
                            if (line.equals("again")) {
                                told.accept(
                                        "a worker was lost; all go on from the last checkpoint, as soon as there are "
                                                + size + " of them again");
                            }
                        },
                        told);
    }
}
