package org.rafclip.ops;

import java.lang.ref.Reference;
import java.util.function.Consumer;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.ops.onednn.Blocks;
import org.rafclip.ops.onednn.Computation;
import org.rafclip.ops.onednn.OneDnn;
import org.rafclip.ops.onednn.Primitive;
import org.rafclip.ops.onednn.Scratch;

/**
 * A matrix product {@code C ← α · op(A) · op(B) + β · C} as {@link Blas#gemm} says it, and the pieces it falls into.
 *
 * @param bias what every row of the result begins with instead of β · C, from {@code biasOffset} on; or null
 */
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
        int ldc,
        Memory bias,
        long biasOffset) {

    private static final int ROW_MAJOR = 101;
    private static final int NO_TRANSPOSE = 111;
    private static final int TRANSPOSE = 112;

    /** Of rows that are compiled for. */
    private static final int UNIT = 256;

    /** Elements. */
    private static final long LARGE = 1 << 18;

    /** The least rows of A that are worth packing a large B for. */
    private static final int PACKED_FOR = 256;

    Gemm {
        boolean doubles = a.type() == DataType.DOUBLE && b.type() == DataType.DOUBLE && c.type() == DataType.DOUBLE;
        if (!doubles && !(single(a) && single(b) && single(c))) {
            throw new IllegalArgumentException("gemm needs one data type, or FLOAT beside BFLOAT16: " + a.type() + ", "
                    + b.type() + ", " + c.type());
        }
        if (halved(a, b, c) && alpha != 1 || c.type() == DataType.BFLOAT16 && (transposeA || beta != 0)) {
            throw new IllegalArgumentException(
                    "a gemm of BFLOAT16 has α = 1, and one into BFLOAT16 an A as it is and β = 0");
        }
    }

    /** Whether some of it is given, or wanted, in bfloat16. */
    private static boolean halved(Memory a, Memory b, Memory c) {
        return a.type() == DataType.BFLOAT16 || b.type() == DataType.BFLOAT16 || c.type() == DataType.BFLOAT16;
    }

    private static boolean single(Memory of) {
        return of.type() == DataType.FLOAT || of.type() == DataType.BFLOAT16;
    }

    /** Leaves the product to the library, on this thread. */
    void compute() {
        if (halved(a, b, c)) {
            throw new IllegalStateException("a product on one thread alone is single precision");
        }
        double start = beta;
        if (bias != null) {
            for (long row = 0; row < m; row++) {
                c.copyFrom(bias, biasOffset, cOffset + row * ldc, n);
            }
            start = 1;
        }
        if (byOneDnn() && m > 0 && n > 0 && k > 0) {
            OneDnn.sgemm(
                    transposeA,
                    transposeB,
                    m,
                    n,
                    k,
                    (float) alpha,
                    a.address(aOffset),
                    lda,
                    b.address(bOffset),
                    ldb,
                    (float) start,
                    c.address(cOffset),
                    ldc);
            Memory.keep(a, b, c);
            return;
        }
        int ta = transposeA ? TRANSPOSE : NO_TRANSPOSE;
        int tb = transposeB ? TRANSPOSE : NO_TRANSPOSE;
        if (a.type() == DataType.FLOAT) {
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
                    (float) start,
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
                    start,
                    c.doubles(cOffset),
                    ldc);
        }
    }

    private boolean byOneDnn() {
        return a.type() != DataType.DOUBLE && OneDnn.available();
    }

    /** Whether oneDNN compiles this product for its sizes; the bits of an element depend on its sum alone then. */
    private boolean compiled() {
        return byOneDnn() && alpha == 1 && (beta == 0 || beta == 1) && m > 0 && n > 0 && k > 0;
    }

    /** Whether this is the product of a single row, which oneDNN computes otherwise than one among others. */
    boolean ofOneRow() {
        return m == 1 && !transposeA && compiled();
    }

    /** Computes this as the first row of two. */
    void computeBesideAnother(Consumer<Gemm> larger) {
        try (INDArray twoOfA = Nd4j.createUninitializedDetached(a.type(), 'c', 2, k);
                INDArray twoOfC = Nd4j.createUninitializedDetached(c.type(), 'c', 2, n)) {
            Memory left = Memory.of(twoOfA);
            Memory result = Memory.of(twoOfC);
            left.zero();
            result.zero();
            left.copyFrom(a, aOffset, 0, k);
            result.copyFrom(c, cOffset, 0, n);
            larger.accept(new Gemm(
                    false,
                    transposeB,
                    2,
                    n,
                    k,
                    alpha,
                    left,
                    0,
                    k,
                    b,
                    bOffset,
                    ldb,
                    beta,
                    result,
                    0,
                    n,
                    bias,
                    biasOffset));
            c.copyFrom(result, 0, cOffset, n);
        } finally {
            // Others may lie there next.
            Rounded.forgetShared();
        }
    }

    /**
     * Cuts the product.
     *
     * @param frozen weights that stay as they are, or null
     * @param threads to compute on; where a library rounds an element otherwise in a smaller product, it does not matter
     */
    Pieces pieces(Precision precision, FrozenWeights frozen, int threads) {
        return new Pieces(precision, frozen, threads);
    }

    /**
     * Independent products that make up the whole, the same bits however many threads compute them. Rows and columns are cut
     * into a piece a thread where the library rounds elements alike in any piece, and otherwise by sizes alone. Where rows and
     * columns are few, sums are cut as well, by sizes alone, and {@link #addUp} adds their parts in order; not those over a
     * row of A, whose bits would depend on how many rows are beside it.
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

        /** Rows of so many numbers of bfloat16 push each other out of the cache while they are transposed. */
        private static final int CROWDED = 2048;

        /** Elements of B that a thread packs at a time. */
        private static final int PACKED = 1 << 21;

        private final int rows;
        private final int columns;
        private final int depth;
        private final INDArray scratch;
        private final Memory partial;
        private final Rounded left;
        private final Rounded right;

        /** Whether A's rounded copy is op(A): products of bfloat16 transpose more slowly than copying does, and each for itself. */
        private final boolean transposedWhileRounded;

        /** Those that B belongs to, or null. */
        private final FrozenWeights frozen;

        /**
         * Whether products read a packed B: what is kept of frozen weights, or what each piece packs of its columns. A large B
         * as it lies is read more slowly; most so where its rows are a power of two apart and push each other out of the cache.
         */
        private final boolean packed;

        private Pieces(Precision precision, FrozenWeights weights, int threads) {
            int wanted = compiled() ? threads : MOST;
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
            boolean deep = transposeA || !compiled();
            while (deep && r * s < ENOUGH && 2L * r * s * d <= most && k / d >= 2 * DEPTH) {
                d *= 2;
            }
            boolean packable = compiled() && d == 1;
            frozen = packable && weights != null && !transposeA && weights.contain(b) ? weights : null;
            boolean worthIt = m >= PACKED_FOR && (long) n * k >= LARGE && !sumsAreCut();
            packed = frozen != null || packable && worthIt;
            if (packed) {
                // By columns, so that each thread reads a part of its own of what is packed, whatever the rows.
                s = Math.max(1, Math.min(threads, n / EDGE));
                r = frozen != null ? 1 : Math.max(1, Math.min((threads + s - 1) / s, m / EDGE));
            } else if (r * s * d > wanted) {
                int needed = (wanted + d - 1) / d;
                boolean tall = m >= n;
                int longer = Math.min(needed, Math.max(1, Math.max(m, n) / EDGE));
                int shorter = Math.min((needed + longer - 1) / longer, Math.max(1, Math.min(m, n) / EDGE));
                r = tall ? longer : shorter;
                s = tall ? shorter : longer;
            }
            rows = r;
            columns = s;
            depth = d;
            scratch = d == 1 ? null : Nd4j.createUninitializedDetached(c.type(), 'c', (d - 1) * size());
            partial = d == 1 ? null : Memory.of(scratch);
            boolean large = precision == Precision.BF16 && (long) n * k >= Rounded.LEAST;
            boolean rounds = compiled() && (large || halved(a, b, c));
            transposedWhileRounded = rounds && transposeA && packed && m % CROWDED != 0;
            left = !rounds
                    ? null
                    : transposedWhileRounded
                            ? Rounded.leftTransposed(a, aOffset, k, m, lda)
                            : Rounded.left(a, aOffset, transposeA ? k : m, transposeA ? m : k, lda);
            right = rounds && !packed
                    ? Rounded.of(Kept.ofThisThread().right(), b, bOffset, transposeB ? n : k, transposeB ? k : n, ldb)
                    : null;
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
            int height = cut(m, rows, row + 1) - i;
            int width = cut(n, columns, column + 1) - j;
            int sums = cut(k, depth, slice + 1) - l;
            boolean first = slice == 0;
            Memory target = first ? c : partial;
            long at = first ? cOffset + (long) i * ldc + j : (slice - 1) * size() + (long) i * n + j;
            if (compiled()) {
                computeCompiled(i, j, l, height, width, sums, first, target, at, first ? ldc : n);
                return;
            }
            new Gemm(
                            transposeA,
                            transposeB,
                            height,
                            width,
                            sums,
                            alpha,
                            a,
                            aOffset + (transposeA ? (long) l * lda + i : (long) i * lda + l),
                            lda,
                            b,
                            bOffset + (transposeB ? (long) j * ldb + l : (long) l * ldb + j),
                            ldb,
                            first ? beta : 0,
                            target,
                            at,
                            first ? ldc : n,
                            first ? bias : null,
                            biasOffset + j)
                    .compute();
        }

        /** Of a packed B, so many columns at a time as stay near. */
        private void computeCompiled(
                int i, int j, int l, int height, int width, int sums, boolean first, Memory target, long at, int ld) {
            int parts = packed ? Math.max(1, (int) Math.min((long) width * k / PACKED + 1, width / EDGE)) : 1;
            for (int part = 0; part < parts; part++) {
                int from = cut(width, parts, part);
                int count = cut(width, parts, part + 1) - from;
                computeBlocks(i, j + from, l, height, count, sums, first, target, at + from, ld);
            }
            Reference.reachabilityFence(Gemm.this);
            Reference.reachabilityFence(target);
        }

        /** Block by block, so that products of ever other sizes are made of few computations. */
        private void computeBlocks(
                int i, int j, int l, int height, int width, int sums, boolean first, Memory target, long at, int ld) {
            // What is packed would be read again for each block, and a large B brought into order.
            boolean whole = packed || (long) n * k >= LARGE;
            int[] blocksOfRows = whole ? new int[] {height} : Blocks.of(height, UNIT);
            int[] blocksOfSums = sumsAreCut() ? Blocks.of(sums, UNIT) : new int[] {sums};
            long packedB = packed ? packed(j, width) : 0;
            for (int row = 0, y = 0; row < blocksOfRows.length; y += blocksOfRows[row++]) {
                for (int sum = 0, z = 0; sum < blocksOfSums.length; z += blocksOfSums[sum++]) {
                    boolean starts = sum == 0;
                    boolean biased = starts && first && bias != null;
                    Computation.Product product = new Computation.Product(
                            type(),
                            Computation.Type.of(c.type()),
                            transposeA && !transposedWhileRounded,
                            transposeB && !packed,
                            packed,
                            blocksOfRows[row],
                            width,
                            blocksOfSums[sum],
                            left == null ? lda : left.leading(),
                            packed ? 0 : right == null ? ldb : right.leading(),
                            ld,
                            biased,
                            !starts || first && bias == null && beta == 1);
                    long ofA = ofA(i + y, l + z);
                    long ofB = packed ? packedB : ofB(l + z, j);
                    long ofC = target.address(at + (long) y * ld);
                    Primitive primitive = Primitive.of(product);
                    if (biased) {
                        primitive.execute(ofA, ofB, ofC, bias.address(biasOffset + j));
                    } else {
                        primitive.execute(ofA, ofB, ofC);
                    }
                }
            }
        }

        /**
         * Whether sums of ever other lengths are made of blocks. Of a large result they are not: it costs more than compiling
         * for another size. It is the whole's, not the piece's: how sums are cut must not depend on threads.
         */
        private boolean sumsAreCut() {
            return transposeA && (long) m * n < LARGE;
        }

        private Computation.Type type() {
            return left == null ? Computation.Type.FP32 : Computation.Type.BF16;
        }

        /** The address of columns of B, packed. */
        private long packed(int column, int width) {
            long from = b.address(bOffset + (transposeB ? (long) column * ldb : column));
            Computation.Packing packing =
                    new Computation.Packing(Computation.Type.of(b.type()), type(), transposeB, width, k, ldb);
            if (frozen != null) {
                return frozen.packed(from, packing);
            }
            Primitive primitive = Primitive.of(packing);
            long to = Kept.ofThisThread().packed().address(primitive.resultBytes());
            primitive.execute(from, to);
            return to;
        }

        private long ofA(long row, long sum) {
            int leading = left == null ? lda : left.leading();
            long index = transposeA && !transposedWhileRounded ? sum * leading + row : row * leading + sum;
            return left == null ? a.address(aOffset + index) : left.address(index);
        }

        private long ofB(long sum, long column) {
            int leading = right == null ? ldb : right.leading();
            long index = transposeB ? column * leading + sum : sum * leading + column;
            return right == null ? b.address(bOffset + index) : right.address(index);
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

    /** Memory that a thread keeps for factors in other types and orders. */
    private record Kept(Scratch left, Scratch leftTransposed, Scratch right, Scratch packed) {

        private static final ThreadLocal<Kept> OF_THREAD =
                ThreadLocal.withInitial(() -> new Kept(new Scratch(), new Scratch(), new Scratch(), new Scratch()));

        static Kept ofThisThread() {
            return OF_THREAD.get();
        }
    }

    /** A factor rounded to bfloat16, in memory that the calling thread keeps. */
    record Rounded(long address, int leading) {

        /** Elements of B from which on rounding pays. It must not depend on rows of A, whose bits would then on each other. */
        private static final long LEAST = 1 << 12;

        private static final long GRAIN = 1 << 15;

        /** Rows of a transposed factor are so long or a multiple, and a cache line more, lest they push each other out. */
        private static final int TRANSPOSED_UNIT = 256;

        private static final int CACHE_LINE = 32;

        /** What this thread's first factor was rounded from, where the next product may have the same; null elsewhere. */
        private static final ThreadLocal<Source> SHARED = new ThreadLocal<>();

        private record Source(long address, int rows, int columns, int leading) {
            private static final Source NONE = new Source(0, 0, 0, 0);
        }

        /** Runs products of which each takes over the first factor of the one before, if it is the same. */
        static void sharing(Runnable products) {
            SHARED.set(Source.NONE);
            try {
                products.run();
            } finally {
                SHARED.remove();
            }
        }

        /** What was rounded last is gone. */
        static void forgetShared() {
            if (SHARED.get() != null) {
                SHARED.set(Source.NONE);
            }
        }

        /** Whether the first factor is there from the product before; it is from now on. */
        private static boolean shared(Source asked) {
            Source before = SHARED.get();
            if (before != null) {
                SHARED.set(asked);
            }
            return asked.equals(before);
        }

        /** The first factor, A. */
        static Rounded left(Memory source, long offset, int rows, int columns, int leading) {
            Scratch kept = Kept.ofThisThread().left();
            return source.type() != DataType.BFLOAT16
                            && shared(new Source(source.address(offset), rows, columns, leading))
                    ? new Rounded(kept.address(2L * rows * columns), columns)
                    : of(kept, source, offset, rows, columns, leading);
        }

        /** The first factor {@code [rows, columns]} as {@code [columns, rows]}; as it lies it is rounded as well. */
        static Rounded leftTransposed(Memory source, long offset, int rows, int columns, int leading) {
            Kept kept = Kept.ofThisThread();
            boolean given = source.type() == DataType.BFLOAT16;
            boolean there = given || shared(new Source(source.address(offset), rows, columns, leading));
            Rounded plain = given
                    ? new Rounded(source.address(offset), leading)
                    : new Rounded(kept.left().address(2L * rows * columns), columns);
            int length = (rows + TRANSPOSED_UNIT - 1) / TRANSPOSED_UNIT * TRANSPOSED_UNIT + CACHE_LINE;
            Rounded transposed = new Rounded(kept.leftTransposed().address(2L * length * columns), length);
            forStrips(rows, columns, (row, count) -> {
                if (!there) {
                    round(source, offset, row, count, columns, leading, plain);
                }
                Primitive.of(new Computation.Transposition(count, columns, plain.leading, length))
                        .execute(plain.address(row * plain.leading), transposed.address(row));
            });
            Memory.keep(source);
            return transposed;
        }

        /** A factor, rounded unless it is bfloat16 as it lies. */
        static Rounded of(Scratch kept, Memory source, long offset, int rows, int columns, int leading) {
            if (source.type() == DataType.BFLOAT16) {
                return new Rounded(source.address(offset), leading);
            }
            Rounded rounded = new Rounded(kept.address(2L * rows * columns), columns);
            forStrips(rows, columns, (row, count) -> round(source, offset, row, count, columns, leading, rounded));
            Memory.keep(source);
            return rounded;
        }

        private static void round(
                Memory source, long offset, long row, int count, int columns, int leading, Rounded target) {
            Primitive.of(new Computation.Cast(
                            Computation.Type.FP32, Computation.Type.BF16, count, columns, leading, columns))
                    .execute(source.address(offset + row * leading), target.address(row * columns));
        }

        @FunctionalInterface
        private interface Strip {
            void run(long row, int count);
        }

        /** Runs something for so many rows at a time as stay near, of few different numbers. */
        private static void forStrips(int rows, int columns, Strip strip) {
            Parallel.standard().run(rows, Math.max(1, GRAIN / columns), (from, to, part) -> {
                long row = from;
                for (; to - row > UNIT + 1; row += UNIT) {
                    strip.run(row, UNIT);
                }
                for (int count : Blocks.of((int) (to - row), UNIT)) {
                    strip.run(row, count);
                    row += count;
                }
            });
        }

        long address(long index) {
            return address + 2 * index;
        }
    }
}
