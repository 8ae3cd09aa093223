package org.rafclip.onnx.op;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/** Tensors made of shapes and numbers: nothing flows back through them. */
public final class Make extends OnnxOp {

    /** What is made. */
    public enum Kind {
        /** {@code Shape}: the dimensions from the first argument on and before the second. */
        SHAPE,
        /** {@code Size}: how many elements there are. */
        SIZE,
        /** {@code ConstantOfShape}: one value in the shape of the first input; the second input is the value. */
        FILLED,
        /** {@code Range}: from start, below limit, by delta. */
        RANGE,
        /** {@code OneHot}: of indices, depth and the values for off and on, along the axis of the first argument. */
        ONE_HOT,
        /** {@code NonZero}: the coordinates of all elements that are not 0. */
        NON_ZERO,
        /** {@code EyeLike}: ones on the diagonal that the first argument names. */
        EYE
    }

    /** SameDiff calls this when it loads a graph. */
    public Make() {}

    public Make(SameDiff graph, Kind kind, long first, long second, SDVariable... inputs) {
        super(graph, inputs);
        addIArgument(kind.ordinal(), first, second);
    }

    @Override
    public String opName() {
        return "onnx_make";
    }

    private Kind kind() {
        return Kind.values()[intArgument(0)];
    }

    @Override
    public List<DataType> calculateOutputDataTypes(List<DataType> types) {
        return Collections.singletonList(
                switch (kind()) {
                    case SHAPE, SIZE, NON_ZERO -> DataType.INT64;
                    case FILLED -> types.get(1);
                    case RANGE -> types.get(0);
                    case ONE_HOT -> types.get(2);
                    case EYE -> types.get(1);
                });
    }

    @Override
    protected boolean decidesShape(int input) {
        return switch (kind()) {
            case SHAPE, SIZE, EYE -> false;
            case FILLED, NON_ZERO -> input == 0;
            case RANGE -> true;
            case ONE_HOT -> input == 1;
        };
    }

    @Override
    protected boolean differentiable(int input) {
        return false;
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        return new long[][] {
            switch (kind()) {
                case SHAPE -> new long[] {range(shapes[0].length)[1]};
                case SIZE -> new long[0];
                case EYE -> shapes[0];
                case FILLED -> filled(values[0]);
                case RANGE -> new long[] {count(values)};
                case ONE_HOT -> {
                    int axis = hotAxis(shapes[0].length);
                    long[] shape = new long[shapes[0].length + 1];
                    System.arraycopy(shapes[0], 0, shape, 0, axis);
                    System.arraycopy(shapes[0], axis, shape, axis + 1, shapes[0].length - axis);
                    shape[axis] = (long) number(values[1]);
                    if (shape[axis] < 0) {
                        throw refused("a depth of " + shape[axis]);
                    }
                    yield shape;
                }
                case NON_ZERO -> new long[] {shapes[0].length, places(values[0]).length};
            }
        };
    }

    private long[] filled(INDArray sizes) {
        long[] shape = longs(sizes);
        if (Arrays.stream(shape).anyMatch(size -> size < 0)) {
            throw refused("the shape " + Arrays.toString(shape));
        }
        return shape;
    }

    /** The first dimension that is read, and how many. */
    private long[] range(int rank) {
        long start = longArgument(1);
        long end = longArgument(2);
        start = Math.max(0, Math.min(rank, start < 0 ? start + rank : start));
        end = Math.max(0, Math.min(rank, end < 0 ? end + rank : end));
        return new long[] {start, Math.max(0, end - start)};
    }

    private int hotAxis(int rank) {
        return axis(longArgument(1), rank + 1);
    }

    private static double number(INDArray scalar) {
        Memory memory = Memory.of(Memory.dense(scalar));
        return isReal(memory.type()) ? memory.get(0) : memory.getLong(0);
    }

    private long count(INDArray[] values) {
        double delta = number(values[2]);
        double count = Math.ceil((number(values[1]) - number(values[0])) / delta);
        if (delta == 0 || !(count < Integer.MAX_VALUE)) {
            throw refused("from " + number(values[0]) + " to " + number(values[1]) + " by " + delta);
        }
        return Math.max(0, (long) count);
    }

    private static int[] places(INDArray array) {
        if (array.isEmpty()) {
            return new int[0];
        }
        Memory memory = Memory.of(Memory.dense(array));
        boolean real = isReal(memory.type());
        return java.util.stream.IntStream.range(0, Math.toIntExact(memory.length()))
                .filter(i -> real ? memory.get(i) != 0 : memory.getLong(i) != 0)
                .toArray();
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Memory y = Memory.of(outputs[0]);
        switch (kind()) {
            case SHAPE -> {
                long[] shape = inputs[0].shape();
                int from = (int) range(shape.length)[0];
                for (int i = 0; i < y.length(); i++) {
                    y.setLong(i, shape[from + i]);
                }
            }
            case SIZE -> y.setLong(0, product(inputs[0].shape(), 0, inputs[0].rank()));
            case FILLED -> {
                Memory value = Memory.of(inputs[1]);
                for (long i = 0; i < y.length(); i++) {
                    Move.copy(y.type().width(), value, 0, y, i);
                }
            }
            case RANGE -> {
                double start = number(inputs[0]);
                double delta = number(inputs[2]);
                for (long i = 0; i < y.length(); i++) {
                    set(y, i, start + i * delta);
                }
            }
            case ONE_HOT -> oneHot(inputs, outputs[0], y);
            case NON_ZERO -> {
                int[] places = places(inputs[0]);
                long[] strides = strides(inputs[0].shape());
                for (int d = 0; d < strides.length; d++) {
                    for (int i = 0; i < places.length; i++) {
                        y.setLong((long) d * places.length + i, places[i] / strides[d] % inputs[0].size(d));
                    }
                }
            }
            case EYE -> {
                long columns = inputs[0].size(1);
                for (long i = 0; i < y.length(); i++) {
                    set(y, i, i % columns - i / columns == longArgument(1) ? 1 : 0);
                }
            }
        }
    }

    private void oneHot(INDArray[] inputs, INDArray output, Memory y) {
        Memory indices = Memory.of(inputs[0]);
        Memory values = Memory.of(inputs[2]);
        boolean real = isReal(indices.type());
        Lines lines = Lines.of(output.shape(), hotAxis(inputs[0].rank()));
        int width = y.type().width();
        for (long line = 0; line < lines.count(); line++) {
            long index = real ? (long) indices.get(line) : indices.getLong(line);
            index = index < 0 ? index + lines.length() : index;
            for (int i = 0; i < lines.length(); i++) {
                Move.copy(width, values, i == index ? 1 : 0, y, lines.start(line) + i * lines.inner());
            }
        }
    }

    private static void set(Memory y, long i, double value) {
        if (isReal(y.type())) {
            y.set(i, value);
        } else {
            y.setLong(i, (long) value);
        }
    }
}
