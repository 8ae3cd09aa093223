package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Kernels.Draws;
import org.rafclip.ops.kernel.Memory;

/**
 * Dropout (Srivastava et al. 2014) and stochastic depth (Huang et al. 2016): what survives is divided by the probability
 * to survive. What is dropped is a pure function of the seed, the site and the place, so the backward pass, a repeated
 * step and a resumed run drop the same.
 *
 * <p>The seed is an {@code INT} scalar, fed anew at each step; a negative seed turns dropout off.
 */
public final class Dropout extends JavaOp {

    private static final long GRAIN = 1 << 15;

    /** SameDiff calls this when it loads a graph. */
    public Dropout() {}

    private Dropout(SameDiff graph, SDVariable x, SDVariable seed, int site, boolean wholeSamples, double rate) {
        super(graph, x, seed);
        if (rate < 0 || rate >= 1) {
            throw new IllegalArgumentException("a dropout rate lies in [0, 1): " + rate);
        }
        addIArgument(site, wholeSamples ? 1 : 0);
        addTArgument(rate);
    }

    /**
     * Drops single elements.
     *
     * @param site a number that differs from that of every other dropout in the graph
     */
    public static Dropout elements(SameDiff graph, SDVariable x, SDVariable seed, int site, double rate) {
        return new Dropout(graph, x, seed, site, false, rate);
    }

    /** Drops all of a sample (an entry of the first dimension) at once: stochastic depth on a residual branch. */
    public static Dropout samples(SameDiff graph, SDVariable x, SDVariable seed, int site, double rate) {
        return new Dropout(graph, x, seed, site, true, rate);
    }

    @Override
    public String opName() {
        return "java_dropout";
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        return new long[][] {inputs[0].shape()};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        apply(inputs[0], inputs[1], inputs[0], outputs[0]);
    }

    @Override
    protected boolean readInBackward(int input) {
        return input != 0;
    }

    @Override
    protected void backward(Backward call) {
        apply(call.inputs()[0], call.inputs()[1], call.outputGradients()[0], call.inputGradients()[0]);
    }

    private void apply(INDArray shaped, INDArray seed, INDArray from, INDArray to) {
        Memory x = Memory.of(from);
        Memory y = Memory.of(to);
        int value = Memory.of(seed).getInt(0);
        double rate = realArgument(0);
        if (value < 0 || rate == 0) {
            y.copyFrom(x, 0, 0, x.length());
            return;
        }
        Draws draws = Draws.of(value, intArgument(0), rate);
        Kernels kernels = Kernels.of(x.type());
        if (intArgument(1) == 1) {
            long size = x.length() / shaped.size(0);
            Parallel.standard().run(shaped.size(0), GRAIN / size + 1, (begin, end, part) -> {
                for (long sample = begin; sample < end; sample++) {
                    y.zero(sample * size, size);
                    if (draws.keeps(sample)) {
                        kernels.axpy(draws.scale(), x, sample * size, y, sample * size, size);
                    }
                }
            });
        } else {
            Parallel.standard().run(x.length(), GRAIN, (begin, end, part) -> kernels.dropout(draws, x, y, begin, end));
        }
    }
}
