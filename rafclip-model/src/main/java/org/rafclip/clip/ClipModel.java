package org.rafclip.clip;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.data.DataException;
import org.rafclip.data.TextFile;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Misfits;
import org.rafclip.io.Safetensors;
import org.rafclip.io.Sha256;
import org.rafclip.nn.Lora;
import org.rafclip.nn.Scope;
import org.rafclip.ops.Graph;
import org.rafclip.ops.Precision;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.run.Configs;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Encoded;

/**
 * A dual encoder with its tokenizer: what one loads, encodes with and saves. A model folder holds {@value #CONFIG_FILE},
 * {@value #WEIGHTS_FILE} and the tokenizer's {@code tokenizer.json}. That of a model in training by adapters has
 * {@value #BASE_FILE} and the {@link Adapters} in place of the weights, which are put together when it is loaded. For one
 * thread.
 */
public final class ClipModel implements AutoCloseable {

    public static final String CONFIG_FILE = "model.yaml";
    public static final String WEIGHTS_FILE = "model.safetensors";

    /** The hashes of weights and tokenizer. */
    public static final String SUMS_FILE = "SHA256SUMS";

    /** The weights that adapters leave as they are. */
    public static final String BASE_FILE = "base.safetensors";

    private static final int BATCH = 64;

    private final DualEncoder encoder;
    private final ClipTokenizer tokenizer;
    private final Graph graph;

    public ClipModel(DualEncoder encoder, ClipTokenizer tokenizer) {
        ClipConfig.Text text = encoder.config().text();
        if (tokenizer.vocabSize() > text.vocabularySize()) {
            throw new IllegalArgumentException("the tokenizer has " + tokenizer.vocabSize()
                    + " entries, the model only " + text.vocabularySize() + ": they do not belong together");
        }
        if (tokenizer.context().filled() != text.context().filled()
                || tokenizer.context().reading() != text.context().reading()) {
            throw new IllegalArgumentException(
                    "the tokenizer does not make texts as the model reads them: make it with the model's context");
        }
        this.encoder = encoder;
        this.tokenizer = tokenizer;
        this.graph = new Graph(encoder.graph());
    }

    /**
     * Reads a model folder.
     *
     * @throws IOException if a file is missing
     * @throws DataException if a file is damaged or does not fit the configuration
     */
    public static ClipModel load(Path folder) throws IOException {
        return load(folder, UnaryOperator.identity(), Lora.NONE, true);
    }

    /**
     * Reads a model folder to train it further.
     *
     * @param sigmoid whether by the sigmoid loss: a model without a logit bias is given it
     * @param adapters that the model is given
     */
    public static ClipModel loadToTrain(Path folder, boolean sigmoid, Lora adapters) throws IOException {
        return load(folder, sigmoid ? ClipConfig::withBiasOfLoss : UnaryOperator.identity(), adapters, true);
    }

    /**
     * Reads the folder that {@link #saveAdapted} wrote, with its adapters beside the weights rather than in them.
     *
     * @param adapters the model's
     */
    public static ClipModel loadAdapted(Path folder, Lora adapters) throws IOException {
        return load(folder, UnaryOperator.identity(), adapters, false);
    }

    /**
     * What a model folder says of its model, without its weights.
     *
     * @throws IOException if a file is missing
     */
    public static ClipConfig describe(Path folder) throws IOException {
        List<String> missing = filesOf(folder).stream()
                .filter(name -> !name.equals(ClipTokenizer.TOKENIZER_JSON))
                .map(folder::resolve)
                .filter(file -> !Files.isRegularFile(file))
                .map(Path::toString)
                .toList();
        if (!missing.isEmpty()) {
            throw new NoSuchFileException(
                    String.join(" and ", missing),
                    null,
                    folder + " is not a model folder: it needs " + CONFIG_FILE + ", " + WEIGHTS_FILE
                            + " and tokenizer.json");
        }
        return Configs.load(folder.resolve(CONFIG_FILE), List.of(), ClipConfig.class);
    }

    private static List<String> filesOf(Path folder) {
        return contents(name -> Files.isRegularFile(folder.resolve(name)));
    }

