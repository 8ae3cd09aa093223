package org.rafclip.onnx.convert;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.onnx.ElementType;
import org.rafclip.onnx.OnnxNode;
import org.rafclip.onnx.OnnxTensor;
import org.rafclip.onnx.op.BlockMove;
import org.rafclip.onnx.op.ChannelNorm;
import org.rafclip.onnx.op.Choose;
import org.rafclip.onnx.op.Contraction;
import org.rafclip.onnx.op.Convert;
import org.rafclip.onnx.op.Convolution;
import org.rafclip.onnx.op.CumulativeSum;
import org.rafclip.onnx.op.Enlarge;
import org.rafclip.onnx.op.Extreme;
import org.rafclip.onnx.op.Gather;
import org.rafclip.onnx.op.Join;
import org.rafclip.onnx.op.Make;
import org.rafclip.onnx.op.MatrixProduct;
import org.rafclip.onnx.op.Pad;
import org.rafclip.onnx.op.Pairwise;
import org.rafclip.onnx.op.Permute;
import org.rafclip.onnx.op.Pointwise;
import org.rafclip.onnx.op.Pooling;
import org.rafclip.onnx.op.Put;
import org.rafclip.onnx.op.Reduction;
import org.rafclip.onnx.op.Reshape;
import org.rafclip.onnx.op.Resize;
import org.rafclip.onnx.op.Slice;
import org.rafclip.onnx.op.Softmax;
import org.rafclip.onnx.op.SplitPart;
import org.rafclip.onnx.op.Take;
import org.rafclip.onnx.op.TopK;
import org.rafclip.onnx.op.Triangle;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.op.ActivationOp;
import org.rafclip.ops.op.LayerNorm;
import org.rafclip.ops.op.Linear;

/** The table of ONNX's operations that are known, and what each becomes. */
public final class Operators {

    /** The versions of ONNX's operations that the table was written for. */
    public static final int OLDEST = 9;

    public static final int NEWEST = 20;

    /** What a node becomes: its outputs' variables, of which those at the end may be left out. */
    @FunctionalInterface
    interface Mapping {
        List<SDVariable> map(ImportScope scope);
    }

    private record Entry(int since, int until, Mapping mapping) {}

    private static final Map<String, List<Entry>> TABLE = table();

    private Operators() {}

    /** The names of all known operations. */
    public static SortedSet<String> names() {
        SortedSet<String> names = new TreeSet<>(TABLE.keySet());
        names.removeIf(name -> name.contains("::"));
        return Collections.unmodifiableSortedSet(names);
    }

    /** Whether nodes of this operation can be imported. */
    public static boolean knows(OnnxNode node, int opset) {
        return find(node, opset) != null;
    }

    static Mapping find(OnnxNode node, int opset) {
        return TABLE.getOrDefault(node.qualifiedOp(), List.of()).stream()
                .filter(entry -> entry.since <= opset && opset <= entry.until)
                .map(Entry::mapping)
                .findFirst()
                .orElse(null);
    }

    private static final class Builder {
        private final Map<String, List<Entry>> entries = new TreeMap<>();

        void add(String op, int since, int until, Mapping mapping) {
            entries.computeIfAbsent(op, key -> new ArrayList<>()).add(new Entry(since, until, mapping));
        }

        void all(String op, Mapping mapping) {
            add(op, OLDEST, NEWEST, mapping);
        }

        /** An operation with one output. */
        void one(String op, Function<ImportScope, SDVariable> mapping) {
            all(op, scope -> List.of(mapping.apply(scope)));
        }
    }

    private static Map<String, List<Entry>> table() {
        Builder table = new Builder();
        pointwise(table);
        pairwise(table);
        shapes(table);
        picking(table);
        products(table);
        normalisation(table);
        reductions(table);
        windows(table);
        made(table);
        fused(table);
        return table.entries;
    }

    private static SDVariable apply(ImportScope s, Pointwise.Function function, SDVariable x, double a, double b) {
        return s.add(new Pointwise(s.graph(), function, x, a, b));
    }

