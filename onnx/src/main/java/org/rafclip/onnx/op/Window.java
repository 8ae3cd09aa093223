package org.rafclip.onnx.op;

import java.util.Arrays;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/**
 * A window that moves over maps of one to three spatial dimensions (fewer count as ones of length 1 before them):
 * what convolutions and pooling share.
 */
final class Window {

    private static final int DIMENSIONS = 3;

    /** How margins are chosen. */
    enum Margins {
        GIVEN,
        /** As many as keep the size divided by the stride, the odd one behind. */
        SAME_UPPER,
        /** As many as keep the size divided by the stride, the odd one before. */
        SAME_LOWER,
        NONE;

        static Margins of(String name) {
            return switch (name) {
                case "SAME_UPPER" -> SAME_UPPER;
                case "SAME_LOWER" -> SAME_LOWER;
                case "VALID" -> NONE;
                default -> GIVEN;
            };
        }
    }

    final int[] in;
    final int[] out;
    final int[] kernel;
    final int[] stride;
    final int[] dilation;
    final int[] before;

    Window(int[] in, int[] out, int[] kernel, int[] stride, int[] dilation, int[] before) {
        this.in = lifted(in);
        this.out = lifted(out);
        this.kernel = lifted(kernel);
        this.stride = lifted(stride);
        this.dilation = lifted(dilation);
        this.before = new int[DIMENSIONS];
        System.arraycopy(before, 0, this.before, DIMENSIONS - before.length, before.length);
    }

    private static int[] lifted(int[] sizes) {
        int[] lifted = new int[DIMENSIONS];
        Arrays.fill(lifted, 1);
        System.arraycopy(sizes, 0, lifted, DIMENSIONS - sizes.length, sizes.length);
        return lifted;
    }

    int inputs() {
        return in[0] * in[1] * in[2];
    }

    int outputs() {
        return out[0] * out[1] * out[2];
    }

    int taps() {
        return kernel[0] * kernel[1] * kernel[2];
    }

    /** Whether the window sees each element once, in order: nothing has to be laid out anew. */
    boolean trivial() {
        return taps() == 1 && Arrays.equals(in, out) && before[0] + before[1] + before[2] == 0;
    }

    /** {@code columns [channels · taps, outputs]} of {@code x [channels, inputs]}; 0 outside. */
    void unfold(Memory x, long start, int channels, Memory columns) {
        int taps = taps();
        int step = stride[2];
        Parallel.standard().run(channels, grain(), (begin, end, part) -> {
            for (long channel = begin; channel < end; channel++) {
                long map = start + channel * inputs();
                for (int tap = 0; tap < taps; tap++) {
                    long row = (channel * taps + tap) * outputs();
                    rows(tap, (to, from, first, last) -> {
                        columns.fill(row + to, first, 0);
                        if (step == 1) {
                            columns.copyFrom(x, map + from + first, row + to + first, last - first);
                        } else {
                            for (int o = first; o < last; o++) {
                                columns.set(row + to + o, x.get(map + from + (long) o * step));
                            }
                        }
                        columns.fill(row + to + last, out[2] - last, 0);
                    });
                }
            }
        });
    }

    /** Adds what one map's windows weigh, {@code y [outputs] += Σ weight [taps] · x [inputs]}. */
    void slide(Memory x, long map, Memory weight, long weights, Memory y, long result) {
        Kernels kernels = Kernels.of(y.type());
        int taps = taps();
        int step = stride[2];
        for (int tap = 0; tap < taps; tap++) {
            double factor = weight.get(weights + tap);
            rows(tap, (to, from, first, last) -> {
                if (step == 1) {
                    kernels.axpy(factor, x, map + from + first, y, result + to + first, last - first);
                } else {
                    for (int o = first; o < last; o++) {
                        y.add(result + to + o, factor * x.get(map + from + (long) o * step));
                    }
                }
            });
        }
    }

    /** How many channels are worth a thread. */
    long grain() {
        return Math.max(1, (1 << 14) / Math.max(1, taps() * outputs()));
    }

