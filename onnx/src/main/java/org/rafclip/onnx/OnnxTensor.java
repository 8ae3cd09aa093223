package org.rafclip.onnx;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.ops.kernel.Memory;

/**
 * A tensor that a file holds: an initializer or an attribute.
 *
 * @param name may be empty for an attribute
 * @param shape empty for a scalar
 * @param data its elements in row-major order, little-endian, read-only; mapped from the file where they are many. Null
 *     for {@link ElementType#STRING}
 */
public record OnnxTensor(String name, ElementType type, List<Long> shape, ByteBuffer data) {

    public OnnxTensor {
        shape = List.copyOf(shape);
    }

    /** How many elements there are. */
    public long elements() {
        return shape.stream().reduce(1L, (a, b) -> a * b);
    }

    public long[] shapeArray() {
        return shape.stream().mapToLong(Long::longValue).toArray();
    }

    /**
     * The values in a new array in 'c' order of the type {@link ElementType#array()}.
     *
     * @throws DataException for texts
     */
    public INDArray array() {
        if (type == ElementType.STRING) {
            throw new DataException(
                    "the tensor '" + name + "' holds texts, and no array can: remove it from the model");
        }
        if (elements() == 0) {
            return Nd4j.create(type.array(), shapeArray());
        }
        INDArray array = shape.isEmpty()
                ? Nd4j.scalar(type.array(), 0)
                : Nd4j.createUninitializedDetached(type.array(), 'c', shapeArray());
        ByteBuffer target = Memory.of(array).bytes();
        ByteBuffer source = little();
        if (type.widened()) {
            while (source.hasRemaining()) {
                short bits = source.getShort();
                target.putFloat(type == ElementType.BFLOAT16 ? Float.intBitsToFloat(bits << 16) : fromHalf(bits));
            }
        } else if (type.bytes() == 1 || target.order() == ByteOrder.LITTLE_ENDIAN) {
            target.put(source);
        } else {
            throw new IllegalStateException("ONNX files are little-endian and this machine is not");
        }
        return array;
    }

    /**
     * The values of an integer tensor.
     *
     * @throws DataException for another type
     */
    public long[] longs() {
        ByteBuffer source = little();
        int count = Math.toIntExact(elements());
        long[] values = new long[count];
        for (int i = 0; i < count; i++) {
            values[i] = switch (type) {
                case INT64, UINT64 -> source.getLong();
                case INT32 -> source.getInt();
                case UINT32 -> Integer.toUnsignedLong(source.getInt());
                case INT16 -> source.getShort();
                case UINT16 -> Short.toUnsignedLong(source.getShort());
                case INT8 -> source.get();
                case UINT8, BOOL -> Byte.toUnsignedLong(source.get());
                default -> throw new DataException("the tensor '" + name + "' holds " + type + ", not integers");
            };
        }
        return values;
    }

    /**
     * The values of a floating-point tensor.
     *
     * @throws DataException for another type
     */
    public double[] doubles() {
        ByteBuffer source = little();
        double[] values = new double[Math.toIntExact(elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (type) {
                case FLOAT -> source.getFloat();
                case DOUBLE -> source.getDouble();
                case FLOAT16 -> fromHalf(source.getShort());
                case BFLOAT16 -> Float.intBitsToFloat(source.getShort() << 16);
                default ->
                    throw new DataException("the tensor '" + name + "' holds " + type + ", not floating-point numbers");
            };
        }
        return values;
    }

    private ByteBuffer little() {
        return (data == null ? ByteBuffer.allocate(0) : data.duplicate()).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** IEEE 754 half precision to single. */
    static float fromHalf(short bits) {
        int sign = (bits & 0x8000) << 16;
        int exponent = bits >>> 10 & 0x1F;
        int fraction = bits & 0x3FF;
        if (exponent == 0) {
            float value = fraction * 0x1p-24f;
            return sign == 0 ? value : -value;
        }
        int wide = exponent == 31 ? 0xFF : exponent + 112;
        return Float.intBitsToFloat(sign | wide << 23 | fraction << 13);
    }

    /** Name, type and shape; the values are left out. */
    @Override
    public String toString() {
        return name + ": " + type + " " + shape;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof OnnxTensor that
                && name.equals(that.name)
                && type == that.type
                && shape.equals(that.shape)
                && little().equals(that.little());
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(new Object[] {name, type, shape});
    }
}
