package org.rafclip.ops;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.mkl.global.mkl_rt;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.nd4j.linalg.api.blas.Blas.Vendor;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Memory;
import org.slf4j.LoggerFactory;

/**
 * The matrix library: MKL on x86-64 where its jars are on the class path, otherwise OpenBLAS.
 *
 * <p>The choice has to fall before the first ND4J class loads, so whoever starts a program calls {@link #initialize()}
 * first; every class of this module that needs ND4J does so itself. {@code -Dorg.bytedeco.openblas.load=openblas}
 * keeps OpenBLAS. On x86-64 OpenBLAS 0.3.19 needs {@code OPENBLAS_CORETYPE} in the environment to use newer processors.
 */
public final class Blas {

    private static final String CHOICE = "org.bytedeco.openblas.load";

    /** Whether this thread is in {@link #runWithSerialGemm}. */
    private static final ThreadLocal<Boolean> SERIAL = new ThreadLocal<>();

    private Blas() {}

    /** Chooses and loads the library; further calls do nothing. */
    public static void initialize() {
        Library.LOADED.toString();
    }

    /** The library in use: {@code MKL} or {@code OpenBLAS}. */
    public static Library library() {
        return Library.LOADED;
    }

    /** The library with its version and threads, for people. */
    public static String description() {
        return switch (Library.LOADED) {
            case MKL -> {
                byte[] text = new byte[256];
                mkl_rt.MKL_Get_Version_String(text, text.length);
                yield new String(text, java.nio.charset.StandardCharsets.US_ASCII)
                                .replace('\0', ' ')
                                .strip() + ", " + mkl_rt.MKL_Get_Max_Threads() + " threads";
            }
            case OPENBLAS ->
                "OpenBLAS, core type "
                        + System.getenv().getOrDefault("OPENBLAS_CORETYPE", "chosen by itself") + ", "
                        + openblas_nolapack.blas_get_num_threads() + " threads";
        };
    }

    /**
     * {@code C ← α · op(A) · op(B) + β · C}, row-major: {@code op(A)} is {@code [m, k]}, {@code op(B)} is
     * {@code [k, n]}. Offsets and leading dimensions are in elements; the three memories share one data type.
     *
     * <p>It computes on all threads, within {@link #runWithSerialGemm} on the caller's alone. Its bits do not depend on how
     * many threads there are, which those of the libraries' own threads do: they cut the sums of a small result. Nor do
     * MKL's bits of a row of {@code A · op(B)} depend on how many other rows there are.
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
        Gemm product = new Gemm(
                transposeA, transposeB, m, n, k, alpha, a, aOffset, lda, b, bOffset, ldb, beta, c, cOffset, ldc);
        if (product.fewRows()) {
            product.computeAmongMoreRows(Blas::compute);
        } else {
            compute(product);
        }
    }

    private static void compute(Gemm product) {
        if (Boolean.TRUE.equals(SERIAL.get())) {
            product.compute();
            return;
        }
        Parallel parallel = Parallel.standard();
        try (Gemm.Pieces pieces = product.pieces()) {
            runWithSerialGemm(parallel, pieces.count(), 1, (from, to, part) -> {
                for (int piece = (int) from; piece < to; piece++) {
                    pieces.compute(piece);
                }
            });
            pieces.addUp(parallel);
        }
    }

    /** Runs loops whose bodies call {@link #gemm} on small matrices: each part computes on its own thread alone. */
    public static void runWithSerialGemm(Parallel parallel, long count, long grain, Parallel.Body body) {
        Parallel.Body serial = (from, to, part) -> {
            Boolean before = SERIAL.get();
            SERIAL.set(true);
            try {
                body.run(from, to, part);
            } finally {
                SERIAL.set(before);
            }
        };
        switch (Library.LOADED) {
            case MKL ->
                parallel.run(count, grain, (from, to, part) -> {
                    int before = mkl_rt.MKL_Set_Num_Threads_Local(1);
                    try {
                        serial.run(from, to, part);
                    } finally {
                        mkl_rt.MKL_Set_Num_Threads_Local(before);
                    }
                });
            case OPENBLAS -> {
                int threads = OpenBlasThreads.BEFORE;
                openblas_nolapack.blas_set_num_threads(1);
                try {
                    parallel.run(count, grain, serial);
                } finally {
                    openblas_nolapack.blas_set_num_threads(threads);
                }
            }
        }
    }

