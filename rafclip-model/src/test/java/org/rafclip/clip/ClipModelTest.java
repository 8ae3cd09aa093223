package org.rafclip.clip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.data.DataException;
import org.rafclip.io.PythonScript;
import org.rafclip.loss.RafLoss;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.run.ConfigException;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Encoded;
import org.rafclip.train.ContrastiveStep;

class ClipModelTest {

    private static final List<String> TEXTS = List.of(
            "a photo of red clothing",
            "a photo of long sleeve dress",
            "a photo of red clothing",
            "dress",
            "a photo of a very long sleeve dress of denim with a square neckline",
            "dress");

    @TempDir
    private Path dir;

    private ClipModel model;

    @BeforeEach
    void build() {
        ClipConfig config = new ClipConfig(
                12,
                Activation.GELU,
                1.5,
                ClipConfig.Vision.ofClip(16, 8, 16, 1, 2, 4),
                ClipConfig.Text.ofClip(77, 560, 16, 2, 2, 4));
        ClipTokenizer tokenizer = ClipTokenizer.train(TEXTS, 560, 77);
        DualEncoder encoder = new DualEncoder(config.withVocabularySize(tokenizer.vocabSize()), DataType.FLOAT, 9);
        Formula.fill(encoder);
        model = new ClipModel(encoder, tokenizer);
    }

