package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.rafclip.photos.PhotoData;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Which model is measured on which photos and where the figures go: the options that the commands on photos share. */
final class PhotoOptions extends MeasureOptions {

    @ArgGroup(multiplicity = "1")
    private Which which;

    private static final class Which {

        @Option(names = "--run", paramLabel = "DIR", description = "The output.dir of a training run.")
        private Path run;

        @Option(
                names = "--model",
                paramLabel = "DIR",
                description =
                        "A model folder: model.yaml, model.safetensors, tokenizer. Its photos are prepared as CLIP"
                                + " does: resize to the short side, center-crop; see data.evaluation below.")
        private Path model;
    }

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "The folder in which Anno_fine and the photos lie. Default: the one the run trained on.")
    private Path data;

    @Option(
            names = "--mirror",
            negatable = true,
            description = "Take the mean direction of each image's embedding and its mirror image's. Default: the run's"
                    + " data.mirror.")
    private Boolean mirror;

    @Parameters(
            paramLabel = "KEY=VALUE",
            description = "Overrides of the run's data settings, such as data.cache=DIR or"
                    + " data.evaluation.region='mask(black) | crop | squash(64) | normalize(clip)'.")
    private List<String> overrides = List.of();

    /** The model with its photos. */
    PhotoSubject open() throws IOException {
        if (which.run != null) {
            return PhotoSubject.ofRun(which.run, checkpoint(), data, split(), heldOut(), overrides);
        }
        if (data == null || split() == null) {
            throw wrong("--model needs --data and --split: a model folder does not name any photos");
        }
        if (heldOut()) {
            throw wrong("--held-out needs --run: a model folder does not say what it was trained on");
        }
        return PhotoSubject.ofModel(which.model, data, split(), overrides);
    }

    /** Another run's model on the same photos; its own preparation, but the same masks. */
    PhotoSubject openBeside(Path run, PhotoSubject photos) throws IOException {
        List<String> shared = overrides.stream()
                .filter(override -> !override.startsWith("data.evaluation"))
                .toList();
        return PhotoSubject.ofRun(
                        run,
                        checkpoint(),
                        photos.settings().data().dir(),
                        photos.split().name(),
                        false,
                        shared)
                .on(photos);
    }

    boolean mirror(PhotoSubject subject) {
        return mirror != null ? mirror : subject.settings().data().mirror();
    }

    /** What the figures depend on besides the photos. */
    private record Settings(
            String model, String checkpoint, boolean heldOut, boolean mirror, PhotoSubject.Settings settings) {}

    /** Writes the report where the user asked for one. */
    void write(Record report, PhotoSubject subject) {
        write(
                report,
                new Settings(
                        subject.name().toString(),
                        subject.checkpoint(),
                        heldOut(),
                        mirror(subject),
                        subject.settings()),
                subject.seed(),
                PhotoData.fingerprint(subject.items()));
    }
}
