package org.rafclip.onnx.op;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Blas;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Memory;

/**
 * {@code Einsum} of two tensors: the sum of their products over every label that the result lacks. The matrix library
 * multiplies stacks of matrices, where they lie if rows and columns are evenly apart, else copies of them.
 */
public final class Contraction extends OnnxOp {

    /** SameDiff calls this when it loads a graph. */
    public Contraction() {}

    /**
     * @param labelsA one character for each dimension of {@code a}, all different; likewise {@code b}
     * @param labelsOut those of the result, each of which {@code a} or {@code b} has
     */
    public Contraction(SameDiff graph, SDVariable a, String labelsA, SDVariable b, String labelsB, String labelsOut) {
        super(graph, a, b);
        addIArgument(labelsA.length(), labelsB.length());
        (labelsA + labelsB + labelsOut).chars().forEach(label -> addIArgument(label));
    }

    @Override
    public String opName() {
        return "onnx_contraction";
    }

    private String labels(int from, int count) {
        StringBuilder labels = new StringBuilder();
        for (int i = 0; i < count; i++) {
            labels.append((char) intArgument(2 + from + i));
        }
        return labels.toString();
    }

    private String a() {
        return labels(0, intArgument(0));
    }

    private String b() {
        return labels(intArgument(0), intArgument(1));
    }

    private String out() {
        int before = intArgument(0) + intArgument(1);
        return labels(before, integerArguments() - 2 - before);
    }

    private Map<Character, Long> sizes(long[]... shapes) {
        Map<Character, Long> sizes = new LinkedHashMap<>();
        String[] labels = {a(), b()};
        for (int i = 0; i < 2; i++) {
            if (labels[i].length() != shapes[i].length) {
                throw refused("the labels " + labels[i] + " for " + Arrays.toString(shapes[i]));
            }
            for (int d = 0; d < shapes[i].length; d++) {
                Long before = sizes.put(labels[i].charAt(d), shapes[i][d]);
                if (before != null && before != shapes[i][d]) {
                    throw refused(
                            "the label " + labels[i].charAt(d) + " stands for " + before + " and " + shapes[i][d]);
                }
            }
        }
        return sizes;
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        Map<Character, Long> sizes = sizes(shapes);
        return new long[][] {out().chars().mapToLong(c -> sizes.get((char) c)).toArray()};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Map<Character, Long> sizes = sizes(inputs[0].shape(), inputs[1].shape());
        contract(inputs[0], a(), inputs[1], b(), outputs[0], out(), sizes);
    }

    @Override
    protected void backward(Backward call) {
        INDArray[] in = call.inputs();
        INDArray dy = call.outputGradients()[0];
        Map<Character, Long> sizes = sizes(in[0].shape(), in[1].shape());
        contract(dy, out(), in[1], b(), call.inputGradients()[0], a(), sizes);
        contract(dy, out(), in[0], a(), call.inputGradients()[1], b(), sizes);
    }

    /** A tensor and what its dimensions are called. */
    private record Labelled(INDArray array, String labels) {

        /** How far neighbours along a label are apart; 0 where the tensor lacks it. */
        long stride(char label) {
            int at = labels.indexOf(label);
            return at < 0 ? 0 : strides(array.shape())[at];
        }
    }

    /** Labels whose indices, counted through, are evenly apart in two tensors. */
    private record Run(String rest, int size, long first, long second) {

        /** As many of the last labels as go on evenly; the rest stay apart. */
        static Run of(String labels, Map<Character, Long> sizes, Labelled one, Labelled other) {
            int from = labels.length();
            long size = 1;
            long first = 1;
            long second = 1;
            while (from > 0) {
                char label = labels.charAt(from - 1);
                boolean joins = from == labels.length()
                        || one.stride(label) == first * size && other.stride(label) == second * size;
                if (!joins) {
                    break;
                }
                if (from == labels.length()) {
                    first = one.stride(label);
                    second = other.stride(label);
                }
                size *= sizes.get(label);
                from--;
            }
            return new Run(labels.substring(0, from), Math.toIntExact(size), first, second);
        }
    }

