package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/** {@code GatherElements} and {@code GatherND}. */
public final class Take extends OnnxOp {

    /** SameDiff calls this when it loads a graph. */
    public Take() {}

    private Take(SameDiff graph, Places.Kind kind, SDVariable data, SDVariable indices, long parameter) {
        super(graph, data, indices);
        addIArgument(kind.ordinal(), parameter);
    }

    public static Take elements(SameDiff graph, SDVariable data, SDVariable indices, long axis) {
        return new Take(graph, Places.Kind.ELEMENTS, data, indices, axis);
    }

    public static Take coordinates(SameDiff graph, SDVariable data, SDVariable indices, long sharedDimensions) {
        return new Take(graph, Places.Kind.COORDINATES, data, indices, sharedDimensions);
    }

    @Override
    public String opName() {
        return "onnx_take";
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    private Places places(long[] data, INDArray indices) {
        Places.Kind kind = Places.Kind.values()[intArgument(0)];
        return Places.of(
                kind,
                kind == Places.Kind.ELEMENTS ? axis(longArgument(1), data.length) : intArgument(1),
                data,
                indices);
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        if (intArgument(0) == Places.Kind.ELEMENTS.ordinal()) {
            return new long[][] {shapes[1]};
        }
        long[] data = shapes[0];
        long[] indices = shapes[1];
        int from = Math.toIntExact(intArgument(1) + indices[indices.length - 1]);
        if (from > data.length) {
            throw refused("indices " + Arrays.toString(indices) + " into " + Arrays.toString(data));
        }
        long[] shape = Arrays.copyOf(indices, indices.length - 1 + data.length - from);
        System.arraycopy(data, from, shape, indices.length - 1, data.length - from);
        return new long[][] {shape};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        places(inputs[0].shape(), inputs[1]).take(Memory.of(inputs[0]), Memory.of(outputs[0]));
    }

    @Override
    protected void backward(Backward call) {
        Places places = places(call.inputs()[0].shape(), call.inputs()[1]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        dx.zero();
        for (int i = 0; i < places.starts().length; i++) {
            for (int j = 0; j < places.length(); j++) {
                dx.add(places.starts()[i] + j, dy.get((long) i * places.length() + j));
            }
        }
    }
}
