package org.rafclip.onnx.op;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;

/** {@code Where}: an element of the second or of the third tensor, as the first, of BOOL, says. */
public final class Choose extends OnnxOp {

    private static final long GRAIN = 1 << 14;

    /** SameDiff calls this when it loads a graph. */
    public Choose() {}

    public Choose(SameDiff graph, SDVariable condition, SDVariable yes, SDVariable no) {
        super(graph, condition, yes, no);
    }

    @Override
    public String opName() {
        return "onnx_where";
    }

    @Override
    protected boolean differentiable(int input) {
        return input > 0;
    }

    @Override
    public List<DataType> calculateOutputDataTypes(List<DataType> types) {
        return Collections.singletonList(types.get(1));
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        long[] shape = Broadcasting.shape(shapes);
        if (shape == null) {
            throw refused("shapes " + Arrays.deepToString(shapes));
        }
        return new long[][] {shape};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        Memory condition = Memory.of(inputs[0]);
        Memory yes = Memory.of(inputs[1]);
        Memory no = Memory.of(inputs[2]);
        Memory out = Memory.of(outputs[0]);
        boolean real = isReal(out.type());
        walk(inputs, outputs[0].shape()).run(true, GRAIN, new Row(inputs, outputs[0].shape(), (o, c, y, n) -> {
            boolean chosen = condition.getLong(c) != 0;
            if (real) {
                out.set(o, chosen ? yes.get(y) : no.get(n));
            } else {
                out.setLong(o, chosen ? yes.getLong(y) : no.getLong(n));
            }
        }));
    }

    @Override
    protected void backward(Backward call) {
        Memory condition = Memory.of(call.inputs()[0]);
        Memory dOut = Memory.of(call.outputGradients()[0]);
        Memory dYes = Memory.of(call.inputGradients()[0]);
        Memory dNo = Memory.of(call.inputGradients()[1]);
        dYes.zero();
        dNo.zero();
        long[] shape = call.outputGradients()[0].shape();
        walk(call.inputs(), shape).run(false, 0, new Row(call.inputs(), shape, (o, c, y, n) -> {
            if (condition.getLong(c) != 0) {
                dYes.add(y, dOut.get(o));
            } else {
                dNo.add(n, dOut.get(o));
            }
        }));
    }

    private static Broadcasting walk(INDArray[] inputs, long[] shape) {
        return Broadcasting.of(shape, inputs[0].shape(), inputs[1].shape(), inputs[2].shape());
    }

    @FunctionalInterface
    private interface Element {
        void at(long out, long condition, long yes, long no);
    }

    private static final class Row implements Broadcasting.Run {
        private final long[] steps = new long[3];
        private final Element element;

        Row(INDArray[] inputs, long[] shape, Element element) {
            Broadcasting walk = walk(inputs, shape);
            for (int k = 0; k < 3; k++) {
                steps[k] = walk.step(k);
            }
            this.element = element;
        }

        @Override
        public void run(long out, long[] at, int count) {
            for (int i = 0; i < count; i++) {
                element.at(out + i, at[0] + i * steps[0], at[1] + i * steps[1], at[2] + i * steps[2]);
            }
        }
    }
}
