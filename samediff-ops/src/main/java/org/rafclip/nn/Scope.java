package org.rafclip.nn;

import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.ops.op.Dropout;

/**
 * A place in a graph for a layer's variables: their common name prefix, their data type and the seed of their initial
 * values. A variable's initial value depends on the seed and its own name alone.
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

    private Scope(
            SameDiff graph,
            DataType type,
            Long seed,
            String prefix,
            AtomicInteger dropoutSites,
            Expectation expectation) {
        this.graph = graph;
        this.type = type;
        this.seed = seed;
        this.prefix = prefix;
        this.dropoutSites = dropoutSites;
        this.expectation = expectation;
    }

    /** The outermost scope of a new graph. */
    public static Scope root(DataType type, long seed) {
        JavaOps.install();
        return new Scope(Graph.empty(), type, seed, "", new AtomicInteger(), (name, shape) -> {});
    }

    /** {@link #root} for variables that are read from a file at once: until then what would be drawn is undefined. */
    public static Scope undrawn(DataType type, Expectation expectation) {
        JavaOps.install();
        return new Scope(Graph.empty(), type, null, "", new AtomicInteger(), expectation);
    }

    /** A scope whose variables' names start with this one's prefix, the name and a dot. */
    public Scope at(String name) {
        return new Scope(graph, type, seed, prefix + name + ".", dropoutSites, expectation);
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
        expectation.parameter(full, shape);
        INDArray values = Nd4j.createUninitializedDetached(type, 'c', shape);
        if (seed == null) {
            return graph.var(full, values);
        }
        SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + stableHash(full));
        Memory memory = Memory.of(values);
        for (long i = 0; i < memory.length(); i++) {
            memory.set(i, deviation * random.nextGaussian());
        }
        return graph.var(full, values);
    }

    /** A trainable variable with one value everywhere. */
    public SDVariable filled(String name, double value, long... shape) {
        expectation.parameter(prefix + name, shape);
        INDArray values = shape.length == 0
                ? Nd4j.scalar(type, value)
                : Nd4j.createUninitializedDetached(type, 'c', shape).assign(value);
        return graph.var(prefix + name, values);
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
