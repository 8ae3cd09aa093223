package org.rafclip.onnx.op;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/** {@code TopK}: the largest or smallest elements of an axis in order, and where they stand; of equal ones the first. */
public final class TopK extends OnnxOp {

    /** SameDiff calls this when it loads a graph. */
    public TopK() {}

    public TopK(SameDiff graph, SDVariable x, SDVariable k, long axis, boolean largest) {
        super(graph, x, k);
        addIArgument(axis, largest ? 1 : 0);
    }

    @Override
    public String opName() {
        return "onnx_top_k";
    }

    @Override
    public int getNumOutputs() {
        return 2;
    }

    @Override
    protected int differentiableOutputs() {
        return 1;
    }

    @Override
    protected int[] savedOutputs() {
        return new int[] {1};
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    @Override
    protected boolean decidesShape(int input) {
        return input == 1;
    }

    @Override
    public List<DataType> calculateOutputDataTypes(List<DataType> types) {
        return List.of(types.get(0), DataType.INT64);
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        long[] shape = shapes[0].clone();
        int axis = axis(longArgument(0), shape.length);
        long k = longs(values[1])[0];
        if (k < 0 || k > shape[axis]) {
            throw refused("the first " + k + " of " + shape[axis]);
        }
        shape[axis] = k;
        return new long[][] {shape, shape};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory values = Memory.of(outputs[0]);
        Memory places = Memory.of(outputs[1]);
        boolean real = isReal(x.type());
        double sign = intArgument(1) == 1 ? -1 : 1;
        int axis = axis(longArgument(0), inputs[0].rank());
        Lines from = Lines.of(inputs[0].shape(), axis);
        Lines to = Lines.of(outputs[0].shape(), axis);
        int width = x.type().width();
        for (long line = 0; line < from.count(); line++) {
            long start = from.start(line);
            int[] order = IntStream.range(0, from.length())
                    .boxed()
                    .sorted(Comparator.comparingDouble(i -> {
                        long at = start + i * from.inner();
                        return sign * (real ? x.get(at) : x.getLong(at));
                    }))
                    .limit(to.length())
                    .mapToInt(Integer::intValue)
                    .toArray();
            for (int i = 0; i < order.length; i++) {
                long target = to.start(line) + i * to.inner();
                Move.copy(width, x, start + order[i] * from.inner(), values, target);
                places.setLong(target, order[i]);
            }
        }
    }

    @Override
    protected void backward(Backward call) {
        Memory places = Memory.of(call.saved()[0]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        dx.zero();
        int axis = axis(longArgument(0), call.inputs()[0].rank());
        Lines from = Lines.of(call.inputs()[0].shape(), axis);
        Lines to = Lines.of(call.outputGradients()[0].shape(), axis);
        for (long line = 0; line < to.count(); line++) {
            for (int i = 0; i < to.length(); i++) {
                long at = to.start(line) + i * to.inner();
                dx.add(from.start(line) + places.getLong(at) * from.inner(), dy.get(at));
            }
        }
    }
}
