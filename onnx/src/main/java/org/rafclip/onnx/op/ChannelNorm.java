package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/**
 * {@code BatchNormalization} with stored statistics, and {@code InstanceNormalization}, of {@code [batch, channels, …]}:
 * {@code (x − mean) / √(variance + ε) · scale + bias}, channel by channel.
 */
public final class ChannelNorm extends OnnxOp {

    /** SameDiff calls this when it loads a graph. */
    public ChannelNorm() {}

    /** {@code BatchNormalization} with stored statistics, which count as data. */
    public ChannelNorm(
            SameDiff graph,
            SDVariable x,
            SDVariable scale,
            SDVariable bias,
            SDVariable mean,
            SDVariable variance,
            double eps) {
        super(graph, x, scale, bias, mean, variance);
        addTArgument(eps);
    }

    /** {@code InstanceNormalization}, with the statistics of each channel of each sample. */
    public ChannelNorm(SameDiff graph, SDVariable x, SDVariable scale, SDVariable bias, double eps) {
        super(graph, x, scale, bias);
        addTArgument(eps);
    }

    @Override
    public String opName() {
        return "onnx_channel_norm";
    }

    @Override
    protected boolean differentiable(int input) {
        return input < 3;
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        if (shapes[0].length < 2) {
            throw refused("a tensor " + Arrays.toString(shapes[0]) + " without channels");
        }
        return new long[][] {shapes[0]};
    }

    /** Mean and 1 / deviation of a row. */
    private double[] statistics(INDArray[] inputs, Memory x, long row, int width, int channels) {
        if (inputs.length > 3) {
            int c = (int) (row % channels);
            return new double[] {inputs[3].getDouble(c), 1 / Math.sqrt(inputs[4].getDouble(c) + realArgument(0))};
        }
        double sum = 0;
        for (long i = row * width; i < (row + 1) * width; i++) {
            sum += x.get(i);
        }
        double mean = sum / width;
        double squares = 0;
        for (long i = row * width; i < (row + 1) * width; i++) {
            squares += (x.get(i) - mean) * (x.get(i) - mean);
        }
        return new double[] {mean, 1 / Math.sqrt(squares / width + realArgument(0))};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory scale = Memory.of(inputs[1]);
        Memory bias = Memory.of(inputs[2]);
        Memory y = Memory.of(outputs[0]);
        int channels = (int) inputs[0].size(1);
        int width = (int) product(inputs[0].shape(), 2, inputs[0].rank());
        for (long row = 0; row < x.length() / width; row++) {
            double[] of = statistics(inputs, x, row, width, channels);
            double gain = scale.get(row % channels) * of[1];
            double shift = bias.get(row % channels) - gain * of[0];
            for (long i = row * width; i < (row + 1) * width; i++) {
                y.set(i, x.get(i) * gain + shift);
            }
        }
    }

    @Override
    protected void backward(Backward call) {
        Memory x = Memory.of(call.inputs()[0]);
        Memory scale = Memory.of(call.inputs()[1]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        Memory dScale = Memory.of(call.inputGradients()[1]);
        Memory dBias = Memory.of(call.inputGradients()[2]);
        dScale.zero();
        dBias.zero();
        int channels = (int) call.inputs()[0].size(1);
        int width = (int) product(call.inputs()[0].shape(), 2, call.inputs()[0].rank());
        boolean stored = call.inputs().length > 3;
        for (long row = 0; row < x.length() / width; row++) {
            double[] of = statistics(call.inputs(), x, row, width, channels);
            long c = row % channels;
            double sum = 0;
            double sumNormal = 0;
            for (long i = row * width; i < (row + 1) * width; i++) {
                sum += dy.get(i);
                sumNormal += dy.get(i) * (x.get(i) - of[0]) * of[1];
            }
            dScale.add(c, sumNormal);
            dBias.add(c, sum);
            for (long i = row * width; i < (row + 1) * width; i++) {
                double normal = (x.get(i) - of[0]) * of[1];
                double centered = stored ? dy.get(i) : dy.get(i) - sum / width - normal * sumNormal / width;
                dx.set(i, scale.get(c) * of[1] * centered);
            }
        }
    }
}
