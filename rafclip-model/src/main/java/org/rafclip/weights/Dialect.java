package org.rafclip.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.TextSettings;

/** How a project names CLIP's parameters, and which of its file's tensors make which of ours. */
enum Dialect {

    /** OpenCLIP and OpenAI with a residual image tower, ModifiedResNet: convolutions and batch norms apart. */
    OPEN_CLIP_RESNET("open_clip_config.json", "open_clip_model.safetensors", Buffers.OPEN_CLIP) {
        @Override
        boolean speaks(Set<String> names) {
            return names.contains("visual.layer1.0.conv1.weight");
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
        boolean isBuffer(String tensor) {
            return super.isBuffer(tensor) || tensor.endsWith(".num_batches_tracked");
        }

        @Override
        Recipe recipe(String parameter, Layout layout) {
            Matcher folded = CONVOLUTION.matcher(parameter);
            if (folded.matches()) {
                String place = folded.group(1);
                boolean numbered = folded.group(2).startsWith("conv");
                String number = folded.group(2).substring("conv".length());
                String kernel = place + (numbered ? "conv" + number : "downsample.0") + ".weight";
                String norm = place + (numbered ? "bn" + number : "downsample.1");
                if (folded.group(3).equals("bias")) {
                    List<String> parts =
                            List.of(norm + ".bias", norm + ".weight", norm + ".running_mean", norm + ".running_var");
                    return new Recipe(Assembly.NORM_BIAS, parts, List.of());
                }
                List<String> parts = List.of(kernel, norm + ".weight", norm + ".running_var");
                boolean pixels = parameter.equals("visual.conv1.weight");
                return new Recipe(pixels ? Assembly.NORMED_PIXELS : Assembly.NORMED, parts, List.of());
            }
            if (parameter.startsWith(PACKED)) {
                String kind = parameter.substring(PACKED.length());
                return new Recipe(
                        Assembly.STACKED,
                        List.of("visual.attnpool.k_proj." + kind, "visual.attnpool.v_proj." + kind),
                        List.of(1, 1));
            }
            return OPEN_CLIP.recipe(parameter, layout);
        }
    },

    /** OpenCLIP and OpenAI: our names, beside OpenAI's three counts. Models built with {@code custom_text} put {@code text.} before the text tower's. */
    OPEN_CLIP("open_clip_config.json", "open_clip_model.safetensors", Buffers.OPEN_CLIP) {
        @Override
        boolean speaks(Set<String> names) {
            return names.contains("visual.conv1.weight") && !OPEN_CLIP_RESNET.speaks(names);
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
        TextSettings texts(JsonNode json, String origin) {
            return OpenClipConfig.texts(json, origin);
        }

        @Override
        OptionalInt endToken(JsonNode json, String origin) {
            return OpenClipConfig.endToken(json, origin);
        }

        @Override
        Recipe recipe(String parameter, Layout layout) {
            if (!DualEncoder.isTextual(parameter)) {
                return Recipe.same(parameter);
            }
            return layout.roberta()
                    ? Roberta.recipe(parameter)
                    : Recipe.same(layout.textsApart() ? "text." + parameter : parameter);
        }
    },

    /** OpenCLIP with an image tower of timm's, {@code visual.trunk.}: SigLIP's, or a plain vision transformer. */
    OPEN_CLIP_TIMM("open_clip_config.json", "open_clip_model.safetensors", Buffers.OPEN_CLIP) {
        @Override
        boolean speaks(Set<String> names) {
            return names.stream().anyMatch(name -> name.startsWith(TRUNK));
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
        TextSettings texts(JsonNode json, String origin) {
            return OpenClipConfig.texts(json, origin);
        }

        @Override
        OptionalInt endToken(JsonNode json, String origin) {
            return OpenClipConfig.endToken(json, origin);
        }

        @Override
        Recipe recipe(String parameter, Layout layout) {
            if (!DualEncoder.isVisual(parameter)) {
                return OPEN_CLIP.recipe(parameter, layout);
            }
            String name = parameter.substring("visual.".length());
            return switch (name) {
                case "positional_embedding" -> new Recipe(Assembly.ONLY, List.of(TRUNK + "pos_embed"), List.of(1));
                case "class_embedding" -> new Recipe(Assembly.ONLY_TOKEN, List.of(TRUNK + "cls_token"), List.of(1));
                case "proj" -> Recipe.transposed("visual.head.proj.weight");
                case "proj.weight", "proj.bias" -> {
                    String kind = name.substring("proj.".length());
                    yield Recipe.same((layout.headOfTrunk() ? TRUNK + "head." : "visual.head.proj.") + kind);
                }
                case "ln_post.weight", "ln_post.bias" -> {
                    String kind = name.substring("ln_post.".length());
                    yield Recipe.same(TRUNK + (layout.normBehindMean() ? "fc_norm." : "norm.") + kind);
                }
                case "attn_pool.probe" -> Recipe.same(TRUNK + "attn_pool.latent");
                case "attn_pool.attn.in_proj_weight", "attn_pool.attn.in_proj_bias" -> {
                    String kind = name.substring(name.lastIndexOf('_') + 1);
                    yield new Recipe(
                            Assembly.STACKED,
                            List.of(TRUNK + "attn_pool.q." + kind, TRUNK + "attn_pool.kv." + kind),
                            List.of(1, 2));
                }
                default ->
                    Recipe.same(TRUNK
                            + name.replace("conv1.", "patch_embed.proj.")
                                    .replace("transformer.resblocks.", "blocks.")
                                    .replace("attn.in_proj_", "attn.qkv.")
                                    .replace("attn_pool.attn.out_proj", "attn_pool.proj")
                                    .replace("attn_pool.ln.", "attn_pool.norm.")
                                    .replace("attn.out_proj", "attn.proj")
                                    .replace("ln_pre", "norm_pre")
                                    .replace(".ln_", ".norm")
                                    .replace("mlp.c_fc", "mlp.fc1")
                                    .replace("mlp.c_proj", "mlp.fc2"));
            };
        }
    },

    /** {@code CLIPModel}, {@code MetaClip2Model} and {@code SiglipModel} of Hugging Face's transformers: q, k and v apart, projections as linear layers. */
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
        OptionalInt endToken(JsonNode json, String origin) {
            return HuggingFaceConfig.endToken(json, origin);
        }

        @Override
        ObjectNode describe(ClipConfig config, ClipTokenizer tokenizer) {
            return HuggingFaceConfig.write(config, tokenizer);
        }

        @Override
        Recipe recipe(String parameter, Layout layout) {
            return switch (parameter) {
                case "visual.class_embedding" -> Recipe.same("vision_model.embeddings.class_embedding");
                case "visual.conv1.weight" -> Recipe.same("vision_model.embeddings.patch_embedding.weight");
                case "visual.conv1.bias" -> Recipe.same("vision_model.embeddings.patch_embedding.bias");
                case "visual.positional_embedding" -> Recipe.same("vision_model.embeddings.position_embedding.weight");
                case "visual.proj" -> Recipe.transposed("visual_projection.weight");
                case "token_embedding.weight" -> Recipe.same("text_model.embeddings.token_embedding.weight");
                case "positional_embedding" -> Recipe.same("text_model.embeddings.position_embedding.weight");
                case "text_projection" -> Recipe.transposed("text_projection.weight");
                case "text_projection.weight" -> Recipe.same("text_model.head.weight");
                case "text_projection.bias" -> Recipe.same("text_model.head.bias");
                case DualEncoder.LOGIT_SCALE, DualEncoder.LOGIT_BIAS ->
                    layout.listedScalars()
                            ? new Recipe(Assembly.ONLY, List.of(parameter), List.of(1))
                            : Recipe.same(parameter);
                default -> ofTower(parameter);
            };
        }
    };

    private static final String TRUNK = "visual.trunk.";

    /** Of the residual tower: where it stands, which convolution, and which of its two parameters. */
    private static final Pattern CONVOLUTION =
            Pattern.compile("(visual\\.(?:layer\\d\\.\\d+\\.)?)(conv\\d|downsample)\\.(weight|bias)");

    private static final String PACKED = "visual.attnpool.kv_proj.";

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
    abstract Recipe recipe(String parameter, Layout layout);

    /** The project's tensors of a model, by its names: views of our parameters. */
    Map<String, INDArray> tensors(ClipConfig config, Map<String, INDArray> parameters) {
        Layout layout = Layout.of(config);
        Map<String, INDArray> tensors = new LinkedHashMap<>();
        parameters.forEach((parameter, array) -> {
            Recipe recipe = recipe(parameter, layout);
            switch (recipe.assembly()) {
                case SAME -> tensors.put(recipe.tensors().get(0), array);
                case TRANSPOSED -> tensors.put(recipe.tensors().get(0), array.transpose());
                case ONLY, ONLY_TOKEN ->
                    tensors.put(recipe.tensors().get(0), array.reshape(recipe.wanted(0, array.shape())));
                case STACKED -> {
                    long row = 0;
                    for (int part = 0; part < recipe.tensors().size(); part++) {
                        long next = row + recipe.wanted(part, array.shape())[0];
                        tensors.put(recipe.tensors().get(part), array.get(NDArrayIndex.interval(row, next)));
                        row = next;
                    }
                }
                case POSITIONS -> {
                    // Behind those that texts have nothing is known; what stands on each of them is in these already.
                    INDArray all = Nd4j.zeros(array.dataType(), Roberta.positions(array.size(0)), array.size(1));
                    long end = Recipe.FIRST_POSITION + array.size(0);
                    all.get(NDArrayIndex.interval(Recipe.FIRST_POSITION, end)).assign(array);
                    tensors.put(recipe.tensors().get(0), all);
                    // A negative zero leaves every bit of what it is added to.
                    tensors.put(
                            recipe.tensors().get(1),
                            Nd4j.valueArrayOf(new long[] {1, array.size(1)}, -0.0, array.dataType()));
                }
                // The norms take nothing away and add the bias.
                case NORMED, NORMED_PIXELS -> {
                    long[] wanted = recipe.wanted(0, array.shape());
                    boolean turned = recipe.assembly() == Assembly.NORMED && array.rank() == 4;
                    tensors.put(recipe.tensors().get(0), turned ? array.permute(0, 3, 1, 2) : array.reshape(wanted));
                    tensors.put(recipe.tensors().get(1), Nd4j.ones(array.dataType(), array.size(0)));
                    tensors.put(
                            recipe.tensors().get(2),
                            Nd4j.valueArrayOf(
                                    new long[] {array.size(0)}, FoldedNorm.neutralVariance(), array.dataType()));
                }
                case NORM_BIAS -> {
                    tensors.put(recipe.tensors().get(0), array);
                    tensors.put(recipe.tensors().get(2), Nd4j.zeros(array.dataType(), array.size(0)));
                }
            }
        });
        return tensors;
    }

    /** The token that the project's description says a text is read at; empty for the highest of its ids. */
    OptionalInt endToken(JsonNode json, String origin) {
        return OptionalInt.empty();
    }

    /** What the project's description says of texts that are not tokenized by CLIP's byte pairs. */
    TextSettings texts(JsonNode json, String origin) {
        return TextSettings.NONE;
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

    /** Apart, because constants of an enum are there after its values. */
    private static final class Buffers {
        static final Set<String> OPEN_CLIP = Set.of(
                "attn_mask",
                "text.attn_mask",
                "input_resolution",
                "context_length",
                "vocab_size",
                Roberta.EMBEDDINGS + "position_ids",
                Roberta.EMBEDDINGS + "token_type_ids");
    }

    /**
     * What a project's names leave open.
     *
     * @param textsApart whether {@code text.} stands before those of OpenCLIP's text tower
     * @param roberta whether OpenCLIP's text tower is transformers' XLM-RoBERTa
     * @param headOfTrunk whether timm's own head projects images, not OpenCLIP's behind it
     * @param normBehindMean whether timm's last norm stands behind the mean of patches
     * @param listedScalars whether temperature and bias are lists of one in transformers, as SigLIP's are
     */
    record Layout(
            boolean textsApart, boolean roberta, boolean headOfTrunk, boolean normBehindMean, boolean listedScalars) {

        /** Of a file with these tensors. */
        static Layout of(Set<String> names) {
            return new Layout(
                    names.contains("text.token_embedding.weight"),
                    Roberta.isIn(names),
                    names.contains(TRUNK + "head.weight"),
                    names.contains(TRUNK + "fc_norm.weight"),
                    names.contains(DualEncoder.LOGIT_BIAS));
        }

        /** Of a model that is written. */
        static Layout of(ClipConfig config) {
            ClipConfig.Vision vision = config.vision();
            return new Layout(
                    config.logitBias() != null,
                    config.text().postNorm(),
                    TimmTower.projectsItself(vision),
                    vision.pool() == ClipConfig.Pool.MEAN_BESIDE_CLASS_TOKEN && !vision.normBeforeMean(),
                    config.logitBias() != null);
        }
    }

    /** How tensors become one parameter. */
    enum Assembly {
        SAME,
        /** A matrix that they store the other way round. */
        TRANSPOSED,
        /** The only entry of what they store as a list. */
        ONLY,
        /** The only token of the only sequence that they store. */
        ONLY_TOKEN,
        /** Matrices or vectors, one below the other. */
        STACKED,
        /** As many positions as texts have, from {@link Recipe#FIRST_POSITION} on; on each of them the other tensor's only row. */
        POSITIONS,
        /** A kernel over tokens, γ and σ² of the batch norm behind it: {@link FoldedNorm#weight}. */
        NORMED,
        /** The same of a kernel over pixels. */
        NORMED_PIXELS,
        /** β, γ, μ and σ² of a batch norm behind a convolution without bias: {@link FoldedNorm#bias}. */
        NORM_BIAS
    }

    /**
     * What a parameter is made of.
     *
     * @param shares how many parts of the parameter's rows are each tensor's
     */
    record Recipe(Assembly assembly, List<String> tensors, List<Integer> shares) {

        /** Where RoBERTa's positions begin, behind that of padding and one that nothing stands at. */
        static final int FIRST_POSITION = 2;

        static Recipe same(String tensor) {
            return new Recipe(Assembly.SAME, List.of(tensor), List.of(1));
        }

        static Recipe transposed(String tensor) {
            return new Recipe(Assembly.TRANSPOSED, List.of(tensor), List.of(1));
        }

        /** The shape that a tensor is to have for a parameter's; it may have more positions. */
        long[] wanted(int tensor, long[] parameter) {
            return switch (assembly) {
                case SAME -> parameter;
                case TRANSPOSED -> new long[] {parameter[1], parameter[0]};
                case ONLY ->
                    LongStream.concat(LongStream.of(1), Arrays.stream(parameter))
                            .toArray();
                case ONLY_TOKEN ->
                    LongStream.concat(LongStream.of(1, 1), Arrays.stream(parameter))
                            .toArray();
                case POSITIONS -> new long[] {tensor == 0 ? parameter[0] + FIRST_POSITION : 1, parameter[1]};
                case STACKED -> {
                    long[] part = parameter.clone();
                    part[0] = part[0]
                            * shares.get(tensor)
                            / shares.stream().mapToInt(Integer::intValue).sum();
                    yield part;
                }
                case NORMED, NORMED_PIXELS ->
                    tensor > 0
                            ? new long[] {parameter[0]}
                            : parameter.length == 2
                                    ? new long[] {parameter[0], parameter[1], 1, 1}
                                    : assembly == Assembly.NORMED
                                            ? new long[] {parameter[0], parameter[3], parameter[1], parameter[2]}
                                            : parameter;
                case NORM_BIAS -> parameter;
            };
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
                    + name.replace("attn_pool.attn.", "head.attention.")
                            .replace("attn_pool.ln.", "head.layernorm.")
                            .replace("attn_pool.mlp.c_fc", "head.mlp.fc1")
                            .replace("attn_pool.mlp.c_proj", "head.mlp.fc2")
                            .replace("attn_pool.", "head.")
                            .replace("ln_pre", "pre_layrnorm")
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
            return new Recipe(Assembly.STACKED, List.copyOf(parts), List.of(1, 1, 1));
        }
        return Recipe.same(layer
                + inner.replace(".attn.out_proj", ".self_attn.out_proj")
                        .replace(".ln_", ".layer_norm")
                        .replace(".mlp.c_fc", ".mlp.fc1")
                        .replace(".mlp.c_proj", ".mlp.fc2"));
    }
}
