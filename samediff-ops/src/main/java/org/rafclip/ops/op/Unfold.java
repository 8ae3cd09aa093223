package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/**
 * Cuts images into patches, so that a convolution becomes this and a {@link Linear}.
 *
 * <p>Images {@code [batch, channels, height, width]} give {@code [batch, patches, channels·k·k]} with a patch's values in
 * the order (channel, row, column), that of PyTorch's convolution weights; they are data, no gradient flows back.
 * Token maps {@code [batch, height·width, channels]} give {@code [batch, patches, k·k·channels]} in the order (row,
 * column, channel). Outside of the image everything is 0. Patches go row by row.
 */
public final class Unfold extends JavaOp {

    /** Up to so many elements a loop is quicker than a call that copies. */
    private static final int FEW = 8;

    /** SameDiff calls this when it loads a graph. */
    public Unfold() {}

    private Unfold(SameDiff graph, SDVariable x, int kernel, int stride, int padding, int mapHeight, int mapWidth) {
        super(graph, x);
        addIArgument(kernel, stride, padding, mapHeight, mapWidth);
    }

    /** Patches of images {@code [batch, channels, height, width]}. */
    public static Unfold images(SameDiff graph, SDVariable images, int kernel, int stride, int padding) {
        return new Unfold(graph, images, kernel, stride, padding, 0, 0);
    }

    /** Patches of a token map {@code [batch, height·width, channels]}. */
    public static Unfold tokens(
            SameDiff graph, SDVariable tokens, int height, int width, int kernel, int stride, int padding) {
        return new Unfold(graph, tokens, kernel, stride, padding, height, width);
    }

    /** How many patches a side gives. */
    public static int outputSize(int size, int kernel, int stride, int padding) {
        return (size + 2 * padding - kernel) / stride + 1;
    }

    @Override
    public String opName() {
        return "java_unfold";
    }

    @Override
    protected boolean differentiable(int input) {
        return !ofImages();
    }

    private boolean ofImages() {
        return intArgument(3) == 0;
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        Geometry g = new Geometry(inputs[0]);
        return new long[][] {{g.batch, (long) g.outHeight * g.outWidth, (long) g.kernel * g.kernel * g.channels}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Geometry g = new Geometry(inputs[0]);
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(outputs[0]);
        if (g.padding > 0) {
            y.zero();
        }
        Parallel.standard().run(g.batch, 1, (from, to, part) -> {
            for (long b = from; b < to; b++) {
                if (ofImages()) {
                    unfoldImage(g, x, y, b);
                } else {
                    g.forEachRun(b, (token, patch, count) -> y.copyFrom(x, token, patch, count));
                }
            }
        });
    }

    private static void unfoldImage(Geometry g, Memory x, Memory y, long b) {
        int patch = g.channels * g.kernel * g.kernel;
        for (int oy = 0; oy < g.outHeight; oy++) {
            long first = (b * g.outHeight + oy) * g.outWidth * patch;
            for (int c = 0; c < g.channels; c++) {
                for (int ky = 0; ky < g.kernel; ky++) {
                    int row = oy * g.stride - g.padding + ky;
                    if (row >= 0 && row < g.height) {
                        long from = ((b * g.channels + c) * g.height + row) * g.width;
                        long to = first + ((long) c * g.kernel + ky) * g.kernel;
                        if (g.kernel > FEW) {
                            unfoldRow(g, x, from, y, to, patch);
                        } else {
                            unfoldRowColumnByColumn(g, x, from, y, to, patch);
                        }
                    }
                }
            }
        }
    }

    /** A row's part of each patch that it meets, at once. */
    private static void unfoldRow(Geometry g, Memory x, long from, Memory y, long to, int patch) {
        for (int ox = 0; ox < g.outWidth; ox++) {
            int left = ox * g.stride - g.padding;
            int skip = Math.max(0, -left);
            int count = Math.min(g.kernel, g.width - left) - skip;
            if (count > 0) {
                y.copyFrom(x, from + left + skip, to + (long) ox * patch + skip, count);
            }
        }
    }

    /** One column of all patches after the other. */
    private static void unfoldRowColumnByColumn(Geometry g, Memory x, long from, Memory y, long to, int patch) {
        for (int kx = 0; kx < g.kernel; kx++) {
            int shift = kx - g.padding;
            int first = shift >= 0 ? 0 : (-shift + g.stride - 1) / g.stride;
            int end = Math.min(g.outWidth, Math.floorDiv(g.width - 1 - shift, g.stride) + 1);
            if (first < end) {
                long read = from + (long) first * g.stride + shift;
                y.copyApart(x, read, g.stride, to + (long) first * patch + kx, patch, end - first);
            }
        }
    }

    @Override
    protected boolean readInBackward(int input) {
        return input != 0;
    }

    @Override
    protected void backward(Backward call) {
        Geometry g = new Geometry(call.inputs()[0]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        Kernels kernels = Kernels.of(dy.type());
        dx.zero();
        Parallel.standard().run(g.batch, 1, (from, to, part) -> {
            for (long b = from; b < to; b++) {
                g.forEachRun(b, (token, patch, count) -> kernels.axpy(1, dy, patch, dx, token, count));
            }
        });
    }

    /** The sizes of one call. */
    private final class Geometry {
        private final int kernel = intArgument(0);
        private final int stride = intArgument(1);
        private final int padding = intArgument(2);
        private final int batch;
        private final int channels;
        private final int height;
        private final int width;
        private final int outHeight;
        private final int outWidth;

        Geometry(INDArray x) {
            batch = (int) x.size(0);
            channels = (int) (ofImages() ? x.size(1) : x.size(2));
            height = ofImages() ? (int) x.size(2) : intArgument(3);
            width = ofImages() ? (int) x.size(3) : intArgument(4);
            if (!ofImages() && x.size(1) != (long) height * width) {
                throw new IllegalArgumentException(x.size(1) + " tokens are not a map of " + height + "x" + width);
            }
            outHeight = outputSize(height, kernel, stride, padding);
            outWidth = outputSize(width, kernel, stride, padding);
        }

        /** Visits the runs of neighbouring tokens of a sample's map that lie side by side in a patch too. */
        private void forEachRun(long b, Run run) {
            for (int oy = 0; oy < outHeight; oy++) {
                for (int ox = 0; ox < outWidth; ox++) {
                    long patch = ((b * outHeight + oy) * outWidth + ox) * kernel * kernel * channels;
                    int left = ox * stride - padding;
                    int skip = Math.max(0, -left);
                    int count = Math.min(kernel, width - left) - skip;
                    for (int ky = 0; ky < kernel; ky++) {
                        int row = oy * stride - padding + ky;
                        if (row >= 0 && row < height && count > 0) {
                            long token = ((b * height + row) * width + left + skip) * channels;
                            run.visit(token, patch + ((long) ky * kernel + skip) * channels, (long) count * channels);
                        }
                    }
                }
            }
        }
    }

    @FunctionalInterface
    private interface Run {
        void visit(long token, long patch, long count);
    }
}
