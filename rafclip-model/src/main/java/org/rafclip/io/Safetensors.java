package org.rafclip.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.nd4j.linalg.api.concurrency.AffinityManager;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.data.WrongFile;

/**
 * One file of named tensors in the safetensors format, the one other frameworks read weights from.
 *
 * <p>The file is an unsigned 64-bit little-endian header length, a JSON header that gives every tensor its dtype, shape
 * and byte range, and the tensors' bytes in row-major ('c') order. {@link #open} checks the whole header against the
 * format's rules and the file's size before anything is read: at most 100 MB of header, no key twice, byte ranges without
 * holes and overlaps that fill the file exactly, ranges as long as dtype and shape say. What breaks a rule is refused
 * with a {@link DataException} that names file, tensor and remedy.
 *
 * <p>Tensors travel between the file and the arrays' own off-heap memory in small pieces, so a file of any size needs no
 * Java heap. Reading uses positions in the file only, so one open file may be read by several threads.
 *
 * <p>Format: <a href="https://github.com/huggingface/safetensors#format">huggingface/safetensors</a>.
 */
public final class Safetensors implements TensorFile {
    private static final String METADATA = "__metadata__";
    private static final long MAX_HEADER_BYTES = 100_000_000;
    private static final int MAX_RANK = 32;
    private static final int NAMES_IN_MESSAGE = 5;

    private final Path file;
    private final FileChannel channel;
    private final long dataStart;
    private final Map<String, Placed> tensors;
    private final Map<String, String> metadata;

    /**
     * A tensor with its place.
     *
     * @param begin first byte, counted from the end of the header
     * @param end the byte after the last
     */
    private record Placed(TensorInfo info, long begin, long end) {}

    private Safetensors(Path file, FileChannel channel, long dataStart, Header header) {
        this.file = file;
        this.channel = channel;
        this.dataStart = dataStart;
        this.tensors = Collections.unmodifiableMap(header.tensors);
        this.metadata = Collections.unmodifiableMap(header.metadata);
    }

    private record Header(Map<String, Placed> tensors, Map<String, String> metadata) {}

    /**
     * Writes all tensors in one step: the file appears whole or not at all. The same tensors and metadata give the same
     * bytes. Tensors lie in the file by falling element size, then in the map's order, so that each is aligned.
     *
     * @param tensors any order of memory, views too; written in 'c' order
     * @param metadata free text entries of the header; may be empty
     * @throws IllegalArgumentException for a data type the format does not have, or a tensor named
     *     {@code __metadata__}
     */
    public static void write(Path file, Map<String, INDArray> tensors, Map<String, String> metadata)
            throws IOException {
        TensorBytes.requireLittleEndian();
        List<Map.Entry<String, INDArray>> ordered = new ArrayList<>(tensors.entrySet());
        for (Map.Entry<String, INDArray> tensor : ordered) {
            if (tensor.getKey().equals(METADATA)) {
                throw new IllegalArgumentException("a tensor cannot be named " + METADATA + ": rename it");
            }
            if (Dtype.holding(tensor.getValue().dataType()) == null) {
                throw new IllegalArgumentException("tensor '" + tensor.getKey() + "' has data type "
                        + tensor.getValue().dataType() + ", which safetensors cannot hold: cast it first");
            }
        }
        ordered.sort(Comparator.comparing(tensor -> -bytesPerElement(tensor.getValue())));
        byte[] header = headerBytes(file, ordered, metadata);
        AtomicFiles.write(file, out -> {
            ByteBuffer start = ByteBuffer.allocate(Long.BYTES + header.length).order(ByteOrder.LITTLE_ENDIAN);
            writeFully(out, start.putLong(header.length).put(header).flip());
            for (Map.Entry<String, INDArray> tensor : ordered) {
                writeTensor(out, tensor.getValue());
            }
        });
    }

