package org.rafclip.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;
import org.rafclip.run.Configs;

/**
 * A training run on disk: {@code config.yaml}, {@code provenance.json}, {@code metrics.jsonl}, its photos
 * ({@code trained-on.txt} and {@code held-out.txt}, as {@code sha256sum} writes them) and the {@code checkpoints}.
 */
public record RunFolder(Path dir) {

    private static final String CONFIG = "config.yaml";
    private static final String TRAINED = "trained-on.txt";
    private static final String HELD_OUT = "held-out.txt";
    private static final Pattern PHOTO = Pattern.compile("([0-9a-f]{64})  (.+)");

    /** An existing run's folder. */
    public static RunFolder open(Path dir) {
        RunFolder run = new RunFolder(dir);
        if (!Files.isRegularFile(run.configFile())) {
            throw new DataException(dir + " is not a training run: it has no " + CONFIG
                    + "; give the output.dir of a finished or running ./rafclip train");
        }
        return run;
    }

    public Path configFile() {
        return dir.resolve(CONFIG);
    }

    public Path provenanceFile() {
        return dir.resolve("provenance.json");
    }

    public Path metricsFile() {
        return dir.resolve("metrics.jsonl");
    }

    public Checkpoints checkpoints() {
        return new Checkpoints(dir.resolve("checkpoints"));
    }

    /**
     * The run's resolved configuration. Its relative paths are relative to the folder in which {@code train} was started;
     * whoever reads it elsewhere replaces them ({@link RunConfig.Data#at}).
     */
    public RunConfig config() {
        return Configs.load(configFile(), List.of(), RunConfig.class);
    }

    /** The folder of a checkpoint, its files checked against their hashes. */
    public Path checkpoint(Checkpoints.Which which) throws IOException {
        Optional<Path> folder = checkpoints().find(which);
        if (folder.isEmpty()) {
            boolean other = checkpoints().find(Checkpoints.Which.LAST).isPresent();
            throw new DataException(dir
                    + (other
                            ? " has no best checkpoint yet, only a last one; take that, or wait for the first validation"
                            : " has no checkpoint yet; wait for the first validation of the training"));
        }
        Checkpoints.verify(folder.get());
        return folder.get();
    }

    void writePhotos(Map<String, String> trainedOn, Map<String, String> heldOut) throws IOException {
        AtomicFiles.writeString(dir.resolve(TRAINED), lines(trainedOn));
        AtomicFiles.writeString(dir.resolve(HELD_OUT), lines(heldOut));
    }

    private static String lines(Map<String, String> hashes) {
        StringBuilder text = new StringBuilder();
        hashes.forEach((id, hash) -> text.append(hash).append("  ").append(id).append('\n'));
        return text.toString();
    }

    /** The photos that the run trained on: the SHA-256 of each file by the garment's id. */
    public Map<String, String> trainedOn() throws IOException {
        return photos(TRAINED);
    }

    /** The photos that the run kept for validation and never trained on: the SHA-256 of each file by the garment's id. */
    public Map<String, String> heldOut() throws IOException {
        return photos(HELD_OUT);
    }

    private Map<String, String> photos(String name) throws IOException {
        Path file = dir.resolve(name);
        Map<String, String> photos = new LinkedHashMap<>();
        List<String> lines = Files.readAllLines(file);
        for (int i = 0; i < lines.size(); i++) {
            Matcher line = PHOTO.matcher(lines.get(i));
            if (!line.matches()) {
                throw new DataException(file + ":" + (i + 1) + ": is not a SHA-256 and an id; restore the file from a"
                        + " copy, or train anew in another output.dir");
            }
            photos.put(line.group(2), line.group(1));
        }
        return photos;
    }
}
