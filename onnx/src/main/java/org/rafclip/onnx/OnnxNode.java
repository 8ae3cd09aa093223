package org.rafclip.onnx;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rafclip.data.DataException;

/**
 * One operation of a graph.
 *
 * @param name may be empty; {@link #label()} is never
 * @param op the operation's name, such as {@code MatMul}
 * @param domain empty for ONNX's own operations
 * @param inputs names of tensors; an empty name stands for an optional input that is absent
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
     * A graph inside an attribute, as control flow has it. Nothing here runs such, so only its size is kept.
     *
     * @param nodes its operations, those of graphs inside it not counted
     */
    public record Subgraph(int nodes) {}

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
