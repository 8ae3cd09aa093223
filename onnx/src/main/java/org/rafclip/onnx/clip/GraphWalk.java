package org.rafclip.onnx.clip;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.data.DataException;
import org.rafclip.onnx.ElementType;
import org.rafclip.onnx.OnnxGraph;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.onnx.OnnxNode;
import org.rafclip.onnx.OnnxTensor;
import org.rafclip.onnx.ValueInfo;
import org.rafclip.onnx.convert.Fusion;
import org.rafclip.onnx.convert.ImportOptions;
import org.rafclip.onnx.convert.ImportedGraph;
import org.rafclip.onnx.convert.OnnxImport;
import org.rafclip.ops.kernel.Kernels.Activation;

/** A simplified graph as one goes back in it, from what is computed to what it is computed from. */
final class GraphWalk {

    /** Operations that put the same numbers into another shape or order. */
    static final Set<String> MOVES =
            Set.of("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Cast", "Dropout", "Expand");

    /** Operations that take some of the numbers. */
    static final Set<String> CHOICES = Set.of("Slice", "Split", "Gather", "GatherND", "GatherElements");

    /**
     * A matrix product with a constant, and what is added.
     *
     * @param input what is multiplied
     * @param output the tensor it makes
     * @param weight {@code [out, in]}
     * @param bias {@code [out]}; null where nothing is added
     */
    record Linear(String input, String output, INDArray weight, INDArray bias) {}

    /**
     * A layer norm over the last dimension.
     *
     * @param bias null where it has none
     */
    record Norm(String input, INDArray gain, INDArray bias, double epsilon, OnnxNode node) {}

    /**
     * Where the numbers of one tensor come from.
     *
     * @param indices for each element its place in the other tensor, counted in row-major order
     * @param scale what they were multiplied with on the way
     */
    record Origin(INDArray indices, double scale) {}

    private final ImportedGraph imported;
    private final OnnxModel model;
    private final OnnxGraph graph;
    private final Map<String, OnnxNode> producers;

    /** @param imported without fusion, with inputs of fixed shapes */
    GraphWalk(ImportedGraph imported) {
        this.imported = imported;
        this.model = imported.model();
        this.graph = imported.simplified();
        this.producers = graph.producers();
    }

    OnnxModel model() {
        return model;
    }

    /** The node that makes a tensor; null for inputs and constants. */
    OnnxNode producer(String tensor) {
        return producers.get(tensor);
    }

    String op(String tensor) {
        OnnxNode node = producers.get(tensor);
        return node == null ? "" : node.qualifiedOp();
    }

    INDArray constant(String tensor) {
        return imported.constant(tensor).orElse(null);
    }

    boolean isConstant(String tensor) {
        return imported.constant(tensor).isPresent();
    }

    long[] shape(String tensor) {
        return imported.shape(tensor)
                .orElseThrow(() -> new DataException(model.file() + ": the shape of '" + tensor
                        + "' depends on what is in the inputs, which no CLIP's does: " + TowerReader.REMEDY));
    }

    /** Goes back over operations as long as they are of these; each has one input that is not constant, the first. */
    String back(String tensor, Set<String> ops) {
        String at = tensor;
        while (ops.contains(op(at))) {
            at = producers.get(at).inputs().get(0);
        }
        return at;
    }

    /** The linear layer that makes a tensor, or null. */
    Linear linear(String tensor) {
        OnnxNode node = producers.get(tensor);
        if (node == null) {
            return null;
        }
        switch (node.qualifiedOp()) {
            case Fusion.LINEAR -> {
                return new Linear(
                        node.inputs().get(0),
                        tensor,
                        constant(node.inputs().get(1)).transpose(),
                        constant(node.inputs().get(2)));
            }
            case "MatMul" -> {
                INDArray weight = constant(node.inputs().get(1));
                return weight == null || weight.rank() != 2
                        ? null
                        : new Linear(node.inputs().get(0), tensor, weight.transpose(), null);
            }
            case "Gemm" -> {
                INDArray weight = constant(node.inputs().get(1));
                boolean plain = node.integer("transA", 0) == 0
                        && node.real("alpha", 1) == 1
                        && node.real("beta", 1) == 1
                        && weight != null;
                INDArray bias =
                        plain && node.hasInput(2) ? constant(node.inputs().get(2)) : null;
                return !plain || node.hasInput(2) && bias == null
                        ? null
                        : new Linear(
                                node.inputs().get(0),
                                tensor,
                                node.integer("transB", 0) == 1 ? weight : weight.transpose(),
                                bias);
            }
            case "Add" -> {
                for (int side = 0; side < 2; side++) {
                    INDArray bias = constant(node.inputs().get(side));
                    String product = back(node.inputs().get(1 - side), MOVES);
                    Linear linear = bias == null || !op(product).equals("MatMul") ? null : linear(product);
                    if (linear != null && bias.length() == linear.weight.size(0)) {
                        return new Linear(linear.input, tensor, linear.weight, bias);
                    }
                }
                return null;
            }
            default -> {
                return null;
            }
        }
    }