    /** @param merged whether adapters in the folder become part of the weights, rather than those of the model */
    private static ClipModel load(Path folder, UnaryOperator<ClipConfig> changed, Lora adapters, boolean merged)
            throws IOException {
        ClipConfig stored = describe(folder);
        Path config = folder.resolve(CONFIG_FILE);
        boolean adapted = filesOf(folder).contains(BASE_FILE);
        ClipConfig parsed = changed.apply(stored);
        DualEncoder encoder;
        try (Safetensors tensors = Safetensors.open(folder.resolve(adapted ? BASE_FILE : WEIGHTS_FILE))) {
            Misfits misfits = Misfits.of(config.toString(), tensors);
            encoder = DualEncoder.undrawn(
                    parsed,
                    (name, shape) -> {
                        if (!adapted || !DualEncoder.isOfLoss(name)) {
                            misfits.parameter(name, shape);
                        }
                    },
                    adapters);
            Map<String, INDArray> parameters = encoder.parameters();
            if (adapted) {
                parameters.keySet().removeIf(DualEncoder::isOfLoss);
            } else if (stored.logitBias() == null) {
                parameters.remove(DualEncoder.LOGIT_BIAS);
            }
            tensors.readInto(parameters);
        }
        if (adapted && merged) {
            Adapters.read(folder).mergeInto(encoder.parameters(), folder);
        } else if (adapted) {
            try (Safetensors tensors = Safetensors.open(folder.resolve(Adapters.TENSORS_FILE))) {
                tensors.readInto(trainedByAdapters(encoder));
            }
        }
        ClipTokenizer tokenizer = ClipTokenizer.fromFolder(folder, parsed.text().context());
        if (tokenizer.vocabSize() > parsed.text().vocabularySize()) {
            throw new DataException(folder + ": its tokenizer has " + tokenizer.vocabSize() + " entries, " + CONFIG_FILE
                    + " says " + parsed.text().vocabularySize() + "; take all files from the same model");
        }
        return new ClipModel(encoder, tokenizer);
    }

    /**
     * The files of a model folder that say what the model is, in an order that stays.
     *
     * @param there whether the folder has a file
     */
    public static List<String> contents(Predicate<String> there) {
        return !there.test(WEIGHTS_FILE) && there.test(BASE_FILE)
                ? List.of(
                        CONFIG_FILE,
                        BASE_FILE,
                        Adapters.CONFIG_FILE,
                        Adapters.TENSORS_FILE,
                        ClipTokenizer.TOKENIZER_JSON)
                : List.of(CONFIG_FILE, WEIGHTS_FILE, ClipTokenizer.TOKENIZER_JSON);
    }

    /**
     * The SHA-256 of the {@link #contents} of a model folder, by name and in their order; what {@value #SUMS_FILE} names, if it is
     * there, must have the hashes that stand in it.
     *
     * @throws DataException naming the file that was altered
     */
    public static Map<String, String> verify(Path folder) throws IOException {
        Map<String, String> hashes = new LinkedHashMap<>();
        for (String file : filesOf(folder)) {
            hashes.put(file, Sha256.of(folder.resolve(file)));
        }
        Path sums = folder.resolve(SUMS_FILE);
        if (!Files.exists(sums)) {
            return hashes;
        }
        for (String line : TextFile.lines(sums)) {
            String[] sum = line.split("  ", 2);
            if (sum.length < 2 || !sum[0].equals(hashes.getOrDefault(sum[1], sum[0]))) {
                throw new DataException(folder.resolve(sum.length < 2 ? SUMS_FILE : sum[1])
                        + " was damaged or altered: its SHA-256 is not the one in " + sums
                        + "; make the folder again, or, if it is meant to be so, remove " + SUMS_FILE);
            }
        }
        return hashes;
    }

    /** {@link #verify} for those who need no hashes: without {@value #SUMS_FILE} nothing is read. */
    public static void requireIntact(Path folder) throws IOException {
        if (Files.exists(folder.resolve(SUMS_FILE))) {
            verify(folder);
        }
    }

