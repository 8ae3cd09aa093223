package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Memory;

/**
 * Puts samples' tokens that stand one after another back to their places, with zeros behind them:
 * {@code [Σ lengths, width]} with lengths {@code INT [batch]} → {@code [batch, tokens, width]}, the inverse of
 * {@link PackTokens}. As many tokens as another array has, whose values are not looked at.
 */
public final class UnpackTokens extends JavaOp {

    /** SameDiff calls this when it loads a graph. */
    public UnpackTokens() {}

    /** @param padded any array {@code [batch, tokens, ..]} */
    public UnpackTokens(SameDiff graph, SDVariable packed, SDVariable lengths, SDVariable padded) {
        super(graph, packed, lengths, padded);
    }

    @Override
    public String opName() {
        return "java_unpack_tokens";
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        Samples samples = Samples.of(inputs[0], inputs[1]);
        samples.requireRoom(inputs[2]);
        return new long[][] {{samples.batch(), inputs[2].size(1), inputs[0].size(1)}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory packed = Memory.of(inputs[0]);
        Memory padded = Memory.of(outputs[0]);
        padded.zero();
        eachSample(inputs, (from, at, count) -> padded.copyFrom(packed, from, at, count));
    }

    @Override
    protected boolean readInBackward(int input) {
        return input == 1;
    }

    @Override
    protected void backward(Backward call) {
        Memory padded = Memory.of(call.outputGradients()[0]);
        Memory packed = Memory.of(call.inputGradients()[0]);
        eachSample(call.inputs(), (at, from, count) -> packed.copyFrom(padded, from, at, count));
    }

    private static void eachSample(INDArray[] inputs, Samples.Places body) {
        Samples.ofLengths(inputs[1]).forEachPadded(inputs[2].size(1), inputs[0].size(1), body);
    }
}
