package org.rafclip.cluster.opensearch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Nodes started by {@code cluster/opensearch}; tests that need them are skipped where they were not fetched. */
final class LocalNodes implements AutoCloseable {

    private static final Path SCRIPT = Path.of("opensearch").toAbsolutePath();

    private final int port;

    /** @param nodes of the cluster */
    LocalNodes(int nodes) throws IOException {
        assumeTrue(
                Files.exists(Path.of("node", "target", "classpath")),
                "OpenSearch is not here; fetch it: ./mvnw -f cluster/node/pom.xml package");
        try (ServerSocket socket = new ServerSocket(0)) {
            port = 20_000 + socket.getLocalPort() % 10_000;
        }
        run("start", Integer.toString(nodes), Integer.toString(port));
    }

    /** Where an index of this name is; asked is the first node. */
    String place(String name) {
        return "opensearch:http://127.0.0.1:" + port + "/" + name;
    }

    void kill(int node) throws IOException {
        run("kill", Integer.toString(node));
    }

    @Override
    public void close() throws IOException {
        run("stop");
    }

    private static void run(String... arguments) throws IOException {
        String[] command = new String[arguments.length + 1];
        command[0] = SCRIPT.toString();
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        Path said = Files.createTempFile("opensearch", ".txt");
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(said.toFile())
                    .start();
            assertThat(process.waitFor(3, TimeUnit.MINUTES)).isTrue();
            assertThat(process.exitValue())
                    .as(Files.readString(said, StandardCharsets.UTF_8))
                    .isZero();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } finally {
            Files.delete(said);
        }
    }
}
