package org.rafclip.onnx.convert;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.onnx.Computation;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.ops.Graph;

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
    private final List<String> trainable;
    private final int operations;
    private Graph runner;

    ImportedGraph(
            OnnxModel model,
            SameDiff graph,
            Map<String, SDVariable> variables,
            List<String> trainable,
            int operations) {
        this.model = model;
        this.graph = graph;
        this.variables = Collections.unmodifiableMap(variables);
        this.trainable = List.copyOf(trainable);
        this.operations = operations;
    }

    public OnnxModel model() {
        return model;
    }

    public SameDiff sameDiff() {
        return graph;
    }

    /** Names of the variables that are trained, those of the file's initializers; empty unless they were asked for. */
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
