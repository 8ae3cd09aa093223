package org.rafclip.train;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.nd4j.shade.protobuf.CodedOutputStream;
import org.rafclip.io.AtomicFiles;

/**
 * Scalars as a TensorBoard event file: a TFRecord file of {@code tensorflow.Event} messages. Every event is handed to the
 * operating system whole; TensorBoard may watch the folder meanwhile. Thread-safe.
 *
 * <p>A resumed run writes a further file, whose first event tells TensorBoard to forget what the stopped run wrote after
 * the step resumed from.
 *
 * <p>Format: tensorflow/core/util/event.proto, framework/summary.proto, lib/io/record_writer.h.
 */
public final class TensorBoardWriter implements AutoCloseable {
    private static final String FILE_NAME = "events.out.tfevents.%010d.rafclip.%03d";
    private static final Pattern EVENT_FILE = Pattern.compile("events\\.out\\.tfevents\\.(\\d{10})\\..*");
    private static final int CRC_MASK = 0xa282ead8;

    // Field numbers of Event, of SessionLog and of Summary and its values.
    private static final int EVENT_WALL_TIME = 1;
    private static final int EVENT_STEP = 2;
    private static final int EVENT_FILE_VERSION = 3;
    private static final int EVENT_SUMMARY = 5;
    private static final int EVENT_SESSION_LOG = 7;
    private static final int SESSION_STATUS = 1;
    private static final int SESSION_START = 1;
    private static final int SUMMARY_VALUE = 1;
    private static final int VALUE_TAG = 1;
    private static final int VALUE_SIMPLE = 2;

    private final Path file;
    private final FileChannel channel;
    private final InstantSource clock;

    @FunctionalInterface
    private interface Fields {
        void writeTo(CodedOutputStream out) throws IOException;
    }

    private TensorBoardWriter(Path file, FileChannel channel, InstantSource clock) throws IOException {
        this.file = file;
        this.channel = channel;
        this.clock = clock;
        writeEvent(0, out -> out.writeString(EVENT_FILE_VERSION, "brain.Event:2"));
    }

    /** Starts an event file in {@code directory}, which is created where it is missing. */
    public static TensorBoardWriter create(Path directory, InstantSource clock) throws IOException {
        Files.createDirectories(directory);
        // TensorBoard reads a folder's files by name: a new one has to come after all others.
        long second = Math.max(clock.instant().getEpochSecond(), newest(directory));
        for (int n = 0; ; n++) {
            try {
                Path file = directory.resolve(FILE_NAME.formatted(second, n));
                FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                return new TensorBoardWriter(file, channel, clock);
            } catch (FileAlreadyExistsException taken) {
                continue;
            }
        }
    }

    /** As {@link #create}; curves of earlier files in the folder end at {@code step}. */
    public static TensorBoardWriter resume(Path directory, long step, InstantSource clock) throws IOException {
        TensorBoardWriter writer = create(directory, clock);
        byte[] session = message(out -> out.writeEnum(SESSION_STATUS, SESSION_START));
        writer.writeEvent(step + 1, out -> out.writeByteArray(EVENT_SESSION_LOG, session));
        return writer;
    }

    /**
     * Adds one point to each named curve.
     *
     * @param values by tag; a tag's part before the first '/' groups curves; stored in single precision
     */
    public void scalars(long step, Map<String, ? extends Number> values) throws IOException {
        byte[] summary = message(out -> {
            for (Map.Entry<String, ? extends Number> value : values.entrySet()) {
                byte[] point = message(fields -> {
                    fields.writeString(VALUE_TAG, value.getKey());
                    fields.writeFloat(VALUE_SIMPLE, value.getValue().floatValue());
                });
                out.writeByteArray(SUMMARY_VALUE, point);
            }
        });
        writeEvent(step, out -> out.writeByteArray(EVENT_SUMMARY, summary));
    }

    /** Makes all events so far survive a power cut. */
    public void force() throws IOException {
        channel.force(true);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    private synchronized void writeEvent(long step, Fields content) throws IOException {
        Instant now = clock.instant();
        byte[] event = message(out -> {
            out.writeDouble(EVENT_WALL_TIME, now.getEpochSecond() + now.getNano() / 1e9);
            out.writeInt64(EVENT_STEP, step);
            content.writeTo(out);
        });
        ByteBuffer record = ByteBuffer.allocate(Long.BYTES + Integer.BYTES + event.length + Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        record.putLong(event.length);
        record.putInt(maskedCrc(record.array(), 0, Long.BYTES));
        record.put(event);
        record.putInt(maskedCrc(event, 0, event.length));
        record.flip();
        try {
            while (record.hasRemaining()) {
                channel.write(record);
            }
        } catch (IOException e) {
            throw AtomicFiles.naming(file, e);
        }
    }

    private static byte[] message(Fields fields) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        fields.writeTo(out);
        out.flush();
        return bytes.toByteArray();
    }

    private static int maskedCrc(byte[] bytes, int begin, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, begin, length);
        return Integer.rotateRight((int) crc.getValue(), 15) + CRC_MASK;
    }

    private static long newest(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> EVENT_FILE.matcher(file.getFileName().toString()))
                    .filter(Matcher::matches)
                    .mapToLong(name -> Long.parseLong(name.group(1)))
                    .max()
                    .orElse(0);
        }
    }
}