    /** Every text for itself, with as many tokens as the context has. */
    private Encoded.Padded naive() {
        int[][] ids = model.tokenizer().encode(TEXTS).ids();
        int[][] rows = new int[ids.length][];
        int[] ends = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            rows[i] = Arrays.copyOf(ids[i], 77);
            ends[i] = ids[i].length - 1;
        }
        return new Encoded.Padded(rows, ends);
    }

    @ParameterizedTest
    @CsvSource({
        "layers: 1, layers: 1000000000, visual.transformer.resblocks.1.ln_1.weight",
        "layers: 2, layers: 1000000000, transformer.resblocks.2.ln_1.weight",
        "width: 16, width: 1600000, another shape (visual.conv1.weight",
        "vocabulary-size: 5, vocabulary-size: 19999999995, vocabulary-size",
        "context-length: 77, context-length: 2000000000, positional_embedding is [77; 16]",
        "mlp-ratio: 4.0, mlp-ratio: 100000000.0, another shape",
        "image-size: 16, image-size: 320000, visual.positional_embedding is [5; 16]",
        "embed-width: 12, embed-width: 2000000000, visual.proj is [16; 12]"
    })
    void aDescriptionThatIsFarFromTheWeightsIsRefusedBeforeItIsBuilt(String from, String to, String named)
            throws Exception {
        model.save(dir, Map.of());
        Path file = dir.resolve(ClipModel.CONFIG_FILE);
        String yaml = Files.readString(file);
        assertThat(yaml).contains(from);
        Files.writeString(file, yaml.replace(from, to));

        assertTimeoutPreemptively(
                Duration.ofSeconds(20),
                () -> assertThatThrownBy(() -> ClipModel.load(dir))
                        .isInstanceOfAny(DataException.class, ConfigException.class)
                        .hasMessageContaining("model.yaml")
                        .hasMessageContaining(named.replace(';', ',')));
    }

    @Test
    void distinctTextsUpToTheLongestAreEmbeddedAsEveryTextWithTheWholeContext() {
        Map<String, INDArray> inputs = ClipModel.textInputs(naive());

        INDArray actual = model.encodeTexts(TEXTS);

        try (var expected = model.graph().run(inputs, DualEncoder.TEXT_EMBEDDING)) {
            assertThat(difference(actual, expected.get(DualEncoder.TEXT_EMBEDDING)))
                    .isLessThan(1e-6);
        }
        assertThat(actual.getRow(0).equalsWithEps(actual.getRow(2), 0)).isTrue();
        assertThat(model.tokenizer().encode(TEXTS).pad().length()).isLessThan(77);
    }

    @Test
    void distinctShortTextsGiveTheLossAndGradientsOfAllTextsWithTheWholeContext() {
        int n = TEXTS.size();
        List<String> distinct = TEXTS.stream().distinct().toList();
        int[] none = new int[n];
        Arrays.fill(none, -1);
        int[] all = {0, 1, 2, 3, 4, 5};
        int[] shared = TEXTS.stream().mapToInt(distinct::indexOf).toArray();
        INDArray images = Formula.images(model.config(), DataType.FLOAT, n);

        Map<String, INDArray> naive = step(images, naive(), new int[][] {all, none});
        Map<String, INDArray> fast =
                step(images, model.tokenizer().encode(distinct).pad(), new int[][] {shared, none});

        assertThat(fast).hasSameSizeAs(naive).hasSizeGreaterThan(20);
        naive.forEach((name, expected) ->
                assertThat(difference(fast.get(name), expected)).as(name).isLessThan(1e-5));
    }

    private Map<String, INDArray> step(INDArray images, Encoded.Padded texts, int[][] textOfImage) {
        List<String> parameters = List.copyOf(model.encoder().parameters().keySet());
        try (RafLoss loss = new RafLoss(new RafLossConfig(0, Positives.IDENTITY, 0), 1, DataType.FLOAT);
                ContrastiveStep.Result result = new ContrastiveStep(
                                model.encoder(), model.graph(), loss, parameters, 64)
                        .run(images, texts, textOfImage, 1)) {
            Map<String, INDArray> copies = new HashMap<>();
            result.gradients().forEach((name, gradient) -> copies.put(name, gradient.dup('c')));
            copies.put("loss", Nd4j.scalar(result.loss().total()));
            return copies;
        }
    }

    private static double difference(INDArray actual, INDArray expected) {
        return actual.castTo(DataType.DOUBLE)
                        .sub(expected.castTo(DataType.DOUBLE))
                        .amaxNumber()
                        .doubleValue()
                / expected.amaxNumber().doubleValue();
    }

    @Test
    void imagesAreEmbeddedOneByOneAsInBatchesAndWithTheirMirrorImages() {
        INDArray images = Formula.images(model.config(), DataType.FLOAT, 70);

        INDArray embedded = model.encodeImages(images);

        INDArray single = model.encodeImages(images.get(NDArrayIndex.interval(66, 67), NDArrayIndex.all()));
        assertThat(difference(single, embedded.getRow(66, true))).isLessThan(1e-6);
        assertThat(embedded.norm2(1).getDouble(66)).isCloseTo(1, within(1e-6));
        INDArray mirrored = images.dup();
        for (int x = 0; x < 16; x++) {
            var all = NDArrayIndex.all();
            mirrored.put(
                    new INDArrayIndex[] {all, all, all, NDArrayIndex.point(x)},
                    images.get(all, all, all, NDArrayIndex.point(15 - x)));
        }
        INDArray both = embedded.add(model.encodeImages(mirrored));
        both.diviColumnVector(both.norm2(true, 1));
        assertThat(difference(model.encodeImagesWithMirror(images), both)).isLessThan(1e-6);
    }

    @Test
    void aSavedModelIsReadByPythonUnderOpenClipsNamesAndShapesAndLoadedAsItWas() throws Exception {
        model.save(dir, Map.of("code", "test"));

        Map<String, List<Integer>> shapes = new LinkedHashMap<>();
        JsonNode python = PythonScript.run("read_safetensors.py", dir.resolve(ClipModel.WEIGHTS_FILE), dir);
        python.get("tensors").properties().forEach(tensor -> {
            List<Integer> shape = new ArrayList<>();
            tensor.getValue().get("shape").forEach(size -> shape.add(size.intValue()));
            shapes.put(tensor.getKey(), shape);
            assertThat(tensor.getValue().get("dtype").asText()).isEqualTo("F32");
        });
        assertThat(shapes)
                .hasSameSizeAs(model.encoder().parameters())
                .containsEntry("visual.conv1.weight", List.of(16, 3, 8, 8))
                .containsEntry("visual.class_embedding", List.of(16))
                .containsEntry("visual.positional_embedding", List.of(5, 16))
                .containsEntry("visual.transformer.resblocks.0.attn.in_proj_weight", List.of(48, 16))
                .containsEntry("visual.proj", List.of(16, 12))
                .containsEntry("positional_embedding", List.of(77, 16))
                .containsEntry("text_projection", List.of(16, 12))
                .containsEntry("logit_scale", List.of());
        JsonNode projection = python.get("tensors").get("visual.proj").get("values");
        INDArray weights = model.encoder().parameters().get("visual.proj");
        for (int i = 0; i < projection.size(); i++) {
            assertThat((float) projection.get(i).asDouble()).isEqualTo(weights.getFloat(i));
        }
        try (ClipModel loaded = ClipModel.load(dir)) {
            assertThat(loaded.config()).isEqualTo(model.config());
            assertThat(loaded.encodeTexts(TEXTS).equalsWithEps(model.encodeTexts(TEXTS), 0))
                    .isTrue();
        }
    }

    @Test
    void aFolderWithoutModelAndWeightsOfAnotherModelAreRefused() throws Exception {
        assertThatThrownBy(() -> ClipModel.load(dir)).hasMessageContaining("is not a model folder");
        model.save(dir, Map.of());
        Path config = dir.resolve(ClipModel.CONFIG_FILE);
        Files.writeString(config, Files.readString(config).replace("embed-width: 12", "embed-width: 14"));
        assertThatThrownBy(() -> ClipModel.load(dir))
                .hasMessageContaining(ClipModel.WEIGHTS_FILE)
                .hasMessageContaining("proj");
    }
}