    /** The layer norm that makes a tensor, or null. */
    Norm norm(String tensor) {
        OnnxNode node = producers.get(tensor);
        boolean joined = node != null && node.qualifiedOp().equals(Fusion.LAYER_NORM);
        boolean own = node != null && node.qualifiedOp().equals("LayerNormalization");
        INDArray gain = joined || own ? constant(node.inputs().get(1)) : null;
        if (gain == null || gain.rank() != 1) {
            return null;
        }
        INDArray bias = node.hasInput(2) ? constant(node.inputs().get(2)) : null;
        return new Norm(node.inputs().get(0), gain, bias, node.real("epsilon", 1e-5), node);
    }

    /** The activation that makes a tensor; empty for another operation. */
    Optional<Activation> activation(String tensor) {
        return switch (op(tensor)) {
            case Fusion.GELU -> Optional.of(Activation.GELU);
            case Fusion.QUICK_GELU -> Optional.of(Activation.QUICK_GELU);
            default -> Optional.empty();
        };
    }

    /** The input of a multiplication or division by one constant number that is not the number; -1 for any other node. */
    int scaled(OnnxNode node) {
        if (node == null
                || !(node.qualifiedOp().equals("Mul") || node.qualifiedOp().equals("Div"))) {
            return -1;
        }
        for (int side = node.qualifiedOp().equals("Div") ? 1 : 0; side < 2; side++) {
            INDArray number = constant(node.inputs().get(side));
            if (number != null && number.length() == 1) {
                return 1 - side;
            }
        }
        return -1;
    }

    /** What {@link #scaled} multiplies by. */
    double factor(OnnxNode node) {
        double number = constant(node.inputs().get(1 - scaled(node))).getDouble(0);
        return node.qualifiedOp().equals("Div") ? 1 / number : number;
    }

    /** Goes back over moves, choices and multiplications by numbers to the first tensor that is made otherwise. */
    String source(String tensor) {
        String at = tensor;
        while (true) {
            int scaled = scaled(producers.get(at));
            if (MOVES.contains(op(at)) || CHOICES.contains(op(at))) {
                at = producers.get(at).inputs().get(0);
            } else if (scaled >= 0) {
                at = producers.get(at).inputs().get(scaled);
            } else {
                return at;
            }
        }
    }

