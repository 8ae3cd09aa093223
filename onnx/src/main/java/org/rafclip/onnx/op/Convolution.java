package org.rafclip.onnx.op;

import java.util.Arrays;
import java.util.Optional;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Blas;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.ops.onednn.Computation;
import org.rafclip.ops.onednn.OneDnn;
import org.rafclip.ops.onednn.Primitive;

/**
 * {@code Conv} and {@code ConvTranspose} of maps {@code [batch, channels, …]} with one to three spatial dimensions, in
 * groups, with strides and dilations: maps are laid out window by window and multiplied by the weights, but for groups of
 * one channel, whose windows are weighed where they are.
 */
public final class Convolution extends OnnxOp {

    /**
     * The attributes of an ONNX node.
     *
     * @param automatic {@code NOTSET}, {@code SAME_UPPER}, {@code SAME_LOWER} or {@code VALID}
     * @param strides null for ones, likewise dilations
     * @param pads before each spatial axis, then behind each; null for none
     * @param extra rows behind the result of a transposed convolution; null for none
     * @param size of the result of a transposed convolution; null where it follows from the rest
     */
    public record ConvolutionAttributes(
            String automatic, long group, long[] strides, long[] dilations, long[] pads, long[] extra, long[] size) {}

    /** SameDiff calls this when it loads a graph. */
    public Convolution() {}

    /** @param bias may be null */
    public Convolution(
            SameDiff graph,
            boolean transposed,
            ConvolutionAttributes attributes,
            SDVariable x,
            SDVariable weight,
            SDVariable bias) {
        super(graph, bias == null ? new SDVariable[] {x, weight} : new SDVariable[] {x, weight, bias});
        addIArgument(
                transposed ? 1 : 0,
                Window.Margins.of(attributes.automatic).ordinal(),
                Math.toIntExact(attributes.group));
        for (long[] list : new long[][] {
            attributes.strides, attributes.dilations, attributes.pads, attributes.extra, attributes.size
        }) {
            addIArgument(list == null ? 0 : list.length);
            addIArgument(list == null ? new long[0] : list);
        }
    }

    @Override
    public String opName() {
        return "onnx_convolution";
    }

    private boolean transposed() {
        return intArgument(0) == 1;
    }

    /** The n-th list of the attributes. */
    private int[] list(int number, int length, int otherwise) {
        int at = 3;
        for (int i = 0; i < number; i++) {
            at += 1 + intArgument(at);
        }
        int count = intArgument(at);
        int[] list = new int[length];
        if (count == 0) {
            Arrays.fill(list, otherwise);
            return list;
        }
        if (count != length) {
            throw refused(count + " settings for " + length + " dimensions");
        }
        for (int i = 0; i < length; i++) {
            list[i] = intArgument(at + 1 + i);
        }
        return list;
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        Layout at = new Layout(shapes[0], shapes[1]);
        long[] shape = shapes[0].clone();
        shape[1] = at.channelsOut;
        for (int i = 2; i < shape.length; i++) {
            shape[i] = at.spatialOut[i - 2];
        }
        return new long[][] {shape};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Layout at = new Layout(inputs[0].shape(), inputs[1].shape());
        Memory x = Memory.of(inputs[0]);
        Memory weight = Memory.of(inputs[1]);
        Memory y = Memory.of(outputs[0]);
        boolean biased = inputs.length > 2;
        Optional<Strips> strips = Strips.of(at, y.type(), transposed(), biased);
        if (strips.isPresent()) {
            strips.get().compute(x, weight, biased ? Memory.of(inputs[2]) : null, y);
            return;
        }
        int positions = (int) (y.length() / at.batch / at.channelsOut);
        if (biased) {
            Memory bias = Memory.of(inputs[2]);
            for (long i = 0; i < at.batch * at.channelsOut; i++) {
                y.fill(i * positions, positions, bias.get(i % at.channelsOut));
            }
        } else {
            y.zero();
        }
        if (!transposed() && at.groupIn == 1) {
            long maps = (long) at.batch * at.channelsOut;
            Parallel.standard().run(maps, at.window.grain(), (from, to, part) -> {
                for (long map = from; map < to; map++) {
                    long channel = map % at.channelsOut;
                    long source = map / at.channelsOut * at.channelsIn + channel / at.groupOut;
                    at.window.slide(x, source * at.window.inputs(), weight, channel * at.rows, y, map * at.narrow);
                }
            });
            return;
        }
        try (Columns columns = new Columns(inputs[0], at, transposed() || !at.window.trivial())) {
            at.groups((group, xStart, wStart, yStart) -> {
                if (transposed()) {
                    Memory c = columns.memory;
                    Blas.gemm(
                            true,
                            false,
                            at.rows,
                            at.narrow,
                            at.groupIn,
                            1,
                            weight,
                            wStart,
                            at.rows,
                            x,
                            xStart,
                            at.narrow,
                            0,
                            c,
                            0,
                            at.narrow);
                    at.window.fold(c, y, yStart, at.groupOut);
                } else {
                    long from = columns.of(x, xStart, at.groupIn);
                    Blas.gemm(
                            false,
                            false,
                            at.groupOut,
                            at.narrow,
                            at.rows,
                            1,
                            weight,
                            wStart,
                            at.rows,
                            columns.source(x),
                            from,
                            at.narrow,
                            1,
                            y,
                            yStart,
                            at.narrow);
                }
            });
        }
    }

