package org.rafclip.ops.onednn;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URL;
import org.bytedeco.javacpp.Loader;
import org.slf4j.LoggerFactory;

/**
 * oneDNN, on Linux on x86-64 where its jar is on the class path. {@code -Drafclip.blas=openblas} leaves it unused.
 */
public final class OneDnn {

    private static final String CHOICE = "rafclip.blas";
    private static final String FOLDER = "/org/bytedeco/dnnl/linux-x86_64/";

    /** The instruction set AVX512_BF16 and what it includes, as oneDNN counts them. */
    private static final int BF16_INSTRUCTIONS = 0xe7;

    /** A thread's computations are its own: oneDNN's threads would cut sums otherwise for each number of threads. */
    private static final ThreadLocal<Boolean> ALONE = ThreadLocal.withInitial(() -> {
        Threads.omp_set_num_threads(1);
        return true;
    });

    private static final class Threads {
        static native void omp_set_num_threads(int threads);
    }

    /** The functions of {@code dnnl.h}; handles and addresses are {@code long}. */
    static final class Functions {
        static native Pointer dnnl_version();

        static native int dnnl_get_effective_cpu_isa();

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

        static native int dnnl_engine_create(PointerByReference engine, int kind, long index);

        static native int dnnl_stream_create(PointerByReference stream, long engine, int flags);

        static native int dnnl_memory_desc_create_with_strides(
                PointerByReference descriptor, int dimensions, long[] sizes, int type, long[] strides);

        static native int dnnl_memory_desc_destroy(long descriptor);

        static native int dnnl_memory_create(PointerByReference memory, long descriptor, long engine, long address);

        static native int dnnl_memory_set_data_handle(long memory, long address);

        static native int dnnl_memory_destroy(long memory);

        static native int dnnl_primitive_attr_create(PointerByReference attributes);

        static native int dnnl_primitive_attr_set_scratchpad_mode(long attributes, int mode);

        static native int dnnl_primitive_attr_set_post_ops(long attributes, long operations);

        static native int dnnl_primitive_attr_destroy(long attributes);

        static native int dnnl_post_ops_create(PointerByReference operations);

        static native int dnnl_post_ops_append_sum(long operations, float scale, int zeroPoint, int type);

        static native int dnnl_post_ops_destroy(long operations);

        static native int dnnl_matmul_primitive_desc_create(
                PointerByReference description,
                long engine,
                long source,
                long weights,
                long bias,
                long destination,
                long attributes);

        static native int dnnl_layer_normalization_forward_primitive_desc_create(
                PointerByReference description,
                long engine,
                int propagation,
                long source,
                long destination,
                long statistics,
                float epsilon,
                int flags,
                long attributes);

        static native int dnnl_layer_normalization_backward_primitive_desc_create(
                PointerByReference description,
                long engine,
                int propagation,
                long sourceGradient,
                long destinationGradient,
                long source,
                long statistics,
                float epsilon,
                int flags,
                long forward,
                long attributes);

        static native int dnnl_convolution_forward_primitive_desc_create(
                PointerByReference description,
                long engine,
                int propagation,
                int algorithm,
                long source,
                long weights,
                long bias,
                long destination,
                long[] strides,
                long[] dilations,
                long[] paddingBefore,
                long[] paddingAfter,
                long attributes);

        static native int dnnl_convolution_backward_data_primitive_desc_create(
                PointerByReference description,
                long engine,
                int algorithm,
                long sourceGradient,
                long weights,
                long destinationGradient,
                long[] strides,
                long[] dilations,
                long[] paddingBefore,
                long[] paddingAfter,
                long forward,
                long attributes);

        static native int dnnl_convolution_backward_weights_primitive_desc_create(
                PointerByReference description,
                long engine,
                int algorithm,
                long source,
                long weightsGradient,
                long biasGradient,
                long destinationGradient,
                long[] strides,
                long[] dilations,
                long[] paddingBefore,
                long[] paddingAfter,
                long forward,
                long attributes);

        static native long dnnl_primitive_desc_query_md(long description, int what, int index);