    /** {@code out = Σ x · y}; labels of the result that neither operand has repeat it. */
    private static void contract(
            INDArray x,
            String labelsX,
            INDArray y,
            String labelsY,
            INDArray out,
            String labelsOut,
            Map<Character, Long> sizes) {
        Labelled left = new Labelled(x, labelsX);
        Labelled right = new Labelled(y, labelsY);
        Labelled result = new Labelled(out, labelsOut);
        if (!inPlace(left, right, result, sizes) && !inPlace(right, left, result, sizes)) {
            laidOut(x, labelsX, y, labelsY, out, labelsOut, sizes);
        }
    }

    /** Multiplies matrices where they lie; says no where they do not lie so. The columns are those of {@code y}. */
    private static boolean inPlace(Labelled x, Labelled y, Labelled out, Map<Character, Long> sizes) {
        String all = x.labels + y.labels;
        String batch = filter(out.labels, c -> x.labels.indexOf(c) >= 0 && y.labels.indexOf(c) >= 0);
        Run rows = Run.of(filter(out.labels, c -> y.labels.indexOf(c) < 0), sizes, x, out);
        Run columns = Run.of(filter(out.labels, c -> x.labels.indexOf(c) < 0), sizes, y, out);
        Run summed = Run.of(filter(x.labels, c -> y.labels.indexOf(c) >= 0 && out.labels.indexOf(c) < 0), sizes, x, y);
        boolean complete = out.labels.chars().allMatch(c -> all.indexOf(c) >= 0)
                && all.chars()
                        .allMatch(c ->
                                out.labels.indexOf(c) >= 0 || x.labels.indexOf(c) >= 0 && y.labels.indexOf(c) >= 0);
        int m = rows.size;
        int n = columns.size;
        int k = summed.size;
        boolean transposeX = k > 1 && summed.first != 1;
        boolean transposeY = n > 1 && columns.first != 1;
        int ldx = leading(transposeX ? k : m, transposeX ? summed.first : rows.first, transposeX ? m : k);
        int ldy = leading(transposeY ? n : k, transposeY ? columns.first : summed.second, transposeY ? k : n);
        int ldo = leading(m, rows.second, n);
        if (!complete
                || !summed.rest.isEmpty()
                || transposeX && m > 1 && rows.first != 1
                || transposeY && k > 1 && summed.second != 1
                || n > 1 && columns.second != 1
                || ldx == 0
                || ldy == 0
                || ldo == 0) {
            return false;
        }
        String loops = batch + rows.rest + columns.rest;
        long[] shape = shape(loops, sizes);
        long[][] steps = Stream.of(x, y, out)
                .map(tensor ->
                        loops.chars().mapToLong(c -> tensor.stride((char) c)).toArray())
                .toArray(long[][]::new);
        int count = size(loops, sizes);
        Memory a = Memory.of(x.array);
        Memory b = Memory.of(y.array);
        Memory c = Memory.of(out.array);
        Parallel.Body body = (from, to, part) -> {
            for (long i = from; i < to; i++) {
                long[] at = new long[steps.length];
                long rest = i;
                for (int d = shape.length - 1; d >= 0; d--) {
                    for (int t = 0; t < at.length; t++) {
                        at[t] += rest % shape[d] * steps[t][d];
                    }
                    rest /= shape[d];
                }
                Blas.gemm(transposeX, transposeY, m, n, k, 1, a, at[0], ldx, b, at[1], ldy, 0, c, at[2], ldo);
            }
        };
        if (count == 1) {
            body.run(0, 1, 0);
        } else {
            Blas.runWithSerialGemm(Parallel.standard(), count, 1, body);
        }
        return true;
    }

    /** How far the rows of a matrix are apart; 0 where they overlap. */
    private static int leading(int rows, long step, int width) {
        return rows <= 1 ? Math.max(1, width) : step >= width && step <= Integer.MAX_VALUE ? (int) step : 0;
    }

