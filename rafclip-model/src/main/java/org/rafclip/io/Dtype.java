package org.rafclip.io;

import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;

/** The kinds of elements that tensors in files have: safetensors' name, bytes an element, and the type of its array. */
enum Dtype {
    F64(8, DataType.DOUBLE),
    I64(8, DataType.INT64),
    U64(8, DataType.UINT64),
    F32(4, DataType.FLOAT),
    I32(4, DataType.INT32),
    U32(4, DataType.UINT32),
    F16(2, DataType.FLOAT16),
    BF16(2, DataType.BFLOAT16),
    I16(2, DataType.INT16),
    U16(2, DataType.UINT16),
    I8(1, DataType.INT8),
    U8(1, DataType.UINT8),
    BOOL(1, DataType.BOOL);

    private final int bytes;
    private final DataType stored;

    Dtype(int bytes, DataType stored) {
        this.bytes = bytes;
        this.stored = stored;
    }

    /** Bytes an element in the file. */
    int bytes() {
        return bytes;
    }

    /** Sixteen-bit floating point is widened on reading: nothing computes with it on a CPU. */
    boolean widened() {
        return this == F16 || this == BF16;
    }

    /** The type of the array that is read. */
    DataType read() {
        return widened() ? DataType.FLOAT : stored;
    }

    float widen(short bits) {
        return this == BF16 ? Float.intBitsToFloat(bits << 16) : halfToFloat(bits);
    }

    /** By safetensors' name; null where there is none. */
    static Dtype named(String name) {
        return Arrays.stream(values())
                .filter(d -> d.name().equals(name))
                .findFirst()
                .orElse(null);
    }

    /** What holds an array's elements; null where nothing does. */
    static Dtype holding(DataType type) {
        return Arrays.stream(values()).filter(d -> d.stored == type).findFirst().orElse(null);
    }

    private static float halfToFloat(short half) {
        int sign = (half & 0x8000) << 16;
        int exponent = (half >> 10) & 0x1f;
        int fraction = half & 0x3ff;
        if (exponent == 0) {
            float magnitude = fraction * 0x1p-24f;
            return sign == 0 ? magnitude : -magnitude;
        }
        int wideExponent = exponent == 0x1f ? 0xff : exponent - 15 + 127;
        return Float.intBitsToFloat(sign | wideExponent << 23 | fraction << 13);
    }
}
