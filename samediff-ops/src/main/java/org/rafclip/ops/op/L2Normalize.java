package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/** Vectors of the last dimension scaled to length 1: {@code x / max(‖x‖₂, 1e-12)}, as PyTorch's {@code F.normalize}. */
public final class L2Normalize extends JavaOp {

    private static final double EPS = 1e-12;

    /** SameDiff calls this when it loads a graph. */
    public L2Normalize() {}

    public L2Normalize(SameDiff graph, SDVariable x) {
        super(graph, x);
    }

    @Override
    public String opName() {
        return "java_l2_normalize";
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        return new long[][] {inputs[0].shape()};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        int width = (int) inputs[0].size(inputs[0].rank() - 1);
        Kernels.of(x.type()).l2Normalize(x, Memory.of(outputs[0]), width, EPS, 0, x.length() / width);
    }

    @Override
    protected void backward(Backward call) {
        Memory x = Memory.of(call.inputs()[0]);
        int width = (int) call.inputs()[0].size(call.inputs()[0].rank() - 1);
        Kernels.of(x.type())
                .l2NormalizeBackward(
                        x,
                        Memory.of(call.outputGradients()[0]),
                        Memory.of(call.inputGradients()[0]),
                        width,
                        EPS,
                        0,
                        x.length() / width);
    }
}
