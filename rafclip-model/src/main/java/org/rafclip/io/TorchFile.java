package org.rafclip.io;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipFile;
import org.nd4j.linalg.api.concurrency.AffinityManager;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.data.WrongFile;
import org.rafclip.io.Pickle.Refusal;
import org.rafclip.io.Pickle.Tuple;
import org.rafclip.io.TorchObjects.Storage;
import org.rafclip.io.TorchObjects.View;

/**
 * The tensors of a file that PyTorch wrote ({@code .bin}, {@code .pt}, {@code .pth}): {@code torch.save}'s zip archives, its
 * older form without a zip, and TorchScript archives. Nothing of the file is run; see {@link Pickle}.
 *
 * <p>Taken are the tensors of a state dict, or of the one in a training's checkpoint ({@code state_dict},
 * {@code model_state_dict}, {@code model}, or the only one there is); of a TorchScript archive all that its modules hold.
 * Other values beside them are no weights and are left.
 *
 * <p>All places are checked against the file before memory is taken, and elements are gathered from the file in whatever
 * order their strides say. The checksums of a zip archive are verified; the older form has none.
 */
final class TorchFile implements TensorFile {

    /** The largest published descriptions have less than one MB. */
    private static final int MOST_PICKLE_BYTES = 1 << 25;

    private static final int MOST_TENSORS = 1 << 16;
    private static final int MOST_VALUES = 1 << 20;
    private static final int DEEPEST = 64;
    private static final int LONGEST_NAME = 1024;
    private static final int PIECE_BYTES = 1 << 20;
    private static final int NAMES_IN_MESSAGE = 5;

    /** Tied weights are few; a file whose tensors are mostly the same bytes is made to fill memory. */
    private static final int MOST_SHARING = 4;

    private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
    private static final long LEGACY_PROTOCOL = 1001;
    private static final List<String> STATE_DICTS = List.of("state_dict", "model_state_dict", "model");

    private final Path file;
    private final FileChannel channel;

    /** What closes the channel; an archive that is forgotten would do so too. */
    private final Closeable source;

    private final Map<String, Extent> extents;
    private final Map<String, View> tensors;
    private final Set<String> verified = new HashSet<>();

    /**
     * Where a storage lies.
     *
     * @param crc its checksum, 0 where there is none
     */
    private record Extent(long position, long bytes, long crc) {

        long end() {
            return position + bytes;
        }
    }

    private TorchFile(
            Path file, FileChannel channel, Closeable source, Map<String, Extent> extents, Map<String, View> tensors) {
        this.file = file;
        this.channel = channel;
        this.source = source;
        this.extents = extents;
        this.tensors = Collections.unmodifiableMap(tensors);
    }

    /** Whether a file begins as PyTorch's do. */
    static boolean isOne(byte[] head) {
        boolean zip = new String(head, StandardCharsets.ISO_8859_1).startsWith("PK\3\4");
        boolean pickle = head.length > 8 && head[0] == (byte) 0x80 && head[1] >= 1 && head[1] <= 5 && head[8] != '{';
        return zip || pickle;
    }

    /**
     * Opens a file and checks its description of the tensors.
     *
     * @throws DataException when it is damaged, or holds what is not read here
     * @throws IOException when it cannot be read
     */
    static TorchFile open(Path file) throws IOException {
        TensorBytes.requireLittleEndian();
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        try {
            boolean zip =
                    channel.size() > 0 && TensorBytes.readPiece(channel, 0, 1).get(0) == 'P';
            TorchFile opened = zip ? ofZip(file, channel) : ofPickles(file, channel);
            opened.requireLittleSharing();
            return opened;
        } catch (Refusal e) {
            channel.close();
            throw e.isDamaged() ? damaged(file, e.getMessage()) : unknown(file, e.getMessage());
        } catch (EOFException e) {
            channel.close();
            throw new DataException(damaged(file, "it was cut short").getMessage(), e);
        } catch (IOException | RuntimeException | Error e) {
            channel.close();
            throw e;
        }
    }

