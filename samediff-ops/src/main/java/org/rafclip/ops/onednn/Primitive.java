package org.rafclip.ops.onednn;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.lang.ref.Cleaner;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.rafclip.ops.onednn.Computation.Cast;
import org.rafclip.ops.onednn.Computation.Convolution;
import org.rafclip.ops.onednn.Computation.ConvolutionDataGradient;
import org.rafclip.ops.onednn.Computation.ConvolutionWeightsGradient;
import org.rafclip.ops.onednn.Computation.Elementwise;
import org.rafclip.ops.onednn.Computation.ElementwiseGradient;
import org.rafclip.ops.onednn.Computation.LayerNorm;
import org.rafclip.ops.onednn.Computation.LayerNormGradient;
import org.rafclip.ops.onednn.Computation.MapConvolution;
import org.rafclip.ops.onednn.Computation.Packing;
import org.rafclip.ops.onednn.Computation.Product;
import org.rafclip.ops.onednn.Computation.SoftMax;
import org.rafclip.ops.onednn.Computation.Transposition;
import org.rafclip.ops.onednn.Computation.Type;
import org.rafclip.ops.onednn.OneDnn.Functions;

/** A {@link Computation}, compiled. It belongs to the thread that asked for it, until that ends. */
public final class Primitive {

    /** Computations that a thread keeps: those of a model's step several times over. */
    private static final int KEPT = 512;

    private static final int SOURCE = 1;
    private static final int DESTINATION = 17;
    private static final int WEIGHTS = 33;
    private static final int SCRATCH = 80;
    private static final int BIAS = 41;
    private static final int MEAN = 49;
    private static final int VARIANCE = 50;
    private static final int SCALE = 51;
    private static final int SHIFT = 52;
    private static final int SOURCE_GRADIENT = 129;
    private static final int DESTINATION_GRADIENT = 145;
    private static final int WEIGHTS_GRADIENT = 161;
    private static final int BIAS_GRADIENT = 169;
    private static final int SCALE_GRADIENT = 255;
    private static final int SHIFT_GRADIENT = 256;

    private static final int GIVEN_SCRATCH = 1;
    private static final int SCRATCH_DESCRIPTOR = 136;
    private static final int SOURCE_DESCRIPTOR = 129;
    private static final int WEIGHTS_DESCRIPTOR = 131;
    private static final int DESTINATION_DESCRIPTOR = 133;
    private static final int ANY_ORDER = 1;
    private static final int ROWS_PACKED_FOR = 256;
    private static final int TRAINING = 64;
    private static final int INFERENCE = 96;
    private static final int SOFTMAX = 0x30000;
    private static final int BACKWARD = 128;
    private static final int SCALE_AND_SHIFT = 6;

    /** An argument: its number and, after four bytes, the memory. */
    private static final int ARGUMENT_BYTES = 16;

    private final Workbench workbench;
    private final List<Step> steps;

    /** Those whose addresses the caller gives, in its order. */
    private final long[] given;

    private final List<Long> memories;
    private final List<Staging> stagings;
    private final long resultBytes;

    private Primitive(
            Workbench workbench,
            long[] given,
            List<Long> memories,
            List<Step> steps,
            List<Staging> stagings,
            long resultBytes) {
        this.workbench = workbench;
        this.memories = memories;
        this.given = given;
        this.steps = steps;
        this.stagings = stagings;
        this.resultBytes = resultBytes;
    }

    /**
     * One of oneDNN's primitives with its arguments.
     *
     * @param scratch the argument that is working memory, or 0
     * @param scratchBytes that it needs
     */
    private record Step(long primitive, Memory arguments, int count, long scratch, long scratchBytes) {

        void destroy() {
            Functions.dnnl_primitive_destroy(primitive);
            arguments.close();
        }
    }

    /** A memory that holds something while the computation runs: an array in another type or order. */
    private record Staging(long memory, long bytes) {}

