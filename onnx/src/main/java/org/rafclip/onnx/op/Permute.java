package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** {@code Transpose}: dimensions in another order, by default the reverse. */
public final class Permute extends Move {

    /** SameDiff calls this when it loads a graph. */
    public Permute() {}

    /** @param order null for the reverse */
    public Permute(SameDiff graph, SDVariable x, long[] order) {
        super(graph, x);
        addIArgument(order == null ? new long[0] : order);
    }

    @Override
    public String opName() {
        return "onnx_transpose";
    }

    private int[] order(int rank) {
        int[] order = new int[rank];
        if (integerArguments() == 0) {
            Arrays.setAll(order, i -> rank - 1 - i);
        } else {
            if (integerArguments() != rank) {
                throw refused(integerArguments() + " axes for a tensor with " + rank + " dimensions");
            }
            Arrays.setAll(order, i -> axis(longArgument(i), rank));
            if (Arrays.stream(order).distinct().count() != rank) {
                throw refused("an axis twice in " + Arrays.toString(order));
            }
        }
        return order;
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        int[] order = order(shapes[0].length);
        return new long[][] {Arrays.stream(order).mapToLong(i -> shapes[0][i]).toArray()};
    }

    @Override
    long[][] offsets(INDArray[] inputs, long[] result) {
        int[] order = order(result.length);
        long[] strides = strides(inputs[0].shape());
        long[][] offsets = new long[result.length][];
        Arrays.setAll(offsets, i -> steps(result[i], 0, strides[order[i]]));
        return offsets;
    }
}
