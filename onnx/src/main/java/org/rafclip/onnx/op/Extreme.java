package org.rafclip.onnx.op;

import java.util.Collections;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/** {@code ArgMax} and {@code ArgMin}: where the largest or smallest element of an axis stands. */
public final class Extreme extends OnnxOp {

    /** SameDiff calls this when it loads a graph. */
    public Extreme() {}

    /** @param last whether the last of several equal ones counts, not the first */
    public Extreme(SameDiff graph, SDVariable x, boolean smallest, long axis, boolean keep, boolean last) {
        super(graph, x);
        addIArgument(smallest ? 1 : 0, axis, keep ? 1 : 0, last ? 1 : 0);
    }

    @Override
    public String opName() {
        return "onnx_arg_extreme";
    }

    @Override
    public List<DataType> calculateOutputDataTypes(List<DataType> types) {
        return Collections.singletonList(DataType.INT64);
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        long[] x = shapes[0];
        int axis = axis(longArgument(1), x.length);
        boolean keep = intArgument(2) == 1;
        long[] shape = new long[keep ? x.length : Math.max(0, x.length - 1)];
        int next = 0;
        for (int i = 0; i < x.length; i++) {
            if (i != axis) {
                shape[next++] = x[i];
            } else if (keep) {
                shape[next++] = 1;
            }
        }
        return new long[][] {shape};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(outputs[0]);
        boolean real = isReal(x.type());
        double sign = intArgument(0) == 1 ? -1 : 1;
        boolean last = intArgument(3) == 1;
        Lines lines = Lines.of(inputs[0].shape(), axis(longArgument(1), inputs[0].rank()));
        for (long line = 0; line < lines.count(); line++) {
            double best = 0;
            int found = -1;
            for (int i = 0; i < lines.length(); i++) {
                long at = lines.start(line) + i * lines.inner();
                double value = sign * (real ? x.get(at) : x.getLong(at));
                if (found < 0 || value > best || last && value == best) {
                    best = value;
                    found = i;
                }
            }
            y.setLong(line, found);
        }
    }
}
