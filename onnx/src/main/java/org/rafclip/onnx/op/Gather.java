package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** {@code Gather}: the slices of an axis that indices name; negative ones count from the end. */
public final class Gather extends Move {

    /** SameDiff calls this when it loads a graph. */
    public Gather() {}

    public Gather(SameDiff graph, SDVariable data, SDVariable indices, long axis) {
        super(graph, data, indices);
        addIArgument(axis);
    }

    @Override
    public String opName() {
        return "onnx_gather";
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        int rank = shapes[0].length;
        int axis = axis(longArgument(0), rank);
        if (rank == 0) {
            throw refused("a scalar has nothing to choose from");
        }
        long[] shape = new long[rank - 1 + shapes[1].length];
        System.arraycopy(shapes[0], 0, shape, 0, axis);
        System.arraycopy(shapes[1], 0, shape, axis, shapes[1].length);
        System.arraycopy(shapes[0], axis + 1, shape, axis + shapes[1].length, rank - axis - 1);
        return new long[][] {shape};
    }

    @Override
    long[][] offsets(INDArray[] inputs, long[] result) {
        long[] shape = inputs[0].shape();
        int axis = axis(longArgument(0), shape.length);
        long[] strides = strides(shape);
        long[] indices = longs(inputs[1]);
        long[] places = new long[indices.length];
        for (int i = 0; i < places.length; i++) {
            long index = indices[i] < 0 ? indices[i] + shape[axis] : indices[i];
            if (index < 0 || index >= shape[axis]) {
                throw refused("the index " + indices[i] + " in a dimension of " + shape[axis] + " of "
                        + Arrays.toString(shape));
            }
            places[i] = index * strides[axis];
        }
        return new long[][] {
            steps(product(shape, 0, axis), 0, axis == 0 ? 0 : strides[axis - 1]), places, steps(strides[axis], 0, 1)
        };
    }
}
