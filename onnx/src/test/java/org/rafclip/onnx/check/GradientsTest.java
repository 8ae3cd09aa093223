package org.rafclip.onnx.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.onnx.OnnxReader;
import org.rafclip.onnx.ValueInfo;
import org.rafclip.onnx.convert.ImportOptions;
import org.rafclip.onnx.convert.ImportedGraph;
import org.rafclip.onnx.convert.OnnxImport;
import org.rafclip.onnx.convert.Operators;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.ops.op.WeightedSum;

/**
 * Gradients of imported graphs beside central differences in double precision: for every parameter and input, along a
 * random direction. The loss is the sum of all outputs, each element times a random number.
 */
class GradientsTest {

    private static final Path CASES =
            Path.of(System.getProperty("onnx.cases", "/usr/share/libonnx-testdata/data/node"));
    private static final ImportOptions TRAINABLE =
            ImportOptions.standard().withTrainable().withPrecision(DataType.DOUBLE);

    /** Operations of these exports that pass no gradient on: their results are whole numbers, truths or constants. */
    private static final Set<String> WITHOUT =
            Set.of("ArgMax", "Cast", "Constant", "ConstantOfShape", "Equal", "Floor", "Mod", "Not", "Range", "Shape");

    /**
     * Inputs that are real numbers, but decide about lengths, are compared with whole numbers, or are the statistics that
     * a batch normalisation stored.
     */
    private static final Set<String> CHOICES =
            Set.of("scales", "sizes", "roi", "orig_im_size", "point_labels", "batched_point_labels", "mean", "var");

    /** Has a base of 0, on whose other side there is no power. */
    private static final String ONE_SIDED = "test_pow";

    /** Small, since the sines of SAM's positions bend fast. */
    private static final double STEP = 1e-6;

    /** What keeps rounding from counting where a gradient is 0, as that of the keys' bias always is. */
    private static final double FLOOR = 0.1;

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    @TestFactory
    Stream<DynamicTest> everyParameterOfEveryExport() throws IOException {
        return Exports.files().stream()
                .map(file ->
                        DynamicTest.dynamicTest(Exports.FOLDER.relativize(file).toString(), () -> {
                            OnnxModel model = OnnxReader.read(file);
                            Map<String, Long> dimensions = Exports.dimensions(file);
                            Map<String, INDArray> inputs = SeededInputs.of(model.graph(), 3, dimensions);
                            try (ImportedGraph graph = OnnxImport.of(model, TRAINABLE.withDimensions(dimensions))) {
                                Map<String, Double> errors = errors(graph, inputs);
                                assertThat(errors.keySet()).containsAll(graph.trainable());
                                assertThat(errors)
                                        .allSatisfy((name, error) ->
                                                assertThat(error).as(name).isLessThan(1e-5));
                            }
                        }));
    }

    /** Whatever attributes an operation has: on ONNX's own cases. */
    @Test
    void operationByOperation() throws IOException {
        Assumptions.assumeTrue(
                Files.isDirectory(CASES), "skipped: " + CASES + " is not there (Debian package libonnx-testdata)");
        Set<String> wanted = new TreeSet<>();
        for (Path file : Exports.files()) {
            OnnxReader.read(file).graph().nodes().forEach(node -> wanted.add(node.qualifiedOp()));
        }
        wanted.removeAll(WITHOUT);
        Map<String, Integer> checked = new TreeMap<>();
        List<String> wrong = new ArrayList<>();
        List<Path> folders;
        try (Stream<Path> all = Files.list(CASES)) {
            folders = all.sorted().toList();
        }
        for (Path folder : folders) {
            OnnxModel model;
            Map<String, INDArray> inputs = new LinkedHashMap<>();
            try {
                model = OnnxReader.read(folder.resolve("model.onnx"));
                if (folder.endsWith(ONE_SIDED)
                        || model.graph().nodes().size() != 1
                        || !wanted.contains(model.graph().nodes().get(0).qualifiedOp())
                        || !Operators.knows(model.graph().nodes().get(0), model.opset())) {
                    continue;
                }
                int number = 0;
                for (ValueInfo input : model.graph().inputs()) {
                    inputs.put(
                            input.name(),
                            OnnxReader.readTensor(folder.resolve("test_data_set_0/input_" + number++ + ".pb"))
                                    .array());
                }
            } catch (DataException e) {
                continue;
            }
            try (ImportedGraph graph = OnnxImport.of(model, TRAINABLE)) {
                String op = model.graph().nodes().get(0).qualifiedOp();
                errors(graph, inputs).forEach((name, error) -> {
                    checked.merge(op, 1, Integer::sum);
                    if (!(error < 1e-5)) {
                        wrong.add(folder.getFileName() + ", " + name + ": " + error);
                    }
                });
            } catch (DataException e) {
                // Settings that are refused, which ConformanceTest counts.
                continue;
            }
        }
        if (Boolean.getBoolean("onnx.show")) {
            System.out.println(checked);
        }
        assertThat(wrong).isEmpty();
        wanted.removeAll(checked.keySet());
        // Their cases are older than the versions known here; the positions of SAM's points pass through both.
        assertThat(wanted).as("operations without a case").isSubsetOf("Cos", "Sin");
    }

