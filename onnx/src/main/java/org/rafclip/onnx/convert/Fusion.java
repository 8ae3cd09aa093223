package org.rafclip.onnx.convert;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.rafclip.onnx.ElementType;
import org.rafclip.onnx.OnnxGraph;
import org.rafclip.onnx.OnnxNode;
import org.rafclip.onnx.OnnxTensor;
import org.rafclip.onnx.ValueInfo;

/**
 * Finds linear layers, layer norms, GELUs and attention that an exporter took apart, and gives them back as one node each.
 * A group is joined only when nothing else uses what it computes on the way.
 */
public final class Fusion {

    private static final String DOMAIN = "org.rafclip";

    /** {@code x · weight + bias}: inputs x, weight {@code [in, out]}, bias {@code [out]}. */
    public static final String LINEAR = DOMAIN + "::Linear";

    /** Over the last dimension: inputs x, gain, bias; attribute {@code epsilon}. */
    public static final String LAYER_NORM = DOMAIN + "::LayerNorm";

    /** {@code x · Φ(x)}. */
    public static final String GELU = DOMAIN + "::Gelu";

    /** {@code x · σ(1.702 x)}. */
    public static final String QUICK_GELU = DOMAIN + "::QuickGelu";

    /**
     * {@code softmax(scale · q k + biases) v}: inputs q, k, v, scale, shape of the view that takes the biases, shape behind
     * it, biases; attributes {@code axis} of the softmax, {@code divides} by the scale, {@code transposed} k.
     */
    public static final String ATTENTION = DOMAIN + "::Attention";

    private static final int MAX_BIASES = 4;

    /** How far constants such as 1.702 may be off: what 16 bits leave of them. */
    private static final double TOLERANCE = 5e-4;

    private final OnnxGraph graph;
    private final Map<String, OnnxNode> producers;
    private final Map<String, List<OnnxNode>> consumers;
    private final Set<String> outputs = new HashSet<>();
    private final Map<String, OnnxTensor> stored = new HashMap<>();
    private final Map<OnnxNode, OnnxNode> joined = new IdentityHashMap<>();
    private final Set<OnnxNode> gone = java.util.Collections.newSetFromMap(new IdentityHashMap<>());

    private Fusion(OnnxGraph graph) {
        this.graph = graph;
        this.producers = graph.producers();
        this.consumers = graph.consumers();
        graph.outputs().stream().map(ValueInfo::name).forEach(outputs::add);
        stored.putAll(graph.initializers());
        for (OnnxNode node : graph.nodes()) {
            if (node.qualifiedOp().equals("Constant") && node.attributes().get("value") instanceof OnnxTensor tensor) {
                stored.put(node.outputs().get(0), tensor);
            }
        }
    }

    /**
     * The graph's nodes with groups joined, in an order in which they can run.
     *
     * @param attention whether attention is joined too, not its layers alone
     */
    static List<OnnxNode> of(OnnxGraph graph, boolean attention) {
        Fusion fusion = new Fusion(graph);
        for (OnnxNode node : graph.nodes()) {
            switch (node.qualifiedOp()) {
                case "Add" -> {
                    fusion.linear(node);
                    fusion.layerNorm(node);
                }
                case "Mul" -> {
                    fusion.gelu(node);
                    fusion.quickGelu(node);
                }
                case "Softmax" -> {
                    if (attention) {
                        fusion.attention(node);
                    }
                }
                default -> {}
            }
        }
        List<OnnxNode> nodes = new ArrayList<>();
        for (OnnxNode node : graph.nodes()) {
            OnnxNode replacement = fusion.joined.get(node);
            if (replacement != null) {
                nodes.add(replacement);
            } else if (!fusion.gone.contains(node)) {
                nodes.add(node);
            }
        }
        return nodes;
    }

