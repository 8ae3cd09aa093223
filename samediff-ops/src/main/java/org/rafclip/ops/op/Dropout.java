package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
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
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

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
        long stream = mix(mix(value * GOLDEN) + intArgument(0) * GOLDEN);
        long threshold = (long) Math.ceil(rate * 0x1p53);
        double scale = 1 / (1 - rate);
        if (intArgument(1) == 1) {
            long size = x.length() / shaped.size(0);
            Kernels kernels = Kernels.of(x.type());
            y.zero();
            for (long sample = 0; sample < shaped.size(0); sample++) {
                if (survives(stream, sample, threshold)) {
                    kernels.axpy(scale, x, sample * size, y, sample * size, size);
                }
            }
        } else {
            Parallel.standard().run(x.length(), GRAIN, (begin, end, part) -> {
                for (long i = begin; i < end; i++) {
                    y.set(i, survives(stream, i, threshold) ? x.get(i) * scale : 0);
                }
            });
        }
    }

    private static boolean survives(long stream, long place, long threshold) {
        return mix(stream + place * GOLDEN) >>> 11 >= threshold;
    }

    /** SplitMix64's finaliser (Steele et al. 2014). */
    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
