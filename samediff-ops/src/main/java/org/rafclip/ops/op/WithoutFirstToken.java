package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Memory;

/** All tokens of each sample but the first: {@code [batch, tokens, width]} → {@code [batch, tokens − 1, width]}. */
public final class WithoutFirstToken extends JavaOp {

    /** SameDiff calls this when it loads a graph. */
    public WithoutFirstToken() {}

    public WithoutFirstToken(SameDiff graph, SDVariable tokens) {
        super(graph, tokens);
    }

    @Override
    public String opName() {
        return "java_without_first_token";
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        return new long[][] {{inputs[0].size(0), inputs[0].size(1) - 1, inputs[0].size(2)}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(outputs[0]);
        long width = inputs[0].size(2);
        long all = inputs[0].size(1) * width;
        for (long b = 0; b < inputs[0].size(0); b++) {
            y.copyFrom(x, b * all + width, b * (all - width), all - width);
        }
    }

    @Override
    protected boolean readInBackward(int input) {
        return false;
    }

    @Override
    protected void backward(Backward call) {
        INDArray tokens = call.inputs()[0];
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        dx.zero();
        long width = tokens.size(2);
        long all = tokens.size(1) * width;
        for (long b = 0; b < tokens.size(0); b++) {
            dx.copyFrom(dy, b * (all - width), b * all + width, all - width);
        }
    }
}
