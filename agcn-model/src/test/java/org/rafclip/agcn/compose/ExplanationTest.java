package org.rafclip.agcn.compose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.compose.ComposerModel.Description;
import org.rafclip.agcn.features.Features;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.run.Configs;

class ExplanationTest {

    private static ComposerModel model(String yaml, int width, Pool pool) {
        ComposerConfig config = Configs.parse(yaml, "test", List.of(), ComposerConfig.class);
        return new ComposerModel(new Description(config, width, pool, "none"), 1);
    }

    /**
     * Every query is (2, 0, 0, 0) and every key its token, so that of four elements the logit is the token's first:
     * weights are in the proportion of its exponential.
     */
    @ParameterizedTest
    @CsvSource({"MEAN, 0.125, 0.25, 0.625", "CLASS_TOKEN, , 0.2857142857, 0.7142857143"})
    void attentionIsTheLastBlocksOverPatchesAndWords(Pool pool, Double first, double second, double third) {
        try (ComposerModel model = model(
                "{kind: add, branches: {blocks: 2, heads: 1, mlp-ratio: 1, dropout: 0.3}, gates: {}, combiner: {}}",
                4,
                pool)) {
            Map<String, INDArray> parameters = model.composer().parameters();
            for (String branch : List.of(Composer.IMAGE_BRANCH, Composer.TEXT_BRANCH)) {
                String attention = branch + ".blocks.1.cross_attn.";
                parameters.get(attention + "q_proj.weight").assign(0);
                parameters.get(attention + "q_proj.bias").assign(Nd4j.createFromArray(2f, 0f, 0f, 0f));
                INDArray keyValue = parameters.get(attention + "kv_proj.weight").assign(0);
                for (int i = 0; i < 4; i++) {
                    keyValue.putScalar(i, i, 1);
                }
            }
            Features images = new Features(
                    tokens(Math.log(1), Math.log(2), Math.log(5)),
                    new int[] {3},
                    Nd4j.createFromArray(new float[][] {{1, 0, 0, 0}}));
            Features texts =
                    new Features(tokens(Math.log(3), Math.log(1), Math.log(100)), new int[] {2}, images.pooled());

            ComposerModel.Explained explained = model.explain(images, texts);
            List<Explanation> explanations = explained.explanations();
            assertThat(explained.queries()).isEqualTo(model.compose(images, texts));

            assertThat(explanations).hasSize(1);
            List<Double> patches = explanations.get(0).patches();
            List<Double> expected = first == null ? List.of(second, third) : List.of(first, second, third);
            assertThat(patches).hasSameSizeAs(expected);
            for (int i = 0; i < patches.size(); i++) {
                assertThat(patches.get(i)).isCloseTo(expected.get(i), within(1e-6));
            }
            assertThat(explanations.get(0).words()).hasSize(2);
            assertThat(explanations.get(0).words().get(0)).isCloseTo(0.75, within(1e-6));
            assertThat(explanations.get(0).words().get(1)).isCloseTo(0.25, within(1e-6));
            assertThat(explanations.get(0).imageGate()).isEmpty();
        }
    }

    private static INDArray tokens(double... firstElements) {
        INDArray tokens = Nd4j.rand(1, firstElements.length, 4).castTo(DataType.FLOAT);
        for (int i = 0; i < firstElements.length; i++) {
            tokens.putScalar(0, i, 0, firstElements[i]);
        }
        return tokens;
    }

    @ParameterizedTest
    @CsvSource({"0, CLASS_TOKEN, 1", "1, MEAN, 8"})
    void gatesAreThoseOfPyTorch(int which, Pool pool, int numbers) throws IOException {
        JsonNode golden;
        try (InputStream in = ComposerGoldenTest.class.getResourceAsStream("composers.json")) {
            golden = new ObjectMapper().readTree(in).get("cases").get(which);
        }
        String yaml = """
                branches: {blocks: 2, heads: 2, mlp-ratio: 2, dropout: 0.1}
                gates: {shape: %s, projection: 6, hidden: 5}
                combiner: {}
                """.formatted(golden.get("gate").asText());
        try (ComposerModel model = model(yaml, 8, pool)) {
            model.composer().parameters().forEach((name, values) -> {
                values.assign(Formula.numbers(name, values.shape()));
                if (name.matches(".*\\.ln_\\d\\.weight")) {
                    values.addi(1);
                }
            });
            Features images = new Features(
                    features(Composer.IMAGE_TOKENS, 3, 5, 8),
                    new int[] {5, 5, 5},
                    features(Composer.IMAGE_FEATURES, 3, 8));
            Features texts = new Features(
                    features(Composer.TEXT_TOKENS, 3, 6, 8),
                    new int[] {6, 3, 4},
                    features(Composer.TEXT_FEATURES, 3, 8));

            ComposerModel.Explained explained = model.explain(images, texts);
            List<Explanation> explanations = explained.explanations();
            assertThat(explained.queries()).isEqualTo(model.compose(images, texts));

            for (int sample = 0; sample < 3; sample++) {
                assertThat(explanations.get(sample).imageGate()).hasSize(numbers);
                for (int j = 0; j < numbers; j++) {
                    int at = sample * numbers + j;
                    assertThat(explanations.get(sample).imageGate().get(j))
                            .isCloseTo(golden.at("/outputs/imageGate/" + at).asDouble(), within(1e-5));
                    assertThat(explanations.get(sample).textGate().get(j))
                            .isCloseTo(golden.at("/outputs/textGate/" + at).asDouble(), within(1e-5));
                }
                assertThat(sum(explanations.get(sample).patches())).isCloseTo(1, within(1e-6));
                assertThat(explanations.get(sample).patches()).hasSize(pool == Pool.MEAN ? 5 : 4);
                assertThat(explanations.get(sample).words()).hasSize(texts.lengths()[sample]);
            }
        }
    }

    private static INDArray features(String name, long... shape) {
        return Formula.numbers(name, shape).mul(4).castTo(DataType.FLOAT);
    }

    private static double sum(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).sum();
    }

    @Test
    void aSumHasNothingToExplain() {
        try (ComposerModel model = model("{kind: sum, branches: {}, gates: {}, combiner: {}}", 8, Pool.MEAN)) {
            Features some = new Features(features("x", 2, 3, 8), new int[] {3, 3}, features("y", 2, 8));

            assertThat(model.explain(some, some).explanations())
                    .hasSize(2)
                    .allSatisfy(explanation -> assertThat(explanation)
                            .isEqualTo(new Explanation(List.of(), List.of(), List.of(), List.of())));
        }
    }
}
