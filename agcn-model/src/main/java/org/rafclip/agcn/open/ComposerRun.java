package org.rafclip.agcn.open;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.data.DataException;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RunFolder;

/**
 * A composer's run with one of its checkpoints; {@link #load} reads the weights.
 *
 * @param checkpoint its files checked
 * @param description of the composer
 */
public record ComposerRun(
        RunFolder folder, AgcnConfig config, Checkpoints.Verified checkpoint, ComposerModel.Description description) {

    /**
     * Opens a run.
     *
     * @throws DataException if the folder is no run, the run of something else, or damaged, or has no such checkpoint yet
     */
    public static ComposerRun open(Path dir, Checkpoints.Which which) throws IOException {
        RunFolder folder = RunFolder.open(dir);
        AgcnConfig config = AgcnConfig.of(folder);
        Checkpoints.Verified checkpoint = folder.checkpoint(which);
        return new ComposerRun(folder, config, checkpoint, ComposerModel.describe(checkpoint.dir()));
    }

    /** The composer. The caller closes it. */
    public ComposerModel load() throws IOException {
        ComposerModel model = ComposerModel.load(checkpoint.dir());
        model.freeze();
        return model;
    }

    /**
     * The encoder on whose features the composer was trained. The caller closes it.
     *
     * @param elsewhere its run or model folder, null for where the training found it
     * @throws DataException if another encoder is there
     */
    public OpenedEncoder encoder(Path elsewhere) throws IOException {
        Path place = elsewhere != null ? elsewhere : config.rafclip().run();
        if (elsewhere == null && !Files.exists(place)) {
            throw new DataException(folder.dir() + " was trained on features of the encoder in " + place
                    + ", which is not there; say where its run or model folder is now by --rafclip");
        }
        OpenedEncoder encoder = OpenedEncoder.open(place, config.rafclip().checkpoint());
        if (!description.encoder().equals(encoder.hash())) {
            encoder.close();
            throw new DataException(folder.dir() + " was trained on features of another encoder than " + place
                    + " holds; give the encoder's run by --rafclip");
        }
        return encoder;
    }

    /** The SHA-256 of every photo that the composer was trained on. */
    public Set<String> trainedOn() throws IOException {
        return new TreeSet<>(folder.trainedOn().values());
    }
}
