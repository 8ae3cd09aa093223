package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.Formula;
import org.rafclip.ops.JavaOps;
import org.rafclip.run.Configs;

/** Against torch.optim.AdamW: golden file of {@code src/test/python/adamw_reference.py}. */
class AdamWTest {

    static {
        JavaOps.install();
    }

    @ParameterizedTest
    @CsvSource({"FLOAT, 2e-6", "DOUBLE, 1e-6"})
    void stepsAreThoseOfPyTorchWithDecayOnMatricesOnly(DataType type, double tolerance) throws Exception {
        JsonNode golden;
        try (InputStream in = AdamWTest.class.getResourceAsStream("adamw.json")) {
            golden = new ObjectMapper().readTree(in);
        }
        JsonNode settings = golden.get("settings");
        TrainConfig train = Configs.parse(
                "{beta1: %s, beta2: %s, eps: %s, weight-decay: %s}"
                        .formatted(
                                settings.get("beta1"),
                                settings.get("beta2"),
                                settings.get("eps"),
                                settings.get("weightDecay")),
                "adamw",
                List.of(),
                TrainConfig.class);
        Map<String, long[]> shapes = new LinkedHashMap<>();
        golden.get("shapes")
                .properties()
                .forEach(shape ->
                        shapes.put(shape.getKey(), new ObjectMapper().convertValue(shape.getValue(), long[].class)));
        Map<String, INDArray> parameters = numbers(type, shapes, "");
        AdamW optimizer = new AdamW(parameters, train);
        double clip = settings.get("clipNorm").asDouble();

        for (int step = 1; step <= golden.get("norms").size(); step++) {
            Map<String, INDArray> gradients = numbers(type, shapes, ".grad." + step);
            if (step == 4) {
                gradients.values().forEach(gradient -> gradient.muli(0.1));
            }
            double norm = AdamW.norm(gradients);
            assertThat(norm).isCloseTo(golden.get("norms").get(step - 1).asDouble(), within(1e-6 * norm));
            optimizer.step(gradients, settings.get("lr").asDouble() / step, step, Math.min(1, clip / norm));
        }

        parameters.forEach((name, actual) -> {
            JsonNode expected = golden.get("parameters").get(name);
            assertThat(expected).hasSize((int) actual.length());
            for (int i = 0; i < expected.size(); i++) {
                assertThat(actual.getDouble(i))
                        .as(name + " " + i)
                        .isCloseTo(expected.get(i).asDouble(), within(tolerance));
            }
        });
    }

    private static Map<String, INDArray> numbers(DataType type, Map<String, long[]> shapes, String suffix) {
        Map<String, INDArray> arrays = new LinkedHashMap<>();
        shapes.forEach((name, shape) -> arrays.put(name, Formula.array(type, name + suffix, 0, 1, shape)));
        return arrays;
    }

    @Test
    void normTakesAllGradientsTogetherAndSeesWhatIsNoNumber() {
        Map<String, INDArray> gradients = new LinkedHashMap<>();
        gradients.put("a", Nd4j.createFromArray(3f, 0f));
        gradients.put("b", Nd4j.createFromArray(new float[][] {{4f}}));
        assertThat(AdamW.norm(gradients)).isCloseTo(5, within(1e-12));

        gradients.get("b").putScalar(0, Float.NaN);
        assertThat(AdamW.norm(gradients)).isNaN();
    }
}
