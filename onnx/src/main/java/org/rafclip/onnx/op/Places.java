package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/**
 * Where indices point to in a tensor.
 *
 * @param starts the first element of each place
 * @param length how many neighbouring elements a place has
 */
record Places(long[] starts, int length) {

    /** How indices are read. */
    enum Kind {
        /** {@code GatherElements}, {@code ScatterElements}: a coordinate along an axis, the others are the index's own. */
        ELEMENTS,
        /** {@code GatherND}, {@code ScatterND}: the last dimension holds the first coordinates of a place. */
        COORDINATES
    }

    /** @param parameter the axis, counted from the front; with coordinates, how many first dimensions both share */
    static Places of(Kind kind, int parameter, long[] data, INDArray indices) {
        return kind == Kind.ELEMENTS ? elements(parameter, data, indices) : coordinates(parameter, data, indices);
    }

    private static Places elements(int axis, long[] data, INDArray indices) {
        long[] values = OnnxOp.longs(indices);
        long[] shape = indices.shape();
        if (shape.length != data.length) {
            throw new IllegalArgumentException("indices " + Arrays.toString(shape) + " into " + Arrays.toString(data));
        }
        long[] strides = OnnxOp.strides(data);
        long[] starts = new long[values.length];
        for (int i = 0; i < values.length; i++) {
            long rest = i;
            for (int d = shape.length - 1; d >= 0; d--) {
                long own = rest % shape[d];
                rest /= shape[d];
                starts[i] += checked(d == axis ? values[i] : own, data[d]) * strides[d];
            }
        }
        return new Places(starts, 1);
    }

    private static Places coordinates(int shared, long[] data, INDArray indices) {
        long[] values = OnnxOp.longs(indices);
        long[] shape = indices.shape();
        int depth = Math.toIntExact(shape[shape.length - 1]);
        if (depth > data.length - shared) {
            throw new IllegalArgumentException("indices " + Arrays.toString(shape) + " into " + Arrays.toString(data));
        }
        long[] strides = OnnxOp.strides(data);
        int count = Math.toIntExact(OnnxOp.product(shape, 0, shape.length - 1));
        long each = OnnxOp.product(shape, shared, shape.length - 1);
        long batch = OnnxOp.product(data, shared, data.length);
        long[] starts = new long[count];
        for (int i = 0; i < count; i++) {
            starts[i] = shared == 0 ? 0 : i / each * batch;
            for (int d = 0; d < depth; d++) {
                starts[i] += checked(values[i * depth + d], data[shared + d]) * strides[shared + d];
            }
        }
        return new Places(starts, Math.toIntExact(OnnxOp.product(data, shared + depth, data.length)));
    }

    private static long checked(long index, long size) {
        long counted = index < 0 ? index + size : index;
        if (counted < 0 || counted >= size) {
            throw new IllegalArgumentException("the index " + index + " in a dimension of " + size);
        }
        return counted;
    }

    /** Copies what stands at the places, one after the other. */
    void take(Memory from, Memory to) {
        for (int i = 0; i < starts.length; i++) {
            to.copyFrom(from, starts[i], (long) i * length, length);
        }
    }
}