    private static void laidOut(
            INDArray x,
            String labelsX,
            INDArray y,
            String labelsY,
            INDArray out,
            String labelsOut,
            Map<Character, Long> sizes) {
        String all = labelsX + labelsY;
        String free = filter(labelsOut, c -> all.indexOf(c) < 0);
        String reached = filter(labelsOut, c -> all.indexOf(c) >= 0);
        String batch = filter(reached, c -> labelsX.indexOf(c) >= 0 && labelsY.indexOf(c) >= 0);
        String rows = filter(reached, c -> labelsY.indexOf(c) < 0);
        String columns = filter(reached, c -> labelsX.indexOf(c) < 0);
        String summed = filter(labelsX, c -> labelsY.indexOf(c) >= 0 && reached.indexOf(c) < 0);
        String onlyX = filter(labelsX, c -> labelsY.indexOf(c) < 0 && reached.indexOf(c) < 0);
        String onlyY = filter(labelsY, c -> labelsX.indexOf(c) < 0 && reached.indexOf(c) < 0);
        INDArray left = arranged(x, labelsX, onlyX, batch + rows + summed, sizes);
        INDArray right = arranged(y, labelsY, onlyY, batch + summed + columns, sizes);
        int m = size(rows, sizes);
        int k = size(summed, sizes);
        int n = size(columns, sizes);
        int stacks = size(batch, sizes);
        INDArray product = Nd4j.createUninitializedDetached(out.dataType(), 'c', stacks, m, n);
        Memory a = Memory.of(left);
        Memory b = Memory.of(right);
        Memory p = Memory.of(product);
        Blas.runWithSerialGemm(Parallel.standard(), stacks, 1, (from, to, part) -> {
            for (long i = from; i < to; i++) {
                Blas.gemm(false, false, m, n, k, 1, a, i * m * k, k, b, i * k * n, n, 0, p, i * m * n, n);
            }
        });
        String order = batch + rows + columns;
        long[] strides = strides(shape(order, sizes));
        long[][] offsets = new long[labelsOut.length()][];
        for (int d = 0; d < offsets.length; d++) {
            char label = labelsOut.charAt(d);
            long step = free.indexOf(label) >= 0 ? 0 : strides[order.indexOf(label)];
            offsets[d] = Move.steps(sizes.get(label), 0, step);
        }
        copy(p, offsets, Memory.of(out));
        left.close();
        right.close();
        product.close();
    }

    private static INDArray arranged(INDArray x, String labels, String gone, String order, Map<Character, Long> sizes) {
        long[] strides = strides(x.shape());
        String wanted = order + gone;
        long[][] offsets = new long[wanted.length()][];
        for (int d = 0; d < offsets.length; d++) {
            char label = wanted.charAt(d);
            offsets[d] = Move.steps(sizes.get(label), 0, strides[labels.indexOf(label)]);
        }
        INDArray arranged = Nd4j.createUninitializedDetached(x.dataType(), 'c', size(order, sizes), size(gone, sizes));
        Memory target = Memory.of(arranged);
        copy(Memory.of(x), offsets, target);
        int width = size(gone, sizes);
        if (width == 1) {
            return arranged;
        }
        INDArray sums = Nd4j.createUninitializedDetached(x.dataType(), 'c', size(order, sizes));
        Memory sum = Memory.of(sums);
        for (long i = 0; i < sum.length(); i++) {
            double total = 0;
            for (int j = 0; j < width; j++) {
                total += target.get(i * width + j);
            }
            sum.set(i, total);
        }
        arranged.close();
        return sums;
    }

    private static void copy(Memory from, long[][] offsets, Memory to) {
        long count = to.length();
        Parallel.standard().run(count, 1 << 15, (begin, end, part) -> {
            for (long i = begin; i < end; i++) {
                long source = 0;
                long rest = i;
                for (int d = offsets.length - 1; d >= 0; d--) {
                    int size = offsets[d].length;
                    source += offsets[d][(int) (rest % size)];
                    rest /= size;
                }
                to.set(i, from.get(source));
            }
        });
    }

    private static String filter(String labels, java.util.function.IntPredicate keep) {
        return labels.chars()
                .filter(keep)
                .distinct()
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    private static long[] shape(String labels, Map<Character, Long> sizes) {
        return labels.chars().mapToLong(c -> sizes.get((char) c)).toArray();
    }

    private static int size(String labels, Map<Character, Long> sizes) {
        return Math.toIntExact(product(shape(labels, sizes), 0, labels.length()));
    }
}
