package org.rafclip.cluster.spark;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import org.rafclip.data.DataException;

/**
 * Spark on this machine: {@code SPARK_HOME}, or what {@code cluster/spark-job} has fetched.
 *
 * @param home its folder
 * @param job what of this program runs inside Spark
 * @param hadoop the folder of Hadoop's settings, null where none is named
 */
record SparkHome(Path home, Path job, String hadoop) {

    /** @throws DataException if it is not here */
    static SparkHome find() {
        Path jobs = Path.of(System.getProperty("rafclip.home", "."), "cluster", "spark-job", "target");
        Path job = jobs.resolve("rafclip-spark.jar");
        if (!Files.exists(job)) {
            throw new DataException(job + ": is not there; make it: ./mvnw -f cluster/spark-job/pom.xml package");
        }
        Path home = Path.of(Optional.ofNullable(System.getenv("SPARK_HOME"))
                .orElse(jobs.resolve("home").toString()));
        if (!Files.isDirectory(home.resolve("jars"))) {
            throw new DataException(home + ": SPARK_HOME holds no folder jars; name the folder of a Spark 3.5");
        }
        return new SparkHome(home, job, System.getenv("HADOOP_CONF_DIR"));
    }

    Path jars() {
        return home.resolve("jars");
    }

    /**
     * What a JVM of Spark's is told of the archive of its classes, which {@code rafclip} makes with the fetched Spark; one that it does
     * not fit does without.
     */
    List<String> archived() {
        Path archive = job.resolveSibling("spark.jsa");
        return System.getenv("SPARK_HOME") == null && Files.exists(archive)
                ? List.of(
                        "-XX:SharedArchiveFile=" + SparkProcess.absolute(archive),
                        "-Xlog:cds=off",
                        "-Xlog:cds+dynamic=off")
                : List.of();
    }

    /** What a cluster's own {@code spark-defaults.conf} says: secrets, queues, a file system's keys. */
    Map<String, String> defaults() throws IOException {
        Path file = Path.of(Optional.ofNullable(System.getenv("SPARK_CONF_DIR"))
                        .orElse(home.resolve("conf").toString()))
                .resolve("spark-defaults.conf");
        Map<String, String> defaults = new TreeMap<>();
        // Of a machine that is not there, Hadoop would know after a quarter of an hour.
        defaults.put("spark.hadoop.ipc.client.connect.timeout", "5000");
        defaults.put("spark.hadoop.ipc.client.connect.max.retries", "2");
        defaults.put("spark.hadoop.ipc.client.connect.max.retries.on.timeouts", "2");
        if (Files.isRegularFile(file)) {
            Properties read = new Properties();
            try (BufferedReader reader = Files.newBufferedReader(file)) {
                read.load(reader);
            }
            read.stringPropertyNames().stream()
                    .filter(key -> key.startsWith("spark."))
                    .forEach(key -> defaults.put(key, read.getProperty(key).strip()));
        }
        return defaults;
    }
}
