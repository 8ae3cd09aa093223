package org.rafclip.onnx;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A graph whose names are sound: every tensor comes from exactly one place, every name that is used exists, and a node
 * follows all nodes whose outputs it takes.
 *
 * @param inputs what has to be given; initializers that older files list as inputs too are not among them
 * @param initializers tensors stored in the file by name, in its order
 * @param nodes in an order in which they can run
 */
public record OnnxGraph(
        String name,
        List<ValueInfo> inputs,
        List<ValueInfo> outputs,
        Map<String, OnnxTensor> initializers,
        List<OnnxNode> nodes) {

    public OnnxGraph {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        initializers = Collections.unmodifiableMap(new LinkedHashMap<>(initializers));
        nodes = List.copyOf(nodes);
    }

    /** The node that computes each tensor, by the tensor's name. */
    public Map<String, OnnxNode> producers() {
        Map<String, OnnxNode> producers = new HashMap<>();
        for (OnnxNode node : nodes) {
            for (String output : node.outputs()) {
                producers.put(output, node);
            }
        }
        producers.remove("");
        return producers;
    }

    /** The nodes that take each tensor, by the tensor's name, in the nodes' order. */
    public Map<String, List<OnnxNode>> consumers() {
        Map<String, List<OnnxNode>> consumers = new HashMap<>();
        for (OnnxNode node : nodes) {
            node.inputs().stream()
                    .distinct()
                    .filter(input -> !input.isEmpty())
                    .forEach(input -> consumers
                            .computeIfAbsent(input, key -> new ArrayList<>())
                            .add(node));
        }
        return consumers;
    }

    /** A tensor that the file stores: an initializer, or what a {@code Constant} node holds. */
    public Optional<OnnxTensor> stored(String tensor) {
        OnnxTensor initializer = initializers.get(tensor);
        if (initializer != null) {
            return Optional.of(initializer);
        }
        return nodes.stream()
                .filter(node -> node.qualifiedOp().equals("Constant")
                        && node.outputs().contains(tensor)
                        && node.attributes().get("value") instanceof OnnxTensor)
                .map(node -> node.tensor("value"))
                .findFirst();
    }
}
