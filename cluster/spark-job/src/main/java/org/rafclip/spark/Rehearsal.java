package org.rafclip.spark;

import static org.apache.spark.sql.functions.col;

import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;

/**
 * A job without photos. A JVM that ends with it knows which of Spark's classes a driver and an executor load, and can keep them
 * as they are once loaded ({@code -XX:ArchiveClassesAtExit}): a third of what starting Spark takes.
 */
public final class Rehearsal {

    /** What executors need beyond a process that is driver and executor in one. */
    private static final List<String> EXECUTORS = List.of(
            "org.apache.spark.executor.CoarseGrainedExecutorBackend",
            "org.apache.spark.scheduler.cluster.CoarseGrainedClusterMessages$RegisterExecutor",
            "org.apache.spark.scheduler.cluster.CoarseGrainedSchedulerBackend",
            "org.apache.spark.scheduler.cluster.StandaloneSchedulerBackend",
            "org.apache.spark.deploy.client.StandaloneAppClient",
            "org.apache.spark.deploy.worker.WorkerWatcher");

    private Rehearsal() {}

    /** @param args a folder to write to */
    public static void main(String[] args) throws ReflectiveOperationException {
        try (SparkSession spark = SparkSession.builder()
                .appName("rehearsal")
                .master("local[1]")
                .config("spark.ui.enabled", "false")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.sql.codegen.wholeStage", "false")
                .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
                .config("spark.sql.parquet.compression.codec", "zstd")
                .getOrCreate()) {
            for (String name : EXECUTORS) {
                Class.forName(name);
            }
            Row row = RowFactory.create("a", "a.jpg", 0, 0, 1, 1, "", 1, 1, null, null, null, null);
            String rows = args[0] + "/rows";
            String list = args[0] + "/list";
            spark.createDataFrame(List.of(row), EmbedJob.EMBEDDED)
                    .select("id", "file")
                    .write()
                    .json(list);
            Dataset<Row> listed = spark.read().schema("id STRING, file STRING").json(list);
            spark.createDataFrame(
                            listed.repartition(2, listed.col("id")).toJavaRDD().map(one -> row), EmbedJob.EMBEDDED)
                    .write()
                    .mode(SaveMode.Append)
                    .parquet(rows);
            Dataset<Row> had = spark.read().schema(EmbedJob.EMBEDDED).parquet(rows + "/*.parquet");
            listed.join(had.select(col("id").as("had")), col("id").equalTo(col("had")), "left_anti")
                    .count();
            had.filter(col("error").isNotNull())
                    .orderBy("id")
                    .limit(1)
                    .collectAsList();
        }
    }
}
