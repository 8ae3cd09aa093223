package org.rafclip.onnx.op;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Blas;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/**
 * {@code softmax(scale · q k + biases) v}: attention as exporters take it apart, with masks and with biases for relative
 * positions (Li et al. 2022, MViTv2, equation 4, as SAM's encoder has them). Scores exist for some queries at a time
 * only: those of one layer of SAM ViT-B, 12 heads of 4096 × 4096, would be 805 MB.
 */
public final class BiasedAttention extends OnnxOp {

    /** Scores that are worked on at a time; they fit into a processor's second cache. */
    private static final long TILE = 1 << 18;

    /** Keys that are multiplied at a time: the library packs them, and more of them would leave the first cache. */
    private static final int BLOCK = 512;

    private static final long GRAIN = 1 << 14;

    private static final int FIRST_BIAS = 3;

    /** SameDiff calls this when it loads a graph. */
    public BiasedAttention() {}

    /**
     * @param q {@code [..., queries, width]}
     * @param k {@code [..., width, keys]}, or {@code [..., keys, width]} where it is transposed first
     * @param v {@code [..., keys, columns]}
     * @param view the shape in which the scores take their biases, its last dimensions together the keys; one may be −1.
     *     Null for {@code [..., queries, keys]}
     * @param biases added to the scores, dimensions of length 1 repeated to fit
     */
    public BiasedAttention(
            SameDiff graph,
            SDVariable q,
            SDVariable k,
            boolean transposeK,
            SDVariable v,
            double scale,
            long[] view,
            List<SDVariable> biases) {
        super(graph, inputs(q, k, v, biases));
        addIArgument(transposeK ? 1 : 0);
        addIArgument(view == null ? new long[0] : view);
        addTArgument(scale);
    }

    private static SDVariable[] inputs(SDVariable q, SDVariable k, SDVariable v, List<SDVariable> biases) {
        List<SDVariable> inputs = new ArrayList<>(List.of(q, k, v));
        inputs.addAll(biases);
        return inputs.toArray(SDVariable[]::new);
    }

    @Override
    public String opName() {
        return "onnx_attention";
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        Layout at = new Layout(shapes);
        long[] shape = Arrays.copyOf(at.outer, at.outer.length + 2);
        shape[at.outer.length] = at.queries;
        shape[at.outer.length + 1] = at.columns;
        return new long[][] {shape};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Layout at = new Layout(shapes(inputs));
        Operands in = new Operands(inputs, at);
        Memory out = Memory.of(outputs[0]);
        int rows = (int) Math.max(1, Math.min(at.queries, TILE / at.keys));
        int tiles = (at.queries + rows - 1) / rows;
        Parallel parallel = Parallel.standard();
        INDArray scratch = Nd4j.createUninitializedDetached(out.type(), 'c', parallel.threads(), rows, at.keys);
        INDArray queries = Nd4j.createUninitializedDetached(out.type(), 'c', parallel.threads(), rows, at.width);
        Memory scores = Memory.of(scratch);
        Memory scaled = Memory.of(queries);
        Blas.runWithSerialGemm(parallel, (long) at.batch * tiles, 1, (from, to, part) -> {
            long start = (long) part * rows * at.keys;
            for (long i = from; i < to; i++) {
                int sample = (int) (i / tiles);
                int first = (int) (i % tiles) * rows;
                int count = Math.min(rows, at.queries - first);
                in.weights(sample, first, count, scaled, (long) part * rows * at.width, scores, start);
                Blas.gemm(
                        false,
                        false,
                        count,
                        at.columns,
                        at.keys,
                        1,
                        scores,
                        start,
                        at.keys,
                        in.v,
                        at.v[sample],
                        at.columns,
                        0,
                        out,
                        ((long) sample * at.queries + first) * at.columns,
                        at.columns);
            }
        });
        scratch.close();
        queries.close();
    }

