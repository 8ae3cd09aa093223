package org.rafclip.weights;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.Projection;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.weights.Dialect.Assembly;
import org.rafclip.weights.Dialect.Recipe;

/** OpenCLIP's text towers of transformers' XLM-RoBERTa: how they are described, and what their tensors are called. */
final class Roberta {

    static final String EMBEDDINGS = "text.transformer.embeddings.";

    private static final Set<String> KEYS = Set.of(
            "hf_model_name",
            "hf_pooler_type",
            "pooler_type",
            "hf_proj_type",
            "proj",
            "hf_model_config",
            "context_length");

    private static final Set<String> SIZES = Set.of(
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "vocab_size",
            "max_position_embeddings",
            "layer_norm_eps");

    private static final int VOCABULARY = 250_002;
    private static final int POSITIONS = 514;

    private Roberta() {}

    /** Whether tensors have such a text tower. */
    static boolean isIn(Set<String> names) {
        return names.stream().anyMatch(name -> name.startsWith(EMBEDDINGS));
    }

    private record Size(int width, int layers, int heads, int hidden) {

        static final Size BASE = new Size(768, 12, 12, 3072);
        static final Size LARGE = new Size(1024, 24, 16, 4096);

        static Size named(Keys text) {
            String name = text.text("hf_model_name", "");
            return switch (name.substring(name.lastIndexOf('/') + 1)) {
                case "xlm-roberta-base" -> BASE;
                case "xlm-roberta-large" -> LARGE;
                default ->
                    throw text.unlike(
                            "hf_model_name",
                            "of transformers' text towers only XLM-RoBERTa's can be read, xlm-roberta-base and"
                                    + " xlm-roberta-large");
            };
        }
    }

    /**
     * The tower that {@code text_cfg} describes, with the defaults of OpenCLIP's {@code CLIPTextCfg}.
     *
     * @param image the image tower's activation
     * @param eps the image tower's
     * @throws org.rafclip.data.DataException if it is another one, or read in another way; the message names the key
     */
    static ClipConfig.Text read(Keys text, Activation image, double eps) {
        Size size = Size.named(text);
        text.requireOnly(
                KEYS,
                OpenClipConfig.harmless(
                        "hf_tokenizer_name",
                        null,
                        "hf_model_pretrained",
                        null,
                        "tokenizer_kwargs",
                        null,
                        "output_tokens",
                        null));
        if (!text.text("hf_pooler_type", text.text("pooler_type", "mean_pooler"))
                .equals("mean_pooler")) {
            String key = text.json().has("hf_pooler_type") ? "hf_pooler_type" : "pooler_type";
            throw text.unlike(key, "the mean of a text's tokens is its feature (mean_pooler)");
        }
        Keys changed = OpenClipConfig.child(text, "hf_model_config");
        changed.requireOnly(
                SIZES,
                OpenClipConfig.harmless(
                        "hidden_dropout_prob",
                        null,
                        "attention_probs_dropout_prob",
                        null,
                        "hidden_act",
                        "gelu",
                        "type_vocab_size",
                        1,
                        "pad_token_id",
                        1,
                        "position_embedding_type",
                        "absolute"));
        int width = changed.count("hidden_size", size.width());
        int context = text.count("context_length", 77);
        int positions = changed.count("max_position_embeddings", POSITIONS);
        if (context > positions - Recipe.FIRST_POSITION) {
            throw text.unlike(
                    "context_length",
                    "this tower has " + (positions - Recipe.FIRST_POSITION) + " positions for a text's tokens");
        }
        double own = changed.number("layer_norm_eps", ClipConfig.LAYER_NORM_EPS);
        return ClipConfig.Text.ofClip(
                        context,
                        changed.count("vocab_size", VOCABULARY),
                        width,
                        changed.count("num_hidden_layers", size.layers()),
                        changed.count("num_attention_heads", size.heads()),
                        (double) changed.count("intermediate_size", size.hidden()) / width)
                .withCausal(false)
                .withPool(TextPool.MEAN)
                .withProjection(projection(text))
                .withActivation(image == Activation.GELU ? null : Activation.GELU)
                .withLayerNormEps(own == eps ? null : own)
                .withPostNorm(true);
    }

    private static Projection projection(Keys text) {
        String key = text.json().has("proj") && !text.json().has("hf_proj_type") ? "proj" : "hf_proj_type";
        if (text.json().path(key).isNull()) {
            return Projection.NONE;
        }
        return switch (text.text(key, "mlp")) {
            case "mlp" -> Projection.MLP;
            case "linear" -> Projection.MATRIX;
            default -> throw text.unlike(key, "mlp, linear and none (null) can be read");
        };
    }