    /** Visits the rows of the result: where each starts, where its first element would come from, and which do. */
    private void rows(int tap, Row row) {
        int t2 = tap % kernel[2] * dilation[2] - before[2];
        int t1 = tap / kernel[2] % kernel[1] * dilation[1] - before[1];
        int t0 = tap / (kernel[2] * kernel[1]) * dilation[0] - before[0];
        int step = stride[2];
        int first = Math.max(0, Math.min(out[2], -Math.floorDiv(t2, step)));
        int last = Math.max(first, Math.min(out[2], Math.floorDiv(in[2] - 1 - t2, step) + 1));
        for (int o0 = 0; o0 < out[0]; o0++) {
            int i0 = o0 * stride[0] + t0;
            for (int o1 = 0; o1 < out[1]; o1++) {
                int i1 = o1 * stride[1] + t1;
                int to = (o0 * out[1] + o1) * out[2];
                if (first < last && i0 >= 0 && i0 < in[0] && i1 >= 0 && i1 < in[1]) {
                    row.at(to, (i0 * in[1] + i1) * in[2] + t2, first, last);
                } else {
                    row.at(to, 0, 0, 0);
                }
            }
        }
    }

    @FunctionalInterface
    private interface Row {
        void at(int to, int from, int first, int last);
    }

    /** Adds {@code columns [channels · taps, outputs]} to the elements of {@code x [channels, inputs]} they came from. */
    void fold(Memory columns, Memory x, long start, int channels) {
        each(channels, (c, row, from, to) -> {
            if (from >= 0) {
                x.add(start + c + from, columns.get(row + to));
            }
        });
    }

    /** Visits, channel by channel and tap by tap, where each output's element comes from; −1 outside. */
    private void each(int channels, Visit visit) {
        int taps = taps();
        int outputs = outputs();
        Parallel.standard().run(channels, grain(), (begin, end, part) -> {
            for (long channel = begin; channel < end; channel++) {
                for (int tap = 0; tap < taps; tap++) {
                    int t2 = tap % kernel[2];
                    int t1 = tap / kernel[2] % kernel[1];
                    int t0 = tap / (kernel[2] * kernel[1]);
                    long row = (channel * taps + tap) * outputs;
                    int to = 0;
                    for (int o0 = 0; o0 < out[0]; o0++) {
                        int i0 = o0 * stride[0] - before[0] + t0 * dilation[0];
                        for (int o1 = 0; o1 < out[1]; o1++) {
                            int i1 = o1 * stride[1] - before[1] + t1 * dilation[1];
                            boolean inside = i0 >= 0 && i0 < in[0] && i1 >= 0 && i1 < in[1];
                            int base = (i0 * in[1] + i1) * in[2];
                            for (int o2 = 0; o2 < out[2]; o2++) {
                                int i2 = o2 * stride[2] - before[2] + t2 * dilation[2];
                                visit.at(
                                        channel * inputs(),
                                        row,
                                        inside && i2 >= 0 && i2 < in[2] ? base + i2 : -1,
                                        to++);
                            }
                        }
                    }
                }
            }
        });
    }

    @FunctionalInterface
    private interface Visit {
        void at(long channel, long row, int from, int to);
    }

    /** Elements that one output sees, as positions in {@code [inputs]}; −1 outside. */
    int[] seen(int output) {
        int[] seen = new int[taps()];
        int o2 = output % out[2];
        int o1 = output / out[2] % out[1];
        int o0 = output / (out[2] * out[1]);
        for (int tap = 0; tap < seen.length; tap++) {
            int i2 = o2 * stride[2] - before[2] + tap % kernel[2] * dilation[2];
            int i1 = o1 * stride[1] - before[1] + tap / kernel[2] % kernel[1] * dilation[1];
            int i0 = o0 * stride[0] - before[0] + tap / (kernel[2] * kernel[1]) * dilation[0];
            boolean inside = i0 >= 0 && i0 < in[0] && i1 >= 0 && i1 < in[1] && i2 >= 0 && i2 < in[2];
            seen[tap] = inside ? (i0 * in[1] + i1) * in[2] + i2 : -1;
        }
        return seen;
    }

    /** How many of an output's taps lie within the margins given for it, which are counted although empty. */
    int within(int output, int[] after) {
        int[] o = {output / (out[2] * out[1]), output / out[2] % out[1], output % out[2]};
        int count = 1;
        for (int d = 0; d < DIMENSIONS; d++) {
            int behind = d < DIMENSIONS - after.length ? 0 : after[d - DIMENSIONS + after.length];
            int inside = 0;
            for (int tap = 0; tap < kernel[d]; tap++) {
                int at = o[d] * stride[d] - before[d] + tap * dilation[d];
                inside += at >= -before[d] && at < in[d] + behind ? 1 : 0;
            }
            count *= inside;
        }
        return count;
    }
}
