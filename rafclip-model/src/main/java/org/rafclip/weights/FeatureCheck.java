package org.rafclip.weights;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.io.Safetensors;
import org.rafclip.nn.Scope;
import org.rafclip.ops.Graph;
import org.rafclip.text.ClipTokenizer;

/**
 * A model's features against those that another program computed from the same weights.
 *
 * @param rows one for every output that the other program knows
 */
public record FeatureCheck(List<Row> rows) {

    private static final Map<String, String> OUTPUTS = outputs();

    /**
     * One output.
     *
     * @param output the other program's name for it
     * @param numbers compared
     * @param worst largest absolute difference
     * @param largest absolute value that was expected
     */
    public record Row(String output, long numbers, double worst, double largest) {}

    private static Map<String, String> outputs() {
        Map<String, String> outputs = new LinkedHashMap<>();
        outputs.put("image_features", DualEncoder.IMAGE_FEATURES);
        outputs.put("image_tokens", DualEncoder.IMAGE_TOKENS);
        outputs.put("text_features", DualEncoder.TEXT_FEATURES);
        outputs.put("text_tokens", DualEncoder.TEXT_TOKENS);
        return outputs;
    }

    /**
     * Compares with a safetensors file: inputs {@code images} {@code [n, 3, size, size]} and {@code tokens}
     * {@code [texts, length]}, whose end token is the row's highest, or which fill the context where the model reads the last, or
     * which are padded by their tokenizer's token where it takes the mean; outputs {@code image_features}, {@code image_tokens},
     * {@code text_features} and {@code text_tokens} (of which those behind a text are not looked at), projected and not normalised,
     * as far as they are there.
     *
     * @throws DataException if the file does not fit the model
     */
    public static FeatureCheck against(Path file, ClipModel model) throws IOException {
        Map<String, INDArray> golden = Safetensors.readAll(file);
        Map<String, INDArray> inputs = new LinkedHashMap<>();
        if (golden.containsKey("images")) {
            int size = model.config().vision().imageSize();
            INDArray images = golden.get("images");
            if (images.rank() != 4 || images.size(1) != 3 || images.size(2) != size || images.size(3) != size) {
                throw new DataException(file + ": images have the shape " + Arrays.toString(images.shape())
                        + ", the model takes [n, 3, " + size + ", " + size + "]");
            }
            inputs.put(DualEncoder.IMAGES, images);
        }
        if (golden.containsKey("tokens")) {
            INDArray tokens = golden.get("tokens");
            inputs.put(DualEncoder.TOKENS, tokens.castTo(DataType.INT32));
            inputs.put(
                    DualEncoder.TOKEN_ENDS,
                    switch (model.config().text().pool()) {
                        case LAST_TOKEN ->
                            Nd4j.valueArrayOf(new long[] {tokens.size(0)}, (int) tokens.size(1) - 1, DataType.INT32);
                        case END_TOKEN -> ends(tokens, model.tokenizer());
                        case MEAN ->
                            tokens.neq(model.tokenizer().fillToken())
                                    .castTo(DataType.INT32)
                                    .sum(1)
                                    .subi(1);
                    });
        }
        List<String> asked = OUTPUTS.keySet().stream()
                .filter(golden::containsKey)
                .filter(name -> inputs.containsKey(name.startsWith("image") ? DualEncoder.IMAGES : DualEncoder.TOKENS))
                .toList();
        if (asked.isEmpty()) {
            throw new DataException(
                    file + ": it holds none of " + String.join(", ", OUTPUTS.keySet()) + " with their inputs");
        }
        inputs.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, -1));
        List<Row> rows = new ArrayList<>();
        try (Graph.Outputs outputs =
                model.graph().run(inputs, asked.stream().map(OUTPUTS::get).toArray(String[]::new))) {
            for (String name : asked) {
                INDArray ours = outputs.get(OUTPUTS.get(name));
                INDArray theirs = golden.get(name);
                requireAsMany(name, ours, theirs, file);
                INDArray ends = inputs.get(DualEncoder.TOKEN_ENDS);
                rows.add(
                        name.equals("text_tokens")
                                ? row(name, ownTokens(ours, ends), ownTokens(theirs, ends))
                                : row(name, ours, theirs));
            }
        }
        return new FeatureCheck(List.copyOf(rows));
    }

    /** The first of each row's end tokens; where that is the highest of all ids, the row's highest. */
    private static INDArray ends(INDArray tokens, ClipTokenizer tokenizer) {
        INDArray marked = tokenizer.endToken() == tokenizer.vocabSize() - 1
                ? tokens
                : tokens.eq(tokenizer.endToken()).castTo(DataType.INT32);
        return Nd4j.argMax(marked, 1).castTo(DataType.INT32);
    }

    /**
     * Tokens of texts with zeros for those behind each text: what a model computes there means nothing.
     *
     * @param tokens {@code [texts, tokens, d]}
     * @param ends the last token of each text, {@code INT [texts]}
     * @return a copy
     */
    public static INDArray ownTokens(INDArray tokens, INDArray ends) {
        INDArray own = tokens.dup('c');
        for (long text = 0; text < own.size(0); text++) {
            long behind = ends.getInt((int) text) + 1L;
            if (behind < own.size(1)) {
                own.get(NDArrayIndex.point(text), NDArrayIndex.interval(behind, own.size(1)))
                        .assign(0);
            }
        }
        return own;
    }

    private static void requireAsMany(String name, INDArray actual, INDArray expected, Path file) {
        if (actual.length() != expected.length()) {
            throw new DataException(file + ": " + name + " has the shape " + Arrays.toString(expected.shape())
                    + ", the model's " + Arrays.toString(actual.shape()));
        }
    }

    private static Row row(String name, INDArray actual, INDArray expected) {
        INDArray wanted = expected.castTo(DataType.FLOAT);
        INDArray difference = actual.dup('c').reshape(expected.shape()).subi(wanted);
        return new Row(
                name,
                expected.length(),
                difference.amaxNumber().doubleValue(),
                wanted.amaxNumber().doubleValue());
    }

    /** The largest absolute difference of all outputs. */
    public double worst() {
        return rows.stream().mapToDouble(Row::worst).max().orElse(Double.NaN);
    }

    /** One line for every output. */
    public List<String> lines() {
        return rows.stream()
                .map(row -> String.format(
                        Locale.ROOT,
                        "%-16s %,10d numbers   largest %8.4f   worst error %.1e",
                        row.output(),
                        row.numbers(),
                        row.largest(),
                        row.worst()))
                .toList();
    }
}