    @Override
    protected void backward(Backward call) {
        Layout at = new Layout(shapes(call.inputs()));
        Operands in = new Operands(call.inputs(), at);
        Memory[] gradients =
                Arrays.stream(call.inputGradients()).map(Memory::of).toArray(Memory[]::new);
        for (Memory gradient : gradients) {
            gradient.zero();
        }
        Memory dOut = Memory.of(call.outputGradients()[0]);
        INDArray scratch = Nd4j.createUninitializedDetached(dOut.type(), 'c', 2, at.queries, at.keys);
        INDArray queries = Nd4j.createUninitializedDetached(dOut.type(), 'c', at.queries, at.width);
        Memory both = Memory.of(scratch);
        Memory scaled = Memory.of(queries);
        long d = (long) at.queries * at.keys;
        int m = at.queries;
        int n = at.keys;
        for (int sample = 0; sample < at.batch; sample++) {
            long o = (long) sample * m * at.columns;
            in.weights(sample, 0, m, scaled, 0, both, 0);
            Blas.gemm(
                    true,
                    false,
                    n,
                    at.columns,
                    m,
                    1,
                    both,
                    0,
                    n,
                    dOut,
                    o,
                    at.columns,
                    1,
                    gradients[2],
                    at.v[sample],
                    at.columns);
            Blas.gemm(
                    false,
                    true,
                    m,
                    n,
                    at.columns,
                    1,
                    dOut,
                    o,
                    at.columns,
                    in.v,
                    at.v[sample],
                    at.columns,
                    0,
                    both,
                    d,
                    n);
            for (int row = 0; row < m; row++) {
                long r = (long) row * n;
                in.kernels.softmaxBackward(both, d + r, both, r, n, 1);
                for (int i = 0; i < in.biases.length; i++) {
                    in.biases[i].collect(both, d + r, (long) sample * m + row, gradients[FIRST_BIAS + i]);
                }
            }
            Blas.gemm(
                    false,
                    !at.transposed,
                    m,
                    at.width,
                    n,
                    at.scale,
                    both,
                    d,
                    n,
                    in.k,
                    at.k[sample],
                    at.ldk,
                    1,
                    gradients[0],
                    at.q[sample],
                    at.width);
            if (at.transposed) {
                Blas.gemm(
                        true,
                        false,
                        n,
                        at.width,
                        m,
                        at.scale,
                        both,
                        d,
                        n,
                        in.q,
                        at.q[sample],
                        at.width,
                        1,
                        gradients[1],
                        at.k[sample],
                        at.width);
            } else {
                Blas.gemm(
                        true,
                        false,
                        at.width,
                        n,
                        m,
                        at.scale,
                        in.q,
                        at.q[sample],
                        at.width,
                        both,
                        d,
                        n,
                        1,
                        gradients[1],
                        at.k[sample],
                        n);
            }
        }
        scratch.close();
        queries.close();
    }

    private static long[][] shapes(INDArray[] inputs) {
        return Arrays.stream(inputs).map(INDArray::shape).toArray(long[][]::new);
    }

    /** Where the matrices of each sample (of batch and head) start. */
    private final class Layout {
        private final boolean transposed = intArgument(0) == 1;
        private final double scale = realArgument(0);
        private final long[] outer;
        private final int batch;
        private final int queries;
        private final int keys;
        private final int width;
        private final int columns;
        private final int ldk;
        private final long[] q;
        private final long[] k;
        private final long[] v;
        /** Dimensions of the biases' view before the keys, and those of the keys. */
        private final long[] viewOfRows;

        private final long[] viewOfKeys;

        Layout(long[][] shapes) {
            long[] a = shapes[0];
            long[] b = shapes[1];
            long[] c = shapes[2];
            String all = Arrays.deepToString(shapes);
            if (a.length < 2 || b.length < 2 || c.length < 2) {
                throw refused("attention of " + all);
            }
            long[] outerA = Arrays.copyOf(a, a.length - 2);
            long[] outerB = Arrays.copyOf(b, b.length - 2);
            long[] outerC = Arrays.copyOf(c, c.length - 2);
            outer = Broadcasting.shape(outerA, outerB, outerC);
            queries = Math.toIntExact(a[a.length - 2]);
            width = Math.toIntExact(a[a.length - 1]);
            keys = Math.toIntExact(b[b.length - (transposed ? 2 : 1)]);
            columns = Math.toIntExact(c[c.length - 1]);
            if (outer == null || b[b.length - (transposed ? 1 : 2)] != width || c[c.length - 2] != keys) {
                throw refused("attention of " + all);
            }
            batch = Math.toIntExact(product(outer, 0, outer.length));
            ldk = transposed ? width : keys;
            q = Broadcasting.starts(outer, outerA, (long) queries * width);
            k = Broadcasting.starts(outer, outerB, (long) keys * width);
            v = Broadcasting.starts(outer, outerC, (long) keys * columns);

            long[] view = view();
            int first = view.length;
            long length = 1;
            while (first > 0 && length < keys) {
                length *= view[--first];
            }
            if (length != keys || product(view, 0, first) != (long) batch * queries) {
                throw refused("scores of " + all + " seen as " + Arrays.toString(view));
            }
            viewOfRows = Arrays.copyOf(view, first);
            viewOfKeys = Arrays.copyOfRange(view, first, view.length);
            for (int i = FIRST_BIAS; i < shapes.length; i++) {
                if (!Arrays.equals(view, Broadcasting.shape(view, shapes[i]))) {
                    throw refused("a bias " + Arrays.toString(shapes[i]) + " for scores " + Arrays.toString(view));
                }
            }
        }

