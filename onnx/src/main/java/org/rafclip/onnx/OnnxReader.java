package org.rafclip.onnx;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
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
import org.nd4j.shade.protobuf.ByteString;
import org.nd4j.shade.protobuf.CodedInputStream;
import org.nd4j.shade.protobuf.UnsafeByteOperations;
import org.rafclip.data.DataException;
import org.rafclip.data.WrongFile;

/**
 * Reads ONNX files, also such as come from strangers: lengths, nesting, names, shapes and the places of external data are
 * checked before memory is taken, and the tensors' bytes stay in the mapped files until somebody asks for an array.
 *
 * <p>Format: <a href="https://github.com/onnx/onnx/blob/main/docs/IR.md">ONNX's intermediate representation</a>.
 */
public final class OnnxReader {

    private static final long MAX_TENSOR_BYTES = Integer.MAX_VALUE;
    private static final int MAX_RANK = 32;
    private static final int DIMENSIONS_IN_MESSAGE = 8;
    private static final int LINE = 600;

    private final Path file;
    private final ExternalData external;

    private OnnxReader(Path file) throws IOException {
        this.file = file;
        this.external = new ExternalData(file);
    }

    /**
     * Reads a model and the files that it names for its tensors.
     *
     * @throws DataException for a file that is no ONNX model, is damaged, or asks for what is refused; the message names
     *     the file and the tensor or node
     * @throws IOException when it cannot be read
     */
    public static OnnxModel read(Path file) throws IOException {
        if (!Files.exists(file)) {
            throw new NoSuchFileException(file.toString());
        }
        if (!Files.isRegularFile(file)) {
            throw new DataException(file + ": is no plain file: name the .onnx file itself");
        }
        return new OnnxReader(file).model();
    }

    /**
     * The files that a model consists of: its own, and those that it names for its tensors.
     *
     * @throws DataException as {@link #read} does
     */
    public static List<Path> files(Path file) throws IOException {
        OnnxReader reader = new OnnxReader(file);
        reader.model();
        return Stream.concat(Stream.of(file), reader.external.files()).toList();
    }

    /**
     * Reads a file that holds one tensor, as ONNX's test data do.
     *
     * @throws DataException as {@link #read} does
     */
    public static OnnxTensor readTensor(Path file) throws IOException {
        OnnxReader reader = new OnnxReader(file);
        ByteBuffer bytes = reader.bytes();
        TensorProto tensor = reader.parse(bytes, WireCheck.Message.TENSOR, TensorProto::parseFrom);
        return reader.tensor(tensor, "tensor '" + tensor.getName() + "'");
    }

    private OnnxModel model() throws IOException {
        ModelProto model = parse(bytes(), WireCheck.Message.MODEL, ModelProto::parseFrom);
        if (!model.hasGraph() || model.getOpsetImportCount() == 0 || model.getIrVersion() <= 0) {
            throw refused("is no ONNX model: it lacks a graph, the version of its operations or of its format");
        }
        if (model.getTrainingInfoCount() > 0) {
            throw refused("carries steps of a training, which are not known here: export the model for inference");
        }
        Map<String, Long> opsets = new HashMap<>();
        for (OperatorSetIdProto opset : model.getOpsetImportList()) {
            if (opset.getVersion() < 1 || opset.getVersion() > 10_000) {
                throw refused("names version " + opset.getVersion() + " of the operations '" + opset.getDomain()
                        + "': export it again");
            }
            if (opsets.put(domain(opset.getDomain()), opset.getVersion()) != null) {
                throw refused("names two versions of the operations '" + opset.getDomain() + "': export it again");
            }
        }
        String producer = (model.getProducerName() + " " + model.getProducerVersion()).strip();
        return new OnnxModel(file, producer, model.getIrVersion(), opsets, graph(model.getGraph()));
    }

