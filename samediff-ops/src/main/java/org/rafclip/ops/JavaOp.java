package org.rafclip.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/**
 * An operation of a SameDiff graph that is computed in Java: its shapes, its forward and its backward computation in
 * one class.
 *
 * <p>Its settings live in SameDiff's own integer and floating-point arguments, so that a graph saves and loads; an
 * implementation is public, has a public constructor without parameters and is named in
 * {@code META-INF/services/org.rafclip.ops.JavaOp}, where {@link JavaOps} finds it.
 */
public abstract class JavaOp extends DynamicCustomOp {

    /** SameDiff calls this when it loads a graph. */
    protected JavaOp() {}

    protected JavaOp(SameDiff graph, SDVariable... inputs) {
        super(null, graph, inputs, false);
        for (SDVariable input : inputs) {
            if (input.dataType() == DataType.BFLOAT16) {
                throw new IllegalArgumentException(input.name()
                        + " is BFLOAT16: take FLOAT, and Graph.computeIn(Precision.BF16) for products of bfloat16");
            }
        }
    }

    /** The shapes of the outputs. */
    protected abstract long[][] outputShapes(INDArray[] inputs);

    /** Computes the outputs, which arrive allocated, dense, in 'c' order and with undefined content. */
    protected abstract void forward(INDArray[] inputs, INDArray[] outputs);

    /**
     * Computes the gradients of the differentiable inputs.
     *
     * @param call the inputs, the saved outputs, the gradients of the outputs, and where the results go
     */
    protected abstract void backward(Backward call);

    /** Whether a gradient flows to an input; indices and masks say no. */
    protected boolean differentiable(int input) {
        return true;
    }

    /** The outputs that {@link #backward} wants to see again. */
    protected int[] savedOutputs() {
        return new int[0];
    }

    /**
     * Whether {@link #backward} looks at an input's values. Of another input it sees the shape alone: what the array held
     * in forward may be overwritten by then.
     */
    protected boolean readInBackward(int input) {
        return true;
    }

    /**
     * {@link #readInBackward(int)} of an operation that {@linkplain #skipsGradients() skips gradients}, where only some are
     * asked for.
     *
     * @param asked whether the gradient of an input is asked for
     */
    protected boolean readInBackward(int input, IntPredicate asked) {
        return readInBackward(input);
    }

    /** Whether {@link #backward} takes null in the place of each gradient that is not asked for, and does not compute it. */
    protected boolean skipsGradients() {
        return false;
    }

    /**
     * Whether the first output, where gradients of other operations read it, is computed again for them rather than kept:
     * what takes little time from inputs that {@link #backward} keeps anyway.
     */
    protected boolean recomputed() {
        return false;
    }

    /** Whether the output is the first input in another shape: {@link GraphExecutor} gives it the same memory then. */
    protected boolean reshapes() {
        return false;
    }

    /**
     * Whether an input may be bfloat16 where products are computed in {@link Precision#BF16}, each for itself. The gradient of the
     * first differentiable input may be if that may.
     */
    protected boolean takesBf16(int input) {
        return false;
    }

    /** Whether the first output may be bfloat16, as {@link #takesBf16} says it of inputs, and its gradient. */
    protected boolean givesBf16() {
        return false;
    }

    /** How many outputs, from the first on, pass gradients back; the others are by-products such as saved values. */
    protected int differentiableOutputs() {
        return getNumOutputs();
    }

    /** The one output of most operations. */
    public final SDVariable output() {
        return outputVariables()[0];
    }

    @Override
    public abstract String opName();

    @Override
    public int getNumOutputs() {
        return 1;
    }

    final int[] differentiableInputs(int inputs) {
        int[] found = new int[inputs];
        int count = 0;
        for (int i = 0; i < inputs; i++) {
            if (differentiable(i)) {
                found[count++] = i;
            }
        }
        return Arrays.copyOf(found, count);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> outputGradients) {
        SDVariable[] inputs = args();
        List<SDVariable> wired = new ArrayList<>(List.of(inputs));
        SDVariable[] outputs = outputVariables();
        for (int saved : savedOutputs()) {
            wired.add(outputs[saved]);
        }
        wired.addAll(outputGradients.subList(0, differentiableOutputs()));
        SDVariable[] gradients =
                new JavaOpGradient(sameDiff, this, inputs.length, wired.toArray(SDVariable[]::new)).outputVariables();
        List<SDVariable> result = new ArrayList<>();
        int next = 0;
        for (int i = 0; i < inputs.length; i++) {
            result.add(differentiable(i) ? gradients[next++] : sameDiff.zerosLike(inputs[i]));
        }
        return result;
    }

    @Override
    public List<DataType> calculateOutputDataTypes(List<DataType> inputTypes) {
        DataType type =
                inputTypes.stream().filter(DataType::isFPType).findFirst().orElse(DataType.FLOAT);
        return Collections.nCopies(getNumOutputs(), type);
    }

    @Override
    public final List<LongShapeDescriptor> calculateOutputShape(OpContext context) {
        INDArray[] inputs = context.getInputArrays().toArray(INDArray[]::new);
        List<DataType> types = calculateOutputDataTypes(
                Arrays.stream(inputs).map(INDArray::dataType).toList());
        long[][] shapes = outputShapes(inputs);
        List<LongShapeDescriptor> descriptors = new ArrayList<>();
        for (int i = 0; i < shapes.length; i++) {
            descriptors.add(LongShapeDescriptor.fromShape(shapes[i], types.get(i)));
        }
        return descriptors;
    }

    @Override
    public Map<String, Object> propertiesForFunction() {
        return new HashMap<>();
    }

    @Override
    public void setPropertiesForFunction(Map<String, Object> properties) {}

    @Override
    public void configureFromArguments() {}

    @Override
    public void assertValidForExecution() {}

    @Override
    public String onnxName() {
        return null;
    }

    @Override
    public String tensorflowName() {
        return null;
    }

    protected final int intArgument(int index) {
        return iArguments.get(index).intValue();
    }

    protected final double realArgument(int index) {
        return tArguments.get(index);
    }

    /**
     * What a backward computation works on; all arrays are dense and in 'c' order.
     *
     * @param inputs the forward inputs; of those that are not {@link #readInBackward} only the shapes are valid
     * @param saved the outputs named by {@link #savedOutputs()}
     * @param outputGradients one for each differentiable output
     * @param inputGradients where the results go, one for each differentiable input, in order; null for those that an
     *     operation that {@link #skipsGradients} is not asked for
     */
    public record Backward(
            INDArray[] inputs, INDArray[] saved, INDArray[] outputGradients, INDArray[] inputGradients) {}
}
