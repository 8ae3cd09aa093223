package org.rafclip.onnx.clip;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.clip.ClipConfig;
import org.rafclip.data.DataException;
import org.rafclip.onnx.OnnxNode;
import org.rafclip.onnx.clip.GraphWalk.Linear;
import org.rafclip.onnx.clip.GraphWalk.Norm;
import org.rafclip.onnx.clip.GraphWalk.Origin;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.kernel.Memory;

/**
 * Finds a tower of CLIP in a graph, from its features back to its input:
 *
 * <pre>
 * features ← projection, last layer norm, choice of a token (in any order)
 *          ← blocks:  x + MLP(norm(x)),  x + attention(norm(x))
 *          ← image:   norm(positions + [class token, patches by a convolution])
 *            text:    positions + rows of the token table
 * </pre>
 *
 * Names play no part. What stands where something else was expected is an error that names the node.
 */
final class TowerReader {

    static final String REMEDY = "export the model with a script of onnx/export, or import its weights from safetensors"
            + " (./rafclip model import)";

    private static final double SMALL = 1e-4;
    private static final double MASKED = -1e4;

    /** How far a layer norm's ε may be off: what 16 bits leave of it. */
    private static final double EPSILON_ERROR = 0.01;

    /**
     * What follows the last block.
     *
     * @param output the features or tokens
     * @param norm the last layer norm
     * @param projection {@code [width, d]}; null where there is none
     * @param choices how a token is chosen; empty where all are kept
     * @param unit whether the result is brought to length 1
     * @param stream what the last block made
     */
    record Head(String output, Norm norm, INDArray projection, List<OnnxNode> choices, boolean unit, String stream) {}

    /** One residual branch: what it was computed from, and its weights by the names within a block. */
    private record Branch(String stream, Map<String, INDArray> weights) {}

    private final GraphWalk graph;
    private final boolean text;
    private final Map<String, INDArray> inputs;
    private String place;
    private int heads;
    private int hidden;
    private Activation activation;

    /** @param inputs on which masks that depend on inputs are looked at */
    TowerReader(GraphWalk graph, boolean text, Map<String, INDArray> inputs) {
        this.graph = graph;
        this.text = text;
        this.inputs = inputs;
        this.place = "features";
    }

    /** Goes back from an output to the last block. */
    Head head(String output) {
        Norm norm = null;
        INDArray projection = null;
        List<OnnxNode> choices = new ArrayList<>();
        boolean unit = false;
        String at = output;
        while (true) {
            at = graph.back(at, GraphWalk.MOVES);
            OnnxNode node = graph.producer(at);
            Norm foundNorm = graph.norm(at);
            Linear linear = graph.linear(at);
            if (foundNorm != null && norm == null) {
                norm = foundNorm;
                at = norm.input();
            } else if (linear != null && linear.bias() == null && projection == null && norm == null) {
                projection = linear.weight().transpose();
                at = linear.input();
            } else if (node != null && GraphWalk.CHOICES.contains(node.qualifiedOp())) {
                choices.add(node);
                at = node.inputs().get(0);
            } else if (node != null && node.qualifiedOp().equals("Div") && !unit && projection == null) {
                unit = true;
                at = node.inputs().get(0);
            } else if (node != null && node.qualifiedOp().equals("Add") && norm != null) {
                return new Head(output, norm, projection, List.copyOf(choices), unit, at);
            } else {
                throw unexpected(
                        at, norm == null ? "the projection or the last layer norm" : "the end of the last block");
            }
        }
    }

