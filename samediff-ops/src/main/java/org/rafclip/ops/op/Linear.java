package org.rafclip.ops.op;

import java.util.Arrays;
import java.util.function.IntPredicate;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.Blas;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Memory;

/**
 * A linear map of the last dimension: {@code [.., in]} → {@code [.., out]}, {@code y = x Wᵀ + b}.
 *
 * <p>The weight is {@code [out, in]} as in PyTorch's {@code nn.Linear}, where {@code in} may be several dimensions as in
 * a convolution's weight, or {@code [in, out]} for a projection without bias as CLIP stores it.
 */
public final class Linear extends JavaOp {

    /** How the weight lies in memory. */
    public enum Layout {
        /** Weights are {@code [out, in]}. */
        OUT_IN,
        /** Weights are {@code [in, out]}. */
        IN_OUT
    }

    /** SameDiff calls this when it loads a graph. */
    public Linear() {}

    private Linear(SameDiff graph, Layout layout, boolean data, SDVariable... inputs) {
        super(graph, inputs);
        addIArgument(layout.ordinal(), data ? 1 : 0);
    }

    private Linear(SameDiff graph, boolean data, int from, int to, SDVariable... inputs) {
        this(graph, Layout.OUT_IN, data, inputs);
        addIArgument(from, to);
    }

    /** {@code y = x Wᵀ + b} with {@code W [out, in]}. */
    public static Linear of(SameDiff graph, SDVariable x, SDVariable weight, SDVariable bias) {
        return new Linear(graph, Layout.OUT_IN, false, x, weight, bias);
    }

    /** {@code y = x W} with {@code W [in, out]}. */
    public static Linear projection(SameDiff graph, SDVariable x, SDVariable weight) {
        return new Linear(graph, Layout.IN_OUT, false, x, weight);
    }

    /** {@code y = x W + b} with {@code W [in, out]}. */
    public static Linear inOut(SameDiff graph, SDVariable x, SDVariable weight, SDVariable bias) {
        return new Linear(graph, Layout.IN_OUT, false, x, weight, bias);
    }

    /**
     * {@code y = x Wᵀ + b} for an input that is data, not computed from parameters: no gradient is computed for it.
     *
     * @param bias may be null
     */
    public static Linear ofData(SameDiff graph, SDVariable x, SDVariable weight, SDVariable bias) {
        return bias == null
                ? new Linear(graph, Layout.OUT_IN, true, x, weight)
                : new Linear(graph, Layout.OUT_IN, true, x, weight, bias);
    }

    /**
     * The outputs {@code from ≤ i < to} of {@code y = x Wᵀ + b}, as if the other rows of {@code W [out, in]} and of the
     * bias did not exist.
     *
     * @param data whether the input is data: no gradient is computed for it then
     */
    public static Linear rows(
            SameDiff graph, SDVariable x, SDVariable weight, SDVariable bias, int from, int to, boolean data) {
        return new Linear(graph, data, from, to, x, weight, bias);
    }

    @Override
    public String opName() {
        return "java_linear";
    }

    private boolean outIn() {
        return intArgument(0) == Layout.OUT_IN.ordinal();
    }

    @Override
    protected boolean differentiable(int input) {
        return input != 0 || intArgument(1) == 0;
    }

    @Override
    protected boolean skipsGradients() {
        return true;
    }

    @Override
    protected boolean readInBackward(int input, IntPredicate asked) {
        return input != 0 || asked.test(1);
    }

    @Override
    protected boolean takesBf16(int input) {
        return input == 0;
    }

    @Override
    protected boolean givesBf16() {
        return true;
    }

    private int from() {
        return iArgs().length > 2 ? intArgument(2) : 0;
    }

    /** How many outputs there are. */
    private int out(INDArray weight) {
        int all = (int) weight.size(outIn() ? 0 : 1);
        return iArgs().length > 2 ? Math.min(all, intArgument(3)) - from() : all;
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        long in = inputs[1].length() / inputs[1].size(outIn() ? 0 : 1);
        if (inputs[0].size(inputs[0].rank() - 1) != in) {
            throw new IllegalArgumentException("linear of an input " + Arrays.toString(inputs[0].shape())
                    + " with a weight " + Arrays.toString(inputs[1].shape()));
        }
        long[] shape = inputs[0].shape().clone();
        shape[shape.length - 1] = out(inputs[1]);
        return new long[][] {shape};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory weight = Memory.of(inputs[1]);
        Memory y = Memory.of(outputs[0]);
        int in = (int) inputs[0].size(inputs[0].rank() - 1);
        int out = out(inputs[1]);
        int rows = (int) (x.length() / in);
        long at = (long) from() * in;
        int leading = outIn() ? in : out;
        if (inputs.length > 2) {
            Memory bias = Memory.of(inputs[2]);
            Blas.gemmWithBias(false, outIn(), rows, out, in, x, 0, in, weight, at, leading, bias, from(), y, 0, out);
        } else {
            Blas.gemm(false, outIn(), rows, out, in, 1, x, 0, in, weight, at, leading, 0, y, 0, out);
        }
    }

    @Override
    protected void backward(Backward call) {
        Blas.sharingFactors(() -> gradients(call));
    }

    private void gradients(Backward call) {
        Memory weight = Memory.of(call.inputs()[1]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        int in = (int) call.inputs()[0].size(call.inputs()[0].rank() - 1);
        int out = out(call.inputs()[1]);
        int rows = (int) (dy.length() / out);
        boolean part = out < call.inputs()[1].size(outIn() ? 0 : 1);
        long at = (long) from() * in;
        INDArray[] asked = call.inputGradients();
        int ofWeight = differentiable(0) ? 1 : 0;
        if (asked[ofWeight] != null) {
            Memory x = Memory.of(call.inputs()[0]);
            Memory dWeight = Memory.of(asked[ofWeight]);
            if (part) {
                dWeight.zero();
            }
            if (outIn()) {
                Blas.gemm(true, false, out, in, rows, 1, dy, 0, out, x, 0, in, 0, dWeight, at, in);
            } else {
                Blas.gemm(true, false, in, out, rows, 1, x, 0, in, dy, 0, out, 0, dWeight, 0, out);
            }
        }
        // Behind the weight's: what that needs twice, rounded and transposed, is rounded on the way.
        if (ofWeight == 1 && asked[0] != null) {
            Memory dx = Memory.of(asked[0]);
            Blas.gemm(false, !outIn(), rows, in, out, 1, dy, 0, out, weight, at, outIn() ? in : out, 0, dx, 0, in);
        }
        if (call.inputs().length > 2 && asked[ofWeight + 1] != null) {
            Memory dBias = Memory.of(asked[ofWeight + 1]);
            if (part) {
                dBias.zero();
            }
            Sums.overRows(dy, out, dBias, from());
        }
    }
}
