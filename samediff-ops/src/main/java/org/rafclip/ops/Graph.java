package org.rafclip.ops;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.array.SingleThreadArrayHolder;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/**
 * A finished SameDiff graph made ready for repeated use: values and gradients on one pool of buffers. The fast
 * counterpart of {@code sd.output} and {@code sd.calculateGradients}, with the same results. For one thread.
 */
public final class Graph implements AutoCloseable {

    private final SameDiff forward;
    private final BufferPool pool;
    private final GraphExecutor values;
    private GraphExecutor gradients;
    private final Map<String, String> gradientNames = new HashMap<>();
    private Precision precision = Precision.FP32;
    private FrozenWeights frozen;

    public Graph(SameDiff forward) {
        this(forward, new BufferPool());
    }

    Graph(SameDiff forward, BufferPool pool) {
        JavaOps.install();
        this.forward = forward;
        this.pool = pool;
        this.values = new GraphExecutor(forward, pool);
    }

    /**
     * An empty SameDiff graph, for one thread at a time. {@link SameDiff#create()} of 1.0.0-M2.1 makes one for many devices,
     * which keeps a copy of every variable and constant beside it: twice the memory of a model.
     */
    public static SameDiff empty() {
        SameDiff graph = SameDiff.create();
        graph.setArrayHolders(new SingleThreadArrayHolder(), new SingleThreadArrayHolder(), false);
        return graph;
    }

    public SameDiff sameDiff() {
        return forward;
    }

    /**
     * Computes products in a precision from now on; at first it is {@link Precision#FP32}. In {@link Precision#BF16} what operations
     * hand to each other is bfloat16 where they take it; what a caller asks for is not, so that asking for more may change what
     * is computed from that by its rounding.
     *
     * @throws IllegalArgumentException if it is not {@linkplain Precision#available() available}
     */
    public void computeIn(Precision wanted) {
        wanted.requireAvailable();
        precision = wanted;
    }

    /**
     * Lets {@link #run} keep a packed copy of the weights, which from now on do not change: it takes as much memory again, half
     * of that in bf16, and less time.
     */
    public void freeze() {
        if (frozen != null) {
            return;
        }
        List<INDArray> weights = new ArrayList<>();
        for (SDVariable variable : forward.variables()) {
            VariableType type = variable.getVariableType();
            if ((type == VariableType.VARIABLE || type == VariableType.CONSTANT)
                    && variable.dataType() == DataType.FLOAT
                    && variable.getArr() != null
                    && variable.getArr().rank() >= 2
                    && Memory.dense(variable.getArr()) == variable.getArr()) {
                weights.add(variable.getArr());
            }
        }
        frozen = new FrozenWeights(weights);
    }

    /** Ends what {@link #freeze} began, before weights change. */
    public void thaw() {
        if (frozen != null) {
            frozen.close();
            frozen = null;
        }
    }

    /** Computes variables by name from the placeholders' values. */
    public Outputs run(Map<String, INDArray> inputs, Collection<String> variables) {
        return new Outputs(Blas.inPrecision(
                precision, () -> Blas.withFrozen(frozen, () -> values.run(inputs, List.copyOf(variables)))));
    }

    /** Computes variables by name from the placeholders' values. */
    public Outputs run(Map<String, INDArray> inputs, String... variables) {
        return run(inputs, List.of(variables));
    }

    /**
     * Computes gradients of the graph's loss and, in the same pass, further values.
     *
     * @param parameters the variables (or placeholders) to differentiate with respect to; results carry their names
     * @param others names of values to return as well; none may be a parameter
     */
    public Outputs gradients(Map<String, INDArray> inputs, Collection<String> parameters, Collection<String> others) {
        return gradients(inputs, parameters, others, values -> Map.of());
    }

    /**
     * {@link #gradients(Map, Collection, Collection)} for a graph whose loss depends on placeholders that follow from
     * the values in {@code others}, as the gradient of a loss that is computed elsewhere does.
     *
     * @param late from the values in {@code others} (and whatever else is still kept) to those placeholders
     */
    public Outputs gradients(
            Map<String, INDArray> inputs,
            Collection<String> parameters,
            Collection<String> others,
            UnaryOperator<Map<String, INDArray>> late) {
        prepareGradients(parameters);
        List<String> names = new ArrayList<>(others);
        for (String parameter : parameters) {
            names.add(gradientNames.get(parameter));
        }
        Map<String, INDArray> computed = Blas.inPrecision(precision, () -> gradients.run(inputs, names, late));
        Map<String, INDArray> result = new HashMap<>();
        others.forEach(name -> result.put(name, computed.get(name)));
        parameters.forEach(name -> result.put(name, computed.get(gradientNames.get(name))));
        return new Outputs(result);
    }

    /**
     * Computes gradients of the graph's loss, each of which is handed over as soon as it is known, so that they never lie in
     * memory together.
     *
     * @param parameters as in {@link #gradients(Map, Collection, Collection)}
     * @param taker of a parameter's name and its gradient, which is valid until it returns
     */
    public void gradients(
            Map<String, INDArray> inputs, Collection<String> parameters, BiConsumer<String, INDArray> taker) {
        prepareGradients(parameters);
        Map<String, String> parameterOf = new LinkedHashMap<>();
        parameters.forEach(name -> parameterOf.put(gradientNames.get(name), name));
        Blas.inPrecision(precision, () -> {
            gradients.run(
                    inputs,
                    List.copyOf(parameterOf.keySet()),
                    (name, gradient) -> taker.accept(parameterOf.get(name), gradient));
            return null;
        });
    }

    /** SameDiff prints a line for each operation it differentiates; they are kept off the terminal. */
    private void prepareGradients(Collection<String> parameters) {
        if (gradients == null) {
            Set<String> differentiated = new LinkedHashSet<>(parameters);
            for (SDVariable variable : forward.variables()) {
                if (variable.getVariableType() == VariableType.VARIABLE) {
                    differentiated.add(variable.name());
                }
            }
            withoutChatter(() -> forward.createGradFunction(differentiated.toArray(String[]::new)));
            gradients = new GraphExecutor(forward.getFunction("grad"), forward, pool);
        }
        for (String parameter : parameters) {
            if (!gradientNames.containsKey(parameter)) {
                SDVariable gradient = forward.getVariable(parameter).getGradient();
                if (gradient == null) {
                    throw new IllegalArgumentException("the loss does not depend on " + parameter
                            + ", or it is a placeholder that the first call did not name");
                }
                gradientNames.put(parameter, gradient.name());
            }
        }
    }

    /** SameDiff prints a line for each operation that it differentiates; whatever else is printed meanwhile passes. */
    private static synchronized void withoutChatter(Runnable action) {
        PrintStream out = System.out;
        System.setOut(new PrintStream(out, true) {
            @Override
            public void println(String line) {
                if (line == null || !line.startsWith("Added differentiated op ")) {
                    super.println(line);
                }
            }
        });
        try {
            action.run();
        } finally {
            System.setOut(out);
        }
    }

    /** Native memory held for values, in bytes. */
    public long bytes() {
        return pool.bytes();
    }

    @Override
    public void close() {
        pool.close();
        thaw();
    }

    /** Values in pooled memory: valid until closed. */
    public final class Outputs implements AutoCloseable {

        private final Map<String, INDArray> arrays;

        private Outputs(Map<String, INDArray> arrays) {
            this.arrays = arrays;
        }

        public INDArray get(String name) {
            return arrays.get(name);
        }

        public Map<String, INDArray> asMap() {
            return arrays;
        }

        @Override
        public void close() {
            arrays.values().forEach(pool::giveBack);
        }
    }
}
