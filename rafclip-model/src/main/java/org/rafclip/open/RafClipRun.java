package org.rafclip.open;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Configs;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RafClipConfig;
import org.rafclip.train.RunFolder;

/**
 * A RaF-CLIP run with one of its checkpoints; the weights are not read yet.
 *
 * @param checkpoint its files checked
 */
public record RafClipRun(RunFolder folder, RafClipConfig config, Checkpoints.Verified checkpoint) {

    /**
     * Opens a run.
     *
     * @throws DataException if the folder is no run, the run of something else, or damaged, or has no such checkpoint yet
     */
    public static RafClipRun open(Path dir, Checkpoints.Which which) throws IOException {
        RunFolder folder = RunFolder.open(dir);
        RafClipConfig config;
        try {
            config = folder.config(RafClipConfig.class);
        } catch (ConfigException e) {
            throw new DataException(
                    dir + " is not a RaF-CLIP run (" + e.getMessage()
                            + "); train one by ./rafclip train experiments/configs/rafclip-deepfashion-small.yaml",
                    e);
        }
        return new RafClipRun(folder, config, folder.checkpoint(which));
    }

    /** The checkpoint's architecture. */
    public ClipConfig architecture() {
        return Configs.load(checkpoint.dir().resolve(ClipModel.CONFIG_FILE), List.of(), ClipConfig.class);
    }
}
