package org.rafclip.onnx.convert;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.onnx.OnnxNode;
import org.rafclip.onnx.op.BiasedAttention;
import org.rafclip.onnx.op.MatrixProduct;
import org.rafclip.onnx.op.Pairwise;
import org.rafclip.onnx.op.Reshape;
import org.rafclip.onnx.op.Softmax;

/**
 * Attention that {@link Fusion} found: one operation where what is known of shapes says that it computes the same, else
 * those it was made from.
 */
final class FusedAttention {

    private static final int FIRST_BIAS = 6;

    private final ImportScope scope;
    private final SDVariable q;
    private final SDVariable k;
    private final SDVariable v;
    private final SDVariable scale;
    private final SDVariable view;
    private final SDVariable back;
    private final List<SDVariable> biases = new ArrayList<>();
    private final boolean transposed;
    private final boolean divides;
    private final long axis;

    private FusedAttention(ImportScope scope) {
        this.scope = scope;
        OnnxNode node = scope.node();
        q = scope.in(0);
        k = scope.in(1);
        v = scope.in(2);
        scale = scope.optional(3);
        view = scope.optional(4);
        back = scope.optional(5);
        for (int i = FIRST_BIAS; i < scope.inputs(); i++) {
            biases.add(scope.in(i));
        }
        transposed = node.integer("transposed", 0) == 1;
        divides = node.integer("divides", 0) == 1;
        long standard = scope.opset() < 13 ? 1 : -1;
        long named = node.integer("axis", Long.MIN_VALUE);
        axis = named == Long.MIN_VALUE ? standard : named;
    }

    static SDVariable map(ImportScope scope) {
        FusedAttention attention = new FusedAttention(scope);
        return attention.joins() ? attention.one() : attention.apart();
    }

    private boolean joins() {
        long[] shapeQ = scope.shape(q);
        long[] shapeK = scope.shape(k);
        boolean last = axis == -1 || shapeQ != null && axis == shapeQ.length - 1;
        INDArray factor = scale == null ? null : scope.value(scale);
        if (!last || !q.dataType().isFPType() || scale != null && (factor == null || factor.length() != 1)) {
            return false;
        }
        long[] seen = null;
        if (view != null) {
            if (shapeQ == null || shapeK == null || shapeK.length != shapeQ.length) {
                return false;
            }
            long[] scores = shapeQ.clone();
            scores[scores.length - 1] = shapeK[shapeK.length - (transposed ? 2 : 1)];
            seen = resolved(view, scores);
            if (seen == null || !Arrays.equals(resolved(back, scores), scores)) {
                return false;
            }
        }
        for (SDVariable bias : biases) {
            long[] shape = scope.shape(bias);
            if (shape == null || !(seen == null ? fits(shape, shapeQ) : fitsInto(shape, seen))) {
                return false;
            }
        }
        return true;
    }

    /** The shape that a constant gives, its open dimension filled in; null where it is not known. */
    private long[] resolved(SDVariable shape, long[] elements) {
        INDArray value = scope.value(shape);
        if (value == null || value.isEmpty()) {
            return null;
        }
        long[] sizes = value.toLongVector();
        long rest = Arrays.stream(elements).reduce(1, (a, b) -> a * b);
        int open = -1;
        for (int i = 0; i < sizes.length; i++) {
            if (sizes[i] == 0) {
                return null;
            }
            if (sizes[i] < 0) {
                open = i;
            } else {
                rest /= sizes[i];
            }
        }
        if (open >= 0) {
            sizes[open] = rest;
        }
        return sizes;
    }

    /** Whether a bias for queries and keys alone is repeated for every sample and head. */
    private static boolean fits(long[] bias, long[] shapeQ) {
        int rank = shapeQ == null ? 2 : shapeQ.length;
        if (bias.length > rank) {
            return false;
        }
        for (int i = 0; i < bias.length - 1; i++) {
            int at = rank - bias.length + i;
            boolean outer = i < bias.length - 2;
            if (bias[i] != 1 && (outer || shapeQ != null) && (shapeQ == null || bias[i] != shapeQ[at])) {
                return false;
            }
        }
        return true;
    }

    private static boolean fitsInto(long[] bias, long[] seen) {
        if (bias.length > seen.length) {
            return false;
        }
        for (int i = 0; i < bias.length; i++) {
            if (bias[i] != 1 && bias[i] != seen[seen.length - bias.length + i]) {
                return false;
            }
        }
        return true;
    }

    private SDVariable one() {
        double factor = scale == null ? 1 : scope.value(scale).getDouble(0);
        Scaled query = Scaled.of(q, scope);
        Scaled key = Scaled.of(k, scope);
        return scope.add(new BiasedAttention(
                scope.graph(),
                query.unscaled,
                key.unscaled,
                transposed,
                v,
                (divides ? 1 / factor : factor) * query.factor * key.factor,
                view == null ? null : scope.value(view).toLongVector(),
                biases));
    }

    /** A variable as {@code factor · unscaled}: some exporters scale queries, or queries and keys, instead of the scores. */
    private record Scaled(SDVariable unscaled, double factor) {

        static Scaled of(SDVariable x, ImportScope scope) {
            if (scope.graph().getVariableOutputOp(x.name()) instanceof Pairwise product && product.multiplies()) {
                SDVariable[] parts = product.args();
                for (int side = 0; side < 2; side++) {
                    INDArray number = scope.value(parts[side]);
                    if (number != null && number.length() == 1 && number.rank() < 2) {
                        return new Scaled(parts[1 - side], number.getDouble(0));
                    }
                }
            }
            return new Scaled(x, 1);
        }
    }

    private SDVariable apart() {
        SDVariable scores = scope.add(new MatrixProduct(scope.graph(), q, k, false, transposed));
        if (scale != null) {
            scores = pair(divides ? Pairwise.Function.DIV : Pairwise.Function.MUL, scores, scale);
        }
        scores = view == null ? scores : reshape(scores, view);
        for (SDVariable bias : biases) {
            scores = pair(Pairwise.Function.ADD, scores, bias);
        }
        scores = back == null ? scores : reshape(scores, back);
        SDVariable weights = scope.add(new Softmax(scope.graph(), scores, axis, false, scope.opset() < 13));
        return scope.add(new MatrixProduct(scope.graph(), weights, v, false, false));
    }

    private SDVariable pair(Pairwise.Function function, SDVariable x, SDVariable y) {
        return scope.add(new Pairwise(scope.graph(), function, x, y));
    }

    private SDVariable reshape(SDVariable x, SDVariable shape) {
        return scope.add(new Reshape(scope.graph(), Reshape.Kind.TO_SHAPE, x, shape, 0));
    }
}
