package org.rafclip.ops.op;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Blas;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/**
 * Multi-head scaled dot-product attention on packed projections (Vaswani et al. 2017): {@code softmax(QKᵀ/√d) V} for
 * each head, {@code d = width / heads}.
 *
 * <p>Self-attention takes {@code [batch, tokens, 3·width]} (query, key, value side by side); cross-attention takes
 * queries {@code [batch, queryTokens, width]} and {@code [batch, keyTokens, 2·width]} (key, value). A causal mask lets
 * a token see itself and those before it. The result is {@code [batch, queryTokens, width]}; the second output holds the
 * attention weights {@code [batch, heads, queryTokens, keyTokens]}.
 *
 * <p>Where samples have different numbers of tokens, a side is ragged: the tokens of all samples stand one after another,
 * {@code [Σ lengths, ..]}, and lengths ({@code INT [batch]}) say how many are whose. Nothing is computed for padding then;
 * the weights are as large as the longest sample needs, and 0 elsewhere.
 */
public final class Attention extends JavaOp {

    /** SameDiff calls this when it loads a graph. */
    public Attention() {}

    private Attention(
            SameDiff graph,
            int heads,
            boolean causal,
            boolean cross,
            SDVariable queryLengths,
            SDVariable keyLengths,
            SDVariable... packed) {
        super(graph, inputs(cross, queryLengths, keyLengths, packed));
        addIArgument(heads, causal ? 1 : 0, cross ? 1 : 0, queryLengths != null ? 1 : 0, keyLengths != null ? 1 : 0);
    }

    private static SDVariable[] inputs(
            boolean cross, SDVariable queryLengths, SDVariable keyLengths, SDVariable... packed) {
        List<SDVariable> inputs = new ArrayList<>(List.of(packed));
        if (queryLengths != null) {
            inputs.add(queryLengths);
        }
        if (cross && keyLengths != null) {
            inputs.add(keyLengths);
        }
        return inputs.toArray(SDVariable[]::new);
    }

    /**
     * Self-attention.
     *
     * @param lengths of ragged samples, or null where all have the same
     */
    public static Attention self(
            SameDiff graph, SDVariable queryKeyValue, SDVariable lengths, int heads, boolean causal) {
        return new Attention(graph, heads, causal, false, lengths, lengths, queryKeyValue);
    }

    /**
     * Attention from queries to another sequence's keys and values.
     *
     * @param queryLengths of ragged queries, or null where all samples have the same
     * @param keyLengths of ragged keys and values, or null where all samples have the same
     */
    public static Attention cross(
            SameDiff graph,
            SDVariable query,
            SDVariable queryLengths,
            SDVariable keyValue,
            SDVariable keyLengths,
            int heads) {
        return new Attention(graph, heads, false, true, queryLengths, keyLengths, query, keyValue);
    }

    /** The attention weights {@code [batch, heads, queryTokens, keyTokens]}. */
    public SDVariable weights() {
        return outputVariables()[1];
    }

