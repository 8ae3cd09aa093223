package org.rafclip.agcn.features;

import java.io.IOException;
import java.nio.file.Path;
import org.rafclip.clip.ClipModel;
import org.rafclip.io.Sha256;

/**
 * What cached features depend on; features are used only where all of it is the same.
 *
 * @param model {@link #modelHash} of the encoder
 * @param data a fingerprint of what was encoded: which images or texts, with what content, in which order
 * @param preparation how images were prepared or texts worded, as its fingerprint or its settings line
 */
public record FeatureKey(String model, String data, String preparation) {

    /** Names the model in a folder by the content of its configuration, weights and tokenizer. */
    public static String modelHash(Path folder) throws IOException {
        return Sha256.of(Sha256.of(folder.resolve(ClipModel.CONFIG_FILE))
                + Sha256.of(folder.resolve(ClipModel.WEIGHTS_FILE))
                + Sha256.of(folder.resolve("tokenizer.json")));
    }
}
