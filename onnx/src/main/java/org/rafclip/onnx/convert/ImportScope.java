package org.rafclip.onnx.convert;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.onnx.ElementType;
import org.rafclip.onnx.OnnxNode;
import org.rafclip.onnx.op.OnnxOp;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.op.Linear;

/** What a mapping sees: one node, its inputs in the graph that is being made, and the way to add operations. */
final class ImportScope {

    private static final long MAX_ELEMENTS = Integer.MAX_VALUE / 8;

    /**
     * What is known of a variable before anything runs.
     *
     * @param shape null where it is not known
     * @param value null for what is not constant
     */
    record Known(long[] shape, INDArray value) {}

    private final SameDiff graph;
    private final OnnxNode node;
    private final int opset;
    private final DataType precision;
    private final List<SDVariable> inputs;
    private final Map<String, Known> known;

    /** @param inputs null for those that are absent */
    ImportScope(
            SameDiff graph,
            OnnxNode node,
            int opset,
            DataType precision,
            List<SDVariable> inputs,
            Map<String, Known> known) {
        this.graph = graph;
        this.node = node;
        this.opset = opset;
        this.precision = precision;
        this.inputs = inputs;
        this.known = known;
    }

    SameDiff graph() {
        return graph;
    }

    OnnxNode node() {
        return node;
    }

    int opset() {
        return opset;
    }

    int inputs() {
        return inputs.size();
    }

    /** An input that has to be there. */
    SDVariable in(int index) {
        SDVariable input = optional(index);
        if (input == null) {
            throw refused("its input " + index + " is missing");
        }
        return input;
    }

    /** An input, or null. */
    SDVariable optional(int index) {
        return index < inputs.size() ? inputs.get(index) : null;
    }

    /** Integers that newer operations take as an input and older ones as an attribute; null where neither is there. */
    SDVariable integers(int input, String attribute) {
        if (optional(input) != null) {
            return optional(input);
        }
        long[] values = node.integers(attribute);
        return values == null ? null : constant(values);
    }

    /** The shape of a variable, or null where it is not known. */
    long[] shape(SDVariable variable) {
        Known about = known.get(variable.name());
        return about == null ? null : about.shape;
    }

    /** The value of a constant, or null for anything else. */
    INDArray value(SDVariable variable) {
        Known about = known.get(variable.name());
        return about == null ? null : about.value;
    }

    SDVariable constant(long... values) {
        return constant(values.length == 0 ? Nd4j.create(DataType.INT64, 0) : Nd4j.createFromArray(values));
    }

    /** A number of a variable's type. */
    SDVariable number(double value, SDVariable like) {
        return constant(Nd4j.scalar(like.dataType(), value));
    }

    /** @param value an array that nobody else uses */
    SDVariable constant(INDArray value) {
        INDArray wide = widened(value, precision);
        SDVariable variable = graph.constant(wide);
        INDArray own = own(variable, wide);
        known.put(variable.name(), new Known(own.shape(), own));
        return variable;
    }

    /** A value in the precision that single precision is computed in; the given array is used up. */
    static INDArray widened(INDArray value, DataType precision) {
        if (value.dataType() != DataType.FLOAT || precision == DataType.FLOAT) {
            return value;
        }
        INDArray wide = value.castTo(precision);
        free(value);
        return wide;
    }

    /** The array that a graph keeps of a variable's value: a copy, so that the given one is not needed any more. */
    static INDArray own(SDVariable variable, INDArray given) {
        INDArray kept = variable.getArr();
        if (kept != given) {
            free(given);
        }
        return kept;
    }

    private static void free(INDArray array) {
        if (array.closeable()) {
            array.close();
        }
    }

    /** The type that values of an element type are computed in. */
    ElementType type(long code) {
        ElementType type = ElementType.of(Math.toIntExact(code));
        if (type == null || type == ElementType.STRING) {
            throw refused("the element type " + code + " is not known here");
        }
        return type.array() == DataType.FLOAT && precision == DataType.DOUBLE ? ElementType.DOUBLE : type;
    }

    /** Adds an operation of which the first output counts. */
    SDVariable add(JavaOp op) {
        return addAll(op).get(0);
    }

    /** Adds an operation and works out its outputs' shapes where they follow from what is known; by-products stay unknown. */
    List<SDVariable> addAll(JavaOp op) {
        SDVariable[] outputs = op.outputVariables();
        SDVariable[] arguments = op.args();
        long[][] shapes = Arrays.stream(arguments).map(this::shape).toArray(long[][]::new);
        INDArray[] values = Arrays.stream(arguments).map(this::value).toArray(INDArray[]::new);
        long[][] result;
        try {
            result = infer(op, shapes, values);
        } catch (IllegalArgumentException e) {
            throw refused(e.getMessage());
        }
        for (int i = 0; result != null && i < result.length; i++) {
            double elements = Arrays.stream(result[i]).asDoubleStream().reduce(1, (a, b) -> a * b);
            if (elements > MAX_ELEMENTS) {
                throw refused("it makes a tensor " + Arrays.toString(result[i]) + ", more than " + MAX_ELEMENTS
                        + " elements");
            }
            known.put(outputs[i].name(), new Known(result[i], null));
        }
        return new ArrayList<>(List.of(outputs));
    }

    private static long[][] infer(JavaOp op, long[][] shapes, INDArray[] values) {
        if (op instanceof OnnxOp own) {
            return own.infer(shapes, values);
        }
        if (shapes[0] == null || op instanceof Linear && shapes[1] == null) {
            return null;
        }
        long[] shape = shapes[0].clone();
        if (op instanceof Linear) {
            boolean outIn = op.iArgs()[0] == Linear.Layout.OUT_IN.ordinal();
            int last = shape.length - 1;
            if (shapes[1].length != 2 || shape[last] != shapes[1][outIn ? 1 : 0]) {
                throw new IllegalArgumentException(
                        "an input " + Arrays.toString(shapes[0]) + " and a weight " + Arrays.toString(shapes[1]));
            }
            shape[last] = shapes[1][outIn ? 0 : 1];
        }
        return new long[][] {shape};
    }

    DataException refused(String what) {
        return new DataException(
                "node '" + node.label() + "' (" + node.qualifiedOp() + ", opset " + opset + "): " + what);
    }
}