        private long[] view() {
            int rank = integerArguments() - 1;
            long[] view = new long[rank];
            long given = 1;
            int open = -1;
            for (int i = 0; i < rank; i++) {
                view[i] = longArgument(1 + i);
                if (view[i] < 0) {
                    open = i;
                } else {
                    given *= view[i];
                }
            }
            if (open >= 0) {
                view[open] = (long) batch * queries * keys / Math.max(1, given);
            }
            if (rank > 0) {
                return view;
            }
            long[] plain = Arrays.copyOf(outer, outer.length + 2);
            plain[outer.length] = queries;
            plain[outer.length + 1] = keys;
            return plain;
        }
    }

    /** The inputs' values. */
    private static final class Operands {
        private final Layout at;
        private final Memory q;
        private final Memory k;
        private final Memory v;
        private final Bias[] biases;
        private final Kernels kernels;
        private final boolean finite;

        Operands(INDArray[] inputs, Layout at) {
            this.at = at;
            q = Memory.of(inputs[0]);
            k = Memory.of(inputs[1]);
            v = Memory.of(inputs[2]);
            kernels = Kernels.of(q.type());
            biases = new Bias[inputs.length - FIRST_BIAS];
            boolean all = true;
            for (int i = 0; i < biases.length; i++) {
                biases[i] = new Bias(inputs[FIRST_BIAS + i], at, kernels);
                all &= finite(biases[i].values);
            }
            finite = all;
        }

        private static boolean finite(Memory values) {
            AtomicBoolean finite = new AtomicBoolean(true);
            Parallel.standard().run(values.length(), GRAIN, (from, to, part) -> {
                if (!Softmax.finite(values, from, (int) (to - from))) {
                    finite.set(false);
                }
            });
            return finite.get();
        }

        /**
         * The weights of some queries, {@code [count, keys]}.
         *
         * @param scaled room for the queries: products without a factor are the quick ones
         */
        private void weights(int sample, int first, int count, Memory scaled, long queries, Memory scores, long start) {
            long length = (long) count * at.width;
            long of = at.q[sample] + (long) first * at.width;
            scaled.copyFrom(q, of, queries, length);
            kernels.axpy(at.scale - 1, q, of, scaled, queries, length);
            for (int key = 0; key < at.keys; key += BLOCK) {
                Blas.gemm(
                        false,
                        at.transposed,
                        count,
                        Math.min(BLOCK, at.keys - key),
                        at.width,
                        1,
                        scaled,
                        queries,
                        at.width,
                        k,
                        at.k[sample] + (long) key * (at.transposed ? at.ldk : 1),
                        at.ldk,
                        0,
                        scores,
                        start + key,
                        at.keys);
            }
            for (int row = 0; row < count; row++) {
                long s = start + (long) row * at.keys;
                for (Bias bias : biases) {
                    bias.add(scores, s, (long) sample * at.queries + first + row);
                }
                if (!finite) {
                    Softmax.line(scores, scores, s, new Lines(1, at.keys, 1), false);
                }
            }
            if (finite) {
                kernels.softmax(scores, start, count, at.keys, at.keys, false);
            }
        }
    }

    /** What is added to the scores, seen as runs along a row of them: neighbouring elements, or one element repeated. */
    private static final class Bias {
        private final Memory values;
        private final Kernels kernels;
        private final long[] rows;
        private final boolean repeats;
        private final int run;
        private final long[] runs;

        Bias(INDArray array, Layout at, Kernels kernels) {
            this.kernels = kernels;
            values = Memory.of(array);
            long[] shape = array.shape();
            long[] whole = new long[at.viewOfRows.length + at.viewOfKeys.length];
            Arrays.fill(whole, 1);
            System.arraycopy(shape, 0, whole, whole.length - shape.length, shape.length);
            long[] ofRows = Arrays.copyOf(whole, at.viewOfRows.length);
            long[] ofKeys = Arrays.copyOfRange(whole, at.viewOfRows.length, whole.length);
            rows = Broadcasting.starts(at.viewOfRows, ofRows, product(ofKeys, 0, ofKeys.length));
            Broadcasting walk = Broadcasting.of(at.viewOfKeys, ofKeys);
            repeats = walk.step(0) == 0;
            run = walk.width();
            runs = new long[at.keys / run];
            walk.run(false, 0, (out, from, count) -> runs[(int) (out / count)] = from[0]);
        }

        private void add(Memory scores, long start, long row) {
            kernels.addRuns(values, rows[(int) row], runs, repeats, run, scores, start);
        }

        /** Adds the gradient of a row of scores to that of what was added to it. */
        private void collect(Memory gradient, long start, long row, Memory sums) {
            for (int i = 0; i < runs.length; i++) {
                long to = rows[(int) row] + runs[i];
                long from = start + (long) i * run;
                if (repeats) {
                    double sum = 0;
                    for (long j = from; j < from + run; j++) {
                        sum += gradient.get(j);
                    }
                    sums.add(to, sum);
                } else {
                    kernels.axpy(1, gradient, from, sums, to, run);
                }
            }
        }
    }
}
