package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BiFunction;
import org.rafclip.data.DataException;
import org.rafclip.measure.MeasuredPhotos;
import org.rafclip.measure.Selection;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.ops.Precision;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.run.Configs;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Mixin;
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
                description = "A model folder: model.yaml, model.safetensors, tokenizer. Its photos are prepared as its"
                        + " preparation.yaml says, else as CLIP's; see data.evaluation below.")
        private Path model;
    }

    @Option(
            names = "--data",
            paramLabel = "PHOTOS",
            description =
                    "The folder in which Anno_fine and the photos lie, or a table of photos. Default: what the run"
                            + " trained on.")
    private Path data;

    @Option(
            names = "--mirror",
            negatable = true,
            description = "Take the mean direction of each image's embedding and its mirror image's. Default: the run's"
                    + " data.mirror.")
    private Boolean mirror;

    @Mixin
    private PrecisionOption precision;

    @Parameters(
            paramLabel = "KEY=VALUE",
            description = "Overrides of the run's data settings, such as data.cache=DIR or"
                    + " data.evaluation.region='mask(black) | crop | squash(64) | normalize(clip)'.")
    private List<String> overrides = List.of();

    /**
     * An encoder with the photos that it is measured on.
     *
     * @param preparation as its provenance tells it
     */
    record Opened(OpenedEncoder encoder, MeasuredPhotos photos, Overridable preparation) implements AutoCloseable {

        @Override
        public void close() {
            encoder.close();
        }
    }

    /** What overrides can name: the data section of a run or model. */
    record Overridable(PhotoConfig data) {}

    /** Opens the model with its photos. */
    Opened open(PhotoSplits splits) throws IOException {
        if (which.run == null) {
            if (data == null) {
                throw wrong("--model needs --data and --split: a model folder does not name any photos");
            }
            if (split() == null) {
                throw wrong("--data needs --split beside --model, such as test; a table without a column of splits is"
                        + " measured whole, whatever it says");
            }
            if (selection() == Selection.HELD_OUT) {
                throw wrong("--held-out needs --run: a model folder does not say what it was trained on");
            }
        }
        Machine.loadNd4j();
        OpenedEncoder encoder =
                which.run != null ? OpenedEncoder.ofRun(which.run, checkpoint()) : OpenedEncoder.ofModel(which.model);
        return opened(
                encoder,
                data,
                split() != null ? split() : selection().splitOf(encoder).orElse(null),
                overrides,
                (settings, mirrored) -> MeasuredPhotos.of(encoder, splits, settings, selection(), mirrored));
    }

    /** Another run's model on the same photos; its own preparation, but the same masks. */
    Opened openBeside(Path run, Opened beside) throws IOException {
        PhotoSplit split = beside.photos().split();
        List<String> shared = overrides.stream()
                .filter(override -> !override.startsWith("data.evaluation"))
                .toList();
        return opened(OpenedEncoder.ofRun(run, checkpoint()), split.dir(), split.name(), shared, beside.photos()::in);
    }

    /** @param measured the photos in a preparation, mirrored or not */
    private Opened opened(
            OpenedEncoder encoder,
            Path dir,
            String split,
            List<String> settings,
            BiFunction<PhotoConfig, Boolean, MeasuredPhotos> measured) {
        try {
            encoder.model().computeIn(precision.precision());
            Overridable preparation = overridden(encoder, dir, split, settings);
            if (!Files.exists(preparation.data().place())) {
                throw new DataException(preparation.data().place() + ": there is no such data folder or table"
                        + (dir == null ? " here; the run was started elsewhere, so name its data by --data" : ""));
            }
            boolean mirrored = mirror != null ? mirror : preparation.data().mirror();
            return new Opened(encoder, measured.apply(preparation.data(), mirrored), preparation);
        } catch (RuntimeException e) {
            encoder.close();
            throw e;
        }
    }

    private static Overridable overridden(OpenedEncoder encoder, Path dir, String split, List<String> overrides) {
        PhotoConfig known = encoder.data();
        PhotoConfig there = known.at(dir == null ? known.place() : dir, split == null ? known.split() : split);
        return Configs.parse(Configs.toYaml(new Overridable(there)), "the settings", overrides, Overridable.class);
    }

    /** What the figures depend on besides the photos. */
    private record Inputs(
            String model,
            String checkpoint,
            boolean heldOut,
            boolean mirror,
            Precision precision,
            Overridable settings) {}

    /** Writes the report where the user asked for one. */
    void write(Record report, Opened subject) {
        write(
                report,
                new Inputs(
                        subject.encoder().source().toString(),
                        subject.encoder().checkpoint(),
                        subject.photos().heldOut(),
                        subject.photos().mirror(),
                        precision.precision(),
                        subject.preparation()),
                subject.encoder().seed(),
                PhotoData.fingerprint(subject.photos().items()));
    }
}
