package org.rafclip.onnx.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/** {@code Softmax} and {@code LogSoftmax}. */
public final class Softmax extends OnnxOp {

    private static final long GRAIN = 1 << 14;

    /** SameDiff calls this when it loads a graph. */
    public Softmax() {}

    /** @param onwards whether all dimensions from the axis on count as one, as they did before opset 13 */
    public Softmax(SameDiff graph, SDVariable x, long axis, boolean logarithm, boolean onwards) {
        super(graph, x);
        addIArgument(axis, logarithm ? 1 : 0, onwards ? 1 : 0);
    }

    @Override
    public String opName() {
        return "onnx_softmax";
    }

    @Override
    protected int[] savedOutputs() {
        return new int[] {0};
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        return new long[][] {shapes[0]};
    }

    private Lines lines(long[] shape) {
        int axis = axis(longArgument(0), shape.length);
        return intArgument(2) == 1
                ? new Lines(product(shape, 0, axis), Math.toIntExact(product(shape, axis, shape.length)), 1)
                : Lines.of(shape, axis);
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(outputs[0]);
        Lines lines = lines(inputs[0].shape());
        boolean logarithm = intArgument(1) == 1;
        Kernels kernels = Kernels.of(x.type());
        Parallel.standard().run(lines.count(), Math.max(1, GRAIN / lines.length()), (from, to, part) -> {
            for (long line = from; line < to; line++) {
                long start = lines.start(line);
                if (!logarithm
                        && lines.inner() == 1
                        && x.type() == DataType.FLOAT
                        && finite(x, start, lines.length())) {
                    y.copyFrom(x, start, start, lines.length());
                    kernels.softmax(y, start, 1, lines.length(), lines.length(), false);
                } else {
                    line(x, y, start, lines, logarithm);
                }
            }
        });
    }

    /** Masked scores may be −∞, which the kernels do not expect. */
    static boolean finite(Memory x, long start, int length) {
        for (long i = start; i < start + length; i++) {
            if (!(Math.abs(x.get(i)) < Float.MAX_VALUE)) {
                return false;
            }
        }
        return true;
    }

    static void line(Memory x, Memory y, long start, Lines lines, boolean logarithm) {
        double largest = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < lines.length(); i++) {
            largest = Math.max(largest, x.get(start + i * lines.inner()));
        }
        double sum = 0;
        for (int i = 0; i < lines.length(); i++) {
            sum += Math.exp(x.get(start + i * lines.inner()) - largest);
        }
        double logSum = Math.log(sum);
        for (int i = 0; i < lines.length(); i++) {
            double shifted = x.get(start + i * lines.inner()) - largest;
            y.set(start + i * lines.inner(), logarithm ? shifted - logSum : Math.exp(shifted) / sum);
        }
    }

    @Override
    protected void backward(Backward call) {
        Memory y = Memory.of(call.saved()[0]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        Lines lines = lines(call.inputs()[0].shape());
        boolean logarithm = intArgument(1) == 1;
        Parallel.standard().run(lines.count(), Math.max(1, GRAIN / lines.length()), (from, to, part) -> {
            for (long line = from; line < to; line++) {
                long start = lines.start(line);
                double sum = 0;
                for (int i = 0; i < lines.length(); i++) {
                    long at = start + i * lines.inner();
                    sum += logarithm ? dy.get(at) : dy.get(at) * y.get(at);
                }
                for (int i = 0; i < lines.length(); i++) {
                    long at = start + i * lines.inner();
                    dx.set(at, logarithm ? dy.get(at) - Math.exp(y.get(at)) * sum : y.get(at) * (dy.get(at) - sum));
                }
            }
        });
    }
}
