package org.rafclip.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;
import org.rafclip.text.ClipTokenizer;

/** How a project names CLIP's parameters, and which of its file's tensors make which of ours. */
enum Dialect {

    /** OpenCLIP and OpenAI: our names, beside OpenAI's three counts. Models built with {@code custom_text} put {@code text.} before the text tower's. */
    OPEN_CLIP(
            "open_clip_config.json",
            "open_clip_model.safetensors",
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
        ObjectNode describe(ClipConfig config, ClipTokenizer tokenizer) {
            return OpenClipConfig.write(config, tokenizer);
        }

        @Override
        Recipe recipe(String parameter, Set<String> names) {
            boolean prefixed = names.contains("text.token_embedding.weight");
            boolean text = !DualEncoder.isVisual(parameter) && !parameter.equals(DualEncoder.LOGIT_SCALE);
            return Recipe.same(prefixed && text ? "text." + parameter : parameter);
        }
    },

    /** {@code CLIPModel} of Hugging Face's transformers: q, k and v apart, projections as linear layers. */
    HUGGING_FACE(
            "config.json",
            "model.safetensors",
            Set.of("vision_model.embeddings.position_ids", "text_model.embeddings.position_ids")) {
        @Override
        boolean speaks(Set<String> names) {
            return names.contains("vision_model.embeddings.patch_embedding.weight");
        }

        @Override
        ClipConfig config(JsonNode json, String origin) {
            return HuggingFaceConfig.read(json, origin);
        }

        @Override
        ObjectNode describe(ClipConfig config, ClipTokenizer tokenizer) {
            return HuggingFaceConfig.write(config, tokenizer);
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
    private final String weightsFile;
    private final Set<String> buffers;

    /**
     * @param configFile what the project calls the file that describes a model
     * @param weightsFile what it calls that of the weights
     * @param buffers tensors that some files hold and no parameter is made of
     */
    Dialect(String configFile, String weightsFile, Set<String> buffers) {
        this.configFile = configFile;
        this.weightsFile = weightsFile;
        this.buffers = buffers;
    }

    /** Whether a file with these tensors is of this project. */
    abstract boolean speaks(Set<String> names);

    /** The model that the project's description is of. */
    abstract ClipConfig config(JsonNode json, String origin);

    /**
     * The project's description of a model.
     *
     * @throws org.rafclip.data.DataException if its code has no such architecture; the message names what it lacks
     */
    abstract ObjectNode describe(ClipConfig config, ClipTokenizer tokenizer);

    /** What a parameter of ours is made of. */
    abstract Recipe recipe(String parameter, Set<String> names);

    /** The project's tensors of a model, by its names: views of our parameters. */
    Map<String, INDArray> tensors(Map<String, INDArray> parameters) {
        Map<String, INDArray> tensors = new LinkedHashMap<>();
        parameters.forEach((parameter, array) -> {
            Recipe recipe = recipe(parameter, Set.of());
            switch (recipe.assembly()) {
                case SAME -> tensors.put(recipe.tensors().get(0), array);
                case TRANSPOSED -> tensors.put(recipe.tensors().get(0), array.transpose());
                case STACKED -> {
                    long rows = array.size(0) / recipe.tensors().size();
                    for (int part = 0; part < recipe.tensors().size(); part++) {
                        tensors.put(
                                recipe.tensors().get(part),
                                array.get(NDArrayIndex.interval(part * rows, (part + 1) * rows)));
                    }
                }
            }
        });
        return tensors;
    }

    String configFile() {
        return configFile;
    }

    String weightsFile() {
        return weightsFile;
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
