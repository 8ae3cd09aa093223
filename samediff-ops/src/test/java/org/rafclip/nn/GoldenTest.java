package org.rafclip.nn;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.nn.Layers.Deviations;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.op.Convolution;
import org.rafclip.ops.op.EmbeddingLookup;
import org.rafclip.ops.op.InfoNce;
import org.rafclip.ops.op.L2Normalize;
import org.rafclip.ops.op.SigmoidPairs;
import org.rafclip.ops.op.WeightedSum;

/** Layers and blocks, values and gradients, against PyTorch (src/test/python/goldens.py). */
class GoldenTest {

    private static final Deviations INIT = Deviations.clip(8, 1);
    private static Map<String, Map<String, Golden>> goldens;

    /** An array as PyTorch computed it. */
    private record Golden(long[] shape, double[] values) {

        INDArray as(DataType type) {
            return shape.length == 0
                    ? Nd4j.scalar(type, values[0])
                    : Nd4j.createFromArray(values).castTo(type).reshape('c', shape);
        }
    }

    /** A graph under construction that takes its values from a case. */
    private record Sketch(Scope scope, Map<String, Golden> golden) {

        SDVariable variable(String name) {
            return scope.graph().var(name, golden.get(name).as(scope.type()));
        }

        SDVariable data(String name) {
            return scope.graph().constant(name, golden.get(name).as(scope.type()));
        }

        Tokens tokens(String name) {
            return Tokens.of(variable(name));
        }

        Tokens tokens(String name, String lengths) {
            return new Tokens(variable(name), ints(lengths), false);
        }

        SDVariable ints(String name) {
            return scope.graph().constant(name, golden.get(name).as(DataType.INT32));
        }
    }