    /** Reads the tower whose features these are. */
    Tower read(Head head) {
        Map<String, INDArray> weights = new LinkedHashMap<>();
        int width = Math.toIntExact(head.norm().gain().length());
        List<Map<String, INDArray>> blocks = new ArrayList<>();
        String at = head.stream();
        while (true) {
            at = graph.back(at, GraphWalk.MOVES);
            OnnxNode node = graph.producer(at);
            if (node == null
                    || !node.qualifiedOp().equals("Add")
                    || node.inputs().stream().anyMatch(graph::isConstant)) {
                break;
            }
            String block = "block " + (blocks.size() + 1) + " from the end, ";
            Map<String, INDArray> found = new LinkedHashMap<>();
            place = block + "MLP";
            Branch mlp = mlp(at);
            place = block + "attention";
            Branch attention = attention(mlp.stream, width);
            found.putAll(attention.weights);
            found.putAll(mlp.weights);
            blocks.add(found);
            at = attention.stream;
        }
        if (blocks.isEmpty()) {
            throw unexpected(at, "the end of a transformer block, a sum");
        }
        place = "embedding";
        String input = text ? words(at, weights) : patches(at, weights);
        Collections.reverse(blocks);
        for (int i = 0; i < blocks.size(); i++) {
            String prefix = tower("transformer.resblocks." + i + ".");
            blocks.get(i).forEach((name, value) -> weights.put(prefix + name, value));
        }
        place = "last layer norm";
        put(weights, tower(text ? "ln_final" : "ln_post"), head.norm());
        weights.put(text ? "text_projection" : "visual.proj", head.projection());
        return new Tower(
                input,
                width,
                blocks.size(),
                heads,
                hidden,
                Math.toIntExact(head.projection().size(1)),
                activation,
                text ? end(head) : OptionalInt.empty(),
                weights);
    }

    private String tower(String name) {
        return text ? name : "visual." + name;
    }

    /** Where a text is read: at the highest id, or at the first of an id that the graph compares with. */
    private OptionalInt end(Head head) {
        place = "choice of the end token";
        Set<OnnxNode> nodes = Collections.newSetFromMap(new IdentityHashMap<>());
        head.choices()
                .forEach(choice ->
                        choice.inputs().stream().skip(1).forEach(input -> nodes.addAll(graph.ancestors(input))));
        if (nodes.stream().noneMatch(node -> node.qualifiedOp().equals("ArgMax"))) {
            throw unexpected(
                    head.choices().get(0).outputs().get(0), "a choice at each text's end token, found by ArgMax");
        }
        return nodes.stream()
                .filter(node -> node.qualifiedOp().equals("Equal"))
                .flatMap(node -> node.inputs().stream())
                .map(graph::constant)
                .filter(value -> value != null && value.length() == 1)
                .mapToInt(value -> value.castTo(DataType.INT32).getInt(0))
                .findFirst();
    }

    // ------------------------------------------------------------------------------------------------------- blocks

    /** The linear layer that ends a branch, and the tensor that the branch was added to. */
    private record Sum(Linear last, String stream) {}

    private Sum sum(String tensor) {
        String at = graph.back(tensor, GraphWalk.MOVES);
        OnnxNode add = graph.producer(at);
        if (add == null || !add.qualifiedOp().equals("Add")) {
            throw unexpected(at, "the sum of a branch and what it was computed from");
        }
        for (int side = 0; side < 2; side++) {
            Linear last = graph.linear(graph.back(add.inputs().get(side), GraphWalk.MOVES));
            if (last != null) {
                return new Sum(last, graph.back(add.inputs().get(1 - side), GraphWalk.MOVES));
            }
        }
        throw unexpected(at, "the sum of a linear layer and what the block was given");
    }

