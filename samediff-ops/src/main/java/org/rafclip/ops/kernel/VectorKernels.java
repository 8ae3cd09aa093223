package org.rafclip.ops.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.nd4j.linalg.api.buffer.DataType;

/** The kernels for 32-bit floats on the Vector API; what does not fill a vector at the end of a row goes one by one. */
final class VectorKernels implements Kernels {

    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> I = S.withLanes(int.class);
    private static final int LANES = S.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final float SQRT_HALF = (float) Math.sqrt(0.5);
    private static final float INVERSE_SQRT_2_PI = (float) (1 / Math.sqrt(2 * Math.PI));

    private static final float TANH_LINEAR = (float) PlainKernels.TWICE_SQRT_2_OVER_PI;
    private static final float TANH_CUBIC = (float) (PlainKernels.TWICE_SQRT_2_OVER_PI * PlainKernels.CUBE);

    private static final float LOG2_E = (float) (1 / Math.log(2));
    private static final float LN_2_HIGH = 0.693359375f;
    private static final float LN_2_LOW = (float) (Math.log(2) - LN_2_HIGH);

    /** 1.5 · 2²³: adding it rounds to the nearest whole number, which then stands in the lowest bits. */
    private static final float ROUNDING = 12582912f;

    /** The last lanes, so many. */
    private static final List<VectorMask<Float>> LAST = IntStream.rangeClosed(0, LANES)
            .mapToObj(count -> VectorMask.fromLong(S, count == 0 ? 0 : -1L << LANES - count))
            .toList();

    /** Elements that stay in the first-level cache between two passes. */
    private static final int CACHED = 2048;

    private final Kernels plain = new PlainKernels();

    private static FloatVector load(ByteBuffer b, int index) {
        return FloatVector.fromByteBuffer(S, b, index << 2, ORDER);
    }

    private static void store(FloatVector v, ByteBuffer b, int index) {
        v.intoByteBuffer(b, index << 2, ORDER);
    }

    private static float get(ByteBuffer b, int index) {
        return b.getFloat(index << 2);
    }

    private static void set(ByteBuffer b, int index, float value) {
        b.putFloat(index << 2, value);
    }

    @Override
    public void layerNorm(
            Memory x,
            Memory gamma,
            Memory beta,
            Memory y,
            Memory statistics,
            int width,
            double eps,
            long from,
            long to) {
        long rows = statistics.length() / 2;
        ByteBuffer xs = x.bytes();
        ByteBuffer gs = gamma.bytes();
        ByteBuffer bs = beta.bytes();
        ByteBuffer ys = y.bytes();
        int end = S.loopBound(width);
        for (int r = (int) from; r < to; r++) {
            int o = r * width;
            float mean = mean(xs, o, width, end);
            float variance = variance(xs, o, width, end, mean);
            float inverse = (float) (1 / Math.sqrt(variance + eps));
            statistics.set(r, mean);
            statistics.set(rows + r, variance);
            int j = 0;
            for (; j < end; j += LANES) {
                store(load(xs, o + j).sub(mean).mul(inverse).fma(load(gs, j), load(bs, j)), ys, o + j);
            }
            for (; j < width; j++) {
                set(ys, o + j, (get(xs, o + j) - mean) * inverse * get(gs, j) + get(bs, j));
            }
        }
    }

    private static float mean(ByteBuffer x, int offset, int width, int end) {
        FloatVector sums = FloatVector.zero(S);
        int j = 0;
        for (; j < end; j += LANES) {
            sums = sums.add(load(x, offset + j));
        }
        float sum = sums.reduceLanes(VectorOperators.ADD);
        for (; j < width; j++) {
            sum += get(x, offset + j);
        }
        return sum / width;
    }