    /** By parameter, and by input of real numbers: how far the gradient is from the differences, relative to both. */
    private static Map<String, Double> errors(ImportedGraph imported, Map<String, INDArray> given) {
        SplittableRandom random = new SplittableRandom(1);
        Map<String, INDArray> inputs = new LinkedHashMap<>();
        List<String> variables = new ArrayList<>(imported.trainable());
        given.forEach((name, value) -> {
            INDArray own = value.dataType().isFPType() ? value.castTo(DataType.DOUBLE) : value;
            if (own.dataType() == DataType.DOUBLE && !own.isEmpty() && !CHOICES.contains(name)) {
                variables.add(name);
            }
            inputs.put(name, own);
        });
        SameDiff sd = imported.sameDiff();
        List<String> losses = new ArrayList<>();
        imported.run(inputs).forEach((name, value) -> {
            if (value.dataType() == DataType.DOUBLE && !value.isEmpty()) {
                SDVariable weights = sd.constant(direction(value.shape(), random));
                losses.add(new WeightedSum(sd, imported.variable(name), weights)
                        .output()
                        .name());
            }
        });
        Map<String, Double> errors = new LinkedHashMap<>();
        if (losses.isEmpty() || variables.isEmpty()) {
            return errors;
        }
        sd.setLossVariables(losses.toArray(String[]::new));
        try (Graph runner = new Graph(sd);
                Graph.Outputs gradients = runner.gradients(inputs, variables, List.of())) {
            for (String variable : variables) {
                INDArray value = inputs.containsKey(variable)
                        ? inputs.get(variable)
                        : sd.getVariable(variable).getArr();
                INDArray direction = direction(value.shape(), random);
                double exact =
                        gradients.get(variable).mul(direction).sumNumber().doubleValue();
                value.addi(direction.mul(STEP));
                double above = loss(runner, inputs, losses);
                value.subi(direction.mul(2 * STEP));
                double below = loss(runner, inputs, losses);
                value.addi(direction.mul(STEP));
                double numeric = (above - below) / (2 * STEP);
                errors.put(variable, Math.abs(exact - numeric) / (Math.abs(exact) + Math.abs(numeric) + FLOOR));
            }
        }
        return errors;
    }

    private static double loss(Graph runner, Map<String, INDArray> inputs, List<String> losses) {
        try (Graph.Outputs outputs = runner.run(inputs, losses)) {
            return losses.stream()
                    .mapToDouble(loss -> outputs.get(loss).getDouble(0))
                    .sum();
        }
    }

    private static INDArray direction(long[] shape, SplittableRandom random) {
        INDArray array = Nd4j.create(DataType.DOUBLE, shape);
        Memory memory = Memory.of(array);
        for (long i = 0; i < memory.length(); i++) {
            memory.set(i, random.nextGaussian());
        }
        return array;
    }
}
