package org.rafclip.agcn.compose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.nn.Scope;
import org.rafclip.ops.Graph;
import org.rafclip.run.Configs;

/** Every composer, forward and backward, against PyTorch in double precision. */
class ComposerGoldenTest {

    private static final int WIDTH = 8;
    private static final double TOLERANCE = 1e-9;

    static Stream<Named<JsonNode>> cases() throws IOException {
        try (InputStream in = ComposerGoldenTest.class.getResourceAsStream("composers.json")) {
            JsonNode cases = new ObjectMapper().readTree(in).get("cases");
            return StreamSupport.stream(cases.spliterator(), false)
                    .map(node -> Named.of(node.get("name").asText(), node));
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void outputsAndGradientsAreThoseOfPyTorch(JsonNode golden) {
        Composer composer = composer(golden);
        composer.parameters().forEach((name, values) -> {
            values.assign(Formula.numbers(name, values.shape()));
            if (name.matches(".*\\.ln_\\d\\.weight")) {
                values.addi(1);
            }
        });
        Map<String, INDArray> inputs = inputs();
        assertThat(inputs.keySet()).containsAll(composer.inputs());
        List<String> outputs = new ArrayList<>(composer.outputs());
        assertThat(outputs).containsExactlyInAnyOrderElementsOf(names(golden.get("outputs")));
        assertThat(composer.parameters().keySet()).containsExactlyInAnyOrderElementsOf(names(golden.get("gradients")));

        try (Graph graph = new Graph(composer.graph())) {
            try (Graph.Outputs values = graph.run(inputs, outputs)) {
                for (String name : outputs) {
                    assertClose(name, values.get(name), golden.get("outputs").get(name));
                }
            }
            if (!composer.parameters().isEmpty()) {
                List<String> parameters = List.copyOf(composer.parameters().keySet());
                try (Graph.Outputs gradients = graph.gradients(inputs, parameters, List.of())) {
                    for (String name : parameters) {
                        INDArray gradient = gradients.get(name).dup('c');
                        double probed = gradient.mul(Formula.numbers("probe", gradient.shape()))
                                .sumNumber()
                                .doubleValue();
                        assertThat(probed)
                                .as(name)
                                .isCloseTo(golden.get("gradients").get(name).asDouble(), within(TOLERANCE));
                    }
                }
            }
        }
    }

    private static Composer composer(JsonNode golden) {
        String yaml = """
                kind: %s
                pooled: %s
                branches: {blocks: 2, heads: 2, mlp-ratio: 2, dropout: 0.1, features: %s}
                gates: {shape: %s, projection: 6, hidden: 5}
                combiner: {width-factor: %s}
                """.formatted(
                        golden.get("kind").asText(),
                        golden.get("pooled").asText(),
                        golden.get("features").asText(),
                        golden.get("gate").asText(),
                        golden.get("widthFactor").asText());
        Pool pool = golden.get("pool").asText().equals("mean") ? Pool.MEAN : Pool.CLASS_TOKEN;
        return new Composer(
                Configs.parse(yaml, "golden", List.of(), ComposerConfig.class), WIDTH, pool, DataType.DOUBLE, 1);
    }

    private static Map<String, INDArray> inputs() {
        Map<String, INDArray> inputs = new HashMap<>();
        inputs.put(Composer.IMAGE_TOKENS, features(Composer.IMAGE_TOKENS, 3, 5, WIDTH));
        inputs.put(Composer.TEXT_TOKENS, features(Composer.TEXT_TOKENS, 3, 6, WIDTH));
        inputs.put(Composer.TEXT_LENGTHS, Nd4j.createFromArray(6, 3, 4));
        inputs.put(Composer.IMAGE_FEATURES, features(Composer.IMAGE_FEATURES, 3, WIDTH));
        inputs.put(Composer.TEXT_FEATURES, features(Composer.TEXT_FEATURES, 3, WIDTH));
        inputs.put(Composer.QUERY_GRADIENT, Formula.numbers(Composer.QUERY_GRADIENT, 3, WIDTH));
        inputs.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, -1));
        return inputs;
    }

    private static INDArray features(String name, long... shape) {
        return Formula.numbers(name, shape).mul(4);
    }

    private static List<String> names(JsonNode object) {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    private static void assertClose(String name, INDArray actual, JsonNode expected) {
        assertThat(actual.length()).as(name).isEqualTo(expected.size());
        for (int i = 0; i < expected.size(); i++) {
            assertThat(actual.getDouble(i))
                    .as(name + "[" + i + "]")
                    .isCloseTo(expected.get(i).asDouble(), within(TOLERANCE));
        }
    }
}
