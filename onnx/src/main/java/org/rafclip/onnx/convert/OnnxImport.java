package org.rafclip.onnx.convert;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.onnx.OnnxGraph;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.onnx.OnnxNode;
import org.rafclip.onnx.OnnxTensor;
import org.rafclip.onnx.ValueInfo;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;

/**
 * Makes a SameDiff graph of an ONNX model. What depends on nothing but constants is computed at once, which takes
 * arithmetic on known shapes away; what depends on an open dimension is computed when the graph runs.
 */
public final class OnnxImport {

    private static final long MAX_FOLDED = 64L << 20;

    /** Becomes the nodes of one of its branches. */
    private static final String BRANCHES = "If";

    private final OnnxModel model;
    private final ImportOptions options;
    private final SameDiff graph = Graph.empty();
    private final Map<String, SDVariable> variables = new LinkedHashMap<>();
    private final Map<String, ImportScope.Known> known = new HashMap<>();
    private final Map<String, OnnxTensor> waiting;
    private final List<String> trainable = new ArrayList<>();

    /** Means and variances that batch normalisations stored: they count, but are not learned. */
    private final Set<String> statistics = new HashSet<>();

    private OnnxImport(OnnxModel model, ImportOptions options) {
        this.model = model;
        this.options = options;
        this.waiting = new HashMap<>(model.graph().initializers());
    }

    /**
     * Imports a model.
     *
     * @throws DataException for an operation that is not known, named with its node, and for what its definition does not
     *     allow
     */
    public static ImportedGraph of(OnnxModel model, ImportOptions options) {
        JavaOps.install();
        try {
            return new OnnxImport(model, options).run();
        } catch (DataException e) {
            throw new DataException(model.file() + ": " + e.getMessage(), e);
        } catch (IndexOutOfBoundsException e) {
            throw new DataException(
                    model.file() + ": a node has fewer inputs or outputs than its operation; export the model again",
                    e);
        }
    }

    /** Whether a node can be imported; one of {@code If} where fixed shapes choose its branch. */
    public static boolean knows(OnnxNode node, int opset) {
        return Operators.knows(node, opset) || node.qualifiedOp().equals(BRANCHES);
    }

    private ImportedGraph run() {
        OnnxGraph onnx = model.graph();
        List<OnnxNode> nodes = options.fused() ? Fusion.of(onnx, true) : onnx.nodes();
        nodes.stream()
                .filter(node -> node.qualifiedOp().equals("BatchNormalization"))
                .forEach(node -> statistics.addAll(node.inputs()
                        .subList(
                                Math.min(3, node.inputs().size()), node.inputs().size())));
        for (OnnxNode node : nodes) {
            requireKnown(node);
        }
        for (ValueInfo input : onnx.inputs()) {
            placeHolder(input);
        }
        for (OnnxNode node : nodes) {
            try {
                add(node);
            } catch (ArithmeticException | IndexOutOfBoundsException | NegativeArraySizeException e) {
                throw new DataException(
                        "node '" + node.label() + "' (" + node.qualifiedOp()
                                + "): inputs, attributes or shapes are not those" + " of this operation ("
                                + e.getMessage() + "); export the model again",
                        e);
            }
        }
        for (ValueInfo output : onnx.outputs()) {
            variable(output.name());
        }
        return new ImportedGraph(model, graph, variables, known, trainable, graph.ops().length);
    }

    private void requireKnown(OnnxNode node) {
        int opset = model.opset();
        if (opset < Operators.OLDEST || opset > Operators.NEWEST) {
            throw new DataException("it is written for opset " + opset + ", known are " + Operators.OLDEST + " to "
                    + Operators.NEWEST + ": export it with opset 17");
        }
        if (!knows(node, opset)) {
            throw new DataException("node '" + node.label() + "' is the operation " + node.qualifiedOp() + " (opset "
                    + opset + "), which is not known here: export the model without it. Known are " + BRANCHES + ", "
                    + String.join(", ", Operators.names()));
        }
    }

    private void placeHolder(ValueInfo input) {
        if (input.type().array() == null) {
            throw new DataException("its input '" + input.name() + "' holds texts, and no array can");
        }
        DataType type = own(input.type().array());
        long[] shape = input.shape() == null
                ? null
                : input.shape().stream()
                        .mapToLong(size ->
                                size.open() ? options.dimensions().getOrDefault(size.label(), -1L) : size.size())
                        .toArray();
        SDVariable variable =
                shape == null ? graph.placeHolder(input.name(), type) : graph.placeHolder(input.name(), type, shape);
        variables.put(input.name(), variable);
        boolean open = shape == null || Arrays.stream(shape).anyMatch(size -> size < 0);
        known.put(variable.name(), new ImportScope.Known(open ? null : shape, null));
    }

    private DataType own(DataType type) {
        return type == DataType.FLOAT ? options.precision() : type;
    }

    /** The variable of a tensor; an initializer becomes one at its first use. */
    private SDVariable variable(String tensor) {
        SDVariable variable = variables.get(tensor);
        if (variable == null) {
            OnnxTensor initializer = waiting.remove(tensor);
            if (initializer == null) {
                throw new IllegalStateException("no variable for the tensor " + tensor);
            }
            INDArray value = ImportScope.widened(initializer.array(), options.precision());
            boolean trained = options.trainable()
                    && value.dataType().isFPType()
                    && !value.isEmpty()
                    && !statistics.contains(tensor);
            variable = trained ? graph.var(tensor, value) : constant(tensor, value);
            if (trained) {
                trainable.add(variable.name());
            }
            INDArray own = ImportScope.own(variable, value);
            known.put(variable.name(), new ImportScope.Known(own.shape(), trained ? null : own));
            variables.put(tensor, variable);
        }
        return variable;
    }

