package org.rafclip.io;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.data.SystemText;
import org.rafclip.data.WrongFile;

/**
 * Named tensors that lie in one safetensors file, or in several with an index: {@code model.safetensors.index.json},
 * whose {@code weight_map} says which file of its folder holds which tensor. Every file's header is checked on opening.
 */
public final class TensorFiles implements AutoCloseable {

    private static final String INDEX = ".index.json";

    private final Path origin;
    private final List<Path> files;
    private final List<Safetensors> open;
    private final Map<String, Safetensors> owners;

    private TensorFiles(Path origin, List<Path> files, List<Safetensors> open, Map<String, Safetensors> owners) {
        this.origin = origin;
        this.files = List.copyOf(files);
        this.open = open;
        this.owners = owners;
    }

    /**
     * Opens a file, or all files of an index.
     *
     * @param origin a {@code .safetensors} file or an {@code .index.json}
     * @throws DataException if a file breaks the format, or the index and its files do not agree
     */
    public static TensorFiles open(Path origin) throws IOException {
        if (!Files.exists(origin)) {
            throw new NoSuchFileException(origin.toString());
        }
        List<Safetensors> open = new ArrayList<>();
        try {
            if (!origin.getFileName().toString().endsWith(INDEX)) {
                Safetensors file = Safetensors.open(origin);
                open.add(file);
                Map<String, Safetensors> owners = new LinkedHashMap<>();
                file.names().forEach(name -> owners.put(name, file));
                return new TensorFiles(origin, List.of(origin), open, owners);
            }
            return ofIndex(origin, open);
        } catch (IOException | RuntimeException | Error e) {
            closeAll(open);
            throw e;
        }
    }

    private static TensorFiles ofIndex(Path index, List<Safetensors> open) throws IOException {
        Map<String, Safetensors> byFile = new LinkedHashMap<>();
        Map<String, Safetensors> owners = new LinkedHashMap<>();
        List<Path> files = new ArrayList<>(List.of(index));
        for (Map.Entry<String, JsonNode> entry : weightMap(index).properties()) {
            String name = entry.getValue().asText();
            Safetensors file = byFile.get(name);
            if (file == null) {
                Path path = besides(index, entry.getKey(), name);
                file = Safetensors.open(path);
                open.add(file);
                files.add(path);
                byFile.put(name, file);
            }
            if (!file.names().contains(entry.getKey())) {
                throw new DataException(index + ": tensor '" + entry.getKey() + "' is not in " + name
                        + ", where the index says it is: fetch all files of the model again");
            }
            owners.put(entry.getKey(), file);
        }
        for (Map.Entry<String, Safetensors> file : byFile.entrySet()) {
            for (String tensor : file.getValue().names()) {
                if (owners.get(tensor) != file.getValue()) {
                    throw new DataException(index + ": " + file.getKey() + " holds tensor '" + tensor
                            + "', which the index does not place there: fetch all files of the model again");
                }
            }
        }
        return new TensorFiles(index, files, open, owners);
    }

    private static JsonNode weightMap(Path index) throws IOException {
        try {
            JsonNode map = new ObjectMapper().readTree(index.toFile()).path("weight_map");
            if (map.isObject() && !map.isEmpty()) {
                return map;
            }
        } catch (JsonProcessingException e) {
            throw new DataException(
                    index + ": "
                            + WrongFile.describe(index)
                                    .orElse("not JSON (" + e.getOriginalMessage() + "): fetch it again"),
                    e);
        }
        throw new DataException(index + ": it has no weight_map from tensors to files: fetch it again");
    }

    private static Path besides(Path index, String tensor, String name) throws IOException {
        Path path;
        try {
            path = Path.of(name);
        } catch (InvalidPathException e) {
            throw new DataException(
                    index + ": tensor '" + tensor + "' is said to be in '" + name + "', which "
                            + SystemText.fault(name).orElse("is no file name"),
                    e);
        }
        if (name.isEmpty() || path.isAbsolute() || path.getNameCount() != 1 || name.equals("..")) {
            throw new DataException(index + ": tensor '" + tensor + "' is said to be in '" + name
                    + "', which is not a file beside the index; such an index is not followed");
        }
        Path file = index.resolveSibling(path);
        if (!Files.isRegularFile(file)) {
            throw new NoSuchFileException(
                    file.toString(),
                    null,
                    "the index " + index.getFileName() + " names it: fetch all files of the model");
        }
        return file;
    }

    /** What was opened, as the caller named it. */
    public Path origin() {
        return origin;
    }

    /** All files read from, the index first. */
    public List<Path> files() {
        return files;
    }

    /** The tensors' names. */
    public Set<String> names() {
        return Collections.unmodifiableSet(owners.keySet());
    }

    /** What the header says about a tensor; its file has to hold it. */
    public Safetensors.TensorInfo info(String name) {
        return owner(name).info(name);
    }

    /** Reads one tensor; 16-bit floats become FLOAT. */
    public INDArray read(String name) throws IOException {
        return owner(name).read(name);
    }

    private Safetensors owner(String name) {
        Safetensors owner = owners.get(name);
        if (owner == null) {
            throw new DataException(origin + ": there is no tensor '" + name + "'");
        }
        return owner;
    }

    @Override
    public void close() throws IOException {
        closeAll(open);
    }

    private static void closeAll(List<Safetensors> files) throws IOException {
        for (Safetensors file : files) {
            file.close();
        }
    }
}
