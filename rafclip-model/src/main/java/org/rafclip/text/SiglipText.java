package org.rafclip.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.Optional;
import org.rafclip.data.DataException;

/**
 * What SigLIP does to a text: clean it, cut it into sentence pieces, end it with a token, and fill it up. Its pieces are a
 * unigram model's, that of SigLIP 2 Gemma's byte pairs. Published {@code tokenizer.json} files hold the pieces; cleaning, end
 * and filling lie in the programs around them and in other files, and are written into the {@code tokenizer.json} here, so
 * that it says all.
 */
public final class SiglipText {

    private static final String PUNCTUATION = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]";

    private SiglipText() {}

    /** How a text is cleaned, in the language of {@code tokenizer.json}. */
    public enum Cleaning {
        /** Lower case, without punctuation and surplus blanks: SigLIP in transformers. */
        CANONICAL(lowercase(), replaced(PUNCTUATION, ""), replaced("\\s+", " "), stripped()),
        /** The same with blanks for underscores: OpenCLIP's {@code clean: canonicalize}. */
        CANONICAL_UNDERSCORES(
                replaced("_", " "), lowercase(), replaced(PUNCTUATION, ""), replaced("\\s+", " "), stripped()),
        /** Without surplus blanks: OpenCLIP's {@code clean: whitespace}. */
        BLANKS(replaced("\\s+", " "), stripped()),
        /** Lower case alone: SigLIP 2 in transformers. */
        LOWERCASE(lowercase());

        private final ObjectNode normalizer;

        Cleaning(ObjectNode... steps) {
            normalizer = sequence(steps);
        }

        private boolean takesBlanksOut() {
            return this != LOWERCASE;
        }
    }

    private static ObjectNode lowercase() {
        return JsonNodeFactory.instance.objectNode().put("type", "Lowercase");
    }

    private static ObjectNode replaced(String regex, String content) {
        ObjectNode node = JsonNodeFactory.instance.objectNode().put("type", "Replace");
        node.putObject("pattern").put("Regex", regex);
        return node.put("content", content);
    }

    private static ObjectNode stripped() {
        return JsonNodeFactory.instance
                .objectNode()
                .put("type", "Strip")
                .put("strip_left", true)
                .put("strip_right", true);
    }

    private static ObjectNode sequence(JsonNode... steps) {
        ObjectNode node = JsonNodeFactory.instance.objectNode().put("type", "Sequence");
        ArrayNode all = node.putArray("normalizers");
        Arrays.stream(steps).forEach(all::add);
        return node;
    }

    /** Whether a {@code tokenizer.json} is of SigLIP's kinds. */
    static boolean isFor(JsonNode json) {
        return isUnigram(json) || special(json, "<eos>").isPresent();
    }

    private static boolean isUnigram(JsonNode json) {
        return json.at("/model/type").asText().equals("Unigram");
    }

    /** Makes a way of cleaning the first step, where it changes anything before what is there. */
    static void clean(ObjectNode json, Cleaning cleaning) {
        Optional<Cleaning> first = cleaning(json);
        boolean done = first.filter(own -> own == cleaning || cleaning == Cleaning.BLANKS && own.takesBlanksOut())
                .isPresent();
        JsonNode before = json.path("normalizer");
        if (!done) {
            json.set(
                    "normalizer",
                    before.isObject() ? sequence(cleaning.normalizer, before) : sequence(cleaning.normalizer));
        }
    }

    /** The way of cleaning that a {@code tokenizer.json} begins with. */
    static Optional<Cleaning> cleaning(JsonNode json) {
        JsonNode first = json.at("/normalizer/normalizers/0");
        return Arrays.stream(Cleaning.values())
                .filter(cleaning -> cleaning.normalizer.equals(first))
                .findFirst();
    }

    /**
     * Adds what is missing: cleaning as transformers does it, the end token, how texts are filled up.
     *
     * @return the token that fills texts up
     * @throws DataException if the special tokens are missing
     */
    static int complete(ObjectNode json, ClipTokenizer.Context context, String origin) {
        boolean unigram = isUnigram(json);
        if (cleaning(json).isEmpty()) {
            clean(json, unigram ? Cleaning.CANONICAL : Cleaning.LOWERCASE);
        }
        String end = unigram ? "</s>" : "<eos>";
        String fill = unigram ? end : "<pad>";
        int endId = required(json, end, origin);
        int fillId = required(json, fill, origin);
        frame(json, null, 0, end, endId);
        if (context.filled()) {
            fill(json, context.length(), fill, fillId);
        }
        return fillId;
    }

    /**
     * Frames every text.
     *
     * @param start null for none
     */
    static void frame(ObjectNode json, String start, int startId, String end, int endId) {
        ObjectNode framed = json.putObject("post_processor").put("type", "TemplateProcessing");
        ArrayNode single = framed.putArray("single");
        ArrayNode pair = framed.putArray("pair");
        ObjectNode tokens = framed.putObject("special_tokens");
        if (start != null) {
            single.add(part("SpecialToken", start, 0));
            pair.add(part("SpecialToken", start, 0));
            special(tokens, start, startId);
        }
        single.add(part("Sequence", "A", 0)).add(part("SpecialToken", end, 0));
        pair.add(part("Sequence", "A", 0))
                .add(part("SpecialToken", end, 0))
                .add(part("Sequence", "B", 1))
                .add(part("SpecialToken", end, 1));
        special(tokens, end, endId);
    }

    private static void special(ObjectNode tokens, String name, int id) {
        ObjectNode token = tokens.putObject(name).put("id", name);
        token.putArray("ids").add(id);
        token.putArray("tokens").add(name);
    }

    /** Fills every text up to a length. */
    static void fill(ObjectNode json, int length, String token, int id) {
        ObjectNode padding = json.putObject("padding");
        padding.putObject("strategy").put("Fixed", length);
        padding.put("direction", "Right")
                .putNull("pad_to_multiple_of")
                .put("pad_id", id)
                .put("pad_type_id", 0)
                .put("pad_token", token);
    }

    private static ObjectNode part(String kind, String id, int type) {
        ObjectNode node = new ObjectMapper().createObjectNode();
        node.putObject(kind).put("id", id).put("type_id", type);
        return node;
    }

    private static int required(JsonNode json, String token, String origin) {
        return special(json, token)
                .orElseThrow(() -> new DataException(origin + ": it has no token " + token
                        + " among its added_tokens: take the tokenizer of a SigLIP model"));
    }

    /** The id of a special token. */
    static Optional<Integer> special(JsonNode json, String token) {
        for (JsonNode added : json.path("added_tokens")) {
            if (added.path("content").asText().equals(token) && added.path("id").isInt()) {
                return Optional.of(added.path("id").intValue());
            }
        }
        return Optional.empty();
    }
}