    /** {@code x + c_proj(activation(c_fc(ln_2(x))))}. */
    private Branch mlp(String tensor) {
        Sum sum = sum(tensor);
        String active = graph.back(sum.last.input(), GraphWalk.MOVES);
        Activation found = graph.activation(active)
                .orElseThrow(() -> unexpected(active, "GELU by the error function or QuickGELU"));
        if (activation != null && activation != found) {
            throw unexpected(active, activation + " as in the blocks behind it");
        }
        activation = found;
        String wide = graph.back(graph.producer(active).inputs().get(0), GraphWalk.MOVES);
        Linear first = graph.linear(wide);
        if (first == null) {
            throw unexpected(wide, "the first linear layer of the MLP");
        }
        hidden = same(hidden, first.weight().size(0), "a hidden width", wide);
        Map<String, INDArray> weights = new LinkedHashMap<>();
        norm(first.input(), sum.stream, "ln_2", weights);
        put(weights, "mlp.c_fc", first);
        put(weights, "mlp.c_proj", sum.last);
        return new Branch(sum.stream, weights);
    }

    /** {@code x + out_proj(softmax(q kᵀ · scale + mask) v)}, with q, k and v from {@code ln_1(x)}. */
    private Branch attention(String tensor, int width) {
        Sum sum = sum(tensor);
        String mixed = graph.source(sum.last.input());
        OnnxNode mix = product(mixed, "the product of attention and values");
        String spread = graph.back(mix.inputs().get(0), GraphWalk.MOVES);
        if (graph.op(spread).equals("Where")) {
            // Some exports guard here against rows that are masked altogether.
            spread = graph.back(graph.producer(spread).inputs().get(2), GraphWalk.MOVES);
        }
        if (!graph.op(spread).equals("Softmax")) {
            throw unexpected(spread, "the softmax over an attention's scores");
        }
        Scores scores = scores(graph.producer(spread).inputs().get(0));
        OnnxNode product = product(scores.product, "the product of queries and keys");

        Projected q = projected(product.inputs().get(0));
        Projected k = projected(product.inputs().get(1));
        Projected v = projected(mix.inputs().get(1));
        Origin out = graph.origin(mixed, sum.last.input());
        long[] shape = graph.shape(mixed);
        int size = (int) shape[shape.length - 1];
        int tokens = (int) shape[shape.length - 2];
        long[] given = graph.shape(sum.last.input());
        if (given[given.length - 1] != width) {
            throw unexpected(sum.last.output(), "a linear layer of " + width + " numbers, the heads side by side,");
        }
        for (Projected part : List.of(q, k, v)) {
            if (part.origin.indices().length() != out.indices().length()) {
                throw unexpected(
                        part.linear.output(), "as many queries, keys and values as there are results, a head each,");
            }
        }
        int[] columns = row(out.indices(), width);

        // A head is a matrix of the batched products; those of the first token of the output are one sample's.
        List<Integer> matrices = Arrays.stream(columns)
                .map(i -> i / (tokens * size))
                .distinct()
                .boxed()
                .toList();
        if (matrices.size() * size != width) {
            throw unexpected(
                    mixed,
                    "heads that fill the width " + width + " together, not " + matrices.size() + " of " + size + ",");
        }
        heads = same(heads, matrices.size(), "a number of heads", mixed);
        int[] rows = new int[width];
        for (int column = 0; column < width; column++) {
            rows[matrices.indexOf(columns[column] / (tokens * size)) * size + columns[column] % size] = column;
        }
        double factor = scores.scale * q.origin.scale() * k.origin.scale() * Math.sqrt(size);
        INDArray[] parts = {
            q.rows(matrices, size, tokens, false, Math.abs(factor - 1) < 1e-5 ? 1 : factor),
            k.rows(matrices, size, tokens, true, 1),
            v.rows(matrices, size, tokens, false, v.origin.scale() * out.scale())
        };
        Map<String, INDArray> weights = new LinkedHashMap<>();
        for (Projected part : List.of(q, k, v)) {
            norm(part.linear.input(), sum.stream, "ln_1", weights);
        }
        INDArray packed = Nd4j.concat(0, parts);
        weights.put("attn.in_proj_weight", packed.get(NDArrayIndex.all(), NDArrayIndex.interval(0, width)));
        weights.put("attn.in_proj_bias", packed.getColumn(width).dup());
        put(
                weights,
                "attn.out_proj",
                new Linear(
                        sum.last.input(),
                        sum.last.output(),
                        Nd4j.pullRows(sum.last.weight().transpose().dup('c'), 1, rows, 'c')
                                .transpose(),
                        sum.last.bias()));
        return new Branch(sum.stream, weights);
    }

