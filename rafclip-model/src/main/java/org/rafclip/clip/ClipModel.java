package org.rafclip.clip;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Misfits;
import org.rafclip.io.Safetensors;
import org.rafclip.nn.Scope;
import org.rafclip.ops.Graph;
import org.rafclip.ops.Precision;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.run.Configs;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Encoded;

/**
 * A dual encoder with its tokenizer: what one loads, encodes with and saves. A model folder holds {@value #CONFIG_FILE},
 * {@value #WEIGHTS_FILE} and the tokenizer's {@code tokenizer.json}. For one thread.
 */
public final class ClipModel implements AutoCloseable {

    public static final String CONFIG_FILE = "model.yaml";
    public static final String WEIGHTS_FILE = "model.safetensors";

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
        return load(folder, UnaryOperator.identity());
    }

    /** {@link #load(Path)} for training by the sigmoid loss: a model without a logit bias is given it. */
    public static ClipModel loadForSigmoidLoss(Path folder) throws IOException {
        return load(folder, ClipConfig::withBiasOfLoss);
    }

    private static ClipModel load(Path folder, UnaryOperator<ClipConfig> changed) throws IOException {
        Path config = folder.resolve(CONFIG_FILE);
        Path weights = folder.resolve(WEIGHTS_FILE);
        List<String> missing = Stream.of(config, weights)
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
        ClipConfig stored = Configs.load(config, List.of(), ClipConfig.class);
        ClipConfig parsed = changed.apply(stored);
        DualEncoder encoder;
        try (Safetensors tensors = Safetensors.open(weights)) {
            encoder = DualEncoder.undrawn(parsed, Misfits.of(config.toString(), tensors));
            Map<String, INDArray> parameters = encoder.parameters();
            if (stored.logitBias() == null) {
                parameters.remove(DualEncoder.LOGIT_BIAS);
            }
            tensors.readInto(parameters);
        }
        ClipTokenizer tokenizer = ClipTokenizer.fromFolder(folder, parsed.text().context());
        if (tokenizer.vocabSize() > parsed.text().vocabularySize()) {
            throw new DataException(folder + ": its tokenizer has " + tokenizer.vocabSize() + " entries, " + CONFIG_FILE
                    + " says " + parsed.text().vocabularySize() + "; take all files from the same model");
        }
        return new ClipModel(encoder, tokenizer);
    }

    /** Writes the model into an existing folder. */
    public void save(Path folder, Map<String, String> metadata) throws IOException {
        AtomicFiles.writeString(folder.resolve(CONFIG_FILE), Configs.toYaml(encoder.config()));
        Safetensors.write(folder.resolve(WEIGHTS_FILE), new LinkedHashMap<>(encoder.parameters()), metadata);
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
