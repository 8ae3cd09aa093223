package org.rafclip.onnx.write;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.OperatorSetIdProto;
import onnx.Onnx.StringStringEntryProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.TensorShapeProto;
import onnx.Onnx.TypeProto;
import onnx.Onnx.ValueInfoProto;
import org.bytedeco.javacpp.indexer.HalfIndexer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.protobuf.ByteString;
import org.rafclip.data.DataException;
import org.rafclip.onnx.ElementType;
import org.rafclip.ops.kernel.Memory;

/**
 * An ONNX graph under construction. Tensors are known by their names; every method that computes something adds nodes and
 * returns the name of what they make.
 */
final class GraphWriter {

    static final int OPSET = 17;

    /** The version of the format that came with this opset. */
    private static final int IR_VERSION = 8;

    /** Protobuf allows 2 GiB a file; nodes and shapes have to fit in too. */
    private static final long MOST_INSIDE = (1L << 31) - (64 << 20);

    /** As ONNX Runtime wants the parts of an external file to lie, to map them. */
    private static final int ALIGNMENT = 4096;

    private static final double LARGEST_HALF = 65504;

    private final Numbers numbers;
    private final GraphProto.Builder graph;
    private final Map<String, Stored> stored = new LinkedHashMap<>();
    private final Map<String, Integer> counts = new HashMap<>();

    /**
     * An initializer.
     *
     * @param shape its dimensions
     * @param bytes in the byte order of the format
     */
    private record Stored(ElementType type, long[] shape, Bytes bytes) {

        long size() {
            return Arrays.stream(shape).reduce(1, (a, b) -> a * b) * type.bytes();
        }
    }

    /** Makes an initializer's bytes when they are written, so that no second copy of all weights is held. */
    @FunctionalInterface
    private interface Bytes {
        ByteBuffer make();
    }

    GraphWriter(String name, Numbers numbers) {
        this.numbers = numbers;
        this.graph = GraphProto.newBuilder().setName(name);
    }

    Numbers numbers() {
        return numbers;
    }

    private ElementType floats() {
        return numbers == Numbers.FP16 ? ElementType.FLOAT16 : ElementType.FLOAT;
    }

    // ---------------------------------------------------------------------------------------------- inputs and outputs

    /**
     * An input of whole numbers, as it comes.
     *
     * @param dimensions numbers, or texts for open ones
     */
    String input(String name, ElementType type, Object... dimensions) {
        graph.addInput(value(name, type, dimensions));
        return name;
    }

    /** An input in single precision, brought to what the graph computes with. */
    String floatInput(String name, Object... dimensions) {
        input(name, ElementType.FLOAT, dimensions);
        return numbers == Numbers.FP16 ? cast(name, ElementType.FLOAT16) : name;
    }

    /** Gives a tensor out, in single precision. */
    void floatOutput(String tensor, String name, Object... dimensions) {
        NodeProto.Builder node = NodeProto.newBuilder()
                .setName(name)
                .setOpType(numbers == Numbers.FP16 ? "Cast" : "Identity")
                .addInput(tensor)
                .addOutput(name);
        if (numbers == Numbers.FP16) {
            node.addAttribute(attribute("to", (long) ElementType.FLOAT.code()));
        }
        graph.addNode(node);
        graph.addOutput(value(name, ElementType.FLOAT, dimensions));
    }

