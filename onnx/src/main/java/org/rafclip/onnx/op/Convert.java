package org.rafclip.onnx.op;

import java.util.Collections;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.onnx.ElementType;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Memory;

/** {@code Cast}: the same values in another type; to integers by cutting fractions off. */
public final class Convert extends OnnxOp {

    private static final long GRAIN = 1 << 15;

    /** SameDiff calls this when it loads a graph. */
    public Convert() {}

    public Convert(SameDiff graph, SDVariable x, ElementType type) {
        super(graph, x);
        addIArgument(type.code());
    }

    @Override
    public String opName() {
        return "onnx_cast";
    }

    @Override
    public List<DataType> calculateOutputDataTypes(List<DataType> types) {
        return Collections.singletonList(ElementType.of(intArgument(0)).array());
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        return new long[][] {shapes[0]};
    }

    @Override
    protected void compute(INDArray[] inputs, INDArray[] outputs) {
        convert(Memory.of(inputs[0]), Memory.of(outputs[0]));
    }

    private static void convert(Memory x, Memory y) {
        if (x.type() == y.type()) {
            y.copyFrom(x, 0, 0, x.length());
            return;
        }
        boolean from = isReal(x.type());
        boolean to = isReal(y.type());
        Parallel.standard().run(x.length(), GRAIN, (begin, end, part) -> {
            for (long i = begin; i < end; i++) {
                if (to) {
                    y.set(i, from ? x.get(i) : x.getLong(i));
                } else if (from && y.type() == DataType.BOOL) {
                    y.setLong(i, x.get(i) == 0 ? 0 : 1);
                } else {
                    y.setLong(i, from ? (long) x.get(i) : x.getLong(i));
                }
            }
        });
    }

    @Override
    protected void backward(Backward call) {
        Memory dx = Memory.of(call.inputGradients()[0]);
        if (isReal(dx.type())) {
            convert(Memory.of(call.outputGradients()[0]), dx);
        } else {
            dx.zero();
        }
    }
}
