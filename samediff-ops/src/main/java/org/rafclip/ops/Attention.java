package org.rafclip.ops;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/**
 * Multi-head scaled dot-product attention on packed projections (Vaswani et al. 2017): {@code softmax(QKᵀ/√d) V} for
 * each head, {@code d = width / heads}.
 *
 * <p>Self-attention takes {@code [batch, tokens, 3·width]} (query, key, value side by side); cross-attention takes
 * queries {@code [batch, queryTokens, width]} and {@code [batch, keyTokens, 2·width]} (key, value). A causal mask lets
 * a token see itself and those before it; key lengths ({@code INT [batch]}) hide the keys behind them. The result is
 * {@code [batch, queryTokens, width]}; the second output holds the attention weights
 * {@code [batch, heads, queryTokens, keyTokens]}.
 */
public final class Attention extends JavaOp {

    /** For loading a graph. */
    public Attention() {}

    private Attention(SameDiff graph, int heads, boolean causal, boolean cross, boolean masked, SDVariable... inputs) {
        super(graph, inputs);
        addIArgument(heads, causal ? 1 : 0, cross ? 1 : 0, masked ? 1 : 0);
    }

    /** Self-attention. */
    public static Attention self(SameDiff graph, SDVariable queryKeyValue, int heads, boolean causal) {
        return new Attention(graph, heads, causal, false, false, queryKeyValue);
    }

    /** Self-attention over the first {@code keyLengths} tokens of each sample. */
    public static Attention self(
            SameDiff graph, SDVariable queryKeyValue, SDVariable keyLengths, int heads, boolean causal) {
        return new Attention(graph, heads, causal, false, true, queryKeyValue, keyLengths);
    }

    /** Attention from queries to another sequence's keys and values. */
    public static Attention cross(SameDiff graph, SDVariable query, SDVariable keyValue, int heads) {
        return new Attention(graph, heads, false, true, false, query, keyValue);
    }

