package org.rafclip.onnx.sam;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.rafclip.data.segment.SamSegmenter;
import org.rafclip.io.Sha256;
import org.rafclip.onnx.OnnxReader;
import org.rafclip.ops.Blas;
import org.rafclip.photos.SamConfig;
import org.rafclip.photos.SamProvider;

/** SAM for the runs of {@code rafclip-model}, which knows of it by {@link java.util.ServiceLoader}. */
public final class OnnxSam implements SamProvider {

    private static final int DIGITS = 12;

    @Override
    public SamSegmenter segmenter(SamConfig settings) {
        // Decoding the first photo would load OpenBLAS with OpenCV, and then it is too late for a quicker library.
        Blas.initialize();
        return new SamSegmenter(
                () -> settings.engine().name().toLowerCase(Locale.ROOT) + "-" + hash(settings.encoder()) + "-"
                        + hash(settings.decoder()),
                () -> new OnnxSamNetwork(settings.encoder(), settings.decoder(), settings.engine()),
                settings.mask());
    }

    private static String hash(Path model) {
        try {
            List<String> hashes = new ArrayList<>();
            for (Path file : OnnxReader.files(model)) {
                hashes.add(Sha256.of(file));
            }
            String all = hashes.size() == 1 ? hashes.get(0) : Sha256.of(String.join(" ", hashes));
            return all.substring(0, DIGITS);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
