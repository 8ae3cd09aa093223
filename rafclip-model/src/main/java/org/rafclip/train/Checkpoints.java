package org.rafclip.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.data.TextFile;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Safetensors;
import org.rafclip.io.Sha256;

/**
 * A run's checkpoints: folders named by step, written whole or not at all, and two small files that name the last and the
 * best of them. Each folder is a model folder with {@code optimizer.safetensors} and {@code state.json} beside it; the
 * state holds the other files' SHA-256 and its own, so an altered or truncated checkpoint is found before it is used.
 *
 * <p>A save writes the folder, names it as the best if it is, names it as the last, and then removes what neither name
 * needs. Whatever moment it is killed at, training that goes on from {@link #resumable} comes to the same files.
 */
public final class Checkpoints {

    private static final String OPTIMIZER_FILE = "optimizer.safetensors";
    private static final String STATE_FILE = "state.json";
    private static final Pattern FOLDER_NAME = Pattern.compile("step-\\d{8,}");
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private final Path dir;

    /** @param dir the run's {@code checkpoints} folder; it need not exist yet */
    public Checkpoints(Path dir) {
        this.dir = dir;
    }

    /** The two checkpoints that a run keeps. */
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
     * @param bestScore of a validation so far, null before the first
     * @param bestStep when that was; without validation, the last step
     * @param sinceBest validations since then
     * @param finished whether training ended by itself
     */
    public record State(long step, Double bestScore, long bestStep, int sinceBest, boolean finished) {

        static State start() {
            return new State(0, null, 0, 0, false);
        }

        /** Whether training ended for want of improvement rather than because its epochs were over. */
        boolean stoppedEarly(int patience) {
            return finished && patience > 0 && sinceBest >= patience;
        }

        State unfinished() {
            return new State(step, bestScore, bestStep, sinceBest, false);
        }

        boolean isBest() {
            return step == bestStep;
        }
    }

    /**
     * What {@code state.json} holds.
     *
     * @param sha256 of the folder's other files by name
     * @param provenance of the run, by name
     * @param seal the SHA-256 of all this without the seal
     */
    public record Stored(State state, Map<String, String> sha256, Map<String, String> provenance, String seal) {

        private Stored sealed() throws IOException {
            Stored open = new Stored(state, sha256, provenance, null);
            return new Stored(state, sha256, provenance, Sha256.of(JSON.writeValueAsString(open)));
        }
    }

    /**
     * A checkpoint whose files are as they were written.
     *
     * @param dir its folder
     */
    public record Verified(Path dir, Stored stored) {

        public String name() {
            return dir.getFileName().toString();
        }
    }