    /**
     * Opens a file and checks its header and size.
     *
     * @throws DataException when the file breaks the format or was cut short
     * @throws IOException when it cannot be read
     */
    public static Safetensors open(Path file) throws IOException {
        TensorBytes.requireLittleEndian();
        if (Files.isDirectory(file)) {
            throw refused(file, "");
        }
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        try {
            long size = channel.size();
            if (size < Long.BYTES) {
                throw refused(file, "it has " + size + " bytes, fewer than the header's length alone takes");
            }
            long headerBytes = TensorBytes.readPiece(channel, 0, Long.BYTES).getLong();
            if (headerBytes < 0 || headerBytes > MAX_HEADER_BYTES) {
                throw refused(
                        file,
                        "it announces a header of " + Long.toUnsignedString(headerBytes) + " bytes, the format allows "
                                + MAX_HEADER_BYTES);
            }
            long dataStart = Long.BYTES + headerBytes;
            if (dataStart > size) {
                throw refused(file, "it ends inside its header: " + size + " bytes of at least " + dataStart);
            }
            Header header =
                    parseHeader(file, TensorBytes.readPiece(channel, Long.BYTES, (int) headerBytes), size - dataStart);
            return new Safetensors(file, channel, dataStart, header);
        } catch (IOException | RuntimeException | Error e) {
            channel.close();
            throw e;
        }
    }

    /** All tensors of a file, in the order they lie in it. */
    public static LinkedHashMap<String, INDArray> readAll(Path file) throws IOException {
        try (Safetensors open = open(file)) {
            return open.read(open.names());
        }
    }

    /** The tensors' names in the order they lie in the file. */
    public Set<String> names() {
        return tensors.keySet();
    }

    /** The free text entries of the header. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /**
     * What the header says about a tensor.
     *
     * @throws DataException when the file does not have it
     */
    public TensorInfo info(String name) {
        Placed tensor = tensors.get(name);
        if (tensor == null) {
            throw new DataException(file + ": there is no tensor '" + name + "' among its " + tensors.size() + " ("
                    + some(tensors.keySet()) + "): check the name, or that the file belongs to this model");
        }
        return tensor.info();
    }

    Path file() {
        return file;
    }

    /** A tensor's shape. */
    long[] shape(String name) {
        return info(name).shapeArray();
    }

    /**
     * Reads one tensor into a new 'c'-ordered array. F16 and BF16 become FLOAT, every other dtype keeps its type.
     *
     * @throws DataException when the file does not have it
     */
    public INDArray read(String name) throws IOException {
        TensorInfo info = info(name);
        INDArray array = TensorBytes.array(Dtype.named(info.dtype()), info.shapeArray());
        fill(name, array);
        return array;
    }

    /** Reads the named tensors, in the order of the names. */
    public LinkedHashMap<String, INDArray> read(Collection<String> names) throws IOException {
        LinkedHashMap<String, INDArray> arrays = new LinkedHashMap<>();
        for (String name : names) {
            arrays.put(name, read(name));
        }
        return arrays;
    }

    /**
     * Overwrites an existing array with a tensor of the same shape and type; F16 and BF16 go into FLOAT. Views and any
     * memory order are allowed.
     *
     * @throws DataException when the file does not have it or shape or type differ
     */
    public void readInto(String name, INDArray target) throws IOException {
        TensorInfo info = info(name);
        requireSameKind(info, target);
        if (isPlain(target)) {
            fill(name, target);
        } else {
            target.assign(read(name));
        }
    }

