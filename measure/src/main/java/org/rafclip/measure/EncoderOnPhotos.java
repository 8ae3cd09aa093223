package org.rafclip.measure;

import java.nio.file.Path;
import java.util.Locale;
import org.rafclip.data.text.Prompts;
import org.rafclip.eval.Setting;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.PhotoConfig;

/**
 * Which encoder was measured on which photos: what stands beside every figure.
 *
 * @param model its run or model folder
 * @param checkpoint its name, null for a model folder
 * @param weights what the training started from, in words
 * @param trainingPhotos how many it was trained on, null where nobody knows
 * @param data the photos' folder
 * @param split of that folder
 * @param heldOut whether only photos were measured that the run kept out of its training
 * @param mirror whether an image's embedding is the mean direction of its own and its mirror image's
 * @param preparation of both branches' images
 * @param prompts how texts were worded
 * @param photos how many were measured
 * @param trainedOn how many of those the encoder was trained on, null where nobody knows
 */
public record EncoderOnPhotos(
        String model,
        String checkpoint,
        String weights,
        Integer trainingPhotos,
        String data,
        String split,
        boolean heldOut,
        boolean mirror,
        PhotoConfig.Branches preparation,
        Prompts prompts,
        int photos,
        Integer trainedOn) {

    public static EncoderOnPhotos of(OpenedEncoder encoder, MeasuredPhotos photos) {
        return of(encoder, photos, photos.heldOut());
    }

    /** Another encoder than the one that the photos may be held out of the training of. */
    public static EncoderOnPhotos beside(OpenedEncoder encoder, MeasuredPhotos photos) {
        return of(encoder, photos, false);
    }

    private static EncoderOnPhotos of(OpenedEncoder encoder, MeasuredPhotos photos, boolean heldOut) {
        return new EncoderOnPhotos(
                encoder.source().toString(),
                encoder.checkpoint(),
                encoder.weights(),
                encoder.photos() == null ? null : encoder.photos().trainedOn().size(),
                photos.split().dir().toString(),
                photos.split().name(),
                heldOut,
                photos.mirror(),
                photos.preparation().evaluation(),
                encoder.prompts(),
                photos.items().size(),
                photos.trainedOn(encoder));
    }

    /** What a table's row is called: RaF-CLIP for a run; a folder of weights may hold any CLIP. */
    public String method() {
        return checkpoint != null
                ? "RaF-CLIP"
                : "CLIP, " + Path.of(model).toAbsolutePath().getFileName();
    }

    /** One line on what the figures can say about new photos. */
    public String novelty() {
        if (trainedOn == null) {
            return model + ": whether it was trained on any of these " + photos + " photos is not known.";
        }
        if (trainedOn == 0) {
            return String.format(
                    Locale.ROOT,
                    "%s was trained on none of these %,d photos%s.",
                    model,
                    photos,
                    heldOut ? ", which it kept out for validation; --all takes the others too" : "");
        }
        return String.format(
                Locale.ROOT,
                heldOut
                        ? "ATTENTION: %s was trained on copies of %,d of these %,d held-out photos."
                        : "ATTENTION: %s was trained on %,d of these %,d photos, which flatters its figures.",
                model,
                trainedOn,
                photos);
    }

    /** What tells a table's row from others. */
    Setting setting(String protocol) {
        return new Setting(
                weights + (checkpoint == null ? "" : " (" + model + ", " + checkpoint + ")"),
                String.format(
                        Locale.ROOT,
                        "measured on %,d photos of split %s in %s%s",
                        photos,
                        split,
                        data,
                        heldOut ? ", held out of the training" : ""),
                protocol,
                trainingPhotos == null ? 0 : trainingPhotos);
    }
}