    private void linear(OnnxNode add) {
        for (int side = 0; side < 2; side++) {
            OnnxNode product = made(add, side, "MatMul");
            OnnxTensor bias = stored.get(add.inputs().get(1 - side));
            OnnxTensor weight =
                    product == null ? null : stored.get(product.inputs().get(1));
            if (weight != null
                    && bias != null
                    && weight.shape().size() == 2
                    && bias.shape().equals(weight.shape().subList(1, 2))
                    && weight.type() == ElementType.FLOAT
                    && only(product)) {
                join(
                        add,
                        LINEAR,
                        Map.of(),
                        List.of(product),
                        product.inputs().get(0),
                        product.inputs().get(1),
                        add.inputs().get(1 - side));
                return;
            }
        }
    }

    /** {@code (x − mean) / √(mean((x − mean)²) + ε) · gain + bias} over the last dimension. */
    private void layerNorm(OnnxNode shift) {
        if (gone.contains(shift) || joined.containsKey(shift)) {
            return;
        }
        int scaled = made(shift, 0, "Mul") != null ? 0 : 1;
        OnnxNode scale = made(shift, scaled, "Mul");
        if (scale == null || !vector(shift.inputs().get(1 - scaled))) {
            return;
        }
        int divided = made(scale, 0, "Div") != null ? 0 : 1;
        OnnxNode division = made(scale, divided, "Div");
        String gain = scale.inputs().get(1 - divided);
        if (division == null || !vector(gain)) {
            return;
        }
        OnnxNode center = made(division, 0, "Sub");
        OnnxNode root = made(division, 1, "Sqrt");
        OnnxNode raised = root == null ? null : made(root, 0, "Add");
        if (center == null || raised == null) {
            return;
        }
        int varied = made(raised, 0, "ReduceMean") != null ? 0 : 1;
        OnnxNode variance = made(raised, varied, "ReduceMean");
        Double eps = number(raised.inputs().get(1 - varied));
        OnnxNode mean = made(center, 1, "ReduceMean");
        if (variance == null || eps == null || mean == null || !lastAxis(variance) || !lastAxis(mean)) {
            return;
        }
        OnnxNode power = producers.get(variance.inputs().get(0));
        if (power == null) {
            return;
        }
        boolean squared = power.qualifiedOp().equals("Pow")
                        && Double.valueOf(2).equals(number(power.inputs().get(1)))
                || power.qualifiedOp().equals("Mul")
                        && power.inputs().get(0).equals(power.inputs().get(1));
        OnnxNode inner = squared ? made(power, 0, "Sub") : null;
        if (inner == null
                || !inner.inputs().equals(center.inputs())
                || !mean.inputs().get(0).equals(center.inputs().get(0))
                || !stored.get(gain)
                        .shape()
                        .equals(stored.get(shift.inputs().get(1 - scaled)).shape())) {
            return;
        }
        Set<OnnxNode> group = java.util.Collections.newSetFromMap(new IdentityHashMap<>());
        group.addAll(List.of(shift, scale, division, center, root, raised, variance, mean, power, inner));
        for (OnnxNode node : group) {
            if (node != shift && !within(node, group)) {
                return;
            }
        }
        group.remove(shift);
        join(
                shift,
                LAYER_NORM,
                Map.of("epsilon", eps),
                List.copyOf(group),
                center.inputs().get(0),
                gain,
                shift.inputs().get(1 - scaled));
    }

    /** {@code x · (1 + erf(x / √2)) · ½}, the three factors in any order. */
    private void gelu(OnnxNode last) {
        if (gone.contains(last) || joined.containsKey(last)) {
            return;
        }
        List<OnnxNode> inside = new ArrayList<>();
        List<String> factors = new ArrayList<>();
        for (String input : last.inputs()) {
            OnnxNode product = producers.get(input);
            if (product != null && product.qualifiedOp().equals("Mul") && only(product)) {
                inside.add(product);
                factors.addAll(product.inputs());
            } else {
                factors.add(input);
            }
        }
        if (factors.size() != 3) {
            return;
        }
        String x = null;
        OnnxNode raised = null;
        boolean half = false;
        for (String factor : factors) {
            Double number = number(factor);
            OnnxNode producer = producers.get(factor);
            if (number != null && near(number, 0.5)) {
                half = true;
            } else if (raised == null
                    && producer != null
                    && producer.qualifiedOp().equals("Add")
                    && erf(producer) != null) {
                raised = producer;
            } else {
                x = factor;
            }
        }
        OnnxNode erf = raised == null ? null : erf(raised);
        OnnxNode scaled = erf == null ? null : producers.get(erf.inputs().get(0));
        if (!half || x == null || scaled == null || !only(raised) || !only(erf) || !only(scaled)) {
            return;
        }
        boolean divides = scaled.qualifiedOp().equals("Div");
        Double by = number(scaled.inputs().get(1));
        if (scaled.inputs().get(0).equals(x)
                && by != null
                && (divides && near(by, Math.sqrt(2))
                        || scaled.qualifiedOp().equals("Mul") && near(by, Math.sqrt(0.5)))) {
            inside.addAll(List.of(raised, erf, scaled));
            join(last, GELU, Map.of(), inside, x);
        }
    }

