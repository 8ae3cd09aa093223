package org.rafclip.ops.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Blas;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.Precision;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.ops.onednn.Blocks;
import org.rafclip.ops.onednn.Computation;
import org.rafclip.ops.onednn.OneDnn;
import org.rafclip.ops.onednn.Primitive;

/**
 * A convolution with bias: what an {@link Unfold} and a {@link Linear} on its patches compute, without the patches.
 *
 * <p>Images {@code [batch, channels, height, width]} with weights {@code [filters, channels·k·k]} in the order (channel, row,
 * column) are data, no gradient flows back to them. Token maps {@code [batch, height·width, channels]} have weights {@code
 * [filters, k·k·channels]} in the order (row, column, channel); their dimensions may also stand apart. The result is {@code [batch, patches, filters]}.
 */
public final class Convolution extends JavaOp {

    /** Samples that are compiled for at once. */
    private static final int UNIT = 64;

    /** Parts of a batch whose gradients of the weights are added; by its size alone, or bits would depend on threads. */
    private static final int PARTS = 16;

    /** SameDiff calls this when it loads a graph. */
    public Convolution() {}

    private Convolution(
            SameDiff graph,
            SDVariable x,
            SDVariable weight,
            SDVariable bias,
            int kernel,
            int stride,
            int padding,
            int height,
            int width) {
        super(graph, x, weight, bias);
        addIArgument(kernel, stride, padding, height, width);
    }

    /** Of images {@code [batch, channels, height, width]}. */
    public static Convolution ofImages(
            SameDiff graph,
            SDVariable images,
            SDVariable weight,
            SDVariable bias,
            int kernel,
            int stride,
            int padding) {
        return new Convolution(graph, images, weight, bias, kernel, stride, padding, 0, 0);
    }

    /** Of a token map {@code [batch, height·width, channels]}. */
    public static Convolution ofTokens(
            SameDiff graph,
            SDVariable tokens,
            int height,
            int width,
            SDVariable weight,
            SDVariable bias,
            int kernel,
            int stride,
            int padding) {
        return new Convolution(graph, tokens, weight, bias, kernel, stride, padding, height, width);
    }

    @Override
    public String opName() {
        return "java_convolution";
    }

    private boolean ofImages() {
        return intArgument(3) == 0;
    }

    @Override
    protected boolean differentiable(int input) {
        return input != 0 || !ofImages();
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        INDArray x = inputs[0];
        Computation.Filters f = filters(inputs, (int) x.size(0), Computation.Type.FP32);
        if (inputs[1].length() != (long) f.filters() * f.kernel() * f.kernel() * f.channels()
                || !ofImages() && x.size(1) != (long) f.height() * f.width()) {
            throw new IllegalArgumentException(
                    "a convolution of " + Arrays.toString(x.shape()) + " with " + Arrays.toString(inputs[1].shape())
                            + ", kernel " + f.kernel() + (ofImages() ? "" : ", on " + f.height() + "x" + f.width()));
        }
        return new long[][] {{x.size(0), (long) f.outHeight() * f.outWidth(), f.filters()}};
    }

    private Computation.Filters filters(INDArray[] inputs, int batch, Computation.Type type) {
        INDArray x = inputs[0];
        boolean images = ofImages();
        return new Computation.Filters(
                type,
                batch,
                images ? (int) x.size(2) : intArgument(3),
                images ? (int) x.size(3) : intArgument(4),
                (int) x.size(images ? 1 : 2),
                (int) inputs[1].size(0),
                intArgument(0),
                intArgument(1),
                intArgument(2),
                images);
    }

    /** What the calling thread multiplies in, which the threads that share its loops do not know. */
    private static Computation.Type type() {
        return Blas.precision() == Precision.BF16 ? Computation.Type.BF16 : Computation.Type.FP32;
    }

    private static boolean byOneDnn(INDArray x) {
        return x.dataType() == DataType.FLOAT && OneDnn.available();
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        if (!byOneDnn(inputs[0])) {
            try (INDArray patches = patches(inputs[0])) {
                linear().forward(new INDArray[] {patches, inputs[1], inputs[2]}, outputs);
            }
            return;
        }
        Memory x = Memory.of(inputs[0]);
        Memory weight = Memory.of(inputs[1]);
        Memory bias = Memory.of(inputs[2]);
        Memory y = Memory.of(outputs[0]);
        long in = x.length() / inputs[0].size(0);
        long out = y.length() / inputs[0].size(0);
        Computation.Type type = type();
        forBlocks(
                inputs[0].size(0),
                (sample, block) -> Primitive.of(new Computation.Convolution(filters(inputs, block, type)))
                        .execute(x.address(sample * in), weight.address(0), bias.address(0), y.address(sample * out)));
        Memory.keep(x, weight, bias, y);
    }

