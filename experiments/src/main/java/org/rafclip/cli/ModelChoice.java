package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.ops.Precision;
import org.rafclip.photos.Vocabulary;
import org.rafclip.run.Configs;
import org.rafclip.search.FashionModel;
import org.rafclip.train.Checkpoints;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which model is asked. */
final class ModelChoice {

    @ArgGroup(multiplicity = "1")
    private Which which;

    private static final class Which {

        @Option(
                names = "--run",
                paramLabel = "DIR",
                description = "The output.dir of a training, of a composer's too, or what demo or ablate filled.")
        private Path run;

        @Option(
                names = "--model",
                paramLabel = "DIR",
                description = "A model folder: model.yaml, model.safetensors, tokenizer.")
        private Path model;
    }

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

    Precision precision() {
        return precision.precision();
    }

    boolean wholePhotos() {
        return wholePhotos;
    }

    /** @param images which image of a garment is embedded, null for the model's default */
    FashionModel open(Images images) throws IOException {
        Path place = which.run != null ? which.run : which.model;
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
