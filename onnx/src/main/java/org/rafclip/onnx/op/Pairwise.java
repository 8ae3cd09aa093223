package org.rafclip.onnx.op;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/** A function of two tensors' elements, dimensions of length 1 repeated to fit. Integers are computed as such. */
public final class Pairwise extends OnnxOp {

    private static final long GRAIN = 1 << 14;

    /** What is computed of {@code x} and {@code y}, for real numbers and for integers, and the partial derivatives. */
    public enum Function {
        ADD((x, y) -> x + y, (x, y) -> x + y, (x, y) -> 1, (x, y) -> 1),
        SUB((x, y) -> x - y, (x, y) -> x - y, (x, y) -> 1, (x, y) -> -1),
        MUL((x, y) -> x * y, (x, y) -> x * y, (x, y) -> y, (x, y) -> x),
        DIV((x, y) -> x / y, Function::quotient, (x, y) -> 1 / y, (x, y) -> -x / (y * y)),
        POW(
                (x, y) -> y == 2 ? x * x : Math.pow(x, y),
                (x, y) -> (long) Math.pow(x, y),
                (x, y) -> y == 0 ? 0 : y * Math.pow(x, y - 1),
                (x, y) -> x > 0 ? Math.pow(x, y) * Math.log(x) : 0),
        MIN(Math::min, Math::min, (x, y) -> x <= y ? 1 : 0, (x, y) -> x <= y ? 0 : 1),
        MAX(Math::max, Math::max, (x, y) -> x >= y ? 1 : 0, (x, y) -> x >= y ? 0 : 1),
        /** The remainder with the divisor's sign. */
        MOD(
                (x, y) -> x - y * Math.floor(x / y),
                (x, y) -> y == 0 ? 0 : Math.floorMod(x, y),
                (x, y) -> 1,
                (x, y) -> -Math.floor(x / y)),
        /** The remainder with the dividend's sign. */
        FMOD((x, y) -> x % y, (x, y) -> y == 0 ? 0 : x % y, (x, y) -> 1, (x, y) -> -(x - x % y) / y),
        PRELU(
                (x, y) -> x < 0 ? x * y : x,
                (x, y) -> x < 0 ? x * y : x,
                (x, y) -> x < 0 ? y : 1,
                (x, y) -> x < 0 ? x : 0),
        EQUAL((x, y) -> x == y ? 1 : 0, (x, y) -> x == y ? 1 : 0),
        LESS((x, y) -> x < y ? 1 : 0, (x, y) -> x < y ? 1 : 0),
        LESS_OR_EQUAL((x, y) -> x <= y ? 1 : 0, (x, y) -> x <= y ? 1 : 0),
        GREATER((x, y) -> x > y ? 1 : 0, (x, y) -> x > y ? 1 : 0),
        GREATER_OR_EQUAL((x, y) -> x >= y ? 1 : 0, (x, y) -> x >= y ? 1 : 0),
        AND((x, y) -> x != 0 && y != 0 ? 1 : 0, (x, y) -> x & y),
        OR((x, y) -> x != 0 || y != 0 ? 1 : 0, (x, y) -> x | y),
        XOR((x, y) -> x != 0 ^ y != 0 ? 1 : 0, (x, y) -> x ^ y);

        private final Real real;
        private final Whole whole;
        private final Real slopeX;
        private final Real slopeY;

        Function(Real real, Whole whole) {
            this(real, whole, (x, y) -> 0, (x, y) -> 0);
        }

        Function(Real real, Whole whole, Real slopeX, Real slopeY) {
            this.real = real;
            this.whole = whole;
            this.slopeX = slopeX;
            this.slopeY = slopeY;
        }

        private boolean answersYesOrNo() {
            return ordinal() >= EQUAL.ordinal();
        }

        private static long quotient(long x, long y) {
            if (y == 0) {
                throw new IllegalArgumentException("onnx_pairwise: an integer is divided by zero");
            }
            return x / y;
        }
    }

    @FunctionalInterface
    private interface Real {
        double of(double x, double y);
    }

    @FunctionalInterface
    private interface Whole {
        long of(long x, long y);
    }

    /** SameDiff calls this when it loads a graph. */
    public Pairwise() {}

    public Pairwise(SameDiff graph, Function function, SDVariable x, SDVariable y) {
        super(graph, x, y);
        addIArgument(function.ordinal());
    }

    private Function function() {
        return Function.values()[intArgument(0)];
    }

    public boolean multiplies() {
        return function() == Function.MUL;
    }

    @Override
    public String opName() {
        return "onnx_pairwise";
    }

