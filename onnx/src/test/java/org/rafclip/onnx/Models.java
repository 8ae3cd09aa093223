package org.rafclip.onnx;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.UnaryOperator;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.OperatorSetIdProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.TensorShapeProto;
import onnx.Onnx.TypeProto;
import onnx.Onnx.ValueInfoProto;
import org.nd4j.shade.protobuf.ByteString;

/** ONNX models made by hand. */
public final class Models {

    private Models() {}

    public static ModelProto.Builder model(int opset, GraphProto.Builder graph) {
        return ModelProto.newBuilder()
                .setIrVersion(8)
                .setProducerName("by hand")
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(opset))
                .setGraph(graph);
    }

    /** @param shape numbers, names of open dimensions, or null for an open one without name */
    public static ValueInfoProto value(String name, TensorProto.DataType type, Object... shape) {
        TensorShapeProto.Builder dimensions = TensorShapeProto.newBuilder();
        for (Object size : shape) {
            TensorShapeProto.Dimension.Builder dimension = dimensions.addDimBuilder();
            if (size instanceof Number number) {
                dimension.setDimValue(number.longValue());
            } else if (size != null) {
                dimension.setDimParam(size.toString());
            }
        }
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder()
                                .setElemType(type.getNumber())
                                .setShape(dimensions)))
                .build();
    }

    /**
     * A model's file with some of its inputs declared anew.
     *
     * @param target where the changed model goes
     */
    public static Path withInputs(Path source, Path target, UnaryOperator<ValueInfoProto.Builder> change)
            throws IOException {
        ModelProto.Builder model = ModelProto.parseFrom(Files.readAllBytes(source)).toBuilder();
        model.getGraphBuilder().getInputBuilderList().forEach(change::apply);
        return write(model, target);
    }

    /** One output; inputs by name. */
    public static NodeProto.Builder node(String op, String output, String... inputs) {
        return NodeProto.newBuilder()
                .setOpType(op)
                .setName("make " + output)
                .addOutput(output)
                .addAllInput(java.util.List.of(inputs));
    }

    public static AttributeProto attribute(String name, long value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.INT)
                .setI(value)
                .build();
    }

    public static AttributeProto attribute(String name, long... values) {
        AttributeProto.Builder attribute =
                AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INTS);
        for (long value : values) {
            attribute.addInts(value);
        }
        return attribute.build();
    }

    public static TensorProto floats(String name, long[] shape, float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            bytes.putFloat(value);
        }
        return raw(name, TensorProto.DataType.FLOAT, shape, bytes);
    }

    public static TensorProto longs(String name, long[] shape, long... values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * 8).order(ByteOrder.LITTLE_ENDIAN);
        for (long value : values) {
            bytes.putLong(value);
        }
        return raw(name, TensorProto.DataType.INT64, shape, bytes);
    }

    public static TensorProto raw(String name, TensorProto.DataType type, long[] shape, ByteBuffer bytes) {
        return shaped(name, type, shape)
                .setRawData(ByteString.copyFrom(bytes.flip()))
                .build();
    }

    public static TensorProto.Builder shaped(String name, TensorProto.DataType type, long... shape) {
        TensorProto.Builder tensor = TensorProto.newBuilder().setName(name).setDataType(type.getNumber());
        for (long size : shape) {
            tensor.addDims(size);
        }
        return tensor;
    }

    /** A small network with most of what a file can hold: {@code y = relu(x W + b)}, {@code x [batch, 3]}. */
    public static ModelProto.Builder small() {
        return model(
                13,
                GraphProto.newBuilder()
                        .setName("small")
                        .addInput(value("x", TensorProto.DataType.FLOAT, "batch", 3))
                        .addOutput(value("y", TensorProto.DataType.FLOAT, "batch", 2))
                        .addInitializer(floats("W", new long[] {3, 2}, 1, 2, 3, 4, 5, 6))
                        .addInitializer(shaped("b", TensorProto.DataType.FLOAT, 2)
                                .addFloatData(0.5f)
                                .addFloatData(-0.5f))
                        .addNode(node("MatMul", "xW", "x", "W"))
                        .addNode(node("Add", "xWb", "xW", "b"))
                        .addNode(node("Relu", "y", "xWb")));
    }

    public static Path write(ModelProto.Builder model, Path file) throws IOException {
        return Files.write(file, model.build().toByteArray());
    }
}
