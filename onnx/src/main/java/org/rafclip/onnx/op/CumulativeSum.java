package org.rafclip.onnx.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/** {@code CumSum} along the axis that the second input names. */
public final class CumulativeSum extends OnnxOp {

    /** SameDiff calls this when it loads a graph. */
    public CumulativeSum() {}

    /** @param exclusive whether an element itself is left out of its sum */
    public CumulativeSum(SameDiff graph, SDVariable x, SDVariable axis, boolean exclusive, boolean reverse) {
        super(graph, x, axis);
        addIArgument(exclusive ? 1 : 0, reverse ? 1 : 0);
    }

    @Override
    public String opName() {
        return "onnx_cumsum";
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        return new long[][] {shapes[0]};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        sum(inputs[0], inputs[1], outputs[0], intArgument(1) == 1);
    }

    @Override
    protected void backward(Backward call) {
        sum(call.outputGradients()[0], call.inputs()[1], call.inputGradients()[0], intArgument(1) == 0);
    }

    private void sum(INDArray from, INDArray along, INDArray to, boolean reverse) {
        Lines lines = Lines.of(from.shape(), axis(longs(along)[0], from.rank()));
        Memory x = Memory.of(from);
        Memory y = Memory.of(to);
        boolean real = isReal(x.type());
        boolean exclusive = intArgument(0) == 1;
        for (long line = 0; line < lines.count(); line++) {
            double sum = 0;
            long whole = 0;
            for (int i = 0; i < lines.length(); i++) {
                long at = lines.start(line) + (reverse ? lines.length() - 1 - i : i) * lines.inner();
                double before = sum;
                long wholeBefore = whole;
                if (real) {
                    sum += x.get(at);
                    y.set(at, exclusive ? before : sum);
                } else {
                    whole += x.getLong(at);
                    y.setLong(at, exclusive ? wholeBefore : whole);
                }
            }
        }
    }
}
