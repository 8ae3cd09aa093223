package org.rafclip.agcn.compose;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.features.Features;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Misfits;
import org.rafclip.io.Safetensors;
import org.rafclip.nn.Scope;
import org.rafclip.ops.Graph;
import org.rafclip.ops.Precision;
import org.rafclip.run.Configs;

/**
 * A composer ready to run: what one loads, composes with and saves. Its folder holds {@value #CONFIG_FILE} and
 * {@value #WEIGHTS_FILE}. For one thread.
 */
public final class ComposerModel implements AutoCloseable {

    public static final String CONFIG_FILE = "composer.yaml";
    public static final String WEIGHTS_FILE = "composer.safetensors";

    private final Description description;
    private final Composer composer;
    private final Graph graph;

    /**
     * What {@value #CONFIG_FILE} says.
     *
     * @param width d of the encoder
     * @param pool of the encoder
     * @param encoder which encoder the composer belongs to: {@link org.rafclip.open.OpenedEncoder#hash}
     */
    public record Description(ComposerConfig composer, int width, Pool pool, String encoder) {

        /** The sum of the features that this composer composes, which needs no training. */
        public Description sum(ComposerConfig.Pooled pooled) {
            ComposerConfig sum = new ComposerConfig(
                    ComposerConfig.Kind.SUM, pooled, composer.branches(), composer.gates(), composer.combiner());
            return new Description(sum, width, pool, encoder);
        }
    }

    /**
     * A composer with random weights.
     *
     * @throws DataException if the encoder's width is none that the composer can work on
     */
    public ComposerModel(Description description, long seed) {
        this(description, Scope.root(DataType.FLOAT, seed));
    }

    private ComposerModel(Description description, Scope scope) {
        ComposerConfig config = description.composer();
        boolean attends = config.kind().hasImageBranch() || config.kind().hasTextBranch();
        if (attends && description.width() % config.branches().heads() != 0) {
            throw new DataException("composer.branches.heads "
                    + config.branches().heads() + " must divide the encoder's embedding width " + description.width());
        }
        this.description = description;
        this.composer = new Composer(description.composer(), description.width(), description.pool(), scope);
        this.graph = new Graph(composer.graph());
    }

    /**
     * Computes products in a precision from now on, in training too.
     *
     * @throws IllegalArgumentException if it is not available here
     */
    public void computeIn(Precision precision) {
        graph.computeIn(precision);
    }

    /** Composes faster from now on: weights must not change any more ({@link Graph#freeze}). */
    public void freeze() {
        graph.freeze();
    }

    /**
     * Reads what a folder holds, without the weights.
     *
     * @throws IOException if the file is missing
     * @throws org.rafclip.run.ConfigException if it is damaged
     */
    public static Description describe(Path folder) throws IOException {
        Path config = folder.resolve(CONFIG_FILE);
        if (!Files.isRegularFile(config)) {
            throw new NoSuchFileException(
                    config.toString(),
                    null,
                    folder + " is not a composer's folder: it needs " + CONFIG_FILE + " and " + WEIGHTS_FILE);
        }
        return Configs.load(config, List.of(), Description.class);
    }

    /**
     * Reads a folder.
     *
     * @throws IOException if a file is missing
     * @throws org.rafclip.data.DataException if a file is damaged or does not fit the configuration
     */
    public static ComposerModel load(Path folder) throws IOException {
        Description description = describe(folder);
        try (Safetensors tensors = Safetensors.open(folder.resolve(WEIGHTS_FILE))) {
            Misfits misfits = Misfits.of(folder.resolve(CONFIG_FILE).toString(), tensors);
            ComposerModel model = new ComposerModel(description, Scope.undrawn(DataType.FLOAT, misfits));
            try {
                tensors.readInto(model.composer.parameters());
            } catch (IOException | RuntimeException e) {
                model.close();
                throw e;
            }
            return model;
        }
    }

    /** Writes the model into an existing folder. */
    public void save(Path folder, Map<String, String> metadata) throws IOException {
        AtomicFiles.writeString(folder.resolve(CONFIG_FILE), Configs.toYaml(description));
        Safetensors.write(folder.resolve(WEIGHTS_FILE), composer.parameters(), metadata);
    }

    public Description description() {
        return description;
    }

    public Composer composer() {
        return composer;
    }

    /** The graph ready to run; the trainer shares it so that buffers exist once. */
    public Graph graph() {
        return graph;
    }