    private static void pointwise(Builder table) {
        Map<String, Pointwise.Function> plain = Map.ofEntries(
                Map.entry("Abs", Pointwise.Function.ABS),
                Map.entry("Neg", Pointwise.Function.NEG),
                Map.entry("Sign", Pointwise.Function.SIGN),
                Map.entry("Floor", Pointwise.Function.FLOOR),
                Map.entry("Ceil", Pointwise.Function.CEIL),
                Map.entry("Round", Pointwise.Function.ROUND),
                Map.entry("Sqrt", Pointwise.Function.SQRT),
                Map.entry("Reciprocal", Pointwise.Function.RECIPROCAL),
                Map.entry("Exp", Pointwise.Function.EXP),
                Map.entry("Log", Pointwise.Function.LOG),
                Map.entry("Sin", Pointwise.Function.SIN),
                Map.entry("Cos", Pointwise.Function.COS),
                Map.entry("Tan", Pointwise.Function.TAN),
                Map.entry("Asin", Pointwise.Function.ASIN),
                Map.entry("Acos", Pointwise.Function.ACOS),
                Map.entry("Atan", Pointwise.Function.ATAN),
                Map.entry("Sinh", Pointwise.Function.SINH),
                Map.entry("Cosh", Pointwise.Function.COSH),
                Map.entry("Tanh", Pointwise.Function.TANH),
                Map.entry("Erf", Pointwise.Function.ERF),
                Map.entry("Sigmoid", Pointwise.Function.SIGMOID),
                Map.entry("Relu", Pointwise.Function.RELU),
                Map.entry("HardSwish", Pointwise.Function.HARD_SWISH),
                Map.entry("Softplus", Pointwise.Function.SOFTPLUS),
                Map.entry("Softsign", Pointwise.Function.SOFTSIGN),
                Map.entry("Not", Pointwise.Function.NOT),
                Map.entry("IsNaN", Pointwise.Function.IS_NAN));
        plain.forEach((op, function) -> table.one(op, s -> apply(s, function, s.in(0), 0, 0)));
        table.one("LeakyRelu", s -> scaled(s, Pointwise.Function.LEAKY_RELU, 0.01));
        table.one("Elu", s -> scaled(s, Pointwise.Function.ELU, 1));
        table.one("Celu", s -> scaled(s, Pointwise.Function.CELU, 1));
        table.one("ThresholdedRelu", s -> scaled(s, Pointwise.Function.THRESHOLDED_RELU, 1));
        table.one(
                "Selu",
                s -> apply(
                        s,
                        Pointwise.Function.SELU,
                        s.in(0),
                        s.node().real("alpha", 1.6732632423543772),
                        s.node().real("gamma", 1.0507009873554805)));
        table.one(
                "HardSigmoid",
                s -> apply(
                        s,
                        Pointwise.Function.HARD_SIGMOID,
                        s.in(0),
                        s.node().real("alpha", 0.2),
                        s.node().real("beta", 0.5)));
        table.one(
                "IsInf",
                s -> apply(
                        s,
                        Pointwise.Function.IS_INF,
                        s.in(0),
                        s.node().integer("detect_negative", 1),
                        s.node().integer("detect_positive", 1)));
        table.one("Identity", s -> s.in(0));
        table.one(
                "Cast",
                s -> s.add(new Convert(s.graph(), s.in(0), s.type(s.node().integer("to", 0)))));
        table.one(
                "CastLike",
                s -> s.add(new Convert(s.graph(), s.in(0), holding(s.in(1).dataType()))));
        table.one("Clip", Operators::clip);
        table.all("Dropout", Operators::dropout);
    }

    private static SDVariable scaled(ImportScope s, Pointwise.Function function, double alpha) {
        return apply(s, function, s.in(0), s.node().real("alpha", alpha), 0);
    }

    private static ElementType holding(DataType type) {
        return Arrays.stream(ElementType.values())
                .filter(element -> element.array() == type && !element.widened())
                .findFirst()
                .orElseThrow();
    }

    private static SDVariable clip(ImportScope s) {
        SDVariable x = s.in(0);
        OnnxNode node = s.node();
        SDVariable min = s.optional(1) != null
                ? s.optional(1)
                : node.hasAttribute("min") ? s.number(node.real("min", 0), x) : null;
        SDVariable max = s.optional(2) != null
                ? s.optional(2)
                : node.hasAttribute("max") ? s.number(node.real("max", 0), x) : null;
        SDVariable clipped = min == null ? x : pair(s, Pairwise.Function.MAX, x, min);
        return max == null ? clipped : pair(s, Pairwise.Function.MIN, clipped, max);
    }

