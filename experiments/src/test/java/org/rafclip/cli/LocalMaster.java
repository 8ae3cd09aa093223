package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A master of Spark's with one worker of one core and 1 GB, as processes. */
final class LocalMaster implements Closeable {

    private static final Path JOB = Path.of("..", "cluster", "spark-job");
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private final String url;
    private final Path folder;
    private final List<Process> processes = new ArrayList<>();

    private LocalMaster(String url, Path folder) {
        this.url = url;
        this.folder = folder;
    }

    /** Returns when both are there. */
    static LocalMaster start(Path folder) throws IOException, InterruptedException {
        Files.createDirectories(folder);
        int port;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
        LocalMaster master = new LocalMaster("spark://127.0.0.1:" + port, folder);
        try {
            master.launch("master", "I have been elected leader", "--port", Integer.toString(port));
            master.launch(
                    "worker",
                    "Successfully registered with master",
                    "--cores",
                    "1",
                    "--memory",
                    "1g",
                    "--work-dir",
                    folder.resolve("work").toString(),
                    master.url);
        } catch (IOException | InterruptedException | RuntimeException | Error e) {
            master.close();
            throw e;
        }
        return master;
    }

    String url() {
        return url;
    }

    private void launch(String name, String sign, String... more) throws IOException, InterruptedException {
        Path log = folder.resolve(name + ".log");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "--add-opens=java.base/java.lang=ALL-UNNAMED",
                "--add-opens=java.base/java.nio=ALL-UNNAMED",
                "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
                "--add-opens=java.base/java.util=ALL-UNNAMED",
                "-cp",
                JOB.resolve("src/main/resources") + ":" + JOB.resolve("target/home/jars") + "/*",
                "org.apache.spark.deploy." + name + "." + name.substring(0, 1).toUpperCase(Locale.ROOT)
                        + name.substring(1),
                "--host",
                "127.0.0.1",
                "--webui-port",
                "0"));
        command.addAll(List.of(more));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
        builder.environment().put("SPARK_SCALA_VERSION", "2.13");
        builder.environment()
                .put("SPARK_HOME", JOB.resolve("target/home").toAbsolutePath().toString());
        Process process =
                builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
        processes.add(process);
        for (Instant end = Instant.now().plus(PATIENCE); !Files.readString(log).contains(sign); ) {
            assertThat(process.isAlive() && Instant.now().isBefore(end))
                    .as(Files.readString(log))
                    .isTrue();
            Thread.sleep(100);
        }
    }

    @Override
    public void close() {
        for (Process process : processes) {
            process.destroyForcibly();
            process.onExit().join();
        }
    }
}
