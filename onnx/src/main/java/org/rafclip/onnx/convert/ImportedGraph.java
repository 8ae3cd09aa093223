package org.rafclip.onnx.convert;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.onnx.Computation;
import org.rafclip.onnx.ElementType;
import org.rafclip.onnx.OnnxGraph;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.onnx.OnnxNode;
import org.rafclip.onnx.OnnxTensor;
import org.rafclip.ops.Graph;
import org.rafclip.ops.kernel.Memory;

/**
 * A SameDiff graph made from an ONNX file. Placeholders have the names of the file's inputs, trainable variables those of
 * its initializers; {@link #variable} finds any tensor of the file.
 *
 * <p>Values are computed in memory that is kept for the next run; for one thread.
 */
public final class ImportedGraph implements Computation {

    private final OnnxModel model;
    private final SameDiff graph;
    private final Map<String, SDVariable> variables;
    private final Map<String, ImportScope.Known> known;
    private final List<String> trainable;
    private final int operations;
    private Graph runner;

    ImportedGraph(
            OnnxModel model,
            SameDiff graph,
            Map<String, SDVariable> variables,
            Map<String, ImportScope.Known> known,
            List<String> trainable,
            int operations) {
        this.model = model;
        this.graph = graph;
        this.variables = Collections.unmodifiableMap(variables);
        this.known = Map.copyOf(known);
        this.trainable = List.copyOf(trainable);
        this.operations = operations;
    }

    public OnnxModel model() {
        return model;
    }

    public SameDiff sameDiff() {
        return graph;
    }

    /** Names of the variables that are trained, those of the file's initializers; empty without training. */
    public List<String> trainable() {
        return trainable;
    }

    /** How many operations run: those of the file less what was computed at once or joined. */
    public int operations() {
        return operations;
    }

    /**
     * The variable of one of the file's tensors.
     *
     * @throws IllegalArgumentException where the file has none of this name, or it became part of a joined operation
     */
    public SDVariable variable(String tensor) {
        SDVariable variable = variables.get(tensor);
        if (variable == null) {
            throw new IllegalArgumentException(
                    model.file() + ": there is no tensor '" + tensor + "', or an operation was joined over it");
        }
        return variable;
    }

    /** The shape of one of the file's tensors; empty where it is known only when the graph runs. */
    public Optional<long[]> shape(String tensor) {
        return Optional.ofNullable(known.get(variable(tensor).name()))
                .map(ImportScope.Known::shape)
                .map(long[]::clone);
    }

    /** The value of one of the file's tensors that depends on no input, not to be changed; empty for any other. */
    public Optional<INDArray> constant(String tensor) {
        return Optional.ofNullable(variables.get(tensor))
                .map(variable -> known.get(variable.name()))
                .map(ImportScope.Known::value);
    }

    /**
     * The file's graph for those who look for structure: what depends on no input is an initializer, and linear layers,
     * layer norms and activations that an exporter took apart are one node each, of the operations that {@link Fusion}
     * names. Its initializers are views of the arrays here. Asked of a graph that was imported without fusion.
     */
    public OnnxGraph simplified() {
        OnnxGraph onnx = model.graph();
        List<OnnxNode> nodes = onnx.nodes().stream()
                .filter(node -> node.outputs().stream()
                        .anyMatch(
                                output -> !output.isEmpty() && constant(output).isEmpty()))
                .toList();
        Map<String, OnnxTensor> initializers = new LinkedHashMap<>();
        for (OnnxNode node : nodes) {
            for (String input : node.inputs()) {
                constant(input).ifPresent(value -> initializers.computeIfAbsent(input, name -> view(name, value)));
            }
        }
        OnnxGraph folded = new OnnxGraph(onnx.name(), onnx.inputs(), onnx.outputs(), initializers, nodes);
        return new OnnxGraph(onnx.name(), onnx.inputs(), onnx.outputs(), initializers, Fusion.of(folded, false));
    }

    private static OnnxTensor view(String name, INDArray value) {
        ElementType type = Arrays.stream(ElementType.values())
                .filter(candidate -> candidate.array() == value.dataType())
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no element type for " + value.dataType()));
        ByteBuffer data = value.isEmpty()
                ? ByteBuffer.allocate(0)
                : Memory.of(value).bytes().duplicate().rewind();
        return new OnnxTensor(name, type, Arrays.stream(value.shape()).boxed().toList(), data);
    }

    /**
     * Computes the file's outputs.
     *
     * @param inputs by name; single precision is widened where the graph was imported in double
     * @return copies by name, in the file's order
     * @throws IllegalArgumentException where an input is missing or of another type or shape
     */
    public Map<String, INDArray> run(Map<String, INDArray> inputs) {
        return run(
                inputs,
                model.graph().outputs().stream().map(output -> output.name()).toList());
    }

    /** {@link #run(Map)} for any of the file's tensors. */
    @Override
    public Map<String, INDArray> run(Map<String, INDArray> inputs, List<String> tensors) {
        if (runner == null) {
            runner = new Graph(graph);
            runner.freeze();
        }
        Map<String, INDArray> given = new LinkedHashMap<>();
        inputs.forEach((name, value) -> {
            boolean widen = value.dataType() == DataType.FLOAT
                    && graph.hasVariable(name)
                    && graph.getVariable(name).dataType() == DataType.DOUBLE;
            given.put(name, widen ? value.castTo(DataType.DOUBLE) : value);
        });
        List<String> names =
                tensors.stream().map(tensor -> variable(tensor).name()).toList();
        Map<String, INDArray> results = new LinkedHashMap<>();
        try (Graph.Outputs outputs = runner.run(given, names.stream().distinct().toList())) {
            for (int i = 0; i < names.size(); i++) {
                INDArray value = outputs.get(names.get(i));
                results.put(tensors.get(i), value.isEmpty() ? value : value.dup('c'));
            }
        }
        return results;
    }

    /** Native memory that values are computed in, in bytes. */
    public long bytes() {
        return runner == null ? 0 : runner.bytes();
    }

    @Override
    public void close() {
        if (runner != null) {
            runner.close();
        }
    }
}
