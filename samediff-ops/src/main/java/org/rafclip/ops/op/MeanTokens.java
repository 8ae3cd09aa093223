package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/** The mean over the tokens of each sample: {@code [batch, tokens, width]} → {@code [batch, width]}. */
public final class MeanTokens extends JavaOp {

    /** SameDiff calls this when it loads a graph. */
    public MeanTokens() {}

    public MeanTokens(SameDiff graph, SDVariable tokens) {
        super(graph, tokens);
    }

    @Override
    public String opName() {
        return "java_mean_tokens";
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        return new long[][] {{inputs[0].size(0), inputs[0].size(2)}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(outputs[0]);
        y.zero();
        accumulate(
                inputs[0],
                (kernels, sample, token) ->
                        kernels.axpy(1.0 / tokens(inputs[0]), x, token, y, sample, width(inputs[0])));
    }

    @Override
    protected boolean readInBackward(int input) {
        return input != 0;
    }

    @Override
    protected void backward(Backward call) {
        INDArray tokens = call.inputs()[0];
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        dx.zero();
        accumulate(
                tokens,
                (kernels, sample, token) -> kernels.axpy(1.0 / tokens(tokens), dy, sample, dx, token, width(tokens)));
    }

    private static long tokens(INDArray x) {
        return x.size(1);
    }

    private static long width(INDArray x) {
        return x.size(2);
    }

    private static void accumulate(INDArray x, Step step) {
        Kernels kernels = Kernels.of(x.dataType());
        for (long b = 0; b < x.size(0); b++) {
            for (long t = 0; t < tokens(x); t++) {
                step.apply(kernels, b * width(x), (b * tokens(x) + t) * width(x));
            }
        }
    }

    @FunctionalInterface
    private interface Step {
        void apply(Kernels kernels, long sampleOffset, long tokenOffset);
    }
}