    private static float variance(ByteBuffer x, int offset, int width, int end, float mean) {
        FloatVector sums = FloatVector.zero(S);
        int j = 0;
        for (; j < end; j += LANES) {
            FloatVector d = load(x, offset + j).sub(mean);
            sums = d.fma(d, sums);
        }
        float sum = sums.reduceLanes(VectorOperators.ADD);
        for (; j < width; j++) {
            float d = get(x, offset + j) - mean;
            sum += d * d;
        }
        return sum / width;
    }

    @Override
    public void layerNormBackward(
            Memory x,
            Memory gamma,
            Memory statistics,
            Memory dy,
            Memory dx,
            double[] dGamma,
            double[] dBeta,
            int width,
            double eps,
            long from,
            long to) {
        ByteBuffer xs = x.bytes();
        ByteBuffer gs = gamma.bytes();
        ByteBuffer ds = dy.bytes();
        ByteBuffer out = dx.bytes();
        long rows = statistics.length() / 2;
        float[] gammaSums = new float[width];
        float[] betaSums = new float[width];
        int end = S.loopBound(width);
        for (int r = (int) from; r < to; r++) {
            int o = r * width;
            float mean = (float) statistics.get(r);
            float inverse = (float) (1 / Math.sqrt(statistics.get(rows + r) + eps));
            FloatVector sums = FloatVector.zero(S);
            FloatVector sumsWithX = FloatVector.zero(S);
            int j = 0;
            for (; j < end; j += LANES) {
                FloatVector normalized = load(xs, o + j).sub(mean).mul(inverse);
                FloatVector d = load(ds, o + j);
                FloatVector dg = d.mul(load(gs, j));
                sums = sums.add(dg);
                sumsWithX = dg.fma(normalized, sumsWithX);
                d.fma(normalized, FloatVector.fromArray(S, gammaSums, j)).intoArray(gammaSums, j);
                d.add(FloatVector.fromArray(S, betaSums, j)).intoArray(betaSums, j);
            }
            float sum = sums.reduceLanes(VectorOperators.ADD);
            float sumWithX = sumsWithX.reduceLanes(VectorOperators.ADD);
            for (; j < width; j++) {
                float normalized = (get(xs, o + j) - mean) * inverse;
                float d = get(ds, o + j);
                sum += d * get(gs, j);
                sumWithX += d * get(gs, j) * normalized;
                gammaSums[j] += d * normalized;
                betaSums[j] += d;
            }
            sum /= width;
            sumWithX /= width;
            j = 0;
            for (; j < end; j += LANES) {
                FloatVector normalized = load(xs, o + j).sub(mean).mul(inverse);
                FloatVector dg = load(ds, o + j).mul(load(gs, j));
                store(dg.sub(sum).sub(normalized.mul(sumWithX)).mul(inverse), out, o + j);
            }
            for (; j < width; j++) {
                float normalized = (get(xs, o + j) - mean) * inverse;
                set(out, o + j, inverse * (get(ds, o + j) * get(gs, j) - sum - normalized * sumWithX));
            }
        }
        for (int j = 0; j < width; j++) {
            dGamma[j] += gammaSums[j];
            dBeta[j] += betaSums[j];
        }
    }

    @Override
    public void activation(Activation f, Memory x, Memory y, long from, long to) {
        int end = (int) from + S.loopBound((int) (to - from));
        Pass pass = switch (f) {
            case GELU -> Pass.GELU;
            case QUICK_GELU -> Pass.QUICK_GELU;
            case RELU -> Pass.RELU;
            case SIGMOID -> Pass.SIGMOID;
            case GELU_TANH -> Pass.GELU_TANH;
        };
        run(pass, x.bytes(), x.bytes(), y.bytes(), (int) from, end);
        plain.activation(f, x, y, end, to);
    }

