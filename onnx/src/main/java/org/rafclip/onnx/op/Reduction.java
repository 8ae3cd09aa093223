package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Memory;

/** {@code ReduceSum} and its relatives, and pooling over everything behind the channels. */
public final class Reduction extends OnnxOp {

    private static final long GRAIN = 1 << 15;

    /** What becomes of the elements along the axes. */
    public enum Kind {
        SUM,
        MEAN,
        MAX,
        MIN,
        PROD,
        L1,
        L2,
        SUM_SQUARE,
        LOG_SUM,
        LOG_SUM_EXP
    }

    private static final int NAMED = 0;
    private static final int BEHIND_CHANNELS = 1;

    /** SameDiff calls this when it loads a graph. */
    public Reduction() {}

    /**
     * @param axes an input of integers, or null for all
     * @param keep whether the dimensions stay, with length 1
     * @param noneIfEmpty whether no axes mean that nothing is reduced
     */
    public Reduction(SameDiff graph, Kind kind, SDVariable x, SDVariable axes, boolean keep, boolean noneIfEmpty) {
        super(graph, axes == null ? new SDVariable[] {x} : new SDVariable[] {x, axes});
        addIArgument(kind.ordinal(), keep ? 1 : 0, noneIfEmpty ? 1 : 0, NAMED);
    }

    private Reduction(SameDiff graph, Kind kind, SDVariable x) {
        super(graph, x);
        addIArgument(kind.ordinal(), 1, 0, BEHIND_CHANNELS);
    }

    /** Over all dimensions from the third on, which stay with length 1. */
    public static Reduction behindChannels(SameDiff graph, Kind kind, SDVariable x) {
        return new Reduction(graph, kind, x);
    }

    @Override
    public String opName() {
        return "onnx_reduce";
    }

    private Kind kind() {
        return Kind.values()[intArgument(0)];
    }