    /** The compiled computation, for the calling thread. */
    public static Primitive of(Computation computation) {
        return Workbench.ofThisThread().primitive(computation);
    }

    /** What a {@link Packing} writes. */
    public long resultBytes() {
        return resultBytes;
    }

    /** Computes, with the arrays at these addresses, in the order in which the computation names them. */
    public void execute(long... addresses) {
        for (int i = 0; i < given.length; i++) {
            place(given[i], addresses[i]);
        }
        for (int i = 0; i < stagings.size(); i++) {
            Staging staging = stagings.get(i);
            place(staging.memory, workbench.staging(i).address(staging.bytes));
        }
        for (Step step : steps) {
            if (step.scratch != 0) {
                place(step.scratch, workbench.scratch.address(step.scratchBytes));
            }
            OneDnn.check(
                    Functions.dnnl_primitive_execute(
                            step.primitive, workbench.stream, step.count, Pointer.nativeValue(step.arguments)),
                    "a computation");
        }
    }

    private static void place(long memory, long address) {
        OneDnn.check(Functions.dnnl_memory_set_data_handle(memory, address), "an array");
    }

    private void destroy() {
        steps.forEach(Step::destroy);
        memories.forEach(Functions::dnnl_memory_destroy);
    }

    /**
     * What one thread at a time computes with: compiled computations, their common working memory, and a stream. When a
     * thread has ended and the garbage collector has noticed, the next one that begins takes its over, with all that is
     * compiled.
     */
    private static final class Workbench {

        private static final Cleaner CLEANER = Cleaner.create();
        private static final Deque<Workbench> UNUSED = new ConcurrentLinkedDeque<>();
        private static final ThreadLocal<Holder> HOLDERS = ThreadLocal.withInitial(Workbench::hold);

        /** Reachable as long as its thread is. */
        private record Holder(Workbench workbench) {}

        private final long engine = handle(at -> Functions.dnnl_engine_create(at, 1, 0), "an engine");
        private final long stream = handle(at -> Functions.dnnl_stream_create(at, engine, 1), "a stream");
        private final Map<Computation, Primitive> known = new LinkedHashMap<>(64, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<Computation, Primitive> eldest) {
                if (size() > KEPT) {
                    eldest.getValue().destroy();
                    return true;
                }
                return false;
            }
        };

        /** Holds what the last computation left there. */
        private final Scratch scratch = new Scratch();

        private final List<Scratch> stagings = new ArrayList<>();

        private static Holder hold() {
            OneDnn.onThisThreadAlone();
            Workbench unused = UNUSED.poll();
            Workbench workbench = unused == null ? new Workbench() : unused;
            Holder holder = new Holder(workbench);
            CLEANER.register(holder, () -> UNUSED.push(workbench));
            return holder;
        }

        static Workbench ofThisThread() {
            return HOLDERS.get().workbench;
        }

        /** Memory that computations use one after another. */
        Scratch staging(int number) {
            while (stagings.size() <= number) {
                stagings.add(new Scratch());
            }
            return stagings.get(number);
        }

        Primitive primitive(Computation computation) {
            Primitive found = known.get(computation);
            if (found == null) {
                found = new Building(this, computation).primitive();
                known.put(computation, found);
            }
            return found;
        }
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

    /** A memory, by its place, as an argument. */
    private record Argument(int number, int memory) {}

    /** What is needed only until a computation is compiled. */
    private static final class Building {

        private final Workbench workbench;
        private final Computation computation;
        private final long engine;
        private final long attributes;
        private final List<Long> descriptors = new ArrayList<>();
        private final List<Long> descriptions = new ArrayList<>();
        private final List<Argument> arguments = new ArrayList<>();
        private final List<Long> memories = new ArrayList<>();
        private final List<Step> before = new ArrayList<>();
        private final List<Step> after = new ArrayList<>();
        private final List<Staging> stagings = new ArrayList<>();
        private final List<Long> given = new ArrayList<>();
        private long resultBytes;

