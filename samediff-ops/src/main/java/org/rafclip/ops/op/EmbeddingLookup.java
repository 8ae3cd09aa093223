package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/** Rows of a table {@code [entries, width]} by index: {@code INT [batch, tokens]} → {@code [batch, tokens, width]}. */
public final class EmbeddingLookup extends JavaOp {

    /** SameDiff calls this when it loads a graph. */
    public EmbeddingLookup() {}

    public EmbeddingLookup(SameDiff graph, SDVariable table, SDVariable indices) {
        super(graph, table, indices);
    }

    @Override
    public String opName() {
        return "java_embedding_lookup";
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        return new long[][] {{inputs[1].size(0), inputs[1].size(1), inputs[0].size(1)}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory table = Memory.of(inputs[0]);
        Memory indices = Memory.of(inputs[1]);
        Memory y = Memory.of(outputs[0]);
        int width = (int) inputs[0].size(1);
        for (long i = 0; i < indices.length(); i++) {
            int index = indices.getInt(i);
            if (index < 0 || index >= inputs[0].size(0)) {
                throw new IllegalArgumentException(
                        "index " + index + " is outside of a table with " + inputs[0].size(0) + " entries");
            }
            y.copyFrom(table, (long) index * width, i * width, width);
        }
    }

    @Override
    protected boolean readInBackward(int input) {
        return input != 0;
    }

    @Override
    protected void backward(Backward call) {
        Memory indices = Memory.of(call.inputs()[1]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dTable = Memory.of(call.inputGradients()[0]);
        int width = (int) call.inputs()[0].size(1);
        dTable.zero();
        Kernels kernels = Kernels.of(dy.type());
        for (long i = 0; i < indices.length(); i++) {
            kernels.axpy(1, dy, i * width, dTable, (long) indices.getInt(i) * width, width);
        }
    }
}