    private static List<SDVariable> dropout(ImportScope s) {
        SDVariable training = s.optional(2);
        if (training != null && (s.value(training) == null || s.value(training).getDouble(0) != 0)) {
            throw s.refused("it drops elements, as in training: export the model for inference");
        }
        if (s.node().outputs().size() < 2) {
            return List.of(s.in(0));
        }
        SDVariable shape = s.add(new Make(s.graph(), Make.Kind.SHAPE, 0, Long.MAX_VALUE, s.in(0)));
        SDVariable yes = s.constant(Nd4j.scalar(true));
        return List.of(s.in(0), s.add(new Make(s.graph(), Make.Kind.FILLED, 0, 0, shape, yes)));
    }

    private static SDVariable pair(ImportScope s, Pairwise.Function function, SDVariable x, SDVariable y) {
        return s.add(new Pairwise(s.graph(), function, x, y));
    }

    private static void pairwise(Builder table) {
        Map<String, Pairwise.Function> plain = Map.ofEntries(
                Map.entry("Add", Pairwise.Function.ADD),
                Map.entry("Sub", Pairwise.Function.SUB),
                Map.entry("Mul", Pairwise.Function.MUL),
                Map.entry("Div", Pairwise.Function.DIV),
                Map.entry("Pow", Pairwise.Function.POW),
                Map.entry("PRelu", Pairwise.Function.PRELU),
                Map.entry("Equal", Pairwise.Function.EQUAL),
                Map.entry("Less", Pairwise.Function.LESS),
                Map.entry("LessOrEqual", Pairwise.Function.LESS_OR_EQUAL),
                Map.entry("Greater", Pairwise.Function.GREATER),
                Map.entry("GreaterOrEqual", Pairwise.Function.GREATER_OR_EQUAL),
                Map.entry("And", Pairwise.Function.AND),
                Map.entry("Or", Pairwise.Function.OR),
                Map.entry("Xor", Pairwise.Function.XOR));
        plain.forEach((op, function) -> table.one(op, s -> pair(s, function, s.in(0), s.in(1))));
        table.one(
                "Mod",
                s -> pair(
                        s,
                        s.node().integer("fmod", 0) == 1 ? Pairwise.Function.FMOD : Pairwise.Function.MOD,
                        s.in(0),
                        s.in(1)));
        table.one("Min", s -> all(s, Pairwise.Function.MIN));
        table.one("Max", s -> all(s, Pairwise.Function.MAX));
        table.one("Sum", s -> all(s, Pairwise.Function.ADD));
        table.one(
                "Mean",
                s -> pair(s, Pairwise.Function.DIV, all(s, Pairwise.Function.ADD), s.number(s.inputs(), s.in(0))));
        table.one("Where", s -> s.add(new Choose(s.graph(), s.in(0), s.in(1), s.in(2))));
    }

    private static SDVariable all(ImportScope s, Pairwise.Function function) {
        SDVariable result = s.in(0);
        for (int i = 1; i < s.inputs(); i++) {
            result = pair(s, function, result, s.in(i));
        }
        return result;
    }

    private static SDVariable reshape(ImportScope s, Reshape.Kind kind, SDVariable sizes, long axis) {
        return s.add(new Reshape(s.graph(), kind, s.in(0), sizes, axis));
    }

