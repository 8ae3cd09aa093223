package org.rafclip.ops.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Memory;

/**
 * Vectors {@code [batch, width]} times a gate: {@code y = g · x} with one factor a sample ({@code g [batch, 1]}) or one
 * an element ({@code g [batch, width]}).
 */
public final class Gate extends JavaOp {

    /** SameDiff calls this when it loads a graph. */
    public Gate() {}

    public Gate(SameDiff graph, SDVariable gate, SDVariable x) {
        super(graph, gate, x);
    }

    @Override
    public String opName() {
        return "java_gate";
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        long[] gate = inputs[0].shape();
        long[] x = inputs[1].shape();
        if (gate.length != 2 || x.length != 2 || gate[0] != x[0] || gate[1] != 1 && gate[1] != x[1]) {
            throw new IllegalArgumentException(
                    "a gate " + Arrays.toString(gate) + " does not fit vectors " + Arrays.toString(x));
        }
        return new long[][] {x};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory gate = Memory.of(inputs[0]);
        Memory x = Memory.of(inputs[1]);
        Memory y = Memory.of(outputs[0]);
        long shared = x.length() / gate.length();
        for (long i = 0; i < x.length(); i++) {
            y.set(i, gate.get(i / shared) * x.get(i));
        }
    }

    @Override
    protected void backward(Backward call) {
        Memory gate = Memory.of(call.inputs()[0]);
        Memory x = Memory.of(call.inputs()[1]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dGate = Memory.of(call.inputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[1]);
        long shared = x.length() / gate.length();
        for (long g = 0; g < gate.length(); g++) {
            double sum = 0;
            for (long i = g * shared; i < (g + 1) * shared; i++) {
                sum += dy.get(i) * x.get(i);
                dx.set(i, dy.get(i) * gate.get(g));
            }
            dGate.set(g, sum);
        }
    }
}