    private static TorchFile ofZip(Path file, FileChannel channel) throws IOException {
        ZipFile zip = zip(file, channel);
        Map<String, ZipArchiveEntry> entries = new LinkedHashMap<>();
        for (ZipArchiveEntry entry : Collections.list(zip.getEntries())) {
            if (entries.put(entry.getName(), entry) != null) {
                throw Refusal.damaged("it has two entries " + Pickle.shown(entry.getName()));
            }
        }
        List<String> roots = entries.keySet().stream()
                .filter(name -> name.endsWith("/data.pkl") && name.indexOf('/') == name.lastIndexOf('/'))
                .map(name -> name.substring(0, name.indexOf('/') + 1))
                .toList();
        if (roots.size() != 1) {
            throw new DataException(file + ": "
                    + WrongFile.insteadOfTensors(file)
                            .orElse("is a zip archive without PyTorch's data.pkl: fetch it again"));
        }
        String root = roots.get(0);
        ZipArchiveEntry byteOrder = entries.get(root + "byteorder");
        if (byteOrder != null
                && !new String(content(file, channel, byteOrder), StandardCharsets.US_ASCII)
                        .strip()
                        .equals("little")) {
            throw Refusal.unknown("numbers in another byte order than little");
        }
        Map<String, Extent> extents = new LinkedHashMap<>();
        TorchObjects objects = new TorchObjects(entries.containsKey(root + "constants.pkl"), storage -> {
            ZipArchiveEntry entry = entries.get(root + "data/" + storage.key());
            if (entry == null) {
                throw Refusal.damaged("it lacks storage " + Pickle.shown(storage.key()));
            }
            Extent extent = extent(channel, entry);
            if (extent.bytes() != storage.bytes()) {
                throw Refusal.damaged("storage " + Pickle.shown(storage.key()) + " has " + extent.bytes()
                        + " bytes where its description says " + storage.bytes());
            }
            extents.put(storage.key(), extent);
            return storage;
        });
        byte[] pickle = content(file, channel, entries.get(root + "data.pkl"));
        Object content = Pickle.read(ByteBuffer.wrap(pickle), objects);
        requireApart(extents.values());
        return new TorchFile(file, channel, zip, extents, tensors(content));
    }

    private static ZipFile zip(Path file, FileChannel channel) {
        try {
            return ZipFile.builder().setSeekableByteChannel(channel).get();
        } catch (IOException | RuntimeException e) {
            throw new DataException(
                    damaged(file, "its directory is missing or wrong").getMessage(), e);
        }
    }

    private static Extent extent(FileChannel channel, ZipArchiveEntry entry) {
        String name = Pickle.shown(entry.getName());
        if (entry.getMethod() != ZipEntry.STORED || entry.getGeneralPurposeBit().usesEncryption()) {
            throw Refusal.unknown("the packed or encrypted entry " + name
                    + ", which PyTorch does not write (unpack the archive and pack it with zip -0)");
        }
        try {
            Extent extent = new Extent(entry.getDataOffset(), entry.getSize(), entry.getCrc());
            if (extent.bytes() != entry.getCompressedSize()
                    || extent.position() < 0
                    || extent.bytes() < 0
                    || extent.end() < 0
                    || extent.end() > channel.size()) {
                throw Refusal.damaged("its entry " + name + " does not lie within the file");
            }
            return extent;
        } catch (IOException e) {
            throw Refusal.damaged("its entry " + name + " cannot be read");
        }
    }

    private static byte[] content(Path file, FileChannel channel, ZipArchiveEntry entry) throws IOException {
        Extent extent = extent(channel, entry);
        if (extent.bytes() > MOST_PICKLE_BYTES) {
            throw Refusal.unknown("a description of " + extent.bytes() + " bytes, more than " + MOST_PICKLE_BYTES);
        }
        requireChecksum(file, channel, extent, Pickle.shown(entry.getName()));
        return TensorBytes.readPiece(channel, extent.position(), (int) extent.bytes())
                .array();
    }

