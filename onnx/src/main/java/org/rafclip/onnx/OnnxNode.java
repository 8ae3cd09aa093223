package org.rafclip.onnx;

import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rafclip.data.DataException;

/**
 * One operation of a graph.
 *
 * @param name may be empty; {@link #label()} is never
 * @param op the operation's name, such as {@code MatMul}
 * @param domain empty for ONNX's own operations
 * @param inputs names of tensors; an empty name stands for an optional input that is absent. Behind those of the file are
 *     the tensors that graphs in its attributes take
 * @param outputs names of tensors; an empty name stands for an output that nobody needs
 * @param attributes values by name: {@code Long}, {@code Double}, {@code String}, {@link OnnxTensor}, lists of one of
 *     these, or {@link Subgraph}
 */
public record OnnxNode(
        String name,
        String op,
        String domain,
        List<String> inputs,
        List<String> outputs,
        Map<String, Object> attributes) {

    /**
     * A graph inside an attribute, as control flow has it. What its nodes take and nothing in it makes are tensors of the graph
     * around it, which are among the {@link #inputs} of the node that has it, behind its own.
     *
     * @param nodes in an order in which they can run
     * @param initializers tensors stored in it by name
     * @param outputs names of what it gives
     */
    public record Subgraph(List<OnnxNode> nodes, Map<String, OnnxTensor> initializers, List<String> outputs) {

        public Subgraph {
            nodes = List.copyOf(nodes);
            initializers = Collections.unmodifiableMap(new LinkedHashMap<>(initializers));
            outputs = List.copyOf(outputs);
        }

        /** Names of what it takes from the graph around it. */
        Set<String> captured() {
            Set<String> made = new HashSet<>(initializers.keySet());
            nodes.forEach(node -> made.addAll(node.outputs()));
            Set<String> captured = new LinkedHashSet<>(outputs);
            nodes.forEach(node -> captured.addAll(node.inputs()));
            captured.removeAll(made);
            captured.remove("");
            return captured;
        }
    }

    public OnnxNode {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        attributes = Collections.unmodifiableMap(new LinkedHashMap<>(attributes));
    }

    /** What to call it in messages: its name, or its first output's where it has none. */
    public String label() {
        return !name.isEmpty() ? name : outputs.isEmpty() ? "(without name)" : outputs.get(0);
    }

    /** The operation with its domain, if that is not ONNX's own. */
    public String qualifiedOp() {
        return domain.isEmpty() ? op : domain + "::" + op;
    }

    /** Whether an input is there. */
    public boolean hasInput(int index) {
        return index < inputs.size() && !inputs.get(index).isEmpty();
    }

    public boolean hasAttribute(String attribute) {
        return attributes.containsKey(attribute);
    }

    /** @throws DataException when the attribute is there and not an integer; the other getters likewise */
    public long integer(String attribute, long otherwise) {
        return value(attribute, Long.class, otherwise);
    }

    public double real(String attribute, double otherwise) {
        return value(attribute, Double.class, otherwise);
    }

    public String text(String attribute, String otherwise) {
        return value(attribute, String.class, otherwise);
    }

    /** @throws DataException where there is none */
    public Subgraph subgraph(String attribute) {
        Subgraph graph = value(attribute, Subgraph.class, null);
        if (graph == null) {
            throw new DataException(
                    "node '" + label() + "' (" + qualifiedOp() + ") has no " + attribute + ": export the model again");
        }
        return graph;
    }

    public OnnxTensor tensor(String attribute) {
        return value(attribute, OnnxTensor.class, null);
    }

    /** A list of integers, or null where the attribute is absent. */
    public long[] integers(String attribute) {
        List<?> list = value(attribute, List.class, null);
        if (list == null) {
            return null;
        }
        return list.stream()
                .mapToLong(item -> {
                    if (item instanceof Long number) {
                        return number;
                    }
                    throw wrongKind(attribute, "a list of integers", item);
                })
                .toArray();
    }

    /** A list of floating-point numbers, or null where the attribute is absent. */
    public double[] reals(String attribute) {
        List<?> list = value(attribute, List.class, null);
        if (list == null) {
            return null;
        }
        return list.stream()
                .mapToDouble(item -> {
                    if (item instanceof Double number) {
                        return number;
                    }
                    throw wrongKind(attribute, "a list of numbers", item);
                })
                .toArray();
    }

    private <T> T value(String attribute, Class<T> kind, T otherwise) {
        Object value = attributes.get(attribute);
        if (value == null) {
            return otherwise;
        }
        if (!kind.isInstance(value)) {
            throw wrongKind(attribute, "of the kind " + kind.getSimpleName(), value);
        }
        return kind.cast(value);
    }

    private DataException wrongKind(String attribute, String expected, Object found) {
        return new DataException("node '" + label() + "' (" + qualifiedOp() + "): the attribute " + attribute
                + " is to be " + expected + ", but is " + found.getClass().getSimpleName()
                + ": export the model again");
    }
}
