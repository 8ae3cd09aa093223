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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.io.Safetensors;
import org.rafclip.text.Encoded;

/** A model as others publish it, in a folder: one of those that the original code wrote, or a changed copy of it. */
record PublishedModel(Path folder) {

    /** @param name of a folder that a script of {@code src/test/python} wrote */
    static PublishedModel of(String name) {
        try {
            return new PublishedModel(
                    Path.of(PublishedModel.class.getResource(name).toURI()));
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    PublishedModel copiedTo(Path dir) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.copy(file, dir.resolve(file.getFileName()));
            }
        }
        return new PublishedModel(dir);
    }

    /**
     * The same, a copy, with another value in its description.
     *
     * @param object that the key is of, as a JSON pointer
     * @param value as JSON
     */
    PublishedModel changed(String object, String key, String value) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json = (ObjectNode) mapper.readTree(config().toFile());
        ((ObjectNode) json.at(object)).set(key, mapper.readTree(value));
        mapper.writeValue(config().toFile(), json);
        return this;
    }

    /** The same, a copy, with other tensors. */
    PublishedModel changed(Consumer<Map<String, INDArray>> change) throws IOException {
        Map<String, INDArray> tensors = tensors();
        change.accept(tensors);
        Safetensors.write(weights(), tensors, Map.of());
        return this;
    }

    Map<String, INDArray> tensors() throws IOException {
        return new LinkedHashMap<>(Safetensors.readAll(weights()));
    }

    Path weights() {
        return first("model.safetensors", "open_clip_model.safetensors", "open_clip_pytorch_model.safetensors");
    }

    Path config() {
        return first("config.json", "open_clip_config.json");
    }

    Path golden() {
        return folder.resolve("golden.safetensors");
    }

    private Path first(String... names) {
        return Stream.of(names)
                .map(folder::resolve)
                .filter(Files::exists)
                .findFirst()
                .orElseThrow();
    }

    ClipModel load() throws IOException {
        return load(this);
    }

    /** @param words whose tokenizer it is given */
    ClipModel load(PublishedModel words) throws IOException {
        return PretrainedClip.load(new PretrainedClip.Origin(weights(), null, words.folder, null, null), Progress.NONE)
                .model();
    }

    /** Holds a model against the features that the original code has of this one, outputs in their order. */
    void requireFeatures(ClipModel model, String... outputs) throws IOException {
        FeatureCheck check = FeatureCheck.against(golden(), model);
        assertThat(check.rows()).extracting(FeatureCheck.Row::output).containsExactly(outputs);
        assertThat(check.rows()).allSatisfy(row -> {
            assertThat(row.worst()).as(row.output()).isLessThan(1e-5);
            assertThat(row.largest()).isGreaterThan(0.5);
        });
    }

    /** Holds a model's tokens against those of the original code, some of which are of texts that are too long. */
    Encoded requireTokens(ClipModel model) throws IOException {
        JsonNode golden =
                new ObjectMapper().readTree(folder.resolve("tokens.json").toFile());
        List<String> texts = new ArrayList<>();
        golden.get("texts").forEach(text -> texts.add(text.asText()));
        Encoded encoded = model.tokenizer().encode(texts);
        for (int i = 0; i < texts.size(); i++) {
            List<Integer> expected = new ArrayList<>();
            golden.get("tokens").get(i).forEach(token -> expected.add(token.asInt()));
            assertThat(encoded.ids()[i])
                    .as(texts.get(i))
                    .containsExactly(
                            expected.stream().mapToInt(Integer::intValue).toArray());
        }
        assertThat(encoded.cut()).isPositive();
        return encoded;
    }

    /** Requires of a copy that a tensor which is missing, or of another shape, is named. */
    void requireNamed(String tensor, PublishedModel words) throws IOException {
        changed(tensors -> tensors.remove(tensor));
        assertThatThrownBy(() -> load(words))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("1 are missing (" + tensor + ")");

        changed(tensors -> tensors.put(tensor, Nd4j.ones(5, 3)));
        assertThatThrownBy(() -> load(words))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("'" + tensor + "' has the shape [5, 3]");
    }
}
