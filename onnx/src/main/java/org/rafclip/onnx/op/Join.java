package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/** {@code Concat} along an axis. */
public final class Join extends OnnxOp {

    /** SameDiff calls this when it loads a graph. */
    public Join() {}

    public Join(SameDiff graph, long axis, SDVariable... parts) {
        super(graph, parts);
        addIArgument(axis);
    }

    @Override
    public String opName() {
        return "onnx_concat";
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        long[] shape = shapes[0].clone();
        int axis = axis(longArgument(0), shape.length);
        if (shape.length == 0) {
            throw refused("scalars cannot be put side by side");
        }
        for (int i = 1; i < shapes.length; i++) {
            long[] part = shapes[i].clone();
            boolean fits = part.length == shape.length;
            if (fits) {
                shape[axis] += part[axis];
                part[axis] = shape[axis];
            }
            if (!fits || !Arrays.equals(part, shape)) {
                throw refused("shapes " + Arrays.deepToString(shapes) + " along axis " + axis);
            }
        }
        return new long[][] {shape};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        for (INDArray input : inputs) {
            if (input.dataType() != outputs[0].dataType()) {
                throw refused("types " + input.dataType() + " and " + outputs[0].dataType());
            }
        }
        Memory y = Memory.of(outputs[0]);
        copy(
                inputs,
                outputs[0].shape(),
                (part, from, to, count) -> y.copyFrom(Memory.of(inputs[part]), from, to, count));
    }

    @Override
    protected void backward(Backward call) {
        Memory dy = Memory.of(call.outputGradients()[0]);
        copy(
                call.inputs(),
                call.outputGradients()[0].shape(),
                (part, from, to, count) ->
                        Memory.of(call.inputGradients()[part]).copyFrom(dy, to, from, count));
    }

    private void copy(INDArray[] parts, long[] shape, Chunk chunk) {
        int axis = axis(longArgument(0), shape.length);
        long rows = product(shape, 0, axis);
        long width = product(shape, axis, shape.length);
        long at = 0;
        for (int part = 0; part < parts.length; part++) {
            if (parts[part].isEmpty()) {
                continue;
            }
            long own = parts[part].length() / rows;
            for (long row = 0; row < rows; row++) {
                chunk.copy(part, row * own, row * width + at, own);
            }
            at += own;
        }
    }

    @FunctionalInterface
    private interface Chunk {
        void copy(int part, long from, long to, long count);
    }
}