        static native long dnnl_memory_desc_get_size(long descriptor);

        static native int dnnl_memory_desc_clone(PointerByReference descriptor, long existing);

        static native int dnnl_memory_desc_create_with_tag(
                PointerByReference descriptor, int dimensions, long[] sizes, int type, int tag);

        static native int dnnl_eltwise_forward_primitive_desc_create(
                PointerByReference description,
                long engine,
                int propagation,
                int algorithm,
                long source,
                long destination,
                float alpha,
                float beta,
                long attributes);

        static native int dnnl_softmax_forward_primitive_desc_create(
                PointerByReference description,
                long engine,
                int propagation,
                int algorithm,
                long source,
                long destination,
                int axis,
                long attributes);

        static native int dnnl_eltwise_backward_primitive_desc_create(
                PointerByReference description,
                long engine,
                int algorithm,
                long sourceGradient,
                long destinationGradient,
                long source,
                float alpha,
                float beta,
                long forward,
                long attributes);

        static native int dnnl_reorder_primitive_desc_create(
                PointerByReference description,
                long source,
                long sourceEngine,
                long destination,
                long destinationEngine,
                long attributes);

        static native int dnnl_primitive_desc_destroy(long description);

        static native int dnnl_primitive_create(PointerByReference primitive, long description);

        static native int dnnl_primitive_execute(long primitive, long stream, int count, long arguments);

        static native int dnnl_primitive_destroy(long primitive);
    }

    private OneDnn() {}

    /** Whether it is loaded; the first call tries to. */
    public static boolean available() {
        return Loaded.AVAILABLE;
    }

    /** Whether the processor multiplies bfloat16 by instructions of its own: AVX512_BF16 or AMX. */
    public static boolean multipliesBf16() {
        return available() && (Functions.dnnl_get_effective_cpu_isa() & BF16_INSTRUCTIONS) == BF16_INSTRUCTIONS;
    }

    /** Its version, such as {@code 3.11.0}. */
    public static String version() {
        Pointer version = Functions.dnnl_version();
        return version.getInt(0) + "." + version.getInt(4) + "." + version.getInt(8);
    }

    /** {@code C ← α · op(A) · op(B) + β · C}, row-major; addresses, and leading dimensions in elements. */
    public static void sgemm(
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
        onThisThreadAlone();
        check(
                Functions.dnnl_sgemm(
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
                        ldc),
                "a product of " + m + "x" + k + " and " + k + "x" + n);
    }

    static void onThisThreadAlone() {
        ALONE.get();
    }

    static void check(int status, Object what) {
        if (status == 1) {
            throw new OutOfMemoryError("oneDNN has no memory for " + what);
        }
        if (status != 0) {
            throw new IllegalStateException("oneDNN refuses " + what + ", status " + status);
        }
    }

    private static final class Loaded {
        private static final boolean AVAILABLE = load();

        private static boolean load() {
            if ("openblas".equals(System.getProperty(CHOICE))
                    || !Loader.getPlatform().equals("linux-x86_64")
                    || OneDnn.class.getResource(FOLDER + "libdnnl.so.3") == null) {
                return false;
            }
            try {
                // Under its own name, so that the other finds this one and not the system's.
                Native.register(Threads.class, NativeLibrary.getInstance(unpacked("libgomp.so.1")));
                Native.register(Functions.class, NativeLibrary.getInstance(unpacked("libdnnl.so.3")));
                return true;
            } catch (IOException e) {
                throw new UncheckedIOException("oneDNN cannot be unpacked", e);
            } catch (UnsatisfiedLinkError e) {
                LoggerFactory.getLogger(OneDnn.class)
                        .warn("oneDNN cannot be loaded ({}); OpenBLAS multiplies, slower", e.getMessage());
                return false;
            }
        }

        private static String unpacked(String name) throws IOException {
            URL resource = OneDnn.class.getResource(FOLDER + name);
            if (resource == null) {
                throw new UnsatisfiedLinkError(name + " is not on the class path");
            }
            File file = Loader.cacheResource(resource);
            return file.getAbsolutePath();
        }
    }
}