    private static void shapes(Builder table) {
        table.one(
                "Reshape",
                s -> reshape(
                        s,
                        s.node().integer("allowzero", 0) == 1
                                ? Reshape.Kind.TO_SHAPE_WITH_ZEROS
                                : Reshape.Kind.TO_SHAPE,
                        s.in(1),
                        0));
        table.one(
                "Flatten", s -> reshape(s, Reshape.Kind.FLATTEN, null, s.node().integer("axis", 1)));
        table.one("Squeeze", s -> reshape(s, Reshape.Kind.SQUEEZE, s.integers(1, "axes"), 0));
        table.one("Unsqueeze", s -> reshape(s, Reshape.Kind.UNSQUEEZE, s.integers(1, "axes"), 0));
        table.one(
                "Transpose", s -> s.add(new Permute(s.graph(), s.in(0), s.node().integers("perm"))));
        table.one(
                "Concat",
                s -> s.add(new Join(
                        s.graph(),
                        s.node().integer("axis", 0),
                        java.util.stream.IntStream.range(0, s.inputs())
                                .mapToObj(s::in)
                                .toArray(SDVariable[]::new))));
        table.all("Split", Operators::split);
        table.one("Expand", s -> s.add(new Enlarge(s.graph(), Enlarge.By.SHAPE, s.in(0), s.in(1))));
        table.one("Tile", s -> s.add(new Enlarge(s.graph(), Enlarge.By.REPEATS, s.in(0), s.in(1))));
        table.one("Pad", Operators::pad);
        table.one(
                "DepthToSpace",
                s -> s.add(new BlockMove(
                        s.graph(),
                        s.node().text("mode", "DCR").equals("CRD")
                                ? BlockMove.Kind.COLUMN_ROW_DEPTH
                                : BlockMove.Kind.DEPTH_COLUMN_ROW,
                        s.in(0),
                        s.node().integer("blocksize", 1))));
        table.one(
                "SpaceToDepth",
                s -> s.add(new BlockMove(
                        s.graph(),
                        BlockMove.Kind.SPACE_TO_DEPTH,
                        s.in(0),
                        s.node().integer("blocksize", 1))));
    }

    private static List<SDVariable> split(ImportScope s) {
        int parts = s.node().outputs().size();
        SDVariable sizes = s.integers(1, "split");
        List<SDVariable> outputs = new ArrayList<>();
        for (int i = 0; i < parts; i++) {
            outputs.add(s.add(new SplitPart(s.graph(), s.in(0), sizes, s.node().integer("axis", 0), i, parts)));
        }
        return outputs;
    }

    private static SDVariable pad(ImportScope s) {
        String mode = s.node().text("mode", "constant");
        SDVariable pads = s.integers(1, "pads");
        if (pads == null) {
            throw s.refused("it does not say how much to pad");
        }
        SDVariable value = s.optional(2) == null && s.node().hasAttribute("value")
                ? s.number(s.node().real("value", 0), s.in(0))
                : s.optional(2);
        Pad.Mode chosen = switch (mode) {
            case "constant" -> Pad.Mode.CONSTANT;
            case "reflect" -> Pad.Mode.REFLECT;
            case "edge" -> Pad.Mode.EDGE;
            default -> throw s.refused("the mode " + mode + " is not known here");
        };
        return s.add(new Pad(s.graph(), chosen, s.in(0), pads, value, s.optional(3)));
    }

    private static void picking(Builder table) {
        table.one(
                "Gather",
                s -> s.add(new Gather(s.graph(), s.in(0), s.in(1), s.node().integer("axis", 0))));
        table.one(
                "GatherElements",
                s -> s.add(Take.elements(s.graph(), s.in(0), s.in(1), s.node().integer("axis", 0))));
        table.one(
                "GatherND",
                s -> s.add(
                        Take.coordinates(s.graph(), s.in(0), s.in(1), s.node().integer("batch_dims", 0))));
        Function<ImportScope, SDVariable> scatter = s -> s.add(Put.elements(
                s.graph(), how(s), s.in(0), s.in(1), s.in(2), s.node().integer("axis", 0)));
        table.one("Scatter", scatter);
        table.one("ScatterElements", scatter);
        table.one("ScatterND", s -> s.add(Put.coordinates(s.graph(), how(s), s.in(0), s.in(1), s.in(2))));
        table.add("Slice", OLDEST, NEWEST, s -> {
            SDVariable starts = s.integers(1, "starts");
            SDVariable ends = s.integers(2, "ends");
            if (starts == null || ends == null) {
                throw s.refused("it does not say from where to where");
            }
            return List.of(s.add(new Slice(s.graph(), s.in(0), starts, ends, s.integers(3, "axes"), s.optional(4))));
        });
        table.all("TopK", s -> {
            SDVariable k = s.optional(1) == null ? s.constant(s.node().integer("k", 1)) : s.in(1);
            return s.addAll(new TopK(
                    s.graph(),
                    s.in(0),
                    k,
                    s.node().integer("axis", -1),
                    s.node().integer("largest", 1) == 1));
        });
        table.one("ArgMax", s -> extreme(s, false));
        table.one("ArgMin", s -> extreme(s, true));
        table.one(
                "Trilu",
                s -> s.add(new Triangle(s.graph(), s.node().integer("upper", 1) == 1, s.in(0), s.optional(1))));
    }