    @Override
    protected void backward(Backward call) {
        INDArray[] inputs = call.inputs();
        if (!byOneDnn(inputs[0])) {
            backwardByPatches(call);
            return;
        }
        int batch = (int) inputs[0].size(0);
        Memory x = Memory.of(inputs[0]);
        Memory weight = Memory.of(inputs[1]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        long in = x.length() / batch;
        long out = dy.length() / batch;
        Computation.Type type = type();
        int next = 0;
        if (differentiable(0)) {
            Memory dx = Memory.of(call.inputGradients()[next++]);
            forBlocks(
                    batch,
                    (sample, block) -> Primitive.of(
                                    new Computation.ConvolutionDataGradient(filters(inputs, block, type)))
                            .execute(weight.address(0), dy.address(sample * out), dx.address(sample * in)));
            Memory.keep(dx);
        }
        Memory dWeight = Memory.of(call.inputGradients()[next++]);
        Memory dBias = Memory.of(call.inputGradients()[next]);
        int grain = (batch + PARTS - 1) / PARTS;
        int parts = Parallel.chunks(batch, grain);
        long weights = dWeight.length();
        long biases = dBias.length();
        try (INDArray scratch = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', parts * (weights + biases))) {
            Memory sums = Memory.of(scratch);
            Parallel.standard().runChunks(batch, grain, (from, to, part) -> {
                long at = part * (weights + biases);
                Primitive.of(new Computation.ConvolutionWeightsGradient(filters(inputs, (int) (to - from), type)))
                        .execute(
                                x.address(from * in),
                                dy.address(from * out),
                                sums.address(at),
                                sums.address(at + weights));
            });
            total(sums, 0, weights + biases, parts, dWeight);
            total(sums, weights, weights + biases, parts, dBias);
        }
        Memory.keep(x, weight, dy);
    }

    private static void total(Memory sums, long at, long step, int parts, Memory target) {
        Parallel.standard().run(target.length(), 1 << 10, (from, to, part) -> {
            for (long i = from; i < to; i++) {
                double total = 0;
                for (int p = 0; p < parts; p++) {
                    total += sums.get(at + p * step + i);
                }
                target.set(i, total);
            }
        });
    }

    private interface OfBlock {
        void compute(long sample, int block);
    }

    private static void forBlocks(long batch, OfBlock body) {
        Parallel.standard().run(batch, 1, (from, to, part) -> {
            long sample = from;
            for (int block : Blocks.of((int) (to - from), UNIT)) {
                body.compute(sample, block);
                sample += block;
            }
        });
    }

    private Unfold unfold() {
        Unfold unfold = new Unfold();
        unfold.addIArgument(iArgs());
        return unfold;
    }

    private static Linear linear() {
        Linear linear = new Linear();
        linear.addIArgument(Linear.Layout.OUT_IN.ordinal(), 0);
        return linear;
    }

    private INDArray patches(INDArray x) {
        Unfold unfold = unfold();
        INDArray patches =
                Nd4j.createUninitializedDetached(x.dataType(), 'c', unfold.outputShapes(new INDArray[] {x})[0]);
        unfold.forward(new INDArray[] {x}, new INDArray[] {patches});
        return patches;
    }

    private void backwardByPatches(Backward call) {
        INDArray x = call.inputs()[0];
        INDArray[] none = {};
        boolean ofData = !differentiable(0);
        try (INDArray patches = patches(x);
                INDArray dPatches =
                        ofData ? null : Nd4j.createUninitializedDetached(x.dataType(), 'c', patches.shape())) {
            INDArray[] gradients = call.inputGradients();
            INDArray dWeight = gradients[gradients.length - 2];
            INDArray dBias = gradients[gradients.length - 1];
            linear().backward(new Backward(
                    new INDArray[] {patches, call.inputs()[1], call.inputs()[2]},
                    none,
                    call.outputGradients(),
                    new INDArray[] {dPatches, dWeight, dBias}));
            if (!ofData) {
                unfold().backward(new Backward(
                        new INDArray[] {x}, none, new INDArray[] {dPatches}, new INDArray[] {gradients[0]}));
            }
        }
    }
}
