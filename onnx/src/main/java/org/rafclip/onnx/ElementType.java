package org.rafclip.onnx;

import org.nd4j.linalg.api.buffer.DataType;

/** The element types of ONNX tensors: {@code TensorProto.DataType}. */
public enum ElementType {
    FLOAT(1, 4, DataType.FLOAT),
    UINT8(2, 1, DataType.UINT8),
    INT8(3, 1, DataType.INT8),
    UINT16(4, 2, DataType.UINT16),
    INT16(5, 2, DataType.INT16),
    INT32(6, 4, DataType.INT32),
    INT64(7, 8, DataType.INT64),
    /** Texts: known to the format, but no array holds them. */
    STRING(8, 0, null),
    BOOL(9, 1, DataType.BOOL),
    FLOAT16(10, 2, DataType.FLOAT),
    DOUBLE(11, 8, DataType.DOUBLE),
    UINT32(12, 4, DataType.UINT32),
    UINT64(13, 8, DataType.UINT64),
    BFLOAT16(16, 2, DataType.FLOAT);

    private final int code;
    private final int bytes;
    private final DataType array;

    ElementType(int code, int bytes, DataType array) {
        this.code = code;
        this.bytes = bytes;
        this.array = array;
    }

    /** The type with ONNX's number, or null where there is none or arrays of it are not known here (complex numbers). */
    public static ElementType of(int code) {
        for (ElementType type : values()) {
            if (type.code == code) {
                return type;
            }
        }
        return null;
    }

    /** ONNX's number of this type, as the operation {@code Cast} names it. */
    public int code() {
        return code;
    }

    /** Bytes of an element in a file. */
    public int bytes() {
        return bytes;
    }

    /** The type of arrays that hold it: sixteen-bit floating point is widened to 32; null for {@link #STRING}. */
    public DataType array() {
        return array;
    }

    /** Whether elements are widened to 32 bits when they are read. */
    public boolean widened() {
        return this == FLOAT16 || this == BFLOAT16;
    }
}