    @Override
    public List<DataType> calculateOutputDataTypes(List<DataType> types) {
        return Collections.singletonList(function().answersYesOrNo() ? DataType.BOOL : types.get(0));
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        long[] shape = Broadcasting.shape(shapes);
        if (shape == null) {
            throw refused(function() + " of " + Arrays.toString(shapes[0]) + " and " + Arrays.toString(shapes[1]));
        }
        return new long[][] {shape};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(inputs[1]);
        Memory z = Memory.of(outputs[0]);
        Function function = function();
        if (isReal(z.type())
                && function == Function.ADD
                && x.type() == y.type()
                && x.length() == z.length()
                && y.length() == z.length()) {
            Kernels kernels = Kernels.of(z.type());
            Parallel.standard().run(z.length(), GRAIN, (from, to, part) -> kernels.add(x, y, z, from, to));
            return;
        }
        Broadcasting walk = Broadcasting.of(outputs[0].shape(), inputs[0].shape(), inputs[1].shape());
        long stepX = walk.step(0);
        long stepY = walk.step(1);
        boolean realX = isReal(x.type());
        boolean realY = isReal(y.type());
        boolean realZ = isReal(z.type());
        if (!realX && !realY) {
            Whole f = function.whole;
            walk.run(true, GRAIN, (out, at, count) -> {
                for (int i = 0; i < count; i++) {
                    z.setLong(out + i, f.of(x.getLong(at[0] + i * stepX), y.getLong(at[1] + i * stepY)));
                }
            });
        } else if (realX && realY && realZ) {
            walk.run(true, GRAIN, (out, at, count) -> row(function, x, at[0], stepX, y, at[1], stepY, z, out, count));
        } else {
            Real f = function.real;
            walk.run(true, GRAIN, (out, at, count) -> {
                for (int i = 0; i < count; i++) {
                    long ix = at[0] + i * stepX;
                    long iy = at[1] + i * stepY;
                    double value = f.of(realX ? x.get(ix) : x.getLong(ix), realY ? y.get(iy) : y.getLong(iy));
                    if (realZ) {
                        z.set(out + i, value);
                    } else {
                        z.setLong(out + i, (long) value);
                    }
                }
            });
        }
    }

    /** The four that every network is full of have loops of their own. */
    private static void row(
            Function function,
            Memory x,
            long atX,
            long stepX,
            Memory y,
            long atY,
            long stepY,
            Memory z,
            long out,
            int count) {
        switch (function) {
            case ADD -> {
                for (int i = 0; i < count; i++) {
                    z.set(out + i, x.get(atX + i * stepX) + y.get(atY + i * stepY));
                }
            }
            case SUB -> {
                for (int i = 0; i < count; i++) {
                    z.set(out + i, x.get(atX + i * stepX) - y.get(atY + i * stepY));
                }
            }
            case MUL -> {
                for (int i = 0; i < count; i++) {
                    z.set(out + i, x.get(atX + i * stepX) * y.get(atY + i * stepY));
                }
            }
            case DIV -> {
                for (int i = 0; i < count; i++) {
                    z.set(out + i, x.get(atX + i * stepX) / y.get(atY + i * stepY));
                }
            }
            default -> {
                Real f = function.real;
                for (int i = 0; i < count; i++) {
                    z.set(out + i, f.of(x.get(atX + i * stepX), y.get(atY + i * stepY)));
                }
            }
        }
    }

    @Override
    protected void backward(Backward call) {
        Memory x = Memory.of(call.inputs()[0]);
        Memory y = Memory.of(call.inputs()[1]);
        Memory dz = Memory.of(call.outputGradients()[0]);
        Broadcasting walk =
                Broadcasting.of(call.outputGradients()[0].shape(), call.inputs()[0].shape(), call.inputs()[1].shape());
        for (int operand = 0; operand < 2; operand++) {
            Memory target = Memory.of(call.inputGradients()[operand]);
            if (!isReal(target.type())) {
                target.zero();
                continue;
            }
            Real slope = operand == 0 ? function().slopeX : function().slopeY;
            boolean realX = isReal(x.type());
            boolean realY = isReal(y.type());
            double[] sums = new double[Math.toIntExact(target.length())];
            long stepX = walk.step(0);
            long stepY = walk.step(1);
            int which = operand;
            walk.run(false, 0, (out, at, count) -> {
                for (int i = 0; i < count; i++) {
                    long ix = at[0] + i * stepX;
                    long iy = at[1] + i * stepY;
                    sums[(int) (which == 0 ? ix : iy)] += dz.get(out + i)
                            * slope.of(realX ? x.get(ix) : x.getLong(ix), realY ? y.get(iy) : y.getLong(iy));
                }
            });
            for (int i = 0; i < sums.length; i++) {
                target.set(i, sums[i]);
            }
        }
    }
}