    private static void requireChecksum(Path file, FileChannel channel, Extent extent, String name) throws IOException {
        if (extent.crc() == 0) {
            return;
        }
        CRC32 crc = new CRC32();
        ByteBuffer piece = ByteBuffer.allocateDirect((int) Math.min(PIECE_BYTES, extent.bytes()));
        for (long done = 0; done < extent.bytes(); done += piece.capacity()) {
            piece.clear().limit((int) Math.min(piece.capacity(), extent.bytes() - done));
            TensorBytes.readFully(channel, piece, extent.position() + done);
            crc.update(piece.flip());
        }
        if (crc.getValue() != extent.crc()) {
            throw damaged(file, name + " does not have the checksum that the archive keeps of it");
        }
    }

    private static void requireApart(Collection<Extent> extents) {
        long end = 0;
        for (Extent extent : extents.stream()
                .distinct()
                .sorted(Comparator.comparingLong(Extent::position))
                .toList()) {
            if (extent.bytes() > 0 && extent.position() < end) {
                throw Refusal.damaged("two of its storages lie in the same bytes");
            }
            end = Math.max(end, extent.end());
        }
    }

    private static TorchFile ofPickles(Path file, FileChannel channel) throws IOException {
        int length = (int) Math.min(channel.size(), MOST_PICKLE_BYTES);
        ByteBuffer head = TensorBytes.readPiece(channel, 0, length);
        Map<String, Storage> storages = new LinkedHashMap<>();
        TorchObjects objects = new TorchObjects(false, storage -> {
            Storage known = storages.putIfAbsent(storage.key(), storage);
            if (known != null && !known.equals(storage)) {
                throw Refusal.damaged("storage " + Pickle.shown(storage.key()) + " is described in two ways");
            }
            return storage;
        });
        if (!MAGIC.equals(Pickle.read(head, objects))) {
            throw Refusal.unknown("objects of another program than PyTorch");
        }
        if (!Long.valueOf(LEGACY_PROTOCOL).equals(Pickle.read(head, objects))) {
            throw Refusal.unknown("another protocol than " + LEGACY_PROTOCOL);
        }
        if (!(Pickle.read(head, objects) instanceof Map<?, ?> system)
                || !Boolean.TRUE.equals(system.get("little_endian"))) {
            throw Refusal.unknown("numbers in another byte order than little");
        }
        Object content = Pickle.read(head, objects);
        if (!(Pickle.read(head, objects) instanceof List<?> keys)) {
            throw Refusal.damaged("the list of its storages is missing");
        }
        Map<String, Extent> extents = new LinkedHashMap<>();
        long position = head.position();
        for (Object key : keys) {
            Storage storage = storages.get(key);
            if (storage == null || extents.containsKey(storage.key())) {
                throw Refusal.damaged("the list of its storages is not that of its tensors");
            }
            if (channel.size() - position - Long.BYTES < storage.bytes()) {
                throw Refusal.damaged("it was cut short at storage " + Pickle.shown(storage.key()));
            }
            long said = TensorBytes.readPiece(channel, position, Long.BYTES).getLong();
            if (said != storage.length()) {
                throw Refusal.damaged("storage " + Pickle.shown(storage.key()) + " has " + said
                        + " elements where its description says " + storage.length());
            }
            Extent extent = new Extent(position + Long.BYTES, storage.bytes(), 0);
            extents.put(storage.key(), extent);
            position = extent.end();
        }
        if (extents.size() != storages.size()) {
            throw Refusal.damaged("the list of its storages is not that of its tensors");
        }
        return new TorchFile(file, channel, channel, extents, tensors(content));
    }

    /** The tensors of the state dict in what was pickled. */
    private static Map<String, View> tensors(Object content) {
        if (content instanceof View) {
            throw Refusal.unknown("a single tensor without a name");
        }
        Map<String, View> tensors = new LinkedHashMap<>();
        new Walk(tensors).into("", content instanceof TorchObjects.ScriptObject ? content : stateDict(content, 0), 0);
        if (tensors.isEmpty()) {
            throw Refusal.unknown("a file without any tensor");
        }
        return tensors;
    }

