package org.rafclip.text;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A byte-level BPE vocabulary: 256 byte symbols, the same with the end-of-word mark, one token for every merge, start and
 * end token.
 *
 * @param ids token to id
 * @param merges pairs of tokens in the order they are applied
 */
record BpeVocabulary(Map<String, Integer> ids, List<Merge> merges) {
    static final String WORD_END = "</w>";
    static final int BYTE_TOKENS = 2 * 256;
    static final int SPECIAL_TOKENS = 2;

    /** Two neighbouring tokens that become one. */
    record Merge(String left, String right) {
        String joined() {
            return left + right;
        }
    }

    /**
     * The vocabulary that CLIP builds from a list of merges. A token that two merges make keeps the later id, so ids may
     * have gaps.
     */
    static BpeVocabulary fromMerges(List<Merge> merges) {
        List<String> tokens = byteTokens();
        merges.forEach(merge -> tokens.add(merge.joined()));
        tokens.add(ClipText.START);
        tokens.add(ClipText.END);
        Map<String, Integer> ids = new LinkedHashMap<>();
        for (int id = 0; id < tokens.size(); id++) {
            ids.put(tokens.get(id), id);
        }
        return new BpeVocabulary(ids, List.copyOf(merges));
    }

    /** The first tokens of every vocabulary: the printable bytes, the others, both again with the word end. */
    static List<String> byteTokens() {
        List<String> tokens = new ArrayList<>();
        for (int b = 0; b < 256; b++) {
            if (isPrintable(b)) {
                tokens.add(Character.toString(b));
            }
        }
        int printable = tokens.size();
        for (int i = 0; i < 256 - printable; i++) {
            tokens.add(Character.toString(256 + i));
        }
        for (int i = 0; i < 256; i++) {
            tokens.add(tokens.get(i) + WORD_END);
        }
        return tokens;
    }

    /** The visible character that stands for each byte: itself, or for unprintable bytes one from U+0100 on. */
    static char[] byteSymbols() {
        char[] symbols = new char[256];
        char next = 256;
        for (int b = 0; b < 256; b++) {
            symbols[b] = isPrintable(b) ? (char) b : next++;
        }
        return symbols;
    }

    private static boolean isPrintable(int b) {
        return b >= '!' && b <= '~' || b >= '\u00a1' && b <= '\u00ac' || b >= '\u00ae' && b <= '\u00ff';
    }

    /** The vocabulary as the {@code tokenizer.json} that Hugging Face's libraries read. */
    ObjectNode toTokenizerJson() {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("version", "1.0");
        root.putNull("padding");
        ArrayNode added = root.putArray("added_tokens");
        for (String special : List.of(ClipText.START, ClipText.END)) {
            added.addObject()
                    .put("id", ids.get(special))
                    .put("content", special)
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", true)
                    .put("special", true);
        }

        ObjectNode normalizer = root.putObject("normalizer").put("type", "Sequence");
        ArrayNode steps = normalizer.putArray("normalizers");
        steps.addObject().put("type", "NFC");
        ObjectNode blanks = steps.addObject().put("type", "Replace");
        blanks.putObject("pattern").put("Regex", "\\s+");
        blanks.put("content", " ");
        steps.addObject().put("type", "Lowercase");

        ArrayNode splits =
                root.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
        ObjectNode words = splits.addObject().put("type", "Split");
        words.putObject("pattern").put("Regex", ClipText.WORD_PATTERN);
        words.put("behavior", "Removed").put("invert", true);
        splits.addObject()
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", false);

        ObjectNode frame = root.putObject("post_processor").put("type", "RobertaProcessing");
        frame.putArray("sep").add(ClipText.END).add(ids.get(ClipText.END));
        frame.putArray("cls").add(ClipText.START).add(ids.get(ClipText.START));
        frame.put("trim_offsets", false).put("add_prefix_space", false);

        root.putObject("decoder")
                .put("type", "ByteLevel")
                .put("add_prefix_space", true)
                .put("trim_offsets", true)
                .put("use_regex", true);

        ObjectNode model = root.putObject("model").put("type", "BPE");
        model.putNull("dropout");
        model.put("unk_token", ClipText.END)
                .put("continuing_subword_prefix", "")
                .put("end_of_word_suffix", WORD_END)
                .put("fuse_unk", false);
        ObjectNode vocabulary = model.putObject("vocab");
        ids.forEach(vocabulary::put);
        ArrayNode pairs = model.putArray("merges");
        merges.forEach(merge -> pairs.add(merge.left() + " " + merge.right()));
        return root;
    }
}
