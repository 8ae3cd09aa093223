package org.rafclip.onnx.op;

import java.util.Collections;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/** A function of every element; any shape. */
public final class Pointwise extends OnnxOp {

    private static final long GRAIN = 1 << 13;
    private static final double TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);

    /** A function of {@code x} with up to two parameters, and its derivative. */
    public enum Function {
        ABS((x, a, b) -> Math.abs(x), (x, a, b) -> Math.signum(x)),
        NEG((x, a, b) -> -x, (x, a, b) -> -1),
        SIGN((x, a, b) -> Math.signum(x), (x, a, b) -> 0),
        FLOOR((x, a, b) -> Math.floor(x), (x, a, b) -> 0),
        CEIL((x, a, b) -> Math.ceil(x), (x, a, b) -> 0),
        ROUND((x, a, b) -> Math.rint(x), (x, a, b) -> 0),
        SQRT((x, a, b) -> Math.sqrt(x), (x, a, b) -> 0.5 / Math.sqrt(x)),
        RECIPROCAL((x, a, b) -> 1 / x, (x, a, b) -> -1 / (x * x)),
        EXP((x, a, b) -> Math.exp(x), (x, a, b) -> Math.exp(x)),
        LOG((x, a, b) -> Math.log(x), (x, a, b) -> 1 / x),
        SIN((x, a, b) -> Math.sin(x), (x, a, b) -> Math.cos(x)),
        COS((x, a, b) -> Math.cos(x), (x, a, b) -> -Math.sin(x)),
        TAN((x, a, b) -> Math.tan(x), (x, a, b) -> 1 + Math.tan(x) * Math.tan(x)),
        ASIN((x, a, b) -> Math.asin(x), (x, a, b) -> 1 / Math.sqrt(1 - x * x)),
        ACOS((x, a, b) -> Math.acos(x), (x, a, b) -> -1 / Math.sqrt(1 - x * x)),
        ATAN((x, a, b) -> Math.atan(x), (x, a, b) -> 1 / (1 + x * x)),
        SINH((x, a, b) -> Math.sinh(x), (x, a, b) -> Math.cosh(x)),
        COSH((x, a, b) -> Math.cosh(x), (x, a, b) -> Math.sinh(x)),
        TANH((x, a, b) -> Math.tanh(x), (x, a, b) -> 1 - Math.tanh(x) * Math.tanh(x)),
        ERF((x, a, b) -> Kernels.erf(x), (x, a, b) -> TWO_OVER_ROOT_PI * Math.exp(-x * x)),
        SIGMOID((x, a, b) -> sigmoid(x), (x, a, b) -> sigmoid(x) * (1 - sigmoid(x))),
        RELU((x, a, b) -> x < 0 ? 0 : x, (x, a, b) -> x > 0 ? 1 : 0),
        LEAKY_RELU((x, a, b) -> x < 0 ? a * x : x, (x, a, b) -> x < 0 ? a : 1),
        ELU((x, a, b) -> x < 0 ? a * Math.expm1(x) : x, (x, a, b) -> x < 0 ? a * Math.exp(x) : 1),
        CELU((x, a, b) -> x < 0 ? a * Math.expm1(x / a) : x, (x, a, b) -> x < 0 ? Math.exp(x / a) : 1),
        SELU((x, a, b) -> x < 0 ? b * a * Math.expm1(x) : b * x, (x, a, b) -> x < 0 ? b * a * Math.exp(x) : b),
        THRESHOLDED_RELU((x, a, b) -> x > a ? x : 0, (x, a, b) -> x > a ? 1 : 0),
        HARD_SIGMOID(
                (x, a, b) -> Math.max(0, Math.min(1, a * x + b)), (x, a, b) -> a * x + b > 0 && a * x + b < 1 ? a : 0),
        HARD_SWISH(
                (x, a, b) -> x * Math.max(0, Math.min(1, x / 6 + 0.5)),
                (x, a, b) -> x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5),
        SOFTPLUS((x, a, b) -> Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), (x, a, b) -> sigmoid(x)),
        SOFTSIGN((x, a, b) -> x / (1 + Math.abs(x)), (x, a, b) -> 1 / ((1 + Math.abs(x)) * (1 + Math.abs(x)))),
        NOT((x, a, b) -> x == 0 ? 1 : 0, (x, a, b) -> 0),
        IS_NAN((x, a, b) -> Double.isNaN(x) ? 1 : 0, (x, a, b) -> 0),
        /** With parameters that say whether negative and positive infinity count. */
        IS_INF((x, a, b) -> Double.isInfinite(x) && (x < 0 ? a : b) != 0 ? 1 : 0, (x, a, b) -> 0);

        private final Formula value;
        private final Formula slope;

        Function(Formula value, Formula slope) {
            this.value = value;
            this.slope = slope;
        }

        private boolean answersYesOrNo() {
            return this == NOT || this == IS_NAN || this == IS_INF;
        }
    }

    @FunctionalInterface
    private interface Formula {
        double at(double x, double a, double b);
    }

    /** SameDiff calls this when it loads a graph. */
    public Pointwise() {}

    public Pointwise(SameDiff graph, Function function, SDVariable x, double a, double b) {
        super(graph, x);
        addIArgument(function.ordinal());
        addTArgument(a, b);
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    private Function function() {
        return Function.values()[intArgument(0)];
    }

    @Override
    public String opName() {
        return "onnx_pointwise";
    }

    @Override
    public List<DataType> calculateOutputDataTypes(List<DataType> types) {
        return Collections.singletonList(function().answersYesOrNo() ? DataType.BOOL : types.get(0));
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        return new long[][] {shapes[0]};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Memory x = Memory.of(inputs[0]);
        Memory y = Memory.of(outputs[0]);
        Formula f = function().value;
        double a = realArgument(0);
        double b = realArgument(1);
        boolean realIn = isReal(x.type());
        boolean realOut = isReal(y.type());
        Parallel.standard().run(x.length(), GRAIN, (from, to, part) -> {
            for (long i = from; i < to; i++) {
                double value = f.at(realIn ? x.get(i) : x.getLong(i), a, b);
                if (realOut) {
                    y.set(i, value);
                } else {
                    y.setLong(i, (long) value);
                }
            }
        });
    }

    @Override
    protected void backward(Backward call) {
        Memory x = Memory.of(call.inputs()[0]);
        Memory dy = Memory.of(call.outputGradients()[0]);
        Memory dx = Memory.of(call.inputGradients()[0]);
        Formula slope = function().slope;
        double a = realArgument(0);
        double b = realArgument(1);
        Parallel.standard().run(x.length(), GRAIN, (from, to, part) -> {
            for (long i = from; i < to; i++) {
                dx.set(i, dy.get(i) * slope.at(x.get(i), a, b));
            }
        });
    }
}
