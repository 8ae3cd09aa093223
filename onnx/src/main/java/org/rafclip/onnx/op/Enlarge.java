package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** {@code Expand} and {@code Tile}: a tensor repeated along its axes. */
public final class Enlarge extends Move {

    /** What the second input holds. */
    public enum By {
        /** A shape that the result is broadcast with. */
        SHAPE,
        /** How often to repeat along each axis. */
        REPEATS
    }

    /** SameDiff calls this when it loads a graph. */
    public Enlarge() {}

    public Enlarge(SameDiff graph, By by, SDVariable x, SDVariable sizes) {
        super(graph, x, sizes);
        addIArgument(by.ordinal());
    }

    @Override
    public String opName() {
        return "onnx_enlarge";
    }

    @Override
    protected boolean decidesShape(int input) {
        return input > 0;
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        long[] sizes = longs(values[1]);
        if (intArgument(0) == By.SHAPE.ordinal()) {
            long[] shape = Broadcasting.shape(shapes[0], sizes);
            if (shape == null) {
                throw refused("a tensor " + Arrays.toString(shapes[0]) + " to " + Arrays.toString(sizes));
            }
            return new long[][] {shape};
        }
        if (sizes.length != shapes[0].length) {
            throw refused(sizes.length + " repeats for a tensor " + Arrays.toString(shapes[0]));
        }
        long[] shape = shapes[0].clone();
        Arrays.setAll(shape, i -> shape[i] * sizes[i]);
        return new long[][] {shape};
    }

    @Override
    long[][] offsets(INDArray[] inputs, long[] result) {
        long[] shape = inputs[0].shape();
        long[] strides = strides(shape);
        int missing = result.length - shape.length;
        long[][] offsets = new long[result.length][];
        for (int i = 0; i < result.length; i++) {
            offsets[i] = new long[Math.toIntExact(result[i])];
            for (int k = 0; i >= missing && k < result[i]; k++) {
                offsets[i][k] = k % shape[i - missing] * strides[i - missing];
            }
        }
        return offsets;
    }
}
