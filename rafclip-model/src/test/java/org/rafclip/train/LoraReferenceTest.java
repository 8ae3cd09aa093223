package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.Adapters;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;
import org.rafclip.clip.Formula;
import org.rafclip.io.Safetensors;
import org.rafclip.loss.RafLoss;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.nn.Lora;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.run.Configs;
import org.rafclip.text.Encoded;

/** Three steps by adapters against PyTorch: the golden file of {@code src/test/python/lora_reference.py}. */
class LoraReferenceTest {

    static {
        JavaOps.install();
    }

    private static final int[][] TEXT_OF_IMAGE = {{0, 1, 0, -1, -1, -1}, {-1, -1, -1, 2, 2, 3}, {-1, -1, -1, 4, -1, 1}};
    private static final int[] TEXT_LENGTHS = {4, 7, 9, 3, 6};
    private static final TrainConfig SETTINGS = Configs.parse(
            "{lora: {rank: 4, alpha: 6}, lr: 1e-2, weight-decay: 0.1, clip-norm: 0}",
            "lora",
            List.of(),
            TrainConfig.class);

    private static Path golden() throws Exception {
        return Path.of(LoraReferenceTest.class.getResource("lora.safetensors").toURI());
    }

    private static ClipConfig config() throws Exception {
        try (Safetensors open = Safetensors.open(golden())) {
            return Configs.parse(open.metadata().get("config"), "golden", List.of(), ClipConfig.class);
        }
    }

    private static DualEncoder encoder(DataType type) throws Exception {
        DualEncoder encoder = new DualEncoder(config(), type, 7, SETTINGS.adapters(7));
        Formula.fill(encoder);
        encoder.adapters().forEach((name, array) -> {
            if (name.endsWith(Lora.A)) {
                double factor = 1 / Math.sqrt(array.size(1));
                for (int i = 0; i < array.length(); i++) {
                    array.putScalar(i, factor * Formula.value(name, i));
                }
            }
        });
        return encoder;
    }

    private static Map<String, INDArray> texts(ClipConfig config) {
        return Formula.texts(config, TEXT_LENGTHS);
    }

    /** Trains, and gives what the golden file has of it. */
    private static Map<String, INDArray> train(DualEncoder encoder, DataType type) {
        Map<String, INDArray> result = new LinkedHashMap<>();
        Map<String, INDArray> trained = SETTINGS.trained(encoder);
        Map<String, INDArray> texts = texts(encoder.config());
        Encoded.Padded padded = new Encoded.Padded(
                texts.get(DualEncoder.TOKENS).toIntMatrix(),
                texts.get(DualEncoder.TOKEN_ENDS).toIntVector());
        try (Graph graph = new Graph(encoder.graph());
                RafLoss loss = new RafLoss(new RafLossConfig(0.4, Positives.IDENTITY, 0), 2, type)) {
            ContrastiveStep step = new ContrastiveStep(encoder, graph, loss, List.copyOf(trained.keySet()), 100);
            ParameterUpdate update = new ParameterUpdate(trained, SETTINGS, step::clampTemperature);
            for (int t = 1; t <= 3; t++) {
                INDArray images = Formula.images(encoder.config(), type, TEXT_OF_IMAGE[0].length);
                try (ContrastiveStep.Result done = step.run(images, padded, TEXT_OF_IMAGE, t)) {
                    result.put("loss." + t, Nd4j.scalar(done.loss().total()));
                    String prefix = "gradient." + t + ".";
                    done.gradients().forEach((name, gradient) -> result.put(prefix + name, gradient.dup('c')));
                    update.apply(done.gradients(), SETTINGS.lr(), t);
                }
            }
        }
        encoder.adapters().forEach((name, array) -> result.put("final." + name, array));
        return result;
    }

    @Test
    void lossesGradientsAndFactorsOfThreeStepsAreThoseOfPyTorch() throws Exception {
        Map<String, INDArray> expected = Safetensors.readAll(golden());
        expected.keySet().removeIf(name -> name.endsWith("Embedding"));

        Map<String, INDArray> actual = train(encoder(DataType.DOUBLE), DataType.DOUBLE);

        assertThat(expected).hasSizeGreaterThan(40);
        expected.forEach((name, values) -> assertThat(
                        actual.get(name).castTo(DataType.DOUBLE).ravel().toDoubleVector())
                .as(name)
                .containsExactly(values.ravel().toDoubleVector(), within(1e-9)));
    }

    @Test
    void featuresInTrainingAndAfterMergingAreThoseOfPyTorchsMergedWeights() throws Exception {
        Map<String, INDArray> golden = Safetensors.readAll(golden());
        DualEncoder encoder = encoder(DataType.FLOAT);
        train(encoder, DataType.FLOAT);

        assertEmbeddings(encoder, golden);
        DualEncoder plain = new DualEncoder(config(), DataType.FLOAT, 7);
        Formula.fill(plain);
        new Adapters(SETTINGS.lora(), encoder.adapters()).mergeInto(plain.parameters(), golden());
        assertEmbeddings(plain, golden);
    }

    private static void assertEmbeddings(DualEncoder encoder, Map<String, INDArray> golden) {
        Map<String, INDArray> inputs = new LinkedHashMap<>(texts(encoder.config()));
        inputs.put(DualEncoder.IMAGES, Formula.images(encoder.config(), DataType.FLOAT, TEXT_OF_IMAGE[0].length));
        try (Graph graph = new Graph(encoder.graph());
                Graph.Outputs outputs = graph.run(inputs, DualEncoder.IMAGE_EMBEDDING, DualEncoder.TEXT_EMBEDDING)) {
            Stream.of(DualEncoder.IMAGE_EMBEDDING, DualEncoder.TEXT_EMBEDDING)
                    .forEach(name -> assertThat(outputs.get(name)
                                    .castTo(DataType.DOUBLE)
                                    .ravel()
                                    .toDoubleVector())
                            .as(name)
                            .containsExactly(golden.get(name).ravel().toDoubleVector(), within(2e-6)));
        }
    }
}
