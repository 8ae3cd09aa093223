package org.rafclip.onnx.clip;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.function.IntConsumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.nn.Scope;
import org.rafclip.onnx.OnnxGraph;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.onnx.OnnxReader;
import org.rafclip.onnx.OpenAxes;
import org.rafclip.onnx.ValueInfo;
import org.rafclip.onnx.check.Difference;
import org.rafclip.onnx.clip.FeatureProof.Row;
import org.rafclip.onnx.clip.TowerReader.Head;
import org.rafclip.onnx.convert.ImportOptions;
import org.rafclip.onnx.convert.ImportedGraph;
import org.rafclip.onnx.convert.OnnxImport;
import org.rafclip.onnx.runtime.OnnxRuntimeSession;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.weights.FeatureCheck;

/**
 * A CLIP rebuilt from ONNX files as the trainable dual encoder, and the proof that it is the same model.
 *
 * @param encoder with the files' weights
 * @param end the token that a text is read at; empty for the highest id of a text
 * @param proof features beside the files' own
 * @param notes what the user should know
 */
public record OnnxClip(DualEncoder encoder, OptionalInt end, FeatureProof proof, List<String> notes) {

    /** The steps that progress counts for a file: imported, understood, run. The comparison follows. */
    private static final int STEPS_A_FILE = 3;

    private static final long IMAGES = 2;
    private static final long TEXTS = 3;
    private static final long COLORS = 3;
    private static final long SIZE = 224;
    private static final long CONTEXT = 77;
    private static final double CLIP_LOGIT_SCALE = Math.log(1 / 0.07);

    /**
     * How files are read.
     *
     * @param dimensions lengths of open dimensions by their labels; a batch needs none, and where nothing is said images
     *     and texts are as long as the weights want them, else {@value #SIZE} pixels a side and {@value #CONTEXT} tokens
     * @param logitScale the logarithm of the temperature; where it is absent, what follows from the file's logits, if it
     *     has any, else CLIP's ln(1/0.07)
     * @param tolerance the largest absolute error of a feature
     * @param seed of the inputs that features are compared on
     */
    public record Options(Map<String, Long> dimensions, OptionalDouble logitScale, double tolerance, long seed) {

        public Options {
            dimensions = Map.copyOf(dimensions);
        }

        /** Nothing said, error up to 1e-4. */
        public static Options standard() {
            return new Options(Map.of(), OptionalDouble.empty(), 1e-4, 1);
        }
    }

    /** What a file's output is. */
    private enum Kind {
        IMAGE,
        TEXT,
        LOGITS
    }

    /**
     * A file's outputs on its inputs.
     *
     * @param runtime null where the file computes with 16 bits a number, which we do with 32
     */
    private record Answers(Map<String, INDArray> imported, Map<String, INDArray> runtime) {}

    /** A file as it was understood. */
    private record Found(
            Path file,
            OnnxGraph graph,
            Map<String, INDArray> inputs,
            Answers answers,
            Map<Kind, Tower> towers,
            Map<String, Head> heads,
            Map<String, Kind> kinds) {}