    private SDVariable constant(String tensor, INDArray value) {
        return graph.hasVariable(tensor) ? graph.constant(value) : graph.constant(tensor, value);
    }

    private void add(OnnxNode node) {
        if (node.qualifiedOp().equals(BRANCHES)) {
            addBranch(node);
            return;
        }
        List<SDVariable> inputs = new ArrayList<>();
        boolean constant = true;
        for (String input : node.inputs()) {
            SDVariable variable = input.isEmpty() ? null : variable(input);
            inputs.add(variable);
            constant &= variable == null
                    || known.get(variable.name()) != null
                            && known.get(variable.name()).value() != null;
        }
        ImportScope scope = new ImportScope(graph, node, model.opset(), options.precision(), inputs, known);
        if (node.qualifiedOp().equals("Shape") && scope.shape(scope.in(0)) != null) {
            long[] shape = scope.shape(scope.in(0));
            int start = counted(node.integer("start", 0), shape.length);
            int end = counted(node.integer("end", Long.MAX_VALUE), shape.length);
            store(node, List.of(scope.constant(Arrays.copyOfRange(shape, start, Math.max(start, end)))));
            return;
        }
        if (constant && fold(node, inputs)) {
            return;
        }
        store(node, Operators.find(node, model.opset()).map(scope));
    }

    /** The nodes of the branch that the condition chooses, as exporters have it on ranks and sizes that are fixed. */
    private void addBranch(OnnxNode node) {
        ImportScope.Known condition =
                node.hasInput(0) ? known.get(variable(node.inputs().get(0)).name()) : null;
        if (condition == null || condition.value() == null || condition.value().length() != 1) {
            throw new DataException(
                    "node '" + node.label() + "' (" + BRANCHES + "): which of its branches counts is known"
                            + " only when the graph runs: fix the sizes of the inputs, or run the file in ONNX Runtime");
        }
        OnnxNode.Subgraph branch = node.subgraph(condition.value().getDouble(0) != 0 ? "then_branch" : "else_branch");
        branch.initializers().forEach((name, tensor) -> {
            if (variables.containsKey(name) || waiting.putIfAbsent(name, tensor) != null) {
                throw twice(node, name);
            }
        });
        for (OnnxNode inside : branch.nodes()) {
            requireKnown(inside);
            inside.outputs().stream()
                    .filter(name -> variables.containsKey(name) || waiting.containsKey(name))
                    .findFirst()
                    .ifPresent(name -> {
                        throw twice(node, name);
                    });
            add(inside);
        }
        store(node, branch.outputs().stream().map(this::variable).toList());
    }

    private static DataException twice(OnnxNode node, String tensor) {
        return new DataException("node '" + node.label() + "' (" + node.qualifiedOp() + ") defines the tensor '"
                + tensor + "', which is there already: export it again");
    }

    private void store(OnnxNode node, List<SDVariable> outputs) {
        for (int i = 0; i < node.outputs().size(); i++) {
            String name = node.outputs().get(i);
            if (!name.isEmpty()) {
                if (i >= outputs.size()) {
                    throw new DataException("node '" + node.label() + "' (" + node.qualifiedOp() + "): its output "
                            + (i + 1) + " is not known here");
                }
                variables.put(name, outputs.get(i));
            }
        }
    }

    /** Computes a node of constants; says no where that would take more memory than it is worth. */
    private boolean fold(OnnxNode node, List<SDVariable> inputs) {
        SameDiff scratch = Graph.empty();
        Map<String, ImportScope.Known> inside = new HashMap<>();
        Map<String, INDArray> given = new HashMap<>();
        List<SDVariable> arguments = new ArrayList<>();
        for (SDVariable input : inputs) {
            if (input == null) {
                arguments.add(null);
                continue;
            }
            ImportScope.Known about = known.get(input.name());
            // A constant of the scratch graph would be another copy.
            SDVariable argument = scratch.placeHolder(
                    "input" + arguments.size(), about.value().dataType(), about.shape());
            inside.put(argument.name(), about);
            given.put(argument.name(), about.value());
            arguments.add(argument);
        }
        ImportScope scope = new ImportScope(scratch, node, model.opset(), options.precision(), arguments, inside);
        List<SDVariable> outputs = Operators.find(node, model.opset()).map(scope);
        for (SDVariable output : outputs) {
            long[] shape = scope.shape(output);
            double bytes =
                    shape == null ? 0 : Arrays.stream(shape).asDoubleStream().reduce(8, (a, b) -> a * b);
            if (bytes > MAX_FOLDED) {
                return false;
            }
        }
        List<String> names = outputs.stream().map(SDVariable::name).distinct().toList();
        List<SDVariable> results = new ArrayList<>();
        try (Graph runner = new Graph(scratch);
                Graph.Outputs values = runner.run(given, names)) {
            ImportScope target = new ImportScope(graph, node, model.opset(), options.precision(), inputs, known);
            for (SDVariable output : outputs) {
                INDArray value = values.get(output.name());
                results.add(target.constant(value.isEmpty() ? value : value.dup('c')));
            }
        } catch (IllegalArgumentException e) {
            throw scope.refused(e.getMessage());
        }
        store(node, results);
        return true;
    }

    private static int counted(long axis, int rank) {
        return (int) Math.max(0, Math.min(rank, axis < 0 ? axis + rank : axis));
    }
}