    @Override
    public void activationBackward(Activation f, Memory x, Memory dy, Memory dx, long from, long to) {
        int end = (int) from + S.loopBound((int) (to - from));
        for (int start = (int) from; start < end; start += CACHED) {
            int stop = Math.min(end, start + CACHED);
            switch (f) {
                case GELU -> {
                    run(Pass.GAUSSIAN, x.bytes(), dy.bytes(), dx.bytes(), start, stop);
                    run(Pass.GELU_BACKWARD, x.bytes(), dy.bytes(), dx.bytes(), start, stop);
                }
                case QUICK_GELU -> run(Pass.QUICK_GELU_BACKWARD, x.bytes(), dy.bytes(), dx.bytes(), start, stop);
                case RELU -> run(Pass.RELU_BACKWARD, x.bytes(), dy.bytes(), dx.bytes(), start, stop);
                case SIGMOID -> run(Pass.SIGMOID_BACKWARD, x.bytes(), dy.bytes(), dx.bytes(), start, stop);
                case GELU_TANH -> run(Pass.GELU_TANH_BACKWARD, x.bytes(), dy.bytes(), dx.bytes(), start, stop);
            }
        }
        plain.activationBackward(f, x, dy, dx, end, to);
    }

    /**
     * The one place that calls a pass. With more than two kinds of callee the compiler leaves each a method of its own;
     * several inlined into one exceed what it inlines, their vectors become objects, and the loops ten times slower.
     */
    private static void run(Pass pass, ByteBuffer x, ByteBuffer dy, ByteBuffer out, int from, int to) {
        PASSES[pass.ordinal()].run(x, dy, out, from, to);
    }

    /** What {@link #run} can run, in the order of {@link #PASSES}. */
    private enum Pass {
        GELU,
        QUICK_GELU,
        RELU,
        SIGMOID,
        GAUSSIAN,
        GELU_BACKWARD,
        QUICK_GELU_BACKWARD,
        RELU_BACKWARD,
        SIGMOID_BACKWARD,
        GELU_TANH,
        GELU_TANH_BACKWARD
    }

    /** A loop over elements; forward passes do not look at {@code dy}. */
    @FunctionalInterface
    private interface Loop {
        void run(ByteBuffer x, ByteBuffer dy, ByteBuffer out, int from, int to);
    }

    private static final Loop[] PASSES = {
        VectorKernels::gelu,
        VectorKernels::quickGelu,
        VectorKernels::relu,
        VectorKernels::sigmoid,
        VectorKernels::gaussian,
        VectorKernels::geluBackward,
        VectorKernels::quickGeluBackward,
        VectorKernels::reluBackward,
        VectorKernels::sigmoidBackward,
        VectorKernels::geluTanh,
        VectorKernels::geluTanhBackward
    };

    private static void gelu(ByteBuffer x, ByteBuffer dy, ByteBuffer out, int from, int to) {
        for (int i = from; i < to; i += LANES) {
            FloatVector v = load(x, i);
            store(v.mul(normalDistribution(v)), out, i);
        }
    }

    private static void quickGelu(ByteBuffer x, ByteBuffer dy, ByteBuffer out, int from, int to) {
        for (int i = from; i < to; i += LANES) {
            FloatVector v = load(x, i);
            store(v.mul(sigmoid(v.mul(1.702f))), out, i);
        }
    }

    private static void relu(ByteBuffer x, ByteBuffer dy, ByteBuffer out, int from, int to) {
        for (int i = from; i < to; i += LANES) {
            store(load(x, i).max(0f), out, i);
        }
    }

    private static void sigmoid(ByteBuffer x, ByteBuffer dy, ByteBuffer out, int from, int to) {
        for (int i = from; i < to; i += LANES) {
            store(sigmoid(load(x, i)), out, i);
        }
    }

