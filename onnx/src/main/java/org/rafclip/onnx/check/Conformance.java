package org.rafclip.onnx.check;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.eval.Table;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.onnx.OnnxReader;
import org.rafclip.onnx.OnnxTensor;
import org.rafclip.onnx.ValueInfo;
import org.rafclip.onnx.convert.ImportOptions;
import org.rafclip.onnx.convert.ImportedGraph;
import org.rafclip.onnx.convert.OnnxImport;
import org.rafclip.onnx.convert.Operators;
import org.rafclip.onnx.runtime.OnnxRuntimeSession;
import org.rafclip.ops.JavaOps;

/**
 * Runs ONNX's own test cases, one small model each with inputs and expected outputs, on imported graphs. The tolerance is
 * that of ONNX's test runner: 1e-3 of the expected value.
 *
 * @param rows an operation each, by name
 * @param others how many cases are about operations that are not known here
 */
public record Conformance(List<Row> rows, int others) {

    private static final double RELATIVE = 1e-3;
    private static final double ABSOLUTE = 1e-6;

    /** Cases of several operations, such as the bodies of those that are defined by others. */
    private static final String SEVERAL = "(several together)";

    /**
     * What came of the cases of one operation.
     *
     * @param failures names of cases with wrong results, and how wrong
     * @param refusals names of cases with types or settings that are refused, and the message
     */
    public record Row(String op, int passed, List<String> failures, List<String> refusals) {}

    private sealed interface Outcome {
        record Passed() implements Outcome {}

        record Failed(String why) implements Outcome {}

        record Refused(String why) implements Outcome {}

        record NotKnown() implements Outcome {}
    }

    /** Runs all cases of a folder, each in a folder of its own. */
    public static Conformance run(Path cases, Progress progress) throws IOException {
        JavaOps.install();
        List<Path> folders;
        try (Stream<Path> all = Files.list(cases)) {
            folders = all.filter(folder -> Files.isRegularFile(folder.resolve("model.onnx")))
                    .sorted()
                    .toList();
        }
        if (folders.isEmpty()) {
            throw new DataException(cases + ": holds no folders with a model.onnx: name the folder of ONNX's node"
                    + " cases, /usr/share/libonnx-testdata/data/node in Debian's libonnx-testdata");
        }
        Map<String, Row> rows = new TreeMap<>();
        int others = 0;
        for (int i = 0; i < folders.size(); i++) {
            progress.update(i, folders.size());
            Path folder = folders.get(i);
            String op = SEVERAL;
            Outcome outcome;
            try {
                OnnxModel model = OnnxReader.read(folder.resolve("model.onnx"));
                List<String> ops = model.graph().nodes().stream()
                        .map(node -> node.qualifiedOp())
                        .distinct()
                        .toList();
                op = ops.size() == 1 ? ops.get(0) : SEVERAL;
                boolean known = model.graph().nodes().stream().allMatch(node -> Operators.knows(node, model.opset()));
                outcome = known ? run(folder, model) : new Outcome.NotKnown();
            } catch (DataException e) {
                // Types that the reader does not take: counted with the operation that the folder is named after.
                op = named(folder);
                outcome = op == null ? new Outcome.NotKnown() : new Outcome.Refused(e.getMessage());
            }
            if (outcome instanceof Outcome.NotKnown) {
                others++;
                continue;
            }
            Row row = rows.computeIfAbsent(op, key -> new Row(key, 0, new ArrayList<>(), new ArrayList<>()));
            String name = folder.getFileName().toString();
            if (outcome instanceof Outcome.Passed) {
                rows.put(op, new Row(op, row.passed + 1, row.failures, row.refusals));
            } else if (outcome instanceof Outcome.Failed failed) {
                row.failures.add(name + ": " + failed.why);
            } else if (outcome instanceof Outcome.Refused refused) {
                row.refusals.add(name + ": " + refused.why.replace(folder + "/", ""));
            }
        }
        progress.update(folders.size(), folders.size());
        return new Conformance(List.copyOf(rows.values()), others);
    }

    private static String named(Path folder) {
        String name = folder.getFileName().toString().replace("test_", "").replace("_", "");
        return Operators.names().stream()
                .filter(op -> name.startsWith(op.toLowerCase(Locale.ROOT)))
                .max(Comparator.comparingInt(String::length))
                .orElse(null);
    }

