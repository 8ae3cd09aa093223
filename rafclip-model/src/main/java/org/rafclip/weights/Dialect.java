package org.rafclip.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;

/** How a project names CLIP's parameters, and which of its file's tensors make which of ours. */
enum Dialect {

    /** OpenCLIP and OpenAI: our names, beside OpenAI's three counts. Models built with {@code custom_text} put {@code text.} before the text tower's. */
    OPEN_CLIP(
            "open_clip_config.json",
            Set.of("attn_mask", "text.attn_mask", "input_resolution", "context_length", "vocab_size")) {
        @Override
        boolean speaks(Set<String> names) {
            return names.contains("visual.conv1.weight");
        }

        @Override
        ClipConfig config(JsonNode json, String origin) {
            return OpenClipConfig.read(json, origin);
        }

        @Override
        Recipe recipe(String parameter, Set<String> names) {
            boolean prefixed = names.contains("text.token_embedding.weight");
            boolean text = !DualEncoder.isVisual(parameter) && !parameter.equals(DualEncoder.LOGIT_SCALE);
            return Recipe.same(prefixed && text ? "text." + parameter : parameter);
        }
    },

    /** {@code CLIPModel} of Hugging Face's transformers: q, k and v apart, projections as linear layers. */
    HUGGING_FACE("config.json", Set.of("vision_model.embeddings.position_ids", "text_model.embeddings.position_ids")) {
        @Override
        boolean speaks(Set<String> names) {
            return names.contains("vision_model.embeddings.patch_embedding.weight");
        }

        @Override
        ClipConfig config(JsonNode json, String origin) {
            return HuggingFaceConfig.read(json, origin);
        }

        @Override
        Recipe recipe(String parameter, Set<String> names) {
            return switch (parameter) {
                case "visual.class_embedding" -> Recipe.same("vision_model.embeddings.class_embedding");
                case "visual.conv1.weight" -> Recipe.same("vision_model.embeddings.patch_embedding.weight");
                case "visual.positional_embedding" -> Recipe.same("vision_model.embeddings.position_embedding.weight");
                case "visual.proj" -> Recipe.transposed("visual_projection.weight");
                case "token_embedding.weight" -> Recipe.same("text_model.embeddings.token_embedding.weight");
                case "positional_embedding" -> Recipe.same("text_model.embeddings.position_embedding.weight");
                case "text_projection" -> Recipe.transposed("text_projection.weight");
                case DualEncoder.LOGIT_SCALE -> Recipe.same(parameter);
                default -> ofTower(parameter);
            };
        }
    };

    private final String configFile;
    private final Set<String> buffers;

    /**
     * @param configFile what the project calls the file that describes a model
     * @param buffers tensors that some files hold and no parameter is made of
     */
    Dialect(String configFile, Set<String> buffers) {
        this.configFile = configFile;
        this.buffers = buffers;
    }

    /** Whether a file with these tensors is of this project. */
    abstract boolean speaks(Set<String> names);

    /** The model that the project's description is of. */
    abstract ClipConfig config(JsonNode json, String origin);

    /** What a parameter of ours is made of. */
    abstract Recipe recipe(String parameter, Set<String> names);

    String configFile() {
        return configFile;
    }

    boolean isBuffer(String tensor) {
        return buffers.contains(tensor);
    }

    /** How tensors become one parameter. */
    enum Assembly {
        SAME,
        /** A matrix that they store the other way round. */
        TRANSPOSED,
        /** Matrices or vectors, one below the other. */
        STACKED
    }

    record Recipe(Assembly assembly, List<String> tensors) {

        static Recipe same(String tensor) {
            return new Recipe(Assembly.SAME, List.of(tensor));
        }

        static Recipe transposed(String tensor) {
            return new Recipe(Assembly.TRANSPOSED, List.of(tensor));
        }
    }

    private static Recipe ofTower(String parameter) {
        boolean visual = DualEncoder.isVisual(parameter);
        String tower = visual ? "vision_model." : "text_model.";
        String name = visual ? parameter.substring("visual.".length()) : parameter;
        String block = "transformer.resblocks.";
        if (!name.startsWith(block)) {
            // The first layer norm's name is misspelt in every published file.
            return Recipe.same(tower
                    + name.replace("ln_pre", "pre_layrnorm")
                            .replace("ln_post", "post_layernorm")
                            .replace("ln_final", "final_layer_norm"));
        }
        int dot = name.indexOf('.', block.length());
        String layer = tower + "encoder.layers." + name.substring(block.length(), dot);
        String inner = name.substring(dot);
        if (inner.startsWith(".attn.in_proj_")) {
            List<String> parts = new ArrayList<>();
            for (String part : List.of("q", "k", "v")) {
                parts.add(layer + ".self_attn." + part + "_proj." + inner.substring(".attn.in_proj_".length()));
            }
            return new Recipe(Assembly.STACKED, List.copyOf(parts));
        }
        return Recipe.same(layer
                + inner.replace(".attn.out_proj", ".self_attn.out_proj")
                        .replace(".ln_", ".layer_norm")
                        .replace(".mlp.c_fc", ".mlp.fc1")
                        .replace(".mlp.c_proj", ".mlp.fc2"));
    }
}