    /** Attention from queries to the first {@code keyLengths} keys and values of another sequence. */
    public static Attention cross(
            SameDiff graph, SDVariable query, SDVariable keyValue, SDVariable keyLengths, int heads) {
        return new Attention(graph, heads, false, true, true, query, keyValue, keyLengths);
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

    private boolean masked() {
        return intArgument(3) == 1;
    }

    @Override
    protected boolean differentiable(int input) {
        return !masked() || input != (cross() ? 2 : 1);
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        Layout layout = new Layout(inputs);
        return new long[][] {
            {layout.batch, layout.queries, layout.width}, {layout.batch, layout.heads, layout.queries, layout.keys}
        };
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Layout at = new Layout(inputs);
        Memory query = Memory.of(inputs[0]);
        Memory keyValue = Memory.of(inputs[cross() ? 1 : 0]);
        Memory out = Memory.of(outputs[0]);
        Memory weights = Memory.of(outputs[1]);
        Kernels kernels = Kernels.of(query.type());
        boolean causal = causal();
        Blas.runWithSerialGemm(Parallel.standard(), (long) at.batch * at.heads, 1, (from, to, part) -> {
            for (int i = (int) from; i < to; i++) {
                int sample = i / at.heads;
                int head = i % at.heads;
                long w = at.weights(i);
                Blas.gemm(
                        false,
                        true,
                        at.queries,
                        at.keys,
                        at.headWidth,
                        at.scale,
                        query,
                        at.query(sample, head),
                        at.queryStride,
                        keyValue,
                        at.key(sample, head),
                        at.keyStride,
                        0,
                        weights,
                        w,
                        at.keys);
                for (int row = 0; row < at.queries; row++) {
                    int visible = causal ? Math.min(row + 1, at.lengths[sample]) : at.lengths[sample];
                    kernels.softmax(weights, w + (long) row * at.keys, visible, at.keys);
                }
                Blas.gemm(
                        false,
                        false,
                        at.queries,
                        at.headWidth,
                        at.keys,
                        1,
                        weights,
                        w,
                        at.keys,
                        keyValue,
                        at.value(sample, head),
                        at.keyStride,
                        0,
                        out,
                        at.out(sample, head),
                        at.width);
            }
        });
    }

    @Override
    protected void backward(Backward call) {
        Layout at = new Layout(call.inputs());
        Memory query = Memory.of(call.inputs()[0]);
        Memory keyValue = Memory.of(call.inputs()[cross() ? 1 : 0]);
        Memory weights = Memory.of(call.saved()[0]);
        Memory dOut = Memory.of(call.outputGradients()[0]);
        Memory dQuery = Memory.of(call.inputGradients()[0]);
        Memory dKeyValue = Memory.of(call.inputGradients()[cross() ? 1 : 0]);
        Kernels kernels = Kernels.of(query.type());
        Parallel parallel = Parallel.standard();
        INDArray scratch = Nd4j.createUninitializedDetached(
                call.inputs()[0].dataType(), 'c', parallel.threads(), at.queries, at.keys);
        Memory dWeights = Memory.of(scratch);
        Blas.runWithSerialGemm(parallel, (long) at.batch * at.heads, 1, (from, to, part) -> {
            long d = (long) part * at.queries * at.keys;
            for (int i = (int) from; i < to; i++) {
                int sample = i / at.heads;
                int head = i % at.heads;
                long w = at.weights(i);
                long o = at.out(sample, head);
                Blas.gemm(
                        false,
                        true,
                        at.queries,
                        at.keys,
                        at.headWidth,
                        1,
                        dOut,
                        o,
                        at.width,
                        keyValue,
                        at.value(sample, head),
                        at.keyStride,
                        0,
                        dWeights,
                        d,
                        at.keys);
                Blas.gemm(
                        true,
                        false,
                        at.keys,
                        at.headWidth,
                        at.queries,
                        1,
                        weights,
                        w,
                        at.keys,
                        dOut,
                        o,
                        at.width,
                        0,
                        dKeyValue,
                        at.value(sample, head),
                        at.keyStride);
                for (int row = 0; row < at.queries; row++) {
                    long r = (long) row * at.keys;
                    kernels.softmaxBackward(dWeights, d + r, weights, w + r, at.keys, at.scale);
                }
                Blas.gemm(
                        false,
                        false,
                        at.queries,
                        at.headWidth,
                        at.keys,
                        1,
                        dWeights,
                        d,
                        at.keys,
                        keyValue,
                        at.key(sample, head),
                        at.keyStride,
                        0,
                        dQuery,
                        at.query(sample, head),
                        at.queryStride);
                Blas.gemm(
                        true,
                        false,
                        at.keys,
                        at.headWidth,
                        at.queries,
                        1,
                        dWeights,
                        d,
                        at.keys,
                        query,
                        at.query(sample, head),
                        at.queryStride,
                        0,
                        dKeyValue,
                        at.key(sample, head),
                        at.keyStride);
            }
        });
        scratch.close();
    }

    /** Where each sample's and head's part lies. */
    private final class Layout {
        private final int heads = intArgument(0);
        private final int batch;
        private final int queries;
        private final int keys;
        private final int width;
        private final int headWidth;
        private final int queryStride;
        private final int keyStride;
        private final int keyOffset;
        private final double scale;
        private final int[] lengths;

        Layout(INDArray[] inputs) {
            boolean cross = cross();
            INDArray query = inputs[0];
            INDArray keyValue = inputs[cross ? 1 : 0];
            batch = (int) query.size(0);
            queries = (int) query.size(1);
            keys = (int) keyValue.size(1);
            width = (int) (cross ? query.size(2) : query.size(2) / 3);
            headWidth = width / heads;
            queryStride = (int) query.size(2);
            keyStride = (int) keyValue.size(2);
            keyOffset = cross ? 0 : width;
            scale = 1 / Math.sqrt(headWidth);
            if (headWidth * heads != width || keyStride != (cross ? 2 : 3) * width || keyValue.size(0) != batch) {
                throw new IllegalArgumentException("attention with " + heads + " heads over "
                        + Arrays.toString(query.shape()) + (cross ? " and " + Arrays.toString(keyValue.shape()) : ""));
            }
            lengths = lengths(inputs);
        }

        private int[] lengths(INDArray[] inputs) {
            int[] result = new int[batch];
            Arrays.fill(result, keys);
            if (masked()) {
                Memory given = Memory.of(inputs[inputs.length - 1]);
                for (int i = 0; i < batch; i++) {
                    result[i] = given.getInt(i);
                    if (result[i] < 1 || result[i] > keys) {
                        throw new IllegalArgumentException(
                                "key length " + result[i] + " of sample " + i + " is not within 1 and " + keys);
                    }
                }
            }
            return result;
        }

        private long query(int sample, int head) {
            return (long) sample * queries * queryStride + (long) head * headWidth;
        }

        private long key(int sample, int head) {
            return (long) sample * keys * keyStride + keyOffset + (long) head * headWidth;
        }

        private long value(int sample, int head) {
            return key(sample, head) + width;
        }

        private long out(int sample, int head) {
            return (long) sample * queries * width + (long) head * headWidth;
        }

        private long weights(int sampleAndHead) {
            return (long) sampleAndHead * queries * keys;
        }
    }
}
