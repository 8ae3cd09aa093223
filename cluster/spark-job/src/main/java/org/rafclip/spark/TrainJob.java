package org.rafclip.spark;

import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import scala.reflect.ClassTag$;

/** One piece of work that a group of executors does together, in Spark's barrier mode: where one is lost, all begin again. */
final class TrainJob {

    /** A group that loses a member so often has others' troubles. */
    private static final int ATTEMPTS = 8;

    /** How a member says that others are gone. */
    private static final String LOST = "lost ";

    private TrainJob() {}

    /** A member's work. */
    private interface Member extends scala.Function1<scala.collection.Iterator<Integer>, scala.collection.Iterator<Integer>>, Serializable {}

    static void run(SparkSession spark, Map<String, String> settings) {
        int size = Integer.parseInt(settings.get("size"));
        int threads = Integer.parseInt(settings.get("spark.executor.cores"));
        HashMap<String, String> given = new HashMap<>(settings);
        JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
        for (int attempt = 0; ; attempt++) {
            try {
                context.parallelize(IntStream.range(0, size).boxed().toList(), size)
                        .rdd()
                        .barrier()
                        .mapPartitions(
                                member(given, threads, size, attempt),
                                false,
                                ClassTag$.MODULE$.<Integer>apply(Integer.class))
                        .collect();
                Driver.say("end");
                return;
            } catch (Exception e) {
                // Spark begins no group again whose results it takes, and this is one.
                if (Words.complains(e) || attempt == ATTEMPTS) {
                    throw e;
                }
                e.printStackTrace();
                Driver.say("again");
            }
        }
    }

    private static Member member(HashMap<String, String> settings, int threads, int size, int attempt) {
        return ranks -> {
            BarrierTaskContext context = BarrierTaskContext.get();
            String failure;
            try {
                failure = Child.ask(
                        settings,
                        threads,
                        "join " + context.partitionId() + " " + size + " " + attempt,
                        context::allGather);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            if (failure != null) {
                throw new IllegalStateException(failure.startsWith(LOST) ? failure : Program.COMPLAINT + failure);
            }
            return ranks;
        };
    }
}
