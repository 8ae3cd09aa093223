package org.rafclip.nn;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.ops.op.Dropout;
import org.rafclip.ops.op.Linear;
import org.rafclip.ops.op.LoraLinear;

/**
 * A place in a graph for a layer's variables: their common name prefix, their data type and the seed of their initial
 * values. A variable's initial value depends on the seed and its own name alone; asked for again, it is the same variable, so
 * that a layer can be built twice.
 */
public final class Scope {

    /** The {@code INT} scalar placeholder that dropout reads; negative turns dropout off. */
    public static final String DROPOUT_SEED = "dropoutSeed";

    /** Told of every trainable variable before memory is taken for it; throws where there is to be none. */
    @FunctionalInterface
    public interface Expectation {
        void parameter(String name, long... shape);
    }

    private final SameDiff graph;
    private final DataType type;
    private final Long seed;
    private final String prefix;
    private final AtomicInteger dropoutSites;
    private final Expectation expectation;
    private final Lora lora;

    private Scope(
            SameDiff graph,
            DataType type,
            Long seed,
            String prefix,
            AtomicInteger dropoutSites,
            Expectation expectation,
            Lora lora) {
        this.graph = graph;
        this.type = type;
        this.seed = seed;
        this.prefix = prefix;
        this.dropoutSites = dropoutSites;
        this.expectation = expectation;
        this.lora = lora;
    }

    /** The outermost scope of a new graph. */
    public static Scope root(DataType type, long seed) {
        JavaOps.install();
        return new Scope(Graph.empty(), type, seed, "", new AtomicInteger(), (name, shape) -> {}, Lora.NONE);
    }

    /** {@link #root} for variables that are read from a file at once: until then what would be drawn is undefined. */
    public static Scope undrawn(DataType type, Expectation expectation) {
        JavaOps.install();
        return new Scope(Graph.empty(), type, null, "", new AtomicInteger(), expectation, Lora.NONE);
    }

    /** A scope whose variables' names start with this one's prefix, the name and a dot. */
    public Scope at(String name) {
        return new Scope(graph, type, seed, prefix + name + ".", dropoutSites, expectation, lora);
    }

    /** This scope with adapters in its linear layers. */
    public Scope adaptedBy(Lora adapters) {
        return new Scope(graph, type, seed, prefix, dropoutSites, expectation, adapters);
    }

    /** {@link #at} for an entry of a list. */
    public Scope at(String name, int index) {
        return at(name + "." + index);
    }

    public SameDiff graph() {
        return graph;
    }

    public DataType type() {
        return type;
    }

    /** A trainable variable drawn from a normal distribution around 0. */
    public SDVariable normal(String name, double deviation, long... shape) {
        String full = prefix + name;
        return parameter(full, shape, () -> {
            INDArray values = Nd4j.createUninitializedDetached(type, 'c', shape);
            if (seed != null) {
                draw(values, full, deviation, seed);
            }
            return values;
        });
    }

    /** A trainable variable with one value everywhere. */
    public SDVariable filled(String name, double value, long... shape) {
        return parameter(
                prefix + name,
                shape,
                () -> shape.length == 0
                        ? Nd4j.scalar(type, value)
                        : Nd4j.createUninitializedDetached(type, 'c', shape).assign(value));
    }

    private SDVariable parameter(String name, long[] shape, Supplier<INDArray> values) {
        if (!graph.hasVariable(name)) {
            expectation.parameter(name, shape);
        }
        return variable(name, shape, values);
    }

    private SDVariable variable(String name, long[] shape, Supplier<INDArray> values) {
        if (!graph.hasVariable(name)) {
            return graph.var(name, values.get());
        }
        SDVariable known = graph.getVariable(name);
        if (!Arrays.equals(known.getArr().shape(), shape)) {
            throw new IllegalStateException(name + " is "
                    + Arrays.toString(known.getArr().shape()) + " already and cannot be " + Arrays.toString(shape));
        }
        return known;
    }

    private static void draw(INDArray values, String name, double deviation, long seed) {
        SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + stableHash(name));
        Memory memory = Memory.of(values);
        for (long i = 0; i < memory.length(); i++) {
            memory.set(i, deviation * random.nextGaussian());
        }
    }

    /**
     * A linear layer of this scope, {@code [.., in]} → {@code [.., out]}, with adapters where the scope's {@link Lora} has
     * some.
     */
    SDVariable linear(SDVariable x, SDVariable weight, SDVariable bias) {
        return linear(x, weight, bias, 0, (int) weight.getArr().size(0), List.of(prefix.replaceFirst("\\.$", "")));
    }

    /**
     * Neighbouring parts of a linear layer, all of one width.
     *
     * @param names under this scope of all parts that the outputs fall into
     * @param from the first part
     * @param to the first part behind them
     */
    SDVariable linear(SDVariable x, SDVariable weight, SDVariable bias, List<String> names, int from, int to) {
        int width = (int) weight.getArr().size(0) / names.size();
        List<String> parts =
                names.subList(from, to).stream().map(name -> prefix + name).toList();
        return linear(x, weight, bias, from * width, to * width, parts);
    }

    private SDVariable linear(SDVariable x, SDVariable weight, SDVariable bias, int from, int to, List<String> parts) {
        int width = (to - from) / parts.size();
        long in = weight.getArr().size(1);
        List<LoraLinear.Adapter> adapters = new ArrayList<>();
        for (int i = 0; i < parts.size(); i++) {
            String part = parts.get(i);
            if (lora.adapts().test(part)) {
                long[] ofA = {lora.rank(), in};
                long[] ofB = {width, lora.rank()};
                SDVariable a = variable(part + Lora.A, ofA, () -> {
                    INDArray values = Nd4j.createUninitializedDetached(type, 'c', ofA);
                    draw(values, part, 1 / Math.sqrt(3.0 * in), lora.seed());
                    return values;
                });
                SDVariable b = variable(part + Lora.B, ofB, () -> Nd4j.zeros(type, ofB));
                adapters.add(new LoraLinear.Adapter(a, b, i * width));
            }
        }
        if (adapters.isEmpty()) {
            return Linear.rows(graph, x, weight, bias, from, to, false).output();
        }
        SDVariable dropped = lora.dropout() == 0 ? null : dropout(x, lora.dropout());
        return new LoraLinear(graph, x, weight, bias, from, to, dropped, lora.scale(), adapters).output();
    }

    /** Gives a computed value a name under this scope, so that a request can name it. */
    public SDVariable named(String name, SDVariable value) {
        return value.rename(prefix + name);
    }

    /** Dropout of single elements at a rate that may be 0. */
    public SDVariable dropout(SDVariable x, double rate) {
        return rate == 0
                ? x
                : Dropout.elements(graph, x, dropoutSeed(), dropoutSites.getAndIncrement(), rate)
                        .output();
    }

    /** Stochastic depth: drops whole samples at a rate that may be 0. */
    public SDVariable dropPath(SDVariable x, double rate) {
        return rate == 0
                ? x
                : Dropout.samples(graph, x, dropoutSeed(), dropoutSites.getAndIncrement(), rate)
                        .output();
    }

    private SDVariable dropoutSeed() {
        return graph.hasVariable(DROPOUT_SEED)
                ? graph.getVariable(DROPOUT_SEED)
                : graph.placeHolder(DROPOUT_SEED, DataType.INT32);
    }

    private static long stableHash(String text) {
        long hash = 0xCBF29CE484222325L;
        for (int i = 0; i < text.length(); i++) {
            hash = (hash ^ text.charAt(i)) * 0x100000001B3L;
        }
        return hash;
    }
}