    /** {@code φ(x) √(2π) = exp(−x²/2)}: a polynomial for exp(−x²/64), then five squarings. Relative error below 4e-6. */
    private static void gaussian(ByteBuffer x, ByteBuffer dy, ByteBuffer out, int from, int to) {
        for (int i = from; i < to; i += LANES) {
            FloatVector v = load(x, i);
            FloatVector r = v.mul(v).mul(-0.5f / 32).max(-44f / 32);
            FloatVector p = r.mul(2.0876757e-9f).add(2.5052108e-8f);
            p = p.fma(r, constant(2.7557319e-7f));
            p = p.fma(r, constant(2.7557319e-6f));
            p = p.fma(r, constant(2.4801587e-5f));
            p = p.fma(r, constant(1.9841270e-4f));
            p = p.fma(r, constant(1.3888889e-3f));
            p = p.fma(r, constant(8.3333333e-3f));
            p = p.fma(r, constant(4.1666667e-2f));
            p = p.fma(r, constant(1.6666667e-1f));
            p = p.fma(r, constant(0.5f));
            p = p.fma(r, constant(1f));
            p = p.fma(r, constant(1f));
            p = p.mul(p);
            p = p.mul(p);
            p = p.mul(p);
            p = p.mul(p);
            store(p.mul(p), out, i);
        }
    }

    /** {@code dy · (Φ(x) + x φ(x))} where {@code out} holds {@link #gaussian}. */
    private static void geluBackward(ByteBuffer x, ByteBuffer dy, ByteBuffer out, int from, int to) {
        for (int i = from; i < to; i += LANES) {
            FloatVector v = load(x, i);
            FloatVector density = load(out, i).mul(INVERSE_SQRT_2_PI);
            FloatVector bounded = v.max(-14f).min(14f);
            store(bounded.fma(density, normalDistribution(v)).mul(load(dy, i)), out, i);
        }
    }

    private static void quickGeluBackward(ByteBuffer x, ByteBuffer dy, ByteBuffer out, int from, int to) {
        for (int i = from; i < to; i += LANES) {
            FloatVector v = load(x, i);
            FloatVector s = sigmoid(v.mul(1.702f));
            FloatVector slope = v.mul(1.702f).mul(s).mul(s.neg().add(1f)).add(s);
            store(slope.mul(load(dy, i)), out, i);
        }
    }

    private static void reluBackward(ByteBuffer x, ByteBuffer dy, ByteBuffer out, int from, int to) {
        for (int i = from; i < to; i += LANES) {
            FloatVector d = load(dy, i);
            store(FloatVector.zero(S).blend(d, load(x, i).compare(VectorOperators.GT, 0f)), out, i);
        }
    }

    private static void sigmoidBackward(ByteBuffer x, ByteBuffer dy, ByteBuffer out, int from, int to) {
        for (int i = from; i < to; i += LANES) {
            FloatVector s = sigmoid(load(x, i));
            store(s.mul(s.neg().add(1f)).mul(load(dy, i)), out, i);
        }
    }

    private static void geluTanh(ByteBuffer x, ByteBuffer dy, ByteBuffer out, int from, int to) {
        for (int i = from; i < to; i += LANES) {
            FloatVector v = load(x, i);
            FloatVector bounded = v.max(-14f).min(14f);
            FloatVector cubic = bounded.mul(bounded).fma(constant(TANH_CUBIC), constant(TANH_LINEAR));
            store(v.mul(sigmoid(bounded.mul(cubic))), out, i);
        }
    }

    private static void geluTanhBackward(ByteBuffer x, ByteBuffer dy, ByteBuffer out, int from, int to) {
        for (int i = from; i < to; i += LANES) {
            FloatVector v = load(x, i).max(-14f).min(14f);
            FloatVector square = v.mul(v);
            FloatVector s = sigmoid(
                    square.fma(constant(TANH_CUBIC), constant(TANH_LINEAR)).mul(v));
            FloatVector inner = square.fma(constant(3 * TANH_CUBIC), constant(TANH_LINEAR));
            FloatVector slope = v.mul(inner).mul(s).mul(s.neg().add(1f)).add(s);
            store(slope.mul(load(dy, i)), out, i);
        }
    }

    private static FloatVector sigmoid(FloatVector v) {
        return constant(1f).div(exp(v.neg()).add(1f));
    }

