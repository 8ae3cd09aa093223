package org.rafclip.agcn.features;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.zip.CRC32C;
import org.bytedeco.javacpp.indexer.HalfIndexer;
import org.rafclip.agcn.features.FeatureCache.Storage;
import org.rafclip.io.AtomicFiles;
import org.rafclip.ops.kernel.Memory;

/**
 * One file of a cache, little-endian: magic number, rows, tokens of each row, pooled features, tokens row after row, and
 * the CRC-32C of all that.
 */
final class Block {

    /** The largest number that a half-precision float holds. */
    static final double MAX_HALF = 65504;

    private static final int MAGIC = 0x31_46_61_52;
    private static final int CHECKSUM_BYTES = Integer.BYTES;

    private final ByteBuffer bytes;
    private final int rows;
    private final int width;
    private final boolean half;
    private final int[] tokenStart;

    private Block(ByteBuffer bytes, int rows, int width, Storage storage) {
        this.bytes = bytes;
        this.rows = rows;
        this.width = width;
        this.half = storage == Storage.FP16;
        this.tokenStart = new int[rows + 1];
        for (int row = 0; row < rows; row++) {
            tokenStart[row + 1] = tokenStart[row] + bytes.getInt(header(row));
        }
    }

    private static int header(int row) {
        return (2 + row) * Integer.BYTES;
    }

    /** Bytes of a file. */
    static long size(int rows, long tokens, int width, Storage storage) {
        int number = storage == Storage.FP16 ? Short.BYTES : Float.BYTES;
        return header(rows) + (rows + tokens) * width * number + CHECKSUM_BYTES;
    }

    /** Writes a block in one step. */
    static void write(Path file, List<Features> chunks, int rows, int width, Storage storage) throws IOException {
        long tokens = 0;
        for (Features chunk : chunks) {
            for (int length : chunk.lengths()) {
                tokens += length;
            }
        }
        ByteBuffer out = ByteBuffer.allocate(Math.toIntExact(size(rows, tokens, width, storage)))
                .order(ByteOrder.LITTLE_ENDIAN);
        out.putInt(MAGIC).putInt(rows);
        for (Features chunk : chunks) {
            for (int length : chunk.lengths()) {
                out.putInt(length);
            }
        }
        for (Features chunk : chunks) {
            put(out, Memory.of(chunk.pooled()), 0, chunk.lengths().length * width, storage);
        }
        for (Features chunk : chunks) {
            Memory values = Memory.of(chunk.tokens());
            int stride = (int) chunk.tokens().size(1) * width;
            for (int row = 0; row < chunk.lengths().length; row++) {
                put(out, values, row * stride, chunk.lengths()[row] * width, storage);
            }
        }
        CRC32C checksum = new CRC32C();
        checksum.update(out.array(), 0, out.position());
        out.putInt((int) checksum.getValue()).flip();
        AtomicFiles.write(file, channel -> {
            while (out.hasRemaining()) {
                channel.write(out);
            }
        });
    }

    private static void put(ByteBuffer out, Memory values, int from, int count, Storage storage) {
        for (int i = from; i < from + count; i++) {
            float value = (float) values.get(i);
            if (storage == Storage.FP16) {
                out.putShort((short) HalfIndexer.fromFloat(value));
            } else {
                out.putFloat(value);
            }
        }
    }

    /** What is wrong with a file, or null. */
    static String problem(Path file, int rows, int width, Storage storage) throws IOException {
        ByteBuffer bytes = map(file);
        int size = bytes.capacity();
        if (size < header(rows) + CHECKSUM_BYTES || bytes.getInt(0) != MAGIC || bytes.getInt(Integer.BYTES) != rows) {
            return "not a block of " + rows + " rows";
        }
        CRC32C checksum = new CRC32C();
        checksum.update(bytes.slice(0, size - CHECKSUM_BYTES));
        if ((int) checksum.getValue() != bytes.getInt(size - CHECKSUM_BYTES)) {
            return "damaged (its checksum is wrong)";
        }
        long tokens = 0;
        for (int row = 0; row < rows; row++) {
            tokens += bytes.getInt(header(row));
        }
        return size == size(rows, tokens, width, storage) ? null : "not of width " + width + " in " + storage;
    }

    static Block map(Path file, int rows, int width, Storage storage) throws IOException {
        return new Block(map(file), rows, width, storage);
    }

    private static ByteBuffer map(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MappedByteBuffer mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
            return mapped.order(ByteOrder.LITTLE_ENDIAN);
        }
    }

    long bytes() {
        return bytes.capacity();
    }

    int length(int row) {
        return tokenStart[row + 1] - tokenStart[row];
    }

    /** Copies a row's pooled feature to the floats from {@code target} on. */
    void readPooled(int row, ByteBuffer out, int target) {
        read((long) row * width, width, out, target);
    }

    /** Copies a row's tokens to the floats from {@code target} on. */
    void readTokens(int row, ByteBuffer out, int target) {
        read(((long) rows + tokenStart[row]) * width, length(row) * width, out, target);
    }

    private void read(long from, int count, ByteBuffer out, int target) {
        if (half) {
            int at = header(rows) + (int) from * Short.BYTES;
            for (int i = 0; i < count; i++) {
                out.putFloat((target + i) * Float.BYTES, HalfIndexer.toFloat(bytes.getShort(at + i * Short.BYTES)));
            }
        } else {
            int at = header(rows) + (int) from * Float.BYTES;
            for (int i = 0; i < count; i++) {
                out.putFloat((target + i) * Float.BYTES, bytes.getFloat(at + i * Float.BYTES));
            }
        }
    }
}
