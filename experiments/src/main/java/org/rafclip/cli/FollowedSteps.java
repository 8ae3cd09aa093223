package org.rafclip.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Tells every few seconds how far a training has come that other processes do, by the metrics in its folder. */
final class FollowedSteps implements AutoCloseable {

    private static final int SECONDS = 5;
    private static final int TAIL = 4096;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path metrics;
    private final Consumer<String> lines;
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(work -> {
        Thread thread = new Thread(work, "steps");
        thread.setDaemon(true);
        return thread;
    });
    private final long begun = System.currentTimeMillis();
    private long told;

    FollowedSteps(Path metrics, Consumer<String> lines) {
        this.metrics = metrics;
        this.lines = lines;
        clock.scheduleWithFixedDelay(this::tell, SECONDS, SECONDS, TimeUnit.SECONDS);
    }

    private void tell() {
        try {
            if (!Files.isRegularFile(metrics)
                    || Files.getLastModifiedTime(metrics).toMillis() < begun) {
                return;
            }
            JsonNode step = lastStep();
            if (step != null && step.path("step").asLong() != told) {
                told = step.path("step").asLong();
                lines.accept(String.format(
                        Locale.ROOT,
                        "training  step %,d  epoch %d, %.0f images/s, loss %.3f",
                        told,
                        step.path("epoch").asInt() + 1,
                        step.path("imagesPerSecond").asDouble(),
                        step.path("loss").asDouble()));
            }
        } catch (IOException | RuntimeException e) {
            // Half a line, or a file that is being replaced: the next look finds it.
        }
    }

    private JsonNode lastStep() throws IOException {
        try (var channel = Files.newByteChannel(metrics)) {
            channel.position(Math.max(0, channel.size() - TAIL));
            byte[] bytes = new byte[TAIL];
            int count = channel.read(java.nio.ByteBuffer.wrap(bytes));
            JsonNode last = null;
            for (String line : new String(bytes, 0, Math.max(0, count), StandardCharsets.UTF_8).split("\n")) {
                if (line.startsWith("{\"step\"") && line.endsWith("}")) {
                    JsonNode read = JSON.readTree(line);
                    last = read.has("imagesPerSecond") ? read : last;
                }
            }
            return last;
        }
    }

    @Override
    public void close() {
        clock.shutdownNow();
    }
}