    /**
     * Rebuilds a model.
     *
     * @param image the file with the image tower
     * @param text the file with the text tower; the same where one file has both
     * @throws DataException where a file is not such a model, which names the node that is not as expected, or where the
     *     rebuilt model's features are not the file's
     */
    public static OnnxClip load(Path image, Path text, Options options, Progress progress) throws IOException {
        JavaOps.install();
        Set<Path> files = new LinkedHashSet<>(List.of(image, text));
        int steps = STEPS_A_FILE * files.size() + 1;
        List<Found> found = new ArrayList<>();
        for (Path file : files) {
            found.add(find(file, options, done -> progress.update(STEPS_A_FILE * found.size() + done, steps)));
        }
        requireUsed(options.dimensions.keySet(), found);
        Tower images = tower(found, Kind.IMAGE, image);
        Tower texts = tower(found, Kind.TEXT, text);
        if (images.embed() != texts.embed() || images.activation() != texts.activation()) {
            throw new DataException(image + " and " + text + ": image features have " + images.embed()
                    + " numbers and MLPs with " + images.activation() + ", text features " + texts.embed() + " and "
                    + texts.activation() + ": give the two towers of one model");
        }
        List<String> notes = new ArrayList<>();
        DualEncoder encoder = DualEncoder.undrawn(config(images, texts), (name, shape) -> {});
        fill(encoder, images, texts, files);
        encoder.parameters().get(DualEncoder.LOGIT_SCALE).assign(CLIP_LOGIT_SCALE);
        List<Row> rows = new ArrayList<>();
        List<String> skipped = new ArrayList<>();
        double logitScale = options.logitScale.orElse(Double.NaN);
        for (Found one : found) {
            Compared compared = compare(encoder, one, texts.end(), skipped);
            rows.addAll(compared.rows);
            if (one.answers.runtime == null) {
                notes.add(one.file
                        + " computes with 16 bits a number. Its weights were widened; ONNX Runtime, which would"
                        + " compute with 16, was not asked.");
            }
            if (Double.isNaN(logitScale)) {
                logitScale = compared.logitScale;
            }
        }
        if (Double.isNaN(logitScale)) {
            logitScale = CLIP_LOGIT_SCALE;
            notes.add(
                    "No file has logits, so the temperature is the one that CLIP's training starts from, 1/0.07; give"
                            + " the trained one with --logit-scale (4.6052 = ln 100 for most models). Features do not depend on it.");
        }
        encoder.parameters().get(DualEncoder.LOGIT_SCALE).assign(logitScale);
        FeatureProof proof = new FeatureProof(options.seed, List.copyOf(rows), List.copyOf(skipped));
        if (!(proof.worst() <= options.tolerance)) {
            boolean half = found.stream().anyMatch(one -> one.answers.runtime == null);
            throw new DataException(String.format(
                    Locale.ROOT,
                    "%s: the rebuilt model does not compute what the file does: worst error %.1e, allowed %.1e (%s): %s%s",
                    files.size() == 1 ? image : image + " and " + text,
                    proof.worst(),
                    options.tolerance,
                    proof.summary(),
                    half ? "16 bits round its constants, so --tolerance 1e-2 may be right; or " : "",
                    TowerReader.REMEDY));
        }
        progress.update(steps, steps);
        return new OnnxClip(encoder, texts.end(), proof, List.copyOf(notes));
    }

    // --------------------------------------------------------------------------------------------------- one file

    private static Found find(Path file, Options options, IntConsumer step) throws IOException {
        OnnxModel model = HiddenFeatures.given(fixed(OnnxReader.read(file), options.dimensions));
        step.accept(0);
        ImportOptions unfused = ImportOptions.standard().withoutFusion();
        try (ImportedGraph imported = importing(model, unfused)) {
            step.accept(1);
            GraphWalk walk = new GraphWalk(imported);
            Map<String, INDArray> inputs = inputs(model.graph(), walk, options.seed);
            Map<String, Kind> kinds = kinds(model, walk);
            Map<String, Head> heads = new LinkedHashMap<>();
            Map<Kind, Tower> towers = towers(walk, inputs, kinds, heads);
            step.accept(2);
            Map<String, INDArray> answers = walk.outputs(inputs);
            boolean half = Stream.concat(model.graph().inputs().stream(), model.graph().outputs().stream())
                    .anyMatch(value -> value.type() != null && value.type().widened());
            if (half) {
                return new Found(file, model.graph(), inputs, new Answers(answers, null), towers, heads, kinds);
            }
            try (OnnxRuntimeSession peer = new OnnxRuntimeSession(file)) {
                return new Found(
                        file, model.graph(), inputs, new Answers(answers, peer.run(inputs)), towers, heads, kinds);
            }
        }
    }

    private static ImportedGraph importing(OnnxModel model, ImportOptions options) {
        try {
            return OnnxImport.of(model, options);
        } catch (DataException e) {
            boolean open = model.graph().inputs().stream()
                    .anyMatch(input -> input.shape().stream()
                            .anyMatch(size -> !size.label().isEmpty()));
            throw open
                    ? new DataException(
                            e.getMessage() + "; it was read with "
                                    + model.graph().inputs().stream()
                                            .map(input -> input.name() + " " + input.describe())
                                            .toList()
                                    + ", set open dimensions with --dim NAME=LENGTH where that is not right",
                            e)
                    : e;
        }
    }

