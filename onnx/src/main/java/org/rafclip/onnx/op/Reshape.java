package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Memory;

/** The same elements under another shape: {@code Reshape}, {@code Flatten}, {@code Squeeze}, {@code Unsqueeze}. */
public final class Reshape extends OnnxOp {

    private static final long GRAIN = 1 << 16;

    /** What decides the shape. */
    public enum Kind {
        /** The second input; 0 keeps a dimension and −1 takes what is left. */
        TO_SHAPE,
        /** The second input, in which 0 means nothing at all. */
        TO_SHAPE_WITH_ZEROS,
        /** Two dimensions, split at an axis. */
        FLATTEN,
        /** Dimensions of length 1 taken away, those that the second input names or, without one, all. */
        SQUEEZE,
        /** Dimensions of length 1 put in where the second input names. */
        UNSQUEEZE
    }

    /** SameDiff calls this when it loads a graph. */
    public Reshape() {}

    /** @param sizes shape or axes as the kind says, or null */
    public Reshape(SameDiff graph, Kind kind, SDVariable x, SDVariable sizes, long axis) {
        super(graph, sizes == null ? new SDVariable[] {x} : new SDVariable[] {x, sizes});
        addIArgument(kind.ordinal(), axis);
    }

    @Override
    public String opName() {
        return "onnx_reshape";
    }

    @Override
    protected boolean decidesShape(int input) {
        return input > 0;
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        long[] x = shapes[0];
        long[] named = values.length > 1 ? longs(values[1]) : new long[0];
        Kind kind = Kind.values()[intArgument(0)];
        return new long[][] {
            switch (kind) {
                case TO_SHAPE -> toShape(x, named, true);
                case TO_SHAPE_WITH_ZEROS -> toShape(x, named, false);
                case FLATTEN -> {
                    long axis = longArgument(1);
                    int at = Math.toIntExact(axis < 0 ? axis + x.length : axis);
                    if (at < 0 || at > x.length) {
                        throw refused("the axis " + axis + " of " + Arrays.toString(x));
                    }
                    yield new long[] {product(x, 0, at), product(x, at, x.length)};
                }
                case SQUEEZE -> squeeze(x, named, values.length > 1);
                case UNSQUEEZE -> unsqueeze(x, named);
            }
        };
    }

    private long[] toShape(long[] x, long[] named, boolean zeroKeeps) {
        long[] shape = named.clone();
        int open = -1;
        long known = 1;
        for (int i = 0; i < shape.length; i++) {
            if (shape[i] == 0 && zeroKeeps) {
                if (i >= x.length) {
                    throw refused(Arrays.toString(x) + " to " + Arrays.toString(named));
                }
                shape[i] = x[i];
            }
            if (shape[i] == -1 && open < 0) {
                open = i;
            } else {
                known *= shape[i];
            }
        }
        long total = product(x, 0, x.length);
        if (open >= 0 && known != 0) {
            shape[open] = total / known;
        } else if (open >= 0) {
            shape[open] = 0;
        }
        if (Arrays.stream(shape).anyMatch(size -> size < 0) || product(shape, 0, shape.length) != total) {
            throw refused(Arrays.toString(x) + " to " + Arrays.toString(named));
        }
        return shape;
    }

    private long[] squeeze(long[] x, long[] axes, boolean someOnly) {
        boolean[] gone = new boolean[x.length];
        for (long axis : axes) {
            gone[axis(axis, x.length)] = true;
        }
        long[] shape = new long[x.length];
        int rank = 0;
        for (int i = 0; i < x.length; i++) {
            if (someOnly ? gone[i] : x[i] == 1) {
                if (x[i] != 1) {
                    throw refused("the dimension " + i + " of " + Arrays.toString(x) + " is not 1");
                }
            } else {
                shape[rank++] = x[i];
            }
        }
        return Arrays.copyOf(shape, rank);
    }

    private long[] unsqueeze(long[] x, long[] axes) {
        long[] shape = new long[x.length + axes.length];
        for (long axis : axes) {
            int at = axis(axis, shape.length);
            if (shape[at] == 1) {
                throw refused("an axis twice in " + Arrays.toString(axes));
            }
            shape[at] = 1;
        }
        int next = 0;
        boolean[] added = new boolean[shape.length];
        for (long axis : axes) {
            added[axis(axis, shape.length)] = true;
        }
        for (int i = 0; i < shape.length; i++) {
            shape[i] = added[i] ? 1 : x[next++];
        }
        return shape;
    }

    @Override
    protected boolean reshapes() {
        return true;
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        copy(inputs[0], outputs[0]);
    }

    @Override
    protected void backward(Backward call) {
        copy(call.outputGradients()[0], call.inputGradients()[0]);
    }

    private static void copy(INDArray from, INDArray to) {
        Memory source = Memory.of(from);
        Memory target = Memory.of(to);
        Parallel.standard()
                .run(from.length(), GRAIN, (begin, end, part) -> target.copyFrom(source, begin, begin, end - begin));
    }
}
