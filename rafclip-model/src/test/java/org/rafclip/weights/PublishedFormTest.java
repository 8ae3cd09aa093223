package org.rafclip.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.io.Safetensors;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.text.ClipTokenizer;

/**
 * Models as others publish them. Whether the others' own code takes them and gives the same features is checked by
 * {@code src/test/python/check_exported.py}, which also writes what is compared with here.
 */
class PublishedFormTest {

    private static final List<String> TEXTS = List.of(
            "a red dress", "a blue dress with long sleeves", "the dress", "denim jeans", "a red shirt, a blue shirt");

    @TempDir
    Path dir;

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    /** Every width differs from every other, so that nothing fits where it does not belong. */
    static ClipModel model(Activation activation, long seed) {
        ClipTokenizer tokenizer = ClipTokenizer.train(TEXTS, 540, 12);
        ClipConfig config = new ClipConfig(
                20,
                activation,
                2.5,
                ClipConfig.Vision.ofClip(24, 8, 18, 2, 3, 2.5).withDropout(0.1).withDropPath(0.1),
                ClipConfig.Text.ofClip(12, tokenizer.vocabSize() + 3, 12, 2, 2, 3)
                        .withDropout(0.1));
        DualEncoder encoder = new DualEncoder(config, DataType.FLOAT, seed);
        Nd4j.getRandom().setSeed(seed);
        encoder.parameters().forEach((name, array) -> {
            if (array.rank() == 1) {
                array.addi(Nd4j.randn(DataType.FLOAT, array.shape()).muli(0.1));
            }
        });
        return new ClipModel(encoder, tokenizer);
    }

