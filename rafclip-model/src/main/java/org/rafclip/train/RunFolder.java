package org.rafclip.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;
import org.rafclip.run.Configs;

/**
 * A training run on disk: {@code config.yaml}, {@code provenance.json}, {@code metrics.jsonl}, the ids of its photos and
 * the {@code checkpoints}.
 */
public record RunFolder(Path dir) {

    private static final String CONFIG = "config.yaml";
    private static final String TRAINED = "trained-on.txt";
    private static final String HELD_OUT = "held-out.txt";

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

    public RunConfig config() {
        return Configs.load(configFile(), List.of(), RunConfig.class);
    }

    /** Loads the model of a checkpoint after checking its files. */
    public ClipModel model(Checkpoints.Which which) throws IOException {
        Path folder = checkpoints()
                .find(which)
                .orElseThrow(() -> new DataException(
                        dir + " has no checkpoint yet; wait for the first validation of the training"));
        Checkpoints.verify(folder);
        return ClipModel.load(folder);
    }

    void writeIds(List<String> trainedOn, List<String> heldOut) throws IOException {
        AtomicFiles.writeString(dir.resolve(TRAINED), String.join("\n", trainedOn) + "\n");
        AtomicFiles.writeString(dir.resolve(HELD_OUT), String.join("\n", heldOut) + "\n");
    }

    /** The ids of the garments that the run trained on. */
    public Set<String> trainedOn() throws IOException {
        return ids(TRAINED);
    }

    /** The ids of the garments of the training split that the run never trained on. */
    public Set<String> heldOut() throws IOException {
        return ids(HELD_OUT);
    }

    private Set<String> ids(String file) throws IOException {
        Set<String> ids = new HashSet<>(Files.readAllLines(dir.resolve(file)));
        ids.remove("");
        return ids;
    }
}
