package org.rafclip.ops;

import java.lang.ref.Reference;
import java.util.function.Consumer;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/** A matrix product {@code C ← α · op(A) · op(B) + β · C} as {@link Blas#gemm} says it, and the pieces it falls into. */
record Gemm(
        boolean transposeA,
        boolean transposeB,
        int m,
        int n,
        int k,
        double alpha,
        Memory a,
        long aOffset,
        int lda,
        Memory b,
        long bOffset,
        int ldb,
        double beta,
        Memory c,
        long cOffset,
        int ldc) {

    private static final int ROW_MAJOR = 101;
    private static final int NO_TRANSPOSE = 111;
    private static final int TRANSPOSE = 112;

    /** From this many on, oneDNN gives a row the same bits whatever other rows there are. */
    private static final int LEAST_ROWS = 16;

    /** Sums longer than this oneDNN cuts where the other sizes suggest it; up to here an element's bits depend on its sum alone. */
    private static final int LONGEST_SUM = 768;

    Gemm {
        if (a.type() != b.type() || a.type() != c.type()) {
            throw new IllegalArgumentException(
                    "gemm needs one data type: " + a.type() + ", " + b.type() + ", " + c.type());
        }
    }

    /** Leaves the product to the library. */
    void compute() {
        int ta = transposeA ? TRANSPOSE : NO_TRANSPOSE;
        int tb = transposeB ? TRANSPOSE : NO_TRANSPOSE;
        if (byOneDnn() && m > 0 && n > 0 && k > 0) {
            int slices = (k + LONGEST_SUM - 1) / LONGEST_SUM;
            for (int slice = 0; slice < slices; slice++) {
                long from = (long) k * slice / slices;
                OneDnn.sgemm(
                        transposeA,
                        transposeB,
                        m,
                        n,
                        (long) k * (slice + 1) / slices - from,
                        (float) alpha,
                        a.address(aOffset + (transposeA ? from * lda : from)),
                        lda,
                        b.address(bOffset + (transposeB ? from : from * ldb)),
                        ldb,
                        slice == 0 ? (float) beta : 1,
                        c.address(cOffset),
                        ldc);
            }
            Reference.reachabilityFence(a);
            Reference.reachabilityFence(b);
            Reference.reachabilityFence(c);
        } else if (a.type() == DataType.FLOAT) {
            openblas_nolapack.cblas_sgemm(
                    ROW_MAJOR,
                    ta,
                    tb,
                    m,
                    n,
                    k,
                    (float) alpha,
                    a.floats(aOffset),
                    lda,
                    b.floats(bOffset),
                    ldb,
                    (float) beta,
                    c.floats(cOffset),
                    ldc);
        } else {
            openblas_nolapack.cblas_dgemm(
                    ROW_MAJOR,
                    ta,
                    tb,
                    m,
                    n,
                    k,
                    alpha,
                    a.doubles(aOffset),
                    lda,
                    b.doubles(bOffset),
                    ldb,
                    beta,
                    c.doubles(cOffset),
                    ldc);
        }
    }

    private boolean byOneDnn() {
        return a.type() == DataType.FLOAT && Blas.library() == Blas.Library.ONEDNN;
    }

    /**
     * Cuts the product.
     *
     * @param threads to compute on; where a library rounds an element otherwise in a smaller product, it does not matter
     */
    Pieces pieces(int threads) {
        return new Pieces(byOneDnn() ? threads : Pieces.MOST);
    }

    /** Whether this has rows of A, but so few that the library would round them otherwise than those of a larger product. */
    boolean fewRows() {
        return byOneDnn() && !transposeA && m > 0 && m < LEAST_ROWS;
    }

    /** Computes this as the first rows of a product that has enough of them. */
    void computeAmongMoreRows(Consumer<Gemm> larger) {
        try (INDArray enoughOfA = Nd4j.createUninitializedDetached(a.type(), 'c', LEAST_ROWS, k);
                INDArray enoughOfC = Nd4j.createUninitializedDetached(a.type(), 'c', LEAST_ROWS, n)) {
            Memory left = Memory.of(enoughOfA);
            Memory result = Memory.of(enoughOfC);
            left.zero();
            result.zero();
            for (long row = 0; row < m; row++) {
                left.copyFrom(a, aOffset + row * lda, row * k, k);
                result.copyFrom(c, cOffset + row * ldc, row * n, n);
            }
            larger.accept(new Gemm(
                    false, transposeB, LEAST_ROWS, n, k, alpha, left, 0, k, b, bOffset, ldb, beta, result, 0, n));
            for (long row = 0; row < m; row++) {
                c.copyFrom(result, row * n, cOffset + row * ldc, n);
            }
        }
    }

    /**
     * Independent products that make up the whole, the same bits however many threads compute them. Rows and columns are cut
     * into a piece a thread where the library rounds elements alike in any piece, and otherwise by sizes alone. Where rows and
     * columns are few, sums are cut as well, by sizes alone, and {@link #addUp} adds their parts in order.
     */
    final class Pieces implements AutoCloseable {

        private static final int MOST = 32;

        /** As many pieces of rows and columns are enough: sums are not cut then. */
        private static final int ENOUGH = 8;

        /** Multiplications that are worth a piece of their own. */
        private static final long WORK = 1 << 20;

        /** The least rows or columns of a piece; smaller ones cost more than they bring. */
        private static final int EDGE = 96;

        /** The least summands of a piece. */
        private static final int DEPTH = 2048;

        private static final long GRAIN = 1 << 15;

        private final int rows;
        private final int columns;
        private final int depth;
        private final INDArray scratch;
        private final Memory partial;

        private Pieces(int wanted) {
            long most = Math.min(MOST, (long) m * n * k / WORK);
            int r = 1;
            int s = 1;
            int d = 1;
            while (2L * r * s <= most && Math.max(m / r, n / s) >= 2 * EDGE) {
                if (m / r >= n / s) {
                    r *= 2;
                } else {
                    s *= 2;
                }
            }
            while (r * s < ENOUGH && 2L * r * s * d <= most && k / d >= 2 * DEPTH) {
                d *= 2;
            }
            if (r * s * d > wanted) {
                int left = (wanted + d - 1) / d;
                boolean tall = m >= n;
                int longer = Math.min(left, Math.max(1, Math.max(m, n) / EDGE));
                int shorter = Math.min((left + longer - 1) / longer, Math.max(1, Math.min(m, n) / EDGE));
                r = tall ? longer : shorter;
                s = tall ? shorter : longer;
            }
            rows = r;
            columns = s;
            depth = d;
            scratch = d == 1 ? null : Nd4j.createUninitializedDetached(c.type(), 'c', (d - 1) * size());
            partial = d == 1 ? null : Memory.of(scratch);
        }

        private long size() {
            return (long) m * n;
        }

        int count() {
            return rows * columns * depth;
        }

        void compute(int piece) {
            int column = piece % columns;
            int row = piece / columns % rows;
            int slice = piece / columns / rows;
            int i = cut(m, rows, row);
            int j = cut(n, columns, column);
            int l = cut(k, depth, slice);
            boolean first = slice == 0;
            new Gemm(
                            transposeA,
                            transposeB,
                            cut(m, rows, row + 1) - i,
                            cut(n, columns, column + 1) - j,
                            cut(k, depth, slice + 1) - l,
                            alpha,
                            a,
                            aOffset + (transposeA ? (long) l * lda + i : (long) i * lda + l),
                            lda,
                            b,
                            bOffset + (transposeB ? (long) j * ldb + l : (long) l * ldb + j),
                            ldb,
                            first ? beta : 0,
                            first ? c : partial,
                            first ? cOffset + (long) i * ldc + j : (slice - 1) * size() + (long) i * n + j,
                            first ? ldc : n)
                    .compute();
        }

        private static int cut(int length, int parts, int part) {
            return (int) Parallel.start(length, parts, part);
        }

        /** Completes the result once all pieces are computed. */
        void addUp(Parallel parallel) {
            if (depth == 1) {
                return;
            }
            Kernels kernels = Kernels.of(c.type());
            parallel.run(m, Math.max(1, GRAIN / n), (from, to, part) -> {
                for (long row = from; row < to; row++) {
                    for (int slice = 1; slice < depth; slice++) {
                        kernels.axpy(1, partial, (slice - 1) * size() + row * n, c, cOffset + row * ldc, n);
                    }
                }
            });
        }

        @Override
        public void close() {
            if (scratch != null) {
                scratch.close();
            }
        }
    }
}
