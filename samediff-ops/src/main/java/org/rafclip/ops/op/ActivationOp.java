package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.kernel.Memory;

/** An {@link Activation} of every element; any shape. */
public final class ActivationOp extends JavaOp {

    private static final long GRAIN = 1 << 15;

    /** SameDiff calls this when it loads a graph. */
    public ActivationOp() {}

    public ActivationOp(SameDiff graph, Activation activation, SDVariable x) {
        super(graph, x);
        addIArgument(activation.ordinal());
    }

    @Override
    public String opName() {
        return "java_activation";
    }

    private Activation activation() {
        return Activation.values()[intArgument(0)];
    }

    /** The sign of ReLU's result is that of what it was given, where its gradient is not 0: one of the two is enough. */
    private boolean knownByResult() {
        return activation() == Activation.RELU;
    }

    @Override
    protected int[] savedOutputs() {
        return knownByResult() ? new int[] {0} : new int[0];
    }

    @Override
    protected boolean readInBackward(int input) {
        return !knownByResult();
    }

    @Override
    protected boolean recomputed() {
        return !knownByResult();
    }

    @Override
    protected boolean takesBf16(int input) {
        return !knownByResult();
    }

    @Override
    protected boolean givesBf16() {
        return !knownByResult();
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        return new long[][] {inputs[0].shape()};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(outputs[0]);
        Kernels kernels = Kernels.of(x.type());
        Activation f = activation();
        Parallel.standard().run(x.length(), GRAIN, (from, to, part) -> kernels.activation(f, x, y, from, to));
    }

    @Override
    protected void backward(Backward call) {
        Memory x = Memory.of(knownByResult() ? call.saved()[0] : call.inputs()[0]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        Kernels kernels = Kernels.of(x.type());
        Activation f = activation();
        Parallel.standard()
                .run(x.length(), GRAIN, (from, to, part) -> kernels.activationBackward(f, x, dy, dx, from, to));
    }
}
