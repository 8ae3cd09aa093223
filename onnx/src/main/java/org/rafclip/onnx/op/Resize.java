package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Memory;

/** {@code Resize} and {@code Upsample}: interpolation along each axis in turn. */
public final class Resize extends OnnxOp {

    /** How values between elements are made. */
    public enum Mode {
        NEAREST,
        LINEAR,
        CUBIC
    }

    /** Which place in the tensor a place in the result corresponds to. */
    public enum Coordinates {
        HALF_PIXEL,
        PYTORCH_HALF_PIXEL,
        ALIGN_CORNERS,
        ASYMMETRIC,
        TF_HALF_PIXEL_FOR_NN
    }

    /** Which element is the nearest to a place in the middle between two. */
    public enum Nearest {
        ROUND_PREFER_FLOOR,
        ROUND_PREFER_CEIL,
        FLOOR,
        CEIL
    }

    private static final long GRAIN = 1 << 14;

    /** SameDiff calls this when it loads a graph. */
    public Resize() {}

    /**
     * @param sizes factors or, if {@code absolute}, lengths, one for each dimension
     * @param excludeOutside whether cubic weights of elements outside are left out, not given to the border
     */
    public Resize(
            SameDiff graph,
            Mode mode,
            Coordinates coordinates,
            Nearest nearest,
            double cubic,
            boolean excludeOutside,
            boolean absolute,
            SDVariable x,
            SDVariable sizes) {
        super(graph, x, sizes);
        addIArgument(
                mode.ordinal(), coordinates.ordinal(), nearest.ordinal(), excludeOutside ? 1 : 0, absolute ? 1 : 0);
        addTArgument(cubic);
    }

    @Override
    public String opName() {
        return "onnx_resize";
    }