    /** The setting of a text tower with norms behind its sums that no such tower of OpenCLIP's is like; empty for none. */
    static Optional<String> unlike(ClipConfig config, ClipTokenizer.Kind texts) {
        ClipConfig.Text text = config.text();
        String setting = null;
        if (text.causal() || text.pool() != TextPool.MEAN) {
            setting = "text.post-norm: true with text.causal: " + text.causal() + " and text.pool: "
                    + Unsayable.word(text.pool());
        } else if (text.projection() == Projection.LINEAR) {
            setting = "text.projection: linear with text.post-norm: true";
        } else if (config.textActivation() != Activation.GELU) {
            setting = "activation: " + Unsayable.word(config.textActivation()) + " of texts with text.post-norm: true";
        } else if (texts != ClipTokenizer.Kind.XLM_ROBERTA) {
            setting = "tokenizer, which is not XLM-RoBERTa's";
        }
        return Optional.ofNullable(setting);
    }

    /**
     * Describes a text tower that is not {@link #unlike}.
     *
     * @param json {@code text_cfg}
     */
    static void write(ClipConfig config, ObjectNode json) {
        ClipConfig.Text text = config.text();
        int hidden = (int) Math.round(text.width() * text.mlpRatio());
        Size size = new Size(text.width(), text.layers(), text.heads(), hidden);
        Size named = size.equals(Size.LARGE) ? Size.LARGE : Size.BASE;
        json.put("context_length", text.contextLength())
                .put("hf_model_name", named == Size.LARGE ? "xlm-roberta-large" : "xlm-roberta-base")
                .put("hf_pooler_type", "mean_pooler");
        switch (text.projection()) {
            case MLP -> json.put("hf_proj_type", "mlp");
            case MATRIX -> json.put("hf_proj_type", "linear");
            default -> json.putNull("hf_proj_type");
        }
        // Releases of OpenCLIP up to 3.3 do not know hf_model_config: it is there where it has to be.
        ObjectNode changed = json.objectNode();
        if (!size.equals(named)) {
            changed.put("hidden_size", size.width())
                    .put("num_hidden_layers", size.layers())
                    .put("num_attention_heads", size.heads())
                    .put("intermediate_size", size.hidden());
        }
        if (text.vocabularySize() != VOCABULARY) {
            changed.put("vocab_size", text.vocabularySize());
        }
        if (positions(text.contextLength()) != POSITIONS) {
            changed.put("max_position_embeddings", positions(text.contextLength()));
        }
        if (config.textLayerNormEps() != ClipConfig.LAYER_NORM_EPS) {
            changed.put("layer_norm_eps", config.textLayerNormEps());
        }
        if (!changed.isEmpty()) {
            json.set("hf_model_config", changed);
        }
    }

    /** Rows of a written table of positions, for those that texts can have. */
    static int positions(long contextLength) {
        return (int) Math.max(POSITIONS, contextLength + Recipe.FIRST_POSITION);
    }

    /** What a parameter of the text tower is made of. */
    static Recipe recipe(String parameter) {
        String block = "transformer.resblocks.";
        if (parameter.startsWith(block)) {
            int dot = parameter.indexOf('.', block.length());
            String layer = "text.transformer.encoder.layer." + parameter.substring(block.length(), dot);
            String inner = parameter.substring(dot);
            String packed = ".attn.in_proj_";
            return inner.startsWith(packed)
                    ? new Recipe(
                            Assembly.STACKED,
                            Stream.of("query", "key", "value")
                                    .map(part ->
                                            layer + ".attention.self." + part + "." + inner.substring(packed.length()))
                                    .toList(),
                            List.of(1, 1, 1))
                    : Recipe.same(layer
                            + inner.replace(".attn.out_proj", ".attention.output.dense")
                                    .replace(".ln_1", ".attention.output.LayerNorm")
                                    .replace(".ln_2", ".output.LayerNorm")
                                    .replace(".mlp.c_fc", ".intermediate.dense")
                                    .replace(".mlp.c_proj", ".output.dense"));
        }
        Map<String, Recipe> others = Map.of(
                "token_embedding.weight",
                Recipe.same(EMBEDDINGS + "word_embeddings.weight"),
                "positional_embedding",
                new Recipe(
                        Assembly.POSITIONS,
                        List.of(EMBEDDINGS + "position_embeddings.weight", EMBEDDINGS + "token_type_embeddings.weight"),
                        List.of(1, 1)),
                "ln_embedding.weight",
                Recipe.same(EMBEDDINGS + "LayerNorm.weight"),
                "ln_embedding.bias",
                Recipe.same(EMBEDDINGS + "LayerNorm.bias"),
                "text_projection",
                Recipe.transposed("text.proj.weight"),
                "text_projection.c_fc",
                Recipe.transposed("text.proj.0.weight"),
                "text_projection.c_proj",
                Recipe.transposed("text.proj.2.weight"));
        return others.getOrDefault(parameter, Recipe.same("text." + parameter));
    }
}