    /**
     * eˣ on [−87.3, 88.3], beyond it the value at the bound; relative error below 1e-7. The Vector API's own EXP gives
     * other bits once the compiler has taken over from the interpreter, so a resumed run would not repeat the stopped one.
     * Single additions, products and fused ones are the same in both.
     */
    private static FloatVector exp(FloatVector v) {
        FloatVector x = v.max(-87.3f).min(88.3f);
        FloatVector shifted = x.mul(LOG2_E).add(ROUNDING);
        FloatVector n = shifted.sub(ROUNDING);
        FloatVector r = n.fma(constant(-LN_2_HIGH), x);
        r = n.fma(constant(-LN_2_LOW), r);
        FloatVector p = r.mul(1.9875691500e-4f).add(1.3981999507e-3f);
        p = p.fma(r, constant(8.3334519073e-3f));
        p = p.fma(r, constant(4.1665795894e-2f));
        p = p.fma(r, constant(1.6666665459e-1f));
        p = p.fma(r, constant(5.0000001201e-1f));
        FloatVector power = shifted.reinterpretAsInts()
                .add(127 - Float.floatToRawIntBits(ROUNDING))
                .lanewise(VectorOperators.LSHL, 23)
                .reinterpretAsFloats();
        return p.fma(r.mul(r), r).add(1f).mul(power);
    }

    /** Φ(x) by the rational approximation of erf on [−4, 4] that float math libraries use; error below 1e-7. */
    private static FloatVector normalDistribution(FloatVector v) {
        FloatVector a = v.mul(SQRT_HALF).max(-4f).min(4f);
        FloatVector a2 = a.mul(a);
        FloatVector p = a2.mul(-2.72614225801306e-10f).add(2.77068142495902e-08f);
        p = p.fma(a2, constant(-2.10102402082508e-06f));
        p = p.fma(a2, constant(-5.69250639462346e-05f));
        p = p.fma(a2, constant(-7.34990630326855e-04f));
        p = p.fma(a2, constant(-2.95459980854025e-03f));
        p = p.fma(a2, constant(-1.60960333262415e-02f));
        FloatVector q = a2.mul(-1.45660718464996e-05f).add(-2.13374055278905e-04f);
        q = q.fma(a2, constant(-1.68282697438203e-03f));
        q = q.fma(a2, constant(-7.37332916720468e-03f));
        q = q.fma(a2, constant(-1.42647390514189e-02f));
        return a.mul(p).div(q).fma(constant(0.5f), constant(0.5f));
    }

    private static FloatVector constant(float value) {
        return FloatVector.broadcast(S, value);
    }

    @Override
    public void softmax(Memory p, long offset, int rows, int stride, int width, boolean causal) {
        ByteBuffer ps = p.bytes();
        float[] row = new float[S.loopBound(width + LANES - 1)];
        for (int r = 0; r < rows; r++) {
            int o = (int) offset + r * stride;
            int valid = causal ? Math.min(r + 1, width) : width;
            float max = copyWithMax(ps, o, row, valid);
            int filled = S.loopBound(valid + LANES - 1);
            // Their exponentials are beyond the last bit of the sum, in which the largest element has 1.
            Arrays.fill(row, valid, filled, Float.NEGATIVE_INFINITY);
            float sum = exponentials(row, filled, max);
            Arrays.fill(row, valid, row.length, 0);
            copyScaled(row, 1 / sum, ps, o, width);
        }
    }

    /** The first elements of a row, which may end within a vector: the last one has some elements again then. */
    private static float copyWithMax(ByteBuffer from, int offset, float[] row, int count) {
        int end = S.loopBound(count);
        FloatVector maxima = FloatVector.broadcast(S, Float.NEGATIVE_INFINITY);
        int j = 0;
        for (; j < end; j += LANES) {
            FloatVector v = load(from, offset + j);
            v.intoArray(row, j);
            maxima = maxima.max(v);
        }
        if (end > 0 && end < count) {
            FloatVector v = load(from, offset + count - LANES);
            v.intoArray(row, count - LANES);
            return maxima.max(v).reduceLanes(VectorOperators.MAX);
        }
        float max = maxima.reduceLanes(VectorOperators.MAX);
        for (; j < count; j++) {
            row[j] = get(from, offset + j);
            max = Math.max(max, row[j]);
        }
        return max;
    }

