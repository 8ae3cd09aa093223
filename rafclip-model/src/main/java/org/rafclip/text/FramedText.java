package org.rafclip.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.rafclip.data.DataException;

/**
 * Pieces between a start and an end token, as their {@code tokenizer.json} frames them: word pieces, which CLIPA took over from
 * BERT, and XLM-RoBERTa's sentence pieces.
 */
enum FramedText {
    WORD_PIECES(ClipTokenizer.Kind.WORD_PIECES, "[CLS]", "[PAD]"),
    XLM_ROBERTA(ClipTokenizer.Kind.XLM_ROBERTA, "<s>", "<pad>");

    private final ClipTokenizer.Kind kind;
    private final String start;
    private final String fill;

    FramedText(ClipTokenizer.Kind kind, String start, String fill) {
        this.kind = kind;
        this.start = start;
        this.fill = fill;
    }

    /** The kind that a {@code tokenizer.json} is of, null for none. */
    static FramedText of(JsonNode json) {
        return switch (json.at("/model/type").asText()) {
            case "WordPiece" -> WORD_PIECES;
            case "Unigram" -> SiglipText.special(json, XLM_ROBERTA.start).isPresent() ? XLM_ROBERTA : null;
            default -> null;
        };
    }

    ClipTokenizer.Kind kind() {
        return kind;
    }

    /** Ends texts with what fills them up, in the place of the end token: OpenCLIP's {@code strip_sep_token}. */
    void endWithFilling(ObjectNode json, String origin) {
        SiglipText.frame(json, start, required(json, start, origin), fill, required(json, fill, origin));
    }

    /**
     * Says how texts are filled up.
     *
     * @return the token that does
     * @throws DataException if there is none
     */
    int complete(ObjectNode json, ClipTokenizer.Context context, String origin) {
        int id = required(json, fill, origin);
        if (context.filled()) {
            SiglipText.fill(json, context.length(), fill, id);
        }
        return id;
    }

    private static int required(JsonNode json, String token, String origin) {
        return SiglipText.special(json, token)
                .orElseThrow(() -> new DataException(origin + ": it has no token " + token
                        + " among its added_tokens: take the tokenizer of the model itself"));
    }
}