        Building(Workbench workbench, Computation computation) {
            this.workbench = workbench;
            this.computation = computation;
            this.engine = workbench.engine;
            this.attributes = handle(Functions::dnnl_primitive_attr_create, computation);
        }

        Primitive primitive() {
            try {
                // The library's own working memory would belong to the thread that compiles.
                OneDnn.check(Functions.dnnl_primitive_attr_set_scratchpad_mode(attributes, GIVEN_SCRATCH), computation);
                Step main = step(describe(), arguments);
                List<Step> steps = new ArrayList<>(before);
                steps.add(main);
                steps.addAll(after);
                return new Primitive(
                        workbench,
                        given.stream().mapToLong(Long::longValue).toArray(),
                        memories,
                        steps,
                        stagings,
                        resultBytes);
            } catch (RuntimeException | Error e) {
                before.forEach(Step::destroy);
                after.forEach(Step::destroy);
                memories.forEach(Functions::dnnl_memory_destroy);
                throw e;
            } finally {
                descriptions.forEach(Functions::dnnl_primitive_desc_destroy);
                descriptors.forEach(Functions::dnnl_memory_desc_destroy);
                Functions.dnnl_primitive_attr_destroy(attributes);
            }
        }

        private Step step(long description, List<Argument> taken) {
            long working = Functions.dnnl_primitive_desc_query_md(description, SCRATCH_DESCRIPTOR, 0);
            long bytes = working == 0 ? 0 : Functions.dnnl_memory_desc_get_size(working);
            List<Argument> all = new ArrayList<>(taken);
            if (bytes > 0) {
                all.add(new Argument(SCRATCH, memory(working)));
            }
            Memory written = new Memory((long) ARGUMENT_BYTES * all.size());
            for (int i = 0; i < all.size(); i++) {
                written.setInt((long) ARGUMENT_BYTES * i, all.get(i).number());
                written.setLong(
                        (long) ARGUMENT_BYTES * i + 8, memories.get(all.get(i).memory()));
            }
            long primitive = handle(at -> Functions.dnnl_primitive_create(at, description), computation);
            return new Step(primitive, written, all.size(), bytes > 0 ? memories.get(memories.size() - 1) : 0, bytes);
        }

        /** A memory whose address the caller gives. */
        private int given(long descriptor) {
            int memory = memory(descriptor);
            given.add(memories.get(memory));
            return memory;
        }

        /** A memory that gets its address when the computation runs. */
        private int memory(long descriptor) {
            memories.add(handle(at -> Functions.dnnl_memory_create(at, descriptor, engine, 0), computation));
            return memories.size() - 1;
        }

        private int staging(long descriptor) {
            int memory = memory(descriptor);
            stagings.add(new Staging(memories.get(memory), Functions.dnnl_memory_desc_get_size(descriptor)));
            return memory;
        }

        private Step reorder(long from, int source, long to, int destination) {
            long description = description(
                    at -> Functions.dnnl_reorder_primitive_desc_create(at, from, engine, to, engine, attributes));
            return step(description, List.of(new Argument(SOURCE, source), new Argument(DESTINATION, destination)));
        }