    /**
     * Writes a checkpoint and names it as the last, and as the best if it is.
     *
     * @param model writes the model's files into the folder it is given
     * @param provenance what to tell about the run, such as the configuration's fingerprint
     */
    public void save(AtomicFiles.DirectoryContent model, AdamW optimizer, State state, Map<String, String> provenance)
            throws IOException {
        Files.createDirectories(dir);
        AtomicFiles.deleteLeftovers(dir);
        String name = folderName(state.step());
        AtomicFiles.deleteDirectory(dir.resolve(name));
        AtomicFiles.writeDirectory(dir.resolve(name), folder -> {
            model.writeTo(folder);
            Safetensors.write(folder.resolve(OPTIMIZER_FILE), new LinkedHashMap<>(optimizer.moments()), provenance);
            Map<String, String> hashes = new TreeMap<>();
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.toList()) {
                    hashes.put(file.getFileName().toString(), Sha256.of(file));
                }
            }
            Stored stored = new Stored(state, hashes, new TreeMap<>(provenance), null).sealed();
            AtomicFiles.writeString(folder.resolve(STATE_FILE), JSON.writeValueAsString(stored));
        });
        point(state);
        removeOthers(name);
    }

    private static String folderName(long step) {
        return "step-%08d".formatted(step);
    }

    /** The best first: a kill in between must not leave a last checkpoint that takes itself for a best without a name. */
    private void point(State state) throws IOException {
        String best = folderName(state.bestStep());
        // A kill may have left another's name there, of a step that has come out otherwise since.
        if (Files.isDirectory(dir.resolve(best)) && !named(Which.BEST).equals(Optional.of(best))) {
            AtomicFiles.writeString(dir.resolve(Which.BEST.file()), best);
        }
        AtomicFiles.writeString(dir.resolve(Which.LAST.file()), folderName(state.step()));
    }

    private void removeOthers(String last) throws IOException {
        Optional<String> best = named(Which.BEST);
        for (Path folder : complete()) {
            String name = folder.getFileName().toString();
            if (!name.equals(last) && !best.equals(Optional.of(name))) {
                AtomicFiles.deleteDirectory(folder);
            }
        }
    }

    /**
     * The folder of a checkpoint, unless there is none.
     *
     * @throws DataException if the file that names it names none that is there
     */
    public Optional<Path> find(Which which) {
        Optional<String> name = named(which);
        boolean good = name.map(text -> FOLDER_NAME.matcher(text).matches() && Files.isDirectory(dir.resolve(text)))
                .orElse(true);
        if (!good) {
            throw new DataException(
                    dir.resolve(which.file()) + " names '" + name.get() + "', which is no checkpoint beside it; "
                            + (complete().isEmpty()
                                    ? "there is none: start the run anew in another output.dir"
                                    : "write into it one of " + names(complete())));
        }
        return name.map(dir::resolve);
    }

    private Optional<String> named(Which which) {
        Path pointer = dir.resolve(which.file());
        try {
            return Files.isRegularFile(pointer)
                    ? Optional.of(TextFile.text(pointer).strip())
                    : Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException("reading " + pointer, e);
        }
    }

    /**
     * The folder to go on from, unless there is none. Where the first save was stopped before it could name its
     * checkpoint, or the name was lost, that is the newest checkpoint, which gets its names back.
     *
     * @throws DataException if the last checkpoint is not as it was written
     */
    public Optional<Path> resumable() throws IOException {
        Optional<Path> named = find(Which.LAST);
        List<Path> complete = complete();
        if (named.isPresent() || complete.isEmpty()) {
            return named;
        }
        Path newest = complete.get(complete.size() - 1);
        point(verify(newest).state());
        return Optional.of(newest);
    }

    private static String names(List<Path> folders) {
        return folders.stream().map(folder -> folder.getFileName().toString()).collect(Collectors.joining(", "));
    }

    /** Whether none has been written. */
    public boolean isEmpty() {
        return complete().isEmpty();
    }

    private List<Path> complete() {
        if (!Files.isDirectory(dir)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(dir)) {
            return entries.filter(Files::isDirectory)
                    .filter(entry ->
                            FOLDER_NAME.matcher(entry.getFileName().toString()).matches())
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException("reading " + dir, e);
        }
    }

    /**
     * Checks a checkpoint's files against their hashes and reads what it tells about itself.
     *
     * @throws DataException if a file is missing or altered, naming it and what to do
     */
    public static Stored verify(Path folder) throws IOException {
        Path stateFile = folder.resolve(STATE_FILE);
        Stored stored;
        try {
            stored = JSON.readValue(Files.readAllBytes(stateFile), Stored.class);
        } catch (IOException e) {
            throw damaged(stateFile, "cannot be read as a checkpoint's state", e);
        }
        if (stored.seal() == null || !stored.sealed().seal().equals(stored.seal())) {
            throw damaged(stateFile, "was altered: its seal does not match", null);
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
        return stored;
    }

    private static DataException damaged(Path file, String what, Throwable cause) {
        return new DataException(
                file + " " + what
                        + "; restore it from a copy, take another checkpoint of the run (write its folder's name into"
                        + " 'last' and 'best' beside it), or start the run anew in another output.dir",
                cause);
    }

    /** Restores a verified checkpoint's moments in place. */
    public static void restore(Path folder, AdamW optimizer) throws IOException {
        try (Safetensors moments = Safetensors.open(folder.resolve(OPTIMIZER_FILE))) {
            moments.readInto(optimizer.moments());
        }
    }
}