    @Override
    protected boolean decidesShape(int input) {
        return input > 0;
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    @Override
    protected int[] savedOutputs() {
        return new int[] {0};
    }

    private boolean[] reduced(int rank, INDArray[] values) {
        boolean[] reduced = new boolean[rank];
        if (intArgument(3) == BEHIND_CHANNELS) {
            Arrays.fill(reduced, Math.min(2, rank), rank, true);
            return reduced;
        }
        long[] axes = values.length > 1 ? longs(values[1]) : new long[0];
        if (axes.length == 0) {
            Arrays.fill(reduced, intArgument(2) == 0);
        }
        for (long axis : axes) {
            if (rank > 0) {
                reduced[axis(axis, rank)] = true;
            }
        }
        return reduced;
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        long[] x = shapes[0];
        boolean[] reduced = reduced(x.length, values);
        long[] shape = new long[x.length];
        int rank = 0;
        for (int i = 0; i < x.length; i++) {
            if (!reduced[i]) {
                shape[rank++] = x[i];
            } else if (intArgument(1) == 1) {
                shape[rank++] = 1;
            }
        }
        return new long[][] {Arrays.copyOf(shape, rank)};
    }

    /** The result's shape with the reduced dimensions kept. */
    private long[] kept(INDArray[] inputs) {
        long[] shape = inputs[0].shape().clone();
        boolean[] reduced = reduced(shape.length, inputs);
        for (int i = 0; i < shape.length; i++) {
            shape[i] = reduced[i] ? 1 : shape[i];
        }
        return shape;
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Kind kind = kind();
        Memory y = Memory.of(outputs[0]);
        long[] shape = inputs[0].shape();
        long[] kept = kept(inputs);
        int outputsCount = Math.toIntExact(y.length());
        double start = start(kind);
        if (inputs[0].isEmpty()) {
            for (int i = 0; i < outputsCount; i++) {
                put(y, i, finish(kind, start, 0));
            }
            return;
        }
        Memory x = Memory.of(inputs[0]);
        long each = x.length() / outputsCount;
        boolean real = isReal(x.type());
        if (!real && (kind == Kind.SUM || kind == Kind.MAX || kind == Kind.MIN || kind == Kind.PROD)) {
            whole(kind, x, y, shape, kept);
            return;
        }
        if (trailing(shape, kept)) {
            Parallel.standard().run(outputsCount, Math.max(1, GRAIN / each), (from, to, part) -> {
                for (long i = from; i < to; i++) {
                    double largest = kind == Kind.LOG_SUM_EXP ? largest(x, i * each, each) : 0;
                    double total = start;
                    for (long j = i * each; j < (i + 1) * each; j++) {
                        total = step(kind, total, real ? x.get(j) : x.getLong(j), largest);
                    }
                    put(y, i, finish(kind, total, each) + largest);
                }
            });
            return;
        }
        double[] totals = new double[outputsCount];
        double[] largest = new double[outputsCount];
        Broadcasting walk = Broadcasting.of(shape, kept);
        long move = walk.step(0);
        if (kind == Kind.LOG_SUM_EXP) {
            Arrays.fill(largest, Double.NEGATIVE_INFINITY);
            walk.run(false, 0, (at, targets, count) -> {
                for (int i = 0; i < count; i++) {
                    int target = (int) (targets[0] + i * move);
                    largest[target] = Math.max(largest[target], x.get(at + i));
                }
            });
        }
        Arrays.fill(totals, start);
        walk.run(false, 0, (at, targets, count) -> {
            for (int i = 0; i < count; i++) {
                int target = (int) (targets[0] + i * move);
                totals[target] = step(kind, totals[target], real ? x.get(at + i) : x.getLong(at + i), largest[target]);
            }
        });
        for (int i = 0; i < outputsCount; i++) {
            put(y, i, finish(kind, totals[i], each) + largest[i]);
        }
    }

    private static void whole(Kind kind, Memory x, Memory y, long[] shape, long[] kept) {
        Broadcasting walk = Broadcasting.of(shape, kept);
        long move = walk.step(0);
        long[] totals = new long[Math.toIntExact(y.length())];
        Arrays.fill(
                totals,
                switch (kind) {
                    case MAX -> Long.MIN_VALUE;
                    case MIN -> Long.MAX_VALUE;
                    case PROD -> 1;
                    default -> 0;
                });
        walk.run(false, 0, (at, targets, count) -> {
            for (int i = 0; i < count; i++) {
                int target = (int) (targets[0] + i * move);
                long value = x.getLong(at + i);
                totals[target] = switch (kind) {
                    case MAX -> Math.max(totals[target], value);
                    case MIN -> Math.min(totals[target], value);
                    case PROD -> totals[target] * value;
                    default -> totals[target] + value;
                };
            }
        });
        for (int i = 0; i < totals.length; i++) {
            y.setLong(i, totals[i]);
        }
    }

    private static void put(Memory y, long i, double value) {
        if (isReal(y.type())) {
            y.set(i, value);
        } else {
            y.setLong(i, (long) value);
        }
    }

    private static double largest(Memory x, long from, long count) {
        double largest = Double.NEGATIVE_INFINITY;
        for (long i = from; i < from + count; i++) {
            largest = Math.max(largest, x.get(i));
        }
        return largest;
    }

    private static double start(Kind kind) {
        return switch (kind) {
            case PROD -> 1;
            case MAX -> Double.NEGATIVE_INFINITY;
            case MIN -> Double.POSITIVE_INFINITY;
            default -> 0;
        };
    }

    private static double step(Kind kind, double total, double x, double largest) {
        return switch (kind) {
            case SUM, MEAN, LOG_SUM -> total + x;
            case MAX -> Math.max(total, x);
            case MIN -> Math.min(total, x);
            case PROD -> total * x;
            case L1 -> total + Math.abs(x);
            case L2, SUM_SQUARE -> total + x * x;
            case LOG_SUM_EXP -> total + Math.exp(x - largest);
        };
    }

    private static double finish(Kind kind, double total, double count) {
        return switch (kind) {
            case MEAN -> total / count;
            case L2 -> Math.sqrt(total);
            case LOG_SUM, LOG_SUM_EXP -> Math.log(total);
            default -> total;
        };
    }

    private static boolean trailing(long[] shape, long[] kept) {
        int i = 0;
        while (i < shape.length && shape[i] == kept[i]) {
            i++;
        }
        while (i < shape.length && kept[i] == 1) {
            i++;
        }
        return i == shape.length;
    }

    @Override
    protected void backward(Backward call) {
        Kind kind = kind();
        Memory x = Memory.of(call.inputs()[0]);
        Memory y = Memory.of(call.saved()[0]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        double each = (double) x.length() / y.length();
        Broadcasting walk = Broadcasting.of(call.inputs()[0].shape(), kept(call.inputs()));
        long move = walk.step(0);
        walk.run(true, GRAIN, (at, sources, count) -> {
            for (int i = 0; i < count; i++) {
                long source = sources[0] + i * move;
                double value = x.get(at + i);
                double result = y.get(source);
                dx.set(
                        at + i,
                        dy.get(source)
                                * switch (kind) {
                                    case SUM -> 1;
                                    case MEAN -> 1 / each;
                                    case MAX, MIN -> value == result ? 1 : 0;
                                    case PROD -> result / value;
                                    case L1 -> Math.signum(value);
                                    case L2 -> result == 0 ? 0 : value / result;
                                    case SUM_SQUARE -> 2 * value;
                                    case LOG_SUM -> Math.exp(-result);
                                    case LOG_SUM_EXP -> Math.exp(value - result);
                                });
            }
        });
    }
}