    /** OpenBLAS has one number of threads for all callers: what it was before the first of them changed it. */
    private static final class OpenBlasThreads {
        private static final int BEFORE = openblas_nolapack.blas_get_num_threads() > 0
                ? openblas_nolapack.blas_get_num_threads()
                : Runtime.getRuntime().availableProcessors();
    }

    /**
     * JavaCPP chooses the library by a link in the cache that all programs of a user share, so two of them that start at
     * once with different choices would get each other's.
     */
    static <T> T oneProcessAtATime(Supplier<T> start) {
        FileChannel file = null;
        try {
            file = FileChannel.open(cache().resolve(".blas.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            file.lock();
        } catch (IOException e) {
            LoggerFactory.getLogger(Blas.class).debug("no lock on {}", cache(), e);
        }
        try {
            return start.get();
        } finally {
            close(file);
        }
    }

    private static void close(FileChannel file) {
        if (file != null) {
            try {
                file.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static Path cache() {
        try {
            return Loader.getCacheDir().toPath();
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "JavaCPP has no place to unpack native libraries to: set"
                            + " -Dorg.bytedeco.javacpp.cachedir to a folder that can be written",
                    e);
        }
    }

    /** The libraries there are. */
    public enum Library {
        MKL,
        OPENBLAS;

        private static final Library LOADED = load();

        private static Library load() {
            String arch = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
            boolean x86 = arch.equals("amd64") || arch.equals("x86_64");
            String choice = System.getProperty(CHOICE);
            if (choice == null && x86 && mklOnClassPath()) {
                if (tooLate()) {
                    LoggerFactory.getLogger(Blas.class)
                            .warn(
                                    "ND4J was used before JavaOps.install(), so matrix products run in OpenBLAS instead of"
                                            + " MKL, several times slower: call JavaOps.install() first, or start Java with"
                                            + " -D{}=mkl_rt",
                                    CHOICE);
                } else {
                    System.setProperty(CHOICE, "mkl_rt");
                    choice = "mkl_rt";
                }
            }
            Library library = "mkl_rt".equals(choice) ? MKL : OPENBLAS;
            return oneProcessAtATime(() -> load(library));
        }

        private static Library load(Library library) {
            if (library == MKL) {
                Loader.load(mkl_rt.class);
                mkl_rt.MKL_CBWR_Set(mkl_rt.MKL_CBWR_AUTO);
            }
            Loader.load(openblas_nolapack.class);
            if (library == MKL && Nd4j.factory().blas().getBlasVendor() == Vendor.OPENBLAS) {
                LoggerFactory.getLogger(Blas.class)
                        .warn(
                                "matrix products run in OpenBLAS instead of MKL, several times slower: another program"
                                        + " changed the links in {} while this one started. Start again.",
                                cache());
                return OPENBLAS;
            }
            return library;
        }

        private static boolean tooLate() {
            return Loader.getLoadedLibraries().keySet().stream().anyMatch(name -> name.contains("openblas"));
        }

        private static boolean mklOnClassPath() {
            String platform = Loader.getPlatform();
            String library = platform.startsWith("windows")
                    ? "mkl_rt.2.dll"
                    : platform.startsWith("macosx") ? "libmkl_rt.2.dylib" : "libmkl_rt.so.2";
            return Blas.class.getResource("/org/bytedeco/mkl/" + platform + "/" + library) != null;
        }
    }
}
