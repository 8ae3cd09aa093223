package org.rafclip.onnx.check;

import java.lang.ref.Reference;
import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/**
 * How far two arrays are apart.
 *
 * @param worst the largest absolute difference; infinite where types, shapes, or what is no finite number differ
 * @param excess the largest of {@code |a − b| − relative · |b|} over all elements
 * @param largest the largest absolute value of the reference
 */
public record Difference(double worst, double excess, double largest) {

    /**
     * Compares element by element.
     *
     * @param relative part of the reference's value that is let pass in {@link #excess}
     */
    public static Difference of(INDArray computed, INDArray reference, double relative) {
        if (computed.dataType() != reference.dataType() || !Arrays.equals(computed.shape(), reference.shape())) {
            return new Difference(Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, 0);
        }
        if (reference.isEmpty()) {
            return new Difference(0, 0, 0);
        }
        INDArray denseA = Memory.dense(computed);
        INDArray denseB = Memory.dense(reference);
        Memory a = Memory.of(denseA);
        Memory b = Memory.of(denseB);
        boolean real = a.type() == DataType.FLOAT || a.type() == DataType.DOUBLE;
        double worst = 0;
        double excess = 0;
        double largest = 0;
        for (long i = 0; i < b.length(); i++) {
            double x = real ? a.get(i) : a.getLong(i);
            double y = real ? b.get(i) : b.getLong(i);
            if (x == y || Double.isNaN(x) && Double.isNaN(y)) {
                largest = Double.isFinite(y) ? Math.max(largest, Math.abs(y)) : largest;
                continue;
            }
            double apart = Double.isFinite(x) && Double.isFinite(y) ? Math.abs(x - y) : Double.POSITIVE_INFINITY;
            worst = Math.max(worst, apart);
            excess = Math.max(excess, apart - relative * Math.abs(y));
            largest = Math.max(largest, Math.abs(y));
        }
        Reference.reachabilityFence(denseA);
        Reference.reachabilityFence(denseB);
        return new Difference(worst, excess, largest);
    }
}
