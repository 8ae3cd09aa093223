package org.rafclip.onnx.op;

import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Memory;

/** {@code MaxPool}, with the places of the maxima as second output, and {@code AveragePool}. */
public final class Pooling extends OnnxOp {

    /**
     * The attributes of an ONNX node.
     *
     * @param automatic {@code NOTSET}, {@code SAME_UPPER}, {@code SAME_LOWER} or {@code VALID}
     * @param strides null for ones, likewise dilations
     * @param pads before each spatial axis, then behind each; null for none
     * @param ceil whether a window may reach beyond the margins
     * @param countMargins whether an average counts the margins
     */
    public record PoolingAttributes(
            String automatic,
            long[] kernel,
            long[] strides,
            long[] dilations,
            long[] pads,
            boolean ceil,
            boolean countMargins) {}

    /** SameDiff calls this when it loads a graph. */
    public Pooling() {}

    public Pooling(SameDiff graph, boolean average, PoolingAttributes attributes, SDVariable x) {
        super(graph, x);
        int spatial = attributes.kernel.length;
        addIArgument(
                average ? 1 : 0,
                Window.Margins.of(attributes.automatic).ordinal(),
                attributes.ceil ? 1 : 0,
                attributes.countMargins ? 1 : 0);
        addIArgument(spatial);
        addIArgument(attributes.kernel);
        addIArgument(filled(attributes.strides, spatial, 1));
        addIArgument(filled(attributes.dilations, spatial, 1));
        addIArgument(filled(attributes.pads, 2 * spatial, 0));
    }

    private static long[] filled(long[] list, int length, long otherwise) {
        if (list != null && list.length == length) {
            return list;
        }
        long[] filled = new long[length];
        Arrays.fill(filled, otherwise);
        return filled;
    }

    @Override
    public String opName() {
        return "onnx_pool";
    }

    @Override
    public int getNumOutputs() {
        return 2;
    }

    @Override
    protected int differentiableOutputs() {
        return 1;
    }

    @Override
    protected int[] savedOutputs() {
        return new int[] {1};
    }

    @Override
    public List<DataType> calculateOutputDataTypes(List<DataType> types) {
        return List.of(types.get(0), DataType.INT64);
    }

    private boolean average() {
        return intArgument(0) == 1;
    }

    private int[] list(int from, int count) {
        int[] list = new int[count];
        for (int i = 0; i < count; i++) {
            list[i] = intArgument(from + i);
        }
        return list;
    }

    private record Layout(Window window, int[] after) {}

    private Layout layout(long[] x) {
        int spatial = intArgument(4);
        if (x.length != spatial + 2 || spatial < 1 || spatial > 3) {
            throw refused("a window of " + spatial + " dimensions on maps " + Arrays.toString(x));
        }
        int[] kernel = list(5, spatial);
        int[] strides = list(5 + spatial, spatial);
        int[] dilations = list(5 + 2 * spatial, spatial);
        int[] before = list(5 + 3 * spatial, spatial);
        int[] after = list(5 + 4 * spatial, spatial);
        int[] in = new int[spatial];
        int[] out = new int[spatial];
        Window.Margins margins = Window.Margins.values()[intArgument(1)];
        boolean ceil = intArgument(2) == 1;
        for (int i = 0; i < spatial; i++) {
            in[i] = (int) x[2 + i];
            int reach = (kernel[i] - 1) * dilations[i] + 1;
            if (margins == Window.Margins.NONE) {
                before[i] = 0;
                after[i] = 0;
            }
            if (margins == Window.Margins.SAME_UPPER || margins == Window.Margins.SAME_LOWER) {
                out[i] = (in[i] + strides[i] - 1) / strides[i];
                int total = Math.max(0, (out[i] - 1) * strides[i] + reach - in[i]);
                before[i] = margins == Window.Margins.SAME_UPPER ? total / 2 : total - total / 2;
                after[i] = total - before[i];
            } else {
                int span = in[i] + before[i] + after[i] - reach;
                out[i] = (ceil ? -Math.floorDiv(-span, strides[i]) : Math.floorDiv(span, strides[i])) + 1;
                if (ceil && (out[i] - 1) * strides[i] >= in[i] + before[i]) {
                    out[i]--;
                }
            }
            if (out[i] < 1) {
                throw refused("a window of " + reach + " on " + in[i] + " elements");
            }
        }
        return new Layout(new Window(in, out, kernel, strides, dilations, before), after);
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        Window window = layout(shapes[0]).window;
        long[] shape = shapes[0].clone();
        for (int i = 2; i < shape.length; i++) {
            shape[i] = window.out[3 - (shape.length - i)];
        }
        return new long[][] {shape, average() ? new long[] {1} : shape};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Layout at = layout(inputs[0].shape());
        Window window = at.window;
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(outputs[0]);
        Memory places = Memory.of(outputs[1]);
        int inputsEach = window.inputs();
        int outputsEach = window.outputs();
        boolean real = isReal(x.type());
        boolean countMargins = intArgument(3) == 1;
        int width = x.type().width();
        long maps = y.length() / outputsEach;
        Parallel.standard().run(outputsEach, Math.max(1, (1 << 12) / maps), (from, to, part) -> {
            for (int o = (int) from; o < to; o++) {
                int[] seen = window.seen(o);
                int divisor = 0;
                for (int tap : seen) {
                    divisor += tap >= 0 ? 1 : 0;
                }
                divisor = countMargins ? window.within(o, at.after) : divisor;
                for (long map = 0; map < maps; map++) {
                    double sum = 0;
                    double best = Double.NEGATIVE_INFINITY;
                    long place = -1;
                    for (int tap : seen) {
                        if (tap >= 0) {
                            long source = map * inputsEach + tap;
                            double value = real ? x.get(source) : x.getLong(source);
                            sum += value;
                            if (value > best || place < 0) {
                                best = value;
                                place = source;
                            }
                        }
                    }
                    if (average()) {
                        y.set(map * outputsEach + o, sum / divisor);
                    } else {
                        if (place < 0) {
                            throw refused("a window that sees nothing but margin");
                        }
                        Move.copy(width, x, place, y, map * outputsEach + o);
                        places.setLong(map * outputsEach + o, place);
                    }
                }
            }
        });
        if (average()) {
            places.setLong(0, 0);
        }
    }

    @Override
    protected void backward(Backward call) {
        Layout at = layout(call.inputs()[0].shape());
        Memory places = Memory.of(call.saved()[0]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        dx.zero();
        if (!average()) {
            for (long i = 0; i < dy.length(); i++) {
                dx.add(places.getLong(i), dy.get(i));
            }
            return;
        }
        int outputsEach = at.window.outputs();
        for (int o = 0; o < outputsEach; o++) {
            int[] seen =
                    Arrays.stream(at.window.seen(o)).filter(tap -> tap >= 0).toArray();
            double divisor = intArgument(3) == 1 ? at.window.within(o, at.after) : seen.length;
            for (long map = 0; map < dy.length() / outputsEach; map++) {
                for (int tap : seen) {
                    dx.add(map * at.window.inputs() + tap, dy.get(map * outputsEach + o) / divisor);
                }
            }
        }
    }
}