    @ParameterizedTest
    @EnumSource
    void whatIsReadAgainHasTheSameBits(PublishedForm form) throws IOException {
        INDArray images = Nd4j.rand(DataType.FLOAT, 3, 3, 24, 24);
        ModelPreparation preparation =
                new ModelPreparation("squash(24, bilinear) | normalize(mean=0.5/0.5/0.5, std=0.5/0.25/0.5)");
        try (ClipModel model = model(Activation.GELU, 1)) {
            List<String> notes = form.write(dir, model, preparation, Progress.NONE);

            PretrainedClip read = PretrainedClip.load(PretrainedClip.Origin.of(dir), Progress.NONE);
            try (ClipModel again = read.model()) {
                assertThat(again.encodeImages(images).data().asFloat())
                        .isEqualTo(model.encodeImages(images).data().asFloat());
                assertThat(again.encodeTexts(TEXTS).data().asFloat())
                        .isEqualTo(model.encodeTexts(TEXTS).data().asFloat());
                assertThat(again.tokenizer().encode(TEXTS).ids())
                        .isDeepEqualTo(model.tokenizer().encode(TEXTS).ids());
                assertThat(again.temperature()).isEqualTo(model.temperature());
                assertThat(Preparation.parse(read.preparation().steps()))
                        .isEqualTo(Preparation.parse(preparation.steps()));
                assertThat(notes).isEmpty();
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"HUGGING_FACE, model.safetensors, hf", "OPEN_CLIP, open_clip_model.safetensors, openclip"})
    void namesTokensAndFeaturesAreThoseOfTheOriginalCode(PublishedForm form, String file, String code)
            throws Exception {
        try (ClipModel model = PretrainedClip.load(PretrainedClip.Origin.of(resource("hf")), Progress.NONE)
                .model()) {
            form.write(dir, model, ModelPreparation.ofClip(16), Progress.NONE);
        }
        List<String> written = new ArrayList<>();
        try (Safetensors tensors = Safetensors.open(dir.resolve(file))) {
            tensors.names()
                    .forEach(name -> written.add(name + " " + tensors.info(name).shape()));
        }
        Collections.sort(written);
        assertThat(written).isEqualTo(Files.readAllLines(resource("exported/names-" + code + ".txt")));

        try (ClipModel again = PretrainedClip.load(PretrainedClip.Origin.of(dir), Progress.NONE)
                .model()) {
            assertThat(FeatureCheck.against(resource("exported/" + code + ".safetensors"), again)
                            .rows())
                    .hasSize(2)
                    .allSatisfy(row -> assertThat(row.worst()).isLessThan(1e-5));
            JsonNode tokens =
                    new ObjectMapper().readTree(resource("exported/tokens.json").toFile());
            List<String> texts = new ArrayList<>();
            tokens.get("texts").forEach(text -> texts.add(text.asText()));
            int[][] ids = again.tokenizer().encode(texts).ids();
            for (int i = 0; i < ids.length; i++) {
                assertThat(Arrays.toString(ids[i]).replace(" ", ""))
                        .as(texts.get(i))
                        .isEqualTo(tokens.get("tokens").get(i).toString());
            }
        }
    }

    private static Path resource(String name) throws URISyntaxException {
        return Path.of(PublishedFormTest.class.getResource(name).toURI());
    }

    @Test
    void tokensHaveTheIdsThatTheModelKnows() throws IOException {
        ObjectMapper json = new ObjectMapper();
        try (ClipModel model = model(Activation.GELU, 1)) {
            PublishedForm.HUGGING_FACE.write(dir, model, ModelPreparation.ofClip(24), Progress.NONE);
            JsonNode vocabulary = json.readTree(dir.resolve("vocab.json").toFile());
            int end = model.tokenizer().endToken();

            assertThat(vocabulary.get("<|endoftext|>").asInt()).isEqualTo(end);
            assertThat(vocabulary.get("<|startoftext|>").asInt())
                    .isEqualTo(model.tokenizer().startToken().getAsInt());
            assertThat(vocabulary.size()).isEqualTo(model.tokenizer().vocabSize());
            assertThat(json.readTree(dir.resolve("config.json").toFile())
                            .at("/text_config/eos_token_id")
                            .asInt())
                    .isEqualTo(end);
            JsonNode settings =
                    json.readTree(dir.resolve("tokenizer_config.json").toFile());
            assertThat(settings.at("/eos_token/content").asText()).isEqualTo("<|endoftext|>");
            assertThat(settings.get("model_max_length").asInt()).isEqualTo(12);
            Files.delete(dir.resolve("tokenizer.json"));
            try (ClipTokenizer ofMerges = ClipTokenizer.fromFolder(dir, 12)) {
                assertThat(ofMerges.encode(TEXTS).ids())
                        .isDeepEqualTo(model.tokenizer().encode(TEXTS).ids());
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "HUGGING_FACE; resize(24) | center-crop(24) | normalize(clip); rounds as center-crop(..., down)",
                "OPEN_CLIP; resize(24, bilinear) | center-crop(24, down) | normalize(clip); rounds as center-crop(..., even)",
                "HUGGING_FACE; resize(30, lanczos) | center-crop(24, down) | normalize(clip);",
                "OPEN_CLIP; fit(24) | pad-square(#102030) | center-crop(24) | normalize(clip);",
                "OPEN_CLIP; squash(24) | normalize(clip);"
            })
    void preparationsAreSaid(PublishedForm form, String steps, String note) throws IOException {
        try (ClipModel model = model(Activation.GELU, 1)) {
            List<String> notes = form.write(dir, model, new ModelPreparation(steps), Progress.NONE);

            if (note == null) {
                assertThat(notes).isEmpty();
            } else {
                assertThat(notes).singleElement().asString().contains(note);
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "HUGGING_FACE; fit(24) | pad-square(black) | center-crop(24) | normalize(clip)",
                "HUGGING_FACE; target-pad(1.25) | resize(24) | center-crop(24) | normalize(clip)",
                "OPEN_CLIP; resize(30) | center-crop(24) | normalize(clip)",
                "OPEN_CLIP; squash(24, lanczos) | normalize(clip)"
            })
    void aPreparationThatAFormDoesNotKnowIsRefused(PublishedForm form, String steps) {
        try (ClipModel model = model(Activation.GELU, 1)) {
            assertThatThrownBy(() -> form.write(dir, model, new ModelPreparation(steps), Progress.NONE))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("cannot prepare photos by")
                    .hasMessageContaining("--preparation");
        }
    }

    @ParameterizedTest
    @EnumSource
    void anArchitectureThatOthersDoNotHaveIsNamed(PublishedForm form) {
        Map<String, ClipConfig.Vision> towers = new TreeMap<>();
        towers.put("vision.stem", ClipConfig.Vision.ofClip(24, 8, 12, 1, 2, 4).withStem(List.of(6)));
        towers.put(
                "vision.pool: mean",
                ClipConfig.Vision.ofClip(24, 8, 12, 1, 2, 4).withPool(ClipConfig.Pool.MEAN));
        towers.forEach((setting, vision) -> {
            ClipTokenizer tokenizer = ClipTokenizer.train(TEXTS, 540, 12);
            ClipConfig config = new ClipConfig(
                    8, Activation.GELU, 2.5, vision, ClipConfig.Text.ofClip(12, tokenizer.vocabSize(), 12, 1, 2, 4));
            try (ClipModel model = new ClipModel(new DualEncoder(config, DataType.FLOAT, 1), tokenizer)) {
                assertThatThrownBy(() -> form.write(dir, model, ModelPreparation.ofClip(24), Progress.NONE))
                        .isInstanceOf(DataException.class)
                        .hasMessageContaining(setting)
                        .hasMessageContaining("--format onnx");
                assertThat(dir).isEmptyDirectory();
            }
        });
    }

    @ParameterizedTest
    @CsvSource({
        "siglip-hf, siglip-hf, HUGGING_FACE",
        "siglip2-hf, siglip2-hf, HUGGING_FACE",
        "siglip-openclip, siglip-hf, OPEN_CLIP",
        "siglip2-openclip, siglip2-hf, OPEN_CLIP",
        "clipa-openclip, clipa-openclip, OPEN_CLIP",
        "avg-openclip, openclip, OPEN_CLIP",
        "timm-token-openclip, openclip, OPEN_CLIP",
        "timm-avg-openclip, openclip, OPEN_CLIP",
        "timm-avg-head-openclip, openclip, OPEN_CLIP",
        "timm-gap-openclip, openclip, OPEN_CLIP",
        "xlmr-openclip, xlmr-openclip, OPEN_CLIP",
        "xlmr-linear-openclip, xlmr-openclip, OPEN_CLIP",
        "worldwide-openclip, xlmr-openclip, OPEN_CLIP"
    })
    void aFurtherTowerHasTheTensorsOfTheFileItCameFrom(String name, String words, PublishedForm form) throws Exception {
        PublishedModel published = PublishedModel.of(name);
        try (ClipModel model = published.load(PublishedModel.of(words))) {
            write(form, model);
            try (ClipModel again = new PublishedModel(dir).load()) {
                assertThat(again.config()).isEqualTo(model.config());
            }
        }
        Map<String, INDArray> original = withoutPrefix(published.tensors());
        Map<String, INDArray> written = withoutPrefix(new PublishedModel(dir).tensors());

        assertThat(written.keySet()).containsExactlyInAnyOrderElementsOf(original.keySet());
        original.forEach((tensor, array) -> {
            INDArray ours = written.get(tensor);
            if (tensor.endsWith("embeddings.position_embeddings.weight")) {
                // Those that texts can have, with what stands on each of them; as many as xlm-roberta-base has.
                INDArray each = original.get("transformer.embeddings.token_type_embeddings.weight");
                assertThat(ours.get(NDArrayIndex.interval(2, 14)))
                        .isEqualTo(array.get(NDArrayIndex.interval(2, 14)).addRowVector(each));
                assertThat(ours.shape()).containsExactly(514, array.size(1));
            } else if (tensor.endsWith("token_type_embeddings.weight")) {
                assertThat(ours.amaxNumber().doubleValue()).isZero();
            } else {
                assertThat(ours).as(tensor).isEqualTo(array);
            }
        });
    }

    /** The text tower's names with and without {@code custom_text}. */
    private static Map<String, INDArray> withoutPrefix(Map<String, INDArray> tensors) {
        Map<String, INDArray> names = new TreeMap<>();
        tensors.forEach((name, array) -> names.put(name.replaceFirst("^text\\.", ""), array));
        return names;
    }

    @ParameterizedTest
    @CsvSource({
        "siglip-openclip, siglip-hf, HUGGING_FACE, siglip-hf",
        "siglip-hf, siglip-hf, OPEN_CLIP, siglip-openclip",
        "worldwide-openclip, xlmr-openclip, HUGGING_FACE, metaclip2-hf"
    })
    void whatOneProjectPublishesAnothersCodeReads(String name, String words, PublishedForm form, String golden)
            throws Exception {
        List<String> texts = new ArrayList<>();
        new ObjectMapper()
                .readTree(resource("exported/tokens.json").toFile())
                .get("texts")
                .forEach(text -> texts.add(text.asText()));
        Path theirs = resource("exported/" + golden + ".safetensors");
        try (ClipModel model = PublishedModel.of(name).load(PublishedModel.of(words))) {
            write(form, model);
            try (ClipModel again = new PublishedModel(dir).load()) {
                INDArray tokens = Safetensors.readAll(theirs).get("tokens");
                int[][] ids = again.tokenizer().encode(texts).ids();
                for (int i = 0; i < ids.length; i++) {
                    int[] row = tokens.getRow(i).toIntVector();
                    assertThat(Arrays.copyOf(row, ids[i].length))
                            .as(texts.get(i))
                            .isEqualTo(ids[i]);
                    assertThat(Arrays.stream(row).skip(ids[i].length))
                            .allMatch(id -> id == again.tokenizer().fillToken());
                }
                assertThat(FeatureCheck.against(theirs, again).rows())
                        .hasSize(2)
                        .allSatisfy(row -> assertThat(row.worst()).isLessThan(1e-5));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "vit_base_patch16_siglip_224, 224, map, none, ",
        "vit_so400m_patch14_siglip_224, 224, map, none, ",
        "vit_base_patch32_siglip_256, 256, map, none, ",
        "vit_large_patch14_clip_224, 224, token, , ",
        "vit_base_patch32_clip_quickgelu_224, 224, token, none, ",
        "vit_huge_patch14_gap_224, 224, avg, linear, ",
        "vit_tiny_patch16_384, 384, avg, linear, ",
        "vit_base_patch16_224, 448, token, none, '\"img_size\": 448'",
        "vit_base_patch16_siglip_224, 224, map, none, '\"depth\": 11'"
    })
    void aTowerOfTimmsIsWrittenByItsNameAlone(String name, int size, String pool, String projection, String sizes)
            throws IOException {
        JsonNode described = new ObjectMapper().readTree("""
                {"timm_model_name": "%s", "image_size": %d, "timm_pool": "%s", "timm_proj": %s,
                 "timm_model_kwargs": {%s}}
                """.formatted(
                name, size, pool, projection == null ? "null" : "\"" + projection + "\"", sizes == null ? "" : sizes));
        ClipConfig.Vision vision = TimmTower.read(new Keys(described, "test", "vision_cfg"));
        ClipConfig config = new ClipConfig(
                vision.width(),
                TimmTower.activation(name),
                TimmTower.eps(name),
                1,
                null,
                vision,
                ClipConfig.Text.ofClip(8, 520, 12, 1, 1, 4));
        ObjectNode written = new ObjectMapper().createObjectNode();
        TimmTower.write(config, written);

        assertThat(TimmTower.unlike(config)).isEmpty();
        assertThat(TimmTower.read(new Keys(written, "test", "vision_cfg"))).isEqualTo(vision);
        assertThat(written.get("timm_model_name").asText()).isEqualTo(name);
        assertThat(written.has("timm_model_kwargs")).isEqualTo(sizes != null);
    }

    @Test
    void whatAProjectDoesToTextsBeforeTheirTokenizerIsSaid() throws Exception {
        try (ClipModel model = PublishedModel.of("siglip2-hf").load()) {
            assertThat(write(PublishedForm.OPEN_CLIP, model))
                    .singleElement()
                    .asString()
                    .contains("surplus blanks");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "clipa-openclip; clipa-openclip; HUGGING_FACE; vision.pool: mean-beside-class-token; openclip or onnx",
                "xlmr-openclip; xlmr-openclip; HUGGING_FACE; text.pool and text.causal; openclip or onnx",
                "timm-token-openclip; openclip; HUGGING_FACE; projection; openclip or onnx",
                "mobileclip2-openclip; openclip; HUGGING_FACE; text.pool and text.causal; onnx",
                "mobileclip2-openclip; openclip; OPEN_CLIP; filled up with token 0; onnx"
            })
    void aTowerThatAProjectDoesNotHaveIsNamed(
            String name, String words, PublishedForm form, String setting, String formats) throws Exception {
        try (ClipModel model = PublishedModel.of(name).load(PublishedModel.of(words))) {
            assertThatThrownBy(() -> write(form, model))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining(setting)
                    .hasMessageEndingWith("--format " + formats);
            assertThat(dir).isEmptyDirectory();
        }
    }

    private List<String> write(PublishedForm form, ClipModel model) throws IOException {
        int size = model.config().vision().imageSize();
        return form.write(dir, model, new ModelPreparation("squash(" + size + ") | normalize(clip)"), Progress.NONE);
    }

    @Test
    void rowsOfAPackedMatrixAreQueriesKeysAndValues() {
        INDArray packed = Nd4j.arange(3 * 2 * 2).castTo(DataType.FLOAT).reshape(6, 2);
        ClipConfig config = ClipConfig.named("vit-tiny");
        Map<String, INDArray> tensors =
                Dialect.HUGGING_FACE.tensors(config, Map.of("transformer.resblocks.4.attn.in_proj_weight", packed));

        String layer = "text_model.encoder.layers.4.self_attn.";
        assertThat(tensors).containsOnlyKeys(layer + "q_proj.weight", layer + "k_proj.weight", layer + "v_proj.weight");
        assertThat(tensors.get(layer + "k_proj.weight").dup('c').data().asFloat())
                .containsExactly(4, 5, 6, 7);
        assertThat(Dialect.HUGGING_FACE
                        .tensors(config, Map.of("visual.proj", packed))
                        .get("visual_projection.weight")
                        .shape())
                .containsExactly(2, 6);
    }
}