    private static Put.How how(ImportScope s) {
        String reduction = s.node().text("reduction", "none");
        return switch (reduction) {
            case "none" -> Put.How.REPLACE;
            case "add" -> Put.How.ADD;
            case "mul" -> Put.How.MULTIPLY;
            default -> throw s.refused("the reduction " + reduction + " is not known here");
        };
    }

    private static SDVariable extreme(ImportScope s, boolean smallest) {
        OnnxNode node = s.node();
        return s.add(new Extreme(
                s.graph(),
                s.in(0),
                smallest,
                node.integer("axis", 0),
                node.integer("keepdims", 1) == 1,
                node.integer("select_last_index", 0) == 1));
    }

    private static void products(Builder table) {
        table.one("MatMul", s -> s.add(new MatrixProduct(s.graph(), s.in(0), s.in(1), false, false)));
        table.one("Gemm", Operators::gemm);
        table.one("Einsum", Einsum::map);
        table.one("Conv", s -> convolution(s, false));
        table.one("ConvTranspose", s -> convolution(s, true));
    }

    private static SDVariable gemm(ImportScope s) {
        OnnxNode node = s.node();
        boolean transposeA = node.integer("transA", 0) != 0;
        boolean transposeB = node.integer("transB", 0) != 0;
        double alpha = node.real("alpha", 1);
        double beta = node.real("beta", 1);
        SDVariable c = s.optional(2);
        long[] shapeB = s.shape(s.in(1));
        long[] shapeC = c == null ? null : s.shape(c);
        if (!transposeA
                && alpha == 1
                && beta == 1
                && shapeB != null
                && shapeC != null
                && shapeC.length == 1
                && shapeC[0] == shapeB[transposeB ? 0 : 1]
                && s.in(0).dataType().isFPType()) {
            return s.add(
                    transposeB
                            ? Linear.of(s.graph(), s.in(0), s.in(1), c)
                            : Linear.inOut(s.graph(), s.in(0), s.in(1), c));
        }
        SDVariable product = s.add(new MatrixProduct(s.graph(), s.in(0), s.in(1), transposeA, transposeB));
        if (alpha != 1) {
            product = pair(s, Pairwise.Function.MUL, product, s.number(alpha, product));
        }
        if (c == null || beta == 0) {
            return product;
        }
        SDVariable scaled = beta == 1 ? c : pair(s, Pairwise.Function.MUL, c, s.number(beta, c));
        return pair(s, Pairwise.Function.ADD, product, scaled);
    }

    private static SDVariable convolution(ImportScope s, boolean transposed) {
        OnnxNode node = s.node();
        Convolution.ConvolutionAttributes attributes = new Convolution.ConvolutionAttributes(
                node.text("auto_pad", "NOTSET"),
                node.integer("group", 1),
                node.integers("strides"),
                node.integers("dilations"),
                node.integers("pads"),
                node.integers("output_padding"),
                node.integers("output_shape"));
        return s.add(new Convolution(s.graph(), transposed, attributes, s.in(0), s.in(1), s.optional(2)));
    }

    private static void normalisation(Builder table) {
        table.add("Softmax", OLDEST, 12, s -> List.of(softmax(s, 1, false, true)));
        table.add("Softmax", 13, NEWEST, s -> List.of(softmax(s, -1, false, false)));
        table.add("LogSoftmax", OLDEST, 12, s -> List.of(softmax(s, 1, true, true)));
        table.add("LogSoftmax", 13, NEWEST, s -> List.of(softmax(s, -1, true, false)));
        table.add("LayerNormalization", 17, NEWEST, Operators::layerNorm);
        table.one("BatchNormalization", s -> {
            if (s.node().integer("training_mode", 0) != 0) {
                throw s.refused("it computes statistics, as in training: export the model for inference");
            }
            return s.add(new ChannelNorm(
                    s.graph(),
                    s.in(0),
                    s.in(1),
                    s.in(2),
                    s.in(3),
                    s.in(4),
                    s.node().real("epsilon", 1e-5)));
        });
        table.one(
                "InstanceNormalization",
                s -> s.add(new ChannelNorm(
                        s.graph(), s.in(0), s.in(1), s.in(2), s.node().real("epsilon", 1e-5))));
        table.one("LpNormalization", s -> {
            Reduction.Kind kind = s.node().integer("p", 2) == 1 ? Reduction.Kind.L1 : Reduction.Kind.L2;
            SDVariable axis = s.constant(s.node().integer("axis", -1));
            SDVariable norm = s.add(new Reduction(s.graph(), kind, s.in(0), axis, true, false));
            return pair(s, Pairwise.Function.DIV, s.in(0), norm);
        });
    }

