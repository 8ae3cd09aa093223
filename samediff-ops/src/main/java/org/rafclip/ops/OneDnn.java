package org.rafclip.ops;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import org.bytedeco.javacpp.Loader;

/** The C functions of oneDNN that multiply matrices, on the calling thread alone. */
final class OneDnn {

    private static final String FOLDER = "/org/bytedeco/dnnl/linux-x86_64/";

    /** A thread's products are its own: oneDNN's threads would cut sums otherwise for each number of threads. */
    private static final ThreadLocal<Boolean> ALONE = ThreadLocal.withInitial(() -> {
        Threads.omp_set_num_threads(1);
        return true;
    });

    private static final class Threads {
        static native void omp_set_num_threads(int threads);
    }

    private static final class Functions {
        static native int dnnl_sgemm(
                byte transposeA,
                byte transposeB,
                long m,
                long n,
                long k,
                float alpha,
                long a,
                long lda,
                long b,
                long ldb,
                float beta,
                long c,
                long ldc);

        static native Pointer dnnl_version();
    }

    private OneDnn() {}

    /** Whether its libraries are on the class path. */
    static boolean onClassPath() {
        return Loader.getPlatform().equals("linux-x86_64") && OneDnn.class.getResource(FOLDER + "libdnnl.so.3") != null;
    }

    /**
     * Unpacks and loads it.
     *
     * @throws IOException if there is no place for it
     * @throws UnsatisfiedLinkError if it cannot be loaded here
     */
    static void load() throws IOException {
        // Under its own name, so that the other finds this one and not the system's.
        Native.register(Threads.class, NativeLibrary.getInstance(unpacked("libgomp.so.1")));
        Native.register(Functions.class, NativeLibrary.getInstance(unpacked("libdnnl.so.3")));
    }

    private static String unpacked(String name) throws IOException {
        URL resource = OneDnn.class.getResource(FOLDER + name);
        if (resource == null) {
            throw new UnsatisfiedLinkError(name + " is not on the class path");
        }
        File file = Loader.cacheResource(resource);
        return file.getAbsolutePath();
    }

    /** Its version, such as {@code 3.11.0}. */
    static String version() {
        Pointer version = Functions.dnnl_version();
        return version.getInt(0) + "." + version.getInt(4) + "." + version.getInt(8);
    }

    /** {@code C ← α · op(A) · op(B) + β · C}, row-major; addresses and leading dimensions in elements. */
    static void sgemm(
            boolean transposeA,
            boolean transposeB,
            long m,
            long n,
            long k,
            float alpha,
            long a,
            long lda,
            long b,
            long ldb,
            float beta,
            long c,
            long ldc) {
        ALONE.get();
        int status = Functions.dnnl_sgemm(
                (byte) (transposeA ? 'T' : 'N'),
                (byte) (transposeB ? 'T' : 'N'),
                m,
                n,
                k,
                alpha,
                a,
                lda,
                b,
                ldb,
                beta,
                c,
                ldc);
        if (status != 0) {
            throw new IllegalStateException(
                    "oneDNN refuses a product of " + m + "x" + k + " and " + k + "x" + n + ", status " + status);
        }
    }
}
