package org.rafclip.agcn.compose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.agcn.compose.ComposerConfig.Kind;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.data.DataException;
import org.rafclip.nn.Scope;
import org.rafclip.ops.GradientCheck;
import org.rafclip.ops.Graph;
import org.rafclip.run.Configs;

class ComposerTest {

    private static final int WIDTH = 4;
    private static final int IMAGE_TOKENS = 3;
    private static final int TEXT_TOKENS = 4;
    private static final int[] LENGTHS = {4, 2, 3};

    private static ComposerConfig config(String yaml) {
        return Configs.parse(yaml, "test", List.of(), ComposerConfig.class);
    }

    private static Composer small(Kind kind, String features, String gate, Pool pool, DataType type) {
        return small(kind, 2, features, gate, pool, type);
    }

    private static Composer small(Kind kind, int blocks, String features, String gate, Pool pool, DataType type) {
        ComposerConfig config =
                config("""
                kind: %s
                branches: {blocks: %d, heads: 2, mlp-ratio: 1, dropout: 0.2, features: %s}
                gates: {shape: %s, projection: 3, hidden: 4, dropout: 0.2}
                combiner: {width-factor: 0.002}
                """.formatted(kind.name().toLowerCase().replace('_', '-'), blocks, features, gate));
        return new Composer(config, WIDTH, pool, type, 11);
    }

    private static INDArray random(DataType type, long seed, long... shape) {
        Random random = new Random(seed);
        long length = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        return Nd4j.create(random.doubles(length, -1.5, 1.5).toArray(), shape, DataType.DOUBLE)
                .castTo(type);
    }

