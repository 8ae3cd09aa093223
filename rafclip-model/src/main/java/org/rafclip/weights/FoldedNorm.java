package org.rafclip.weights;

import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/**
 * A convolution without bias and the batch norm behind it as one convolution with bias. Of a norm in evaluation, {@code γ (x − μ)
 * / √(σ² + ε) + β}, the factor goes into the filters.
 */
final class FoldedNorm {

    /** ε of PyTorch's batch norms, which OpenAI and OpenCLIP leave as it is. */
    private static final double EPS = 1e-5;

    private FoldedNorm() {}

    /**
     * The filters.
     *
     * @param kernel {@code [out, in, y, x]}; is changed
     * @param scale γ {@code [out]}
     * @param variance σ² {@code [out]}
     */
    static INDArray weight(INDArray kernel, INDArray scale, INDArray variance) {
        INDArray dense = Memory.dense(kernel);
        Memory values = Memory.of(dense);
        long filter = values.length() / kernel.size(0);
        for (long out = 0; out < kernel.size(0); out++) {
            double factor = factor(scale, variance, out);
            for (long i = out * filter; i < (out + 1) * filter; i++) {
                values.set(i, factor * values.get(i));
            }
        }
        return dense;
    }

    /**
     * The bias.
     *
     * @param shift β {@code [out]}
     * @param scale γ {@code [out]}
     * @param mean μ {@code [out]}
     * @param variance σ² {@code [out]}
     */
    static INDArray bias(INDArray shift, INDArray scale, INDArray mean, INDArray variance) {
        INDArray bias = shift.castTo(DataType.DOUBLE);
        for (long out = 0; out < bias.length(); out++) {
            bias.putScalar(out, bias.getDouble(out) - factor(scale, variance, out) * mean.getDouble(out));
        }
        return bias;
    }

    /** The variance that a norm without effect has. */
    static float neutralVariance() {
        return (float) (1 - EPS);
    }

    private static double factor(INDArray scale, INDArray variance, long out) {
        return scale.getDouble(out) / Math.sqrt(variance.getDouble(out) + EPS);
    }
}
