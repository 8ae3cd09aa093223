package org.rafclip.export;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.agcn.compose.Composer;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.onnx.runtime.OnnxRuntimeSession;
import org.rafclip.onnx.write.ClipGraphs;
import org.rafclip.onnx.write.Numbers;
import org.rafclip.ops.JavaOps;
import org.rafclip.run.Configs;

/** Written composers in ONNX Runtime beside the composer they were written from. */
class ComposerGraphTest {

    private static final int WIDTH = 12;
    private static final int[] LENGTHS = {3, 6, 1};

    @TempDir
    Path dir;

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    @ParameterizedTest
    @CsvSource({
        "agcn, raw, token, scalar, CLASS_TOKEN",
        "agcn, unit, token, vector, MEAN",
        "agcn, raw, pooled, scalar, MEAN",
        "add, raw, token, scalar, MEAN",
        "only-text, raw, token, scalar, CLASS_TOKEN",
        "only-image, raw, token, scalar, MEAN",
        "sum, unit, token, scalar, CLASS_TOKEN",
        "clip4cir, raw, token, scalar, CLASS_TOKEN"
    })
    void queriesAreTheSameInOnnxRuntime(String kind, String pooled, String features, String gates, Pool pool)
            throws IOException {
        String yaml = """
                kind: %s
                pooled: %s
                branches: {blocks: 2, heads: 3, mlp-ratio: 1.5, features: %s}
                gates: {shape: %s, projection: 7, hidden: 5}
                combiner: {width-factor: 0.002}
                """.formatted(kind, pooled, features, gates);
        ComposerConfig config = Configs.parse(yaml, "composer.yaml", List.of(), ComposerConfig.class);
        Nd4j.getRandom().setSeed(5);
        INDArray images = Nd4j.randn(DataType.FLOAT, 3, 5, WIDTH);
        INDArray texts = Nd4j.randn(DataType.FLOAT, 3, 6, WIDTH);
        INDArray image = Nd4j.randn(DataType.FLOAT, 3, WIDTH);
        INDArray text = Nd4j.randn(DataType.FLOAT, 3, WIDTH);
        INDArray lengths = Nd4j.createFromArray(LENGTHS);
        Map<String, INDArray> ours = Map.of(
                Composer.IMAGE_TOKENS,
                images,
                Composer.TEXT_TOKENS,
                texts,
                Composer.TEXT_LENGTHS,
                lengths,
                Composer.IMAGE_FEATURES,
                image,
                Composer.TEXT_FEATURES,
                text);
        Map<String, INDArray> theirs = new HashMap<>(Map.of(
                ClipGraphs.IMAGE_TOKENS,
                images,
                ClipGraphs.TEXT_TOKENS,
                texts,
                ComposerGraph.TEXT_LENGTHS,
                lengths.castTo(DataType.INT64),
                ClipGraphs.IMAGE_FEATURES,
                image,
                ClipGraphs.TEXT_FEATURES,
                text));
        Path file = dir.resolve("compose.onnx");
        try (ComposerModel model = new ComposerModel(new ComposerModel.Description(config, WIDTH, pool, "none"), 3)) {
            model.composer()
                    .parameters()
                    .values()
                    .forEach(array ->
                            array.addi(Nd4j.randn(DataType.FLOAT, array.shape()).muli(0.1)));
            ComposerGraph.of(model.composer(), pool, Numbers.FP32).write(file);
            theirs.keySet().retainAll(OnnxFolder.inputs(model.composer()));

            try (OnnxRuntimeSession session = new OnnxRuntimeSession(file)) {
                INDArray query = session.run(theirs).get(ComposerGraph.QUERY);

                assertThat(query.sub(model.compose(ours)).amaxNumber().doubleValue())
                        .isLessThan(1e-6);
                INDArray first = session.run(sample(theirs)).get(ComposerGraph.QUERY);
                assertThat(first.shape()).containsExactly(1, WIDTH);
            }
        }
    }

    private static Map<String, INDArray> sample(Map<String, INDArray> batch) {
        Map<String, INDArray> first = new HashMap<>();
        batch.forEach((name, array) -> {
            long[] shape = array.shape().clone();
            shape[0] = 1;
            long count = array.length() / array.size(0);
            first.put(
                    name,
                    array.dup('c')
                            .reshape(array.length())
                            .get(NDArrayIndex.interval(0, count))
                            .dup('c')
                            .reshape(shape));
        });
        return first;
    }
}
