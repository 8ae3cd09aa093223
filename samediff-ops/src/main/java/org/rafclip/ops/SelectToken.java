package org.rafclip.ops;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/**
 * One token of each sample: {@code [batch, tokens, width]} → {@code [batch, width]}; the first, or the one whose
 * position an {@code INT [batch]} gives.
 */
public final class SelectToken extends JavaOp {

    /** For loading a graph. */
    public SelectToken() {}

    /** The first token. */
    public SelectToken(SameDiff graph, SDVariable tokens) {
        super(graph, tokens);
    }

    /** The token at the given position of each sample. */
    public SelectToken(SameDiff graph, SDVariable tokens, SDVariable positions) {
        super(graph, tokens, positions);
    }

    @Override
    public String opName() {
        return "java_select_token";
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        return new long[][] {{inputs[0].size(0), inputs[0].size(2)}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(outputs[0]);
        long width = inputs[0].size(2);
        for (long b = 0; b < inputs[0].size(0); b++) {
            y.copyFrom(x, offset(inputs, b), b * width, width);
        }
    }

    @Override
    protected void backward(Backward call) {
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        long width = call.inputs()[0].size(2);
        dx.zero();
        for (long b = 0; b < call.inputs()[0].size(0); b++) {
            dx.copyFrom(dy, b * width, offset(call.inputs(), b), width);
        }
    }

    private static long offset(INDArray[] inputs, long sample) {
        long tokens = inputs[0].size(1);
        long position = inputs.length > 1 ? Memory.of(inputs[1]).getInt(sample) : 0;
        if (position < 0 || position >= tokens) {
            throw new IllegalArgumentException(
                    "token position " + position + " of sample " + sample + " is not within 0 and " + (tokens - 1));
        }
        return (sample * tokens + position) * inputs[0].size(2);
    }
}