    @Override
    protected void backward(Backward call) {
        Layout at = new Layout(call.inputs()[0].shape(), call.inputs()[1].shape());
        Memory x = Memory.of(call.inputs()[0]);
        Memory weight = Memory.of(call.inputs()[1]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        Memory dWeight = Memory.of(call.inputGradients()[1]);
        dx.zero();
        dWeight.zero();
        try (Columns columns = new Columns(call.inputs()[0], at, true)) {
            at.groups((group, xStart, wStart, yStart) -> {
                if (transposed()) {
                    long from = columns.of(dy, yStart, at.groupOut);
                    Memory c = columns.source(dy);
                    Blas.gemm(
                            false,
                            false,
                            at.groupIn,
                            at.narrow,
                            at.rows,
                            1,
                            weight,
                            wStart,
                            at.rows,
                            c,
                            from,
                            at.narrow,
                            0,
                            dx,
                            xStart,
                            at.narrow);
                    Blas.gemm(
                            false,
                            true,
                            at.groupIn,
                            at.rows,
                            at.narrow,
                            1,
                            x,
                            xStart,
                            at.narrow,
                            c,
                            from,
                            at.narrow,
                            1,
                            dWeight,
                            wStart,
                            at.rows);
                } else {
                    long from = columns.of(x, xStart, at.groupIn);
                    Blas.gemm(
                            false,
                            true,
                            at.groupOut,
                            at.rows,
                            at.narrow,
                            1,
                            dy,
                            yStart,
                            at.narrow,
                            columns.source(x),
                            from,
                            at.narrow,
                            1,
                            dWeight,
                            wStart,
                            at.rows);
                    Memory c = columns.memory;
                    Blas.gemm(
                            true,
                            false,
                            at.rows,
                            at.narrow,
                            at.groupOut,
                            1,
                            weight,
                            wStart,
                            at.rows,
                            dy,
                            yStart,
                            at.narrow,
                            0,
                            c,
                            0,
                            at.narrow);
                    at.window.fold(c, dx, xStart, at.groupIn);
                }
            });
        }
        if (call.inputs().length > 2) {
            Memory dBias = Memory.of(call.inputGradients()[2]);
            int positions = (int) (dy.length() / at.batch / at.channelsOut);
            double[] sums = new double[at.channelsOut];
            for (long i = 0; i < dy.length(); i++) {
                sums[(int) (i / positions % at.channelsOut)] += dy.get(i);
            }
            for (int c = 0; c < sums.length; c++) {
                dBias.set(c, sums[c]);
            }
        }
    }

    /** Rows of the result that are computed side by side by oneDNN, as many whatever the threads. */
    private static final class Strips {

        private static final int MOST = 16;

        /** Multiplications from which on it is worth compiling for their sizes. */
        private static final long WORK = 1 << 21;

        private final Layout at;
        private final boolean biased;
        private final int count;

        private Strips(Layout at, boolean biased) {
            this.at = at;
            this.biased = biased;
            this.count = Math.min(MOST, at.window.out[1]);
        }

        /** Empty where the convolution is computed otherwise: it is small, a plain product, or of a kind oneDNN does not take here. */
        static Optional<Strips> of(Layout at, DataType type, boolean transposed, boolean biased) {
            Window w = at.window;
            boolean plane = w.in[0] == 1 && w.kernel[0] == 1 && w.out[0] == 1 && w.before[0] == 0;
            if (transposed
                    || !plane
                    || w.trivial()
                    || type != DataType.FLOAT
                    || !OneDnn.available()
                    || (long) at.batch * at.channelsOut * at.rows * at.narrow < WORK) {
                return Optional.empty();
            }
            Strips strips = new Strips(at, biased);
            for (int strip = 0; strip < strips.count; strip++) {
                Computation.MapConvolution part = strips.part(strip);
                if (part.height() < 1 || part.left() < 0 || !fits(part)) {
                    return Optional.empty();
                }
            }
            return Optional.of(strips);
        }

        /** Whether the sizes give each other as oneDNN reckons them. */
        private static boolean fits(Computation.MapConvolution c) {
            int reach = (c.kernelWidth() - 1) * c.dilationWidth() + 1;
            int reachDown = (c.kernelHeight() - 1) * c.dilationHeight() + 1;
            return (c.width() - reach + c.left() + c.right()) / c.strideWidth() + 1 == c.outWidth()
                    && (c.height() - reachDown + c.top() + c.bottom()) / c.strideHeight() + 1 == c.outHeight();
        }

        private int row(int strip) {
            return (int) ((long) at.window.out[1] * strip / count);
        }

        private int firstInput(int strip) {
            return Math.max(0, row(strip) * at.window.stride[1] - at.window.before[1]);
        }

        private Computation.MapConvolution part(int strip) {
            Window w = at.window;
            int rows = row(strip + 1) - row(strip);
            int begin = row(strip) * w.stride[1] - w.before[1];
            int end = begin + (rows - 1) * w.stride[1] + (w.kernel[1] - 1) * w.dilation[1] + 1;
            int right = (w.out[2] - 1) * w.stride[2] + (w.kernel[2] - 1) * w.dilation[2] + 1 - w.in[2] - w.before[2];
            return new Computation.MapConvolution(
                    at.channelsIn,
                    at.channelsOut,
                    at.group,
                    Math.min(end, w.in[1]) - Math.max(0, begin),
                    w.in[2],
                    w.inputs(),
                    rows,
                    w.out[2],
                    w.outputs(),
                    w.kernel[1],
                    w.kernel[2],
                    w.stride[1],
                    w.stride[2],
                    w.dilation[1],
                    w.dilation[2],
                    Math.max(0, -begin),
                    Math.max(0, end - w.in[1]),
                    w.before[2],
                    Math.max(0, right),
                    biased);
        }

        void compute(Memory x, Memory weight, Memory bias, Memory y) {
            Window w = at.window;
            Parallel.standard().run((long) at.batch * count, 1, (from, to, part) -> {
                for (long i = from; i < to; i++) {
                    int strip = (int) (i % count);
                    long sample = i / count;
                    long in = sample * at.channelsIn * w.inputs() + (long) firstInput(strip) * w.in[2];
                    long out = sample * at.channelsOut * w.outputs() + (long) row(strip) * w.out[2];
                    Primitive primitive = Primitive.of(part(strip));
                    if (bias == null) {
                        primitive.execute(x.address(in), weight.address(0), y.address(out));
                    } else {
                        primitive.execute(x.address(in), weight.address(0), bias.address(0), y.address(out));
                    }
                }
            });
            Memory.keep(x, weight, y);
            if (bias != null) {
                Memory.keep(bias);
            }
        }
    }

    /** Maps laid out window by window: {@code [rows, narrow]}. */
    private static final class Columns implements AutoCloseable {
        private final Layout at;
        private final INDArray array;
        private final Memory memory;

        /** @param needed whether there is memory to lay out maps in */
        Columns(INDArray like, Layout at, boolean needed) {
            this.at = at;
            this.array = needed ? Nd4j.createUninitializedDetached(like.dataType(), 'c', at.rows, at.narrow) : null;
            this.memory = needed ? Memory.of(array) : null;
        }

        /** Lays maps out; gives where the result starts. */
        long of(Memory maps, long start, int channels) {
            if (at.window.trivial()) {
                return start;
            }
            at.window.unfold(maps, start, channels, memory);
            return 0;
        }

        Memory source(Memory maps) {
            return at.window.trivial() ? maps : memory;
        }

        @Override
        public void close() {
            if (array != null) {
                array.close();
            }
        }
    }

    @FunctionalInterface
    private interface Group {
        void run(int group, long x, long weight, long y);
    }

    private final class Layout {
        private final int batch;
        private final int channelsIn;
        private final int channelsOut;
        private final int group = intArgument(2);
        private final int groupIn;
        private final int groupOut;
        private final int[] spatialOut;
        private final Window window;
        /** Rows and columns of the maps laid out. */
        private final int rows;

        private final int narrow;

        Layout(long[] x, long[] weight) {
            int spatial = x.length - 2;
            if (spatial < 1 || spatial > 3 || weight.length != x.length) {
                throw refused("maps " + Arrays.toString(x) + " and weights " + Arrays.toString(weight));
            }
            batch = (int) x[0];
            channelsIn = (int) x[1];
            boolean transposed = transposed();
            channelsOut = (int) (transposed ? weight[1] * group : weight[0]);
            groupIn = channelsIn / Math.max(1, group);
            groupOut = channelsOut / group;
            if (group < 1
                    || groupIn * group != channelsIn
                    || groupOut * group != channelsOut
                    || (transposed ? weight[0] != channelsIn : weight[1] != groupIn)) {
                throw refused("maps " + Arrays.toString(x) + ", weights " + Arrays.toString(weight) + ", " + group
                        + " groups");
            }
            int[] in = new int[spatial];
            int[] kernel = new int[spatial];
            for (int i = 0; i < spatial; i++) {
                in[i] = (int) x[2 + i];
                kernel[i] = (int) weight[2 + i];
            }
            int[] strides = list(0, spatial, 1);
            int[] dilations = list(1, spatial, 1);
            int[] pads = list(2, 2 * spatial, 0);
            Window.Margins margins = Window.Margins.values()[intArgument(1)];
            int[] before = Arrays.copyOf(pads, spatial);
            spatialOut = new int[spatial];
            int[] extra = list(3, spatial, 0);
            int[] size = list(4, spatial, -1);
            for (int i = 0; i < spatial; i++) {
                int reach = (kernel[i] - 1) * dilations[i] + 1;
                boolean same = margins == Window.Margins.SAME_UPPER || margins == Window.Margins.SAME_LOWER;
                boolean upper = margins == Window.Margins.SAME_UPPER;
                if (margins == Window.Margins.NONE) {
                    before[i] = 0;
                    pads[spatial + i] = 0;
                }
                if (transposed) {
                    int whole = (in[i] - 1) * strides[i] + reach + extra[i];
                    if (same || size[i] >= 0) {
                        spatialOut[i] = size[i] >= 0 ? size[i] : in[i] * strides[i];
                        int total = Math.max(0, whole - spatialOut[i]);
                        before[i] = upper ? total / 2 : total - total / 2;
                    } else {
                        spatialOut[i] = whole - before[i] - pads[spatial + i];
                    }
                } else if (same) {
                    spatialOut[i] = (in[i] + strides[i] - 1) / strides[i];
                    int total = Math.max(0, (spatialOut[i] - 1) * strides[i] + reach - in[i]);
                    before[i] = upper ? total / 2 : total - total / 2;
                } else {
                    spatialOut[i] = Math.floorDiv(in[i] + before[i] + pads[spatial + i] - reach, strides[i]) + 1;
                }
                if (spatialOut[i] < 1) {
                    throw refused("a kernel of " + reach + " on " + in[i] + " elements");
                }
            }
            window = transposed
                    ? new Window(spatialOut, in, kernel, strides, dilations, before)
                    : new Window(in, spatialOut, kernel, strides, dilations, before);
            rows = (transposed ? groupOut : groupIn) * window.taps();
            narrow = window.outputs();
        }

        private void groups(Group body) {
            long mapIn = transposed() ? window.outputs() : window.inputs();
            long mapOut = transposed() ? window.inputs() : window.outputs();
            long weights = (long) groupIn * groupOut * window.taps();
            for (long sample = 0; sample < batch; sample++) {
                for (int g = 0; g < group; g++) {
                    body.run(
                            g,
                            (sample * channelsIn + (long) g * groupIn) * mapIn,
                            g * weights,
                            (sample * channelsOut + (long) g * groupOut) * mapOut);
                }
            }
        }
    }
}
