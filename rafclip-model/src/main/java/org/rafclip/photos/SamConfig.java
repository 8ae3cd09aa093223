package org.rafclip.photos;

import java.nio.file.Path;
import org.rafclip.data.segment.SamSegmenter;
import org.rafclip.run.Default;

/**
 * Segment Anything.
 *
 * @param encoder the image encoder's ONNX file
 * @param decoder the mask decoder's
 * @param mask which of the decoder's masks is the garment's
 * @param engine what runs the networks
 */
public record SamConfig(
        Path encoder,
        Path decoder,
        @Default("single") SamSegmenter.Choice mask,
        @Default("samediff") Engine engine) {

    /** What can run SAM's networks; masks are the same but for pixels whose logit is next to nothing. */
    public enum Engine {
        /** The networks as graphs imported into SameDiff. */
        SAMEDIFF,
        ONNXRUNTIME
    }
}
