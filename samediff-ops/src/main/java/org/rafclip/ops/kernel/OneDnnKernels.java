package org.rafclip.ops.kernel;

import com.sun.jna.Pointer;
import org.rafclip.ops.onednn.Blocks;
import org.rafclip.ops.onednn.Computation;
import org.rafclip.ops.onednn.Computation.Type;
import org.rafclip.ops.onednn.Primitive;
import org.rafclip.ops.onednn.Scratch;

/** The kernels for 32-bit floats by oneDNN, and in Java those that it has not or that rows are too short for. */
final class OneDnnKernels implements Kernels {

    private static final int ROWS = 256;
    private static final int ELEMENTS = 1 << 14;

    /** Rows of a softmax that take less time there. */
    private static final int WIDE = 128;

    /** Where oneDNN writes a block's gradients of gain and bias. */
    private static final ThreadLocal<Scratch> SUMS = ThreadLocal.withInitial(Scratch::new);

    private final Kernels java;

    OneDnnKernels(Kernels java) {
        this.java = java;
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
        long row = from;
        for (int block : Blocks.of((int) (to - from), ROWS)) {
            Primitive.of(new Computation.LayerNorm(block, width, (float) eps, Type.of(y.type())))
                    .execute(
                            x.address(row * width),
                            gamma.address(0),
                            beta.address(0),
                            y.address(row * width),
                            statistics.address(row),
                            statistics.address(rows + row));
            row += block;
        }
        Memory.keep(x, gamma, beta, y, statistics);
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
        long bytes = 4L * width;
        long address = SUMS.get().address(2 * bytes);
        Pointer sums = new Pointer(address);
        long rows = statistics.length() / 2;
        long row = from;
        for (int block : Blocks.of((int) (to - from), ROWS)) {
            Primitive.of(new Computation.LayerNormGradient(block, width, (float) eps, Type.of(dy.type())))
                    .execute(
                            x.address(row * width),
                            gamma.address(0),
                            statistics.address(row),
                            statistics.address(rows + row),
                            dy.address(row * width),
                            dx.address(row * width),
                            address,
                            address + bytes);
            for (int j = 0; j < width; j++) {
                dGamma[j] += sums.getFloat(4L * j);
                dBeta[j] += sums.getFloat(bytes + 4L * j);
            }
            row += block;
        }
        Memory.keep(x, gamma, statistics, dy, dx);
    }

    @Override
    public void activation(Activation f, Memory x, Memory y, long from, long to) {
        if (f == Activation.RELU) {
            java.activation(f, x, y, from, to);
            return;
        }
        long at = from;
        for (int block : Blocks.of((int) (to - from), ELEMENTS)) {
            Primitive.of(new Computation.Elementwise(function(f), block, Type.of(x.type()), Type.of(y.type())))
                    .execute(x.address(at), y.address(at));
            at += block;
        }
        Memory.keep(x, y);
    }

    @Override
    public void activationBackward(Activation f, Memory x, Memory dy, Memory dx, long from, long to) {
        if (f == Activation.RELU) {
            java.activationBackward(f, x, dy, dx, from, to);
            return;
        }
        long at = from;
        for (int block : Blocks.of((int) (to - from), ELEMENTS)) {
            Memory given = x;
            if (f == Activation.GELU_TANH) {
                // Its cube of large numbers overflows in oneDNN's gradient.
                Primitive.of(new Computation.Elementwise(
                                Computation.Function.BOUND, block, Type.of(x.type()), Type.of(dx.type())))
                        .execute(x.address(at), dx.address(at));
                given = dx;
            }
            Primitive.of(new Computation.ElementwiseGradient(
                            function(f), block, Type.of(given.type()), Type.of(dy.type()), Type.of(dx.type())))
                    .execute(given.address(at), dy.address(at), dx.address(at));
            at += block;
        }
        Memory.keep(x, dy, dx);
    }

    private static Computation.Function function(Activation f) {
        return switch (f) {
            case GELU -> Computation.Function.GELU;
            case QUICK_GELU -> Computation.Function.QUICK_GELU;
            case RELU -> throw new IllegalArgumentException("oneDNN's loses what is not a number");
            case SIGMOID -> Computation.Function.SIGMOID;
            case GELU_TANH -> Computation.Function.GELU_TANH;
        };
    }

    @Override
    public void softmax(Memory p, long offset, int rows, int stride, int width, boolean causal) {
        boolean wide = width >= WIDE && width == stride && !causal;
        // oneDNN's loses what is not a number.
        if (!wide || !Double.isFinite(java.sumOfSquares(p, offset, offset + (long) rows * width))) {
            java.softmax(p, offset, rows, stride, width, causal);
            return;
        }
        long address = p.address(offset);
        Primitive.of(new Computation.SoftMax(rows, width)).execute(address, address);
        Memory.keep(p);
    }

    @Override
    public void softmaxBackward(Memory d, long dOffset, Memory p, long pOffset, int width, double scale) {
        java.softmaxBackward(d, dOffset, p, pOffset, width, scale);
    }

    @Override
    public void l2Normalize(Memory x, Memory y, int width, double eps, long from, long to) {
        java.l2Normalize(x, y, width, eps, from, to);
    }

    @Override
    public void l2NormalizeBackward(Memory x, Memory dy, Memory dx, int width, double eps, long from, long to) {
        java.l2NormalizeBackward(x, dy, dx, width, eps, from, to);
    }

    @Override
    public void addColumnSums(Memory x, double[] sums, int width, long from, long to) {
        java.addColumnSums(x, sums, width, from, to);
    }

    @Override
    public void add(Memory x, Memory y, Memory z, long from, long to) {
        java.add(x, y, z, from, to);
    }

    @Override
    public void axpy(double a, Memory x, long xOffset, Memory y, long yOffset, long count) {
        java.axpy(a, x, xOffset, y, yOffset, count);
    }

    @Override
    public void addRuns(Memory x, long xOffset, long[] starts, boolean repeated, int run, Memory y, long yOffset) {
        java.addRuns(x, xOffset, starts, repeated, run, y, yOffset);
    }

    @Override
    public void dropout(Draws draws, Memory x, Memory y, long from, long to) {
        java.dropout(draws, x, y, from, to);
    }

    @Override
    public double sumOfSquares(Memory x, long from, long to) {
        return java.sumOfSquares(x, from, to);
    }

    @Override
    public void adamW(AdamWStep step, Memory w, Memory g, Memory m, Memory v, long from, long to) {
        java.adamW(step, w, g, m, v, from, to);
    }
}
