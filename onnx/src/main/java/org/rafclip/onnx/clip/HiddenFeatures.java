package org.rafclip.onnx.clip;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rafclip.onnx.OnnxGraph;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.onnx.OnnxNode;
import org.rafclip.onnx.ValueInfo;

/**
 * Features that a file computes and does not give out: OpenAI's own {@code forward} answers with logits alone. They stand just
 * before the product of images and texts.
 */
final class HiddenFeatures {

    private static final int IMAGE = 1;
    private static final int TEXT = 2;

    private final OnnxGraph graph;
    private final Map<String, OnnxNode> producers;

    /** By tensor, which of the two kinds of inputs it depends on. */
    private final Map<String, Integer> origins = new HashMap<>();

    private HiddenFeatures(OnnxGraph graph) {
        this.graph = graph;
        this.producers = graph.producers();
        for (ValueInfo input : graph.inputs()) {
            origins.put(input.name(), input.shape().size() == 4 ? IMAGE : TEXT);
        }
        for (OnnxNode node : graph.nodes()) {
            int of = node.inputs().stream().mapToInt(this::origin).reduce(0, (a, b) -> a | b);
            node.outputs().forEach(output -> origins.put(output, of));
        }
    }

    /** The model, with the factors of its logits among its outputs where it has logits and nothing of one tower. */
    static OnnxModel given(OnnxModel model) {
        HiddenFeatures hidden = new HiddenFeatures(model.graph());
        OnnxGraph graph = model.graph();
        List<ValueInfo> outputs = new ArrayList<>(graph.outputs());
        if (outputs.stream().anyMatch(output -> hidden.ofOneTower(output.name()))) {
            return model;
        }
        graph.outputs().stream()
                .map(output -> hidden.product(output.name()))
                .filter(product -> product != null)
                .findFirst()
                .ifPresent(product -> {
                    for (String factor : product.inputs().subList(0, 2)) {
                        outputs.add(new ValueInfo(
                                hidden.unturned(factor), graph.outputs().get(0).type(), null));
                    }
                });
        return new OnnxModel(
                model.file(),
                model.producer(),
                model.irVersion(),
                model.opsets(),
                new OnnxGraph(graph.name(), graph.inputs(), outputs, graph.initializers(), graph.nodes()));
    }

    private int origin(String tensor) {
        return origins.getOrDefault(tensor, 0);
    }

    private boolean ofOneTower(String tensor) {
        return origin(tensor) == IMAGE || origin(tensor) == TEXT;
    }

    /** Goes back from logits to the product of what is one tower's and what is the other's, or null. */
    private OnnxNode product(String logits) {
        for (String at = logits; at != null; ) {
            OnnxNode node = producers.get(at);
            if (node == null) {
                return null;
            }
            if (Set.of("MatMul", "Gemm").contains(node.qualifiedOp())
                    && ofOneTower(node.inputs().get(0))
                    && ofOneTower(node.inputs().get(1))) {
                return node;
            }
            at = node.inputs().stream()
                    .filter(input -> origin(input) == (IMAGE | TEXT))
                    .findFirst()
                    .orElse(null);
        }
        return null;
    }

    /** A factor before it was turned, and multiplied with the temperature. */
    private String unturned(String factor) {
        String at = factor;
        while (true) {
            OnnxNode node = producers.get(at);
            if (node == null) {
                return at;
            }
            if (node.qualifiedOp().equals("Transpose")) {
                at = node.inputs().get(0);
                continue;
            }
            if (!node.qualifiedOp().equals("Mul")) {
                return at;
            }
            int side = origin(node.inputs().get(0)) == 0 ? 1 : 0;
            if (origin(node.inputs().get(1 - side)) != 0) {
                return at;
            }
            at = node.inputs().get(side);
        }
    }
}
