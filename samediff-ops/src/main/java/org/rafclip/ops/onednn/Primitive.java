package org.rafclip.ops.onednn;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rafclip.ops.onednn.Computation.Elementwise;
import org.rafclip.ops.onednn.Computation.ElementwiseGradient;
import org.rafclip.ops.onednn.Computation.LayerNorm;
import org.rafclip.ops.onednn.Computation.LayerNormGradient;
import org.rafclip.ops.onednn.Computation.Product;
import org.rafclip.ops.onednn.Computation.ToBf16;
import org.rafclip.ops.onednn.Computation.Type;
import org.rafclip.ops.onednn.OneDnn.Functions;

/** A {@link Computation}, compiled. It belongs to the thread that asked for it, since oneDNN's working memory does. */
public final class Primitive {

    /** Computations that a thread keeps: those of a model's step several times over. */
    private static final int KEPT = 512;

    private static final int SOURCE = 1;
    private static final int DESTINATION = 17;
    private static final int WEIGHTS = 33;
    private static final int BIAS = 41;
    private static final int MEAN = 49;
    private static final int VARIANCE = 50;
    private static final int SCALE = 51;
    private static final int SHIFT = 52;
    private static final int SOURCE_GRADIENT = 129;
    private static final int DESTINATION_GRADIENT = 145;
    private static final int SCALE_GRADIENT = 255;
    private static final int SHIFT_GRADIENT = 256;

    private static final int TRAINING = 64;
    private static final int BACKWARD = 128;
    private static final int SCALE_AND_SHIFT = 6;

    /** An argument: its number and, after four bytes, the memory. */
    private static final int ARGUMENT_BYTES = 16;

    private static final ThreadLocal<Map<Computation, Primitive>> KNOWN =
            ThreadLocal.withInitial(() -> new LinkedHashMap<>(64, 0.75f, true) {
                @Override
                protected boolean removeEldestEntry(Map.Entry<Computation, Primitive> eldest) {
                    if (size() > KEPT) {
                        eldest.getValue().destroy();
                        return true;
                    }
                    return false;
                }
            });

    private static final ThreadLocal<Long> ENGINE =
            ThreadLocal.withInitial(() -> handle(at -> Functions.dnnl_engine_create(at, 1, 0), "an engine"));

    private static final ThreadLocal<Long> STREAM =
            ThreadLocal.withInitial(() -> handle(at -> Functions.dnnl_stream_create(at, ENGINE.get(), 1), "a stream"));

    private final long primitive;
    private final long stream;
    private final long[] memories;
    private final Memory arguments;

    private Primitive(long primitive, List<Argument> needed) {
        this.primitive = primitive;
        this.stream = STREAM.get();
        this.memories = new long[needed.size()];
        this.arguments = new Memory((long) ARGUMENT_BYTES * memories.length);
        for (int i = 0; i < memories.length; i++) {
            long descriptor = needed.get(i).descriptor();
            memories[i] = handle(at -> Functions.dnnl_memory_create(at, descriptor, ENGINE.get(), 0), "memory");
            arguments.setInt((long) ARGUMENT_BYTES * i, needed.get(i).number());
            arguments.setLong((long) ARGUMENT_BYTES * i + 8, memories[i]);
        }
    }

    /** The compiled computation of the calling thread. */
    public static Primitive of(Computation computation) {
        Map<Computation, Primitive> known = KNOWN.get();
        Primitive found = known.get(computation);
        if (found == null) {
            OneDnn.onThisThreadAlone();
            found = new Building(computation).primitive();
            known.put(computation, found);
        }
        return found;
    }

    /** Computes, with the arrays at these addresses, in the order in which the computation names them. */
    public void execute(long... addresses) {
        for (int i = 0; i < memories.length; i++) {
            Functions.dnnl_memory_set_data_handle(memories[i], addresses[i]);
        }
        OneDnn.check(
                Functions.dnnl_primitive_execute(primitive, stream, memories.length, Pointer.nativeValue(arguments)),
                "a computation");
    }

    private void destroy() {
        Functions.dnnl_primitive_destroy(primitive);
        for (long memory : memories) {
            Functions.dnnl_memory_destroy(memory);
        }
        arguments.close();
    }

    @FunctionalInterface
    private interface Creation {
        int create(PointerByReference handle);
    }

    private static long handle(Creation creation, Object what) {
        PointerByReference handle = new PointerByReference();
        OneDnn.check(creation.create(handle), what);
        return Pointer.nativeValue(handle.getValue());
    }

    private record Argument(int number, long descriptor) {}

    /** What is needed only until a computation is compiled. */
    private static final class Building {

        private final Computation computation;
        private final long engine = ENGINE.get();
        private final List<Long> descriptors = new ArrayList<>();
        private final List<Long> descriptions = new ArrayList<>();
        private final List<Argument> arguments = new ArrayList<>();
        private long attributes;

        Building(Computation computation) {
            this.computation = computation;
        }

        Primitive primitive() {
            try {
                long description = describe();
                long primitive = handle(at -> Functions.dnnl_primitive_create(at, description), computation);
                return new Primitive(primitive, arguments);
            } finally {
                descriptions.forEach(Functions::dnnl_primitive_desc_destroy);
                descriptors.forEach(Functions::dnnl_memory_desc_destroy);
                if (attributes != 0) {
                    Functions.dnnl_primitive_attr_destroy(attributes);
                }
            }
        }