    private OnnxNode product(String tensor, String expected) {
        OnnxNode node = graph.producer(tensor);
        if (node == null
                || !node.qualifiedOp().equals("MatMul")
                || node.inputs().stream().anyMatch(graph::isConstant)) {
            throw unexpected(tensor, expected);
        }
        return node;
    }

    /** Queries, keys or values: the linear layer they come from, and which of its outputs stands where. */
    private record Projected(Linear linear, Origin origin) {

        /** Weights and biases {@code [width, in + 1]} in the order heads, then dimensions of a head. */
        INDArray rows(List<Integer> matrices, int size, int tokens, boolean transposed, double factor) {
            Memory places = Memory.of(Memory.dense(origin.indices()));
            int columns = (int) linear.weight().size(0);
            int[] rows = new int[matrices.size() * size];
            for (int head = 0; head < matrices.size(); head++) {
                long first = (long) matrices.get(head) * tokens * size;
                for (int i = 0; i < size; i++) {
                    rows[head * size + i] = places.getInt(first + (transposed ? (long) i * tokens : i)) % columns;
                }
            }
            INDArray bias = linear.bias() == null
                    ? Nd4j.zeros(DataType.FLOAT, columns, 1)
                    : linear.bias().reshape(columns, 1);
            INDArray both = Nd4j.concat(1, linear.weight().dup('c'), bias);
            INDArray chosen = Nd4j.pullRows(both, 1, rows, 'c');
            return factor == 1 ? chosen : chosen.mul(factor);
        }
    }

    private Projected projected(String operand) {
        String source = graph.source(operand);
        Linear linear = graph.linear(source);
        if (linear == null) {
            throw unexpected(source, "the linear layer that makes queries, keys or values");
        }
        return new Projected(linear, graph.origin(source, operand));
    }

    /** What the softmax is taken of: a product of matrices, and what it is multiplied with. */
    private record Scores(String product, double scale) {}

    /** Goes back from the softmax's input; masks on the way are looked at. */
    private Scores scores(String tensor) {
        boolean causal = false;
        double scale = 1;
        String at = graph.back(tensor, GraphWalk.MOVES);
        while (true) {
            OnnxNode node = graph.producer(at);
            int scaled = graph.scaled(node);
            if (scaled >= 0) {
                scale *= graph.factor(node);
                at = node.inputs().get(scaled);
            } else if (node != null && node.qualifiedOp().equals("Add")) {
                int side = leadsToProduct(node.inputs().get(0)) ? 0 : 1;
                causal |= causal(node.inputs().get(1 - side), at);
                at = node.inputs().get(side);
            } else {
                break;
            }
            at = graph.back(at, GraphWalk.MOVES);
        }
        if (causal != text) {
            throw unexpected(
                    at,
                    text
                            ? "scores with a causal mask, by which a token sees only those before it,"
                            : "scores without a mask, as patches see one another,");
        }
        return new Scores(at, scale);
    }

    private boolean leadsToProduct(String tensor) {
        return graph.ancestors(tensor).stream()
                .anyMatch(node -> node.qualifiedOp().equals("MatMul"));
    }

    /** Whether a mask hides from every token those behind it, and nothing else; one of zeros hides nothing. */
    private boolean causal(String mask, String sum) {
        INDArray value = graph.value(mask, inputs);
        if (value.amaxNumber().doubleValue() == 0) {
            return false;
        }
        boolean causal = value.rank() >= 2 && value.size(-1) == value.size(-2);
        int tokens = causal ? (int) value.size(-1) : 0;
        Memory numbers = Memory.of(Memory.dense(value));
        for (long i = 0; causal && i < numbers.length(); i++) {
            boolean behind = i % tokens > i / tokens % tokens;
            causal = behind ? numbers.get(i) <= MASKED : Math.abs(numbers.get(i)) < SMALL;
        }
        if (!causal) {
            throw unexpected(sum, "a causal mask, or none,");
        }
        return true;
    }