        private long describe() {
            if (computation instanceof Product product) {
                return product(product);
            }
            if (computation instanceof LayerNorm norm) {
                long x = matrix(Type.FP32, norm.rows(), norm.width(), norm.width(), 1);
                long y = matrix(norm.y(), norm.rows(), norm.width(), norm.width(), 1);
                argument(SOURCE, x);
                long parameters = vector(Type.FP32, norm.width());
                argument(SCALE, parameters);
                argument(SHIFT, parameters);
                argument(DESTINATION, y);
                long statistics = vector(Type.FP32, norm.rows());
                argument(MEAN, statistics);
                argument(VARIANCE, statistics);
                return layerNorm(x, y, statistics, norm.epsilon());
            }
            if (computation instanceof LayerNormGradient norm) {
                long x = matrix(Type.FP32, norm.rows(), norm.width(), norm.width(), 1);
                long y = matrix(norm.y(), norm.rows(), norm.width(), norm.width(), 1);
                argument(SOURCE, x);
                long parameters = vector(Type.FP32, norm.width());
                argument(SCALE, parameters);
                long statistics = vector(Type.FP32, norm.rows());
                argument(MEAN, statistics);
                argument(VARIANCE, statistics);
                argument(DESTINATION_GRADIENT, y);
                argument(SOURCE_GRADIENT, x);
                argument(SCALE_GRADIENT, parameters);
                argument(SHIFT_GRADIENT, parameters);
                long forward = layerNorm(x, y, statistics, norm.epsilon());
                return description(at -> Functions.dnnl_layer_normalization_backward_primitive_desc_create(
                        at,
                        engine,
                        BACKWARD,
                        x,
                        y,
                        x,
                        statistics,
                        norm.epsilon(),
                        SCALE_AND_SHIFT,
                        forward,
                        attributes));
            }
            if (computation instanceof Convolution convolution) {
                return new Convolving(convolution.filters()).forward();
            }
            if (computation instanceof ConvolutionDataGradient convolution) {
                return new Convolving(convolution.filters()).dataGradient();
            }
            if (computation instanceof ConvolutionWeightsGradient convolution) {
                return new Convolving(convolution.filters()).weightsGradient();
            }
            if (computation instanceof MapConvolution maps) {
                return maps(maps);
            }
            if (computation instanceof Elementwise elements) {
                Type type = common(elements.x(), elements.y());
                long data = vector(type, elements.count());
                argument(SOURCE, vector(elements.x(), elements.count()), data, elements.x() == type);
                result(DESTINATION, data, vector(elements.y(), elements.count()), elements.y() == type);
                return elementwise(elements.function(), data);
            }
            if (computation instanceof ElementwiseGradient elements) {
                Type type = common(elements.x(), elements.dy(), elements.dx());
                long data = vector(type, elements.count());
                argument(SOURCE, vector(elements.x(), elements.count()), data, elements.x() == type);
                argument(DESTINATION_GRADIENT, vector(elements.dy(), elements.count()), data, elements.dy() == type);
                result(SOURCE_GRADIENT, data, vector(elements.dx(), elements.count()), elements.dx() == type);
                long forward = elementwise(elements.function(), data);
                return description(at -> Functions.dnnl_eltwise_backward_primitive_desc_create(
                        at,
                        engine,
                        elements.function().code,
                        data,
                        data,
                        data,
                        elements.function().alpha,
                        elements.function().beta,
                        forward,
                        attributes));
            }
            if (computation instanceof SoftMax softmax) {
                long data = matrix(Type.FP32, softmax.rows(), softmax.width(), softmax.width(), 1);
                argument(SOURCE, data);
                argument(DESTINATION, data);
                return description(at -> Functions.dnnl_softmax_forward_primitive_desc_create(
                        at, engine, INFERENCE, SOFTMAX, data, data, 1, attributes));
            }
            if (computation instanceof Packing packing) {
                return packing(packing);
            }
            if (computation instanceof Transposition t) {
                return copying(
                        matrix(Type.BF16, t.rows(), t.columns(), t.leading(), 1),
                        matrix(Type.BF16, t.rows(), t.columns(), 1, t.transposedLeading()));
            }
            Cast cast = (Cast) computation;
            return copying(
                    matrix(cast.from(), cast.rows(), cast.columns(), cast.leading(), 1),
                    matrix(cast.to(), cast.rows(), cast.columns(), cast.castLeading(), 1));
        }

        /** The same elements in another type and order. */
        private long copying(long from, long to) {
            argument(SOURCE, from);
            argument(DESTINATION, to);
            return description(
                    at -> Functions.dnnl_reorder_primitive_desc_create(at, from, engine, to, engine, attributes));
        }

