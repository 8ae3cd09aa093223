package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/**
 * Adds learned positions {@code [positions, width]} to tokens {@code [batch, tokens, width]}, {@code tokens ≤ positions};
 * with a class token {@code [width]} that token is put in front first, and the result is
 * {@code [batch, tokens + 1, width]}.
 */
public final class AddPositions extends JavaOp {

    /** SameDiff calls this when it loads a graph. */
    public AddPositions() {}

    public AddPositions(SameDiff graph, SDVariable tokens, SDVariable positions) {
        super(graph, tokens, positions);
    }

    public AddPositions(SameDiff graph, SDVariable tokens, SDVariable positions, SDVariable classToken) {
        super(graph, tokens, positions, classToken);
    }

    @Override
    public String opName() {
        return "java_add_positions";
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        long tokens = inputs[0].size(1) + inputs.length - 2;
        if (tokens > inputs[1].size(0)) {
            throw new IllegalArgumentException(
                    tokens + " tokens are more than the " + inputs[1].size(0) + " positions of the model");
        }
        return new long[][] {{inputs[0].size(0), tokens, inputs[0].size(2)}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory positions = Memory.of(inputs[1]);
        Memory y = Memory.of(outputs[0]);
        long width = inputs[0].size(2);
        long given = inputs[0].size(1) * width;
        long first = inputs.length > 2 ? width : 0;
        long block = given + first;
        Kernels kernels = Kernels.of(x.type());
        for (long b = 0; b < inputs[0].size(0); b++) {
            if (first > 0) {
                y.copyFrom(Memory.of(inputs[2]), 0, b * block, width);
            }
            y.copyFrom(x, b * given, b * block + first, given);
            kernels.axpy(1, positions, 0, y, b * block, block);
        }
    }

    @Override
    protected boolean readInBackward(int input) {
        return false;
    }

    @Override
    protected void backward(Backward call) {
        INDArray x = call.inputs()[0];
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        Memory dPositions = Memory.of(call.inputGradients()[1]);
        long width = x.size(2);
        long given = x.size(1) * width;
        long first = call.inputs().length > 2 ? width : 0;
        long block = given + first;
        Kernels kernels = Kernels.of(dy.type());
        dPositions.zero();
        for (long b = 0; b < x.size(0); b++) {
            dx.copyFrom(dy, b * block + first, b * given, given);
            kernels.axpy(1, dy, b * block, dPositions, 0, block);
        }
        if (first > 0) {
            Memory.of(call.inputGradients()[2]).copyFrom(dPositions, 0, 0, width);
        }
    }
}
