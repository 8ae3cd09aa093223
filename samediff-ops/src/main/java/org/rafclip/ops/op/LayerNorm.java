package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/**
 * Layer normalisation over the last dimension (Ba et al. 2016): {@code [.., width]} → the same shape, with gain and bias
 * of {@code [width]} and an ε, which SameDiff's own operation lacks.
 */
public final class LayerNorm extends JavaOp {

    private static final long GRAIN = 1 << 14;

    /** SameDiff calls this when it loads a graph. */
    public LayerNorm() {}

    public LayerNorm(SameDiff graph, SDVariable x, SDVariable weight, SDVariable bias, double eps) {
        super(graph, x, weight, bias);
        addTArgument(eps);
    }

    @Override
    public String opName() {
        return "java_layer_norm";
    }

    /** The result, and each row's mean and variance, which the gradient takes. */
    @Override
    public int getNumOutputs() {
        return 2;
    }

    @Override
    protected int differentiableOutputs() {
        return 1;
    }

    @Override
    protected int[] savedOutputs() {
        return new int[] {1};
    }

    @Override
    protected boolean givesBf16() {
        return true;
    }

    @Override
    protected boolean recomputed() {
        return true;
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        return new long[][] {inputs[0].shape(), {2, inputs[0].length() / inputs[1].length()}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory weight = Memory.of(inputs[1]);
        Memory bias = Memory.of(inputs[2]);
        Memory y = Memory.of(outputs[0]);
        Memory statistics = Memory.of(outputs[1]);
        int width = (int) inputs[1].length();
        double eps = realArgument(0);
        Kernels kernels = Kernels.of(x.type());
        Parallel.standard()
                .run(
                        x.length() / width,
                        GRAIN / width,
                        (from, to, part) -> kernels.layerNorm(x, weight, bias, y, statistics, width, eps, from, to));
    }

    @Override
    protected void backward(Backward call) {
        Memory x = Memory.of(call.inputs()[0]);
        Memory weight = Memory.of(call.inputs()[1]);
        Memory statistics = Memory.of(call.saved()[0]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        int width = (int) call.inputs()[1].length();
        double eps = realArgument(0);
        long rows = x.length() / width;
        long grain = GRAIN / width;
        double[][] weightSums = new double[Parallel.chunks(rows, grain)][width];
        double[][] biasSums = new double[weightSums.length][width];
        Kernels kernels = Kernels.of(x.type());
        Parallel.standard()
                .runChunks(
                        rows,
                        grain,
                        (from, to, chunk) -> kernels.layerNormBackward(
                                x,
                                weight,
                                statistics,
                                dy,
                                dx,
                                weightSums[chunk],
                                biasSums[chunk],
                                width,
                                eps,
                                from,
                                to));
        Sums.writeTotal(weightSums, Memory.of(call.inputGradients()[1]));
        Sums.writeTotal(biasSums, Memory.of(call.inputGradients()[2]));
    }
}
