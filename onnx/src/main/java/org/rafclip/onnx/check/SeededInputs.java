package org.rafclip.onnx.check;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.onnx.ElementType;
import org.rafclip.onnx.OnnxGraph;
import org.rafclip.onnx.OnnxNode;
import org.rafclip.onnx.OnnxTensor;
import org.rafclip.onnx.OpenAxes;
import org.rafclip.onnx.ValueInfo;
import org.rafclip.ops.kernel.Memory;

/** Inputs that make sense for a graph, drawn from a seed: pixels and features normal, indices within their tables. */
final class SeededInputs {

    private static final long FIRST = 2;
    private static final long OTHERS = 16;
    private static final long IDS = 100;
    private static final double PIXELS = 1000;
    private static final int SIZES = 200;

    private SeededInputs() {}

    /**
     * @param dimensions lengths of open dimensions by label; others are as the weights want them or, where these do not
     *     say, 2 for the first of an input and 16 for the rest
     */
    static Map<String, INDArray> of(OnnxGraph graph, long seed, Map<String, Long> dimensions) {
        Map<String, INDArray> inputs = new LinkedHashMap<>();
        Map<String, List<OnnxNode>> consumers = graph.consumers();
        OpenAxes axes = new OpenAxes(graph);
        int number = 0;
        for (ValueInfo input : graph.inputs()) {
            SplittableRandom random = new SplittableRandom(seed * 31 + number++);
            List<ValueInfo.Dimension> declared = input.shape() == null ? List.of() : input.shape();
            long[] wanted = axes.of(input);
            long[] shape = new long[declared.size()];
            for (int i = 0; i < shape.length; i++) {
                ValueInfo.Dimension size = declared.get(i);
                shape[i] = size.open()
                        ? dimensions.getOrDefault(size.label(), wanted[i] > 0 ? wanted[i] : i == 0 ? FIRST : OTHERS)
                        : size.size();
            }
            long ids = ids(graph, consumers.getOrDefault(input.name(), List.of()), input.name());
            inputs.put(input.name(), draw(input, shape, ids, random));
        }
        return inputs;
    }

    private static INDArray draw(ValueInfo input, long[] shape, long ids, SplittableRandom random) {
        DataType type = input.type().array();
        INDArray array = shape.length == 0 ? Nd4j.scalar(type, 0) : Nd4j.createUninitializedDetached(type, 'c', shape);
        if (array.isEmpty()) {
            return array;
        }
        Memory memory = Memory.of(array);
        String name = input.name().toLowerCase(Locale.ROOT);
        for (long i = 0; i < memory.length(); i++) {
            if (input.type() == ElementType.FLOAT
                    || input.type() == ElementType.DOUBLE
                    || input.type().widened()) {
                memory.set(
                        i,
                        name.startsWith("has_") || name.contains("label")
                                ? random.nextInt(2)
                                : name.contains("size")
                                        ? SIZES + random.nextInt(300)
                                        : name.contains("coord")
                                                ? random.nextDouble() * PIXELS
                                                : random.nextGaussian());
            } else if (name.contains("mask")) {
                memory.setLong(i, 1);
            } else if (name.contains("size")) {
                memory.setLong(i, SIZES + random.nextInt(SIZES));
            } else {
                memory.setLong(i, input.type() == ElementType.BOOL ? random.nextInt(2) : random.nextLong(ids));
            }
        }
        return array;
    }

    /** How many rows the table has that an input picks from; few where that is not to be seen. */
    private static long ids(OnnxGraph graph, List<OnnxNode> users, String name) {
        return users.stream()
                .filter(node -> node.op().equals("Gather")
                        && node.inputs().size() == 2
                        && node.inputs().get(1).equals(name)
                        && node.integer("axis", 0) == 0)
                .map(node -> graph.initializers().get(node.inputs().get(0)))
                .filter(table -> table != null && !table.shape().isEmpty())
                .mapToLong((OnnxTensor table) -> table.shape().get(0))
                .min()
                .orElse(name.matches("(?i).*(id|token|text).*") ? IDS : 2);
    }
}