    /**
     * Where the elements of a tensor come from, learnt by sending numbers along the way instead of reading shapes: so any
     * layout of heads is understood.
     *
     * @param source what {@link #source} finds from {@code tensor}
     */
    Origin origin(String source, String tensor) {
        Deque<OnnxNode> way = new ArrayDeque<>();
        Map<String, OnnxTensor> constants = new LinkedHashMap<>();
        double scale = 1;
        for (String at = tensor; !at.equals(source); ) {
            OnnxNode node = producers.get(at);
            int scaled = scaled(node);
            if (scaled >= 0) {
                scale *= factor(node);
            }
            String from = node.inputs().get(Math.max(0, scaled));
            boolean same = scaled >= 0 || node.op().equals("Cast") || node.op().equals("Dropout");
            way.addFirst(same ? new OnnxNode(node.name(), "Identity", "", List.of(from), List.of(at), Map.of()) : node);
            if (!same) {
                node.inputs().stream()
                        .skip(1)
                        .filter(input -> graph.initializers().containsKey(input))
                        .forEach(input ->
                                constants.put(input, graph.initializers().get(input)));
            }
            at = from;
        }
        long[] shape = shape(source);
        int count = Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact));
        int[] numbers = new int[count];
        Arrays.setAll(numbers, i -> i);
        INDArray places = Nd4j.createFromArray(numbers).reshape(shape);
        if (way.isEmpty()) {
            return new Origin(places, scale);
        }
        OnnxGraph inner = new OnnxGraph(
                "", List.of(value(source, shape)), List.of(value(tensor, shape(tensor))), constants, List.copyOf(way));
        OnnxModel part = new OnnxModel(model.file(), model.producer(), model.irVersion(), model.opsets(), inner);
        try (ImportedGraph run = OnnxImport.of(part, ImportOptions.standard())) {
            return new Origin(run(run, Map.of(source, places), List.of(tensor)).get(tensor), scale);
        }
    }

    private static ValueInfo value(String name, long[] shape) {
        return new ValueInfo(
                name,
                ElementType.INT32,
                Arrays.stream(shape)
                        .mapToObj(size -> new ValueInfo.Dimension(size, ""))
                        .toList());
    }

    /** How many rows the table has that an input picks from; 2 where there is none. */
    long rows(String input) {
        return graph.nodes().stream()
                .filter(node -> node.qualifiedOp().equals("Gather")
                        && back(node.inputs().get(1), Set.of("Cast", "Identity"))
                                .equals(input))
                .map(node -> constant(node.inputs().get(0)))
                .filter(table -> table != null)
                .mapToLong(table -> table.size(0))
                .findFirst()
                .orElse(2);
    }

    /** All nodes that a tensor is computed from. */
    Set<OnnxNode> ancestors(String tensor) {
        Set<OnnxNode> found = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<String> open = new ArrayDeque<>(List.of(tensor));
        while (!open.isEmpty()) {
            OnnxNode node = producers.get(open.pop());
            if (node != null && found.add(node)) {
                open.addAll(node.inputs());
            }
        }
        return found;
    }

    /** The names of the graph's inputs that a tensor is computed from. */
    Set<String> inputs(String tensor) {
        Set<String> names = new HashSet<>(List.of(tensor));
        ancestors(tensor).forEach(node -> names.addAll(node.inputs()));
        names.retainAll(graph.inputs().stream().map(ValueInfo::name).toList());
        return names;
    }

    /**
     * The whole table that a constant is cut from: going back in the file's own graph, over moves and choices, to the
     * first stored matrix with at least as many rows and the same columns. The constant itself where there is none.
     *
     * @param part {@code [rows, columns]}
     */
    INDArray table(String tensor, INDArray part) {
        Map<String, OnnxNode> nodes = new HashMap<>(model.graph().producers());
        List<INDArray> found = new ArrayList<>();
        String at = tensor;
        while (at != null) {
            INDArray value = constant(at);
            if (value != null && value.rank() >= 2 && value.length() == value.size(-1) * value.size(-2)) {
                found.add(value.reshape(value.size(-2), value.size(-1)));
            }
            OnnxNode node = nodes.get(at);
            at = node != null && (MOVES.contains(node.qualifiedOp()) || CHOICES.contains(node.qualifiedOp()))
                    ? node.inputs().get(0)
                    : null;
        }
        return found.stream()
                .filter(table -> table.size(1) == part.size(1) && table.size(0) > part.size(0))
                .reduce((first, last) -> last)
                .filter(table -> table.get(NDArrayIndex.interval(0, part.size(0)), NDArrayIndex.all())
                        .equals(part))
                .orElse(part);
    }

    /** The value of a tensor on some inputs. */
    INDArray value(String tensor, Map<String, INDArray> inputs) {
        INDArray constant = constant(tensor);
        INDArray value =
                constant == null ? run(imported, inputs, List.of(tensor)).get(tensor) : constant;
        return value.castTo(DataType.FLOAT);
    }

    /** The file's outputs on some inputs. */
    Map<String, INDArray> outputs(Map<String, INDArray> inputs) {
        return run(
                imported, inputs, graph.outputs().stream().map(ValueInfo::name).toList());
    }

    private Map<String, INDArray> run(ImportedGraph graph, Map<String, INDArray> inputs, List<String> tensors) {
        try {
            return graph.run(inputs, tensors);
        } catch (IllegalArgumentException e) {
            throw new DataException(model.file() + ": does not run: " + e.getMessage() + ": " + TowerReader.REMEDY, e);
        }
    }
}
