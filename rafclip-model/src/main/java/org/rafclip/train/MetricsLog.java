package org.rafclip.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.InstantSource;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;

/**
 * A run's figures, one JSON object a line: {@code {"step":12,"epoch":0,"time":"2024-05-01T10:00:00Z","loss":3.2}}. What
 * JSON numbers cannot say is written as the texts "NaN", "Infinity" and "-Infinity".
 *
 * <p>Every line is handed to the operating system whole, so a killed process loses none; {@link #force} makes the lines
 * survive a power cut too. A run that resumes from a step first drops what the stopped one logged after it, so no step
 * stands in the file twice. Thread-safe.
 */
public final class MetricsLog implements AutoCloseable {
    private static final Set<String> RESERVED = Set.of("step", "epoch", "time");

    private final ObjectMapper mapper = new ObjectMapper();
    private final Path file;
    private final FileChannel channel;
    private final InstantSource clock;
    private long lastStep;

    /**
     * One line.
     *
     * @param step optimizer steps done
     * @param epoch full passes over the data done
     * @param values figures by name, in the order they were logged
     */
    public record Entry(long step, int epoch, Instant time, Map<String, Double> values) {}

    private MetricsLog(Path file, FileChannel channel, InstantSource clock, long lastStep) {
        this.file = file;
        this.channel = channel;
        this.clock = clock;
        this.lastStep = lastStep;
    }

    /**
     * Starts the log of a new run.
     *
     * @throws FileAlreadyExistsException when the file exists: it belongs to another run
     */
    public static MetricsLog create(Path file, InstantSource clock) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        return new MetricsLog(file, channel, clock, Long.MIN_VALUE);
    }

    /**
     * Continues a log after {@code step}: lines of later steps and a line that was cut short are removed. A missing file
     * is created.
     *
     * @throws DataException when a line up to {@code step} is damaged
     */
    public static MetricsLog resume(Path file, long step, InstantSource clock) throws IOException {
        long end = 0;
        long lastStep = Long.MIN_VALUE;
        if (Files.exists(file)) {
            for (Line line : lines(file)) {
                Entry entry = parse(file, line);
                if (entry.step() > step) {
                    break;
                }
                end = line.end();
                lastStep = entry.step();
            }
        }
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        channel.truncate(end);
        channel.position(end);
        channel.force(true);
        return new MetricsLog(file, channel, clock, lastStep);
    }

    /**
     * All lines of a log; a last line that was cut short is left out.
     *
     * @throws DataException when a line is damaged
     */
    public static List<Entry> read(Path file) throws IOException {
        return read(file, problem -> {
            throw problem;
        });
    }

    /**
     * All whole lines of a log that are not damaged.
     *
     * @param problems takes every damaged line; the line is left out where this returns
     */
    public static List<Entry> read(Path file, Consumer<DataException> problems) throws IOException {
        List<Entry> entries = new ArrayList<>();
        for (Line line : lines(file)) {
            try {
                entries.add(parse(file, line));
            } catch (DataException problem) {
                problems.accept(problem);
            }
        }
        return entries;
    }

    /**
     * Adds a line.
     *
     * @param step not below the last logged one
     * @param values figures by name; the names step, epoch and time are taken
     */
    public synchronized void log(long step, int epoch, Map<String, ? extends Number> values) throws IOException {
        if (step < lastStep) {
            throw new IllegalArgumentException("step " + step + " is logged after step " + lastStep
                    + ": steps only go up, resume the log to go back");
        }
        ObjectNode line = mapper.createObjectNode();
        line.put("step", step);
        line.put("epoch", epoch);
        line.put("time", clock.instant().toString());
        for (Map.Entry<String, ? extends Number> value : values.entrySet()) {
            if (RESERVED.contains(value.getKey())) {
                throw new IllegalArgumentException(
                        "a figure cannot be named '" + value.getKey() + "', the log writes that itself: rename it");
            }
            putNumber(line, value.getKey(), value.getValue());
        }
        ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
        try {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        } catch (IOException e) {
            throw AtomicFiles.naming(file, e);
        }
        lastStep = step;
    }

    /** Makes all lines so far survive a power cut. */
    public void force() throws IOException {
        channel.force(true);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    private static void putNumber(ObjectNode line, String name, Number value) {
        if (value instanceof Long || value instanceof Integer || value instanceof Short || value instanceof Byte) {
            line.put(name, value.longValue());
        } else if (value instanceof Float single && Float.isFinite(single)) {
            line.put(name, single);
        } else if (Double.isFinite(value.doubleValue())) {
            line.put(name, value.doubleValue());
        } else {
            line.put(name, value.toString());
        }
    }

    private record Line(int number, String text, long end) {}

    private static List<Line> lines(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        List<Line> lines = new ArrayList<>();
        int begin = 0;
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == '\n') {
                lines.add(
                        new Line(lines.size() + 1, new String(bytes, begin, i - begin, StandardCharsets.UTF_8), i + 1));
                begin = i + 1;
            }
        }
        return lines;
    }

    private static Entry parse(Path file, Line line) {
        try {
            JsonNode json = new ObjectMapper().readTree(line.text());
            JsonNode step = json.path("step");
            JsonNode epoch = json.path("epoch");
            if (!step.isIntegralNumber() || !step.canConvertToLong() || !epoch.isInt()) {
                throw damaged(file, line, null);
            }
            Map<String, Double> values = new LinkedHashMap<>();
            for (Map.Entry<String, JsonNode> field : json.properties()) {
                JsonNode value = field.getValue();
                if (!RESERVED.contains(field.getKey())) {
                    values.put(
                            field.getKey(),
                            value.isNumber() ? value.doubleValue() : Double.parseDouble(value.asText()));
                }
            }
            Instant time = Instant.parse(json.path("time").asText());
            return new Entry(step.longValue(), epoch.intValue(), time, values);
        } catch (JsonProcessingException | DateTimeParseException | NumberFormatException e) {
            throw damaged(file, line, e);
        }
    }

    private static DataException damaged(Path file, Line line, Exception cause) {
        return new DataException(
                file + ", line " + line.number() + ": not a line of figures with step, epoch and time: remove the line",
                cause);
    }
}