    /** The model for inputs of fixed shapes, so that all shapes in it are known. */
    private static OnnxModel fixed(OnnxModel model, Map<String, Long> dimensions) {
        List<ValueInfo> inputs = new ArrayList<>();
        OpenAxes axes = new OpenAxes(model.graph());
        for (ValueInfo input : model.graph().inputs()) {
            DataType type = input.type().array();
            int rank = input.shape() == null ? 0 : input.shape().size();
            boolean image = rank == 4 && type == DataType.FLOAT;
            boolean tokens = rank == 2 && type != null && type.isIntType();
            if (!image && !tokens) {
                throw new DataException(model.file() + ": its input '" + input.name() + "' is " + input.describe()
                        + ", but CLIP takes images [batch, 3, size, size], 32 or 16 bits a number, or tokens [texts, length]: "
                        + TowerReader.REMEDY);
            }
            long[] usual = image ? new long[] {IMAGES, COLORS, SIZE, SIZE} : new long[] {TEXTS, CONTEXT};
            long[] wanted = axes.of(input);
            List<ValueInfo.Dimension> shape = new ArrayList<>();
            for (int i = 0; i < usual.length; i++) {
                ValueInfo.Dimension size = input.shape().get(i);
                shape.add(
                        size.open()
                                ? new ValueInfo.Dimension(
                                        dimensions.getOrDefault(size.label(), wanted[i] > 0 ? wanted[i] : usual[i]),
                                        size.label())
                                : size);
            }
            inputs.add(new ValueInfo(input.name(), input.type(), shape));
        }
        OnnxGraph graph = model.graph();
        return new OnnxModel(
                model.file(),
                model.producer(),
                model.irVersion(),
                model.opsets(),
                new OnnxGraph(graph.name(), inputs, graph.outputs(), graph.initializers(), graph.nodes()));
    }

    private static Map<String, INDArray> inputs(OnnxGraph graph, GraphWalk walk, long seed) {
        Map<String, INDArray> inputs = new LinkedHashMap<>();
        for (ValueInfo input : graph.inputs()) {
            SplittableRandom random = new SplittableRandom(seed + inputs.size());
            long[] shape =
                    input.shape().stream().mapToLong(ValueInfo.Dimension::size).toArray();
            INDArray value = Nd4j.createUninitializedDetached(input.type().array(), 'c', shape);
            Memory memory = Memory.of(value);
            if (shape.length == 4) {
                for (long i = 0; i < memory.length(); i++) {
                    memory.set(i, random.nextGaussian());
                }
            } else if (input.name().toLowerCase(Locale.ROOT).contains("mask")) {
                for (long i = 0; i < memory.length(); i++) {
                    memory.setLong(i, 1);
                }
            } else {
                texts(memory, shape[1], walk.rows(input.name()), random);
            }
            inputs.put(input.name(), value);
        }
        return inputs;
    }

    /** Texts of different lengths: tokens, the end token, which is the last of the vocabulary, zeros. */
    private static void texts(Memory memory, long length, long vocabulary, SplittableRandom random) {
        for (long row = 0; row < memory.length() / length; row++) {
            long end = length == 1 ? 0 : 1 + random.nextLong(length - 1);
            for (long i = 0; i < length; i++) {
                memory.setLong(
                        row * length + i, i < end ? random.nextLong(vocabulary - 1) : i == end ? vocabulary - 1 : 0);
            }
        }
    }

    private static Map<String, Kind> kinds(OnnxModel model, GraphWalk walk) {
        Map<String, Boolean> image = new LinkedHashMap<>();
        model.graph()
                .inputs()
                .forEach(input -> image.put(input.name(), input.shape().size() == 4));
        Map<String, Kind> kinds = new LinkedHashMap<>();
        for (ValueInfo output : model.graph().outputs()) {
            Set<String> inputs = walk.inputs(output.name());
            boolean images = inputs.stream().anyMatch(image::get);
            boolean texts = inputs.stream().anyMatch(name -> !image.get(name));
            if (images || texts) {
                kinds.put(output.name(), images && texts ? Kind.LOGITS : images ? Kind.IMAGE : Kind.TEXT);
            }
        }
        return kinds;
    }

    /** Reads the towers from those outputs that are features, and remembers how each output follows from its tower. */
    private static Map<Kind, Tower> towers(
            GraphWalk walk, Map<String, INDArray> inputs, Map<String, Kind> kinds, Map<String, Head> heads) {
        Map<Kind, Tower> towers = new LinkedHashMap<>();
        for (Kind kind : List.of(Kind.IMAGE, Kind.TEXT)) {
            List<String> outputs = kinds.keySet().stream()
                    .filter(name -> kinds.get(name) == kind)
                    .toList();
            DataException first = null;
            for (String output : outputs) {
                try {
                    heads.put(output, new TowerReader(walk, kind == Kind.TEXT, inputs).head(output));
                } catch (DataException e) {
                    first = first == null && walk.shape(output).length == 2 ? e : first;
                }
            }
            Optional<Head> features = outputs.stream()
                    .map(heads::get)
                    .filter(head -> head != null
                            && head.projection() != null
                            && !head.choices().isEmpty())
                    .findFirst();
            if (features.isPresent()) {
                towers.put(kind, new TowerReader(walk, kind == Kind.TEXT, inputs).read(features.get()));
            } else if (first != null) {
                throw first;
            }
        }
        return towers;
    }

