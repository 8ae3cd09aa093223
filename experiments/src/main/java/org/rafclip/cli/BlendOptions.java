package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.rafclip.clip.Blend;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.Stages;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.measure.EncoderEvaluator;
import org.rafclip.measure.EncoderOnPhotos;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.PhotoSplits;
import picocli.CommandLine.Option;

/** Models between the one that is measured and another. */
final class BlendOptions {

    @Option(
            names = "--blend-with",
            required = true,
            paramLabel = "DIR",
            description = "Another run or model folder of the same shape: measure weights between both, a row each.")
    private Path other;

    @Option(
            names = "--weights",
            split = ",",
            defaultValue = "0,0.25,0.5,0.75,1",
            paramLabel = "W",
            description = "Weights of the other model, 0 to 1. Default: ${DEFAULT-VALUE}.")
    private List<Double> weights;

    /**
     * What was measured of a blend.
     *
     * @param row its name in a table
     */
    record Measured<T>(String row, T figures) {}

    /**
     * Blends from one model to the other.
     *
     * @param above what a reader is to know before the table
     */
    record Blends<T>(List<String> above, List<Measured<T>> rows) {}

    /** Measures a blend for each weight, on photos that are prepared once, as the first's. */
    <T> Blends<T> measure(PhotoOptions options, Stages stages, Function<EncoderEvaluator, T> measurement)
            throws IOException, InterruptedException {
        for (double weight : weights) {
            if (!(weight >= 0 && weight <= 1)) {
                throw options.wrong("Invalid value for option '--weights': " + weight + " is not within 0 and 1");
            }
        }
        List<Measured<T>> rows = new ArrayList<>();
        try (PhotoOptions.Opened subject = options.open(new PhotoSplits());
                OpenedEncoder second = OpenedEncoder.open(other, options.checkpoint())) {
            OpenedEncoder first = subject.encoder();
            ClipModel model = first.model();
            Blend blend = Blend.of(model, second.model());
            PhotoEvaluation photos = subject.photos().prepare(stages);
            for (double weight : weights) {
                blend.writeTo(model, weight);
                OpenedEncoder between = first.withWeights(String.format(
                        Locale.ROOT,
                        "%s by %s and %s by %s",
                        first.source(),
                        Math.round((1 - weight) * 1e6) / 1e6,
                        other,
                        weight));
                try (EncoderEvaluator evaluator = new EncoderEvaluator(between, subject.photos(), photos, stages)) {
                    rows.add(new Measured<>(
                            String.format(Locale.ROOT, "weight %s", weight), measurement.apply(evaluator)));
                }
            }
            List<String> above = List.of(
                    EncoderOnPhotos.of(first, subject.photos()).novelty(),
                    EncoderOnPhotos.beside(second, subject.photos()).novelty(),
                    "Weights are shares of " + other + ".");
            return new Blends<>(above, rows);
        }
    }

    /** @throws picocli.CommandLine.ParameterException where more than a table is asked for */
    void requireTableAlone(PhotoOptions options, boolean more) {
        if (more || options.reports()) {
            throw options.wrong(
                    "--blend-with prints a table, and writes it by --markdown; for a report make the model that"
                            + " is wanted by ./rafclip model blend and measure it");
        }
    }
}
