package org.rafclip.ops.op;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Blas;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Memory;

/**
 * A frozen linear map with low-rank adapters (Hu et al. 2022, "LoRA"): {@code [.., in]} → {@code [.., out]},
 * {@code y = x Wᵀ + b + s (z Aᵀ) Bᵀ}. Neither {@code W [out, in]} nor {@code b [out]} has a gradient.
 *
 * <p>An adapter, {@code A [rank, in]} and {@code B [outputs, rank]}, adds to some neighbouring outputs, so that query, key and
 * value that are projected at once have one each. What they read, {@code z}, is {@code x} itself or, where it has dropout of
 * its own, another input.
 */
public final class LoraLinear extends JavaOp {

    private static final int PLAIN_INPUTS = 3;

    /** Integers before those that say where each adapter's outputs begin. */
    private static final int SETTINGS = 3;

    /** SameDiff calls this when it loads a graph. */
    public LoraLinear() {}

    /**
     * Two factors.
     *
     * @param a {@code [rank, in]}
     * @param b {@code [outputs, rank]}
     * @param from the first of the computed outputs that they add to
     */
    public record Adapter(SDVariable a, SDVariable b, int from) {}

    /**
     * The outputs {@code from ≤ i < to}, as if the other rows of {@code W} and of the bias did not exist.
     *
     * @param z what adapters read, of the shape of {@code x}; null for {@code x} itself
     * @param scale s
     * @param adapters at least one, all of one rank
     */
    public LoraLinear(
            SameDiff graph,
            SDVariable x,
            SDVariable weight,
            SDVariable bias,
            int from,
            int to,
            SDVariable z,
            double scale,
            List<Adapter> adapters) {
        super(graph, inputs(x, weight, bias, z, adapters));
        addIArgument(z == null ? 0 : 1, from, to - from);
        adapters.forEach(adapter -> addIArgument(adapter.from()));
        addTArgument(scale);
    }

    private static SDVariable[] inputs(
            SDVariable x, SDVariable weight, SDVariable bias, SDVariable z, List<Adapter> adapters) {
        List<SDVariable> inputs = new ArrayList<>(List.of(x, weight, bias));
        if (z != null) {
            inputs.add(z);
        }
        adapters.forEach(adapter -> inputs.addAll(List.of(adapter.a(), adapter.b())));
        return inputs.toArray(SDVariable[]::new);
    }

    @Override
    public String opName() {
        return "java_lora_linear";
    }

    /** The result, and {@code s z Aᵀ} of all adapters side by side, which the gradients take. */
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
    protected boolean differentiable(int input) {
        return input != 1 && input != 2;
    }

    @Override
    protected boolean skipsGradients() {
        return true;
    }

    @Override
    protected boolean readInBackward(int input) {
        return input != 2 && (input != 0 || !separate());
    }

    private boolean separate() {
        return intArgument(0) == 1;
    }

    /** The first row of the weight that is read. */
    private int first() {
        return intArgument(1);
    }

    private int out() {
        return intArgument(2);
    }

    private int adapters() {
        return iArgs().length - SETTINGS;
    }

    private int from(int adapter) {
        return intArgument(SETTINGS + adapter);
    }

    /** The input that holds an adapter's A; its B is the next. */
    private int factor(int adapter) {
        return PLAIN_INPUTS + intArgument(0) + 2 * adapter;
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        long in = inputs[1].size(1);
        if (inputs[0].size(inputs[0].rank() - 1) != in) {
            throw new IllegalArgumentException("linear of an input " + Arrays.toString(inputs[0].shape())
                    + " with a weight " + Arrays.toString(inputs[1].shape()));
        }
        long[] shape = inputs[0].shape().clone();
        shape[shape.length - 1] = out();
        long rank = inputs[factor(0)].size(0);
        return new long[][] {shape, {inputs[0].length() / in, rank * adapters()}};
    }

    /** All A, one below the other, times s. */
    private INDArray scaledA(INDArray[] inputs) {
        INDArray first = inputs[factor(0)];
        INDArray stacked =
                Nd4j.createUninitializedDetached(first.dataType(), 'c', adapters() * first.size(0), first.size(1));
        Memory target = Memory.of(stacked);
        double scale = realArgument(0);
        for (int adapter = 0; adapter < adapters(); adapter++) {
            scaled(Memory.of(inputs[factor(adapter)]), 0, target, adapter * first.length(), first.length(), scale);
        }
        return stacked;
    }

