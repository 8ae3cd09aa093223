package org.rafclip.photos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Dimensions;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.data.prepare.Step;
import org.rafclip.io.AtomicFiles;
import org.rafclip.run.Configs;

/**
 * How photos are prepared for a model that others trained, kept in its folder as {@value #FILE}. A folder without it is
 * prepared for as CLIP is.
 *
 * @param steps from a photo, or from what is cut out of it, to floats; see {@link Preparation}
 */
public record ModelPreparation(String steps) {

    public static final String FILE = "preparation.yaml";

    /** CLIP's: the short side to the model's size, the middle cut out. */
    public static ModelPreparation ofClip(int imageSize) {
        return new ModelPreparation("resize(%1$d) | center-crop(%1$d) | normalize(clip)".formatted(imageSize));
    }

    /** How an evaluation prepares a garment for the category branch once its box is cut out. */
    public static ModelPreparation afterCrop(PhotoConfig data) {
        Preparation whole = Preparation.parse(data.evaluation().crop());
        List<Step> rest = whole.steps().stream()
                .filter(step -> !(step instanceof Step.Crop))
                .toList();
        return new ModelPreparation(new Preparation(rest, whole.normalization()).toString());
    }

    /**
     * What a model's folder says; empty where it has no {@value #FILE}.
     *
     * @param imageSize the model's, in pixels a side
     * @throws DataException if it is damaged, or not for such a model
     */
    public static Optional<ModelPreparation> read(Path folder, int imageSize) {
        Path file = folder.resolve(FILE);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        ModelPreparation read = Configs.load(file, List.of(), ModelPreparation.class);
        try {
            read.require(imageSize);
        } catch (DataException e) {
            throw new DataException(file + ": " + e.getMessage(), e);
        }
        return Optional.of(read);
    }

    /** Writes it into a model's folder. */
    public void write(Path folder) throws IOException {
        AtomicFiles.writeString(folder.resolve(FILE), Configs.toYaml(this));
    }

    /**
     * Holds the settings of a training against what its weights are used to.
     *
     * @param model the folder of the weights
     * @throws DataException if a pipeline ends in another size or normalisation
     */
    public void requireEnd(PhotoConfig data, Path model) {
        Preparation own = Preparation.parse(steps);
        data.pipelines().forEach((key, pipeline) -> {
            Preparation parsed = Preparation.parse(pipeline);
            if (!parsed.normalization().equals(own.normalization())
                    || !parsed.outputSize().equals(own.outputSize())) {
                throw new DataException(key + " is \"" + pipeline + "\", but " + model + " takes photos prepared by \""
                        + steps + "\": let all four of data.train and data.evaluation end in that size and"
                        + " normalization, such as '" + key + "=crop | " + steps + "'");
            }
        });
    }

    /**
     * Holds it against a model.
     *
     * @throws DataException if it gives no images of the model's size, draws random numbers or cuts garments out itself
     */
    public void require(int imageSize) {
        Preparation parsed = Preparation.parse(steps);
        String fault = null;
        if (parsed.normalization().isEmpty()) {
            fault = "ends with an image; end it with normalize(...)";
        } else if (parsed.random() || parsed.needsBox() || parsed.needsMask()) {
            fault =
                    "is not for every photo alike; leave crop, mask and random steps out, which come before it where they"
                            + " are wanted";
        } else if (!parsed.outputSize().equals(Optional.of(new Dimensions(imageSize, imageSize)))) {
            fault = "gives images of "
                    + parsed.outputSize().map(Dimensions::toString).orElse("no certain size") + ", the model takes "
                    + imageSize + "x" + imageSize;
        }
        if (fault != null) {
            throw new DataException("preparation \"" + steps + "\" " + fault);
        }
    }
}
