package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Memory;

/**
 * Leaves out padding: {@code [batch, tokens, width]} with lengths {@code INT [batch]} → the samples' own tokens one after
 * another, {@code [Σ lengths, width]}.
 */
public final class PackTokens extends JavaOp {

    /** SameDiff calls this when it loads a graph. */
    public PackTokens() {}

    public PackTokens(SameDiff graph, SDVariable tokens, SDVariable lengths) {
        super(graph, tokens, lengths);
    }

    @Override
    public String opName() {
        return "java_pack_tokens";
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        Samples samples = Samples.ofLengths(inputs[1]);
        samples.requireRoom(inputs[0]);
        return new long[][] {{samples.tokens(), inputs[0].size(2)}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory padded = Memory.of(inputs[0]);
        Memory packed = Memory.of(outputs[0]);
        eachSample(inputs, (at, from, count) -> packed.copyFrom(padded, from, at, count));
    }

    @Override
    protected boolean readInBackward(int input) {
        return input != 0;
    }

    @Override
    protected void backward(Backward call) {
        Memory packed = Memory.of(call.outputGradients()[0]);
        Memory padded = Memory.of(call.inputGradients()[0]);
        padded.zero();
        eachSample(call.inputs(), (from, at, count) -> padded.copyFrom(packed, from, at, count));
    }

    private static void eachSample(INDArray[] inputs, Samples.Places body) {
        Samples.ofLengths(inputs[1]).forEachPadded(inputs[0].size(1), inputs[0].size(2), body);
    }
}
