package org.rafclip.weights;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipConfig.TextPool;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.WrongFile;
import org.rafclip.io.Misfits;
import org.rafclip.io.TensorFiles;
import org.rafclip.io.TensorInfo;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.TextSettings;
import org.rafclip.weights.Dialect.Assembly;
import org.rafclip.weights.Dialect.Layout;
import org.rafclip.weights.Dialect.Recipe;

/**
 * A CLIP or SigLIP that others trained: OpenCLIP's, OpenAI's, or a {@code CLIPModel} or {@code SiglipModel} of Hugging Face's transformers, as safetensors
 * or PyTorch's files, in one file or several. Nothing is run but our own code, and no weight is guessed: every tensor of
 * the file has a place and every parameter its tensor, of the shape that the description says, or the import fails.
 *
 * @param model ready to encode, train and save; closed by the caller
 * @param source whose names the file has, for people
 * @param files everything that was read, weights first
 * @param preparation of photos, as the model was trained with
 * @param notes what the user should know
 */
public record PretrainedClip(
        ClipModel model, String source, List<Path> files, ModelPreparation preparation, List<String> notes) {

    private static final int NAMES_IN_MESSAGE = 5;

    /**
     * What a model is read from.
     *
     * @param weights a {@code .safetensors}, {@code .bin}, {@code .pt} or {@code .pth} file, the {@code .index.json} of
     *     several, or a folder with one of them
     * @param config the model's description ({@code open_clip_config.json}, {@code config.json}), or a built-in
     *     architecture's name such as {@code vit-b-32}; null takes the description beside the weights, and for an archive of
     *     OpenAI's without one its shapes
     * @param tokenizer a tokenizer's file or folder; null takes the folder of the weights
     * @param adapter a LoRA adapter's folder, merged into the weights; null without one
     * @param preparation of its photos; null takes what the description and {@code preprocessor_config.json} say
     */
    public record Origin(Path weights, String config, Path tokenizer, Path adapter, ModelPreparation preparation) {

        /** Weights with all that belongs to them beside them. */
        public static Origin of(Path weights) {
            return new Origin(weights, null, null, null, null);
        }
    }

    /**
     * Reads a model.
     *
     * @throws DataException if a file is damaged, they do not belong together, or photos cannot be prepared as they say
     * @throws IOException if a file is missing or cannot be read
     */
    public static PretrainedClip load(Origin from, Progress progress) throws IOException {
        String config = from.config();
        try (TensorFiles tensors = TensorFiles.open(from.weights());
                LoraAdapter lora = from.adapter() == null ? null : LoraAdapter.open(from.adapter(), tensors)) {
            Dialect dialect = dialect(tensors);
            Layout layout = Layout.of(tensors.names());
            List<Path> files = new ArrayList<>(tensors.files());
            if (lora != null) {
                files.addAll(lora.files());
            }
            ClipConfig clip;
            JsonNode json = null;
            Path described = null;
            if (config != null && ClipConfig.NAMES.contains(config)) {
                clip = ClipConfig.named(config);
            } else if (config == null && isOpenAis(dialect, tensors)) {
                clip = OpenAiShape.read(tensors);
            } else {
                described = described(dialect, tensors.origin(), config);
                json = parse(described);
                clip = dialect.config(json, described.toString());
                files.add(described);
            }
            String origin = described != null ? described.toString() : config != null ? config : "OpenAI's build_model";
            int positions = clip.text().contextLength();
            DualEncoder encoder = DualEncoder.undrawn(
                    clip,
                    new Misfits(
                            origin,
                            tensors.origin(),
                            parameter -> shape(dialect.recipe(parameter, layout), tensors, positions)));
            int imageSize = clip.vision().imageSize();
            ModelPreparation preparation =
                    from.preparation() != null ? from.preparation() : preparation(described, json, imageSize);
            preparation.require(imageSize);
            fill(encoder.parameters(), dialect, tensors, lora, progress);
            ClipTokenizer words = tokenizer(
                    dialect, clip, json, from.tokenizer() == null ? folder(tensors.origin()) : from.tokenizer());
            List<String> notes = new ArrayList<>();
            if (lora != null) {
                notes.add("Its LoRA adapter" + (lora.base().isEmpty() ? "" : ", of " + lora.base() + ",") + " changed "
                        + lora.size() + " tensors.");
            }
            String source = OpenAiShape.fits(tensors)
                    ? "OpenAI"
                    : dialect == Dialect.HUGGING_FACE ? "Hugging Face" : "OpenCLIP";
            return new PretrainedClip(
                    new ClipModel(encoder, words), source, List.copyOf(files), preparation, List.copyOf(notes));
        }
    }

    private static Dialect dialect(TensorFiles tensors) {
        if (LoraAdapter.isOne(tensors)) {
            throw new DataException(tensors.origin() + ": it is a LoRA adapter, which holds only what it adds: give the"
                    + " model that it was trained on as the weights, and the adapter's folder by --adapter");
        }
        requireBothTowers(tensors);
        return Arrays.stream(Dialect.values())
                .filter(dialect -> dialect.speaks(tensors.names()))
                .findFirst()
                .orElseThrow(() -> new DataException(tensors.origin() + ": its tensors (" + some(tensors.names())
                        + ") are not those of a CLIP in OpenCLIP's names (visual.conv1.weight,"
                        + " visual.trunk.patch_embed.proj.weight, ...) or"
                        + " Hugging Face's (vision_model.embeddings.patch_embedding.weight, ...): take the weights of such"
                        + " a model"));
    }

    private static boolean isOpenAis(Dialect dialect, TensorFiles tensors) {
        return (dialect == Dialect.OPEN_CLIP || dialect == Dialect.OPEN_CLIP_RESNET)
                && OpenAiShape.fits(tensors)
                && !Files.exists(tensors.origin().resolveSibling(dialect.configFile()));
    }

    private static void requireBothTowers(TensorFiles tensors) {
        boolean image = tensors.names().stream().anyMatch(name -> name.matches("(visual|vision_model)\\..*"));
        boolean text = tensors.names().stream()
                .anyMatch(name ->
                        name.matches("text_model\\..*|(text\\.)?token_embedding\\.weight|text\\.transformer\\..*"));
        if (image != text) {
            throw new DataException(tensors.origin() + ": it holds the " + (image ? "image" : "text")
                    + " tower of a CLIP alone, without its " + (image ? "text" : "image")
                    + " tower; a model needs both: take the weights of the whole model (CLIPModel in transformers, not "
                    + (image ? "CLIPVisionModel" : "CLIPTextModel") + ")");
        }
    }

    private static Path described(Dialect dialect, Path weights, String config) throws IOException {
        Path file = config == null ? weights.resolveSibling(dialect.configFile()) : Path.of(config);
        if (!Files.isRegularFile(file)) {
            if (config == null && Files.isRegularFile(weights.resolveSibling(ClipModel.CONFIG_FILE))) {
                throw new DataException(
                        weights + ": it lies in a model folder already, which commands take by --model and"
                                + " a training as model.weights");
            }
            throw new NoSuchFileException(
                    file.toString(),
                    null,
                    config == null
                            ? "the model's description is to lie beside its weights, or be named by --config; or name a"
                                    + " built-in architecture: " + String.join(", ", ClipConfig.NAMES)
                            : "it is neither a file nor a built-in architecture (" + String.join(", ", ClipConfig.NAMES)
                                    + ")");
        }
        return file;
    }

    static JsonNode parse(Path file) throws IOException {
        try {
            JsonNode json = new ObjectMapper().readTree(file.toFile());
            if (json.isObject()) {
                return json;
            }
            throw new DataException(file + ": is not a JSON object: give the description of a CLIP model");
        } catch (JsonProcessingException e) {
            String line =
                    e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr();
            throw new DataException(
                    file
                            + WrongFile.describe(file)
                                    .map(what -> ": " + what)
                                    .orElse(line + ": not JSON (" + e.getOriginalMessage() + "): fetch it again"),
                    e);
        }
    }

    private static Path folder(Path file) {
        return file.toAbsolutePath().getParent();
    }

    /** Fills all parameters; names and shapes are checked before the first is changed. */
    private static void fill(
            Map<String, INDArray> parameters,
            Dialect dialect,
            TensorFiles tensors,
            LoraAdapter adapter,
            Progress progress)
            throws IOException {
        Layout layout = Layout.of(tensors.names());
        Map<String, Recipe> recipes = new LinkedHashMap<>();
        Set<String> used = new TreeSet<>();
        Set<String> missing = new TreeSet<>();
        for (String parameter : parameters.keySet()) {
            Recipe recipe = dialect.recipe(parameter, layout);
            recipes.put(parameter, recipe);
            recipe.tensors().stream()
                    .filter(name -> !tensors.names().contains(name))
                    .forEach(missing::add);
            used.addAll(recipe.tensors());
        }
        Set<String> unknown = new TreeSet<>(tensors.names());
        unknown.removeIf(name -> used.contains(name) || dialect.isBuffer(name));
        if (!missing.isEmpty() || !unknown.isEmpty()) {
            throw new DataException(tensors.origin() + ": its tensors are not those of the described model: "
                    + missing.size() + " are missing" + in(missing) + ", " + unknown.size() + " have no place in it"
                    + in(unknown) + ": give the description that belongs to these weights");
        }
        recipes.forEach((parameter, recipe) -> requireShapes(parameters.get(parameter), recipe, tensors));
        int done = 0;
        for (Map.Entry<String, Recipe> entry : recipes.entrySet()) {
            assemble(parameters.get(entry.getKey()), entry.getValue(), tensors, adapter);
            progress.update(++done, recipes.size());
        }
    }

    /**
     * A parameter's shape as a recipe's tensors give it; null where one is missing.
     *
     * @param positions that texts have
     */
    private static long[] shape(Recipe recipe, TensorFiles tensors, int positions) {
        if (!tensors.names().containsAll(recipe.tensors())) {
            return null;
        }
        long[] shape = shape(tensors.info(recipe.tensors().get(0)));
        if (recipe.assembly() == Assembly.STACKED && shape.length > 0) {
            for (String other : recipe.tensors().subList(1, recipe.tensors().size())) {
                shape[0] += tensors.info(other).shape().stream().findFirst().orElse(0L);
            }
        } else if (recipe.assembly() == Assembly.TRANSPOSED && shape.length == 2) {
            return new long[] {shape[1], shape[0]};
        } else if (recipe.assembly() == Assembly.ONLY && shape.length > 1 && shape[0] == 1) {
            return Arrays.copyOfRange(shape, 1, shape.length);
        } else if (recipe.assembly() == Assembly.ONLY_TOKEN && shape.length > 2 && shape[0] == 1 && shape[1] == 1) {
            return Arrays.copyOfRange(shape, 2, shape.length);
        } else if (recipe.assembly() == Assembly.POSITIONS && shape.length == 2) {
            shape[0] = Math.min(positions, shape[0] - Recipe.FIRST_POSITION);
        } else if (recipe.assembly() == Assembly.NORMED && shape.length == 4) {
            return shape[2] == 1 && shape[3] == 1
                    ? Arrays.copyOf(shape, 2)
                    : new long[] {shape[0], shape[2], shape[3], shape[1]};
        }
        return shape;
    }

    private static long[] shape(TensorInfo info) {
        return info.shape().stream().mapToLong(Long::longValue).toArray();
    }

    private static void requireShapes(INDArray parameter, Recipe recipe, TensorFiles tensors) {
        for (int i = 0; i < recipe.tensors().size(); i++) {
            String name = recipe.tensors().get(i);
            long[] wanted = recipe.wanted(i, parameter.shape());
            TensorInfo info = tensors.info(name);
            long[] shape = shape(info);
            boolean scalar = parameter.isScalar() && Arrays.stream(shape).allMatch(size -> size == 1);
            boolean morePositions = recipe.assembly() == Assembly.POSITIONS
                    && i == 0
                    && shape.length == 2
                    && shape[0] >= wanted[0]
                    && shape[1] == wanted[1];
            if (!scalar && !morePositions && !Arrays.equals(shape, wanted)) {
                throw new DataException(tensors.origin() + ": tensor '" + name + "' has the shape " + info.shape()
                        + ", the described model's has " + Arrays.toString(wanted)
                        + ": give the description that belongs to these weights");
            }
            if (!Set.of("F32", "F16", "BF16", "F64").contains(info.dtype())) {
                throw new DataException(tensors.origin() + ": tensor '" + name + "' holds " + info.dtype()
                        + ", not floating-point numbers: quantized weights cannot be read");
            }
        }
    }

    private static void assemble(INDArray parameter, Recipe recipe, TensorFiles tensors, LoraAdapter adapter)
            throws IOException {
        List<INDArray> parts = new ArrayList<>();
        for (String name : recipe.tensors()) {
            INDArray tensor = tensors.read(name);
            if (adapter != null) {
                tensor = adapter.merged(name, tensor);
            }
            requireFinite(tensor, tensors.origin() + ": tensor '" + name + "' holds");
            parts.add(tensor);
        }
        switch (recipe.assembly()) {
            case SAME, ONLY, ONLY_TOKEN -> parameter.assign(parts.get(0).reshape(parameter.shape()));
            case TRANSPOSED -> parameter.assign(parts.get(0).transpose());
            case STACKED -> {
                long row = 0;
                for (INDArray part : parts) {
                    long rows = part.size(0);
                    parameter.get(NDArrayIndex.interval(row, row + rows)).assign(part);
                    row += rows;
                }
            }
            case POSITIONS -> {
                long end = Recipe.FIRST_POSITION + parameter.size(0);
                parameter.assign(parts.get(0).get(NDArrayIndex.interval(Recipe.FIRST_POSITION, end)));
                parameter.addiRowVector(parts.get(1));
            }
            case NORMED, NORMED_PIXELS -> {
                INDArray weight = FoldedNorm.weight(parts.get(0), parts.get(1), parts.get(2));
                boolean turned = recipe.assembly() == Assembly.NORMED && parameter.rank() == 4;
                parameter.assign(turned ? weight.permute(0, 2, 3, 1) : weight.reshape(parameter.shape()));
            }
            case NORM_BIAS -> parameter.assign(FoldedNorm.bias(parts.get(0), parts.get(1), parts.get(2), parts.get(3)));
        }
        if (parts.size() > 1) {
            // As a norm's factor does where its variance is negative.
            requireFinite(
                    parameter,
                    tensors.origin() + ": tensors " + String.join(", ", recipe.tensors()) + " together make");
        }
        parts.forEach(INDArray::close);
    }

    private static void requireFinite(INDArray tensor, String subject) {
        if (!Double.isFinite(tensor.sumNumber().doubleValue())) {
            throw new DataException(
                    subject + " numbers that are not finite: the weights are damaged, fetch them again");
        }
    }

    private static ClipTokenizer tokenizer(Dialect dialect, ClipConfig clip, JsonNode json, Path origin)
            throws IOException {
        TextSettings settings = json == null ? TextSettings.NONE : dialect.texts(json, dialect.configFile());
        OptionalInt end = json == null ? OptionalInt.empty() : dialect.endToken(json, dialect.configFile());
        ClipTokenizer tokenizer = tokenizer(origin, clip.text(), settings, end);
        if (clip.text().pool() == TextPool.MEAN && tokenizer.kind() != ClipTokenizer.Kind.XLM_ROBERTA) {
            tokenizer.close();
            throw new DataException(origin + ": it is not XLM-RoBERTa's, which frames a text with <s> and </s> and"
                    + " fills it up with <pad>: take the tokenizer that belongs to the weights");
        }
        return tokenizer;
    }

    /**
     * The tokenizer of a model that others trained.
     *
     * @param origin its file or folder
     * @param end the token that the model reads a text at; empty for the highest id of a text, as most models have it
     * @throws DataException if it is not that of the model
     */
    public static ClipTokenizer tokenizer(Path origin, ClipConfig.Text text, OptionalInt end) throws IOException {
        return tokenizer(origin, text, TextSettings.NONE, end);
    }

    private static ClipTokenizer tokenizer(Path origin, ClipConfig.Text text, TextSettings settings, OptionalInt end)
            throws IOException {
        ClipTokenizer tokenizer = ClipTokenizer.from(origin, text.context(), settings);
        OptionalInt wanted = text.pool() != TextPool.END_TOKEN
                ? OptionalInt.empty()
                : end.isPresent() ? end : OptionalInt.of(tokenizer.vocabSize() - 1);
        return fitting(tokenizer, origin, text, wanted);
    }

    /** @param end the token that it is to end a text with; empty for any */
    private static ClipTokenizer fitting(ClipTokenizer tokenizer, Path origin, ClipConfig.Text text, OptionalInt end) {
        int rows = text.vocabularySize();
        int wanted = end.orElse(tokenizer.endToken());
        String fault = null;
        if (tokenizer.vocabSize() > rows) {
            fault = "it has " + tokenizer.vocabSize() + " entries, the model only " + rows;
        } else if (tokenizer.endToken() != wanted) {
            fault = "it ends a text with token " + tokenizer.endToken() + ", the model reads it at token " + wanted;
        }
        if (fault != null) {
            tokenizer.close();
            throw new DataException(origin + ": " + fault + ": take the tokenizer that belongs to the weights");
        }
        return tokenizer;
    }

    /** As the model's description says, or what lies beside it; CLIP's own where neither does. */
    private static ModelPreparation preparation(Path config, JsonNode json, int imageSize) throws IOException {
        if (json != null && json.path("preprocess_cfg").isObject()) {
            Keys keys = new Keys(json, config.toString(), "").object("preprocess_cfg");
            return new ModelPreparation(Preprocessing.ofOpenClip(keys, imageSize));
        }
        Path beside = config == null ? null : config.resolveSibling("preprocessor_config.json");
        if (beside == null || !Files.isRegularFile(beside)) {
            return ModelPreparation.ofClip(imageSize);
        }
        Keys keys = new Keys(parse(beside), beside.toString(), "");
        return new ModelPreparation(Preprocessing.ofHuggingFace(keys, imageSize));
    }

    private static String in(Collection<String> names) {
        return names.isEmpty() ? "" : " (" + some(names) + ")";
    }

    private static String some(Collection<String> names) {
        return names.stream().limit(NAMES_IN_MESSAGE).collect(Collectors.joining(", "))
                + (names.size() > NAMES_IN_MESSAGE ? ", ..." : "");
    }
}
