package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Memory;

/**
 * One token of each sample: {@code [batch, tokens, width]} → {@code [batch, width]}; the first, or the one whose
 * position an {@code INT [batch]} gives. Of samples whose tokens stand one after another, {@code [Σ lengths, width]}, the
 * last.
 */
public final class SelectToken extends JavaOp {

    /** SameDiff calls this when it loads a graph. */
    public SelectToken() {}

    /** The first token. */
    public SelectToken(SameDiff graph, SDVariable tokens) {
        super(graph, tokens);
    }

    /** The token at the given position of each sample. */
    public SelectToken(SameDiff graph, SDVariable tokens, SDVariable positions) {
        super(graph, tokens, positions);
    }

    private SelectToken(SameDiff graph, boolean last, SDVariable tokens, SDVariable lengths) {
        super(graph, tokens, lengths);
        addIArgument(last ? 1 : 0);
    }

    /** The last token of each sample of {@code [Σ lengths, width]}, with lengths {@code INT [batch]}. */
    public static SelectToken last(SameDiff graph, SDVariable tokens, SDVariable lengths) {
        return new SelectToken(graph, true, tokens, lengths);
    }

    private boolean last() {
        return iArgs().length > 0 && intArgument(0) == 1;
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
        long batch = last() ? inputs[1].length() : inputs[0].size(0);
        return new long[][] {{batch, width(inputs)}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(outputs[0]);
        long width = width(inputs);
        long[] tokens = tokens(inputs);
        for (int b = 0; b < tokens.length; b++) {
            y.copyFrom(x, tokens[b] * width, b * width, width);
        }
    }

    @Override
    protected boolean readInBackward(int input) {
        return input != 0;
    }

    @Override
    protected void backward(Backward call) {
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        long width = width(call.inputs());
        long[] tokens = tokens(call.inputs());
        dx.zero();
        for (int b = 0; b < tokens.length; b++) {
            dx.copyFrom(dy, b * width, tokens[b] * width, width);
        }
    }

    private static long width(INDArray[] inputs) {
        return inputs[0].size(inputs[0].rank() - 1);
    }

    /** The selected tokens among those of all samples. */
    private long[] tokens(INDArray[] inputs) {
        Samples samples = Samples.of(inputs[0], last() ? inputs[1] : null);
        long[] selected = new long[samples.batch()];
        for (int b = 0; b < selected.length; b++) {
            int position = last()
                    ? samples.length(b) - 1
                    : inputs.length > 1 ? Memory.of(inputs[1]).getInt(b) : 0;
            if (position < 0 || position >= samples.length(b)) {
                throw new IllegalArgumentException("token position " + position + " of sample " + b
                        + " is not within 0 and " + (samples.length(b) - 1));
            }
            selected[b] = samples.start()[b] + position;
        }
        return selected;
    }
}
