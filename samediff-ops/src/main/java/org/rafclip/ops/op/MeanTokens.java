package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/**
 * The mean over the tokens of each sample: {@code [batch, tokens, width]} → {@code [batch, width]}. Samples' tokens may stand
 * one after another too, {@code [Σ lengths, width]}.
 */
public final class MeanTokens extends JavaOp {

    /** SameDiff calls this when it loads a graph. */
    public MeanTokens() {}

    public MeanTokens(SameDiff graph, SDVariable tokens) {
        super(graph, tokens);
    }

    /**
     * Of samples that have different numbers of tokens.
     *
     * @param tokens {@code [Σ lengths, width]}
     * @param lengths {@code INT [batch]}
     */
    public MeanTokens(SameDiff graph, SDVariable tokens, SDVariable lengths) {
        super(graph, tokens, lengths);
    }

    @Override
    public String opName() {
        return "java_mean_tokens";
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        return new long[][] {{samples(inputs).batch(), width(inputs)}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(outputs[0]);
        y.zero();
        long width = width(inputs);
        eachToken(inputs, (kernels, share, sample, token) -> kernels.axpy(share, x, token, y, sample, width));
    }

    @Override
    protected boolean readInBackward(int input) {
        return input != 0;
    }

    @Override
    protected void backward(Backward call) {
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        dx.zero();
        long width = width(call.inputs());
        eachToken(call.inputs(), (kernels, share, sample, token) -> kernels.axpy(share, dy, sample, dx, token, width));
    }

    private static Samples samples(INDArray[] inputs) {
        return Samples.of(inputs[0], inputs.length > 1 ? inputs[1] : null);
    }

    private static long width(INDArray[] inputs) {
        return inputs[0].size(inputs[0].rank() - 1);
    }

    private static void eachToken(INDArray[] inputs, Step step) {
        Kernels kernels = Kernels.of(inputs[0].dataType());
        Samples samples = samples(inputs);
        long width = width(inputs);
        for (int sample = 0; sample < samples.batch(); sample++) {
            double share = 1.0 / samples.length(sample);
            for (int token = 0; token < samples.length(sample); token++) {
                step.apply(kernels, share, sample * width, (samples.start()[sample] + token) * width);
            }
        }
    }

    @FunctionalInterface
    private interface Step {
        void apply(Kernels kernels, double share, long sampleOffset, long tokenOffset);
    }
}