    private static Object stateDict(Object content, int depth) {
        if (!(content instanceof Map<?, ?> map) || depth > 3 || holdsTensors(map)) {
            return content;
        }
        for (String key : STATE_DICTS) {
            if (map.get(key) instanceof Map<?, ?> inner && !inner.isEmpty()) {
                return stateDict(inner, depth + 1);
            }
        }
        Map<String, Object> candidates = new LinkedHashMap<>();
        map.forEach((key, value) -> {
            if (key instanceof String name && value instanceof Map<?, ?> inner && holdsTensors(inner)) {
                candidates.put(name, value);
            }
        });
        if (candidates.size() > 1) {
            throw Refusal.unknown("several state dicts (" + some(candidates.keySet()) + ")");
        }
        return candidates.isEmpty() ? content : candidates.values().iterator().next();
    }

    private static boolean holdsTensors(Map<?, ?> map) {
        return map.values().stream().anyMatch(View.class::isInstance);
    }

    /** Goes through containers, which may be deep, many, and hold themselves. */
    private static final class Walk {
        private final Map<String, View> found;
        private int seen;

        private Walk(Map<String, View> found) {
            this.found = found;
        }

        private void into(String name, Object value, int depth) {
            if (++seen > MOST_VALUES || depth > DEEPEST || name.length() > LONGEST_NAME) {
                throw Refusal.damaged("its containers are nested without end");
            }
            if (value instanceof View view) {
                if (found.size() == MOST_TENSORS || found.putIfAbsent(name, view) != null) {
                    throw Refusal.damaged(
                            "it has two tensors " + Pickle.shown(name) + ", or more than " + MOST_TENSORS);
                }
            } else if (value instanceof Map<?, ?> map) {
                map.forEach((key, item) -> into(under(name, key), item, depth + 1));
            } else if (value instanceof List<?> list) {
                for (int i = 0; i < list.size(); i++) {
                    into(under(name, i), list.get(i), depth + 1);
                }
            } else if (value instanceof Tuple tuple) {
                into(name, tuple.items(), depth);
            }
        }

        private static String under(String name, Object key) {
            String part = key instanceof String || key instanceof Number ? key.toString() : "?";
            return name.isEmpty() ? part : name + "." + part;
        }
    }

    private void requireLittleSharing() throws IOException {
        double bytes = tensors.values().stream()
                .mapToDouble(view -> (double) view.elements() * view.dtype().bytes())
                .sum();
        if (bytes > (double) MOST_SHARING * channel.size()) {
            throw Refusal.unknown("tensors that share their storages so much that they would fill "
                    + (long) (bytes / (1 << 20)) + " MiB from a file of " + (channel.size() >> 20) + " MiB");
        }
    }

    @Override
    public Set<String> names() {
        return tensors.keySet();
    }

    @Override
    public TensorInfo info(String name) {
        View view = view(name);
        return new TensorInfo(name, view.dtype().name(), view.shape());
    }

    private View view(String name) {
        View view = tensors.get(name);
        if (view == null) {
            throw new DataException(file + ": there is no tensor '" + name + "' among its " + tensors.size() + " ("
                    + some(tensors.keySet()) + "): check the name, or that the file belongs to this model");
        }
        return view;
    }

    @Override
    public INDArray read(String name) throws IOException {
        View view = view(name);
        INDArray array = TensorBytes.array(view.dtype(), info(name).shapeArray());
        if (array.isEmpty()) {
            return array;
        }
        Extent extent = extents.get(view.storage().key());
        try {
            if (verified.add(view.storage().key())) {
                requireChecksum(
                        file,
                        channel,
                        extent,
                        "storage " + Pickle.shown(view.storage().key()));
            }
            long first = extent.position() + view.offset() * view.dtype().bytes();
            if (isPlain(view)) {
                TensorBytes.fill(channel, first, view.dtype(), array);
            } else {
                gather(view, first, array);
            }
            return array;
        } catch (EOFException e) {
            throw damaged(file, "it became shorter while tensor '" + Pickle.shown(name) + "' was read");
        }
    }

