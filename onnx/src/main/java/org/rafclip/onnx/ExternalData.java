package org.rafclip.onnx;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.data.SystemText;
import org.rafclip.data.WrongFile;

/**
 * Files beside a model that hold its large tensors. They lie in the model's folder or, where the model's own file is a link
 * (as in Hugging Face's cache), in the folder that this leads to.
 */
final class ExternalData {

    /** Below this, reading is cheaper than mapping. */
    static final int MAPPED_FROM = 1 << 16;

    private final Path folder;
    private final Path linked;
    private final Map<String, Path> checked = new HashMap<>();

    /** @param model the model's file */
    ExternalData(Path model) throws IOException {
        this.folder = model.toAbsolutePath().getParent().toRealPath();
        this.linked = model.toRealPath().getParent();
    }

    /**
     * A tensor's bytes.
     *
     * @param entries {@code location} and, if not from the start, {@code offset}; {@code length} is compared if given
     * @param bytes how many the tensor's type and shape ask for
     * @throws DataException for a location outside the folder and for bytes that are not there; the message does not name
     *     the model
     */
    ByteBuffer read(Map<String, String> entries, long bytes) throws IOException {
        String location = entries.get("location");
        if (location == null || location.isEmpty()) {
            throw new DataException("its data is said to lie in another file, but none is named");
        }
        long offset = number(entries, "offset", 0);
        long length = number(entries, "length", bytes);
        if (length != bytes) {
            throw new DataException("its type and shape ask for " + bytes + " bytes, but " + length + " are stored");
        }
        Path file = checked.get(location);
        if (file == null) {
            file = check(location);
            checked.put(location, file);
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (offset > channel.size() - bytes) {
                throw new DataException("its bytes " + offset + " to " + (offset + bytes) + " are not in " + file
                        + ", which "
                        + WrongFile.describe(file)
                                .filter(what -> what.contains("Git LFS") || what.contains("web page"))
                                .orElse("has " + channel.size() + ": fetch that file again"));
            }
            if (bytes >= MAPPED_FROM) {
                return channel.map(MapMode.READ_ONLY, offset, bytes);
            }
            ByteBuffer buffer = ByteBuffer.allocate((int) bytes);
            while (buffer.hasRemaining() && channel.read(buffer, offset + buffer.position()) >= 0) {
                continue;
            }
            if (buffer.hasRemaining()) {
                throw new DataException("its bytes are not in " + file + " any more");
            }
            return buffer.flip();
        }
    }

    /** Those that were read from so far, in the order of their names. */
    Stream<Path> files() {
        return checked.values().stream().distinct().sorted();
    }

    private Path check(String location) throws IOException {
        Path relative;
        try {
            relative = Path.of(location);
        } catch (InvalidPathException e) {
            throw new DataException("its data lies in '" + location + "', which "
                    + SystemText.fault(location).orElse("is no file name"));
        }
        Path file = folder.resolve(relative).normalize();
        if (relative.isAbsolute() || !file.startsWith(folder) || file.equals(folder)) {
            throw outside(location);
        }
        if (!Files.exists(file)) {
            file = linked.resolve(relative).normalize();
        }
        if (!Files.exists(file)) {
            throw new DataException("its data lies in "
                    + folder.resolve(relative).normalize() + ", which does not exist: put it beside the model");
        }
        Path real = file.toRealPath();
        if (!real.startsWith(folder) && !real.startsWith(linked)) {
            throw outside(location);
        }
        if (!Files.isRegularFile(file)) {
            throw new DataException("its data lies in " + file + ", which is no plain file");
        }
        return file;
    }

    private static DataException outside(String location) {
        return new DataException("its data lies in '" + location
                + "', outside the model's folder: refused. Put the file beside the model and name it relative to that");
    }

    private static long number(Map<String, String> entries, String key, long otherwise) {
        String text = entries.get(key);
        if (text == null) {
            return otherwise;
        }
        try {
            long value = Long.parseLong(text);
            if (value >= 0) {
                return value;
            }
        } catch (NumberFormatException e) {
            // The exception below says what is wrong.
        }
        throw new DataException("the " + key + " of its data is '" + text + "', not a number of bytes");
    }
}
