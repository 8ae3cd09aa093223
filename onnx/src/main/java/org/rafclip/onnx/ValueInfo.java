package org.rafclip.onnx;

import java.util.List;
import java.util.stream.Collectors;

/**
 * An input or output of a graph.
 *
 * @param type the element type; null where the file leaves it open, which only outputs may
 * @param shape its dimensions; null where the file does not say how many there are
 */
public record ValueInfo(String name, ElementType type, List<Dimension> shape) {

    /**
     * One dimension.
     *
     * @param size its length, or −1 where it is open
     * @param label the name of an open dimension, equal wherever it has to be equal; empty where it has none
     */
    public record Dimension(long size, String label) {

        public boolean open() {
            return size < 0;
        }

        @Override
        public String toString() {
            return open() ? label.isEmpty() ? "?" : label : Long.toString(size);
        }
    }

    public ValueInfo {
        shape = shape == null ? null : List.copyOf(shape);
    }

    /** Type and shape, such as {@code FLOAT [batch, 3, 224, 224]}. */
    public String describe() {
        String dimensions = shape == null
                ? "[...]"
                : shape.stream().map(Dimension::toString).collect(Collectors.joining(", ", "[", "]"));
        return (type == null ? "?" : type) + " " + dimensions;
    }
}
