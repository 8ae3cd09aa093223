package org.rafclip.ops;

import java.util.function.Supplier;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.ops.onednn.OneDnn;

/**
 * The matrix library: oneDNN for single precision on Linux on x86-64, where its jar is on the class path, and OpenBLAS for
 * everything else, ND4J's own products too.
 *
 * <p>{@code -Drafclip.blas=openblas} keeps OpenBLAS alone. On x86-64 OpenBLAS 0.3.19 needs {@code OPENBLAS_CORETYPE} in the
 * environment to use newer processors. Its own threads are not used: ND4J's products run on the caller's thread alone once
 * this is initialised.
 */
public final class Blas {

    /** Whether this thread is in {@link #runWithSerialGemm}. */
    private static final ThreadLocal<Boolean> SERIAL = new ThreadLocal<>();

    private static final ThreadLocal<Precision> PRECISION = ThreadLocal.withInitial(() -> Precision.FP32);

    private static final ThreadLocal<FrozenWeights> FROZEN = new ThreadLocal<>();

    private Blas() {}

    /** Chooses and loads the library; further calls do nothing. */
    public static void initialize() {
        Library.LOADED.toString();
    }

    /** The library in use for single precision. */
    public static Library library() {
        return Library.LOADED;
    }

    /** The library with its version and threads, for people. */
    public static String description() {
        int threads = Parallel.standard().threads();
        return switch (Library.LOADED) {
            case ONEDNN -> "oneDNN " + OneDnn.version() + ", " + threads + " threads";
            case OPENBLAS ->
                "OpenBLAS, core type "
                        + System.getenv().getOrDefault("OPENBLAS_CORETYPE", "chosen by itself") + ", " + threads
                        + " threads";
        };
    }

    /**
     * {@code C ← α · op(A) · op(B) + β · C}, row-major: {@code op(A)} is {@code [m, k]}, {@code op(B)} is
     * {@code [k, n]}. Offsets and leading dimensions are in elements. The three memories share one data type, or, with
     * {@code α = 1}, some are BFLOAT16 and the others FLOAT; C only where A is not transposed and {@code β = 0}.
     *
     * <p>It computes on all threads, within {@link #runWithSerialGemm} on the caller's alone. Its bits do not depend on how
     * many threads there are, which those of the libraries' own threads do: they cut the sums of a small result.
     */
    public static void gemm(
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
        compute(new Gemm(
                transposeA,
                transposeB,
                m,
                n,
                k,
                alpha,
                a,
                aOffset,
                lda,
                b,
                bOffset,
                ldb,
                beta,
                c,
                cOffset,
                ldc,
                null,
                0));
    }

    /**
     * {@code C ← op(A) · op(B)}, to each row of which a bias of n elements from {@code biasOffset} on is added: {@link #gemm}
     * with α = 1 for a linear layer.
     */
    public static void gemmWithBias(
            boolean transposeA,
            boolean transposeB,
            int m,
            int n,
            int k,
            Memory a,
            long aOffset,
            int lda,
            Memory b,
            long bOffset,
            int ldb,
            Memory bias,
            long biasOffset,
            Memory c,
            long cOffset,
            int ldc) {
        compute(new Gemm(
                transposeA,
                transposeB,
                m,
                n,
                k,
                1,
                a,
                aOffset,
                lda,
                b,
                bOffset,
                ldb,
                0,
                c,
                cOffset,
                ldc,
                bias,
                biasOffset));
    }

    private static void compute(Gemm product) {
        if (Boolean.TRUE.equals(SERIAL.get())) {
            product.compute();
        } else if (product.ofOneRow()) {
            product.computeBesideAnother(Blas::computeInPieces);
        } else {
            computeInPieces(product);
        }
    }

    private static void computeInPieces(Gemm product) {
        Parallel parallel = Parallel.standard();
        try (Gemm.Pieces pieces = product.pieces(precision(), FROZEN.get(), parallel.threads())) {
            runWithSerialGemm(parallel, pieces.count(), 1, (from, to, part) -> {
                for (int piece = (int) from; piece < to; piece++) {
                    pieces.compute(piece);
                }
            });
            pieces.addUp(parallel);
        }
    }

    /** Runs something whose products of single-precision matrices are computed in a precision. */
    public static <T> T inPrecision(Precision precision, Supplier<T> body) {
        Precision before = precision();
        PRECISION.set(precision);
        try {
            return body.get();
        } finally {
            PRECISION.set(before);
        }
    }

    /**
     * Runs products of which some have the same first factor one after another, as both gradients of a linear layer: it is
     * rounded once. What they write must not be among what they read.
     */
    public static void sharingFactors(Runnable products) {
        Gemm.Rounded.sharing(products);
    }

    /** Runs something whose products know that some weights stay as they are. */
    static <T> T withFrozen(FrozenWeights weights, Supplier<T> body) {
        FrozenWeights before = FROZEN.get();
        FROZEN.set(weights);
        try {
            return body.get();
        } finally {
            FROZEN.set(before);
        }
    }

    /** What this thread's products of single-precision matrices are computed in. */
    public static Precision precision() {
        return PRECISION.get();
    }

    /**
     * Runs loops whose bodies call {@link #gemm} on small matrices that depend on one sample each: every part computes on its
     * own thread alone, in single precision whatever {@link #inPrecision} says.
     */
    public static void runWithSerialGemm(Parallel parallel, long count, long grain, Parallel.Body body) {
        parallel.run(count, grain, (from, to, part) -> {
            Boolean before = SERIAL.get();
            SERIAL.set(true);
            try {
                body.run(from, to, part);
            } finally {
                SERIAL.set(before);
            }
        });
    }

    /** The libraries there are. */
    public enum Library {
        ONEDNN,
        OPENBLAS;

        private static final Library LOADED = loadForOneThreadAProduct();

        /**
         * Products are cut here, a piece a thread. OpenBLAS has one number of threads for all callers, and it stays: changing
         * it to and fro lets its threads wait for work by spinning, and every second product then takes twice its time. ND4J
         * sets it when it is loaded, so it is loaded first.
         */
        private static Library loadForOneThreadAProduct() {
            Loader.load(openblas_nolapack.class);
            Library loaded = OneDnn.available() ? ONEDNN : OPENBLAS;
            Nd4j.factory().blas().setMaxThreads(1);
            return loaded;
        }
    }
}
