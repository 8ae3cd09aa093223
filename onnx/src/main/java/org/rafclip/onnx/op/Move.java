package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Memory;

/**
 * Operations whose result holds elements of the first input at other places. Where an element comes from is the sum of
 * one offset for each of its coordinates; a negative offset stands for a filling instead.
 */
abstract class Move extends OnnxOp {

    private static final long GRAIN = 1 << 15;

    /** Elements of a run that is worth no more joining. */
    private static final int LONG = 1 << 12;

    static final long HOLE = Long.MIN_VALUE / 64;

    Move() {}

    Move(SameDiff graph, SDVariable... inputs) {
        super(graph, inputs);
    }

    /**
     * Offsets into the first input for each coordinate of the result, whose dimensions may be seen as merged.
     *
     * @param result the result's shape
     */
    abstract long[][] offsets(INDArray[] inputs, long[] result);

    /** What stands in the holes, as an element of one number; null for zero. */
    INDArray filling(INDArray[] inputs) {
        return null;
    }

    @Override
    protected boolean differentiable(int input) {
        return input == 0;
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        long[][] offsets = merged(offsets(inputs, outputs[0].shape()));
        INDArray filling = filling(inputs);
        Memory y = Memory.of(outputs[0]);
        Memory fill = filling == null ? null : Memory.of(filling);
        boolean empty = inputs[0].isEmpty();
        Memory x = empty ? y : Memory.of(inputs[0]);
        int last = offsets.length - 1;
        long[] inner = offsets[last];
        long rows = 1;
        for (int i = 0; i < last; i++) {
            rows *= offsets[i].length;
        }
        boolean run = isRun(inner);
        int width = x.type().width();
        Parallel.standard().run(rows, Math.max(1, GRAIN / inner.length), (from, to, part) -> {
            for (long row = from; row < to; row++) {
                long base = base(offsets, row);
                long at = row * inner.length;
                if (run && base + inner[0] >= 0) {
                    y.copyFrom(x, base + inner[0], at, inner.length);
                } else {
                    for (int i = 0; i < inner.length; i++) {
                        long source = base + inner[i];
                        if (source >= 0) {
                            copy(width, x, source, y, at + i);
                        } else if (fill == null) {
                            zero(width, y, at + i);
                        } else {
                            copy(width, fill, 0, y, at + i);
                        }
                    }
                }
            }
        });
    }

    @Override
    protected void backward(Backward call) {
        Memory dx = Memory.of(call.inputGradients()[0]);
        dx.zero();
        // The gradient of the filling, where it may be trained.
        Memory filling = call.inputGradients().length > 1 ? Memory.of(call.inputGradients()[1]) : null;
        if (filling != null) {
            filling.zero();
        }
        INDArray gradient = call.outputGradients()[0];
        if (gradient.isEmpty()) {
            return;
        }
        Memory dy = Memory.of(gradient);
        long[][] offsets = merged(offsets(call.inputs(), gradient.shape()));
        long[] inner = offsets[offsets.length - 1];
        long rows = dy.length() / inner.length;
        for (long row = 0; row < rows; row++) {
            long base = base(offsets, row);
            for (int i = 0; i < inner.length; i++) {
                long target = base + inner[i];
                if (target >= 0) {
                    dx.add(target, dy.get(row * inner.length + i));
                } else if (filling != null) {
                    filling.add(0, dy.get(row * inner.length + i));
                }
            }
        }
    }

    private static long base(long[][] offsets, long row) {
        long base = 0;
        for (int i = offsets.length - 2; i >= 0; i--) {
            int size = offsets[i].length;
            base += offsets[i][(int) (row % size)];
            row /= size;
        }
        return base;
    }

    private static boolean isRun(long[] offsets) {
        for (int i = 1; i < offsets.length; i++) {
            if (offsets[i] != offsets[i - 1] + 1) {
                return false;
            }
        }
        return offsets[0] >= 0;
    }

    /** Joins the last dimensions into one run, so that rows are copied whole; not into few runs, which threads share. */
    private static long[][] merged(long[][] offsets) {
        if (offsets.length == 0) {
            return new long[][] {{0}};
        }
        int last = offsets.length - 1;
        while (last > 0
                && offsets[last].length < LONG
                && isRun(offsets[last])
                && isSteps(offsets[last - 1], offsets[last].length)) {
            long first = offsets[last][0] + offsets[last - 1][0];
            long[] joined = new long[Math.toIntExact((long) offsets[last].length * offsets[last - 1].length)];
            for (int i = 0; i < joined.length; i++) {
                joined[i] = first + i;
            }
            offsets = Arrays.copyOf(offsets, last);
            offsets[--last] = joined;
        }
        return offsets;
    }

    private static boolean isSteps(long[] offsets, long step) {
        for (int i = 0; i < offsets.length; i++) {
            if (offsets[i] != offsets[0] + i * step || offsets[i] < 0) {
                return false;
            }
        }
        return true;
    }

    static void copy(int width, Memory from, long source, Memory to, long target) {
        switch (width) {
            case 1 -> to.bytes().put((int) target, from.bytes().get((int) source));
            case 2 -> to.bytes().putShort((int) (target << 1), from.bytes().getShort((int) (source << 1)));
            case 4 -> to.bytes().putInt((int) (target << 2), from.bytes().getInt((int) (source << 2)));
            default -> to.bytes().putLong((int) (target << 3), from.bytes().getLong((int) (source << 3)));
        }
    }

    private static void zero(int width, Memory to, long target) {
        switch (width) {
            case 1 -> to.bytes().put((int) target, (byte) 0);
            case 2 -> to.bytes().putShort((int) (target << 1), (short) 0);
            case 4 -> to.bytes().putInt((int) (target << 2), 0);
            default -> to.bytes().putLong((int) (target << 3), 0);
        }
    }

    /** {@code first, first + step, …}. */
    static long[] steps(long count, long first, long step) {
        long[] steps = new long[Math.toIntExact(count)];
        for (int i = 0; i < steps.length; i++) {
            steps[i] = first + i * step;
        }
        return steps;
    }
}