    private static SDVariable softmax(ImportScope s, long axis, boolean logarithm, boolean onwards) {
        return s.add(new Softmax(s.graph(), s.in(0), s.node().integer("axis", axis), logarithm, onwards));
    }

    private static List<SDVariable> layerNorm(ImportScope s) {
        SDVariable x = s.in(0);
        SDVariable scale = s.in(1);
        SDVariable bias = s.optional(2) == null ? pair(s, Pairwise.Function.SUB, scale, scale) : s.in(2);
        double eps = s.node().real("epsilon", 1e-5);
        SDVariable normal = s.add(new LayerNorm(s.graph(), x, scale, bias, eps));
        if (s.node().outputs().size() == 1) {
            return List.of(normal);
        }
        long[] shape = s.shape(x);
        if (shape == null) {
            throw s.refused("its statistics are asked for, but how many dimensions there are is not known");
        }
        long axis = s.node().integer("axis", -1);
        long first = axis < 0 ? axis + shape.length : axis;
        SDVariable axes = s.constant(
                java.util.stream.LongStream.range(first, shape.length).toArray());
        SDVariable mean = s.add(new Reduction(s.graph(), Reduction.Kind.MEAN, x, axes, true, false));
        SDVariable centered = pair(s, Pairwise.Function.SUB, x, mean);
        SDVariable squares = pair(s, Pairwise.Function.MUL, centered, centered);
        SDVariable variance = s.add(new Reduction(s.graph(), Reduction.Kind.MEAN, squares, axes, true, false));
        SDVariable shifted = pair(s, Pairwise.Function.ADD, variance, s.number(eps, x));
        SDVariable root = apply(s, Pointwise.Function.SQRT, shifted, 0, 0);
        return List.of(normal, mean, apply(s, Pointwise.Function.RECIPROCAL, root, 0, 0));
    }

    private static void reductions(Builder table) {
        Map<String, Reduction.Kind> kinds = Map.of(
                "ReduceSum", Reduction.Kind.SUM,
                "ReduceMean", Reduction.Kind.MEAN,
                "ReduceMax", Reduction.Kind.MAX,
                "ReduceMin", Reduction.Kind.MIN,
                "ReduceProd", Reduction.Kind.PROD,
                "ReduceL1", Reduction.Kind.L1,
                "ReduceL2", Reduction.Kind.L2,
                "ReduceSumSquare", Reduction.Kind.SUM_SQUARE,
                "ReduceLogSum", Reduction.Kind.LOG_SUM,
                "ReduceLogSumExp", Reduction.Kind.LOG_SUM_EXP);
        kinds.forEach((op, kind) -> table.one(
                op,
                s -> s.add(new Reduction(
                        s.graph(),
                        kind,
                        s.in(0),
                        s.integers(1, "axes"),
                        s.node().integer("keepdims", 1) == 1,
                        s.node().integer("noop_with_empty_axes", 0) == 1))));
        table.one(
                "CumSum",
                s -> s.add(new CumulativeSum(
                        s.graph(),
                        s.in(0),
                        s.in(1),
                        s.node().integer("exclusive", 0) == 1,
                        s.node().integer("reverse", 0) == 1)));
        table.one("GlobalAveragePool", s -> s.add(Reduction.behindChannels(s.graph(), Reduction.Kind.MEAN, s.in(0))));
        table.one("GlobalMaxPool", s -> s.add(Reduction.behindChannels(s.graph(), Reduction.Kind.MAX, s.in(0))));
    }

