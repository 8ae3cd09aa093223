package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.rafclip.data.DataException;
import org.rafclip.data.Stages;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.eval.AttributeTable;
import org.rafclip.eval.PaperTables;
import org.rafclip.measure.AttributeEvaluation;
import org.rafclip.measure.EncoderEvaluator;
import org.rafclip.measure.EncoderFigures;
import org.rafclip.measure.FigureConfig;
import org.rafclip.photos.PhotoSplits;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Attribute recognition: the paper's Tables 1 and 4. */
@Command(
        name = "attributes",
        description = {
            "Measure attribute recognition and print it beside the paper's Table 1.",
            "The answer in a group of attributes is the one whose text is nearest to the garment's image: by the run's"
                    + " prompts, else a photo of {attribute} {category}. With --compare-run the table is the paper's Table 4."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip eval attributes --run runs/raf --data DIR",
            "  ./rafclip eval attributes --run runs/raf --data DIR --split test --json runs/raf/attributes.json",
            "  ./rafclip eval attributes --run runs/raf --compare-run runs/complete --markdown table4.md",
            "  ./rafclip eval attributes --model models/vit-b-32 --data DIR --split test",
            "  ./rafclip eval attributes --model models/vit-b-32 --data DIR --split test --blend-with runs/raf"
        })
final class EvalAttributes implements Callable<Integer> {

    @Mixin
    private PhotoOptions options;

    @Option(
            names = "--compare-run",
            paramLabel = "DIR",
            description = "A run trained on whole photos, for Table 4's row Complete; measured on the same photos.")
    private Path compareRun;

    @ArgGroup(exclusive = false)
    private BlendOptions blending;

    @Override
    public Integer call() throws IOException, InterruptedException {
        options.check();
        if (blending != null) {
            return measureBlends();
        }
        PhotoSplits splits = new PhotoSplits();
        try (JobStages stages = new JobStages();
                PhotoOptions.Opened subject = options.open(splits)) {
            List<String> above = new ArrayList<>();
            List<AttributeTable.Ours> rows = new ArrayList<>();
            AttributeEvaluation complete = compareRun == null ? null : complete(subject, stages);
            AttributeEvaluation ours;
            try (EncoderEvaluator evaluator = EncoderEvaluator.of(subject.encoder(), subject.photos(), stages)) {
                ours = evaluator.attributes();
                FigureConfig figures = options.figures(subject.encoder().seed());
                if (figures != null) {
                    EncoderFigures drawn = new EncoderFigures(figures, MeasureOptions::name);
                    ours = ours.with(
                            complete,
                            drawn.recognition(
                                    "Attribute recognition", ours.measured().method(), evaluator));
                }
                options.predictions(evaluator::predictAttributes);
            }
            above.add(ours.measured().novelty());
            if (complete != null) {
                above.add(complete.measured().novelty());
                rows.add(complete.row("Complete"));
            }
            rows.add(ours.row(ours.measured().method()));
            stages.end();
            PaperTables.PaperTable paper = PaperTables.load().table(compareRun == null ? 1 : 4);
            options.show(above, AttributeTable.of(rows, paper));
            options.write(ours, subject);
        }
        return 0;
    }

    private int measureBlends() throws IOException, InterruptedException {
        blending.requireTableAlone(options, compareRun != null);
        try (JobStages stages = new JobStages()) {
            BlendOptions.Blends<AttributeEvaluation> blends =
                    blending.measure(options, stages, EncoderEvaluator::attributes);
            stages.end();
            options.show(
                    blends.above(),
                    AttributeTable.of(
                            blends.rows().stream()
                                    .map(blend -> blend.figures().row(blend.row()))
                                    .toList(),
                            PaperTables.load().table(1)));
        }
        return 0;
    }

    private AttributeEvaluation complete(PhotoOptions.Opened subject, Stages stages)
            throws IOException, InterruptedException {
        try (PhotoOptions.Opened other = options.openBeside(compareRun, subject)) {
            requireWholePhotos(other);
            try (EncoderEvaluator evaluator = EncoderEvaluator.of(other.encoder(), other.photos(), stages)) {
                return evaluator.attributes();
            }
        }
    }

    private static void requireWholePhotos(PhotoOptions.Opened other) {
        Preparation preparation =
                Preparation.parse(other.photos().preparation().evaluation().region());
        if (preparation.needsBox() || preparation.needsMask()) {
            throw new DataException(other.encoder().source() + " sees crops or masks ('" + preparation
                    + "'); --compare-run takes a run on whole photos, such as one of"
                    + " experiments/configs/rafclip-deepfashion-small-complete.yaml");
        }
    }
}