        private long product(Product product) {
            long a = product.transposeA()
                    ? matrix(product.type(), product.m(), product.k(), 1, product.lda())
                    : matrix(product.type(), product.m(), product.k(), product.lda(), 1);
            long b = product.packed()
                    ? packed(product.type(), product.n(), product.k())
                    : factorB(product.type(), product.transposeB(), product.n(), product.k(), product.ldb());
            long c = matrix(product.result(), product.m(), product.n(), product.ldc(), 1);
            argument(SOURCE, a);
            argument(WEIGHTS, b);
            argument(DESTINATION, c);
            long bias = 0;
            if (product.bias()) {
                bias = matrix(Type.FP32, 1, product.n(), product.n(), 1);
                argument(BIAS, bias);
            }
            if (product.added()) {
                long operations = handle(Functions::dnnl_post_ops_create, computation);
                try {
                    OneDnn.check(
                            Functions.dnnl_post_ops_append_sum(operations, 1, 0, product.result().code), computation);
                    OneDnn.check(Functions.dnnl_primitive_attr_set_post_ops(attributes, operations), computation);
                } finally {
                    Functions.dnnl_post_ops_destroy(operations);
                }
            }
            long withBias = bias;
            return description(
                    at -> Functions.dnnl_matmul_primitive_desc_create(at, engine, a, b, withBias, c, attributes));
        }

        private long factorB(Type type, boolean transposed, int n, int k, int ldb) {
            return transposed ? matrix(type, k, n, 1, ldb) : matrix(type, k, n, ldb, 1);
        }

        /** The order of B that oneDNN likes best when A has many rows; it takes it with fewer too. */
        private long packed(Type type, int n, int k) {
            long a = matrix(type, ROWS_PACKED_FOR, k, k, 1);
            long c = matrix(Type.FP32, ROWS_PACKED_FOR, n, n, 1);
            long b = kept(handle(
                    at -> Functions.dnnl_memory_desc_create_with_tag(at, 2, new long[] {k, n}, type.code, ANY_ORDER),
                    computation));
            return order(
                    description(at -> Functions.dnnl_matmul_primitive_desc_create(at, engine, a, b, 0, c, attributes)),
                    WEIGHTS_DESCRIPTOR);
        }

        private long packing(Packing packing) {
            long from = factorB(packing.from(), packing.transposeB(), packing.n(), packing.k(), packing.ldb());
            long to = packed(packing.type(), packing.n(), packing.k());
            resultBytes = Functions.dnnl_memory_desc_get_size(to);
            return copying(from, to);
        }

        /** The order in which a computation that was free to choose wants an array. */
        private long order(long description, int what) {
            long borrowed = Functions.dnnl_primitive_desc_query_md(description, what, 0);
            return kept(handle(at -> Functions.dnnl_memory_desc_clone(at, borrowed), computation));
        }

        /** Convolutions in the order of weights that oneDNN likes best, which are brought into it and back. */
        private final class Convolving {

            private static final int AUTO = 3;
            private static final int WEIGHTS_GRADIENT_DESCRIPTOR = 132;

            private final long[] strides;
            private final long[] dilations = {0, 0};
            private final long[] padding;
            private final Computation.Filters filters;
            private final long bias;
            private final long plainWeights;
            private final long anyWeights;
            private final long anyWeightsGradient;

            Convolving(Computation.Filters f) {
                filters = f;
                strides = new long[] {f.stride(), f.stride()};
                padding = new long[] {f.padding(), f.padding()};
                bias = vector(Type.FP32, f.filters());
                long[] sizes = {f.filters(), f.channels(), f.kernel(), f.kernel()};
                long area = (long) f.kernel() * f.kernel();
                long each = area * f.channels();
                plainWeights = descriptor(
                        Type.FP32,
                        sizes,
                        f.channelsFirst()
                                ? new long[] {each, area, f.kernel(), 1}
                                : new long[] {each, 1, (long) f.kernel() * f.channels(), f.channels()});
                anyWeights = inAnyOrder(f.type(), sizes);
                anyWeightsGradient = inAnyOrder(Type.FP32, sizes);
            }

