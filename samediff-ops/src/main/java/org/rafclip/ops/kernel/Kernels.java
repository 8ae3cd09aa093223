package org.rafclip.ops.kernel;

import org.nd4j.linalg.api.buffer.DataType;
import org.rafclip.ops.onednn.OneDnn;

/**
 * Row-wise and element-wise loops. Offsets and counts are in elements; a "row" is {@code width} neighbouring elements.
 * None of them starts threads: callers split the rows.
 */
public interface Kernels {

    /**
     * {@code y = (x − mean) / √(var + ε) · γ + β} for the rows {@code from ≤ r < to}; y may be bfloat16.
     *
     * @param statistics {@code [2, rows]}, written: each row's mean, then each row's variance
     */
    void layerNorm(
            Memory x,
            Memory gamma,
            Memory beta,
            Memory y,
            Memory statistics,
            int width,
            double eps,
            long from,
            long to);

    /**
     * The gradient of {@link #layerNorm}: writes {@code dx} of the rows and adds their share of {@code dγ} and
     * {@code dβ} to the given sums ({@code width} each); {@code dy} may be bfloat16.
     */
    void layerNormBackward(
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
            long to);

    /** {@code y = f(x)} for the elements {@code from ≤ i < to}; each may be bfloat16. */
    void activation(Activation f, Memory x, Memory y, long from, long to);

    /** {@code dx = dy · f′(x)} for the elements {@code from ≤ i < to}; each may be bfloat16. */
    void activationBackward(Activation f, Memory x, Memory dy, Memory dx, long from, long to);

    /**
     * Softmax in place over each of some rows of {@code width} elements, the first from {@code offset} on and each next a stride
     * further.
     *
     * @param causal whether the first row has its first element alone, the second its first two, and so on; the others become 0
     */
    void softmax(Memory p, long offset, int rows, int stride, int width, boolean causal);

    /**
     * The gradient of softmax, in place: {@code d ← scale · p · (d − Σ p·d)} over one row of each.
     */
    void softmaxBackward(Memory d, long dOffset, Memory p, long pOffset, int width, double scale);

    /** {@code y = x / max(‖x‖₂, ε)} for rows. */
    void l2Normalize(Memory x, Memory y, int width, double eps, long from, long to);

    /** The gradient of {@link #l2Normalize}. */
    void l2NormalizeBackward(Memory x, Memory dy, Memory dx, int width, double eps, long from, long to);

    /** {@code sums[j] += Σ_r x[r, j]} over rows {@code from ≤ r < to}, which may be bfloat16. */
    void addColumnSums(Memory x, double[] sums, int width, long from, long to);

    /** {@code z = x + y} for the elements {@code from ≤ i < to}. */
    void add(Memory x, Memory y, Memory z, long from, long to);

    /** {@code y[yOffset + i] += a · x[xOffset + i]} for {@code count} elements. */
    void axpy(double a, Memory x, long xOffset, Memory y, long yOffset, long count);

    /**
     * {@code y[yOffset + i · run + j] += x[xOffset + starts[i] + j]} for {@code 0 ≤ j < run} and every i, or without the last
     * j where each run is one element repeated.
     */
    void addRuns(Memory x, long xOffset, long[] starts, boolean repeated, int run, Memory y, long yOffset);

    /** {@code y = x / (1 − rate)} where an element is kept, else 0, for the elements {@code from ≤ i < to}. */
    void dropout(Draws draws, Memory x, Memory y, long from, long to);

    /**
     * Who survives dropout: a pure function of the stream and the place. Two neighbours have the halves of a number of SplitMix64
     * (Steele et al. 2014), the first the lower one.
     *
     * @param rate the probability to be dropped, in {@code [0, 1)}
     */
    record Draws(long stream, double rate) {

        static final long GOLDEN = 0x9E3779B97F4A7C15L;
        static final long FIRST = 0xBF58476D1CE4E5B9L;
        static final long SECOND = 0x94D049BB133111EBL;

        /** @param site a number that no other dropout of the graph has */
        public static Draws of(int seed, int site, double rate) {
            return new Draws(mix(mix(seed * GOLDEN) + site * GOLDEN), rate);
        }

        public boolean keeps(long place) {
            int half = (int) (mix(stream + (place >> 1) * GOLDEN) >>> (place % 2 == 0 ? 0 : Integer.SIZE));
            return half >>> 1 >= threshold();
        }

        /** What survives is multiplied by it. */
        public double scale() {
            return 1 / (1 - rate);
        }

        /** Of 2³¹ numbers those from here on survive. */
        int threshold() {
            return (int) Math.min(Integer.MAX_VALUE, Math.ceil(rate * 0x1p31));
        }

        private static long mix(long z) {
            z = (z ^ (z >>> 30)) * FIRST;
            z = (z ^ (z >>> 27)) * SECOND;
            return z ^ (z >>> 31);
        }
    }

    /** {@code Σ x²} of the elements {@code from ≤ i < to}. */
    double sumOfSquares(Memory x, long from, long to);

    /**
     * One AdamW step (Loshchilov and Hutter 2019, algorithm 2) on the elements {@code from ≤ i < to}: updates weights
     * {@code w} and moments {@code m}, {@code v} in place; gradients are multiplied by {@code step.gradientScale()}.
     */
    void adamW(AdamWStep step, Memory w, Memory g, Memory m, Memory v, long from, long to);

    /** The scalars of one AdamW step; {@code t} counts steps from 1. */
    record AdamWStep(
            double lr, double weightDecay, double beta1, double beta2, double eps, long t, double gradientScale) {

        double correction1() {
            return 1 - Math.pow(beta1, t);
        }

        double correction2() {
            return 1 - Math.pow(beta2, t);
        }
    }

    /** Activation functions of the CLIP family. */
    enum Activation {
        /** {@code x · Φ(x)} with the exact normal distribution function (OpenCLIP). */
        GELU,
        /** {@code x · σ(1.702 x)} (OpenAI's CLIP). */
        QUICK_GELU,
        RELU,
        SIGMOID,
        /** {@link #GELU} by tanh: {@code x · σ(2√(2/π) (x + 0.044715 x³))} (SigLIP; {@code gelu_pytorch_tanh}). */
        GELU_TANH
    }

    /** The kernels for a data type: the fastest for floats, the exact ones for doubles. Few take bfloat16, where oneDNN is. */
    static Kernels of(DataType type) {
        return type == DataType.FLOAT || type == DataType.BFLOAT16 ? Fastest.INSTANCE : Fastest.PLAIN;
    }

    /** The kernels in Java for floats: what oneDNN is held against, and what is used where it is not. */
    static Kernels inJava() {
        return Fastest.JAVA;
    }

    /** The error function to double precision. */
    static double erf(double v) {
        return PlainKernels.erf(v);
    }

    /** Whether 32-bit kernels use the Vector API. */
    static boolean vectorized() {
        return Fastest.JAVA != Fastest.PLAIN;
    }

    /** Loads the vector kernels where the JVM offers the Vector API, and oneDNN's where it is there. */
    final class Fastest {
        private static final Kernels PLAIN = new PlainKernels();
        private static final Kernels JAVA = load();
        private static final Kernels INSTANCE = OneDnn.available() ? new OneDnnKernels(JAVA) : JAVA;

        private Fastest() {}

        private static Kernels load() {
            if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
                return PLAIN;
            }
            try {
                return (Kernels) Class.forName("org.rafclip.ops.kernel.VectorKernels")
                        .getDeclaredConstructor()
                        .newInstance();
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("the vector kernels are missing from the class path", e);
            }
        }
    }
}