    /** The layer norm before a branch, which has to read what the branch is added to. */
    private void norm(String tensor, String stream, String name, Map<String, INDArray> weights) {
        String at = graph.back(tensor, GraphWalk.MOVES);
        Norm norm = graph.norm(at);
        if (norm == null) {
            throw unexpected(at, "the layer norm " + name);
        }
        if (!graph.back(norm.input(), GraphWalk.MOVES).equals(stream)) {
            throw unexpected(at, "the layer norm " + name + " of what the branch is added to");
        }
        INDArray other = weights.get(name + ".weight");
        if (other != null && other != norm.gain() && !other.equals(norm.gain())) {
            throw unexpected(at, "the layer norm that queries, keys and values share");
        }
        put(weights, name, norm);
    }

    // --------------------------------------------------------------------------------------------------- embeddings

    /** {@code positions + table[tokens]}. */
    private String words(String tensor, Map<String, INDArray> weights) {
        Positioned sum = withPositions(tensor);
        OnnxNode gather = graph.producer(sum.other);
        INDArray table = gather != null && gather.qualifiedOp().equals("Gather")
                ? graph.constant(gather.inputs().get(0))
                : null;
        if (table == null || table.rank() != 2) {
            throw unexpected(sum.other, "the choice of rows from the table of tokens");
        }
        weights.put("token_embedding.weight", table);
        weights.put("positional_embedding", graph.table(sum.constant, sum.positions));
        return input(gather.inputs().get(1));
    }

    /** {@code ln_pre(positions + [class token, patches])}. */
    private String patches(String tensor, Map<String, INDArray> weights) {
        Norm pre = graph.norm(tensor);
        if (pre == null) {
            throw unexpected(tensor, "a block, or the layer norm before the first");
        }
        Positioned sum = withPositions(pre.input());
        OnnxNode concat = graph.producer(sum.other);
        INDArray first = concat != null
                        && concat.qualifiedOp().equals("Concat")
                        && concat.inputs().size() == 2
                ? graph.constant(concat.inputs().get(0))
                : null;
        int width = (int) pre.gain().length();
        if (first == null || first.length() % width != 0) {
            throw unexpected(sum.other, "the class token, followed by the patches,");
        }
        String patches = graph.back(concat.inputs().get(1), GraphWalk.MOVES);
        OnnxNode convolution = graph.producer(patches);
        INDArray kernel = convolution != null && convolution.qualifiedOp().equals("Conv")
                ? graph.constant(convolution.inputs().get(1))
                : null;
        if (kernel == null || !cutsPatches(convolution, kernel)) {
            throw unexpected(patches, "a convolution that cuts square patches of three colors without overlap");
        }
        long[] grid = graph.shape(patches);
        if (grid[2] != grid[3] || grid[2] * grid[3] + 1 != sum.positions.size(0)) {
            throw unexpected(
                    patches,
                    "patches of a square image, one for each but the first of " + sum.positions.size(0)
                            + " positions, not " + grid[2] + " × " + grid[3] + ",");
        }
        INDArray positions = sum.positions;
        if (convolution.hasInput(2)) {
            // CLIP's convolution has no bias; added to each patch, it is part of the patches' positions.
            positions = positions.dup();
            positions
                    .get(NDArrayIndex.interval(1, positions.size(0)), NDArrayIndex.all())
                    .addiRowVector(graph.constant(convolution.inputs().get(2)));
        }
        weights.put("visual.positional_embedding", positions);
        weights.put("visual.class_embedding", first.reshape(-1, width).getRow(0));
        weights.put("visual.conv1.weight", kernel);
        put(weights, "visual.ln_pre", pre);
        return input(convolution.inputs().get(0));
    }