    private ByteBuffer bytes() throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() > Integer.MAX_VALUE) {
                throw refused("has " + channel.size() + " bytes, ONNX allows 2 GiB: export it with external data");
            }
            return channel.size() < ExternalData.MAPPED_FROM
                    ? ByteBuffer.wrap(Files.readAllBytes(file))
                    : channel.map(MapMode.READ_ONLY, 0, channel.size());
        }
    }

    @FunctionalInterface
    private interface Parser<T> {
        T parse(CodedInputStream input) throws IOException;
    }

    private <T> T parse(ByteBuffer bytes, WireCheck.Message root, Parser<T> parser) {
        try {
            WireCheck.check(bytes, root, Runtime.getRuntime().maxMemory() / 2);
            CodedInputStream input = UnsafeByteOperations.unsafeWrap(bytes).newCodedInput();
            // Raw data is then a part of the mapped file instead of a copy.
            input.enableAliasing(true);
            input.setSizeLimit(Integer.MAX_VALUE);
            return parser.parse(input);
        } catch (IOException e) {
            throw new DataException(
                    file + ": "
                            + WrongFile.describe(file)
                                    .map(what -> "is no ONNX file, it " + what)
                                    .orElse("is no ONNX file, or a damaged one: " + e.getMessage()),
                    e);
        } catch (DataException e) {
            throw new DataException(
                    file + ": "
                            + WrongFile.describe(file)
                                    .map(what -> "is no ONNX file, it " + what)
                                    .orElse("cannot be read: " + e.getMessage()),
                    e);
        }
    }

    private OnnxGraph graph(GraphProto graph) throws IOException {
        Map<String, OnnxTensor> initializers = initializers(graph);
        Set<String> defined = new HashSet<>(initializers.keySet());
        List<ValueInfo> inputs = new ArrayList<>();
        Set<String> named = new HashSet<>();
        for (ValueInfoProto input : graph.getInputList()) {
            requireName(input.getName(), "an input");
            if (!named.add(input.getName())) {
                throw twice(input.getName());
            }
            ValueInfo info = value(input, "input");
            if (defined.add(input.getName())) {
                if (info.type() == null) {
                    throw refused("does not say which type its input '" + input.getName() + "' has: export it again");
                }
                inputs.add(info);
            }
        }
        List<OnnxNode> nodes = nodes(graph, defined);
        List<ValueInfo> outputs = new ArrayList<>();
        named.clear();
        for (ValueInfoProto output : graph.getOutputList()) {
            requireName(output.getName(), "an output");
            if (!named.add(output.getName())) {
                throw twice(output.getName());
            }
            if (!defined.contains(output.getName())) {
                throw refused("has an output '" + output.getName() + "' that nothing computes: export it again");
            }
            outputs.add(value(output, "output"));
        }
        if (outputs.isEmpty()) {
            throw refused("has no outputs: export it again");
        }
        return new OnnxGraph(graph.getName(), inputs, outputs, initializers, ordered(nodes, defined));
    }

    /** The nodes in an order in which they can run: the file's own wherever that is one. */
    private List<OnnxNode> ordered(List<OnnxNode> nodes, Set<String> defined) {
        Map<String, Integer> producer = new HashMap<>();
        for (int i = 0; i < nodes.size(); i++) {
            for (String output : nodes.get(i).outputs()) {
                producer.put(output, i);
            }
        }
        producer.remove("");
        List<OnnxNode> ordered = new ArrayList<>(nodes.size());
        boolean[] done = new boolean[nodes.size()];
        boolean[] open = new boolean[nodes.size()];
        Deque<Integer> stack = new ArrayDeque<>();
        for (int root = 0; root < nodes.size(); root++) {
            stack.push(root);
            while (!stack.isEmpty()) {
                int at = stack.peek();
                if (done[at]) {
                    stack.pop();
                    continue;
                }
                OnnxNode node = nodes.get(at);
                boolean ready = true;
                for (String input : node.inputs()) {
                    if (!input.isEmpty() && !defined.contains(input)) {
                        throw refused("node '" + node.label() + "' (" + node.qualifiedOp() + ") takes '" + input
                                + "', which nothing computes: export it again");
                    }
                    Integer before = producer.get(input);
                    if (before != null && !done[before]) {
                        if (open[before]) {
                            throw refused("has a cycle through node '" + node.label() + "' (" + node.qualifiedOp()
                                    + ") and its input '" + input + "': export it again");
                        }
                        stack.push(before);
                        ready = false;
                    }
                }
                if (ready) {
                    stack.pop();
                    done[at] = true;
                    open[at] = false;
                    ordered.add(node);
                } else {
                    open[at] = true;
                }
            }
        }
        return ordered;
    }

    private OnnxNode node(NodeProto proto) throws IOException {
        if (proto.getOpType().isEmpty()) {
            throw refused("has a node '" + proto.getName() + "' without an operation: export it again");
        }
        String place = "node '" + (proto.getName().isEmpty() ? proto.getOpType() : proto.getName()) + "', attribute '";
        Map<String, Object> attributes = new LinkedHashMap<>();
        for (AttributeProto attribute : proto.getAttributeList()) {
            Object value = attribute(attribute, place + attribute.getName() + "'");
            if (attributes.put(attribute.getName(), value) != null) {
                throw refused(place + attribute.getName() + "' is there twice: export it again");
            }
        }
        List<String> inputs = new ArrayList<>(proto.getInputList());
        for (Object value : attributes.values()) {
            if (value instanceof OnnxNode.Subgraph inside) {
                inside.captured().stream()
                        .filter(name -> !inputs.contains(name))
                        .forEach(inputs::add);
            }
        }
        return new OnnxNode(
                proto.getName(),
                proto.getOpType(),
                domain(proto.getDomain()),
                inputs,
                proto.getOutputList(),
                attributes);
    }

    /** A graph inside a node, with nothing of its own that is given. */
    private OnnxNode.Subgraph subgraph(GraphProto graph) throws IOException {
        Map<String, OnnxTensor> initializers = initializers(graph);
        Set<String> defined = new HashSet<>(initializers.keySet());
        graph.getInputList().forEach(input -> defined.add(input.getName()));
        List<OnnxNode> nodes = nodes(graph, defined);
        OnnxNode.Subgraph inside = new OnnxNode.Subgraph(
                nodes,
                initializers,
                graph.getOutputList().stream().map(ValueInfoProto::getName).toList());
        Set<String> known = new HashSet<>(defined);
        known.addAll(inside.captured());
        return new OnnxNode.Subgraph(ordered(nodes, known), initializers, inside.outputs());
    }

    private Map<String, OnnxTensor> initializers(GraphProto graph) throws IOException {
        if (graph.getSparseInitializerCount() > 0) {
            throw refused("stores sparse tensors, which are not known here: store them densely");
        }
        Map<String, OnnxTensor> initializers = new LinkedHashMap<>();
        for (TensorProto tensor : graph.getInitializerList()) {
            requireName(tensor.getName(), "an initializer");
            if (initializers.put(tensor.getName(), tensor(tensor, "tensor '" + tensor.getName() + "'")) != null) {
                throw twice(tensor.getName());
            }
        }
        return initializers;
    }

    /** @param defined names of tensors so far; those of the nodes are added */
    private List<OnnxNode> nodes(GraphProto graph, Set<String> defined) throws IOException {
        List<OnnxNode> nodes = new ArrayList<>();
        for (NodeProto proto : graph.getNodeList()) {
            OnnxNode node = node(proto);
            for (String output : node.outputs()) {
                if (!output.isEmpty() && !defined.add(output)) {
                    throw twice(output);
                }
            }
            nodes.add(node);
        }
        return nodes;
    }

    private Object attribute(AttributeProto attribute, String place) throws IOException {
        return switch (attribute.getType()) {
            case INT -> attribute.getI();
            case FLOAT -> (double) attribute.getF();
            case STRING -> attribute.getS().toStringUtf8();
            case TENSOR -> tensor(attribute.getT(), place);
            case INTS -> List.copyOf(attribute.getIntsList());
            case FLOATS ->
                attribute.getFloatsList().stream().map(Float::doubleValue).toList();
            case STRINGS ->
                attribute.getStringsList().stream()
                        .map(ByteString::toStringUtf8)
                        .toList();
            case GRAPH -> subgraph(attribute.getG());
            default -> throw refused(place + " is of the kind " + attribute.getType() + ", which is not known here");
        };
    }

    private ValueInfo value(ValueInfoProto value, String role) {
        TypeProto type = value.getType();
        if (type.getValueCase() != TypeProto.ValueCase.TENSOR_TYPE) {
            if (role.equals("output") && type.getValueCase() == TypeProto.ValueCase.VALUE_NOT_SET) {
                return new ValueInfo(value.getName(), null, null);
            }
            throw refused("has an " + role + " '" + value.getName() + "' that is no tensor (" + type.getValueCase()
                    + "), which is not known here");
        }
        int code = type.getTensorType().getElemType();
        ElementType element = ElementType.of(code);
        if (element == null && (code != 0 || role.equals("input"))) {
            throw refused("has an " + role + " '" + value.getName() + "' of the element type " + code
                    + ", which is not known here");
        }
        if (!type.getTensorType().hasShape()) {
            return new ValueInfo(value.getName(), element, null);
        }
        List<ValueInfo.Dimension> shape = new ArrayList<>();
        for (TensorShapeProto.Dimension dimension :
                type.getTensorType().getShape().getDimList()) {
            boolean fixed = dimension.getValueCase() == TensorShapeProto.Dimension.ValueCase.DIM_VALUE;
            if (fixed && (dimension.getDimValue() < 0 || dimension.getDimValue() > Integer.MAX_VALUE)) {
                throw refused("has an " + role + " '" + value.getName() + "' with a dimension of "
                        + dimension.getDimValue() + ": export it again");
            }
            shape.add(new ValueInfo.Dimension(fixed ? dimension.getDimValue() : -1, dimension.getDimParam()));
        }
        if (shape.size() > MAX_RANK) {
            throw refused("has an " + role + " '" + value.getName() + "' with " + shape.size() + " dimensions, "
                    + MAX_RANK + " are the most");
        }
        return new ValueInfo(value.getName(), element, shape);
    }

    private OnnxTensor tensor(TensorProto tensor, String place) throws IOException {
        try {
            return checkedTensor(tensor);
        } catch (DataException e) {
            throw refused(place + ": " + e.getMessage());
        }
    }

    private OnnxTensor checkedTensor(TensorProto tensor) throws IOException {
        ElementType type = ElementType.of(tensor.getDataType());
        if (type == null) {
            throw new DataException("its element type is " + tensor.getDataType() + ", which is not known here");
        }
        if (tensor.hasSegment()) {
            throw new DataException("it is stored in segments, which are not known here: store it whole");
        }
        if (tensor.getDimsCount() > MAX_RANK) {
            throw new DataException("it has " + tensor.getDimsCount() + " dimensions, " + MAX_RANK + " are the most");
        }
        long bytes = Math.max(1, type.bytes());
        boolean empty = tensor.getDimsList().contains(0L);
        for (long size : tensor.getDimsList()) {
            if (size < 0) {
                throw new DataException("it has a dimension of " + size);
            }
            if (!empty && size > MAX_TENSOR_BYTES / bytes) {
                throw new DataException("its shape " + shown(tensor.getDimsList())
                        + " takes more than 2 GiB, the most that a tensor may: split it");
            }
            bytes = empty ? 0 : bytes * size;
        }
        if (type == ElementType.STRING) {
            return new OnnxTensor(tensor.getName(), type, tensor.getDimsList(), null);
        }
        ByteBuffer data = tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL
                ? external.read(entries(tensor), bytes)
                : !tensor.getRawData().isEmpty()
                        ? tensor.getRawData().asReadOnlyByteBuffer()
                        : typed(tensor, type, bytes / type.bytes());
        if (data.remaining() != bytes) {
            throw new DataException("its shape " + shown(tensor.getDimsList()) + " asks for " + bytes + " bytes, but "
                    + data.remaining() + " are stored: fetch or export the model again");
        }
        return new OnnxTensor(
                tensor.getName(), type, tensor.getDimsList(), data.slice().asReadOnlyBuffer());
    }

    /** Values in one of the fields for single types, as bytes. */
    private static ByteBuffer typed(TensorProto tensor, ElementType type, long elements) {
        int count = switch (type) {
            case FLOAT -> tensor.getFloatDataCount();
            case DOUBLE -> tensor.getDoubleDataCount();
            case INT64 -> tensor.getInt64DataCount();
            case UINT64, UINT32 -> tensor.getUint64DataCount();
            default -> tensor.getInt32DataCount();
        };
        if (count != elements) {
            throw new DataException("its shape " + shown(tensor.getDimsList()) + " asks for " + elements
                    + " elements, but " + count + " are stored: fetch or export the model again");
        }
        ByteBuffer data = ByteBuffer.allocate(count * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            switch (type) {
                case FLOAT -> data.putFloat(tensor.getFloatData(i));
                case DOUBLE -> data.putDouble(tensor.getDoubleData(i));
                case INT64 -> data.putLong(tensor.getInt64Data(i));
                case UINT64 -> data.putLong(tensor.getUint64Data(i));
                case UINT32 -> data.putInt((int) tensor.getUint64Data(i));
                case INT32 -> data.putInt(tensor.getInt32Data(i));
                default -> {
                    if (type.bytes() == 2) {
                        data.putShort((short) tensor.getInt32Data(i));
                    } else {
                        data.put((byte) tensor.getInt32Data(i));
                    }
                }
            }
        }
        return data.flip();
    }

    private static Map<String, String> entries(TensorProto tensor) {
        Map<String, String> entries = new HashMap<>();
        for (StringStringEntryProto entry : tensor.getExternalDataList()) {
            entries.put(entry.getKey(), entry.getValue());
        }
        return entries;
    }

    private static String shown(Collection<Long> shape) {
        return shape.size() <= DIMENSIONS_IN_MESSAGE
                ? shape.toString()
                : shape.stream().limit(DIMENSIONS_IN_MESSAGE).toList() + "...";
    }

    private static String domain(String domain) {
        return domain.equals("ai.onnx") ? "" : domain;
    }

    private void requireName(String name, String what) {
        if (name.isEmpty()) {
            throw refused("has " + what + " without a name: export it again");
        }
    }

    private DataException twice(String name) {
        return refused("defines the tensor '" + name + "' twice: export it again");
    }

    /** Names come from the file: whatever is in them, the message is one line of a length that people read. */
    private DataException refused(String what) {
        String line = what.replaceAll("\\p{Cntrl}", "?");
        return new DataException(file + ": "
                + (line.length() <= LINE
                        ? line
                        : line.substring(0, LINE / 2) + " ... " + line.substring(line.length() - LINE / 2)));
    }
}
