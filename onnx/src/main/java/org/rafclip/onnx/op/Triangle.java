package org.rafclip.onnx.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/** {@code Trilu}: matrices with everything below, or above, a diagonal set to 0. */
public final class Triangle extends OnnxOp {

    /** SameDiff calls this when it loads a graph. */
    public Triangle() {}

    /** @param diagonal how far to the right of the main one, an input of one integer, or null for 0 */
    public Triangle(SameDiff graph, boolean upper, SDVariable x, SDVariable diagonal) {
        super(graph, diagonal == null ? new SDVariable[] {x} : new SDVariable[] {x, diagonal});
        addIArgument(upper ? 1 : 0);
    }

    @Override
    public String opName() {
        return "onnx_trilu";
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        if (shapes[0].length < 2) {
            throw refused("a tensor with fewer than two dimensions");
        }
        return new long[][] {shapes[0]};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        cut(inputs[0], outputs[0], inputs);
    }

    @Override
    protected void backward(Backward call) {
        cut(call.outputGradients()[0], call.inputGradients()[0], call.inputs());
    }

    private void cut(INDArray from, INDArray to, INDArray[] inputs) {
        Memory x = Memory.of(from);
        Memory y = Memory.of(to);
        y.zero();
        long diagonal = inputs.length > 1 ? longs(inputs[1])[0] : 0;
        long columns = from.size(from.rank() - 1);
        long rows = from.size(from.rank() - 2);
        boolean upper = intArgument(0) == 1;
        for (long i = 0; i < x.length(); i++) {
            long column = i % columns;
            long row = i / columns % rows;
            if (upper ? column - row >= diagonal : column - row <= diagonal) {
                Move.copy(x.type().width(), x, i, y, i);
            }
        }
    }
}