    private static Outcome run(Path folder, OnnxModel model) throws IOException {
        try (ImportedGraph graph = OnnxImport.of(model, ImportOptions.standard());
                Stream<Path> files = Files.list(folder)) {
            for (Path set : files.filter(Files::isDirectory).sorted().toList()) {
                Map<String, INDArray> inputs = new LinkedHashMap<>();
                for (int i = 0; i < model.graph().inputs().size(); i++) {
                    ValueInfo input = model.graph().inputs().get(i);
                    inputs.put(input.name(), value(set.resolve("input_" + i + ".pb"), input));
                }
                Map<String, INDArray> outputs = graph.run(inputs);
                int number = 0;
                for (ValueInfo output : model.graph().outputs()) {
                    INDArray expected = value(set.resolve("output_" + number++ + ".pb"), output);
                    INDArray computed = outputs.get(output.name());
                    if (Difference.of(computed, expected, RELATIVE).excess() > ABSOLUTE) {
                        return new Outcome.Failed(off(output.name(), computed, expected) + "; "
                                + besideRuntime(folder, inputs, output.name(), computed, expected));
                    }
                }
            }
            return new Outcome.Passed();
        } catch (DataException | UnsupportedOperationException e) {
            return new Outcome.Refused(String.valueOf(e.getMessage()));
        } catch (RuntimeException e) {
            return new Outcome.Failed(e.toString());
        }
    }

    private static String off(String output, INDArray computed, INDArray expected) {
        double worst = Difference.of(computed, expected, 0).worst();
        return worst == Double.POSITIVE_INFINITY
                ? output + " is " + computed.dataType() + " " + Arrays.toString(computed.shape()) + " or not finite"
                : output + " is off by " + (float) worst;
    }

    /** What ONNX Runtime makes of a case that is computed otherwise here. */
    private static String besideRuntime(
            Path folder, Map<String, INDArray> inputs, String output, INDArray computed, INDArray expected) {
        try (OnnxRuntimeSession peer = new OnnxRuntimeSession(folder.resolve("model.onnx"))) {
            INDArray theirs = peer.run(inputs).get(output);
            return Difference.of(computed, theirs, RELATIVE).excess() > ABSOLUTE
                    ? "in ONNX Runtime " + off(output, theirs, expected)
                    : "ONNX Runtime computes what is computed here";
        } catch (DataException e) {
            return "ONNX Runtime does not take it";
        }
    }

    /** A page of the documentation. */
    public String page() {
        return "# ONNX conformance\n\nWritten by `./rafclip onnx conformance --out docs/onnx-conformance.md` on the node"
                + " test cases of ONNX 1.12.\n\n" + table().toMarkdown();
    }

    private static INDArray value(Path file, ValueInfo declared) throws IOException {
        OnnxTensor tensor = OnnxReader.readTensor(file);
        if (declared.type() != tensor.type()) {
            throw new DataException("the case declares " + declared.name() + " as " + declared.type()
                    + ", but its data are " + tensor.type());
        }
        return tensor.array();
    }

    public int passed() {
        return rows.stream().mapToInt(Row::passed).sum();
    }

    public int failed() {
        return rows.stream().mapToInt(row -> row.failures.size()).sum();
    }

    public int refused() {
        return rows.stream().mapToInt(row -> row.refusals.size()).sum();
    }

    /** The results as a table for the documentation and the terminal. */
    public Table table() {
        List<List<String>> cells = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        for (Row row : rows) {
            cells.add(List.of(
                    row.op,
                    Integer.toString(row.passed),
                    row.failures.isEmpty() ? "" : Integer.toString(row.failures.size()),
                    row.refusals.isEmpty() ? "" : Integer.toString(row.refusals.size())));
            row.failures.forEach(failure -> notes.add("wrong: " + failure));
            row.refusals.forEach(refusal -> notes.add("refused: " + refusal));
        }
        cells.add(List.of("all", Integer.toString(passed()), Integer.toString(failed()), Integer.toString(refused())));
        notes.add(others + " further cases are about operations that are not known here.");
        notes.add("What is refused (training, texts, sequences, bfloat16 declared as one type and stored as another,"
                + " diagonals, TensorFlow's cropping) stands in no export of CLIP, SAM or MiniLM.");
        return new Table("ONNX node test cases", List.of("operation", "passed", "wrong", "refused"), cells, notes);
    }
}