            private long source(Type type) {
                return map(type, filters.channels(), filters.height(), filters.width());
            }

            private long destination(Type type) {
                return map(type, filters.filters(), filters.outHeight(), filters.outWidth());
            }

            private long map(Type type, long channels, long height, long width) {
                return descriptor(type, new long[] {filters.batch(), channels, height, width}, new long[] {
                    channels * height * width, 1, width * channels, channels
                });
            }

            /** Channels first are brought last. */
            private void sourceInOrder() {
                long area = (long) filters.height() * filters.width();
                long plain = filters.channelsFirst()
                        ? descriptor(
                                Type.FP32,
                                new long[] {filters.batch(), filters.channels(), filters.height(), filters.width()},
                                new long[] {filters.channels() * area, area, filters.width(), 1})
                        : source(Type.FP32);
                factor(SOURCE, plain, source(filters.type()), filters.channelsFirst());
            }

            private void destinationGradient() {
                factor(DESTINATION_GRADIENT, destination(Type.FP32), destination(filters.type()), false);
            }

            /** An array that products are made of, brought into their type and order. */
            private void factor(int number, long plain, long wanted, boolean otherOrder) {
                argument(number, plain, wanted, filters.type() == Type.FP32 && !otherOrder);
            }

            private long description() {
                long source = source(filters.type());
                long destination = destination(Type.FP32);
                return Building.this.description(at -> Functions.dnnl_convolution_forward_primitive_desc_create(
                        at,
                        engine,
                        TRAINING,
                        AUTO,
                        source,
                        anyWeights,
                        bias,
                        destination,
                        strides,
                        dilations,
                        padding,
                        padding,
                        attributes));
            }

            private void weightsInOrder(long description) {
                inOrder(WEIGHTS, plainWeights, order(description, WEIGHTS_DESCRIPTOR));
            }

            long forward() {
                long description = description();
                sourceInOrder();
                weightsInOrder(description);
                argument(BIAS, bias);
                argument(DESTINATION, destination(Type.FP32));
                return description;
            }

            long dataGradient() {
                long forward = description();
                long source = source(Type.FP32);
                long destination = destination(filters.type());
                long description =
                        Building.this.description(at -> Functions.dnnl_convolution_backward_data_primitive_desc_create(
                                at,
                                engine,
                                AUTO,
                                source,
                                anyWeights,
                                destination,
                                strides,
                                dilations,
                                padding,
                                padding,
                                forward,
                                attributes));
                weightsInOrder(description);
                destinationGradient();
                argument(SOURCE_GRADIENT, source);
                return description;
            }

            long weightsGradient() {
                long forward = description();
                long source = source(filters.type());
                long destination = destination(filters.type());
                long description = Building.this.description(
                        at -> Functions.dnnl_convolution_backward_weights_primitive_desc_create(
                                at,
                                engine,
                                AUTO,
                                source,
                                anyWeightsGradient,
                                bias,
                                destination,
                                strides,
                                dilations,
                                padding,
                                padding,
                                forward,
                                attributes));
                sourceInOrder();
                destinationGradient();
                result(WEIGHTS_GRADIENT, order(description, WEIGHTS_GRADIENT_DESCRIPTOR), plainWeights, false);
                argument(BIAS_GRADIENT, bias);
                return description;
            }
        }