        private long describe() {
            if (computation instanceof Product product) {
                return product(product);
            }
            if (computation instanceof LayerNorm norm) {
                long data = matrix(Type.FP32, norm.rows(), norm.width(), norm.width(), 1);
                argument(SOURCE, data);
                long parameters = vector(Type.FP32, norm.width());
                argument(SCALE, parameters);
                argument(SHIFT, parameters);
                argument(DESTINATION, data);
                long statistics = vector(Type.FP32, norm.rows());
                argument(MEAN, statistics);
                argument(VARIANCE, statistics);
                return layerNorm(data, statistics, norm.epsilon());
            }
            if (computation instanceof LayerNormGradient norm) {
                long data = matrix(Type.FP32, norm.rows(), norm.width(), norm.width(), 1);
                argument(SOURCE, data);
                long parameters = vector(Type.FP32, norm.width());
                argument(SCALE, parameters);
                long statistics = vector(Type.FP32, norm.rows());
                argument(MEAN, statistics);
                argument(VARIANCE, statistics);
                argument(DESTINATION_GRADIENT, data);
                argument(SOURCE_GRADIENT, data);
                argument(SCALE_GRADIENT, parameters);
                argument(SHIFT_GRADIENT, parameters);
                long forward = layerNorm(data, statistics, norm.epsilon());
                return description(at -> Functions.dnnl_layer_normalization_backward_primitive_desc_create(
                        at,
                        engine,
                        BACKWARD,
                        data,
                        data,
                        data,
                        statistics,
                        norm.epsilon(),
                        SCALE_AND_SHIFT,
                        forward,
                        0));
            }
            if (computation instanceof Elementwise elements) {
                long data = vector(Type.FP32, elements.count());
                argument(SOURCE, data);
                argument(DESTINATION, data);
                return elementwise(elements.function(), data);
            }
            if (computation instanceof ElementwiseGradient elements) {
                long data = vector(Type.FP32, elements.count());
                argument(SOURCE, data);
                argument(DESTINATION_GRADIENT, data);
                argument(SOURCE_GRADIENT, data);
                long forward = elementwise(elements.function(), data);
                return description(at -> Functions.dnnl_eltwise_backward_primitive_desc_create(
                        at,
                        engine,
                        elements.function().code,
                        data,
                        data,
                        data,
                        elements.function().alpha,
                        0,
                        forward,
                        0));
            }
            ToBf16 cast = (ToBf16) computation;
            long from = matrix(Type.FP32, cast.rows(), cast.columns(), cast.leading(), 1);
            long to = matrix(Type.BF16, cast.rows(), cast.columns(), cast.columns(), 1);
            argument(SOURCE, from);
            argument(DESTINATION, to);
            return description(at -> Functions.dnnl_reorder_primitive_desc_create(at, from, engine, to, engine, 0));
        }

        private long product(Product product) {
            long a = product.transposeA()
                    ? matrix(product.type(), product.m(), product.k(), 1, product.lda())
                    : matrix(product.type(), product.m(), product.k(), product.lda(), 1);
            long b = product.transposeB()
                    ? matrix(product.type(), product.k(), product.n(), 1, product.ldb())
                    : matrix(product.type(), product.k(), product.n(), product.ldb(), 1);
            long c = matrix(Type.FP32, product.m(), product.n(), product.ldc(), 1);
            argument(SOURCE, a);
            argument(WEIGHTS, b);
            argument(DESTINATION, c);
            long bias = 0;
            if (product.bias()) {
                bias = matrix(Type.FP32, 1, product.n(), product.n(), 1);
                argument(BIAS, bias);
            }
            if (product.added()) {
                attributes = handle(Functions::dnnl_primitive_attr_create, computation);
                long operations = handle(Functions::dnnl_post_ops_create, computation);
                try {
                    OneDnn.check(Functions.dnnl_post_ops_append_sum(operations, 1, 0, Type.FP32.code), computation);
                    OneDnn.check(Functions.dnnl_primitive_attr_set_post_ops(attributes, operations), computation);
                } finally {
                    Functions.dnnl_post_ops_destroy(operations);
                }
            }
            long withBias = bias;
            return description(
                    at -> Functions.dnnl_matmul_primitive_desc_create(at, engine, a, b, withBias, c, attributes));
        }

        private long layerNorm(long data, long statistics, float epsilon) {
            return description(at -> Functions.dnnl_layer_normalization_forward_primitive_desc_create(
                    at, engine, TRAINING, data, data, statistics, epsilon, SCALE_AND_SHIFT, 0));
        }

        private long elementwise(Computation.Function function, long data) {
            return description(at -> Functions.dnnl_eltwise_forward_primitive_desc_create(
                    at, engine, TRAINING, function.code, data, data, function.alpha, 0, 0));
        }

        private void argument(int number, long descriptor) {
            arguments.add(new Argument(number, descriptor));
        }

        private long description(Creation creation) {
            long description = handle(creation, computation);
            descriptions.add(description);
            return description;
        }

        private long vector(Type type, int length) {
            return descriptor(type, new long[] {length}, new long[] {1});
        }

        private long matrix(Type type, int rows, int columns, int rowStride, int columnStride) {
            return descriptor(type, new long[] {rows, columns}, new long[] {rowStride, columnStride});
        }

        private long descriptor(Type type, long[] sizes, long[] strides) {
            long descriptor = handle(
                    at -> Functions.dnnl_memory_desc_create_with_strides(at, sizes.length, sizes, type.code, strides),
                    computation);
            descriptors.add(descriptor);
            return descriptor;
        }
    }
}
