package org.rafclip.spark;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.deploy.DeployMessages;
import org.apache.spark.deploy.master.WorkerInfo;
import org.apache.spark.rpc.RpcAddress;
import org.apache.spark.rpc.RpcEnv;
import scala.reflect.ClassTag$;

/**
 * Watches over what was asked of a cluster until it is given. Spark itself would wait forever. Where others have the machines,
 * that is right, and {@code waiting} is said once; what no machine of a standalone cluster can ever give ends the job.
 */
final class Waiting {

    private static final int STEP_MILLIS = 10_000;
    private static final int WORD_AFTER_STEPS = 2;

    /** Workers that were started at the same time are there by then. */
    private static final int END_AFTER_STEPS = 3;

    private static final Pattern MASTERS = Pattern.compile("spark://(.+)");

    private final SparkContext context;
    private final String master;
    private final int processes;
    private final int cores;

    /** @param settings Spark's, and {@code size}, of a group of processes that work together */
    Waiting(SparkContext context, Map<String, String> settings) {
        this.context = context;
        this.master = settings.get("master");
        this.processes = Integer.parseInt(settings.getOrDefault("size", "1"));
        this.cores = Integer.parseInt(settings.getOrDefault("spark.executor.cores", "1"));
    }

    /** Returns when there are as many processes as were asked for. */
    void untilGiven() throws InterruptedException {
        boolean told = false;
        for (int step = 1; ; step++) {
            Thread.sleep(STEP_MILLIS);
            // One of them is the driver.
            if (context.statusTracker().getExecutorInfos().length > processes) {
                return;
            }
            Optional<String> never = step < END_AFTER_STEPS ? Optional.empty() : workers().flatMap(this::never);
            if (never.isPresent()) {
                Driver.end(never.get());
            } else if (!told && step >= WORD_AFTER_STEPS) {
                Driver.say("waiting");
                told = true;
            }
        }
    }

    /** Empty where no master of Spark's own answers. */
    private Optional<List<WorkerInfo>> workers() {
        Matcher masters = MASTERS.matcher(master);
        if (!masters.matches()) {
            return Optional.empty();
        }
        RpcEnv environment = SparkEnv.get().rpcEnv();
        for (String one : masters.group(1).split(",")) {
            try {
                DeployMessages.MasterStateResponse state = environment
                        .setupEndpointRef(RpcAddress.fromSparkURL("spark://" + one), "Master")
                        .askSync(
                                DeployMessages.RequestMasterState$.MODULE$,
                                ClassTag$.MODULE$.apply(DeployMessages.MasterStateResponse.class));
                if (state.status().toString().equals("ALIVE")) {
                    return Optional.of(Arrays.stream(state.workers())
                            .filter(WorkerInfo::isAlive)
                            .toList());
                }
            } catch (RuntimeException e) {
                // Another may be the leading one.
            }
        }
        return Optional.empty();
    }

    /** Why these can never give it, busy or not. */
    private Optional<String> never(List<WorkerInfo> workers) {
        int megabytes = context.executorMemory();
        int room = workers.stream()
                .mapToInt(worker -> Math.min(worker.cores() / cores, worker.memory() / megabytes))
                .sum();
        if (room >= processes) {
            return Optional.empty();
        }
        String asked = processes + (processes == 1 ? " process of " : " processes of ") + cores
                + (cores == 1 ? " core and " : " cores and ") + memory(megabytes);
        if (workers.isEmpty()) {
            return Optional.of("--master " + master + ": has no worker, so none of " + asked
                    + "; start one there (sbin/start-worker.sh " + master + ")");
        }
        String have = workers.stream()
                .map(worker -> worker.cores() + (worker.cores() == 1 ? " core" : " cores") + " and "
                        + memory(worker.memory()))
                .distinct()
                .sorted()
                .limit(4)
                .reduce((one, other) -> one + ", " + other)
                .orElseThrow();
        return Optional.of("--master " + master + ": asked were " + asked + ", but its "
                + (workers.size() == 1 ? "worker has " : workers.size() + " workers have ") + have
                + (room == 0 ? "" : ", room for " + room)
                + "; ask for less (--executor-cores, --executor-memory"
                + (processes > 1 ? ", --workers" : "") + "), or start larger workers");
    }

    private static String memory(int megabytes) {
        return megabytes % 1024 == 0 ? megabytes / 1024 + "g" : megabytes + "m";
    }
}