    private static void requireUsed(Set<String> dimensions, List<Found> found) {
        Set<String> labels = new TreeSet<>();
        found.forEach(one -> one.graph
                .inputs()
                .forEach(input -> input.shape().stream()
                        .map(ValueInfo.Dimension::label)
                        .filter(label -> !label.isEmpty())
                        .forEach(labels::add)));
        for (String name : dimensions) {
            if (!labels.contains(name)) {
                throw new DataException(found.stream().map(Found::file).toList() + ": no input has an open dimension '"
                        + name + "', open are " + labels);
            }
        }
    }

    private static Tower tower(List<Found> found, Kind kind, Path file) {
        return found.stream()
                .map(one -> one.towers.get(kind))
                .filter(tower -> tower != null)
                .findFirst()
                .orElseThrow(() -> new DataException(file + ": none of its outputs is the projected feature of "
                        + (kind == Kind.IMAGE ? "an image" : "a text") + ", [batch, d]: " + TowerReader.REMEDY));
    }

    // ----------------------------------------------------------------------------------------------------- the model

    private static ClipConfig config(Tower image, Tower text) {
        INDArray kernel = image.weights().get("visual.conv1.weight");
        int patch = (int) kernel.size(2);
        long patches = image.weights().get("visual.positional_embedding").size(0) - 1;
        int side = (int) Math.round(Math.sqrt(patches));
        return new ClipConfig(
                image.embed(),
                image.activation(),
                CLIP_LOGIT_SCALE,
                ClipConfig.Vision.ofClip(
                        side * patch,
                        patch,
                        image.width(),
                        image.layers(),
                        image.heads(),
                        (double) image.hidden() / image.width()),
                ClipConfig.Text.ofClip(
                        (int) text.weights().get("positional_embedding").size(0),
                        (int) text.weights().get("token_embedding.weight").size(0),
                        text.width(),
                        text.layers(),
                        text.heads(),
                        (double) text.hidden() / text.width()));
    }

    private static void fill(DualEncoder encoder, Tower image, Tower text, Set<Path> files) {
        Map<String, INDArray> weights = new LinkedHashMap<>(image.weights());
        weights.putAll(text.weights());
        encoder.parameters().forEach((name, parameter) -> {
            if (name.equals(DualEncoder.LOGIT_SCALE)) {
                return;
            }
            INDArray weight = weights.remove(name);
            if (weight == null || !Arrays.equals(weight.shape(), parameter.shape())) {
                throw new DataException(files + ": what becomes " + name + " is "
                        + (weight == null ? "missing" : Arrays.toString(weight.shape())) + ", not "
                        + Arrays.toString(parameter.shape()) + " as the rest of the model asks for: "
                        + TowerReader.REMEDY);
            }
            if (!Double.isFinite(weight.sumNumber().doubleValue())) {
                throw new DataException(files + ": what becomes " + name
                        + " holds numbers that are not finite: the weights are damaged, export them again");
            }
            parameter.assign(weight);
        });
        if (!weights.isEmpty()) {
            throw new IllegalStateException("the model has no place for " + weights.keySet());
        }
    }

    // ------------------------------------------------------------------------------------------------------ the proof

    /** @param logitScale as it follows from logits; NaN where the file has none */
    private record Compared(List<Row> rows, double logitScale) {}

