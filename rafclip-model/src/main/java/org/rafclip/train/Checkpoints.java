package org.rafclip.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Safetensors;
import org.rafclip.io.Sha256;

/**
 * A run's checkpoints: folders named by step, written whole or not at all, and two small files that name the last and the
 * best of them. Each folder is a model folder with {@code optimizer.safetensors} and {@code state.json} beside it; the
 * state holds the other files' SHA-256, so an altered or truncated checkpoint is found before it is used.
 */
public final class Checkpoints {

    private static final String OPTIMIZER_FILE = "optimizer.safetensors";
    private static final String STATE_FILE = "state.json";
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private final Path dir;

    /** @param dir the run's {@code checkpoints} folder; it need not exist yet */
    public Checkpoints(Path dir) {
        this.dir = dir;
    }

    /** Which checkpoint. */
    public enum Which {
        LAST,
        BEST;

        private String file() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Where training stands.
     *
     * @param step steps done; epoch, data order, learning rate and dropout follow from it and the configuration
     * @param bestScore of a validation so far; negative infinity becomes null in JSON before the first
     * @param bestStep when that was
     * @param sinceBest validations since then
     * @param finished whether training ended by itself
     */
    public record State(long step, Double bestScore, long bestStep, int sinceBest, boolean finished) {

        static State start() {
            return new State(0, null, 0, 0, false);
        }
    }

    /** What state.json holds. */
    record Stored(State state, Map<String, String> sha256, Map<String, String> provenance) {}

    /**
     * Writes a checkpoint and names it as the last, and as the best if it is.
     *
     * @param provenance what to tell about the run, such as the configuration's fingerprint
     */
    public void save(ClipModel model, AdamW optimizer, State state, boolean best, Map<String, String> provenance)
            throws IOException {
        Files.createDirectories(dir);
        AtomicFiles.deleteLeftovers(dir);
        String name = "step-%08d".formatted(state.step());
        AtomicFiles.deleteDirectory(dir.resolve(name));
        AtomicFiles.writeDirectory(dir.resolve(name), folder -> {
            model.save(folder, provenance);
            Safetensors.write(folder.resolve(OPTIMIZER_FILE), new LinkedHashMap<>(optimizer.moments()), provenance);
            Map<String, String> hashes = new TreeMap<>();
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.toList()) {
                    hashes.put(file.getFileName().toString(), Sha256.of(file));
                }
            }
            AtomicFiles.writeString(
                    folder.resolve(STATE_FILE), JSON.writeValueAsString(new Stored(state, hashes, provenance)));
        });
        if (best) {
            AtomicFiles.writeString(dir.resolve(Which.BEST.file()), name);
        }
        AtomicFiles.writeString(dir.resolve(Which.LAST.file()), name);
        removeOthers(name);
    }

    private void removeOthers(String last) throws IOException {
        Optional<Path> best = find(Which.BEST);
        try (Stream<Path> entries = Files.list(dir)) {
            for (Path entry : entries.filter(Files::isDirectory).toList()) {
                String name = entry.getFileName().toString();
                boolean kept =
                        name.equals(last) || best.isPresent() && best.get().endsWith(name);
                if (name.startsWith("step-") && !kept) {
                    AtomicFiles.deleteDirectory(entry);
                }
            }
        }
    }

    /** The folder of a checkpoint, unless there is none. */
    public Optional<Path> find(Which which) {
        Path pointer = dir.resolve(which.file());
        if (!Files.isRegularFile(pointer)) {
            return Optional.empty();
        }
        try {
            return Optional.of(dir.resolve(Files.readString(pointer).strip()));
        } catch (IOException e) {
            throw new UncheckedIOException("reading " + pointer, e);
        }
    }

    /**
     * Checks a checkpoint's files against their hashes and reads its state.
     *
     * @throws DataException if a file is missing or altered, naming it and what to do
     */
    public static State verify(Path folder) throws IOException {
        Path stateFile = folder.resolve(STATE_FILE);
        Stored stored;
        try {
            stored = JSON.readValue(Files.readAllBytes(stateFile), Stored.class);
        } catch (IOException e) {
            throw damaged(stateFile, "cannot be read as a checkpoint's state", e);
        }
        for (Map.Entry<String, String> file : stored.sha256().entrySet()) {
            Path path = folder.resolve(file.getKey());
            if (!Files.isRegularFile(path)) {
                throw damaged(path, "is missing", null);
            }
            if (!Sha256.of(path).equals(file.getValue())) {
                throw damaged(path, "is truncated or was altered: its SHA-256 is not the one in " + STATE_FILE, null);
            }
        }
        return stored.state();
    }

    private static DataException damaged(Path file, String what, Throwable cause) {
        return new DataException(
                file + " " + what + "; restore it from a copy, point 'last' beside it to another checkpoint of the run"
                        + " (its folder's name), or start the run anew in another output.dir",
                cause);
    }

    /** Restores a verified checkpoint's weights and moments in place. */
    public static void restore(Path folder, ClipModel model, AdamW optimizer) throws IOException {
        ClipModel.readWeights(model.encoder(), folder.resolve(ClipModel.WEIGHTS_FILE));
        try (Safetensors moments = Safetensors.open(folder.resolve(OPTIMIZER_FILE))) {
            moments.readInto(optimizer.moments());
        }
    }
}