    private static void windows(Builder table) {
        table.all("MaxPool", s -> {
            if (s.node().integer("storage_order", 0) != 0 && s.node().outputs().size() > 1) {
                throw s.refused("places counted column by column are not known here");
            }
            return pool(s, false);
        });
        table.all("AveragePool", s -> pool(s, true).subList(0, 1));
        table.add(
                "Upsample",
                OLDEST,
                9,
                s -> List.of(resize(s, s.in(1), false, Resize.Coordinates.ASYMMETRIC, Resize.Nearest.FLOOR)));
        table.add(
                "Resize",
                10,
                10,
                s -> List.of(resize(s, s.in(1), false, Resize.Coordinates.ASYMMETRIC, Resize.Nearest.FLOOR)));
        table.add("Resize", 11, NEWEST, s -> List.of(resize(s)));
    }

    private static List<SDVariable> pool(ImportScope s, boolean average) {
        OnnxNode node = s.node();
        long[] kernel = node.integers("kernel_shape");
        if (kernel == null) {
            throw s.refused("it does not say how large its window is");
        }
        return s.addAll(new Pooling(
                s.graph(),
                average,
                new Pooling.PoolingAttributes(
                        node.text("auto_pad", "NOTSET"),
                        kernel,
                        node.integers("strides"),
                        node.integers("dilations"),
                        node.integers("pads"),
                        node.integer("ceil_mode", 0) == 1,
                        node.integer("count_include_pad", 0) == 1),
                s.in(0)));
    }

    private static SDVariable resize(ImportScope s) {
        OnnxNode node = s.node();
        SDVariable scales = s.optional(2);
        long[] shape = scales == null ? null : s.shape(scales);
        boolean absolute = scales == null || shape != null && shape[0] == 0;
        if (node.integer("antialias", 0) != 0
                || node.hasAttribute("axes")
                || !node.text("keep_aspect_ratio_policy", "stretch").equals("stretch")) {
            throw s.refused("antialias, axes and keeping the aspect ratio are not known here");
        }
        String coordinates = node.text("coordinate_transformation_mode", "half_pixel");
        String nearest = node.text("nearest_mode", "round_prefer_floor");
        return resize(
                s,
                absolute ? s.in(3) : scales,
                absolute,
                choice(s, Resize.Coordinates.class, coordinates),
                choice(s, Resize.Nearest.class, nearest));
    }

