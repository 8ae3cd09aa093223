package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Path;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.FrozenEncoder;
import org.rafclip.data.DataException;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RunFolder;

/** A composer's run with the encoder that it belongs to. */
record ComposerRun(AgcnConfig config, ComposerModel composer, FrozenEncoder encoder) implements AutoCloseable {

    /**
     * @param rafclip the encoder's run, or null for where the composer's run found it
     * @throws DataException if the run is not a composer's, or the encoder is not the one that it was trained on
     */
    static ComposerRun open(Path run, Path rafclip, Checkpoints.Which checkpoint) throws IOException {
        RunFolder folder = RunFolder.open(run);
        AgcnConfig config = AgcnConfig.of(folder);
        ComposerModel composer = ComposerModel.load(folder.checkpoint(checkpoint));
        FrozenEncoder encoder = null;
        try {
            Path encoderRun = rafclip != null ? rafclip : config.rafclip().run();
            encoder = FrozenEncoder.open(encoderRun, config.rafclip().checkpoint());
            if (!composer.description().encoder().equals(encoder.hash())) {
                throw new DataException(run + " was trained on features of another encoder than " + encoderRun
                        + " holds; give the encoder's run by --rafclip");
            }
            return new ComposerRun(config, composer, encoder);
        } catch (IOException | RuntimeException e) {
            composer.close();
            if (encoder != null) {
                encoder.close();
            }
            throw e;
        }
    }

    @Override
    public void close() {
        encoder.close();
        composer.close();
    }
}
