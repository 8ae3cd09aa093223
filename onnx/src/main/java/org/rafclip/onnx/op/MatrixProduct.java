package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.Blas;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Memory;

/**
 * {@code MatMul} as NumPy defines it, for any number of dimensions: the last two are matrices, those before them are
 * repeated to fit; a vector is a row on the left and a column on the right.
 */
public final class MatrixProduct extends OnnxOp {

    /** SameDiff calls this when it loads a graph. */
    public MatrixProduct() {}

    /** @param transposeA whether the last two dimensions of {@code a} are exchanged first; likewise {@code b} */
    public MatrixProduct(SameDiff graph, SDVariable a, SDVariable b, boolean transposeA, boolean transposeB) {
        super(graph, a, b);
        addIArgument(transposeA ? 1 : 0, transposeB ? 1 : 0);
    }

    @Override
    public String opName() {
        return "onnx_matmul";
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        return new long[][] {new Layout(shapes[0], shapes[1]).result};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Layout at = new Layout(inputs[0].shape(), inputs[1].shape());
        Memory y = Memory.of(outputs[0]);
        if (inputs[0].isEmpty() || inputs[1].isEmpty()) {
            y.zero();
            return;
        }
        Memory a = Memory.of(inputs[0]);
        Memory b = Memory.of(inputs[1]);
        if (!isReal(y.type())) {
            whole(at, a, b, y);
            return;
        }
        if (at.batch == 1) {
            at.multiply(a, b, y, 0);
            return;
        }
        Blas.runWithSerialGemm(Parallel.standard(), at.batch, 1, (from, to, part) -> {
            for (long i = from; i < to; i++) {
                at.multiply(a, b, y, i);
            }
        });
    }

    private static void whole(Layout at, Memory a, Memory b, Memory y) {
        for (int i = 0; i < at.batch; i++) {
            for (int row = 0; row < at.m; row++) {
                for (int column = 0; column < at.n; column++) {
                    long sum = 0;
                    for (int k = 0; k < at.k; k++) {
                        sum += a.getLong(at.a[i] + (at.transposeA ? (long) k * at.m + row : (long) row * at.k + k))
                                * b.getLong(at.b[i]
                                        + (at.transposeB ? (long) column * at.k + k : (long) k * at.n + column));
                    }
                    y.setLong((long) i * at.m * at.n + (long) row * at.n + column, sum);
                }
            }
        }
    }

    @Override
    protected void backward(Backward call) {
        Layout at = new Layout(call.inputs()[0].shape(), call.inputs()[1].shape());
        Memory a = Memory.of(call.inputs()[0]);
        Memory b = Memory.of(call.inputs()[1]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory da = Memory.of(call.inputGradients()[0]);
        Memory db = Memory.of(call.inputGradients()[1]);
        da.zero();
        db.zero();
        int m = at.m;
        int n = at.n;
        int k = at.k;
        for (int i = 0; i < at.batch; i++) {
            long y = (long) i * m * n;
            if (at.transposeA) {
                Blas.gemm(at.transposeB, true, k, m, n, 1, b, at.b[i], at.ldb, dy, y, n, 1, da, at.a[i], m);
            } else {
                Blas.gemm(false, !at.transposeB, m, k, n, 1, dy, y, n, b, at.b[i], at.ldb, 1, da, at.a[i], k);
            }
            if (at.transposeB) {
                Blas.gemm(true, at.transposeA, n, k, m, 1, dy, y, n, a, at.a[i], at.lda, 1, db, at.b[i], k);
            } else {
                Blas.gemm(!at.transposeA, false, k, n, m, 1, a, at.a[i], at.lda, dy, y, n, 1, db, at.b[i], n);
            }
        }
    }

    /** {@code batch} products {@code [m, k] × [k, n]} and where their matrices start. */
    private final class Layout {
        private final boolean transposeA = intArgument(0) == 1;
        private final boolean transposeB = intArgument(1) == 1;
        private final int m;
        private final int k;
        private final int n;
        private final int lda;
        private final int ldb;
        private final int batch;
        private final long[] a;
        private final long[] b;
        private final long[] result;

        Layout(long[] shapeA, long[] shapeB) {
            if (shapeA.length == 0 || shapeB.length == 0) {
                throw refused("a product with a scalar");
            }
            long[] left = shapeA.length == 1 ? new long[] {1, shapeA[0]} : shapeA;
            long[] right = shapeB.length == 1 ? new long[] {shapeB[0], 1} : shapeB;
            long rowsA = left[left.length - (transposeA ? 1 : 2)];
            long inner = left[left.length - (transposeA ? 2 : 1)];
            long innerB = right[right.length - (transposeB ? 1 : 2)];
            long columns = right[right.length - (transposeB ? 2 : 1)];
            long[] outerA = Arrays.copyOf(left, left.length - 2);
            long[] outerB = Arrays.copyOf(right, right.length - 2);
            long[] outer = Broadcasting.shape(outerA, outerB);
            if (inner != innerB || outer == null) {
                throw refused(Arrays.toString(shapeA) + " × " + Arrays.toString(shapeB));
            }
            k = Math.toIntExact(inner);
            n = Math.toIntExact(columns);
            long products = product(outer, 0, outer.length);
            long[] shape = Arrays.copyOf(outer, outer.length + 2);
            shape[outer.length] = rowsA;
            shape[outer.length + 1] = columns;
            result = squeezed(shape, shapeA.length == 1, shapeB.length == 1);
            // Many matrices on the left and one on the right are one tall matrix.
            boolean tall = !transposeA
                    && product(outerB, 0, outerB.length) == 1
                    && products > 1
                    && Arrays.equals(outer, outerA);
            m = Math.toIntExact(tall ? rowsA * products : rowsA);
            batch = Math.toIntExact(tall ? 1 : products);
            lda = transposeA ? m : k;
            ldb = transposeB ? k : n;
            a = tall ? new long[] {0} : Broadcasting.starts(outer, outerA, rowsA * inner);
            b = tall ? new long[] {0} : Broadcasting.starts(outer, outerB, inner * columns);
        }

        private static long[] squeezed(long[] shape, boolean row, boolean column) {
            int keep = shape.length - 2;
            long[] squeezed = Arrays.copyOf(shape, shape.length - (row ? 1 : 0) - (column ? 1 : 0));
            if (row && !column) {
                squeezed[keep] = shape[keep + 1];
            }
            return squeezed;
        }

        private void multiply(Memory x, Memory w, Memory y, long i) {
            Blas.gemm(transposeA, transposeB, m, n, k, 1, x, a[(int) i], lda, w, b[(int) i], ldb, 0, y, i * m * n, n);
        }
    }
}
