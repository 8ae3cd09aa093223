package org.rafclip.onnx.op;

import java.util.Arrays;
import org.rafclip.ops.Parallel;

/** Walks over a result and, in step, over operands whose dimensions of length 1 are repeated to fit. */
final class Broadcasting {

    private final long[] sizes;
    private final long[][] steps;

    private Broadcasting(long[] sizes, long[][] steps) {
        this.sizes = sizes;
        this.steps = steps;
    }

    /** The common shape of operands, or null where they do not fit. */
    static long[] shape(long[]... shapes) {
        int rank = Arrays.stream(shapes).mapToInt(shape -> shape.length).max().orElse(0);
        long[] common = new long[rank];
        Arrays.fill(common, 1);
        for (long[] shape : shapes) {
            for (int i = 0; i < shape.length; i++) {
                int at = rank - shape.length + i;
                if (shape[i] != 1) {
                    if (common[at] != 1 && common[at] != shape[i]) {
                        return null;
                    }
                    common[at] = shape[i];
                }
            }
        }
        return common;
    }

    /** Neighbouring dimensions in which all operands go on evenly become one. */
    static Broadcasting of(long[] result, long[]... operands) {
        int rank = result.length;
        long[][] steps = new long[operands.length][rank];
        for (int k = 0; k < operands.length; k++) {
            long[] strides = OnnxOp.strides(operands[k]);
            for (int i = 0; i < operands[k].length; i++) {
                steps[k][rank - operands[k].length + i] = operands[k][i] == 1 ? 0 : strides[i];
            }
        }
        long[] sizes = new long[rank];
        long[][] merged = new long[operands.length][rank];
        int count = 0;
        for (int i = 0; i < rank; i++) {
            boolean joins = count > 0;
            for (int k = 0; joins && k < operands.length; k++) {
                joins = merged[k][count - 1] == steps[k][i] * result[i];
            }
            if (result[i] == 1) {
                continue;
            }
            if (!joins) {
                count++;
            }
            sizes[count - 1] = joins ? sizes[count - 1] * result[i] : result[i];
            for (int k = 0; k < operands.length; k++) {
                merged[k][count - 1] = steps[k][i];
            }
        }
        if (count == 0) {
            sizes = new long[] {1};
            return new Broadcasting(sizes, new long[operands.length][1]);
        }
        int used = count;
        return new Broadcasting(
                Arrays.copyOf(sizes, used),
                Arrays.stream(merged).map(step -> Arrays.copyOf(step, used)).toArray(long[][]::new));
    }

    /**
     * Where an operand's part starts for each index of the leading dimensions, which are repeated to fit.
     *
     * @param outer the result's leading dimensions
     * @param own the operand's
     * @param part elements behind one index of the operand's leading dimensions
     */
    static long[] starts(long[] outer, long[] own, long part) {
        long[] strides = OnnxOp.strides(own);
        long[] starts = new long[Math.toIntExact(OnnxOp.product(outer, 0, outer.length))];
        for (int i = 0; i < starts.length; i++) {
            long rest = i;
            for (int d = outer.length - 1; d >= 0; d--) {
                int at = d - (outer.length - own.length);
                if (at >= 0 && own[at] != 1) {
                    starts[i] += rest % outer[d] * strides[at] * part;
                }
                rest /= outer[d];
            }
        }
        return starts;
    }

    /** Elements in a run. */
    int width() {
        return Math.toIntExact(sizes[sizes.length - 1]);
    }

    /** How far an operand moves from one element of a run to the next. */
    long step(int operand) {
        return steps[operand][sizes.length - 1];
    }

    /** Runs over all elements in runs along the last dimension, on all processors or on the caller's alone. */
    void run(boolean parallel, long grain, Run body) {
        int last = sizes.length - 1;
        long width = sizes[last];
        long rows = OnnxOp.product(sizes, 0, last);
        if (parallel && rows == 1) {
            Parallel.standard().run(width, grain, (from, to, part) -> {
                long[] at = new long[steps.length];
                for (int k = 0; k < at.length; k++) {
                    at[k] = from * steps[k][last];
                }
                body.run(from, at, (int) (to - from));
            });
        } else if (parallel) {
            Parallel.standard().run(rows, Math.max(1, grain / width), (from, to, part) -> rows(from, to, width, body));
        } else {
            rows(0, rows, width, body);
        }
    }

    private void rows(long from, long to, long width, Run body) {
        int last = sizes.length - 1;
        long[] at = new long[steps.length];
        for (long row = from; row < to; row++) {
            Arrays.fill(at, 0);
            long rest = row;
            for (int i = last - 1; i >= 0; i--) {
                long index = rest % sizes[i];
                rest /= sizes[i];
                for (int k = 0; k < at.length; k++) {
                    at[k] += index * steps[k][i];
                }
            }
            body.run(row * width, at, (int) width);
        }
    }

    /** Neighbouring elements: {@code count} from {@code out} on, the operands from {@code at} on. */
    @FunctionalInterface
    interface Run {
        void run(long out, long[] at, int count);
    }
}