    private static Compared compare(DualEncoder encoder, Found found, OptionalInt end, List<String> skipped) {
        Map<Kind, INDArray> embeddings = new LinkedHashMap<>();
        List<Row> rows = new ArrayList<>();
        try (Graph graph = new Graph(encoder.graph())) {
            for (Map.Entry<Kind, Tower> tower : found.towers.entrySet()) {
                boolean image = tower.getKey() == Kind.IMAGE;
                INDArray given = found.inputs.get(tower.getValue().input());
                Map<String, INDArray> inputs = new LinkedHashMap<>();
                inputs.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, -1));
                if (image) {
                    inputs.put(DualEncoder.IMAGES, given);
                } else {
                    inputs.put(DualEncoder.TOKENS, given.castTo(DataType.INT32));
                    inputs.put(DualEncoder.TOKEN_ENDS, ends(given, end));
                }
                String unit = image ? DualEncoder.IMAGE_EMBEDDING : DualEncoder.TEXT_EMBEDDING;
                String features = image ? DualEncoder.IMAGE_FEATURES : DualEncoder.TEXT_FEATURES;
                String tokens = image ? DualEncoder.IMAGE_TOKENS : DualEncoder.TEXT_TOKENS;
                try (Graph.Outputs outputs = graph.run(inputs, unit, features, tokens)) {
                    embeddings.put(tower.getKey(), outputs.get(unit).dup('c'));
                    for (String name : found.kinds.keySet()) {
                        if (found.kinds.get(name) != tower.getKey()) {
                            continue;
                        }
                        Head head = found.heads.get(name);
                        if (head == null || head.projection() == null) {
                            skipped.add(found.file.getFileName() + ": '" + name
                                    + "' is not compared, the rebuilt model has no such output");
                            continue;
                        }
                        boolean pooled = !head.choices().isEmpty();
                        String ours = head.unit() ? unit : pooled ? features : tokens;
                        String meaning = (image ? "image " : "text ")
                                + (pooled ? "features" : "tokens")
                                + (head.unit() ? " of length 1" : "");
                        rows.add(row(
                                name,
                                meaning,
                                outputs.get(ours),
                                found.answers,
                                ours.equals(DualEncoder.TEXT_TOKENS)
                                        ? all -> FeatureCheck.ownTokens(all, inputs.get(DualEncoder.TOKEN_ENDS))
                                        : UnaryOperator.identity()));
                    }
                }
            }
        }
        double logitScale = Double.NaN;
        for (String name : found.kinds.keySet()) {
            if (found.kinds.get(name) == Kind.LOGITS && embeddings.size() == 2) {
                INDArray cosines = embeddings
                        .get(Kind.IMAGE)
                        .mmul(embeddings.get(Kind.TEXT).transpose());
                INDArray logits = found.answers.imported.get(name);
                INDArray laidOut = Arrays.equals(logits.shape(), cosines.shape()) ? cosines : cosines.transpose();
                double scale = logits.mul(laidOut).sumNumber().doubleValue()
                        / laidOut.mul(laidOut).sumNumber().doubleValue();
                logitScale = exact(Math.log(scale), found.graph);
                INDArray ours = laidOut.mul(Math.exp(logitScale)).dup('c');
                rows.add(row(name, "logits", ours, found.answers, UnaryOperator.identity()));
            }
        }
        return new Compared(rows, logitScale);
    }

    /** A number that the file stores, alone in its tensor, where it is as good as equal. */
    private static double exact(double logitScale, OnnxGraph graph) {
        return graph.initializers().values().stream()
                .filter(tensor -> tensor.elements() == 1
                        && tensor.type().array() != null
                        && tensor.type().array().isFPType())
                .mapToDouble(tensor -> tensor.doubles()[0])
                .filter(value -> Math.abs(value - logitScale) < 1e-4)
                .findFirst()
                .orElse(logitScale);
    }

    private static INDArray ends(INDArray tokens, OptionalInt end) {
        int[] ends = new int[(int) tokens.size(0)];
        for (int row = 0; row < ends.length; row++) {
            for (int i = 0; i < tokens.size(1); i++) {
                long token = tokens.getLong(row, i);
                if (end.isPresent() && token == end.getAsInt()) {
                    ends[row] = i;
                    break;
                }
                if (end.isEmpty() && token > tokens.getLong(row, ends[row])) {
                    ends[row] = i;
                }
            }
        }
        return Nd4j.createFromArray(ends);
    }

    /** @param part of an output that is compared */
    private static Row row(
            String name, String meaning, INDArray computed, Answers answers, UnaryOperator<INDArray> part) {
        INDArray ours = part.apply(computed);
        INDArray imported = part.apply(answers.imported.get(name));
        Difference fromImport = Difference.of(ours, imported, 0);
        Double fromRuntime = null;
        if (answers.runtime != null && answers.runtime.containsKey(name)) {
            fromRuntime = Difference.of(ours, part.apply(answers.runtime.get(name)), 0)
                    .worst();
        }
        return new Row(name, meaning, imported.length(), fromImport.largest(), fromImport.worst(), fromRuntime);
    }
}
