package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** {@code Pad}: margins around a tensor, or less of it where they are negative. */
public final class Pad extends Move {

    /** What the margins hold. */
    public enum Mode {
        CONSTANT,
        REFLECT,
        EDGE
    }

    /** SameDiff calls this when it loads a graph. */
    public Pad() {}

    /**
     * @param pads before each axis, then behind each
     * @param value what to fill with, null for zero
     * @param axes which the pads are for, null for all
     */
    public Pad(SameDiff graph, Mode mode, SDVariable x, SDVariable pads, SDVariable value, SDVariable axes) {
        super(
                graph,
                Arrays.stream(new SDVariable[] {x, pads, value, axes})
                        .filter(input -> input != null)
                        .toArray(SDVariable[]::new));
        addIArgument(mode.ordinal(), value == null ? 0 : 1, axes == null ? 0 : 1);
    }

    @Override
    public String opName() {
        return "onnx_pad";
    }

    @Override
    protected boolean decidesShape(int input) {
        return input == 1 || input == (intArgument(1) == 1 ? 3 : 2);
    }

    /** The margins before and behind each axis. */
    private long[][] margins(int rank, INDArray[] values) {
        long[] pads = longs(values[1]);
        long[] axes = intArgument(2) == 1 ? longs(values[values.length - 1]) : steps(rank, 0, 1);
        if (pads.length != 2 * axes.length) {
            throw refused(pads.length + " pads for " + axes.length + " axes");
        }
        long[][] margins = new long[rank][2];
        for (int i = 0; i < axes.length; i++) {
            margins[axis(axes[i], rank)] = new long[] {pads[i], pads[i + axes.length]};
        }
        return margins;
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        long[] shape = shapes[0].clone();
        long[][] margins = margins(shape.length, values);
        for (int i = 0; i < shape.length; i++) {
            shape[i] += margins[i][0] + margins[i][1];
            if (shape[i] < 0) {
                throw refused("pads that leave less than nothing of " + Arrays.toString(shapes[0]));
            }
        }
        return new long[][] {shape};
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0 || input == 2 && intArgument(1) == 1;
    }

    @Override
    INDArray filling(INDArray[] inputs) {
        return intArgument(1) == 1 ? inputs[2] : null;
    }

    @Override
    long[][] offsets(INDArray[] inputs, long[] result) {
        long[] shape = inputs[0].shape();
        long[] strides = strides(shape);
        long[][] margins = margins(shape.length, inputs);
        Mode mode = Mode.values()[intArgument(0)];
        long[][] offsets = new long[result.length][];
        for (int i = 0; i < result.length; i++) {
            offsets[i] = new long[Math.toIntExact(result[i])];
            for (int k = 0; k < offsets[i].length; k++) {
                long source = source(mode, k - margins[i][0], shape[i]);
                offsets[i][k] = source < 0 ? HOLE : source * strides[i];
            }
        }
        return offsets;
    }

    private static long source(Mode mode, long position, long size) {
        if (position >= 0 && position < size) {
            return position;
        }
        return switch (mode) {
            case CONSTANT -> -1;
            case EDGE -> size == 0 ? -1 : Math.max(0, Math.min(size - 1, position));
            case REFLECT -> {
                if (size < 2) {
                    yield size - 1;
                }
                long folded = Math.floorMod(position, 2 * (size - 1));
                yield folded < size ? folded : 2 * (size - 1) - folded;
            }
        };
    }
}