    /** The error function that one is added to. */
    private OnnxNode erf(OnnxNode add) {
        for (int side = 0; side < 2; side++) {
            Double one = number(add.inputs().get(1 - side));
            OnnxNode erf = made(add, side, "Erf");
            if (erf != null && one != null && near(one, 1)) {
                return erf;
            }
        }
        return null;
    }

    /** {@code x · σ(1.702 x)}. */
    private void quickGelu(OnnxNode last) {
        for (int side = 0; side < 2; side++) {
            OnnxNode sigmoid = made(last, side, "Sigmoid");
            OnnxNode scaled = sigmoid == null ? null : made(sigmoid, 0, "Mul");
            if (scaled == null || !only(sigmoid) || !only(scaled)) {
                continue;
            }
            String x = last.inputs().get(1 - side);
            int at = scaled.inputs().indexOf(x);
            Double by = at < 0 ? null : number(scaled.inputs().get(1 - at));
            if (by != null && near(by, 1.702)) {
                join(last, QUICK_GELU, Map.of(), List.of(sigmoid, scaled), x);
                return;
            }
        }
    }

    /**
     * {@code softmax(q k · scale + biases) v}, where the scores may be reshaped to take their biases and back: inputs q,
     * k, v, scale, shape of the view, shape behind it, biases.
     */
    private void attention(OnnxNode softmax) {
        List<OnnxNode> inside = new ArrayList<>();
        List<String> biases = new ArrayList<>();
        OnnxNode node = producers.get(softmax.inputs().get(0));
        String back = "";
        if (isOnly(node, "Reshape")) {
            back = node.inputs().get(1);
            inside.add(node);
            node = producers.get(node.inputs().get(0));
        }
        while (isOnly(node, "Add") && biases.size() < MAX_BIASES) {
            int side = scores(producers.get(node.inputs().get(0)), 0) ? 0 : 1;
            biases.add(0, node.inputs().get(1 - side));
            inside.add(node);
            node = producers.get(node.inputs().get(side));
        }
        String view = "";
        if (!back.isEmpty() && isOnly(node, "Reshape")) {
            view = node.inputs().get(1);
            inside.add(node);
            node = producers.get(node.inputs().get(0));
        }
        String scale = "";
        boolean divides = isOnly(node, "Div");
        if (divides || isOnly(node, "Mul")) {
            int side = made(node, 0, "MatMul") != null ? 0 : 1;
            if (divides && side == 1) {
                return;
            }
            scale = node.inputs().get(1 - side);
            inside.add(node);
            node = producers.get(node.inputs().get(side));
        }
        List<OnnxNode> users = consumers.getOrDefault(softmax.outputs().get(0), List.of());
        if (!isOnly(node, "MatMul") || !only(softmax) || back.isEmpty() != view.isEmpty()) {
            return;
        }
        OnnxNode last = users.get(0);
        if (!last.qualifiedOp().equals("MatMul")
                || !last.inputs().get(0).equals(softmax.outputs().get(0))
                || joined.containsKey(last)) {
            return;
        }
        inside.add(node);
        inside.add(softmax);
        String key = node.inputs().get(1);
        OnnxNode turned = producers.get(key);
        boolean transposed = isOnly(turned, "Transpose") && exchangesLastTwo(turned.integers("perm"));
        if (transposed) {
            inside.add(turned);
            key = turned.inputs().get(0);
        }
        List<String> inputs =
                new ArrayList<>(List.of(node.inputs().get(0), key, last.inputs().get(1), scale, view, back));
        inputs.addAll(biases);
        join(
                last,
                ATTENTION,
                Map.of(
                        "axis",
                        softmax.integer("axis", Long.MIN_VALUE),
                        "divides",
                        divides ? 1L : 0L,
                        "transposed",
                        transposed ? 1L : 0L),
                inside,
                inputs.toArray(String[]::new));
    }