    @Override
    public String opName() {
        return "java_attention";
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

    private boolean causal() {
        return intArgument(1) == 1;
    }

    private boolean cross() {
        return intArgument(2) == 1;
    }

    private boolean raggedQueries() {
        return intArgument(3) == 1;
    }

    private boolean raggedKeys() {
        return intArgument(4) == 1;
    }

    @Override
    protected boolean differentiable(int input) {
        return input < (cross() ? 2 : 1);
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        Layout layout = new Layout(inputs);
        long[] result = inputs[0].shape().clone();
        result[result.length - 1] = layout.width;
        return new long[][] {result, {layout.batch, layout.heads, layout.longestQuery, layout.longestKey}};
    }

    /** Where all samples have the same number of tokens; for others a computation would be compiled for each length. */
    @Override
    protected boolean takesBf16(int input) {
        return differentiable(input) && givesBf16();
    }

    @Override
    protected boolean givesBf16() {
        return !raggedQueries() && !raggedKeys();
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Layout at = new Layout(inputs);
        Memory weights = Memory.of(outputs[1]);
        Kernels kernels = Kernels.of(weights.type());
        boolean causal = causal();
        if (at.ragged()) {
            weights.zero();
        }
        Blas.runWithSerialGemm(Parallel.standard(), (long) at.batch * at.heads, 1, (from, to, part) -> {
            try (Sides in = new Sides(at, inputs);
                    TokenRows out = new TokenRows(Memory.of(outputs[0]), at.queries, at.width)) {
                at.forHeads(from, to, (sample, firstHead, endHead) -> {
                    in.read(sample);
                    int queries = at.queries(sample);
                    int keys = at.keys(sample);
                    for (int head = firstHead; head < endHead; head++) {
                        long w = at.weights(sample, head);
                        Blas.gemm(
                                false,
                                true,
                                queries,
                                keys,
                                at.headWidth,
                                at.scale,
                                in.query.memory(),
                                in.query(sample, head),
                                at.queryStride,
                                in.keyValue.memory(),
                                in.key(sample, head),
                                at.keyStride,
                                0,
                                weights,
                                w,
                                at.longestKey);
                        kernels.softmax(weights, w, queries, at.longestKey, keys, causal);
                        Blas.gemm(
                                false,
                                false,
                                queries,
                                at.headWidth,
                                keys,
                                1,
                                weights,
                                w,
                                at.longestKey,
                                in.keyValue.memory(),
                                in.value(sample, head),
                                at.keyStride,
                                0,
                                out.memory(),
                                out.start(sample) + at.column(head),
                                at.width);
                    }
                    out.write(sample, at.column(firstHead), at.column(endHead - firstHead));
                });
            }
        });
    }

    @Override
    protected void backward(Backward call) {
        Layout at = new Layout(call.inputs());
        Memory weights = Memory.of(call.saved()[0]);
        Kernels kernels = Kernels.of(weights.type());
        Parallel parallel = Parallel.standard();
        INDArray scratch = Nd4j.createUninitializedDetached(
                weights.type(), 'c', parallel.threads(), at.longestQuery, at.longestKey);
        Memory dWeights = Memory.of(scratch);
        Blas.runWithSerialGemm(parallel, (long) at.batch * at.heads, 1, (from, to, part) -> {
            long d = (long) part * at.longestQuery * at.longestKey;
            try (Sides in = new Sides(at, call.inputs());
                    Sides gradients = new Sides(at, call.inputGradients());
                    TokenRows dOut = new TokenRows(Memory.of(call.outputGradients()[0]), at.queries, at.width)) {
                at.forHeads(from, to, (sample, firstHead, endHead) -> {
                    in.read(sample);
                    dOut.read(sample);
                    int queries = at.queries(sample);
                    int keys = at.keys(sample);
                    for (int head = firstHead; head < endHead; head++) {
                        long w = at.weights(sample, head);
                        long o = dOut.start(sample) + at.column(head);
                        Blas.gemm(
                                false,
                                true,
                                queries,
                                keys,
                                at.headWidth,
                                1,
                                dOut.memory(),
                                o,
                                at.width,
                                in.keyValue.memory(),
                                in.value(sample, head),
                                at.keyStride,
                                0,
                                dWeights,
                                d,
                                at.longestKey);
                        Blas.gemm(
                                true,
                                false,
                                keys,
                                at.headWidth,
                                queries,
                                1,
                                weights,
                                w,
                                at.longestKey,
                                dOut.memory(),
                                o,
                                at.width,
                                0,
                                gradients.keyValue.memory(),
                                gradients.value(sample, head),
                                at.keyStride);
                        for (int row = 0; row < queries; row++) {
                            long r = (long) row * at.longestKey;
                            kernels.softmaxBackward(dWeights, d + r, weights, w + r, keys, at.scale);
                        }
                        Blas.gemm(
                                false,
                                false,
                                queries,
                                at.headWidth,
                                keys,
                                1,
                                dWeights,
                                d,
                                at.longestKey,
                                in.keyValue.memory(),
                                in.key(sample, head),
                                at.keyStride,
                                0,
                                gradients.query.memory(),
                                gradients.query(sample, head),
                                at.queryStride);
                        Blas.gemm(
                                true,
                                false,
                                keys,
                                at.headWidth,
                                queries,
                                1,
                                dWeights,
                                d,
                                at.longestKey,
                                in.query.memory(),
                                in.query(sample, head),
                                at.queryStride,
                                0,
                                gradients.keyValue.memory(),
                                gradients.key(sample, head),
                                at.keyStride);
                    }
                    gradients.write(sample, firstHead, endHead);
                });
            }
        });
        scratch.close();
    }

    /** Queries, and keys and values, or the gradients of them, for one thread. */
    private final class Sides implements AutoCloseable {
        private final Layout at;
        private final TokenRows query;
        private final TokenRows keyValue;

        Sides(Layout at, INDArray[] arrays) {
            this.at = at;
            query = new TokenRows(Memory.of(arrays[0]), at.queries, at.queryStride);
            keyValue = cross() ? new TokenRows(Memory.of(arrays[1]), at.keys, at.keyStride) : query;
        }

        void read(int sample) {
            query.read(sample);
            if (keyValue != query) {
                keyValue.read(sample);
            }
        }

        void write(int sample, int firstHead, int endHead) {
            int columns = at.column(endHead - firstHead);
            query.write(sample, at.column(firstHead), columns);
            keyValue.write(sample, at.keyOffset + at.column(firstHead), columns);
            keyValue.write(sample, at.keyOffset + at.width + at.column(firstHead), columns);
        }

        long query(int sample, int head) {
            return query.start(sample) + at.column(head);
        }

        long key(int sample, int head) {
            return keyValue.start(sample) + at.keyOffset + at.column(head);
        }

        long value(int sample, int head) {
            return key(sample, head) + at.width;
        }

        @Override
        public void close() {
            query.close();
            if (keyValue != query) {
                keyValue.close();
            }
        }
    }

    @FunctionalInterface
    private interface Heads {
        void of(int sample, int firstHead, int endHead);
    }

    /** Where each sample's and head's part lies. */
    private final class Layout {
        private final int heads = intArgument(0);
        private final int batch;
        private final int width;
        private final int headWidth;
        private final int queryStride;
        private final int keyStride;
        private final int keyOffset;
        private final double scale;
        private final Samples queries;
        private final Samples keys;
        private final int longestQuery;
        private final int longestKey;

        Layout(INDArray[] inputs) {
            boolean cross = cross();
            INDArray query = inputs[0];
            INDArray keyValue = inputs[cross ? 1 : 0];
            int lengths = cross ? 2 : 1;
            queries = Samples.of(query, raggedQueries() ? inputs[lengths] : null);
            keys = cross ? Samples.of(keyValue, raggedKeys() ? inputs[inputs.length - 1] : null) : queries;
            batch = queries.batch();
            queryStride = (int) query.size(query.rank() - 1);
            keyStride = (int) keyValue.size(keyValue.rank() - 1);
            width = cross ? queryStride : queryStride / 3;
            headWidth = width / heads;
            keyOffset = cross ? 0 : width;
            scale = 1 / Math.sqrt(headWidth);
            longestQuery = queries.longest();
            longestKey = keys.longest();
            if (headWidth * heads != width || keyStride != (cross ? 2 : 3) * width || keys.batch() != batch) {
                throw new IllegalArgumentException("attention with " + heads + " heads over "
                        + Arrays.toString(query.shape()) + (cross ? " and " + Arrays.toString(keyValue.shape()) : ""));
            }
        }

        private boolean ragged() {
            return raggedQueries() || raggedKeys();
        }

        private int queries(int sample) {
            return queries.length(sample);
        }

        private int keys(int sample) {
            return keys.length(sample);
        }

        /** Where a head's numbers begin among a token's. */
        private int column(int head) {
            return head * headWidth;
        }

        private long weights(int sample, int head) {
            return ((long) sample * heads + head) * longestQuery * longestKey;
        }

        /** Runs something for some of all samples' heads, sample by sample. */
        private void forHeads(long from, long to, Heads body) {
            for (int i = (int) from; i < to; ) {
                int sample = i / heads;
                int first = i % heads;
                int end = (int) Math.min(heads, first + to - i);
                body.of(sample, first, end);
                i += end - first;
            }
        }
    }
}
