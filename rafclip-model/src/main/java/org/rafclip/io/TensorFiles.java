package org.rafclip.io;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.data.SystemText;
import org.rafclip.data.WrongFile;

/**
 * Named tensors that lie in one file, or in several with an index: {@code model.safetensors.index.json}, whose
 * {@code weight_map} says which file of its folder holds which tensor. Files are safetensors or PyTorch's, known by their
 * content; what each says of its tensors is checked on opening. A prefix of all names that comes from what a model was
 * wrapped in, such as {@code module.}, is taken off.
 */
public final class TensorFiles implements AutoCloseable {

    private static final String INDEX = ".index.json";
    private static final int HEAD = 16;
    private static final int NAMES_IN_MESSAGE = 5;

    /** What a folder's weights are called, the safest first. */
    private static final List<String> USUAL = List.of(
            "open_clip_model.safetensors",
            "open_clip_pytorch_model.safetensors",
            "model.safetensors",
            "model.safetensors" + INDEX,
            "open_clip_pytorch_model.bin",
            "pytorch_model.bin",
            "pytorch_model.bin" + INDEX);

    private static final String WEIGHTS = ".*\\.(safetensors|bin|pt|pth)";

    /** What DataParallel, torch.compile, Lightning, PEFT and models within models put before names. */
    private static final List<String> WRAPPERS =
            List.of("module.", "_orig_mod.", "model.", "clip.", "base_model.model.");

    private final Path origin;
    private final List<Path> files;
    private final List<TensorFile> open;
    private final Map<String, TensorFile> owners;
    private final String prefix;

    private TensorFiles(Path origin, List<Path> files, List<TensorFile> open, Map<String, TensorFile> owners) {
        this.origin = origin;
        this.files = List.copyOf(files);
        this.open = open;
        this.prefix = prefix(owners.keySet());
        this.owners = new LinkedHashMap<>();
        owners.forEach((name, file) -> this.owners.put(name.substring(prefix.length()), file));
    }

    private static String prefix(Set<String> names) {
        String prefix = "";
        while (true) {
            String taken = prefix;
            Optional<String> next = WRAPPERS.stream()
                    .map(taken::concat)
                    .filter(longer -> !names.isEmpty()
                            && names.stream()
                                    .allMatch(name -> name.startsWith(longer) && name.length() > longer.length()))
                    .findFirst();
            if (next.isEmpty()) {
                return prefix;
            }
            prefix = next.get();
        }
    }

    /**
     * Opens a file, or all files of an index.
     *
     * @param given a file of tensors, an {@code .index.json}, or a folder with one of them
     * @throws DataException if a file breaks its format, or the index and its files do not agree
     */
    public static TensorFiles open(Path given) throws IOException {
        if (!Files.exists(given)) {
            throw new NoSuchFileException(given.toString());
        }
        Path origin = Files.isDirectory(given) ? weightsIn(given) : given;
        List<TensorFile> open = new ArrayList<>();
        try {
            if (!origin.getFileName().toString().endsWith(INDEX)) {
                TensorFile file = openFile(origin);
                open.add(file);
                Map<String, TensorFile> owners = new LinkedHashMap<>();
                file.names().forEach(name -> owners.put(name, file));
                return new TensorFiles(origin, List.of(origin), open, owners);
            }
            return ofIndex(origin, open);
        } catch (IOException | RuntimeException | Error e) {
            closeAll(open);
            throw e;
        }
    }

    private static TensorFile openFile(Path file) throws IOException {
        byte[] head;
        try (InputStream in = Files.newInputStream(file)) {
            head = in.readNBytes(HEAD);
        }
        return TorchFile.isOne(head) ? TorchFile.open(file) : Safetensors.open(file);
    }

    private static Path weightsIn(Path folder) throws IOException {
        for (String name : USUAL) {
            if (Files.isRegularFile(folder.resolve(name))) {
                return folder.resolve(name);
            }
        }
        List<Path> others;
        try (Stream<Path> files = Files.list(folder)) {
            others = files.filter(file -> Files.isRegularFile(file)
                            && file.getFileName().toString().matches(WEIGHTS))
                    .sorted()
                    .toList();
        }
        if (others.size() == 1) {
            return others.get(0);
        }
        throw new DataException(folder + ": is a folder "
                + (others.isEmpty()
                        ? "without weights (" + String.join(", ", USUAL) + ")"
                        : "with " + others.size() + " files that may be weights ("
                                + others.stream()
                                        .limit(NAMES_IN_MESSAGE)
                                        .map(file -> file.getFileName().toString())
                                        .collect(Collectors.joining(", "))
                                + ")")
                + ": name the file");
    }

    private static TensorFiles ofIndex(Path index, List<TensorFile> open) throws IOException {
        Map<String, TensorFile> byFile = new LinkedHashMap<>();
        Map<String, TensorFile> owners = new LinkedHashMap<>();
        List<Path> files = new ArrayList<>(List.of(index));
        for (Map.Entry<String, JsonNode> entry : weightMap(index).properties()) {
            String name = entry.getValue().asText();
            TensorFile file = byFile.get(name);
            if (file == null) {
                Path path = besides(index, entry.getKey(), name);
                file = openFile(path);
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
        for (Map.Entry<String, TensorFile> file : byFile.entrySet()) {
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

    /** The file that was opened; in a folder the one that was found. */
    public Path origin() {
        return origin;
    }

    /** All files read from, the index first. */
    public List<Path> files() {
        return files;
    }

    /** The tensors' names, without what they were wrapped in. */
    public Set<String> names() {
        return Collections.unmodifiableSet(owners.keySet());
    }

    /** What its file says of a tensor. */
    public TensorInfo info(String name) {
        TensorInfo info = owner(name).info(prefix + name);
        return new TensorInfo(name, info.dtype(), info.shape());
    }

    /** Reads one tensor; 16-bit floats become FLOAT. */
    public INDArray read(String name) throws IOException {
        return owner(name).read(prefix + name);
    }

    private TensorFile owner(String name) {
        TensorFile owner = owners.get(name);
        if (owner == null) {
            throw new DataException(origin + ": there is no tensor '" + name + "'");
        }
        return owner;
    }

    @Override
    public void close() throws IOException {
        closeAll(open);
    }

    private static void closeAll(List<TensorFile> files) throws IOException {
        for (TensorFile file : files) {
            file.close();
        }
    }
}
