package org.rafclip.export;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.compose.Composer;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.nn.Scope;
import org.rafclip.onnx.runtime.OnnxRuntimeSession;
import org.rafclip.onnx.write.ClipGraphs;
import org.rafclip.onnx.write.Numbers;
import org.rafclip.ops.Graph;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Encoded;

/** The ONNX files of a model, each run in ONNX Runtime beside the model itself before it is kept. */
final class OnnxFolder {

    static final String IMAGE = "image.onnx";
    static final String TEXT = "text.onnx";
    static final String COMPOSE = "compose.onnx";

    /** What files of single precision may be off, of vectors of length 1. */
    private static final double TOLERANCE = 1e-5;

    private static final int SAMPLES = 8;

    private static final List<String> TEXTS = List.of(
            "a photo of a dress",
            "a red dress with long sleeves",
            "this is a photo of blue denim jeans",
            "is shorter and has a floral print",
            "a loose white cotton shirt",
            "the same in black",
            "a striped sweater, crew neck, knit",
            "skirt");

    private OnnxFolder() {}

    /**
     * How far a file's answers are from the model's, of vectors of length 1.
     *
     * @param worst largest difference of an element
     * @param cosine the lowest cosine of a vector with the model's
     */
    record Deviation(String file, int vectors, double worst, double cosine) {

        /** For people. */
        String line() {
            return String.format(
                    Locale.ROOT,
                    "%-12s %d vectors, largest difference of an element %.1e, lowest cosine %.6f",
                    file,
                    vectors,
                    worst,
                    cosine);
        }
    }

    /**
     * Writes and compares the files.
     *
     * @param composer null for none
     * @throws DataException if a file of single precision is not the model
     */
    static List<Deviation> write(
            Path folder, ClipModel model, ComposerModel composer, Numbers numbers, Progress progress)
            throws IOException {
        ClipTokenizer tokenizer = model.tokenizer();
        int steps = composer == null ? 4 : 6;
        ClipGraphs.image(model.encoder(), numbers).write(folder.resolve(IMAGE));
        progress.update(1, steps);
        boolean highest = tokenizer.endToken() == tokenizer.vocabSize() - 1;
        ClipGraphs.text(model.encoder(), tokenizer.endToken(), highest, tokenizer.fillToken(), numbers)
                .write(folder.resolve(TEXT));
        progress.update(2, steps);
        INDArray images = images(model.config().vision().imageSize());
        Encoded.Padded texts = tokenizer.encode(TEXTS).pad();
        Map<String, INDArray> image = run(folder.resolve(IMAGE), Map.of(ClipGraphs.IMAGES, images));
        progress.update(3, steps);
        INDArray tokens = Nd4j.createFromArray(texts.ids()).castTo(DataType.INT64);
        Map<String, INDArray> text = run(folder.resolve(TEXT), Map.of(ClipGraphs.TOKENS, tokens));
        progress.update(4, steps);
        Map<String, INDArray> ours = ours(model, images, texts);
        List<Deviation> deviations = new ArrayList<>(List.of(
                deviation(IMAGE, image.get(ClipGraphs.IMAGE_FEATURES), ours.get(DualEncoder.IMAGE_FEATURES)),
                deviation(TEXT, text.get(ClipGraphs.TEXT_FEATURES), ours.get(DualEncoder.TEXT_FEATURES))));
        if (composer != null) {
            ComposerGraph.of(composer.composer(), model.config().vision().pool(), numbers)
                    .write(folder.resolve(COMPOSE));
            progress.update(5, steps);
            INDArray lengths = Nd4j.createFromArray(texts.lengths());
            Map<String, INDArray> given = new HashMap<>(image);
            given.putAll(text);
            given.put(ComposerGraph.TEXT_LENGTHS, lengths.castTo(DataType.INT64));
            given.keySet().retainAll(inputs(composer.composer()));
            Map<String, INDArray> query = run(folder.resolve(COMPOSE), given);
            Map<String, INDArray> same = new HashMap<>(ours);
            same.put(Composer.TEXT_LENGTHS, lengths);
            deviations.add(deviation(COMPOSE, query.get(ComposerGraph.QUERY), composer.compose(same)));
            progress.update(6, steps);
        }
        for (Deviation deviation : deviations) {
            if (numbers == Numbers.FP32 && !(deviation.worst <= TOLERANCE)) {
                throw new DataException("ONNX Runtime makes other vectors of the written file than the model ("
                        + deviation.line() + "): nothing was kept");
            }
        }
        return List.copyOf(deviations);
    }

    /** The inputs of {@value #COMPOSE}, by the outputs of the towers. */
    static List<String> inputs(Composer composer) {
        Map<String, String> names = new LinkedHashMap<>();
        names.put(Composer.IMAGE_TOKENS, ClipGraphs.IMAGE_TOKENS);
        names.put(Composer.TEXT_TOKENS, ClipGraphs.TEXT_TOKENS);
        names.put(Composer.TEXT_LENGTHS, ComposerGraph.TEXT_LENGTHS);
        names.put(Composer.IMAGE_FEATURES, ClipGraphs.IMAGE_FEATURES);
        names.put(Composer.TEXT_FEATURES, ClipGraphs.TEXT_FEATURES);
        return composer.inputs().stream().map(names::get).toList();
    }

    private static Map<String, INDArray> run(Path file, Map<String, INDArray> inputs) {
        try (OnnxRuntimeSession session = new OnnxRuntimeSession(file)) {
            return session.run(inputs);
        }
    }

    private static Map<String, INDArray> ours(ClipModel model, INDArray images, Encoded.Padded texts) {
        Map<String, INDArray> inputs = new HashMap<>(ClipModel.textInputs(texts));
        inputs.put(DualEncoder.IMAGES, images);
        inputs.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, -1));
        String[] wanted = {
            DualEncoder.IMAGE_FEATURES, DualEncoder.IMAGE_TOKENS, DualEncoder.TEXT_FEATURES, DualEncoder.TEXT_TOKENS
        };
        Map<String, INDArray> values = new HashMap<>();
        try (Graph.Outputs outputs = model.graph().run(inputs, wanted)) {
            for (String name : wanted) {
                values.put(name, outputs.get(name).dup('c'));
            }
        }
        return values;
    }

    private static Deviation deviation(String file, INDArray theirs, INDArray ours) {
        INDArray a = theirs.divColumnVector(theirs.norm2(true, 1));
        INDArray b = ours.divColumnVector(ours.norm2(true, 1));
        return new Deviation(
                file,
                (int) a.size(0),
                a.sub(b).amaxNumber().doubleValue(),
                a.mul(b).sum(1).minNumber().doubleValue());
    }

    /** Stripes and spots in several colors and widths, normalised: {@code [8, 3, size, size]}. */
    private static INDArray images(int size) {
        float[] pixels = new float[SAMPLES * 3 * size * size];
        for (int i = 0; i < pixels.length; i++) {
            int x = i % size;
            int y = i / size % size;
            int channel = i / (size * size) % 3;
            int sample = i / (3 * size * size);
            double wave = Math.sin((0.5 + sample) * 6.3 * x / size + channel)
                    * Math.cos((3.5 - 0.4 * sample) * 6.3 * y / size + 2 * channel);
            pixels[i] = (float) (1.5 * wave + 0.3 * (channel - 1));
        }
        return Nd4j.createFromArray(pixels).reshape(SAMPLES, 3, size, size);
    }
}