    /** Whether a node's result is the scores of attention, on their way to the softmax. */
    private boolean scores(OnnxNode node, int depth) {
        if (depth > MAX_BIASES) {
            return false;
        }
        if (isOnly(node, "Add") || isOnly(node, "Mul")) {
            return scores(producers.get(node.inputs().get(0)), depth + 1)
                    || scores(producers.get(node.inputs().get(1)), depth + 1);
        }
        if (isOnly(node, "Reshape") || isOnly(node, "Div")) {
            return scores(producers.get(node.inputs().get(0)), depth + 1);
        }
        return isOnly(node, "MatMul");
    }

    private static boolean exchangesLastTwo(long[] order) {
        if (order == null || order.length < 2) {
            return false;
        }
        int last = order.length - 1;
        for (int i = 0; i < last - 1; i++) {
            if (order[i] != i) {
                return false;
            }
        }
        return order[last] == last - 1 && order[last - 1] == last;
    }

    /** Whether there is a node, of this operation, and one node alone uses what it computes. */
    private boolean isOnly(OnnxNode node, String op) {
        return node != null && node.qualifiedOp().equals(op) && only(node);
    }

    private static boolean near(double value, double wanted) {
        return Math.abs(value - wanted) < TOLERANCE;
    }

    /** The node that makes an input, if it is of this operation and not yet part of another group. */
    private OnnxNode made(OnnxNode node, int input, String op) {
        if (node.inputs().size() <= input) {
            return null;
        }
        OnnxNode producer = producers.get(node.inputs().get(input));
        return producer != null
                        && producer.qualifiedOp().equals(op)
                        && !gone.contains(producer)
                        && !joined.containsKey(producer)
                ? producer
                : null;
    }

    /** Whether one node alone uses what a node computes. */
    private boolean only(OnnxNode node) {
        return node.outputs().size() == 1
                && !outputs.contains(node.outputs().get(0))
                && consumers.getOrDefault(node.outputs().get(0), List.of()).size() == 1
                && !gone.contains(node)
                && !joined.containsKey(node);
    }

    private boolean within(OnnxNode node, Set<OnnxNode> group) {
        return !outputs.contains(node.outputs().get(0))
                && !gone.contains(node)
                && !joined.containsKey(node)
                && group.containsAll(consumers.getOrDefault(node.outputs().get(0), List.of()));
    }

    private boolean lastAxis(OnnxNode mean) {
        long[] axes = mean.integers("axes");
        if (axes == null && mean.hasInput(1)) {
            OnnxTensor tensor = stored.get(mean.inputs().get(1));
            axes = tensor == null ? null : tensor.longs();
        }
        return axes != null && axes.length == 1 && axes[0] == -1 && mean.integer("keepdims", 1) == 1;
    }

    private boolean vector(String tensor) {
        OnnxTensor value = stored.get(tensor);
        return value != null && value.shape().size() == 1 && value.type() == ElementType.FLOAT;
    }

    /** The value of a stored tensor with one floating-point element, or null. */
    private Double number(String tensor) {
        return Optional.ofNullable(stored.get(tensor))
                .filter(value -> value.elements() == 1
                        && (value.type() == ElementType.FLOAT || value.type() == ElementType.DOUBLE))
                .map(value -> value.doubles()[0])
                .orElse(null);
    }

    private void join(
            OnnxNode last, String op, Map<String, Object> attributes, List<OnnxNode> inside, String... inputs) {
        gone.addAll(inside);
        joined.put(
                last,
                new OnnxNode(
                        last.name(),
                        op.substring(DOMAIN.length() + 2),
                        DOMAIN,
                        List.of(inputs),
                        last.outputs(),
                        attributes));
    }
}
