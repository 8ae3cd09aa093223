package org.rafclip.ops.onednn;

import org.nd4j.linalg.api.buffer.DataType;

/** What oneDNN can be asked to compile: everything about a computation but where its arrays lie. */
public sealed interface Computation {

    /** How elements are stored. */
    enum Type {
        BF16(2, 2),
        FP32(3, 4);

        final int code;

        /** Bytes of an element. */
        private final int width;

        Type(int code, int width) {
            this.code = code;
            this.width = width;
        }

        public int width() {
            return width;
        }

        /** How an array of BFLOAT16 or FLOAT is stored. */
        public static Type of(DataType elements) {
            return elements == DataType.BFLOAT16 ? BF16 : FP32;
        }
    }

    /** Functions of each element. */
    enum Function {
        GELU(49, 0),
        /** {@code x · σ(1.702 x)}. */
        QUICK_GELU(44, 1.702f),
        SIGMOID(41, 0),
        GELU_TANH(43, 0),
        /** The nearest number in [−14, 14], beyond which GELU's slope is 0 or 1. */
        BOUND(46, -14, 14);

        final int code;
        final float alpha;
        final float beta;

        Function(int code, float alpha) {
            this(code, alpha, 0);
        }

        Function(int code, float alpha, float beta) {
            this.code = code;
            this.alpha = alpha;
            this.beta = beta;
        }
    }

    /**
     * {@code C ← op(A) · op(B)}, to which a bias of {@code [n]} or C's old value can be added; row-major, leading dimensions in
     * elements. Arrays: A and B of the given type, C, and the bias, FP32, if there is one. Sums are FP32.
     *
     * @param result C's type
     * @param packed whether B is what {@link Packing} made of it; it has no leading dimension and no transpose then
     */
    record Product(
            Type type,
            Type result,
            boolean transposeA,
            boolean transposeB,
            boolean packed,
            int m,
            int n,
            int k,
            int lda,
            int ldb,
            int ldc,
            boolean bias,
            boolean added)
            implements Computation {}

    /**
     * The {@code [k, n]} factor {@code op(B)} of many products in the type and order in which they read it fastest. Arrays: B
     * and its packed form, of {@link Primitive#resultBytes()}.
     *
     * @param from B's type
     */
    record Packing(Type from, Type type, boolean transposeB, int n, int k, int ldb) implements Computation {}

    /**
     * Layer norm of {@code [rows, width]}. Arrays: x, gain, bias, y, and what it found: mean and variance of {@code [rows]}; all
     * FP32 but y, which is of a type given.
     */
    record LayerNorm(int rows, int width, float epsilon, Type y) implements Computation {}

    /**
     * Its gradient. Arrays: x, gain, mean, variance, dy, dx, and the gradients of gain and bias, which are written; all FP32 but
     * dy, which is of y's type.
     */
    record LayerNormGradient(int rows, int width, float epsilon, Type y) implements Computation {}

    /**
     * Square filters over maps {@code [batch, height, width, channels]} with weights {@code [filters, row, column, channel]},
     * or, channels first, over {@code [batch, channels, height, width]} with {@code [filters, channel, row, column]}. They give
     * {@code [batch, height, width, filters]}. All arrays are FP32; where the type is BF16, the factors of products are rounded
     * to it on the way, and sums are FP32.
     */
    record Filters(
            Type type,
            int batch,
            int height,
            int width,
            int channels,
            int filters,
            int kernel,
            int stride,
            int padding,
            boolean channelsFirst) {

        public int outHeight() {
            return (height + 2 * padding - kernel) / stride + 1;
        }

        public int outWidth() {
            return (width + 2 * padding - kernel) / stride + 1;
        }
    }

    /** A convolution. Arrays: x, weights, bias, y. */
    record Convolution(Filters filters) implements Computation {}

    /** Its gradient of x. Arrays: weights, dy, dx. */
    record ConvolutionDataGradient(Filters filters) implements Computation {}

    /** Its gradient of weights and bias. Arrays: x, dy, and the gradients, which are written. */
    record ConvolutionWeightsGradient(Filters filters) implements Computation {}

    /**
     * A convolution of some rows of maps {@code [channels, height, width]}, a plane apart each, into rows of
     * {@code [filters, height, width]}, with weights {@code [filters, channels / groups, row, column]}. Arrays: x and y from
     * their first row on, all FP32: x, weights, the bias of {@code [filters]} if there is one, y.
     *
     * @param top rows of zeros that are thought before the first; the others as well
     */
    record MapConvolution(
            int channels,
            int filters,
            int groups,
            int height,
            int width,
            int plane,
            int outHeight,
            int outWidth,
            int outPlane,
            int kernelHeight,
            int kernelWidth,
            int strideHeight,
            int strideWidth,
            int dilationHeight,
            int dilationWidth,
            int top,
            int bottom,
            int left,
            int right,
            boolean bias)
            implements Computation {}

    /** A function of so many elements. Arrays: x, y, of these types. */
    record Elementwise(Function function, int count, Type x, Type y) implements Computation {}

    /** Its gradient. Arrays: x, dy, dx, of these types. */
    record ElementwiseGradient(Function function, int count, Type x, Type dy, Type dx) implements Computation {}

    /** Softmax over {@code [rows, width]} of finite numbers, row by row. Arrays: x, y. */
    record SoftMax(int rows, int width) implements Computation {}

    /** {@code [rows, columns]} in another type, each with a leading dimension. Arrays: from, to. */
    record Cast(Type from, Type to, int rows, int columns, int leading, int castLeading) implements Computation {}

    /** BF16 {@code [rows, columns]} into {@code [columns, rows]}, each with a leading dimension. Arrays: from, to. */
    record Transposition(int rows, int columns, int leading, int transposedLeading) implements Computation {}
}
