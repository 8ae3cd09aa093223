package org.rafclip.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.autodiff.listeners.At;
import org.nd4j.autodiff.listeners.impl.ScoreListener;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.array.SingleThreadArrayHolder;
import org.nd4j.autodiff.samediff.internal.InferenceSession;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.nn.Layers;
import org.rafclip.nn.Lora;
import org.rafclip.nn.Scope;
import org.rafclip.nn.TransformerBlock;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.op.ActivationOp;
import org.rafclip.ops.op.InfoNce;
import org.rafclip.ops.op.L2Normalize;
import org.rafclip.ops.op.Linear;
import org.rafclip.ops.op.MeanTokens;
import org.rafclip.ops.op.SelectToken;
import org.rafclip.ops.op.WeightedSum;

/** The planned executor on pooled memory: the same numbers as SameDiff's own session, step after step. */
class GraphTest {

    private static final int WIDTH = 8;

    /** A small dual encoder with an InfoNCE loss: most of our operations, and SameDiff's add and multiplication. */
    private static Scope dualEncoder(DataType type) {
        Scope scope = Scope.root(type, 9);
        SameDiff graph = scope.graph();
        Layers.Deviations init = new Layers.Deviations(0.4, 0.4, 0.4);
        TransformerBlock block = new TransformerBlock(WIDTH, 2, 16, Activation.GELU, true, 1e-5, init, 0.1, 0);

        SDVariable ids = graph.placeHolder("ids", DataType.INT32, -1, -1);
        Scope text = scope.at("text");
        SDVariable tokens = Layers.positions(
                text, "positions", Layers.embedding(text.at("embedding"), ids, 11, WIDTH, 1), 16, WIDTH, 1);
        SDVariable last = new SelectToken(
                        graph, block.preNorm(text.at("block"), tokens), graph.placeHolder("ends", DataType.INT32, -1))
                .output();
        SDVariable texts = new L2Normalize(graph, Layers.projection(text, "projection", last, WIDTH, 5, 0.5)).output();
        texts.rename("texts");

        Scope vision = scope.at("vision");
        SDVariable pixels = graph.placeHolder("pixels", type, -1, 2, 6, 6);
        SDVariable patches = Layers.patchEmbedding(vision, pixels, 2, 3, WIDTH, false);
        SDVariable mean = new MeanTokens(graph, block.preNorm(vision.at("block"), patches)).output();
        SDVariable images =
                new L2Normalize(graph, Layers.projection(vision, "projection", mean, WIDTH, 5, 0.5)).output();

        InfoNce loss = new InfoNce(
                graph,
                images,
                texts,
                scope.filled("logitScale", 1),
                graph.placeHolder("textOf", DataType.INT32, 1, -1),
                0,
                1);
        loss.imageToText().add(loss.textToImage()).mul(0.5).rename("loss");
        graph.setLossVariables("loss");
        return scope;
    }

