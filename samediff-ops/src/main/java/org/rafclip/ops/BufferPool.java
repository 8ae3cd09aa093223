package org.rafclip.ops;

import java.util.ArrayDeque;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Native memory that is used again instead of freed: arrays for the values of a graph, aligned to 64 bytes so that the
 * same computation gives the same bits. Batches of varying length share memory: a request takes a block of up to twice
 * its size, and before a larger block is allocated, smaller ones that nobody uses are freed. Not for use by several
 * threads.
 */
public class BufferPool implements AutoCloseable {

    private static final int ALIGNMENT = 64;

    private final TreeMap<Long, ArrayDeque<Block>> free = new TreeMap<>();
    private final Map<DataBuffer, Block> lent = new IdentityHashMap<>();
    private long bytes;

    /** An array of undefined content in 'c' order. Types other than FLOAT and DOUBLE come from ND4J itself. */
    public INDArray take(DataType type, long... shape) {
        long length = 1;
        for (long size : shape) {
            length *= size;
        }
        if (length == 0 || type != DataType.FLOAT && type != DataType.DOUBLE) {
            return Nd4j.createUninitializedDetached(type, 'c', shape);
        }
        Block block = takeBlock(roundUp(length * type.width()));
        DataBuffer buffer = Nd4j.createBuffer(
                type == DataType.FLOAT ? new Floats(block.address, length) : new Doubles(block.address, length),
                length,
                type);
        lent.put(buffer, block);
        return shape.length == 0
                ? Nd4j.createArrayFromShapeBuffer(
                        buffer, Nd4j.getShapeInfoProvider().createShapeInformation(shape, type))
                : Nd4j.create(buffer, shape, Nd4j.getStrides(shape, 'c'), 0, 'c', type);
    }

    /** Takes an array back; arrays from elsewhere are left alone. */
    public void giveBack(INDArray array) {
        Block block = lent.remove(array.data());
        if (block != null) {
            free.computeIfAbsent(block.size, size -> new ArrayDeque<>()).addLast(block);
        }
    }

    /** All native memory that this pool holds, lent or free, in bytes. */
    public long bytes() {
        return bytes;
    }

    private Block takeBlock(long size) {
        Map.Entry<Long, ArrayDeque<Block>> fitting = free.ceilingEntry(size);
        if (fitting != null && fitting.getKey() <= 2 * size) {
            return poll(fitting);
        }
        long toFree = size;
        for (Map.Entry<Long, ArrayDeque<Block>> smaller = free.lowerEntry(size);
                smaller != null && smaller.getKey() <= toFree;
                smaller = free.lowerEntry(size)) {
            toFree -= smaller.getKey();
            release(poll(smaller));
        }
        Block block = allocate(size);
        bytes += size;
        return block;
    }

    private Block allocate(long size) {
        try {
            return new Block(size);
        } catch (OutOfMemoryError e) {
            close();
        }
        try {
            return new Block(size);
        } catch (OutOfMemoryError e) {
            OutOfMemoryError clear = new OutOfMemoryError("no native memory for " + (size >> 20)
                    + " MB more, beside " + (bytes >> 20)
                    + " MB in use: use smaller batches (train.micro-batch) or raise"
                    + " -Dorg.bytedeco.javacpp.maxbytes (" + (Pointer.maxBytes() >> 20) + " MB)");
            clear.initCause(e);
            throw clear;
        }
    }

    private Block poll(Map.Entry<Long, ArrayDeque<Block>> entry) {
        Block block = entry.getValue().pollLast();
        if (entry.getValue().isEmpty()) {
            free.remove(entry.getKey());
        }
        return block;
    }

    private void release(Block block) {
        bytes -= block.size;
        block.memory.close();
    }

    private static long roundUp(long size) {
        long step = Math.max(ALIGNMENT, Long.highestOneBit(size) >> 3);
        return (size + step - 1) / step * step;
    }

    /** Frees the memory that is not lent. */
    @Override
    public void close() {
        free.values().forEach(blocks -> blocks.forEach(this::release));
        free.clear();
    }

    private static final class Block {
        private final long size;
        private final BytePointer memory;
        private final long address;

        Block(long size) {
            this.size = size;
            this.memory = new BytePointer(size + ALIGNMENT);
            this.address = (memory.address() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
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

    private static final class Doubles extends DoublePointer {
        Doubles(long address, long length) {
            super((Pointer) null);
            this.address = address;
            this.limit = length;
            this.capacity = length;
        }
    }
}
