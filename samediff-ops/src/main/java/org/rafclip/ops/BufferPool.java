package org.rafclip.ops;

import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.ShortPointer;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Native memory that is used again instead of freed: arrays for the values of a graph, aligned to 64 bytes. It takes chunks
 * from the system, cuts pieces from them and joins neighbouring pieces again, so that batches of ever other sizes share the
 * same memory, and pages once touched stay: a system that hands out cleared pages takes longer for it than a layer norm takes
 * for what is in them. Not for use by several threads.
 */
public class BufferPool implements AutoCloseable {

    private static final int ALIGNMENT = 64;

    /** The least that is taken from the system at once. */
    private static final long CHUNK = 1 << 20;

    /** The most that is taken beyond what is needed at once. */
    private static final long LARGE = 1 << 26;

    private final TreeMap<Long, Chunk> chunks = new TreeMap<>();
    private final TreeMap<Long, Long> freeByAddress = new TreeMap<>();
    private final TreeMap<Long, TreeSet<Long>> freeBySize = new TreeMap<>();
    private final Map<DataBuffer, Piece> lent = new IdentityHashMap<>();
    private long bytes;
    private long lentBytes;
    private long mostLent;

    /** An array of undefined content in 'c' order. Types other than FLOAT, BFLOAT16 and DOUBLE come from ND4J itself. */
    public INDArray take(DataType type, long... shape) {
        long length = 1;
        for (long size : shape) {
            length *= size;
        }
        if (length == 0 || type != DataType.FLOAT && type != DataType.BFLOAT16 && type != DataType.DOUBLE) {
            return Nd4j.createUninitializedDetached(type, 'c', shape);
        }
        Piece piece = takePiece((length * type.width() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
        DataBuffer buffer = Nd4j.createBuffer(pointer(type, piece.address, length), length, type);
        lent.put(buffer, piece);
        return over(buffer, shape);
    }

    private static Pointer pointer(DataType type, long address, long length) {
        return switch (type) {
            case FLOAT -> new Floats(address, length);
            case BFLOAT16 -> new Halves(address, length);
            default -> new Doubles(address, length);
        };
    }

    /** The array of another shape over the memory of one from here, which is taken back once for both. */
    static INDArray reshaped(INDArray array, long... shape) {
        return over(array.data(), shape);
    }

    private static INDArray over(DataBuffer buffer, long[] shape) {
        DataType type = buffer.dataType();
        return shape.length == 0
                ? Nd4j.createArrayFromShapeBuffer(
                        buffer, Nd4j.getShapeInfoProvider().createShapeInformation(shape, type))
                : Nd4j.create(buffer, shape, Nd4j.getStrides(shape, 'c'), 0, 'c', type);
    }

    /** Takes an array back; arrays from elsewhere are left alone. */
    public void giveBack(INDArray array) {
        Piece piece = lent.remove(array.data());
        if (piece != null) {
            lentBytes -= piece.size;
            free(piece.address, piece.size);
        }
    }

    /** All native memory that this pool holds, lent or free, in bytes. */
    public long bytes() {
        return bytes;
    }

    /** The smallest free piece that suffices, of several that of the lowest address. */
    private Piece takePiece(long size) {
        lentBytes += size;
        mostLent = Math.max(mostLent, lentBytes);
        Map.Entry<Long, TreeSet<Long>> fitting = freeBySize.ceilingEntry(size);
        if (fitting == null) {
            try {
                grow(size);
            } catch (OutOfMemoryError e) {
                lentBytes -= size;
                throw e;
            }
            fitting = freeBySize.ceilingEntry(size);
        }
        long address = fitting.getValue().first();
        long available = fitting.getKey();
        remove(address, available);
        if (available > size) {
            add(address + size, available - size);
        }
        return new Piece(address, size);
    }

    private void free(long address, long size) {
        long from = address;
        long to = address + size;
        Map.Entry<Long, Long> before = freeByAddress.lowerEntry(from);
        if (before != null && before.getKey() + before.getValue() == from && !chunks.containsKey(from)) {
            remove(before.getKey(), before.getValue());
            from = before.getKey();
        }
        Long after = freeByAddress.get(to);
        if (after != null && !chunks.containsKey(to)) {
            remove(to, after);
            to += after;
        }
        add(from, to - from);
    }

    private void add(long address, long size) {
        freeByAddress.put(address, size);
        freeBySize.computeIfAbsent(size, key -> new TreeSet<>()).add(address);
    }

    private void remove(long address, long size) {
        freeByAddress.remove(address);
        TreeSet<Long> ofSize = freeBySize.get(size);
        ofSize.remove(address);
        if (ofSize.isEmpty()) {
            freeBySize.remove(size);
        }
    }

    /** Takes another chunk: up to a quarter of what is held, so that there are few, unless there is too little memory for it. */
    private void grow(long size) {
        if (bytes + size > mostLent + mostLent / 4) {
            close();
        }
        Chunk chunk;
        try {
            chunk = new Chunk(Math.max(size, Math.max(CHUNK, Math.min(LARGE, bytes / 4))));
        } catch (OutOfMemoryError e) {
            close();
            chunk = exactly(size);
        }
        chunks.put(chunk.address, chunk);
        bytes += chunk.size;
        add(chunk.address, chunk.size);
    }

    private Chunk exactly(long size) {
        try {
            return new Chunk(size);
        } catch (OutOfMemoryError e) {
            OutOfMemoryError clear = new OutOfMemoryError("no native memory for " + (size >> 20)
                    + " MB more, beside " + (bytes >> 20)
                    + " MB in use: use smaller batches (train.micro-batch) or raise"
                    + " -Dorg.bytedeco.javacpp.maxbytes (" + (Pointer.maxBytes() >> 20) + " MB)");
            clear.initCause(e);
            throw clear;
        }
    }

    /** Frees the chunks of which nothing is lent. */
    @Override
    public void close() {
        List<Chunk> unused = chunks.values().stream()
                .filter(chunk -> Objects.equals(freeByAddress.get(chunk.address), chunk.size))
                .toList();
        for (Chunk chunk : unused) {
            remove(chunk.address, chunk.size);
            chunks.remove(chunk.address);
            bytes -= chunk.size;
            chunk.memory.close();
        }
    }

    private record Piece(long address, long size) {}

    private static final class Chunk {
        private final long size;
        private final BytePointer memory;
        private final long address;

        Chunk(long size) {
            this.size = size;
            this.memory = new BytePointer(size + ALIGNMENT);
            this.address = (memory.address() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
            HugePages.advise(address, size);
        }
    }

    private static final class Floats extends FloatPointer {
        Floats(long address, long length) {
            super((Pointer) null);
            this.address = address;
            this.limit = length;
            this.capacity = length;
        }
    }

    private static final class Halves extends ShortPointer {
        Halves(long address, long length) {
            super((Pointer) null);
            this.address = address;
            this.limit = length;
            this.capacity = length;
        }
    }

    private static final class Doubles extends DoublePointer {
        Doubles(long address, long length) {
            super((Pointer) null);
            this.address = address;
            this.limit = length;
            this.capacity = length;
        }
    }
}
