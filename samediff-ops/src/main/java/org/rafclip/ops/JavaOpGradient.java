package org.rafclip.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.imports.converters.ImportClassMapping;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Runs the backward computation of any {@link JavaOp}. Its inputs are the operation's inputs, its saved outputs and
 * the gradients of its outputs. The operation's name and number of inputs travel as string arguments, its own
 * arguments as they are.
 */
public final class JavaOpGradient extends JavaOp {

    static final String NAME = "java_gradient";

    /** SameDiff calls this when it loads a graph. */
    public JavaOpGradient() {}

    JavaOpGradient(SameDiff graph, JavaOp operation, int inputs, SDVariable... wired) {
        super(graph);
        addSArgument(operation.opName(), Integer.toString(inputs));
        addIArgument(operation.iArgs());
        addTArgument(operation.tArgs());
        graph.addArgsFor(wired, this);
    }

    @Override
    public String opName() {
        return NAME;
    }

    private JavaOp operation() {
        JavaOp operation = create(sArguments.get(0));
        operation.addIArgument(iArgs());
        operation.addTArgument(tArgs());
        return operation;
    }

    private static JavaOp create(String name) {
        if (!(ImportClassMapping.getOpNameMapping().get(name) instanceof JavaOp known)) {
            throw new IllegalStateException("no operation named " + name
                    + " is registered; name its class in META-INF/services/org.rafclip.ops.JavaOp, and call"
                    + " JavaOps.install() first");
        }
        try {
            return known.getClass().getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(known.getClass() + " needs a public constructor without parameters", e);
        }
    }

    private int inputs() {
        return Integer.parseInt(sArguments.get(1));
    }

    /** Whether the values of one of this operation's own inputs are looked at. */
    boolean reads(int input) {
        return input >= inputs() || operation().readInBackward(input);
    }

    /** Whether only those gradients are computed that are asked for. */
    boolean skips() {
        return operation().skipsGradients();
    }

    /**
     * {@link #reads(int)} where only some gradients are asked for.
     *
     * @param asked by output
     */
    boolean reads(int input, boolean[] asked) {
        int[] differentiable = operation().differentiableInputs(inputs());
        return input >= inputs()
                || operation().readInBackward(input, of -> {
                    int output = Arrays.binarySearch(differentiable, of);
                    return output >= 0 && asked[output];
                });
    }

    @Override
    protected boolean takesBf16(int input) {
        JavaOp operation = operation();
        int gradients = inputs() + operation.savedOutputs().length;
        return input < inputs() ? operation.takesBf16(input) : input == gradients && operation.givesBf16();
    }

    /** Whether the gradient of the first differentiable input may be bfloat16. */
    @Override
    protected boolean givesBf16() {
        return operation().takesBf16(operation().differentiableInputs(inputs())[0]);
    }

    @Override
    public int getNumOutputs() {
        return operation().differentiableInputs(inputs()).length;
    }

    @Override
    public List<DataType> calculateOutputDataTypes(List<DataType> types) {
        List<DataType> result = new ArrayList<>();
        for (int input : operation().differentiableInputs(inputs())) {
            result.add(types.get(input));
        }
        return result;
    }

    @Override
    protected long[][] outputShapes(INDArray[] wired) {
        return Arrays.stream(operation().differentiableInputs(inputs()))
                .mapToObj(input -> wired[input].shape())
                .toArray(long[][]::new);
    }

    @Override
    protected void forward(INDArray[] wired, INDArray[] outputs) {
        JavaOp operation = operation();
        int saved = inputs() + operation.savedOutputs().length;
        operation.backward(new Backward(
                Arrays.copyOf(wired, inputs()),
                Arrays.copyOfRange(wired, inputs(), saved),
                Arrays.copyOfRange(wired, saved, wired.length),
                outputs));
    }

    @Override
    protected void backward(Backward call) {
        throw new UnsupportedOperationException("second derivatives are not defined");
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> outputGradients) {
        throw new UnsupportedOperationException("second derivatives are not defined");
    }
}