    /**
     * Overwrites all of {@code targets}; the file has to hold exactly these names. Names, shapes and types are compared
     * before the first array is changed.
     *
     * @throws DataException when names, shapes or types differ
     */
    public void readInto(Map<String, INDArray> targets) throws IOException {
        Set<String> missing = new TreeSet<>(targets.keySet());
        missing.removeAll(tensors.keySet());
        Set<String> unknown = new TreeSet<>(tensors.keySet());
        unknown.removeAll(targets.keySet());
        if (!missing.isEmpty() || !unknown.isEmpty()) {
            throw new DataException(file + ": its tensors are not the model's: " + missing.size() + " are missing ("
                    + some(missing) + "), " + unknown.size() + " are unknown (" + some(unknown)
                    + "): use the file of a model with the same configuration");
        }
        for (Map.Entry<String, INDArray> target : targets.entrySet()) {
            requireSameKind(info(target.getKey()), target.getValue());
        }
        for (Map.Entry<String, INDArray> target : targets.entrySet()) {
            readInto(target.getKey(), target.getValue());
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    private void requireSameKind(TensorInfo info, INDArray target) {
        if (!Arrays.equals(info.shapeArray(), target.shape())
                || Dtype.named(info.dtype()).read() != target.dataType()) {
            throw new DataException(file + ": tensor '" + info.name() + "' is " + info.dtype() + " " + info.shape()
                    + ", but it is to fill " + target.dataType() + " " + Arrays.toString(target.shape())
                    + ": use the file of a model with the same configuration");
        }
    }

    private void fill(String name, INDArray array) throws IOException {
        Placed tensor = tensors.get(name);
        try {
            TensorBytes.fill(
                    channel,
                    dataStart + tensor.begin(),
                    Dtype.named(tensor.info().dtype()),
                    array);
        } catch (EOFException e) {
            throw refused(file, "it became shorter while tensor '" + name + "' was read");
        }
    }

    private static Header parseHeader(Path file, ByteBuffer bytes, long dataBytes) {
        JsonNode root = parseJson(file, bytes);
        Map<String, String> metadata = new LinkedHashMap<>();
        List<Placed> infos = new ArrayList<>();
        for (Map.Entry<String, JsonNode> entry : root.properties()) {
            if (entry.getKey().equals(METADATA)) {
                if (!entry.getValue().isObject()) {
                    throw refused(file, METADATA + " is not an object of texts");
                }
                for (Map.Entry<String, JsonNode> item : entry.getValue().properties()) {
                    if (!item.getValue().isTextual()) {
                        throw refused(file, METADATA + " entry '" + item.getKey() + "' is not a text");
                    }
                    metadata.put(item.getKey(), item.getValue().textValue());
                }
            } else {
                infos.add(parseTensor(file, entry.getKey(), entry.getValue()));
            }
        }
        infos.sort(Comparator.comparingLong(Placed::begin).thenComparingLong(Placed::end));
        long expected = 0;
        Map<String, Placed> tensors = new LinkedHashMap<>();
        for (Placed tensor : infos) {
            if (tensor.begin() != expected) {
                throw refused(
                        file,
                        "tensor '" + tensor.info().name() + "' begins at byte " + tensor.begin() + " of the data where "
                                + expected + " is due: " + (tensor.begin() > expected ? "a hole" : "an overlap"));
            }
            expected = tensor.end();
            tensors.put(tensor.info().name(), tensor);
        }
        if (expected != dataBytes) {
            throw refused(
                    file,
                    "its header describes " + expected + " bytes of data, but " + dataBytes + " follow"
                            + (dataBytes < expected ? ": it was cut short" : ""));
        }
        return new Header(tensors, metadata);
    }

    private static JsonNode parseJson(Path file, ByteBuffer bytes) {
        String text;
        try {
            text = StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw refused(file, "its header is not UTF-8");
        }
        if (!text.startsWith("{")) {
            throw refused(file, "its header does not start with '{'");
        }
        ObjectMapper mapper = JsonMapper.builder(JsonFactory.builder()
                        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                        .build())
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .build();
        try {
            return mapper.readTree(text);
        } catch (JsonProcessingException e) {
            throw refused(file, "its header is not JSON as the format wants it: " + e.getOriginalMessage());
        }
    }

    private static Placed parseTensor(Path file, String name, JsonNode entry) {
        if (!entry.isObject()
                || entry.size() != 3
                || !entry.path("dtype").isTextual()
                || !entry.path("shape").isArray()
                || entry.path("data_offsets").size() != 2) {
            throw refused(file, "tensor '" + name + "' is not described by dtype, shape and two data_offsets");
        }
        String dtypeName = entry.get("dtype").textValue();
        Dtype dtype = Dtype.named(dtypeName);
        if (dtype == null) {
            throw new DataException(file + ": tensor '" + name + "' has dtype " + dtypeName
                    + ", which this library cannot hold (it knows " + Arrays.toString(Dtype.values())
                    + "): convert the file to F32");
        }
        List<Long> shape = new ArrayList<>();
        long bytes = dtype.bytes();
        try {
            for (JsonNode dimension : entry.get("shape")) {
                shape.add(natural(file, name, "shape", dimension));
            }
            for (long dimension : shape) {
                bytes = Math.multiplyExact(bytes, dimension);
            }
        } catch (ArithmeticException e) {
            throw refused(file, "tensor '" + name + "' of shape " + shape + " has more bytes than a file can");
        }
        if (shape.size() > MAX_RANK) {
            throw refused(file, "tensor '" + name + "' has " + shape.size() + " dimensions, more than an array can");
        }
        long begin =
                natural(file, name, "data_offsets", entry.get("data_offsets").get(0));
        long end = natural(file, name, "data_offsets", entry.get("data_offsets").get(1));
        if (end < begin || end - begin != bytes) {
            throw refused(
                    file,
                    "tensor '" + name + "' of " + dtype + " " + shape + " takes " + bytes
                            + " bytes, but its data_offsets are [" + begin + ", " + end + "]");
        }
        return new Placed(new TensorInfo(name, dtypeName, shape), begin, end);
    }

    private static long natural(Path file, String tensor, String key, JsonNode value) {
        if (!value.isIntegralNumber() || !value.canConvertToLong() || value.longValue() < 0) {
            throw refused(file, "tensor '" + tensor + "' has " + value + " in " + key + ", not a count");
        }
        return value.longValue();
    }

    private static byte[] headerBytes(
            Path file, List<Map.Entry<String, INDArray>> tensors, Map<String, String> metadata) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = new JsonFactory().createGenerator(bytes)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectFieldStart(METADATA);
                for (Map.Entry<String, String> item : new TreeMap<>(metadata).entrySet()) {
                    json.writeStringField(item.getKey(), item.getValue());
                }
                json.writeEndObject();
            }
            long begin = 0;
            for (Map.Entry<String, INDArray> tensor : tensors) {
                INDArray array = tensor.getValue();
                long end = begin + array.length() * bytesPerElement(array);
                json.writeObjectFieldStart(tensor.getKey());
                json.writeStringField("dtype", Dtype.holding(array.dataType()).name());
                json.writeFieldName("shape");
                json.writeArray(array.shape(), 0, array.rank());
                json.writeFieldName("data_offsets");
                json.writeArray(new long[] {begin, end}, 0, 2);
                json.writeEndObject();
                begin = end;
            }
            json.writeEndObject();
        }
        while (bytes.size() % Long.BYTES != 0) {
            bytes.write(' ');
        }
        if (bytes.size() > MAX_HEADER_BYTES) {
            throw new IllegalArgumentException(file + ": the header would take " + bytes.size()
                    + " bytes, the format allows " + MAX_HEADER_BYTES + ": shorten the metadata");
        }
        return bytes.toByteArray();
    }

    private static void writeTensor(FileChannel out, INDArray tensor) throws IOException {
        if (tensor.isEmpty()) {
            return;
        }
        INDArray plain = isPlain(tensor) ? tensor : tensor.dup('c');
        Nd4j.getAffinityManager().ensureLocation(plain, AffinityManager.Location.HOST);
        long bytes = plain.length() * bytesPerElement(plain);
        for (long done = 0; done < bytes; done += TensorBytes.PIECE_BYTES) {
            writeFully(out, TensorBytes.piece(plain, done, Math.min(TensorBytes.PIECE_BYTES, bytes - done)));
        }
        if (plain != tensor) {
            plain.close();
        }
    }

    /** Whether the array's elements lie in its own buffer from the first byte on, in 'c' order without gaps. */
    private static boolean isPlain(INDArray array) {
        if (array.isEmpty()) {
            return true;
        }
        if (array.offset() != 0 || array.data().length() != array.length()) {
            return false;
        }
        long stride = 1;
        for (int dimension = array.rank() - 1; dimension >= 0; dimension--) {
            if (array.size(dimension) != 1 && array.stride(dimension) != stride) {
                return false;
            }
            stride *= array.size(dimension);
        }
        return true;
    }

    private static void writeFully(FileChannel channel, ByteBuffer source) throws IOException {
        while (source.hasRemaining()) {
            channel.write(source);
        }
    }

    private static int bytesPerElement(INDArray array) {
        return Dtype.holding(array.dataType()).bytes();
    }

    private static String some(Collection<String> names) {
        return names.stream().limit(NAMES_IN_MESSAGE).collect(Collectors.joining(", "))
                + (names.size() > NAMES_IN_MESSAGE ? ", ..." : "");
    }

    private static DataException refused(Path file, String fault) {
        return new DataException(file + ": "
                + WrongFile.insteadOfTensors(file)
                        .orElse("not a sound safetensors file: " + fault
                                + ". It is incomplete or was altered: fetch it again, or go back to an earlier"
                                + " checkpoint"));
    }
}