    @Override
    protected boolean decidesShape(int input) {
        return input > 0;
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    private double[] scales(long[] x, INDArray sizes) {
        double[] scales = new double[x.length];
        if (sizes.length() != x.length) {
            throw refused(sizes.length() + " sizes for " + x.length + " dimensions");
        }
        Memory memory = Memory.of(Memory.dense(sizes));
        for (int i = 0; i < x.length; i++) {
            scales[i] = intArgument(4) == 1 ? (double) memory.getLong(i) / x[i] : memory.get(i);
        }
        return scales;
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        long[] x = shapes[0];
        if (intArgument(4) == 1) {
            return new long[][] {longs(values[1])};
        }
        double[] scales = scales(x, values[1]);
        long[] shape = new long[x.length];
        // In single precision, as ONNX Runtime does: 10 · 0.7f is 7 there, and 6.99… in double precision.
        Arrays.setAll(shape, i -> (long) Math.floor((float) scales[i] * x[i]));
        return new long[][] {shape};
    }

    /** For each place of one axis of the result: from which elements, with which weights. */
    private record Taps(int[][] from, double[][] weights) {

        /** One line of neighbours. */
        void along(double[] line, int start, double[] result, int to) {
            for (int o = 0; o < from.length; o++) {
                double sum = 0;
                for (int t = 0; t < from[o].length; t++) {
                    sum += weights[o][t] * line[start + from[o][t]];
                }
                result[to + o] = sum;
            }
        }
    }

    private Taps taps(int in, int out, double scale) {
        int[][] from = new int[out][];
        double[][] weights = new double[out][];
        for (int o = 0; o < out; o++) {
            double place = switch (Coordinates.values()[intArgument(1)]) {
                case HALF_PIXEL -> (o + 0.5) / scale - 0.5;
                case PYTORCH_HALF_PIXEL -> out > 1 ? (o + 0.5) / scale - 0.5 : 0;
                case ALIGN_CORNERS -> out == 1 ? 0 : (double) o * (in - 1) / (out - 1);
                case ASYMMETRIC -> o / scale;
                case TF_HALF_PIXEL_FOR_NN -> (o + 0.5) / scale;
            };
            int floor = (int) Math.floor(place);
            double rest = place - floor;
            switch (Mode.values()[intArgument(0)]) {
                case NEAREST -> {
                    int nearest = switch (Nearest.values()[intArgument(2)]) {
                        case ROUND_PREFER_FLOOR -> rest <= 0.5 ? floor : floor + 1;
                        case ROUND_PREFER_CEIL -> rest < 0.5 ? floor : floor + 1;
                        case FLOOR -> floor;
                        case CEIL -> rest == 0 ? floor : floor + 1;
                    };
                    from[o] = new int[] {clamp(nearest, in)};
                    weights[o] = new double[] {1};
                }
                case LINEAR -> {
                    from[o] = new int[] {clamp(floor, in), clamp(floor + 1, in)};
                    weights[o] = new double[] {1 - rest, rest};
                }
                case CUBIC -> {
                    from[o] = new int[4];
                    weights[o] = new double[4];
                    double sum = 0;
                    for (int i = 0; i < 4; i++) {
                        int at = floor - 1 + i;
                        boolean outside = at < 0 || at >= in;
                        from[o][i] = clamp(at, in);
                        weights[o][i] = outside && intArgument(3) == 1 ? 0 : cubic(Math.abs(place - at));
                        sum += weights[o][i];
                    }
                    for (int i = 0; i < 4; i++) {
                        weights[o][i] /= sum;
                    }
                }
            }
        }
        return new Taps(from, weights);
    }

    private double cubic(double distance) {
        double a = realArgument(0);
        return distance <= 1
                ? ((a + 2) * distance - (a + 3)) * distance * distance + 1
                : distance < 2 ? ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a : 0;
    }

    private static int clamp(int index, int size) {
        return Math.max(0, Math.min(size - 1, index));
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        long[] shape = inputs[0].shape();
        long[] result = outputs[0].shape();
        double[] scales = scales(shape, inputs[1]);
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(outputs[0]);
        double[] given = new double[Math.toIntExact(x.length())];
        boolean real = isReal(x.type());
        Parallel.standard().run(given.length, GRAIN, (begin, end, part) -> {
            for (int i = (int) begin; i < end; i++) {
                given[i] = real ? x.get(i) : x.getLong(i);
            }
        });
        double[] values = given;
        long[] now = shape.clone();
        for (int d = 0; d < shape.length; d++) {
            if (unchanged(shape[d], result[d], scales[d])) {
                continue;
            }
            Taps taps = taps((int) shape[d], (int) result[d], scales[d]);
            int inner = (int) product(now, d + 1, now.length);
            int outer = (int) product(now, 0, d);
            int in = (int) shape[d];
            int out = (int) result[d];
            double[] before = values;
            double[] after = new double[Math.toIntExact((long) outer * out * inner)];
            if (inner == 1) {
                Parallel.standard().run(outer, Math.max(1, GRAIN / out), (begin, end, part) -> {
                    for (int line = (int) begin; line < end; line++) {
                        taps.along(before, line * in, after, line * out);
                    }
                });
            } else {
                Parallel.standard().run((long) outer * out, Math.max(1, GRAIN / inner), (begin, end, part) -> {
                    for (int row = (int) begin; row < end; row++) {
                        int[] from = taps.from[row % out];
                        double[] weights = taps.weights[row % out];
                        for (int t = 0; t < from.length; t++) {
                            int source = (row / out * in + from[t]) * inner;
                            for (int i = 0; i < inner; i++) {
                                after[row * inner + i] += weights[t] * before[source + i];
                            }
                        }
                    }
                });
            }
            values = after;
            now[d] = out;
        }
        double[] last = values;
        Parallel.standard().run(last.length, GRAIN, (begin, end, part) -> {
            for (int i = (int) begin; i < end; i++) {
                if (real) {
                    y.set(i, last[i]);
                } else {
                    y.setLong(i, Math.round(last[i]));
                }
            }
        });
    }

    private static boolean unchanged(long in, long out, double scale) {
        return in == out && Math.abs(scale - 1) < 1e-9;
    }

    @Override
    protected void backward(Backward call) {
        long[] shape = call.inputs()[0].shape();
        long[] now = call.outputGradients()[0].shape().clone();
        double[] scales = scales(shape, call.inputs()[1]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        double[] values = new double[Math.toIntExact(dy.length())];
        Arrays.setAll(values, dy::get);
        for (int d = shape.length - 1; d >= 0; d--) {
            if (unchanged(shape[d], now[d], scales[d])) {
                continue;
            }
            Taps taps = taps((int) shape[d], (int) now[d], scales[d]);
            int inner = (int) product(now, d + 1, now.length);
            int out = (int) now[d];
            int in = (int) shape[d];
            int rows = (int) product(now, 0, d) * out;
            double[] before = new double[rows / out * in * inner];
            for (int row = 0; row < rows; row++) {
                int[] from = taps.from[row % out];
                for (int t = 0; t < from.length; t++) {
                    int target = (row / out * in + from[t]) * inner;
                    for (int i = 0; i < inner; i++) {
                        before[target + i] += taps.weights[row % out][t] * values[row * inner + i];
                    }
                }
            }
            values = before;
            now[d] = in;
        }
        for (int i = 0; i < values.length; i++) {
            dx.set(i, values[i]);
        }
    }
}
