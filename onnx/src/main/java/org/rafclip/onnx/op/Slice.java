package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** {@code Slice}: from starts to ends along axes, in steps that may be negative. */
public final class Slice extends Move {

    /** SameDiff calls this when it loads a graph. */
    public Slice() {}

    /**
     * @param axes null for the first ones
     * @param steps null for ones
     */
    public Slice(SameDiff graph, SDVariable x, SDVariable starts, SDVariable ends, SDVariable axes, SDVariable steps) {
        super(graph, present(x, starts, ends, axes, steps));
        addIArgument(axes == null ? 0 : 1, steps == null ? 0 : 1);
    }

    private static SDVariable[] present(SDVariable... inputs) {
        return Arrays.stream(inputs).filter(input -> input != null).toArray(SDVariable[]::new);
    }

    @Override
    public String opName() {
        return "onnx_slice";
    }

    @Override
    protected boolean decidesShape(int input) {
        return input > 0;
    }

    /** Start, step and length along each axis. */
    private long[][] ranges(long[] shape, INDArray[] values) {
        long[] starts = longs(values[1]);
        long[] ends = longs(values[2]);
        boolean withAxes = intArgument(0) == 1;
        long[] axes = withAxes ? longs(values[3]) : Move.steps(starts.length, 0, 1);
        long[] steps = intArgument(1) == 1 ? longs(values[withAxes ? 4 : 3]) : null;
        if (ends.length != starts.length
                || axes.length != starts.length
                || steps != null && steps.length != starts.length) {
            throw refused("starts, ends, axes and steps are not equally many");
        }
        long[][] ranges = new long[shape.length][];
        for (int i = 0; i < shape.length; i++) {
            ranges[i] = new long[] {0, 1, shape[i]};
        }
        for (int i = 0; i < axes.length; i++) {
            int axis = axis(axes[i], shape.length);
            long size = shape[axis];
            long step = steps == null ? 1 : steps[i];
            if (step == 0) {
                throw refused("a step of 0");
            }
            long start = clamp(starts[i] < 0 ? starts[i] + size : starts[i], step, size);
            long end = clamp(ends[i] < 0 ? Math.max(ends[i], Long.MIN_VALUE / 2) + size : ends[i], step, size);
            long length = step > 0 ? (end - start + step - 1) / step : (end - start + step + 1) / step;
            ranges[axis] = new long[] {start, step, Math.max(0, length)};
        }
        return ranges;
    }

    private static long clamp(long position, long step, long size) {
        return step > 0 ? Math.max(0, Math.min(size, position)) : Math.max(-1, Math.min(size - 1, position));
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        return new long[][] {
            Arrays.stream(ranges(shapes[0], values))
                    .mapToLong(range -> range[2])
                    .toArray()
        };
    }

    @Override
    long[][] offsets(INDArray[] inputs, long[] result) {
        long[][] ranges = ranges(inputs[0].shape(), inputs);
        long[] strides = strides(inputs[0].shape());
        long[][] offsets = new long[ranges.length][];
        Arrays.setAll(offsets, i -> steps(ranges[i][2], ranges[i][0] * strides[i], ranges[i][1] * strides[i]));
        return offsets;
    }
}