    /** {@code e^(x − max)} in place, and their sum. */
    private static float exponentials(float[] x, int count, float max) {
        FloatVector sums = FloatVector.zero(S);
        for (int j = 0; j < count; j += LANES) {
            FloatVector e = exp(FloatVector.fromArray(S, x, j).sub(max));
            e.intoArray(x, j);
            sums = sums.add(e);
        }
        return sums.reduceLanes(VectorOperators.ADD);
    }

    private static void copyScaled(float[] row, float factor, ByteBuffer to, int offset, int count) {
        int end = S.loopBound(count);
        int j = 0;
        for (; j < end; j += LANES) {
            store(FloatVector.fromArray(S, row, j).mul(factor), to, offset + j);
        }
        if (end > 0 && end < count) {
            store(FloatVector.fromArray(S, row, count - LANES).mul(factor), to, offset + count - LANES);
            return;
        }
        for (; j < count; j++) {
            set(to, offset + j, row[j] * factor);
        }
    }

    @Override
    public void softmaxBackward(Memory d, long dOffset, Memory p, long pOffset, int width, double scale) {
        ByteBuffer ds = d.bytes();
        ByteBuffer ps = p.bytes();
        int dAt = (int) dOffset;
        int pAt = (int) pOffset;
        int end = S.loopBound(width);
        FloatVector dots = FloatVector.zero(S);
        int j = 0;
        for (; j < end; j += LANES) {
            dots = load(ds, dAt + j).fma(load(ps, pAt + j), dots);
        }
        // The last elements, and again some before them: read before those are changed.
        boolean rest = end > 0 && end < width;
        FloatVector lastD = rest ? load(ds, dAt + width - LANES) : dots;
        FloatVector lastP = rest ? load(ps, pAt + width - LANES) : dots;
        if (rest) {
            dots = dots.add(lastD.mul(lastP), LAST.get(width - end));
            j = width;
        }
        float dot = dots.reduceLanes(VectorOperators.ADD);
        for (; j < width; j++) {
            dot += get(ds, dAt + j) * get(ps, pAt + j);
        }
        float s = (float) scale;
        for (j = 0; j < end; j += LANES) {
            store(load(ds, dAt + j).sub(dot).mul(load(ps, pAt + j)).mul(s), ds, dAt + j);
        }
        if (rest) {
            store(lastD.sub(dot).mul(lastP).mul(s), ds, dAt + width - LANES);
            j = width;
        }
        for (; j < width; j++) {
            set(ds, dAt + j, (get(ds, dAt + j) - dot) * get(ps, pAt + j) * s);
        }
    }

    @Override
    public void l2Normalize(Memory x, Memory y, int width, double eps, long from, long to) {
        plain.l2Normalize(x, y, width, eps, from, to);
    }

    @Override
    public void l2NormalizeBackward(Memory x, Memory dy, Memory dx, int width, double eps, long from, long to) {
        plain.l2NormalizeBackward(x, dy, dx, width, eps, from, to);
    }

    @Override
    public void addColumnSums(Memory x, double[] sums, int width, long from, long to) {
        if (x.type() == DataType.BFLOAT16) {
            addColumnSumsOfBf16(x, sums, width, (int) from, (int) to);
            return;
        }
        ByteBuffer xs = x.bytes();
        float[] partial = new float[width];
        int end = S.loopBound(width);
        for (int r = (int) from; r < to; r++) {
            int o = r * width;
            int j = 0;
            for (; j < end; j += LANES) {
                load(xs, o + j).add(FloatVector.fromArray(S, partial, j)).intoArray(partial, j);
            }
            for (; j < width; j++) {
                partial[j] += get(xs, o + j);
            }
        }
        for (int j = 0; j < width; j++) {
            sums[j] += partial[j];
        }
    }

