package org.rafclip.ops.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/**
 * The means of a token map's squares, side by side: {@code [batch, height·width, channels]} → {@code [batch,
 * height/side·width/side, channels]}.
 */
public final class AveragePool extends JavaOp {

    /** Elements of the map that are worth a thread. */
    private static final long GRAIN = 1 << 15;

    /** SameDiff calls this when it loads a graph. */
    public AveragePool() {}

    /** @param side of a square, which both sizes of the map are multiples of */
    public AveragePool(SameDiff graph, SDVariable tokens, int height, int width, int side) {
        super(graph, tokens);
        if (height % side != 0 || width % side != 0) {
            throw new IllegalArgumentException("a map of " + height + "x" + width + " has no squares of " + side);
        }
        addIArgument(height, width, side);
    }

    @Override
    public String opName() {
        return "java_average_pool";
    }

    private int height() {
        return intArgument(0);
    }

    private int width() {
        return intArgument(1);
    }

    private int side() {
        return intArgument(2);
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        INDArray x = inputs[0];
        if (x.rank() != 3 || x.size(1) != (long) height() * width()) {
            throw new IllegalArgumentException(
                    "a pool on " + height() + "x" + width() + " tokens of " + Arrays.toString(x.shape()));
        }
        return new long[][] {{x.size(0), x.size(1) / (side() * side()), x.size(2)}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(outputs[0]);
        y.zero();
        forEachRow(
                inputs[0], (kernels, token, square, channels) -> kernels.axpy(share(), x, token, y, square, channels));
    }

    @Override
    protected boolean readInBackward(int input) {
        return input != 0;
    }

    @Override
    protected void backward(Backward call) {
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        dx.zero();
        forEachRow(
                call.inputs()[0],
                (kernels, token, square, channels) -> kernels.axpy(share(), dy, square, dx, token, channels));
    }

    private double share() {
        return 1.0 / (side() * side());
    }

    /** Rows of squares on all processors; each square is one thread's. */
    private void forEachRow(INDArray x, Step step) {
        Kernels kernels = Kernels.of(x.dataType());
        int side = side();
        long channels = x.size(2);
        int outWidth = width() / side;
        long rows = x.size(0) * (height() / side);
        Parallel.standard().run(rows, Math.max(1, GRAIN / (side * width() * channels)), (from, to, part) -> {
            for (long row = from; row < to; row++) {
                for (int y = 0; y < side; y++) {
                    long line = (row * side + y) * width();
                    for (int column = 0; column < width(); column++) {
                        step.apply(
                                kernels,
                                (line + column) * channels,
                                (row * outWidth + column / side) * channels,
                                channels);
                    }
                }
            }
        });
    }

    @FunctionalInterface
    private interface Step {
        void apply(Kernels kernels, long tokenOffset, long squareOffset, long channels);
    }
}