    @BeforeAll
    static void read() throws IOException {
        JavaOps.install();
        goldens = new LinkedHashMap<>();
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(
                Objects.requireNonNull(GoldenTest.class.getResourceAsStream("goldens.txt")), StandardCharsets.UTF_8))) {
            Map<String, Golden> current = null;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] words = line.split(" ");
                if (words[0].equals("case")) {
                    current = new LinkedHashMap<>();
                    goldens.put(words[1], current);
                } else {
                    long[] shape = words[1].equals("-")
                            ? new long[0]
                            : Arrays.stream(words[1].split("x"))
                                    .mapToLong(Long::parseLong)
                                    .toArray();
                    current.put(
                            words[0],
                            new Golden(
                                    shape,
                                    Arrays.stream(words)
                                            .skip(2)
                                            .mapToDouble(Double::parseDouble)
                                            .toArray()));
                }
            }
        }
    }

    static Stream<Arguments> cases() {
        Map<String, Function<Sketch, SDVariable>> built = new LinkedHashMap<>();
        built.put("layer_norm", s -> Layers.layerNorm(s.scope, s.variable("x"), 7, 1e-5));
        built.put("linear", s -> Layers.linear(s.scope, s.variable("x"), 5, 4, 1));
        built.put("projection", s -> Layers.projection(s.scope, "proj", s.variable("x"), 5, 4, 1));
        built.put("gelu", s -> Layers.activation(s.scope, Activation.GELU, s.variable("x")));
        built.put("quick_gelu", s -> Layers.activation(s.scope, Activation.QUICK_GELU, s.variable("x")));
        built.put("gelu_tanh", s -> Layers.activation(s.scope, Activation.GELU_TANH, s.variable("x")));
        built.put("relu", s -> Layers.activation(s.scope, Activation.RELU, s.variable("x")));
        built.put("sigmoid", s -> Layers.activation(s.scope, Activation.SIGMOID, s.variable("x")));
        built.put("l2_normalize", s -> new L2Normalize(s.scope.graph(), s.variable("x")).output());
        built.put(
                "embedding",
                s -> new EmbeddingLookup(s.scope.graph(), s.variable("weight"), s.ints("indices")).output());
        built.put("patch_embedding", s -> Layers.patchEmbedding(s.scope, s.data("images"), 3, 4, 5, false));
        built.put("convolution_of_tokens", s -> {
            SDVariable bias = s.scope.graph().constant(Nd4j.zeros(s.scope.type(), 4));
            return Convolution.ofTokens(s.scope.graph(), s.variable("x"), 3, 4, s.variable("weight"), bias, 3, 2, 1)
                    .output();
        });
        built.put("self_attention", s -> Layers.selfAttention(s.scope, s.tokens("x"), 8, 2, false, INIT));
        built.put("causal_attention", s -> Layers.selfAttention(s.scope, s.tokens("x"), 8, 2, true, INIT));
        built.put("padded_attention", s -> Layers.selfAttention(s.scope, s.tokens("x", "lengths"), 8, 2, false, INIT));
        built.put(
                "cross_attention",
                s -> Layers.crossAttention(s.scope, s.tokens("x"), s.tokens("other", "lengths"), 8, 2, INIT));
        built.put("pre_norm", s -> block(32, Activation.GELU, false).preNorm(s.scope, s.variable("x")));
        built.put(
                "pre_norm_causal_quick_gelu",
                s -> block(32, Activation.QUICK_GELU, true).preNorm(s.scope, s.variable("x")));
        built.put(
                "post_norm",
                s -> block(16, Activation.GELU, false)
                        .postNorm(s.scope, s.tokens("x", "lengths"), s.tokens("other", "otherLengths")));
        for (String positives : List.of("own_text", "same_text")) {
            built.put("info_nce_image_to_text_" + positives, s -> infoNce(s).imageToText());
            built.put("info_nce_text_to_image_" + positives, s -> infoNce(s).textToImage());
        }
        built.put(
                "attention_pool",
                s -> Layers.attentionPool(s.scope, s.variable("x"), 8, 2, 32, Activation.GELU_TANH, 1e-5, INIT));
        built.put(
                "sigmoid_pairs",
                s -> new SigmoidPairs(
                                s.scope.graph(),
                                new L2Normalize(s.scope.graph(), s.variable("images")).output(),
                                new L2Normalize(s.scope.graph(), s.variable("texts")).output(),
                                s.variable("logitScale"),
                                s.variable("logitBias"),
                                s.ints("textOf"),
                                0,
                                1)
                        .output());
        return built.entrySet().stream()
                .flatMap(entry -> Stream.of(DataType.DOUBLE, DataType.FLOAT)
                        .map(type -> Arguments.of(entry.getKey(), type, entry.getValue())));
    }

    private static TransformerBlock block(int hidden, Activation activation, boolean causal) {
        return new TransformerBlock(8, 2, hidden, activation, causal, 1e-5, INIT, 0, 0);
    }

    private static InfoNce infoNce(Sketch s) {
        return new InfoNce(
                s.scope.graph(),
                new L2Normalize(s.scope.graph(), s.variable("images")).output(),
                new L2Normalize(s.scope.graph(), s.variable("texts")).output(),
                s.variable("logitScale"),
                s.ints("textOf"),
                0,
                1);
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("cases")
    void equalsPyTorch(String name, DataType type, Function<Sketch, SDVariable> build) {
        Map<String, Golden> golden = goldens.get(name);
        Scope scope = Scope.root(type, 1);
        SDVariable out = build.apply(new Sketch(scope, golden));
        scope.graph()
                .setLossVariables(new WeightedSum(
                                scope.graph(),
                                out,
                                scope.graph().constant(golden.get("weights").as(type)))
                        .output()
                        .name());
        List<String> parameters = new ArrayList<>();
        for (SDVariable variable : scope.graph().variables()) {
            if (variable.getVariableType() == VariableType.VARIABLE) {
                assertThat(golden).containsKey(variable.name());
                INDArray array = variable.getArr();
                array.assign(golden.get(variable.name()).as(type).reshape('c', array.shape()));
                parameters.add(variable.name());
            }
        }

        try (Graph graph = new Graph(scope.graph());
                Graph.Outputs results = graph.gradients(Map.of(), parameters, List.of(out.name()))) {
            assertEqual("out", results.get(out.name()), golden.get("out"), type);
            for (String parameter : parameters) {
                assertEqual(parameter, results.get(parameter), golden.get("grad." + parameter), type);
            }
        }
        assertThat(parameters).hasSize((int)
                golden.keySet().stream().filter(key -> key.startsWith("grad.")).count());
    }

    /** Differences in relation to the largest value of the array. */
    private static void assertEqual(String name, INDArray actual, Golden expected, DataType type) {
        double largest = Arrays.stream(expected.values).map(Math::abs).max().orElseThrow();
        double[] values = actual.ravel().toDoubleVector();
        assertThat(values).as(name).hasSameSizeAs(expected.values);
        for (int i = 0; i < values.length; i++) {
            assertThat(Math.abs(values[i] - expected.values[i]) / largest)
                    .as("%s[%d] is %s, PyTorch: %s", name, i, values[i], expected.values[i])
                    .isLessThan(type == DataType.DOUBLE ? 1e-9 : 1e-5);
        }
    }
}
