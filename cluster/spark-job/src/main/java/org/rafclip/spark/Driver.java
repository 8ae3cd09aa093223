package org.rafclip.spark;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.spark.sql.SparkSession;

/**
 * Spark's driver. Speaks to whoever started it by lines on standard output, {@code failed WORDS} among them, and ends with it.
 */
public final class Driver {

    private static boolean ended;

    private Driver() {}

    /** @param args a file of properties: {@code job}, {@code master}, Spark's own, and what the job is to be given */
    public static void main(String[] args) throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(Path.of(args[0]))) {
            properties.load(reader);
        }
        Map<String, String> settings = new HashMap<>();
        properties.stringPropertyNames().forEach(name -> settings.put(name, properties.getProperty(name)));
        watch("starter", Driver::endWithStarter);
        int status = 0;
        SparkSession.Builder builder =
                SparkSession.builder().appName("rafclip " + settings.get("job")).master(settings.get("master"));
        settings.forEach((name, value) -> {
            if (name.startsWith("spark.")) {
                builder.config(name, value);
            }
        });
        try (SparkSession spark = builder.getOrCreate()) {
            if (!spark.sparkContext().isLocal()) {
                watch("executors", () -> await(spark, settings));
            }
            switch (settings.get("job")) {
                case "embed" -> EmbedJob.run(spark, settings);
                case "tasks" -> TaskJob.run(spark, settings);
                case "train" -> TrainJob.run(spark, settings);
                default -> throw new IllegalArgumentException("there is no job " + settings.get("job"));
            }
        } catch (Throwable e) {
            e.printStackTrace();
            say("failed " + Words.of(e));
            status = 1;
        }
        System.exit(status);
    }

    private static void watch(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    private static void endWithStarter() {
        try {
            while (System.in.read() >= 0) {
                Thread.onSpinWait();
            }
        } catch (IOException e) {
            // It is gone either way.
        }
        Runtime.getRuntime().halt(1);
    }

    private static void await(SparkSession spark, Map<String, String> settings) {
        try {
            new Waiting(spark.sparkContext(), settings).untilGiven();
        } catch (InterruptedException | RuntimeException e) {
            // Whatever ends the job is told by the job.
        }
    }

    /** For what the job itself does not come to know. */
    static void end(String why) {
        say("failed " + why);
        System.exit(1);
    }

    /** What others say after the end is of no use any more. */
    static synchronized void say(String line) {
        if (ended) {
            return;
        }
        ended = line.startsWith("failed ");
        System.out.println(line);
        System.out.flush();
    }
}