    private static <E extends Enum<E>> E choice(ImportScope s, Class<E> type, String name) {
        return Arrays.stream(type.getEnumConstants())
                .filter(constant -> constant.name().equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(() -> s.refused("'" + name + "' is not known here"));
    }

    private static SDVariable resize(
            ImportScope s, SDVariable sizes, boolean absolute, Resize.Coordinates coordinates, Resize.Nearest nearest) {
        String mode = s.node().text("mode", "nearest");
        return s.add(new Resize(
                s.graph(),
                choice(s, Resize.Mode.class, mode.equals("bilinear") ? "linear" : mode),
                coordinates,
                nearest,
                s.node().real("cubic_coeff_a", -0.75),
                s.node().integer("exclude_outside", 0) == 1,
                absolute,
                s.in(0),
                sizes));
    }

    private static void made(Builder table) {
        table.one("Constant", Operators::constant);
        table.one(
                "Shape",
                s -> make(
                        s,
                        Make.Kind.SHAPE,
                        s.node().integer("start", 0),
                        s.node().integer("end", Long.MAX_VALUE),
                        s.in(0)));
        table.one("Size", s -> make(s, Make.Kind.SIZE, 0, 0, s.in(0)));
        table.one("ConstantOfShape", s -> {
            OnnxTensor value = s.node().tensor("value");
            INDArray filling = value == null ? Nd4j.scalar(0f) : value.array();
            return make(s, Make.Kind.FILLED, 0, 0, s.in(0), s.constant(filling));
        });
        table.one("Range", s -> make(s, Make.Kind.RANGE, 0, 0, s.in(0), s.in(1), s.in(2)));
        table.one(
                "OneHot", s -> make(s, Make.Kind.ONE_HOT, s.node().integer("axis", -1), 0, s.in(0), s.in(1), s.in(2)));
        table.one("NonZero", s -> make(s, Make.Kind.NON_ZERO, 0, 0, s.in(0)));
        table.one("EyeLike", s -> {
            DataType type = s.node().hasAttribute("dtype")
                    ? s.type(s.node().integer("dtype", 1)).array()
                    : s.in(0).dataType();
            return make(
                    s,
                    Make.Kind.EYE,
                    s.node().integer("k", 0),
                    0,
                    s.in(0),
                    s.constant(Nd4j.scalar(0).castTo(type)));
        });
    }

    private static SDVariable make(ImportScope s, Make.Kind kind, long first, long second, SDVariable... inputs) {
        return s.add(new Make(s.graph(), kind, first, second, inputs));
    }

    private static SDVariable constant(ImportScope s) {
        OnnxNode node = s.node();
        if (node.hasAttribute("value")) {
            return s.constant(node.tensor("value").array());
        } else if (node.hasAttribute("value_int")) {
            return s.constant(Nd4j.scalar(node.integer("value_int", 0)));
        } else if (node.hasAttribute("value_float")) {
            return s.constant(Nd4j.scalar((float) node.real("value_float", 0)));
        } else if (node.hasAttribute("value_ints")) {
            return s.constant(node.integers("value_ints"));
        } else if (node.hasAttribute("value_floats")) {
            return s.constant(Nd4j.createFromArray(node.reals("value_floats")).castTo(DataType.FLOAT));
        }
        throw s.refused("texts and sparse tensors are not known here");
    }

    private static void fused(Builder table) {
        table.one(Fusion.LINEAR, s -> s.add(Linear.inOut(s.graph(), s.in(0), s.in(1), s.in(2))));
        table.one(
                Fusion.LAYER_NORM,
                s -> s.add(new LayerNorm(
                        s.graph(), s.in(0), s.in(1), s.in(2), s.node().real("epsilon", 0))));
        table.one(Fusion.GELU, s -> s.add(new ActivationOp(s.graph(), Activation.GELU, s.in(0))));
        table.one(Fusion.ATTENTION, FusedAttention::map);
        table.one(Fusion.QUICK_GELU, s -> s.add(new ActivationOp(s.graph(), Activation.QUICK_GELU, s.in(0))));
    }

    /** {@code Einsum}: operands two by two. */
    private static final class Einsum {

        static SDVariable map(ImportScope s) {
            String equation = s.node().text("equation", "").replace(" ", "");
            int arrow = equation.indexOf("->");
            String[] terms = (arrow < 0 ? equation : equation.substring(0, arrow)).split(",", -1);
            if (terms.length != s.inputs()) {
                throw s.refused("the equation " + equation + " for " + s.inputs() + " tensors");
            }
            String batch = "";
            for (int i = 0; i < terms.length; i++) {
                if (terms[i].contains("...")) {
                    long[] shape = s.shape(s.in(i));
                    if (shape == null) {
                        throw s.refused("what the dots stand for in " + equation + " is not known");
                    }
                    int hidden = shape.length - (terms[i].length() - 3);
                    String labels = "";
                    for (int d = 0; d < hidden; d++) {
                        labels += (char) (1024 + 32 - hidden + d);
                    }
                    batch = labels.length() > batch.length() ? labels : batch;
                    terms[i] = terms[i].replace("...", labels);
                }
                if (terms[i].chars().distinct().count() != terms[i].length()) {
                    throw s.refused("diagonals, as in " + equation + ", are not known here");
                }
            }
            String result = arrow < 0
                    ? batch + once(String.join("", terms), batch)
                    : equation.substring(arrow + 2).replace("...", batch);
            SDVariable value = s.in(0);
            String labels = terms[0];
            if (terms.length == 1) {
                return s.add(new Contraction(s.graph(), value, labels, s.number(1, value), "", result));
            }
            for (int i = 1; i < terms.length; i++) {
                String needed = result + String.join("", Arrays.copyOfRange(terms, i + 1, terms.length));
                String kept = i == terms.length - 1
                        ? result
                        : (labels + terms[i])
                                .chars()
                                .distinct()
                                .filter(c -> needed.indexOf(c) >= 0)
                                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                                .toString();
                value = s.add(new Contraction(s.graph(), value, labels, s.in(i), terms[i], kept));
                labels = kept;
            }
            return value;
        }

        private static String once(String labels, String apart) {
            return labels.chars()
                    .filter(c -> apart.indexOf(c) < 0 && labels.indexOf(c) == labels.lastIndexOf(c))
                    .sorted()
                    .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                    .toString();
        }
    }
}