    /** Neighbours are read as one number of 32 bits: the upper half is the second, the lower one, shifted, the first. */
    private static void addColumnSumsOfBf16(Memory x, double[] sums, int width, int from, int to) {
        ByteBuffer xs = x.bytes();
        float[] first = new float[(width + 1) / 2];
        float[] second = new float[width / 2];
        int end = S.loopBound(width / 2);
        for (int r = from; r < to; r++) {
            int row = r * width;
            for (int j = 0; j < end; j += LANES) {
                IntVector both = IntVector.fromByteBuffer(I, xs, (row << 1) + (j << 2), ORDER);
                both.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .add(FloatVector.fromArray(S, first, j))
                        .intoArray(first, j);
                both.and(0xffff0000)
                        .reinterpretAsFloats()
                        .add(FloatVector.fromArray(S, second, j))
                        .intoArray(second, j);
            }
            for (int i = 2 * end; i < width; i++) {
                (i % 2 == 0 ? first : second)[i / 2] += (float) x.get(row + i);
            }
        }
        for (int i = 0; i < width; i++) {
            sums[i] += (i % 2 == 0 ? first : second)[i / 2];
        }
    }

    @Override
    public void add(Memory x, Memory y, Memory z, long from, long to) {
        ByteBuffer xs = x.bytes();
        ByteBuffer ys = y.bytes();
        ByteBuffer zs = z.bytes();
        int end = (int) from + S.loopBound((int) (to - from));
        for (int i = (int) from; i < end; i += LANES) {
            store(load(xs, i).add(load(ys, i)), zs, i);
        }
        plain.add(x, y, z, end, to);
    }

    @Override
    public void axpy(double a, Memory x, long xOffset, Memory y, long yOffset, long count) {
        ByteBuffer xs = x.bytes();
        ByteBuffer ys = y.bytes();
        FloatVector factor = constant((float) a);
        int end = S.loopBound((int) count);
        for (int i = 0; i < end; i += LANES) {
            int at = (int) yOffset + i;
            store(load(xs, (int) xOffset + i).fma(factor, load(ys, at)), ys, at);
        }
        plain.axpy(a, x, xOffset + end, y, yOffset + end, count - end);
    }

    /** What is left of a run is added with zeros for the elements behind it, where there are such, instead of one by one. */
    @Override
    public void addRuns(Memory x, long xOffset, long[] starts, boolean repeated, int run, Memory y, long yOffset) {
        ByteBuffer xs = x.bytes();
        ByteBuffer ys = y.bytes();
        int whole = S.loopBound(run);
        VectorMask<Float> rest = S.indexInRange(whole, run);
        FloatVector zeros = FloatVector.zero(S);
        for (int i = 0; i < starts.length; i++) {
            int from = (int) (xOffset + starts[i]);
            int to = (int) yOffset + i * run;
            FloatVector one = FloatVector.broadcast(S, get(xs, from));
            for (int j = 0; j < whole; j += LANES) {
                store(load(ys, to + j).add(repeated ? one : load(xs, from + j)), ys, to + j);
            }
            if (whole == run) {
                continue;
            }
            boolean room = to + whole + LANES <= (int) yOffset + starts.length * run
                    && (repeated || from + whole + LANES <= x.length());
            if (room) {
                FloatVector added = repeated ? one : load(xs, from + whole);
                store(load(ys, to + whole).add(zeros.blend(added, rest)), ys, to + whole);
            } else {
                for (int j = whole; j < run; j++) {
                    set(ys, to + j, get(ys, to + j) + get(xs, repeated ? from : from + j));
                }
            }
        }
    }

