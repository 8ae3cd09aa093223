package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/**
 * {@code Σ x·w} over two arrays of one shape, as a scalar; {@code w} is data. Its gradient with respect to {@code x} is
 * {@code w}, so it carries a gradient that was computed elsewhere into a graph.
 */
public final class WeightedSum extends JavaOp {

    /** SameDiff calls this when it loads a graph. */
    public WeightedSum() {}

    public WeightedSum(SameDiff graph, SDVariable x, SDVariable weights) {
        super(graph, x, weights);
    }

    @Override
    public String opName() {
        return "java_weighted_sum";
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        if (inputs[0].length() != inputs[1].length()) {
            throw new IllegalArgumentException(
                    inputs[0].length() + " values cannot be weighted by " + inputs[1].length() + " weights");
        }
        return new long[][] {{}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory w = Memory.of(inputs[1]);
        double sum = 0;
        for (long i = 0; i < x.length(); i++) {
            sum += x.get(i) * w.get(i);
        }
        Memory.of(outputs[0]).set(0, sum);
    }

    @Override
    protected void backward(Backward call) {
        Memory w = Memory.of(call.inputs()[1]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        double factor = Memory.of(call.outputGradients()[0]).get(0);
        dx.zero();
        Kernels.of(dx.type()).axpy(factor, w, 0, dx, 0, dx.length());
    }
}
