package org.rafclip.onnx.op;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Memory;

/** What ONNX's operations have in common: shapes that may follow from values, results of any element type. */
public abstract class OnnxOp extends JavaOp {

    protected OnnxOp() {}

    protected OnnxOp(SameDiff graph, SDVariable... inputs) {
        super(graph, inputs);
    }

    /**
     * The shapes of the outputs.
     *
     * @param values the inputs; all but those that {@link #decidesShape} may be null
     */
    protected abstract long[][] shapes(long[][] shapes, INDArray[] values);

    /** Whether the outputs' shapes depend on an input's values. */
    protected boolean decidesShape(int input) {
        return false;
    }

    /** Computes outputs that are not empty. */
    protected abstract void compute(INDArray[] inputs, INDArray[] outputs);

    /** The shapes of the outputs, or null where they do not follow from what is known. */
    public final long[][] infer(long[][] shapes, INDArray[] values) {
        for (int i = 0; i < shapes.length; i++) {
            if (shapes[i] == null || decidesShape(i) && values[i] == null) {
                return null;
            }
        }
        return shapes(shapes, values);
    }

    @Override
    protected final long[][] outputShapes(INDArray[] inputs) {
        return shapes(Arrays.stream(inputs).map(INDArray::shape).toArray(long[][]::new), inputs);
    }

    @Override
    protected final void forward(INDArray[] inputs, INDArray[] outputs) {
        for (INDArray output : outputs) {
            if (!output.isEmpty()) {
                compute(inputs, outputs);
                return;
            }
        }
    }

    /** Outputs have the first input's type. */
    @Override
    public List<DataType> calculateOutputDataTypes(List<DataType> types) {
        return Collections.nCopies(getNumOutputs(), types.get(0));
    }

    @Override
    protected void backward(Backward call) {
        throw new UnsupportedOperationException(opName() + " has no gradient");
    }

    protected final long longArgument(int index) {
        return iArguments.get(index);
    }

    protected final int integerArguments() {
        return iArguments.size();
    }

    /** The values of an input of integers. */
    protected static long[] longs(INDArray array) {
        if (array.isEmpty()) {
            return new long[0];
        }
        INDArray dense = Memory.dense(array);
        Memory memory = Memory.of(dense);
        long[] values = new long[Math.toIntExact(memory.length())];
        for (int i = 0; i < values.length; i++) {
            values[i] = memory.getLong(i);
        }
        return values;
    }

    /** An axis counted from the front. */
    protected final int axis(long axis, int rank) {
        long counted = axis < 0 ? axis + rank : axis;
        if (counted < 0 || counted >= Math.max(1, rank)) {
            throw refused("the axis " + axis + " of a tensor with " + rank + " dimensions");
        }
        return (int) counted;
    }

    /** The exception for shapes and values that do not go together. */
    protected final IllegalArgumentException refused(String what) {
        return new IllegalArgumentException(opName() + ": " + what);
    }

    protected static boolean isReal(DataType type) {
        return type == DataType.FLOAT || type == DataType.DOUBLE;
    }

    protected static long product(long[] sizes, int from, int to) {
        long product = 1;
        for (int i = from; i < to; i++) {
            product *= sizes[i];
        }
        return product;
    }

    /** The distance between neighbours along each axis of a dense array in 'c' order. */
    protected static long[] strides(long[] shape) {
        long[] strides = new long[shape.length];
        long next = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = next;
            next *= shape[i];
        }
        return strides;
    }
}
