package org.rafclip.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Sha256;

/**
 * A byte-pair tokenizer in the files of transformers' {@code CLIPTokenizer}.
 *
 * @param tokens by id, special ones included
 * @param merges two tokens with a blank between, in the order they are applied
 */
record PublishedTokenizer(
        Map<Integer, String> tokens, List<String> merges, int startToken, int endToken, int contextLength) {

    /** More merges transformers' and OpenCLIP's tokenizers leave unread. */
    private static final int MOST_MERGES = 48_894;

    /** The SHA-256 of CLIP's merges, a line each. */
    private static final String CLIPS_MERGES = "f61f2adf497e6f5357c347aeb4646fabe82f341e946de5bdec5d2858e41bef4a";

    /** @param json of {@code tokenizer.json} */
    static PublishedTokenizer of(JsonNode json, int startToken, int endToken, int contextLength) {
        JsonNode model = json.path("model");
        String type = model.path("type").asText("BPE");
        if (!type.equals("BPE") || !model.path("merges").isArray()) {
            throw new DataException("the model's tokenizer is of the kind " + type
                    + ", transformers' CLIPTokenizer is one of byte pairs (BPE)");
        }
        Map<Integer, String> tokens = new TreeMap<>();
        model.path("vocab")
                .properties()
                .forEach(entry -> tokens.put(entry.getValue().asInt(), entry.getKey()));
        for (JsonNode added : json.path("added_tokens")) {
            tokens.put(added.path("id").asInt(), added.path("content").asText());
        }
        List<String> merges = new ArrayList<>();
        for (JsonNode merge : model.path("merges")) {
            merges.add(
                    merge.isArray() ? merge.get(0).asText() + " " + merge.get(1).asText() : merge.asText());
        }
        if (merges.size() > MOST_MERGES) {
            throw new DataException("the model's tokenizer has " + merges.size()
                    + " merges, transformers' CLIPTokenizer" + " reads only the first " + MOST_MERGES);
        }
        return new PublishedTokenizer(tokens, merges, startToken, endToken, contextLength);
    }

    /**
     * Says beside a {@code tokenizer.json} of another kind what its tokens stand for, for transformers'
     * {@code PreTrainedTokenizerFast}.
     *
     * @param json of {@code tokenizer.json}
     * @param fillToken what fills texts up
     */
    static void describe(
            Path folder, JsonNode json, OptionalInt startToken, int endToken, int fillToken, int contextLength)
            throws IOException {
        Map<Integer, String> special = new TreeMap<>();
        for (JsonNode added : json.path("added_tokens")) {
            special.put(added.path("id").asInt(), added.path("content").asText());
        }
        ObjectNode settings = new ObjectMapper().createObjectNode();
        startToken.ifPresent(start -> settings.put("bos_token", special.get(start)));
        settings.put("eos_token", special.get(endToken))
                .put("pad_token", special.get(fillToken))
                .put("padding_side", "right")
                .put("clean_up_tokenization_spaces", false)
                .put("model_max_length", contextLength)
                .put("tokenizer_class", "PreTrainedTokenizerFast");
        ObjectWriter pretty = new ObjectMapper().writerWithDefaultPrettyPrinter();
        AtomicFiles.writeString(folder.resolve("tokenizer_config.json"), pretty.writeValueAsString(settings) + "\n");
    }

    boolean isClips() {
        return merges.size() == MOST_MERGES
                && Sha256.of(String.join("\n", merges)).equals(CLIPS_MERGES);
    }

    void write(Path folder) throws IOException {
        ObjectWriter pretty = new ObjectMapper().writerWithDefaultPrettyPrinter();
        ObjectNode vocabulary = new ObjectMapper().createObjectNode();
        tokens.forEach((id, token) -> vocabulary.put(token, id));
        AtomicFiles.writeString(folder.resolve("vocab.json"), vocabulary.toString());
        AtomicFiles.writeString(
                folder.resolve("merges.txt"),
                merges.stream().map(merge -> merge + "\n").collect(Collectors.joining("", "#version: 0.2\n", "")));
        ObjectNode settings = special(true)
                .put("add_prefix_space", false)
                .put("do_lower_case", true)
                .put("errors", "replace")
                .put("model_max_length", contextLength)
                .put("tokenizer_class", "CLIPTokenizer");
        AtomicFiles.writeString(folder.resolve("tokenizer_config.json"), pretty.writeValueAsString(settings) + "\n");
        AtomicFiles.writeString(
                folder.resolve("special_tokens_map.json"), pretty.writeValueAsString(special(false)) + "\n");
    }

    /** What stands for a text's start, its end, and, as with all CLIPs the end token again, the unknown and the padding. */
    private ObjectNode special(boolean typed) {
        ObjectNode json = new ObjectMapper().createObjectNode();
        put(json.putObject("bos_token"), startToken, typed);
        put(json.putObject("eos_token"), endToken, typed);
        put(json.putObject("unk_token"), endToken, typed);
        json.put("pad_token", tokens.get(endToken));
        return json;
    }

    private void put(ObjectNode token, int id, boolean typed) {
        if (typed) {
            token.put("__type", "AddedToken");
        }
        token.put("content", tokens.get(id))
                .put("lstrip", false)
                .put("normalized", true)
                .put("rstrip", false)
                .put("single_word", false);
    }
}