    private static ValueInfoProto value(String name, ElementType type, Object... dimensions) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (Object dimension : dimensions) {
            TensorShapeProto.Dimension.Builder one = TensorShapeProto.Dimension.newBuilder();
            shape.addDim(
                    dimension instanceof Number length
                            ? one.setDimValue(length.longValue())
                            : one.setDimParam((String) dimension));
        }
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder()
                                .setElemType(type.code())
                                .setShape(shape)))
                .build();
    }

    // ------------------------------------------------------------------------------------------------------- constants

    /** Weights under a name; a second call with it is the first's. */
    String weights(String name, INDArray array) {
        if (!stored.containsKey(name)) {
            requireRange(name, array);
            stored.put(name, new Stored(floats(), array.shape(), () -> floatBytes(array)));
        }
        return name;
    }

    private void requireRange(String name, INDArray array) {
        if (numbers == Numbers.FP16 && array.amaxNumber().doubleValue() > LARGEST_HALF) {
            throw new DataException("weight '" + name + "' holds " + array.amaxNumber()
                    + ", which half precision cannot: leave --dtype fp16 out");
        }
    }

    private ByteBuffer floatBytes(INDArray array) {
        INDArray dense = Memory.dense(array);
        Memory values = Memory.of(dense);
        ByteBuffer bytes = buffer(values.length() * floats().bytes());
        for (long i = 0; i < values.length(); i++) {
            put(bytes, (float) values.get(i));
        }
        return bytes.flip();
    }

    private void put(ByteBuffer bytes, float value) {
        if (numbers == Numbers.FP16) {
            bytes.putShort((short) HalfIndexer.fromFloat(value));
        } else {
            bytes.putFloat(value);
        }
    }

    /** One number. */
    String number(double value) {
        return constant("number_" + value, floats(), new long[0], () -> {
            ByteBuffer bytes = buffer(floats().bytes());
            put(bytes, (float) value);
            return bytes.flip();
        });
    }

    /** Whole numbers side by side, such as a shape. */
    String integers(long... values) {
        return integers("integers_" + Arrays.toString(values).replaceAll("[\\[\\] ]", ""), values, values.length);
    }

    /** One whole number. */
    String integer(long value) {
        return integers("integer_" + value, new long[] {value});
    }

    private String integers(String name, long[] values, long... shape) {
        return constant(name, ElementType.INT64, shape, () -> {
            ByteBuffer bytes = buffer(8L * values.length);
            for (long value : values) {
                bytes.putLong(value);
            }
            return bytes.flip();
        });
    }

    private String constant(String name, ElementType type, long[] shape, Bytes bytes) {
        stored.putIfAbsent(name, new Stored(type, shape, bytes));
        return name;
    }

    private static ByteBuffer buffer(long bytes) {
        return ByteBuffer.allocate(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
    }

    // ------------------------------------------------------------------------------------------------------- operators

    /**
     * One node with one output.
     *
     * @param attributes pairs of name and value: a {@code long}, a {@code float} or a {@code long[]}
     */
    String node(String operator, List<String> inputs, Object... attributes) {
        return nodes(operator, inputs, 1, attributes).get(0);
    }

    /** One node with several outputs. */
    List<String> nodes(String operator, List<String> inputs, int outputs, Object... attributes) {
        String name = operator + "_" + counts.merge(operator, 1, Integer::sum);
        NodeProto.Builder node =
                NodeProto.newBuilder().setName(name).setOpType(operator).addAllInput(inputs);
        List<String> made = new ArrayList<>();
        for (int i = 0; i < outputs; i++) {
            made.add(name + (outputs == 1 ? "" : "_" + i));
        }
        node.addAllOutput(made);
        for (int i = 0; i < attributes.length; i += 2) {
            node.addAttribute(attribute((String) attributes[i], attributes[i + 1]));
        }
        graph.addNode(node);
        return made;
    }

    private static AttributeProto attribute(String name, Object value) {
        AttributeProto.Builder attribute = AttributeProto.newBuilder().setName(name);
        if (value instanceof long[] several) {
            attribute.setType(AttributeProto.AttributeType.INTS);
            Arrays.stream(several).forEach(attribute::addInts);
        } else if (value instanceof Float number) {
            attribute.setType(AttributeProto.AttributeType.FLOAT).setF(number);
        } else {
            attribute.setType(AttributeProto.AttributeType.INT).setI((Long) value);
        }
        return attribute.build();
    }

    String cast(String x, ElementType type) {
        return node("Cast", List.of(x), "to", (long) type.code());
    }

    String add(String a, String b) {
        return node("Add", List.of(a, b));
    }

    String multiply(String a, String b) {
        return node("Mul", List.of(a, b));
    }

    String transpose(String x, long... order) {
        return node("Transpose", List.of(x), "perm", order);
    }

    /** @param shape 0 keeps a dimension, −1 takes what is left */
    String reshape(String x, long... shape) {
        return node("Reshape", List.of(x, integers(shape)));
    }

    String concat(long axis, String... parts) {
        return node("Concat", List.of(parts), "axis", axis);
    }

    /** The length of a dimension, as a vector of one. */
    String length(String x, long dimension) {
        return node(
                "Slice", List.of(node("Shape", List.of(x)), integers(dimension), integers(dimension + 1), integers(0)));
    }

    /**
     * {@code x Wᵀ + b}.
     *
     * @param name of the weights
     * @param weight {@code [out, in]}
     * @param bias {@code [out]}, null for none
     */
    String linear(String x, String name, INDArray weight, INDArray bias) {
        String product = numbers == Numbers.INT8
                ? rounded(x, name, weight)
                : node("MatMul", List.of(x, weights(name + ".weight", weight.transpose())));
        return bias == null ? product : add(product, weights(name + ".bias", bias));
    }

    /** The product of {@link Numbers#INT8}: weights rounded to −127..127 by the largest of each output. */
    private String rounded(String x, String name, INDArray weight) {
        INDArray dense = Memory.dense(weight);
        Memory values = Memory.of(dense);
        int out = Math.toIntExact(weight.size(0));
        int in = Math.toIntExact(weight.size(1));
        float[] scales = new float[out];
        for (int o = 0; o < out; o++) {
            double largest = 0;
            for (int i = 0; i < in; i++) {
                largest = Math.max(largest, Math.abs(values.get((long) o * in + i)));
            }
            scales[o] = largest == 0 ? 1 : (float) (largest / Byte.MAX_VALUE);
        }
        String whole = constant(name + ".weight_int8", ElementType.INT8, new long[] {in, out}, () -> {
            Memory read = Memory.of(dense);
            ByteBuffer bytes = buffer((long) in * out);
            for (int i = 0; i < in; i++) {
                for (int o = 0; o < out; o++) {
                    bytes.put((byte) Math.rint(read.get((long) o * in + i) / scales[o]));
                }
            }
            return bytes.flip();
        });
        String scale = constant(name + ".weight_scale", ElementType.FLOAT, new long[] {out}, () -> {
            ByteBuffer bytes = buffer(4L * out);
            for (float one : scales) {
                bytes.putFloat(one);
            }
            return bytes.flip();
        });
        String none = constant(
                "zero_int8",
                ElementType.INT8,
                new long[0],
                () -> buffer(1).put((byte) 0).flip());
        List<String> given = nodes("DynamicQuantizeLinear", List.of(x), 3);
        String product = node("MatMulInteger", List.of(given.get(0), whole, given.get(2), none));
        return multiply(cast(product, ElementType.FLOAT), multiply(given.get(1), scale));
    }

    /** Layer normalisation of the last dimension. */
    String layerNorm(String x, String name, INDArray gain, INDArray bias, double eps) {
        return node(
                "LayerNormalization",
                List.of(x, weights(name + ".weight", gain), weights(name + ".bias", bias)),
                "axis",
                -1L,
                "epsilon",
                (float) eps);
    }

    /**
     * Multi-head attention.
     *
     * @param q queries {@code [batch, queries, width]}
     * @param k keys {@code [batch, keys, width]}
     * @param v values {@code [batch, keys, width]}
     * @param mask added to the scores {@code [batch, heads, queries, keys]}, null for none
     * @return {@code [batch, queries, width]}, the heads side by side
     */
    String attention(String q, String k, String v, int heads, int width, String mask) {
        long size = width / heads;
        String queries = transpose(reshape(q, 0, 0, heads, size), 0, 2, 1, 3);
        String keys = transpose(reshape(k, 0, 0, heads, size), 0, 2, 3, 1);
        String values = transpose(reshape(v, 0, 0, heads, size), 0, 2, 1, 3);
        String scores = multiply(node("MatMul", List.of(queries, keys)), number(1 / Math.sqrt(size)));
        String spread = node("Softmax", List.of(mask == null ? scores : add(scores, mask)), "axis", -1L);
        String mixed = node("MatMul", List.of(spread, values));
        return reshape(transpose(mixed, 0, 2, 1, 3), 0, 0, width);
    }

    /** {@code x / max(‖x‖₂, 1e-12)} over the last dimension of a matrix. */
    String unit(String x) {
        String norm = node("ReduceL2", List.of(x), "axes", new long[] {1}, "keepdims", 1L);
        return node("Div", List.of(x, node("Max", List.of(norm, number(numbers == Numbers.FP16 ? 1e-7 : 1e-12)))));
    }

    // --------------------------------------------------------------------------------------------------------- the
    // file

    /** Writes the model; weights that do not fit into one file of protobuf lie in {@code FILE.data} beside it. */
    void write(Path file) throws IOException {
        write(file, MOST_INSIDE);
    }

    /** @param mostInside bytes of weights up to which all lie in one file */
    void write(Path file, long mostInside) throws IOException {
        boolean beside = stored.values().stream().mapToLong(Stored::size).sum() > mostInside;
        Path data = file.resolveSibling(file.getFileName() + ".data");
        try (FileChannel channel =
                beside ? FileChannel.open(data, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE) : null) {
            for (Map.Entry<String, Stored> entry : stored.entrySet()) {
                Stored one = entry.getValue();
                TensorProto.Builder tensor =
                        TensorProto.newBuilder().setName(entry.getKey()).setDataType(one.type.code());
                Arrays.stream(one.shape).forEach(tensor::addDims);
                ByteBuffer bytes = one.bytes.make();
                if (beside && bytes.remaining() >= ALIGNMENT) {
                    long offset = (channel.size() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
                    tensor.setDataLocation(TensorProto.DataLocation.EXTERNAL)
                            .addExternalData(
                                    entry("location", data.getFileName().toString()))
                            .addExternalData(entry("offset", String.valueOf(offset)))
                            .addExternalData(entry("length", String.valueOf(bytes.remaining())));
                    channel.position(offset);
                    while (bytes.hasRemaining()) {
                        channel.write(bytes);
                    }
                } else {
                    tensor.setRawData(ByteString.copyFrom(bytes));
                }
                graph.addInitializer(tensor);
            }
        }
        ModelProto model = ModelProto.newBuilder()
                .setIrVersion(IR_VERSION)
                .setProducerName("rafclip")
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(OPSET))
                .setGraph(graph)
                .build();
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file, StandardOpenOption.CREATE_NEW))) {
            model.writeTo(out);
        }
    }

    private static StringStringEntryProto entry(String key, String value) {
        return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
    }
}