    /** By vectors where processors multiply those of 64-bit integers (AVX-512), in a tenth of the time. */
    @Override
    public void dropout(Draws draws, Memory x, Memory y, long from, long to) {
        long begin = to;
        long end = to;
        if (S.vectorShape() == VectorShape.S_512_BIT) {
            begin = Math.min(to, (from + LANES - 1) / LANES * LANES);
            end = Math.max(begin, to / LANES * LANES);
            dropout(draws, x.bytes(), y.bytes(), (int) begin, (int) end);
        }
        plain.dropout(draws, x, y, from, begin);
        plain.dropout(draws, x, y, end, to);
    }

    private static void dropout(Draws draws, ByteBuffer x, ByteBuffer y, int from, int to) {
        VectorSpecies<Long> longs = LongVector.SPECIES_512;
        float scale = (float) draws.scale();
        int threshold = draws.threshold();
        LongVector place = (LongVector)
                LongVector.zero(longs).addIndex(1).mul(Draws.GOLDEN).add(draws.stream() + from / 2 * Draws.GOLDEN);
        for (int i = from; i < to; i += LANES) {
            LongVector z = place.lanewise(VectorOperators.XOR, place.lanewise(VectorOperators.LSHR, 30))
                    .mul(Draws.FIRST);
            z = z.lanewise(VectorOperators.XOR, z.lanewise(VectorOperators.LSHR, 27))
                    .mul(Draws.SECOND);
            IntVector halves = z.lanewise(VectorOperators.XOR, z.lanewise(VectorOperators.LSHR, 31))
                    .reinterpretAsInts();
            // All bits are set where an element is dropped: masks of JDK 17 are twenty times as slow.
            IntVector dropped = halves.lanewise(VectorOperators.LSHR, 1)
                    .sub(threshold)
                    .lanewise(VectorOperators.ASHR, Integer.SIZE - 1);
            store(
                    load(x, i)
                            .mul(scale)
                            .reinterpretAsInts()
                            .lanewise(VectorOperators.AND_NOT, dropped)
                            .reinterpretAsFloats(),
                    y,
                    i);
            place = place.add(Draws.GOLDEN * longs.length());
        }
    }

    @Override
    public double sumOfSquares(Memory x, long from, long to) {
        ByteBuffer xs = x.bytes();
        int end = (int) from + S.loopBound((int) (to - from));
        double sum = 0;
        int i = (int) from;
        while (i < end) {
            int chunk = Math.min(end, i + 1024 * LANES);
            FloatVector squares = FloatVector.zero(S);
            for (; i < chunk; i += LANES) {
                FloatVector v = load(xs, i);
                squares = v.fma(v, squares);
            }
            sum += squares.reduceLanes(VectorOperators.ADD);
        }
        return sum + plain.sumOfSquares(x, end, to);
    }

    @Override
    public void adamW(AdamWStep step, Memory w, Memory g, Memory m, Memory v, long from, long to) {
        ByteBuffer ws = w.bytes();
        ByteBuffer gs = g.bytes();
        ByteBuffer ms = m.bytes();
        ByteBuffer vs = v.bytes();
        float beta1 = (float) step.beta1();
        float beta2 = (float) step.beta2();
        float scale = (float) step.gradientScale();
        float decay = (float) (1 - step.lr() * step.weightDecay());
        float rate = (float) (-step.lr() / step.correction1());
        float root = (float) (1 / Math.sqrt(step.correction2()));
        float eps = (float) step.eps();
        int end = (int) from + S.loopBound((int) (to - from));
        for (int i = (int) from; i < end; i += LANES) {
            FloatVector gradient = load(gs, i).mul(scale);
            FloatVector first = load(ms, i).mul(beta1).add(gradient.mul(1 - beta1));
            FloatVector second =
                    load(vs, i).mul(beta2).add(gradient.mul(gradient).mul(1 - beta2));
            store(first, ms, i);
            store(second, vs, i);
            FloatVector update = first.mul(rate).div(second.sqrt().mul(root).add(eps));
            store(load(ws, i).mul(decay).add(update), ws, i);
        }
        plain.adamW(step, w, g, m, v, end, to);
    }
}