    private static void scaled(Memory source, long at, Memory target, long to, long count, double scale) {
        for (long i = 0; i < count; i++) {
            target.set(to + i, scale * source.get(at + i));
        }
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory z = separate() ? Memory.of(inputs[PLAIN_INPUTS]) : x;
        Memory y = Memory.of(outputs[0]);
        Memory low = Memory.of(outputs[1]);
        int in = (int) inputs[1].size(1);
        int out = out();
        int rows = (int) (x.length() / in);
        int width = (int) outputs[1].size(1);
        int rank = width / adapters();
        Memory weight = Memory.of(inputs[1]);
        long at = (long) first() * in;
        Memory bias = Memory.of(inputs[2]);
        Blas.gemmWithBias(false, true, rows, out, in, x, 0, in, weight, at, in, bias, first(), y, 0, out);
        try (INDArray stacked = scaledA(inputs)) {
            Blas.gemm(false, true, rows, width, in, 1, z, 0, in, Memory.of(stacked), 0, in, 0, low, 0, width);
        }
        for (int adapter = 0; adapter < adapters(); adapter++) {
            INDArray b = inputs[factor(adapter) + 1];
            int outputsOfIt = (int) b.size(0);
            Blas.gemm(
                    false,
                    true,
                    rows,
                    outputsOfIt,
                    rank,
                    1,
                    low,
                    (long) adapter * rank,
                    width,
                    Memory.of(b),
                    0,
                    rank,
                    1,
                    y,
                    from(adapter),
                    out);
        }
    }

    @Override
    protected void backward(Backward call) {
        Blas.sharingFactors(() -> gradients(call));
    }

    private void gradients(Backward call) {
        INDArray[] inputs = call.inputs();
        INDArray[] wanted = call.inputGradients();
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory low = Memory.of(call.saved()[0]);
        int in = (int) inputs[1].size(1);
        int out = out();
        int rows = (int) call.saved()[0].size(0);
        int width = (int) call.saved()[0].size(1);
        int rank = width / adapters();
        INDArray dx = wanted[0];
        INDArray dz = separate() ? wanted[1] : dx;
        int factors = separate() ? 2 : 1;
        if (dx != null) {
            Memory weight = Memory.of(inputs[1]);
            long at = (long) first() * in;
            Blas.gemm(false, false, rows, in, out, 1, dy, 0, out, weight, at, in, 0, Memory.of(dx), 0, in);
        }
        try (INDArray ofLow = Nd4j.createUninitializedDetached(inputs[1].dataType(), 'c', rows, width)) {
            Memory dLow = Memory.of(ofLow);
            boolean trained = false;
            for (int adapter = 0; adapter < adapters(); adapter++) {
                Memory b = Memory.of(inputs[factor(adapter) + 1]);
                int outputs = (int) inputs[factor(adapter) + 1].size(0);
                long at = (long) adapter * rank;
                int from = from(adapter);
                Blas.gemm(false, false, rows, rank, outputs, 1, dy, from, out, b, 0, rank, 0, dLow, at, width);
                INDArray dB = wanted[factors + 2 * adapter + 1];
                if (dB != null) {
                    Blas.gemm(
                            true,
                            false,
                            outputs,
                            rank,
                            rows,
                            1,
                            dy,
                            from,
                            out,
                            low,
                            at,
                            width,
                            0,
                            Memory.of(dB),
                            0,
                            rank);
                }
                trained |= wanted[factors + 2 * adapter] != null;
            }
            if (trained) {
                gradientsOfA(call, dLow, factors, new int[] {rows, in, width, rank});
            }
            if (dz != null) {
                try (INDArray stacked = scaledA(inputs)) {
                    Memory a = Memory.of(stacked);
                    double before = separate() ? 0 : 1;
                    Blas.gemm(false, false, rows, in, width, 1, dLow, 0, width, a, 0, in, before, Memory.of(dz), 0, in);
                }
            }
        }
    }

    private void gradientsOfA(Backward call, Memory dLow, int factors, int[] sizes) {
        int rows = sizes[0];
        int in = sizes[1];
        int width = sizes[2];
        int rank = sizes[3];
        INDArray z = call.inputs()[separate() ? PLAIN_INPUTS : 0];
        try (INDArray all = Nd4j.createUninitializedDetached(z.dataType(), 'c', width, in)) {
            Memory ofAll = Memory.of(all);
            Blas.gemm(true, false, width, in, rows, 1, dLow, 0, width, Memory.of(z), 0, in, 0, ofAll, 0, in);
            for (int adapter = 0; adapter < adapters(); adapter++) {
                INDArray dA = call.inputGradients()[factors + 2 * adapter];
                if (dA != null) {
                    long count = (long) rank * in;
                    scaled(ofAll, adapter * count, Memory.of(dA), 0, count, realArgument(0));
                }
            }
        }
    }
}
