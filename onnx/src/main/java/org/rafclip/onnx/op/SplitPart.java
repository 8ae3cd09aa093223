package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** One of the parts that {@code Split} cuts a tensor into along an axis. */
public final class SplitPart extends Move {

    /** SameDiff calls this when it loads a graph. */
    public SplitPart() {}

    /** @param sizes of the parts; null for equal ones, the last of which may be smaller */
    public SplitPart(SameDiff graph, SDVariable x, SDVariable sizes, long axis, int part, int parts) {
        super(graph, sizes == null ? new SDVariable[] {x} : new SDVariable[] {x, sizes});
        addIArgument(axis, part, parts);
    }

    @Override
    public String opName() {
        return "onnx_split";
    }

    @Override
    protected boolean decidesShape(int input) {
        return input > 0;
    }

    /** Start and length of the part. */
    private long[] range(long size, INDArray[] values) {
        int part = intArgument(1);
        int parts = intArgument(2);
        if (values.length == 1) {
            long each = (size + parts - 1) / parts;
            long start = Math.min(size, each * part);
            return new long[] {start, Math.min(size, start + each) - start};
        }
        long[] sizes = longs(values[1]);
        if (sizes.length != parts
                || Arrays.stream(sizes).sum() != size
                || Arrays.stream(sizes).anyMatch(s -> s < 0)) {
            throw refused(parts + " parts of " + Arrays.toString(sizes) + " elements out of " + size);
        }
        return new long[] {Arrays.stream(sizes).limit(part).sum(), sizes[part]};
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        long[] shape = shapes[0].clone();
        int axis = axis(longArgument(0), shape.length);
        shape[axis] = range(shape[axis], values)[1];
        return new long[][] {shape};
    }

    @Override
    long[][] offsets(INDArray[] inputs, long[] result) {
        long[] shape = inputs[0].shape();
        int axis = axis(longArgument(0), shape.length);
        long[] strides = strides(shape);
        long start = range(shape[axis], inputs)[0];
        long[][] offsets = new long[result.length][];
        Arrays.setAll(offsets, i -> steps(result[i], i == axis ? start * strides[i] : 0, strides[i]));
        return offsets;
    }
}