    private static Map<String, INDArray> batch(DataType type, int texts, int tokens, int images) {
        SplittableRandom random = new SplittableRandom(texts * 31L + tokens * 7L + images);
        Map<String, INDArray> inputs = new HashMap<>();
        inputs.put(
                "ids",
                Nd4j.createFromArray(random.ints((long) texts * tokens, 0, 11).toArray())
                        .reshape(texts, tokens));
        inputs.put("ends", Nd4j.createFromArray(random.ints(texts, 0, tokens).toArray()));
        inputs.put(
                "pixels",
                Nd4j.createFromArray(random.doubles(images * 72L, -1, 1).toArray())
                        .castTo(type)
                        .reshape(images, 2, 6, 6));
        inputs.put(
                "textOf",
                Nd4j.createFromArray(random.ints(images, 0, texts).toArray()).reshape(1, images));
        inputs.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, 3));
        return inputs;
    }

    private static List<String> parameters(SameDiff graph) {
        List<String> names = new ArrayList<>();
        for (SDVariable variable : graph.variables()) {
            if (variable.getVariableType() == VariableType.VARIABLE) {
                names.add(variable.name());
            }
        }
        return names;
    }

    private static Map<String, INDArray> owned(Graph.Outputs outputs) {
        Map<String, INDArray> result = new HashMap<>();
        outputs.asMap().forEach((name, array) -> result.put(name, array.dup('c')));
        return result;
    }

    private static void assertSameBits(Map<String, INDArray> actual, Map<String, INDArray> expected) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, array) -> {
            assertThat(actual.get(name).shape()).as(name).isEqualTo(array.shape());
            assertThat(actual.get(name).ravel().toDoubleVector())
                    .as(name)
                    .isEqualTo(array.ravel().toDoubleVector());
        });
    }

    private static void assertClose(Map<String, INDArray> actual, Map<String, INDArray> expected, double tolerance) {
        expected.forEach((name, array) -> {
            assertThat(actual.get(name).shape()).as(name).isEqualTo(array.shape());
            assertThat(actual.get(name).ravel().toDoubleVector())
                    .as(name)
                    .containsExactly(array.ravel().toDoubleVector(), within(tolerance));
        });
    }

    /** A pool in which nothing survives by chance: memory is full of NaN when it is lent and when it comes back. */
    private static final class PoisonedPool extends BufferPool {
        private final Set<INDArray> lent = Collections.newSetFromMap(new IdentityHashMap<>());

        @Override
        public INDArray take(DataType type, long... shape) {
            INDArray array = super.take(type, shape);
            if (type.isFPType() && !array.isEmpty()) {
                array.assign(Double.NaN);
                lent.add(array);
            }
            return array;
        }

        @Override
        public void giveBack(INDArray array) {
            if (lent.remove(array)) {
                array.assign(Double.NaN);
            }
            super.giveBack(array);
        }
    }

    @Test
    void gradientsEqualSameDiffsOwn() {
        SameDiff sd = dualEncoder(DataType.DOUBLE).graph();
        List<String> parameters = parameters(sd);
        Map<String, INDArray> inputs = batch(DataType.DOUBLE, 3, 5, 4);

        try (Graph graph = new Graph(sd);
                Graph.Outputs outputs = graph.gradients(inputs, parameters, List.of())) {
            assertClose(owned(outputs), sd.calculateGradients(inputs, parameters), 1e-14);

            SameDiff differentiated = sd.getFunction("grad");
            Map<String, String> names = new HashMap<>();
            parameters.forEach(name -> names.put(sd.getVariable(name).gradient().name(), name));
            Map<String, INDArray> bySameDiffsSession = new HashMap<>();
            // A listener makes the session take SameDiff's own way through the graph.
            new OpSession(differentiated)
                    .output(
                            List.copyOf(names.keySet()),
                            inputs,
                            Map.of(),
                            null,
                            null,
                            List.of(new ScoreListener()),
                            At.defaultAt())
                    .getValueOutputs()
                    .forEach((name, value) -> bySameDiffsSession.put(names.get(name), value.getTensorValue()));
            assertThat(bySameDiffsSession).hasSameSizeAs(parameters);
            assertClose(owned(outputs), bySameDiffsSession, 1e-14);
        }
    }

    @Test
    void aGraphOfSameDiffsOperationsEqualsItsSession() {
        JavaOps.install();
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.DOUBLE, -1, 4);
        SDVariable w = sd.var("w", Nd4j.linspace(DataType.DOUBLE, -1, 0.2, 12).reshape(4, 3));
        SDVariable b = sd.var("b", Nd4j.createFromArray(0.5, -0.5, 1.0));
        SDVariable y = sd.nn.softmax("y", x.mmul(w).add(b), 1);
        sd.concat("z", 0, y, y.mul(2), sd.permute(sd.reshape(w, 3, 4), 1, 0));
        Map<String, INDArray> inputs =
                Map.of("x", Nd4j.linspace(DataType.DOUBLE, 0, 0.3, 8).reshape(2, 4));

        INDArray stock = new InferenceSession(sd)
                .output(List.of("z"), inputs, Map.of(), null, null, List.of(), At.defaultAt())
                .getValueOutputs()
                .get("z")
                .getTensorValue();

        try (Graph graph = new Graph(sd);
                Graph.Outputs outputs = graph.run(inputs, "z")) {
            assertClose(owned(outputs), Map.of("z", stock), 1e-15);
        }
    }

    @Test
    void nothingReadsMemoryThatItDidNotWrite() {
        SameDiff sd = dualEncoder(DataType.FLOAT).graph();
        List<String> parameters = parameters(sd);
        PoisonedPool pool = new PoisonedPool();
        try (Graph clean = new Graph(sd);
                Graph poisoned = new Graph(sd, pool)) {
            for (int step = 0; step < 3; step++) {
                Map<String, INDArray> inputs = batch(DataType.FLOAT, 3 + step, 5 - step, 4);
                try (Graph.Outputs expected = clean.gradients(inputs, parameters, List.of("loss", "texts"));
                        Graph.Outputs actual = poisoned.gradients(inputs, parameters, List.of("loss", "texts"))) {
                    assertThat(actual.get("loss").getDouble(0)).isNotNaN();
                    assertSameBits(owned(actual), owned(expected));
                }
            }
            assertThat(pool.lent).isEmpty();
        }
    }

    @Test
    void repeatedStepsGiveTheSameBits() {
        SameDiff sd = dualEncoder(DataType.FLOAT).graph();
        List<String> parameters = parameters(sd);
        Map<String, INDArray> inputs = batch(DataType.FLOAT, 6, 9, 7);
        try (Graph graph = new Graph(sd)) {
            Map<String, INDArray> first = owned(graph.gradients(inputs, parameters, List.of("loss")));
            for (int step = 0; step < 10; step++) {
                graph.run(batch(DataType.FLOAT, step + 1, 3, 2), "loss").close();
                try (Graph.Outputs again = graph.gradients(inputs, parameters, List.of("loss"))) {
                    assertSameBits(owned(again), first);
                }
            }
        }
    }

    @Test
    void memoryDoesNotGrowWithVaryingBatches() {
        SameDiff sd = dualEncoder(DataType.FLOAT).graph();
        List<String> parameters = parameters(sd);
        long largestAlone;
        try (Graph graph = new Graph(sd)) {
            graph.gradients(batch(DataType.FLOAT, 12, 16, 12), parameters, List.of("loss"))
                    .close();
            largestAlone = graph.bytes();
        }
        SplittableRandom random = new SplittableRandom(4);
        try (Graph graph = new Graph(sd)) {
            long after100 = 0;
            for (int step = 0; step < 200; step++) {
                int texts = step == 50 ? 12 : random.nextInt(1, 13);
                int tokens = step == 50 ? 16 : random.nextInt(1, 17);
                graph.gradients(
                                batch(DataType.FLOAT, texts, tokens, step == 50 ? 12 : random.nextInt(1, 13)),
                                parameters,
                                List.of("loss"))
                        .close();
                if (step == 100) {
                    after100 = graph.bytes();
                }
            }
            assertThat(graph.bytes())
                    .isLessThanOrEqualTo(after100 + after100 / 10)
                    .isLessThan(2 * largestAlone);
        }
    }

    @Test
    void aSavedGraphDifferentiatesTheSame(@TempDir Path folder) {
        SameDiff sd = dualEncoder(DataType.DOUBLE).graph();
        List<String> parameters = parameters(sd);
        Map<String, INDArray> inputs = batch(DataType.DOUBLE, 3, 4, 5);
        sd.save(folder.resolve("graph.fb").toFile(), false);
        SameDiff loaded = SameDiff.load(folder.resolve("graph.fb").toFile(), false);
        loaded.setLossVariables("loss");

        assertThat(parameters(loaded)).containsExactlyInAnyOrderElementsOf(parameters);
        try (Graph graph = new Graph(sd);
                Graph again = new Graph(loaded);
                Graph.Outputs expected = graph.gradients(inputs, parameters, List.of("loss"));
                Graph.Outputs actual = again.gradients(inputs, parameters, List.of("loss"))) {
            assertSameBits(owned(actual), owned(expected));
        }
    }

    @Test
    void twoRunnersOfOneGraphDoNotDisturbEachOther() {
        SameDiff sd = dualEncoder(DataType.FLOAT).graph();
        SameDiff other = dualEncoder(DataType.FLOAT).graph();
        other.getVariable("logitScale").getArr().assign(2);
        List<String> parameters = parameters(sd);
        Map<String, INDArray> inputs = batch(DataType.FLOAT, 3, 4, 5);
        try (Graph a = new Graph(sd);
                Graph b = new Graph(sd);
                Graph c = new Graph(other);
                Graph.Outputs first = a.gradients(inputs, parameters, List.of("loss"));
                Graph.Outputs second = b.gradients(inputs, parameters, List.of("loss"));
                Graph.Outputs third = c.gradients(inputs, parameters, List.of("loss"));
                Graph.Outputs fourth = a.gradients(inputs, parameters, List.of("loss"))) {
            assertSameBits(owned(second), owned(first));
            assertSameBits(owned(fourth), owned(first));
            assertThat(third.get("loss").getDouble(0))
                    .isNotEqualTo(first.get("loss").getDouble(0));
        }
    }

    @Test
    void whatIsMissingOrWrongIsNamed() {
        SameDiff sd = dualEncoder(DataType.FLOAT).graph();
        Map<String, INDArray> inputs = batch(DataType.FLOAT, 3, 4, 5);
        try (Graph graph = new Graph(sd)) {
            Map<String, INDArray> without = new HashMap<>(inputs);
            without.remove("ends");
            assertThatThrownBy(() -> graph.run(without, "loss"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("the graph needs a value for its placeholder ends");

            Map<String, INDArray> wrongType = new HashMap<>(inputs);
            wrongType.put("ids", inputs.get("ids").castTo(DataType.INT64));
            assertThatThrownBy(() -> graph.run(wrongType, "loss"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("the placeholder ids takes INT [-1, -1], not LONG [3, 4]");

            Map<String, INDArray> wrongShape = new HashMap<>(inputs);
            wrongShape.put("pixels", Nd4j.zeros(DataType.FLOAT, 5, 3, 6, 6));
            assertThatThrownBy(() -> graph.run(wrongShape, "loss"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("the placeholder pixels takes FLOAT [-1, 2, 6, 6], not FLOAT [5, 3, 6, 6]");

            assertThatThrownBy(() -> graph.run(inputs, "lost"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("the graph has no variable lost");
        }
    }

    @Test
    void gradientsHandedOverOneByOneAreTheSame() {
        SameDiff sd = dualEncoder(DataType.FLOAT).graph();
        List<String> parameters = parameters(sd);
        Map<String, INDArray> inputs = batch(DataType.FLOAT, 3, 5, 4);
        PoisonedPool pool = new PoisonedPool();
        try (Graph together = new Graph(sd);
                Graph graph = new Graph(sd, pool);
                Graph.Outputs expected = together.gradients(inputs, parameters, List.of())) {
            for (int step = 0; step < 2; step++) {
                Map<String, INDArray> taken = new HashMap<>();
                graph.gradients(inputs, parameters, (name, gradient) -> taken.put(name, gradient.dup('c')));
                assertSameBits(taken, owned(expected));
            }
            assertThat(pool.lent).isEmpty();
        }
    }

    /** A pool that counts how many arrays of one size are lent at most. */
    private static final class CountingPool extends BufferPool {
        private final long counted;
        private final Set<INDArray> lent = Collections.newSetFromMap(new IdentityHashMap<>());
        private int most;

        private int taken;

        CountingPool(long counted) {
            this.counted = counted;
        }

        @Override
        public INDArray take(DataType type, long... shape) {
            INDArray array = super.take(type, shape);
            if (array.length() == counted) {
                taken++;
                lent.add(array);
                most = Math.max(most, lent.size());
            }
            return array;
        }

        @Override
        public void giveBack(INDArray array) {
            lent.remove(array);
            super.giveBack(array);
        }
    }

    /** The gradients of a sum, of dropout and of ReLU take none of the arrays that went into them. */
    @Test
    void valuesOfWhichTheGradientTakesTheShapeAloneAreNotKept() {
        int layers = 40;
        Scope scope = Scope.root(DataType.FLOAT, 9);
        SameDiff sd = scope.graph();
        SDVariable weight = scope.normal("weight", 1, 6, 50);
        SDVariable x = weight;
        for (int layer = 0; layer < layers; layer++) {
            x = x.add(scope.dropout(x, 0.2));
        }
        x.sum().rename("loss");
        sd.setLossVariables("loss");
        CountingPool pool = new CountingPool(300);

        try (Graph graph = new Graph(sd, pool);
                Graph.Outputs outputs = graph.gradients(
                        Map.of(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, 3)), List.of("weight"), List.of())) {
            assertThat(outputs.get("weight").ravel().toDoubleVector()).doesNotContain(Double.NaN);
        }

        assertThat(pool.most).isLessThan(8);
    }

    @Test
    void ofReluAndItsArgumentOneIsKept() {
        int layers = 20;
        Scope scope = Scope.root(DataType.FLOAT, 9);
        SameDiff sd = scope.graph();
        SDVariable x = scope.normal("x", 1, 6, 50);
        for (int layer = 0; layer < layers; layer++) {
            x = Layers.activation(scope, Activation.RELU, Layers.linear(scope.at("linear", layer), x, 50, 50, 0.2));
        }
        x.sum().rename("loss");
        sd.setLossVariables("loss");
        CountingPool pool = new CountingPool(300);

        try (Graph graph = new Graph(sd, pool);
                Graph.Outputs outputs = graph.gradients(Map.of(), List.of("x"), List.of())) {
            assertThat(outputs.get("x").length()).isEqualTo(300);
        }

        assertThat(pool.most).isBetween(layers, layers + 6);
    }

    /** The first step, of which nobody knows yet how much memory it takes, computes them again; a small graph's later ones not. */
    @Test
    void normsAreComputedAgainForGradientsOrKeptWithTheSameBits() {
        int layers = 20;
        Scope scope = Scope.root(DataType.FLOAT, 9);
        SameDiff sd = scope.graph();
        SDVariable x = scope.normal("x", 1, 6, 50);
        for (int layer = 0; layer < layers; layer++) {
            SDVariable norm = Layers.layerNorm(scope.at("norm", layer), x, 50, 1e-5);
            x = Layers.linear(scope.at("linear", layer), norm, 50, 50, 0.2);
        }
        x.sum().rename("loss");
        sd.setLossVariables("loss");
        CountingPool pool = new CountingPool(300);

        try (Graph graph = new Graph(sd, pool)) {
            Map<String, INDArray> again;
            try (Graph.Outputs outputs = graph.gradients(Map.of(), parameters(sd), List.of())) {
                again = owned(outputs);
            }
            assertThat(pool.most).isBetween(layers, layers + 6);

            try (Graph.Outputs outputs = graph.gradients(Map.of(), parameters(sd), List.of())) {
                assertSameBits(owned(outputs), again);
            }
            assertThat(pool.most).isBetween(2 * layers - 1, 2 * layers + 6);
        }
    }

    /** Layers on a trained input: the frozen ones' gradients are not computed, and nothing is kept for them. */
    @Test
    void frozenWeightsTakeNoGradientAndNoMemory() {
        int layers = 20;
        Scope scope = Scope.root(DataType.FLOAT, 9);
        SameDiff sd = scope.graph();
        SDVariable x = scope.normal("x", 1, 6, 50);
        for (int layer = 0; layer < layers; layer++) {
            x = Layers.linear(scope.at("linear", layer), x, 50, 50, 0.2);
        }
        x.sum().rename("loss");
        sd.setLossVariables("loss");
        List<String> upper = List.of("x", "linear.19.weight");
        Map<String, INDArray> all;
        try (Graph graph = new Graph(sd);
                Graph.Outputs outputs = graph.gradients(Map.of(), parameters(sd), List.of())) {
            all = owned(outputs);
        }
        all.keySet().retainAll(upper);
        CountingPool weights = new CountingPool(2500);
        CountingPool activations = new CountingPool(300);

        try (Graph graph = new Graph(sd, weights);
                Graph.Outputs outputs = graph.gradients(Map.of(), upper, List.of())) {
            assertSameBits(owned(outputs), all);
        }
        try (Graph graph = new Graph(sd, activations);
                Graph.Outputs outputs = graph.gradients(Map.of(), upper, List.of())) {
            assertSameBits(owned(outputs), all);
        }

        assertThat(weights.most).isEqualTo(1);
        assertThat(activations.most).isLessThan(6);
    }

    /** Two layers with adapters, of which only the second one's train: nothing is computed below it. */
    @Test
    void nothingIsComputedBelowTheLowestAdapter() {
        Scope scope = Scope.root(DataType.FLOAT, 9);
        Lora lora = new Lora(3, 6, 0, 5, layer -> true);
        SameDiff sd = scope.graph();
        SDVariable x = scope.normal("x", 1, 6, 50);
        for (int layer = 0; layer < 2; layer++) {
            x = Layers.linear(scope.adaptedBy(lora).at("linear", layer), x, 50, 50, 0.2);
        }
        x.sum().rename("loss");
        sd.setLossVariables("loss");
        INDArray b = sd.getVariable("linear.1" + Lora.B).getArr();
        assertThat(b.maxNumber().doubleValue()).isZero();
        assertThat(sd.getVariable("linear.1" + Lora.A).getArr().std(false).getDouble(0))
                .isBetween(0.5 / Math.sqrt(150), 2 / Math.sqrt(150));
        CountingPool pool = new CountingPool(300);

        try (Graph graph = new Graph(sd, pool);
                Graph.Outputs outputs =
                        graph.gradients(Map.of(), List.of("linear.1" + Lora.A, "linear.1" + Lora.B), List.of())) {
            assertThat(outputs.get("linear.1" + Lora.B).amax().getDouble(0)).isPositive();
        }

        assertThat(pool.taken).as("two outputs and the gradient of the second").isEqualTo(3);
    }

    @Test
    void aFailedStepLeavesNothingBehind() {
        SameDiff sd = dualEncoder(DataType.FLOAT).graph();
        List<String> parameters = parameters(sd);
        PoisonedPool pool = new PoisonedPool();
        Map<String, INDArray> inputs = batch(DataType.FLOAT, 3, 4, 5);
        Map<String, INDArray> broken = new HashMap<>(inputs);
        broken.put("textOf", Nd4j.createFromArray(new int[][] {{0, 1, 2, 3, 0}}));
        try (Graph graph = new Graph(sd, pool)) {
            long bytes = 0;
            for (int step = 0; step < 10; step++) {
                bytes = step == 5 ? graph.bytes() : bytes;
                assertThatThrownBy(() -> graph.gradients(broken, parameters, List.of("loss")))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("image 3 has text 3 of 3");
                assertThat(pool.lent).isEmpty();
            }
            assertThat(graph.bytes()).isEqualTo(bytes);
            graph.gradients(inputs, parameters, List.of("loss")).close();
        }
    }

    @Test
    void variablesConstantsAndPlaceholdersCanBeAskedFor() {
        JavaOps.install();
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.FLOAT, -1, 2);
        SDVariable w = sd.var("w", Nd4j.createFromArray(new float[][] {{1, 2}, {3, 4}}));
        SDVariable c = sd.constant("c", Nd4j.createFromArray(5f, 6f));
        Linear.projection(sd, x, w).output().add("y", c);
        Map<String, INDArray> inputs = Map.of("x", Nd4j.createFromArray(new float[][] {{1, 1}}));
        try (Graph graph = new Graph(sd)) {
            for (int i = 0; i < 2; i++) {
                try (Graph.Outputs outputs = graph.run(inputs, "x", "y", "w", "c", "y")) {
                    assertThat(outputs.get("x").toFloatMatrix()).isDeepEqualTo(new float[][] {{1, 1}});
                    assertThat(outputs.get("y").toFloatMatrix()).isDeepEqualTo(new float[][] {{9, 12}});
                    assertThat(outputs.get("w").toFloatMatrix()).isDeepEqualTo(new float[][] {{1, 2}, {3, 4}});
                    assertThat(outputs.get("c").toFloatVector()).containsExactly(5, 6);
                }
            }
        }
        assertThat(sd.output(inputs, "w", "y").get("w").toFloatMatrix()).isDeepEqualTo(new float[][] {{1, 2}, {3, 4}});
    }

    /** y = x W + (x W) W: W is used twice, and x W by two operations. By hand: dW = xᵀ(g + g Wᵀ) + (xW)ᵀ g. */
    @Test
    void gradientsOfWhatIsUsedTwiceAddUp() {
        JavaOps.install();
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.var("x", Nd4j.createFromArray(new double[][] {{1, 2}}));
        SDVariable w = sd.var("w", Nd4j.createFromArray(new double[][] {{1, -1}, {0.5, 2}}));
        SDVariable once = Linear.projection(sd, x, w).output();
        SDVariable y = once.add(Linear.projection(sd, once, w).output());
        SDVariable loss = new WeightedSum(sd, y, sd.constant(Nd4j.createFromArray(new double[][] {{1, 10}}))).output();
        sd.setLossVariables(loss.name());
        try (Graph graph = new Graph(sd);
                Graph.Outputs outputs = graph.gradients(Map.of(), List.of("w", "x"), List.of(loss.name()))) {
            // x W = (2, 3); y = (2, 3) + (3.5, 4); g Wᵀ = (−9, 20.5); g + g Wᵀ = (−8, 30.5)
            assertThat(outputs.get(loss.name()).getDouble(0)).isCloseTo(75.5, within(1e-12));
            assertThat(outputs.get("w").toDoubleMatrix()).isDeepEqualTo(new double[][] {
                {-8 + 2, 30.5 + 20}, {-16 + 3, 61 + 30}
            });
            assertThat(outputs.get("x").toDoubleMatrix()).isDeepEqualTo(new double[][] {{-8 - 30.5, -4 + 61}});
        }
    }

    @Test
    void aVariableThatIsSetAnewCountsInGradientsToo() {
        JavaOps.install();
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.var("x", Nd4j.createFromArray(1.0, 2.0));
        SDVariable w = sd.var("w", Nd4j.createFromArray(3.0, 4.0));
        SDVariable loss = new WeightedSum(sd, x.mul(w), sd.constant(Nd4j.createFromArray(1.0, 1.0))).output();
        sd.setLossVariables(loss.name());
        try (Graph graph = new Graph(sd)) {
            graph.gradients(Map.of(), List.of("x"), List.of()).close();
            w.setArray(Nd4j.createFromArray(7.0, 8.0));
            try (Graph.Outputs outputs = graph.gradients(Map.of(), List.of("x"), List.of(loss.name()))) {
                assertThat(outputs.get("x").toDoubleVector()).containsExactly(7, 8);
                assertThat(outputs.get(loss.name()).getDouble(0)).isEqualTo(23);
            }
        }
    }

    /** A loss computed outside of the graph: its gradient enters once the embeddings are known, in the same pass. */
    @Test
    void placeholdersMayFollowFromComputedValues() {
        JavaOps.install();
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.DOUBLE, -1, 2);
        SDVariable w = sd.var("w", Nd4j.createFromArray(new double[][] {{1, 2}, {3, 4}}));
        SDVariable y = Linear.projection(sd, x, w).output().rename("y");
        new WeightedSum(sd, y, sd.placeHolder("dy", DataType.DOUBLE, -1, 2))
                .output()
                .rename("loss");
        sd.setLossVariables("loss");
        Map<String, INDArray> inputs = Map.of("x", Nd4j.createFromArray(new double[][] {{1, 2}}));
        try (Graph graph = new Graph(sd)) {
            for (int step = 0; step < 2; step++) {
                try (Graph.Outputs outputs = graph.gradients(
                        inputs,
                        List.of("w", "x"),
                        List.of("y"),
                        known -> Map.of("dy", known.get("y").mul(2)))) {
                    // y = (7, 10), L = y·y with dL/dy = (14, 20)
                    assertThat(outputs.get("y").toDoubleMatrix()).isDeepEqualTo(new double[][] {{7, 10}});
                    assertThat(outputs.get("w").toDoubleMatrix()).isDeepEqualTo(new double[][] {{14, 20}, {28, 40}});
                    assertThat(outputs.get("x").toDoubleMatrix()).isDeepEqualTo(new double[][] {{54, 122}});
                }
            }
            assertThatThrownBy(() -> graph.gradients(inputs, List.of("w"), List.of("y")))
                    .hasMessage("the graph needs a value for its placeholder dy");
        }
    }

    @Test
    void ownOperationsMixWithLegacyOnesAndControlFlow() {
        JavaOps.install();
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.DOUBLE, -1, 3);
        SDVariable w = sd.var("w", Nd4j.linspace(DataType.DOUBLE, 0.1, 0.1, 9).reshape(3, 3));
        SDVariable y = Linear.projection(sd, x, w).output();
        SDVariable z = new ActivationOp(sd, Activation.GELU, sd.math.abs(sd.math.tanh(y))).output();
        SDVariable chosen = sd.ifCond(
                inner -> inner.math.sum(z).gt(0.5),
                inner -> new ActivationOp(inner, Activation.RELU, z.sub(0.1)).output(),
                inner -> z.mul(100));
        SDVariable out = new ActivationOp(sd, Activation.SIGMOID, chosen).output();
        Map<String, INDArray> inputs =
                Map.of("x", Nd4j.createFromArray(new double[][] {{1, -2, 0.5}, {0.3, 0.2, 0.1}}));

        INDArray actual = sd.output(inputs, out.name()).get(out.name());

        INDArray product = inputs.get("x").mmul(w.getArr());
        for (int i = 0; i < 6; i++) {
            double v = Math.abs(Math.tanh(product.ravel().getDouble(i)));
            double gelu = v * 0.5 * (1 + erf(v / Math.sqrt(2)));
            assertThat(actual.ravel().getDouble(i))
                    .isCloseTo(1 / (1 + Math.exp(-Math.max(0, gelu - 0.1))), within(1e-6));
        }
        try (Graph graph = new Graph(sd)) {
            assertThatThrownBy(() -> graph.run(inputs, out.name()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("runs in SameDiff's own session only");
        }
    }

    /** By its Maclaurin series. */
    private static double erf(double v) {
        double sum = 0;
        double term = v;
        for (int n = 0; n < 40; n++) {
            sum += term / (2 * n + 1);
            term *= -v * v / (n + 1);
        }
        return 2 / Math.sqrt(Math.PI) * sum;
    }

    @Test
    void legacyOperationsDifferentiateBesideOwnOnes() {
        JavaOps.install();
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.var("x", Nd4j.linspace(DataType.DOUBLE, -0.7, 0.23, 6).reshape(2, 3));
        SDVariable w = sd.var("w", Nd4j.linspace(DataType.DOUBLE, 0.1, 0.1, 9).reshape(3, 3));
        SDVariable y = sd.math.tanh(Linear.projection(sd, x, w).output());
        SDVariable loss = sd.math.sum("loss", new ActivationOp(sd, Activation.GELU, y).output());
        sd.setLossVariables(loss);

        Map<String, INDArray> gradients = sd.calculateGradients(Map.of(), "x", "w");

        for (String name : List.of("x", "w")) {
            INDArray value = sd.getVariable(name).getArr();
            for (int i = 0; i < value.length(); i++) {
                double before = value.getDouble(i);
                value.putScalar(i, before + 1e-5);
                double above = sd.output(Map.of(), "loss").get("loss").getDouble(0);
                value.putScalar(i, before - 1e-5);
                double below = sd.output(Map.of(), "loss").get("loss").getDouble(0);
                value.putScalar(i, before);
                assertThat(gradients.get(name).ravel().getDouble(i)).isCloseTo((above - below) / 2e-5, within(1e-8));
            }
        }
    }

    @Test
    void twoThreadsMayAskOneGraph() throws Exception {
        SameDiff sd = dualEncoder(DataType.FLOAT).graph();
        List<Map<String, INDArray>> batches = List.of(batch(DataType.FLOAT, 3, 4, 5), batch(DataType.FLOAT, 5, 7, 2));
        List<Double> expected = new ArrayList<>();
        for (Map<String, INDArray> inputs : batches) {
            expected.add(sd.output(inputs, "loss").get("loss").getDouble(0));
        }
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            List<Callable<List<Double>>> tasks = new ArrayList<>();
            for (Map<String, INDArray> inputs : batches) {
                tasks.add(() -> {
                    List<Double> losses = new ArrayList<>();
                    for (int i = 0; i < 30; i++) {
                        losses.add(sd.output(inputs, "loss").get("loss").getDouble(0));
                    }
                    return losses;
                });
            }
            List<Future<List<Double>>> results = threads.invokeAll(tasks);
            for (int i = 0; i < 2; i++) {
                assertThat(results.get(i).get()).containsOnly(expected.get(i));
            }
        } finally {
            threads.shutdownNow();
        }
    }

    /** A frozen graph reads a packed copy: the same bits, and after {@link Graph#thaw} the weights as they are then. */
    @Test
    void aFrozenGraphComputesTheSameBitsAndForgetsWhatItPackedWhenThawed() {
        Scope scope = Scope.root(DataType.FLOAT, 5);
        SameDiff sd = scope.graph();
        SDVariable x = sd.placeHolder("x", DataType.FLOAT, -1, 300);
        SDVariable weight = scope.normal("weight", 0.1, 400, 300);
        Linear.of(sd, x, weight, scope.normal("bias", 0.1, 400)).output().rename("y");
        Nd4j.getRandom().setSeed(2);
        INDArray input = Nd4j.randn(DataType.FLOAT, 37, 300);
        for (Precision precision : Precision.values()) {
            if (!precision.available()) {
                continue;
            }
            try (Graph graph = new Graph(sd)) {
                graph.computeIn(precision);
                float[] before = values(graph, input);
                graph.freeze();
                assertThat(values(graph, input)).isEqualTo(before);
                graph.thaw();
                weight.getArr().muli(2);
                float[] after = values(graph, input);
                assertThat(after).isNotEqualTo(before);
                graph.freeze();
                assertThat(values(graph, input)).isEqualTo(after);
            }
        }
    }

    private static float[] values(Graph graph, INDArray input) {
        try (Graph.Outputs outputs = graph.run(Map.of("x", input), "y")) {
            return outputs.get("y").data().asFloat();
        }
    }

    /** SameDiff's own holder of arrays keeps a copy of each. */
    @Test
    void anEmptyGraphHoldsEachArrayOnce() {
        SameDiff sd = Graph.empty();
        INDArray values = Nd4j.ones(DataType.FLOAT, 3, 4);
        sd.var("variable", values);
        sd.constant("constant", values);
        assertThat(sd.getVariablesArrays()).isInstanceOf(SingleThreadArrayHolder.class);
        assertThat(sd.getConstantArrays()).isInstanceOf(SingleThreadArrayHolder.class);
        assertThat(sd.getVariable("variable").getArr()).isSameAs(values);
        assertThat(sd.getVariable("constant").getArr()).isSameAs(values);
    }
}