    /** The values of the placeholders for references and texts, sample by sample. */
    public static Map<String, INDArray> inputs(Features references, Features texts) {
        Map<String, INDArray> inputs = new HashMap<>();
        inputs.put(Composer.IMAGE_TOKENS, references.tokens());
        inputs.put(Composer.IMAGE_FEATURES, references.pooled());
        inputs.put(Composer.TEXT_TOKENS, texts.tokens());
        inputs.put(Composer.TEXT_LENGTHS, Nd4j.createFromArray(texts.lengths()));
        inputs.put(Composer.TEXT_FEATURES, texts.pooled());
        return inputs;
    }

    /**
     * Composes queries, without dropout.
     *
     * @param references one a query
     * @param texts one a query
     * @return vectors of length 1, {@code [n, d]}
     */
    public INDArray compose(Features references, Features texts) {
        return compose(inputs(references, texts));
    }

    /** @param inputs as {@link #inputs} gives them */
    public INDArray compose(Map<String, INDArray> inputs) {
        Map<String, INDArray> read = new HashMap<>(inputs);
        read.keySet().retainAll(composer.inputs());
        read.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, -1));
        try (Graph.Outputs outputs = graph.run(read, Composer.QUERY_EMBEDDING)) {
            return outputs.get(Composer.QUERY_EMBEDDING).dup('c');
        }
    }

    /**
     * Queries and how they came about.
     *
     * @param queries as {@link #compose} gives them, {@code [n, d]}
     * @param explanations one a query, in their order
     */
    public record Explained(INDArray queries, List<Explanation> explanations) {}

    /**
     * Composes queries, without dropout, and says how they come about: the gates' values and the cross-attention of the
     * last blocks.
     *
     * @param references one a query
     * @param texts one a query
     */
    public Explained explain(Features references, Features texts) {
        Map<String, INDArray> inputs = inputs(references, texts);
        inputs.keySet().retainAll(composer.inputs());
        inputs.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, -1));
        boolean tokens = description.composer().branches().features() == ComposerConfig.Features.TOKEN;
        Optional<String> overImage = tokens ? lastAttention(Composer.TEXT_BRANCH) : Optional.empty();
        Optional<String> overText = tokens ? lastAttention(Composer.IMAGE_BRANCH) : Optional.empty();
        List<String> wanted = new ArrayList<>(List.of(Composer.QUERY_EMBEDDING));
        Stream.of(Composer.IMAGE_GATE, Composer.TEXT_GATE)
                .filter(composer.outputs()::contains)
                .forEach(wanted::add);
        overImage.ifPresent(wanted::add);
        overText.ifPresent(wanted::add);
        int queries = texts.lengths().length;
        int classTokens = description.pool() == Pool.CLASS_TOKEN ? 1 : 0;
        List<Explanation> explanations = new ArrayList<>();
        try (Graph.Outputs outputs = graph.run(inputs, wanted)) {
            for (int i = 0; i < queries; i++) {
                int sample = i;
                explanations.add(new Explanation(
                        gate(outputs, Composer.IMAGE_GATE, wanted, i),
                        gate(outputs, Composer.TEXT_GATE, wanted, i),
                        overImage
                                .map(name -> {
                                    INDArray weights = outputs.get(name);
                                    return attention(weights, sample, classTokens, (int) weights.size(3));
                                })
                                .orElse(List.of()),
                        overText.map(name -> attention(outputs.get(name), sample, 0, texts.lengths()[sample]))
                                .orElse(List.of())));
            }
            return new Explained(outputs.get(Composer.QUERY_EMBEDDING).dup('c'), explanations);
        }
    }

    private Optional<String> lastAttention(String branch) {
        if (!composer.outputs().contains(branch)) {
            return Optional.empty();
        }
        List<String> blocks = composer.crossAttention(branch);
        return Optional.of(blocks.get(blocks.size() - 1));
    }

    private static List<Double> gate(Graph.Outputs outputs, String name, List<String> wanted, int sample) {
        if (!wanted.contains(name)) {
            return List.of();
        }
        INDArray values = outputs.get(name);
        return IntStream.range(0, (int) values.size(1))
                .mapToObj(j -> values.getDouble(sample, j))
                .toList();
    }

    /** The mean over heads and queries of one sample's weights on the keys {@code from ≤ k < to}, brought to sum 1. */
    private static List<Double> attention(INDArray weights, int sample, int from, int to) {
        double[] sums = new double[to - from];
        for (long head = 0; head < weights.size(1); head++) {
            for (long query = 0; query < weights.size(2); query++) {
                for (int key = from; key < to; key++) {
                    sums[key - from] += weights.getDouble(sample, head, query, key);
                }
            }
        }
        double total = Arrays.stream(sums).sum();
        return Arrays.stream(sums).mapToObj(sum -> sum / total).toList();
    }

    @Override
    public void close() {
        graph.close();
    }
}