        /** All arrays are brought into the order that oneDNN likes best, and the result back. */
        private long maps(MapConvolution c) {
            int area = c.kernelHeight() * c.kernelWidth();
            int each = c.channels() / c.groups();
            int ofGroup = c.filters() / c.groups();
            long[] sizes = {1, c.channels(), c.height(), c.width()};
            long[] outSizes = {1, c.filters(), c.outHeight(), c.outWidth()};
            long[] weightSizes = {c.groups(), ofGroup, each, c.kernelHeight(), c.kernelWidth()};
            long[] weightStrides = {(long) ofGroup * each * area, (long) each * area, area, c.kernelWidth(), 1};
            int first = c.groups() == 1 ? 1 : 0;
            long plain =
                    descriptor(Type.FP32, sizes, new long[] {(long) c.channels() * c.plane(), c.plane(), c.width(), 1});
            long plainOut = descriptor(
                    Type.FP32, outSizes, new long[] {(long) c.filters() * c.outPlane(), c.outPlane(), c.outWidth(), 1});
            long plainWeights = descriptor(
                    Type.FP32, Arrays.copyOfRange(weightSizes, first, 5), Arrays.copyOfRange(weightStrides, first, 5));
            long any = inAnyOrder(Type.FP32, sizes);
            long anyOut = inAnyOrder(Type.FP32, outSizes);
            long anyWeights = inAnyOrder(Type.FP32, Arrays.copyOfRange(weightSizes, first, 5));
            long bias = c.bias() ? vector(Type.FP32, c.filters()) : 0;
            long description = description(at -> Functions.dnnl_convolution_forward_primitive_desc_create(
                    at,
                    engine,
                    INFERENCE,
                    Convolving.AUTO,
                    any,
                    anyWeights,
                    bias,
                    anyOut,
                    new long[] {c.strideHeight(), c.strideWidth()},
                    new long[] {c.dilationHeight() - 1, c.dilationWidth() - 1},
                    new long[] {c.top(), c.left()},
                    new long[] {c.bottom(), c.right()},
                    attributes));
            inOrder(SOURCE, plain, order(description, SOURCE_DESCRIPTOR));
            inOrder(WEIGHTS, plainWeights, order(description, WEIGHTS_DESCRIPTOR));
            if (c.bias()) {
                argument(BIAS, bias);
            }
            result(DESTINATION, order(description, DESTINATION_DESCRIPTOR), plainOut, false);
            return description;
        }

        /** An array that is given as it lies and brought into an order before. */
        private void inOrder(int number, long plain, long ordered) {
            int outside = given(plain);
            int inside = staging(ordered);
            before.add(reorder(plain, outside, ordered, inside));
            arguments.add(new Argument(number, inside));
        }

        private long inAnyOrder(Type type, long[] sizes) {
            return kept(handle(
                    at -> Functions.dnnl_memory_desc_create_with_tag(at, sizes.length, sizes, type.code, ANY_ORDER),
                    computation));
        }

        private long layerNorm(long x, long y, long statistics, float epsilon) {
            return description(at -> Functions.dnnl_layer_normalization_forward_primitive_desc_create(
                    at, engine, TRAINING, x, y, statistics, epsilon, SCALE_AND_SHIFT, attributes));
        }

        private long elementwise(Computation.Function function, long data) {
            return description(at -> Functions.dnnl_eltwise_forward_primitive_desc_create(
                    at, engine, TRAINING, function.code, data, data, function.alpha, function.beta, attributes));
        }

        private void argument(int number, long descriptor) {
            arguments.add(new Argument(number, given(descriptor)));
        }

        /** An array that is brought into another type or order before, unless it is as wanted. */
        private void argument(int number, long plain, long wanted, boolean asWanted) {
            if (asWanted) {
                argument(number, plain);
            } else {
                inOrder(number, plain, wanted);
            }
        }

        /** An array that is written in another type or order and brought into its own behind, unless it is computed so. */
        private void result(int number, long computed, long plain, boolean asComputed) {
            if (asComputed) {
                argument(number, plain);
                return;
            }
            int inside = staging(computed);
            after.add(reorder(computed, inside, plain, given(plain)));
            arguments.add(new Argument(number, inside));
        }

        /** The type that these have in common, or FP32. */
        private static Type common(Type... types) {
            return Arrays.stream(types).allMatch(type -> type == Type.BF16) ? Type.BF16 : Type.FP32;
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
            return kept(handle(
                    at -> Functions.dnnl_memory_desc_create_with_strides(at, sizes.length, sizes, type.code, strides),
                    computation));
        }

        private long kept(long descriptor) {
            descriptors.add(descriptor);
            return descriptor;
        }
    }
}