    private static Map<String, INDArray> inputs(DataType type, int dropoutSeed) {
        Map<String, INDArray> inputs = new HashMap<>();
        int batch = LENGTHS.length;
        inputs.put(Composer.IMAGE_TOKENS, random(type, 1, batch, IMAGE_TOKENS, WIDTH));
        inputs.put(Composer.TEXT_TOKENS, random(type, 2, batch, TEXT_TOKENS, WIDTH));
        inputs.put(Composer.TEXT_LENGTHS, Nd4j.createFromArray(LENGTHS));
        inputs.put(Composer.IMAGE_FEATURES, random(type, 3, batch, WIDTH));
        inputs.put(Composer.TEXT_FEATURES, random(type, 4, batch, WIDTH));
        inputs.put(Composer.QUERY_GRADIENT, random(type, 5, batch, WIDTH));
        inputs.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, dropoutSeed));
        return inputs;
    }

    private static INDArray query(Composer composer, Map<String, INDArray> inputs) {
        try (Graph graph = new Graph(composer.graph());
                Graph.Outputs outputs = graph.run(inputs, Composer.QUERY_EMBEDDING)) {
            return outputs.get(Composer.QUERY_EMBEDDING).dup('c');
        }
    }

    @ParameterizedTest
    @CsvSource({
        "AGCN, 1, token, scalar, CLASS_TOKEN",
        "AGCN, 1, pooled, vector, MEAN",
        "ADD, 1, token, scalar, CLASS_TOKEN",
        "ONLY_TEXT, 2, token, scalar, CLASS_TOKEN",
        "ONLY_IMAGE, 1, token, scalar, MEAN",
        "CLIP4CIR, 1, token, scalar, CLASS_TOKEN"
    })
    void gradientsEqualCentralDifferencesWithDropoutOn(Kind kind, int blocks, String features, String gate, Pool pool) {
        Composer composer = small(kind, blocks, features, gate, pool, DataType.DOUBLE);
        List<String> parameters = List.copyOf(composer.parameters().keySet());

        Map<String, Double> worst = GradientCheck.worstErrors(
                composer.graph(),
                inputs(DataType.DOUBLE, 3),
                composer.graph().getLossVariables().get(0),
                parameters);

        assertThat(worst).hasSameSizeAs(parameters);
        // Softmax does not see the keys' bias: its gradient is 0, and what the differences show is rounding.
        assertThat(worst)
                .allSatisfy((name, error) -> assertThat(error)
                        .as(name)
                        .isLessThan(name.endsWith("in_proj_bias") || name.endsWith("kv_proj.bias") ? 1e-4 : 1e-5));
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void queriesHaveLengthOneAndTheWidthOfTheEmbedding(Kind kind) {
        INDArray queries =
                query(small(kind, "token", "scalar", Pool.CLASS_TOKEN, DataType.FLOAT), inputs(DataType.FLOAT, -1));

        assertThat(queries.shape()).containsExactly(LENGTHS.length, WIDTH);
        for (double length : queries.norm2(1).toDoubleVector()) {
            assertThat(length).isCloseTo(1, within(1e-6));
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void whatStandsBehindATextsEndChangesNothing(Kind kind) {
        Composer composer = small(kind, "token", "vector", Pool.MEAN, DataType.FLOAT);
        Map<String, INDArray> inputs = inputs(DataType.FLOAT, -1);
        INDArray before = query(composer, inputs);
        INDArray tokens = inputs.get(Composer.TEXT_TOKENS);
        for (int sample = 0; sample < LENGTHS.length; sample++) {
            for (int token = LENGTHS[sample]; token < TEXT_TOKENS; token++) {
                tokens.get(NDArrayIndex.point(sample), NDArrayIndex.point(token))
                        .assign(1e4 * (token + 1));
            }
        }

        assertThat(query(composer, inputs).data().asFloat())
                .isEqualTo(before.data().asFloat());
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void furtherPaddingChangesNothing(Kind kind) {
        Composer composer = small(kind, "token", "vector", Pool.MEAN, DataType.FLOAT);
        Map<String, INDArray> inputs = inputs(DataType.FLOAT, -1);
        INDArray before = query(composer, inputs);
        inputs.put(
                Composer.TEXT_TOKENS,
                Nd4j.concat(1, inputs.get(Composer.TEXT_TOKENS), random(DataType.FLOAT, 9, LENGTHS.length, 7, WIDTH)));

        assertClose(query(composer, inputs), before);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void theOtherQueriesOfABatchChangeNothing(Kind kind) {
        Composer composer = small(kind, "token", "scalar", Pool.CLASS_TOKEN, DataType.FLOAT);
        Map<String, INDArray> inputs = inputs(DataType.FLOAT, -1);
        INDArray before = query(composer, inputs);

        Map<String, INDArray> alone = new HashMap<>(inputs);
        Map<String, INDArray> amongOthers = new HashMap<>(inputs);
        for (String name : composer.inputs()) {
            INDArray first = inputs.get(name).get(NDArrayIndex.interval(0, 1)).dup('c');
            INDArray all = inputs.get(name).dup('c');
            for (int other = 1; other < LENGTHS.length && !name.equals(Composer.TEXT_LENGTHS); other++) {
                all.get(NDArrayIndex.point(other)).muli(-7);
            }
            alone.put(name, first);
            amongOthers.put(name, all);
        }

        assertThat(query(composer, amongOthers).getRow(0).toFloatVector())
                .isEqualTo(before.getRow(0).toFloatVector());
        assertClose(query(composer, alone), before.get(NDArrayIndex.interval(0, 1)));
    }

    private static void assertClose(INDArray actual, INDArray expected) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        assertThat(actual.sub(expected).amaxNumber().doubleValue()).isLessThan(1e-6);
    }

    @Test
    void attentionWeightsAreDistributionsOverTheRealTokensOfTheOtherSide() {
        Composer composer = small(Kind.AGCN, "token", "scalar", Pool.CLASS_TOKEN, DataType.DOUBLE);
        List<String> names = composer.crossAttention(Composer.IMAGE_BRANCH);
        assertThat(names).hasSize(2);

        try (Graph graph = new Graph(composer.graph());
                Graph.Outputs outputs = graph.run(inputs(DataType.DOUBLE, -1), names)) {
            for (String name : names) {
                INDArray weights = outputs.get(name);
                int queries = name.equals(names.get(1)) ? 1 : IMAGE_TOKENS;
                assertThat(weights.shape()).containsExactly(LENGTHS.length, 2, queries, TEXT_TOKENS);
                for (int sample = 0; sample < LENGTHS.length; sample++) {
                    double sum = 0;
                    for (int token = 0; token < TEXT_TOKENS; token++) {
                        double weight = weights.getDouble(sample, 1, 0, token);
                        sum += weight;
                        if (token >= LENGTHS[sample]) {
                            assertThat(weight).isZero();
                        }
                    }
                    assertThat(sum).isCloseTo(1, within(1e-12));
                }
            }
        }
    }

    @Test
    void everyKindSaysWhatItReadsAndGives() {
        assertThat(small(Kind.SUM, "token", "scalar", Pool.MEAN, DataType.FLOAT).inputs())
                .containsExactly(Composer.IMAGE_FEATURES, Composer.TEXT_FEATURES);
        assertThat(small(Kind.SUM, "token", "scalar", Pool.MEAN, DataType.FLOAT).parameters())
                .isEmpty();
        assertThat(small(Kind.ADD, "token", "scalar", Pool.MEAN, DataType.FLOAT).inputs())
                .containsExactly(Composer.IMAGE_TOKENS, Composer.TEXT_TOKENS, Composer.TEXT_LENGTHS);
        assertThat(small(Kind.AGCN, "pooled", "scalar", Pool.MEAN, DataType.FLOAT)
                        .inputs())
                .containsExactly(Composer.IMAGE_FEATURES, Composer.TEXT_FEATURES);
        assertThat(small(Kind.AGCN, "token", "scalar", Pool.MEAN, DataType.FLOAT)
                        .outputs())
                .contains(Composer.IMAGE_GATE, Composer.TEXT_GATE, Composer.IMAGE_BRANCH, Composer.TEXT_BRANCH);
        assertThatThrownBy(() -> small(Kind.ONLY_TEXT, "token", "scalar", Pool.MEAN, DataType.FLOAT)
                        .crossAttention(Composer.IMAGE_BRANCH))
                .hasMessageContaining("ONLY_TEXT has no imageBranch");
    }

    @Test
    void aModelOfAnEncoderThatItsHeadsDoNotDivideIsRefusedByItsKey() {
        ComposerModel.Description description =
                new ComposerModel.Description(config("kind: agcn"), 100, Pool.MEAN, "none");
        assertThatThrownBy(() -> new ComposerModel(description, 0))
                .isInstanceOf(DataException.class)
                .hasMessage("composer.branches.heads 8 must divide the encoder's embedding width 100");
    }

    @ParameterizedTest
    @CsvSource({"blocks: 1, blocks: 1000000000", "hidden: 16, hidden: 2000000000", "mlp-ratio: 1.0, mlp-ratio: 1.0e8"})
    void aDescriptionThatIsFarFromTheWeightsIsRefusedBeforeItIsBuilt(String from, String to, @TempDir Path dir)
            throws IOException {
        ComposerConfig config = config(
                "{kind: agcn, branches: {blocks: 1, heads: 2, mlp-ratio: 1}, gates: {projection: 8, hidden: 16}}");
        try (ComposerModel model = new ComposerModel(new ComposerModel.Description(config, 8, Pool.MEAN, "none"), 0)) {
            model.save(dir, Map.of());
        }
        Path file = dir.resolve(ComposerModel.CONFIG_FILE);
        String yaml = Files.readString(file);
        assertThat(yaml).contains(from);
        Files.writeString(file, yaml.replace(from, to));

        assertTimeoutPreemptively(
                Duration.ofSeconds(20),
                () -> assertThatThrownBy(() -> ComposerModel.load(dir))
                        .isInstanceOf(DataException.class)
                        .hasMessageContaining("composer.yaml: describes another model than its weights are"));
    }

    @Test
    void headsThatDoNotDivideTheWidthAreRefused() {
        assertThatThrownBy(() -> new Composer(config("kind: agcn"), 100, Pool.MEAN, DataType.FLOAT, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("branches.heads 8 must divide the encoder's embedding width 100");
    }

    @Test
    void defaultsAreThePapersAndClip4Cirs() {
        ComposerConfig config = config("kind: agcn");
        assertThat(config.branches().blocks()).isEqualTo(6);
        assertThat(config.gates().shape()).isEqualTo(ComposerConfig.GateShape.SCALAR);
        assertThat(config.combiner().projection()).isEqualTo(2560);
        assertThat(config.combiner().hidden()).isEqualTo(5120);
        // Two projections of 640, the combiner's and the share's networks, as the published model at d = 640 has them.
        long published = 2L * 2560 * 641 + 2L * 5120 * 5121 + 640L * 5121 + 5121;
        assertThat(new Composer(config("kind: clip4cir"), 640, Pool.CLASS_TOKEN, DataType.FLOAT, 0).parameterCount())
                .isEqualTo(published);
    }
}
