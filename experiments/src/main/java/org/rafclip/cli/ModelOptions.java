package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.ops.Precision;
import org.rafclip.photos.Vocabulary;
import org.rafclip.run.Configs;
import org.rafclip.search.FashionModel;
import org.rafclip.train.Checkpoints;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How a model is opened. */
class ModelOptions {

    @Option(
            names = "--composer",
            paramLabel = "DIR",
            description = "The output.dir of a composer's training on this model's features.")
    private Path composer;

    @Option(
            names = "--checkpoint",
            defaultValue = "best",
            paramLabel = "WHICH",
            description = "${COMPLETION-CANDIDATES} checkpoint of runs. Default: ${DEFAULT-VALUE}.")
    private Checkpoints.Which checkpoint;

    @Option(
            names = "--vocabulary",
            paramLabel = "FILE",
            description = "The words to answer in, as YAML: {groups: [{name: fit, attributes: [slim, loose]}],"
                    + " categories: [dress]}. Default: those that the model was trained with, of a model folder the"
                    + " paper's attributes and DeepFashion's categories.")
    private Path vocabulary;

    @Option(
            names = "--whole-photos",
            description =
                    "Take a photo without a box whole. Default: the part of it where garments lie in the photos that"
                            + " the model was trained on.")
    private boolean wholePhotos;

    @Mixin
    private PrecisionOption precision;

    final Precision precision() {
        return precision.precision();
    }

    Checkpoints.Which checkpoint() {
        return checkpoint;
    }

    Optional<Path> vocabulary() {
        return Optional.ofNullable(vocabulary);
    }

    boolean wholePhotos() {
        return wholePhotos;
    }

    /**
     * @param place the model's
     * @param images which image of a garment is embedded, null for the model's default
     */
    final FashionModel open(Path place, Images images) throws IOException {
        FashionModel.Settings settings = FashionModel.Settings.DEFAULT
                .withComposer(composer)
                .withCheckpoint(checkpoint)
                .withImages(images)
                .withWholePhotos(wholePhotos)
                .withPrecision(precision());
        Machine.loadNd4j();
        return FashionModel.open(
                place,
                vocabulary == null
                        ? settings
                        : settings.withVocabulary(Configs.load(vocabulary, List.of(), Vocabulary.class)));
    }
}