    private static boolean isPlain(View view) {
        long stride = 1;
        for (int dimension = view.shape().size() - 1; dimension >= 0; dimension--) {
            long size = view.shape().get(dimension);
            if (size != 1 && view.strides().get(dimension) != stride) {
                return false;
            }
            stride *= size;
        }
        return true;
    }

    /** Takes elements in the order in which they lie in the file, and puts each where it belongs. */
    private void gather(View view, long first, INDArray array) throws IOException {
        Dtype dtype = view.dtype();
        long targetBytes = array.length() * (dtype.widened() ? Float.BYTES : dtype.bytes());
        if (targetBytes > Integer.MAX_VALUE) {
            throw unknown(file, "a tensor of more than 2 GiB that is not in order (tensor.contiguous() orders it)");
        }
        ByteBuffer target = TensorBytes.piece(array, 0, targetBytes);
        int[] order = IntStream.range(0, view.shape().size())
                .filter(dimension -> view.shape().get(dimension) != 1)
                .boxed()
                .sorted(Comparator.comparing(
                                (Integer dimension) -> view.strides().get(dimension))
                        .reversed())
                .mapToInt(Integer::intValue)
                .toArray();
        long[] at = new long[order.length];
        long end = extents.get(view.storage().key()).end();
        ByteBuffer piece = ByteBuffer.allocate(0);
        long pieceStart = 0;
        long source = first;
        long place = 0;
        while (true) {
            if (source < pieceStart || source + dtype.bytes() > pieceStart + piece.limit()) {
                pieceStart = source;
                piece = TensorBytes.readPiece(channel, source, (int) Math.min(PIECE_BYTES, end - source));
            }
            put(dtype, piece, (int) (source - pieceStart), target, (int) place);
            int level = order.length - 1;
            while (level >= 0 && ++at[level] == view.shape().get(order[level])) {
                at[level] = 0;
                source -= (view.shape().get(order[level]) - 1) * view.strides().get(order[level]) * dtype.bytes();
                place -= (view.shape().get(order[level]) - 1) * array.stride(order[level]);
                level--;
            }
            if (level < 0) {
                break;
            }
            source += view.strides().get(order[level]) * dtype.bytes();
            place += array.stride(order[level]);
        }
        Nd4j.getAffinityManager().tagLocation(array, AffinityManager.Location.HOST);
    }

    private static void put(Dtype dtype, ByteBuffer from, int at, ByteBuffer to, int place) {
        switch (dtype) {
            case F16, BF16 -> to.putFloat(place * Float.BYTES, dtype.widen(from.getShort(at)));
            case F64, I64, U64 -> to.putLong(place * Long.BYTES, from.getLong(at));
            case F32, I32, U32 -> to.putInt(place * Integer.BYTES, from.getInt(at));
            case I16, U16 -> to.putShort(place * Short.BYTES, from.getShort(at));
            case I8, U8, BOOL -> to.put(place, from.get(at));
        }
    }

    @Override
    public void close() throws IOException {
        source.close();
    }

    private static String some(Collection<String> names) {
        return names.stream().limit(NAMES_IN_MESSAGE).map(Pickle::shown).collect(Collectors.joining(", "))
                + (names.size() > NAMES_IN_MESSAGE ? ", ..." : "");
    }

    private static DataException damaged(Path file, String fault) {
        return new DataException(
                file + ": not a sound PyTorch file: " + fault + ". It is incomplete or was altered: fetch it again");
    }

    private static DataException unknown(Path file, String what) {
        return new DataException(file + ": its pickle holds " + what + ", which is not read here, and nothing is run:"
                + " take the model's .safetensors, or in Python torch.save(model.state_dict(), 'model.pth')");
    }
}
