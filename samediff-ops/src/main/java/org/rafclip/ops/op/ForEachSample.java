package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Memory;

/**
 * The same tokens for each sample: {@code [1, tokens, width]} → {@code [batch, tokens, width]}, with as many samples as another
 * array has, whose values are not looked at.
 */
public final class ForEachSample extends JavaOp {

    /** SameDiff calls this when it loads a graph. */
    public ForEachSample() {}

    /**
     * @param tokens {@code [1, tokens, width]}
     * @param samples of any shape whose first size is the batch
     */
    public ForEachSample(SameDiff graph, SDVariable tokens, SDVariable samples) {
        super(graph, tokens, samples);
    }

    @Override
    public String opName() {
        return "java_for_each_sample";
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        return new long[][] {{inputs[1].size(0), inputs[0].size(1), inputs[0].size(2)}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(outputs[0]);
        for (long at = 0; at < y.length(); at += x.length()) {
            y.copyFrom(x, 0, at, x.length());
        }
    }

    @Override
    protected void backward(Backward call) {
        Memory dx = Memory.of(call.inputGradients()[0]);
        Sums.overRows(Memory.of(call.outputGradients()[0]), (int) dx.length(), dx, 0);
    }
}
