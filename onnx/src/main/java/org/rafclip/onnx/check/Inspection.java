package org.rafclip.onnx.check;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.rafclip.eval.Table;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.onnx.OnnxNode;
import org.rafclip.onnx.OnnxReader;
import org.rafclip.onnx.convert.OnnxImport;
import org.rafclip.onnx.convert.Operators;

/**
 * What is in an ONNX file.
 *
 * @param producer the program that wrote it
 * @param inputs with types and shapes; likewise outputs
 * @param parameters elements of floating-point initializers
 * @param megabytes what all initializers take
 * @param operations by name
 */
public record Inspection(
        String file,
        String producer,
        long irVersion,
        int opset,
        Map<String, String> inputs,
        Map<String, String> outputs,
        long parameters,
        double megabytes,
        List<Operation> operations) {

    /** @param supported whether it can be imported */
    public record Operation(String name, int nodes, boolean supported) {}

    /** Reads a file and counts what is in it. */
    public static Inspection of(Path file) throws IOException {
        OnnxModel model = OnnxReader.read(file);
        Map<String, Operation> operations = new TreeMap<>();
        boolean opsetKnown = model.opset() >= Operators.OLDEST && model.opset() <= Operators.NEWEST;
        for (OnnxNode node : model.graph().nodes()) {
            boolean supported = opsetKnown && OnnxImport.knows(node, model.opset());
            operations.merge(
                    node.qualifiedOp(),
                    new Operation(node.qualifiedOp(), 1, supported),
                    (a, b) -> new Operation(a.name, a.nodes + b.nodes, a.supported && b.supported));
        }
        Map<String, String> inputs = new java.util.LinkedHashMap<>();
        model.graph().inputs().forEach(input -> inputs.put(input.name(), input.describe()));
        Map<String, String> outputs = new java.util.LinkedHashMap<>();
        model.graph().outputs().forEach(output -> outputs.put(output.name(), output.describe()));
        long bytes = model.graph().initializers().values().stream()
                .mapToLong(tensor -> tensor.elements() * tensor.type().bytes())
                .sum();
        return new Inspection(
                file.toString(),
                model.producer(),
                model.irVersion(),
                model.opset(),
                inputs,
                outputs,
                model.parameters(),
                bytes / 1e6,
                List.copyOf(operations.values()));
    }

    /** Whether all operations can be imported. */
    public boolean supported() {
        return operations.stream().allMatch(Operation::supported);
    }

    public String render() {
        StringBuilder text = new StringBuilder();
        line(text, "producer", producer.isEmpty() ? "not named" : producer);
        line(text, "format", "version " + irVersion + ", opset " + opset);
        inputs.forEach((name, type) -> line(text, "input", name + ": " + type));
        outputs.forEach((name, type) -> line(text, "output", name + ": " + type));
        line(text, "parameters", String.format(Locale.ROOT, "%,d in %,.1f MB of tensors", parameters, megabytes));
        List<List<String>> rows = new ArrayList<>();
        for (Operation operation : operations) {
            rows.add(List.of(operation.name, Integer.toString(operation.nodes), operation.supported ? "yes" : "NO"));
        }
        return new Table(
                        file,
                        List.of("operation", "nodes", "supported"),
                        rows,
                        List.of(supported() ? "Everything in it can be imported." : "It cannot be imported."))
                .toText()
                .replaceFirst("\n", "\n" + java.util.regex.Matcher.quoteReplacement(text.toString()));
    }

    private static void line(StringBuilder text, String label, String value) {
        text.append(String.format("%-12s", label)).append(value).append('\n');
    }
}