    private static boolean cutsPatches(OnnxNode convolution, INDArray kernel) {
        long patch = kernel.size(-1);
        long[] strides = convolution.integers("strides");
        long[] pads = convolution.integers("pads");
        return kernel.rank() == 4
                && kernel.size(1) == 3
                && kernel.size(2) == patch
                && strides != null
                && Arrays.stream(strides).allMatch(stride -> stride == patch)
                && (pads == null || Arrays.stream(pads).allMatch(pad -> pad == 0))
                && convolution.integer("group", 1) == 1;
    }

    /** A sum with a constant, which is a row for every token. */
    private record Positioned(String constant, INDArray positions, String other) {}

    private Positioned withPositions(String tensor) {
        String at = graph.back(tensor, GraphWalk.MOVES);
        OnnxNode add = graph.producer(at);
        for (int side = 0; add != null && add.qualifiedOp().equals("Add") && side < 2; side++) {
            String name = add.inputs().get(side);
            INDArray constant = graph.constant(name);
            if (constant != null && constant.rank() >= 2 && constant.size(-2) > 1) {
                long rows = constant.size(-2);
                long columns = constant.size(-1);
                INDArray positions = constant.reshape(-1, rows, columns)
                        .get(NDArrayIndex.point(0), NDArrayIndex.all(), NDArrayIndex.all());
                return new Positioned(name, positions, graph.back(add.inputs().get(1 - side), GraphWalk.MOVES));
            }
        }
        throw unexpected(at, "the positions, added to the tokens,");
    }

    private String input(String tensor) {
        String at = graph.back(tensor, Set.of("Cast", "Identity"));
        boolean input = graph.model().graph().inputs().stream()
                .anyMatch(value -> value.name().equals(at));
        if (!input) {
            throw unexpected(at, "an input of the model: normalised images, or the tokens of texts,");
        }
        return at;
    }

    // -------------------------------------------------------------------------------------------------------- common

    private void put(Map<String, INDArray> weights, String name, Norm norm) {
        if (Math.abs(norm.epsilon() / ClipConfig.LAYER_NORM_EPS - 1) > EPSILON_ERROR) {
            throw unexpected(
                    norm.node().outputs().get(0),
                    "a layer norm with epsilon " + ClipConfig.LAYER_NORM_EPS + ", not " + (float) norm.epsilon() + ",");
        }
        weights.put(name + ".weight", norm.gain());
        weights.put(
                name + ".bias",
                norm.bias() == null ? Nd4j.zeros(DataType.FLOAT, norm.gain().length()) : norm.bias());
    }

    private static void put(Map<String, INDArray> weights, String name, Linear linear) {
        weights.put(name + ".weight", linear.weight());
        weights.put(
                name + ".bias",
                linear.bias() == null
                        ? Nd4j.zeros(DataType.FLOAT, linear.weight().size(0))
                        : linear.bias());
    }

    private int same(int before, long now, String what, String tensor) {
        if (before != 0 && before != now) {
            throw unexpected(tensor, what + " of " + before + " as in the blocks behind it, not " + now + ",");
        }
        return Math.toIntExact(now);
    }

    private static int[] row(INDArray indices, int width) {
        Memory memory = Memory.of(Memory.dense(indices));
        return IntStream.range(0, width).map(memory::getInt).toArray();
    }

    private DataException unexpected(String tensor, String expected) {
        OnnxNode node = graph.producer(tensor);
        String found = node == null ? "the tensor '" + tensor + "'" : "node '" + node.label() + "' (" + node.op() + ")";
        return new DataException(graph.model().file() + ": " + (text ? "text" : "image") + " tower, " + place + ": "
                + found + " stands where " + expected + " was expected: " + REMEDY);
    }
}
