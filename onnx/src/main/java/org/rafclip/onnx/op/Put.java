package org.rafclip.onnx.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/** {@code ScatterElements} and {@code ScatterND}: a copy of the data with updates at the places that indices name. */
public final class Put extends OnnxOp {

    /** What becomes of the element that was there. */
    public enum How {
        REPLACE,
        ADD,
        MULTIPLY
    }

    /** SameDiff calls this when it loads a graph. */
    public Put() {}

    private Put(
            SameDiff graph,
            Places.Kind kind,
            How how,
            SDVariable data,
            SDVariable indices,
            SDVariable updates,
            long axis) {
        super(graph, data, indices, updates);
        addIArgument(kind.ordinal(), how.ordinal(), axis);
    }

    public static Put elements(
            SameDiff graph, How how, SDVariable data, SDVariable indices, SDVariable updates, long axis) {
        return new Put(graph, Places.Kind.ELEMENTS, how, data, indices, updates, axis);
    }

    public static Put coordinates(SameDiff graph, How how, SDVariable data, SDVariable indices, SDVariable updates) {
        return new Put(graph, Places.Kind.COORDINATES, how, data, indices, updates, 0);
    }

    @Override
    public String opName() {
        return "onnx_put";
    }

    @Override
    protected boolean differentiable(int input) {
        return input != 1;
    }

    private How how() {
        return How.values()[intArgument(1)];
    }

    private Places places(INDArray[] inputs) {
        Places.Kind kind = Places.Kind.values()[intArgument(0)];
        long[] data = inputs[0].shape();
        Places places =
                Places.of(kind, kind == Places.Kind.ELEMENTS ? axis(longArgument(2), data.length) : 0, data, inputs[1]);
        if (inputs[2].length() != (long) places.starts().length * places.length()) {
            throw refused(
                    inputs[2].length() + " updates for " + places.starts().length + " places of " + places.length());
        }
        return places;
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        return new long[][] {shapes[0]};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Memory y = Memory.of(outputs[0]);
        y.copyFrom(Memory.of(inputs[0]), 0, 0, y.length());
        if (inputs[1].isEmpty() || inputs[2].isEmpty()) {
            return;
        }
        Places places = places(inputs);
        Memory updates = Memory.of(inputs[2]);
        boolean real = isReal(y.type());
        How how = how();
        for (int i = 0; i < places.starts().length; i++) {
            for (int j = 0; j < places.length(); j++) {
                long at = places.starts()[i] + j;
                long from = (long) i * places.length() + j;
                if (real) {
                    double update = updates.get(from);
                    y.set(
                            at,
                            switch (how) {
                                case REPLACE -> update;
                                case ADD -> y.get(at) + update;
                                case MULTIPLY -> y.get(at) * update;
                            });
                } else {
                    long update = updates.getLong(from);
                    y.setLong(
                            at,
                            switch (how) {
                                case REPLACE -> update;
                                case ADD -> y.getLong(at) + update;
                                case MULTIPLY -> y.getLong(at) * update;
                            });
                }
            }
        }
    }

    @Override
    protected void backward(Backward call) {
        if (how() == How.MULTIPLY) {
            throw new UnsupportedOperationException("scattering by multiplication has no gradient here");
        }
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dData = Memory.of(call.inputGradients()[0]);
        dData.copyFrom(dy, 0, 0, dy.length());
        if (call.inputs()[2].isEmpty()) {
            return;
        }
        Places places = places(call.inputs());
        places.take(dy, Memory.of(call.inputGradients()[1]));
        if (how() == How.REPLACE) {
            for (long start : places.starts()) {
                dData.fill(start, places.length(), 0);
            }
        }
    }
}