    /** Writes what {@link #verify} holds against: the line of each file is one of {@code sha256sum}. */
    public static void writeSums(Path folder) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (String file : filesOf(folder)) {
            if (!file.equals(CONFIG_FILE)) {
                lines.append(Sha256.of(folder.resolve(file)))
                        .append("  ")
                        .append(file)
                        .append('\n');
            }
        }
        AtomicFiles.writeString(folder.resolve(SUMS_FILE), lines.toString());
    }

    private static Map<String, INDArray> trainedByAdapters(DualEncoder encoder) {
        Map<String, INDArray> trained = encoder.adapters();
        encoder.parameters().forEach((name, array) -> {
            if (DualEncoder.isOfLoss(name)) {
                trained.put(name, array);
            }
        });
        return trained;
    }

    /** Writes a model without adapters into an existing folder. */
    public void save(Path folder, Map<String, String> metadata) throws IOException {
        if (!encoder.adapters().isEmpty()) {
            throw new IllegalStateException("the model has adapters beside its weights: use saveAdapted");
        }
        AtomicFiles.writeString(folder.resolve(CONFIG_FILE), Configs.toYaml(encoder.config()));
        Safetensors.write(folder.resolve(WEIGHTS_FILE), new LinkedHashMap<>(encoder.parameters()), metadata);
        tokenizer.save(folder);
    }

    /**
     * Writes a model and its adapters into an existing folder, which {@link #load} reads as the model that they make together.
     *
     * @param adapters their settings
     * @param base a {@value #BASE_FILE} of the same model, which then need not be written again; null for none
     */
    public void saveAdapted(Path folder, LoraConfig adapters, Path base, Map<String, String> metadata)
            throws IOException {
        AtomicFiles.writeString(folder.resolve(CONFIG_FILE), Configs.toYaml(encoder.config()));
        if (base != null) {
            AtomicFiles.linkOrCopy(base, folder.resolve(BASE_FILE));
        } else {
            Map<String, INDArray> frozen = encoder.parameters();
            frozen.keySet().removeIf(DualEncoder::isOfLoss);
            Safetensors.write(folder.resolve(BASE_FILE), frozen, Map.of());
        }
        new Adapters(adapters, trainedByAdapters(encoder)).write(folder, metadata);
        tokenizer.save(folder);
    }

    public DualEncoder encoder() {
        return encoder;
    }

    public ClipConfig config() {
        return encoder.config();
    }

    public ClipTokenizer tokenizer() {
        return tokenizer;
    }

    /** The graph ready to run; the trainer shares it so that buffers exist once. */
    public Graph graph() {
        return graph;
    }

    /**
     * Computes products in a precision from now on, in training too if the trainer shares the graph.
     *
     * @throws IllegalArgumentException if it is not available here
     */
    public void computeIn(Precision precision) {
        graph.computeIn(precision);
    }

    /** Encodes faster from now on, and takes more memory: weights must not change any more ({@link Graph#freeze}). */
    public void freeze() {
        graph.freeze();
    }

    /** For weights that are to change after {@link #freeze}. */
    public void thaw() {
        graph.thaw();
    }

    /** The temperature τ. */
    public double temperature() {
        return Math.exp(encoder.parameters().get(DualEncoder.LOGIT_SCALE).getDouble(0));
    }

    /**
     * Embeds images.
     *
     * @param images normalised pixels {@code [n, 3, size, size]}
     * @return vectors of length 1, {@code [n, d]}
     */
    public INDArray encodeImages(INDArray images) {
        int n = (int) images.size(0);
        INDArray result = Nd4j.createUninitializedDetached(
                DataType.FLOAT, 'c', n, encoder.config().embedWidth());
        for (int from = 0; from < n; from += BATCH) {
            int to = Math.min(n, from + BATCH);
            INDArray chunk = images.get(NDArrayIndex.interval(from, to), NDArrayIndex.all());
            encode(Map.of(DualEncoder.IMAGES, chunk), DualEncoder.IMAGE_EMBEDDING, result, from, to);
        }
        return result;
    }

    /**
     * Embeds images, each as the mean direction of itself and its mirror image.
     *
     * @param images normalised pixels {@code [n, 3, size, size]}
     * @return vectors of length 1, {@code [n, d]}
     */
    public INDArray encodeImagesWithMirror(INDArray images) {
        INDArray both = encodeImages(images);
        both.addi(encodeImages(mirrored(images)));
        return both.diviColumnVector(both.norm2(true, 1));
    }

    private static INDArray mirrored(INDArray images) {
        INDArray result = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', images.shape());
        Memory from = Memory.of(Memory.dense(images));
        Memory to = Memory.of(result);
        long width = images.size(3);
        for (long row = 0; row < from.length(); row += width) {
            for (long x = 0; x < width; x++) {
                to.set(row + x, from.get(row + width - 1 - x));
            }
        }
        return result;
    }

    /**
     * Embeds texts; a text that stands several times is encoded once. Texts of one length are encoded together, so that
     * nothing is filled up and a text's rounding is its own.
     *
     * @return vectors of length 1, {@code [texts, d]}
     */
    public INDArray encodeTexts(List<String> texts) {
        List<String> distinct = texts.stream().distinct().toList();
        INDArray encoded = Nd4j.createUninitializedDetached(
                DataType.FLOAT, 'c', distinct.size(), encoder.config().embedWidth());
        Encoded tokens = tokenizer.encode(distinct);
        for (List<Integer> alike : tokens.byLength()) {
            for (int from = 0; from < alike.size(); from += BATCH) {
                encodeTexts(tokens, alike.subList(from, Math.min(alike.size(), from + BATCH)), encoded);
            }
        }
        if (distinct.size() == texts.size()) {
            return encoded;
        }
        return Nd4j.pullRows(
                encoded, 1, texts.stream().mapToInt(distinct::indexOf).toArray(), 'c');
    }

    private void encodeTexts(Encoded tokens, List<Integer> places, INDArray target) {
        int width = encoder.config().embedWidth();
        try (INDArray vectors = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', places.size(), width)) {
            encode(textInputs(tokens.at(places).pad()), DualEncoder.TEXT_EMBEDDING, vectors, 0, places.size());
            for (int i = 0; i < places.size(); i++) {
                Memory.of(target).copyFrom(Memory.of(vectors), (long) i * width, (long) places.get(i) * width, width);
            }
        }
    }

    /**
     * Embeds what is worded in several ways, each as the mean direction of its wordings (Radford et al. 2021, section
     * 3.1.4). One wording is encoded as it is.
     *
     * @param wordings one or more each, as many in all
     * @return vectors of length 1, {@code [wordings, d]}
     */
    public INDArray encodeWordings(List<List<String>> wordings) {
        int templates = wordings.get(0).size();
        INDArray sum = encodeTexts(wordings.stream().map(some -> some.get(0)).toList());
        if (templates == 1) {
            return sum;
        }
        for (int template = 1; template < templates; template++) {
            int index = template;
            try (INDArray next =
                    encodeTexts(wordings.stream().map(some -> some.get(index)).toList())) {
                sum.addi(next);
            }
        }
        return sum.diviColumnVector(sum.norm2(true, 1));
    }

    /** The text placeholders' values for padded token rows. */
    public static Map<String, INDArray> textInputs(Encoded.Padded padded) {
        return Map.of(
                DualEncoder.TOKENS,
                Nd4j.createFromArray(padded.ids()),
                DualEncoder.TOKEN_ENDS,
                Nd4j.createFromArray(padded.endPositions()));
    }

    private void encode(Map<String, INDArray> inputs, String output, INDArray target, int from, int to) {
        Map<String, INDArray> withoutDropout = new LinkedHashMap<>(inputs);
        withoutDropout.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, -1));
        try (Graph.Outputs outputs = graph.run(withoutDropout, output)) {
            target.get(NDArrayIndex.interval(from, to), NDArrayIndex.all()).assign(outputs.get(output));
        }
    }

    @Override
    public void close() {
        graph.close();
        tokenizer.close();
    }
}
