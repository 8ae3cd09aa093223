package org.rafclip.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.io.Safetensors;
import org.rafclip.ops.JavaOps;

class LoraAdapterTest {

    private static final String KEYS = "vision_model.encoder.layers.1.self_attn.k_proj";
    private static final String FC1 = "text_model.encoder.layers.0.mlp.fc1";
    private static final String CONV = "vision_model.embeddings.patch_embedding";
    private static final String TOKENS = "text_model.embeddings.token_embedding";

    static {
        JavaOps.install();
    }

    @TempDir
    Path dir;

    private static Path base() {
        try {
            return Path.of(
                    LoraAdapterTest.class.getResource("hf/model.safetensors").toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Map<String, INDArray> adapter() {
        Map<String, INDArray> tensors = new LinkedHashMap<>();
        Nd4j.getRandom().setSeed(5);
        tensors.put(KEYS + ".lora_A.weight", Nd4j.randn(DataType.FLOAT, 2, 16));
        tensors.put(KEYS + ".lora_B.weight", Nd4j.randn(DataType.FLOAT, 16, 2));
        tensors.put(FC1 + ".lora_A.weight", Nd4j.randn(DataType.FLOAT, 4, 12));
        tensors.put(FC1 + ".lora_B.weight", Nd4j.randn(DataType.FLOAT, 48, 4));
        tensors.put(CONV + ".lora_A.weight", Nd4j.randn(DataType.FLOAT, 2, 3, 4, 4));
        tensors.put(CONV + ".lora_B.weight", Nd4j.randn(DataType.FLOAT, 16, 2, 1, 1));
        tensors.put(TOKENS + ".lora_embedding_A", Nd4j.randn(DataType.FLOAT, 2, 520));
        tensors.put(TOKENS + ".lora_embedding_B", Nd4j.randn(DataType.FLOAT, 12, 2));
        tensors.put("visual_projection.weight", Nd4j.randn(DataType.FLOAT, 20, 16));
        return tensors;
    }

    private Path write(Map<String, INDArray> tensors, String config) throws IOException {
        Map<String, INDArray> named = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> named.put("base_model.model." + name, tensor));
        Safetensors.write(dir.resolve("adapter_model.safetensors"), named, Map.of());
        Files.writeString(dir.resolve("adapter_config.json"), config);
        return dir;
    }

    private static Map<String, INDArray> parameters(Path adapter) throws IOException {
        return PretrainedClip.load(new PretrainedClip.Origin(base(), null, null, adapter, null), (done, total) -> {})
                .model()
                .encoder()
                .parameters();
    }

    @ParameterizedTest
    @CsvSource({
        "'', 6, 3, 1.5",
        "', \"use_rslora\": true', 6, 4.2426406871192857, 3",
        "', \"alpha_pattern\": {\"mlp.fc1\": 20, \"fc1\": 1}', 6, 3, 5",
        "', \"alpha_pattern\": {\"self_attn.(k|q)_proj\": 1}', 6, 0.5, 1.5"
    })
    void productsAreAddedByTheirScale(String more, double alpha, double keys, double fc1) throws IOException {
        Map<String, INDArray> tensors = adapter();
        Map<String, INDArray> plain = parameters(null);

        Map<String, INDArray> merged = parameters(write(
                tensors,
                "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": " + alpha + ", \"bias\": \"none\"" + more + "}"));

        String packed = "visual.transformer.resblocks.1.attn.in_proj_weight";
        String hidden = "transformer.resblocks.0.mlp.c_fc.weight";
        for (int row = 0; row < 48; row++) {
            for (int column = 0; column < 16; column++) {
                boolean inKeys = row >= 16 && row < 32;
                double added = inKeys
                        ? keys * product(tensors, KEYS + ".lora_B.weight", KEYS + ".lora_A.weight", row - 16, column)
                        : 0;
                assertThat(merged.get(packed).getDouble(row, column))
                        .isCloseTo(plain.get(packed).getDouble(row, column) + added, within(1e-5));
            }
            for (int column = 0; column < 12; column++) {
                double added = fc1 * product(tensors, FC1 + ".lora_B.weight", FC1 + ".lora_A.weight", row, column);
                assertThat(merged.get(hidden).getDouble(row, column))
                        .isCloseTo(plain.get(hidden).getDouble(row, column) + added, within(1e-5));
            }
        }
        assertThat(merged.get("visual.proj"))
                .isEqualTo(tensors.get("visual_projection.weight").transpose());
        assertThat(merged.get("text_projection")).isEqualTo(plain.get("text_projection"));
    }

    @Test
    void convolutionsAndEmbeddingsAreMergedToo() throws IOException {
        Map<String, INDArray> tensors = adapter();
        Map<String, INDArray> plain = parameters(null);
        Map<String, INDArray> merged = parameters(write(tensors, "{\"r\": 2, \"lora_alpha\": 4}"));

        INDArray a = tensors.get(CONV + ".lora_A.weight");
        INDArray b = tensors.get(CONV + ".lora_B.weight");
        for (int[] at : new int[][] {{0, 0, 0, 0}, {15, 2, 3, 1}, {7, 1, 0, 3}}) {
            double added = 0;
            for (int k = 0; k < 2; k++) {
                added += 2 * b.getDouble(at[0], k, 0, 0) * a.getDouble(k, at[1], at[2], at[3]);
            }
            assertThat(merged.get("visual.conv1.weight").getDouble(at))
                    .isCloseTo(plain.get("visual.conv1.weight").getDouble(at) + added, within(1e-5));
        }
        for (int[] at : new int[][] {{0, 0}, {519, 11}, {300, 4}}) {
            double added =
                    2 * product(tensors, TOKENS + ".lora_embedding_B", TOKENS + ".lora_embedding_A", at[1], at[0]);
            assertThat(merged.get("token_embedding.weight").getDouble(at))
                    .isCloseTo(plain.get("token_embedding.weight").getDouble(at) + added, within(1e-5));
        }
    }

    private static double product(Map<String, INDArray> tensors, String b, String a, int row, int column) {
        double sum = 0;
        for (int k = 0; k < tensors.get(a).size(0); k++) {
            sum += tensors.get(b).getDouble(row, k) * tensors.get(a).getDouble(k, column);
        }
        return sum;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"peft_type\": \"IA3\"}                 | peft_type is \"IA3\": only LORA can be merged",
                "{\"use_dora\": true}                     | use_dora is true: such adapters cannot be merged",
                "{\"init_lora_weights\": \"pissa_niter_4\"} | it was trained on changed weights",
                "{\"alpha_pattern\": {\"fc1\": \"8\"}}     | alpha_pattern.fc1 is \"8\": a number is needed",
                "{\"alpha_pattern\": [8]}                 | alpha_pattern is [8]: patterns of module names are needed",
                "{\"rank_pattern\": {\"k_proj\": 2.5}}    | rank_pattern.k_proj is 2.5: a whole number from 1 on is"
                        + " needed",
                "{\"rank_pattern\": {\"k_proj\": 0}}      | rank_pattern.k_proj is 0: a whole number from 1 on is"
                        + " needed"
            })
    void anAdapterOfAnotherKindIsNamedByItsKey(String config, String message) throws IOException {
        Path adapter = write(adapter(), config);

        assertThatThrownBy(() -> parameters(adapter))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("adapter_config.json: ", message);
    }

    @Test
    void anAdapterOfAnotherModelIsRefused() throws IOException {
        String config = "{\"base_model_name_or_path\": \"openai/clip\"}";
        Map<String, INDArray> elsewhere = adapter();
        elsewhere.put("head.lora_A.weight", Nd4j.ones(2, 2));
        elsewhere.put("head.lora_B.weight", Nd4j.ones(2, 2));
        assertThatThrownBy(() -> parameters(write(elsewhere, config)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("it changes 'head.weight', which ")
                .hasMessageContaining("trained on, openai/clip");

        Map<String, INDArray> wider = adapter();
        wider.put(KEYS + ".lora_A.weight", Nd4j.ones(2, 17));
        assertThatThrownBy(() -> parameters(write(wider, config)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(
                        "lora_A [2, 17] and lora_B [16, 2] of " + KEYS + " do not fit the base's [16, 16]");

        Map<String, INDArray> half = adapter();
        half.remove(KEYS + ".lora_B.weight");
        assertThatThrownBy(() -> parameters(write(half, config)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("there is only lora_A");
    }

    @Test
    void ofABaseInOtherNamesTheFormIsAskedFor() throws Exception {
        Path openClip = Path.of(LoraAdapterTest.class
                .getResource("openclip/open_clip_pytorch_model.safetensors")
                .toURI());
        Path adapter = write(adapter(), "{}");

        assertThatThrownBy(() -> PretrainedClip.load(
                        new PretrainedClip.Origin(openClip, null, null, adapter, null), (done, total) -> {}))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("model export --format hf");
    }

    @Test
    void anAdapterAloneIsNoModel() throws IOException {
        Path adapter = write(adapter(), "{}");

        assertThatThrownBy(() -> PretrainedClip.load(PretrainedClip.Origin.of(adapter), (done, total) -> {}))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("is a LoRA adapter, which holds only what it adds");
        assertThatThrownBy(() -> parameters(base().getParent()))
                .isInstanceOf(NoSuchFileException.class)
                .hasMessageContaining("--adapter takes the folder of a LoRA adapter");
    }
}
