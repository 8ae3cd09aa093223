package org.rafclip.ops.kernel;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The native memory behind an array in 'c' order, seen as one flat run of elements.
 *
 * <p>It keeps the array from being collected, but not from being closed. The pointers and bytes that it gives do neither:
 * hold the view, or the array, for as long as they are used.
 */
public final class Memory {

    private static final long MAX_BYTES = Integer.MAX_VALUE;

    private final INDArray array;
    private final DataType type;
    private final long address;
    private final long length;
    private final boolean floats;
    private final ByteBuffer bytes;

    private Memory(INDArray array) {
        DataType type = array.dataType();
        if (type != DataType.FLOAT
                && type != DataType.DOUBLE
                && type != DataType.BFLOAT16
                && type != DataType.BOOL
                && !type.isIntType()) {
            throw new IllegalArgumentException(
                    "data type " + type + " is not supported: use FLOAT, DOUBLE, BFLOAT16, BOOL or an integer type");
        }
        long size = array.length() * type.width();
        if (size > MAX_BYTES) {
            throw new IllegalArgumentException("an array of " + size + " bytes is over the limit of 2 GiB an array:"
                    + " use smaller batches (train.micro-batch)");
        }
        this.array = array;
        this.type = type;
        this.address = array.data().addressPointer().address();
        this.length = array.length();
        this.floats = type == DataType.FLOAT;
        this.bytes = new NativeBytes(address, size).asByteBuffer().order(ByteOrder.nativeOrder());
    }

    /** A view of an array that must be in 'c' order without gaps; results are written through such views. */
    public static Memory of(INDArray array) {
        if (!isDense(array)) {
            throw new IllegalArgumentException("expected a dense array in 'c' order: " + array.shapeInfoToString());
        }
        return new Memory(array);
    }

    /** The array itself where it is dense and in 'c' order, otherwise a copy that is. */
    public static INDArray dense(INDArray array) {
        return isDense(array) ? array : array.dup('c');
    }

    private static boolean isDense(INDArray array) {
        long expected = 1;
        for (int i = array.rank() - 1; i >= 0; i--) {
            if (array.size(i) != 1 && array.stride(i) != expected) {
                return false;
            }
            expected *= array.size(i);
        }
        return true;
    }

    public DataType type() {
        return type;
    }

    public long length() {
        return length;
    }

    /** The bytes, in the machine's order; element {@code i} of a float array stands at byte {@code 4 * i}. */
    public ByteBuffer bytes() {
        return bytes;
    }

    public double get(long index) {
        if (type == DataType.BFLOAT16) {
            return Float.intBitsToFloat(bytes.getShort((int) (index << 1)) << 16);
        }
        return floats ? bytes.getFloat((int) (index << 2)) : bytes.getDouble((int) (index << 3));
    }

    public int getInt(long index) {
        if (type != DataType.INT32) {
            throw new IllegalArgumentException("indices must be INT, not " + type);
        }
        return bytes.getInt((int) (index << 2));
    }

    /** An element of any integer type, or 0 or 1 of BOOL; 64 unsigned bits come as they are. */
    public long getLong(long index) {
        return switch (type) {
            case LONG, UINT64 -> bytes.getLong((int) (index << 3));
            case INT -> bytes.getInt((int) (index << 2));
            case UINT32 -> Integer.toUnsignedLong(bytes.getInt((int) (index << 2)));
            case SHORT -> bytes.getShort((int) (index << 1));
            case UINT16 -> Short.toUnsignedLong(bytes.getShort((int) (index << 1)));
            case BYTE -> bytes.get((int) index);
            case UBYTE -> Byte.toUnsignedLong(bytes.get((int) index));
            case BOOL -> bytes.get((int) index) == 0 ? 0 : 1;
            default -> throw new IllegalArgumentException("integers are expected, not " + type);
        };
    }

    /** Sets an element of any integer type, of which the low bits are kept, or of BOOL. */
    public void setLong(long index, long value) {
        switch (type) {
            case LONG, UINT64 -> bytes.putLong((int) (index << 3), value);
            case INT, UINT32 -> bytes.putInt((int) (index << 2), (int) value);
            case SHORT, UINT16 -> bytes.putShort((int) (index << 1), (short) value);
            case BYTE, UBYTE -> bytes.put((int) index, (byte) value);
            case BOOL -> bytes.put((int) index, (byte) (value == 0 ? 0 : 1));
            default -> throw new IllegalArgumentException("integers are expected, not " + type);
        }
    }

    public void set(long index, double value) {
        if (type == DataType.BFLOAT16) {
            throw new IllegalArgumentException("a BFLOAT16 is written by products, norms and activations only");
        }
        if (floats) {
            bytes.putFloat((int) (index << 2), (float) value);
        } else {
            bytes.putDouble((int) (index << 3), value);
        }
    }

    public void add(long index, double value) {
        set(index, get(index) + value);
    }

    public void fill(long from, long count, double value) {
        for (long i = from; i < from + count; i++) {
            set(i, value);
        }
    }

    public void zero() {
        zero(0, length);
    }

    public void zero(long from, long count) {
        long bytes = count * type.width();
        Pointer.memset(new NativeBytes(address(from), bytes), 0, bytes);
    }

    /** Copies elements, also between overlapping places. */
    public void copyFrom(Memory source, long from, long to, long count) {
        int width = type.width();
        bytes.put((int) (to * width), source.bytes, (int) (from * width), (int) (count * width));
    }

    /** Copies single elements that lie so many elements apart; the places do not overlap. */
    public void copyApart(Memory source, long from, int fromStep, long to, int toStep, int count) {
        int read = (int) from;
        int written = (int) to;
        if (type.width() == 4) {
            for (int i = 0; i < count; i++) {
                bytes.putInt(written << 2, source.bytes.getInt(read << 2));
                read += fromStep;
                written += toStep;
            }
        } else {
            for (int i = 0; i < count; i++) {
                set(written, source.get(read));
                read += fromStep;
                written += toStep;
            }
        }
    }

    /** Keeps these, and so their arrays, reachable up to here: for calls that were given addresses alone. */
    public static void keep(Memory... memories) {
        for (Memory memory : memories) {
            Reference.reachabilityFence(memory);
        }
    }

    /** Where an element lies, for functions of C; valid as long as the array is reachable. */
    public long address(long index) {
        return address + index * type.width();
    }

    /** A pointer to an element, for BLAS. */
    public FloatPointer floats(long index) {
        return new NativeFloats(address + index * 4);
    }

    /** A pointer to an element, for BLAS. */
    public DoublePointer doubles(long index) {
        return new NativeDoubles(address + index * 8);
    }

    private static final class NativeBytes extends BytePointer {
        NativeBytes(long address, long size) {
            super((Pointer) null);
            this.address = address;
            this.limit = size;
            this.capacity = size;
        }
    }

    private static final class NativeFloats extends FloatPointer {
        NativeFloats(long address) {
            super((Pointer) null);
            this.address = address;
        }
    }

    private static final class NativeDoubles extends DoublePointer {
        NativeDoubles(long address) {
            super((Pointer) null);
            this.address = address;
        }
    }
}
