package org.rafclip.cli;

import static org.rafclip.eval.PhotoEvaluation.Images.CROPS;
import static org.rafclip.eval.PhotoEvaluation.Images.REGIONS;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import org.rafclip.eval.PaperTables;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.eval.RetrievalTable;
import org.rafclip.measure.EncoderEvaluator;
import org.rafclip.measure.EncoderFigures;
import org.rafclip.measure.FigureConfig;
import org.rafclip.measure.RetrievalEvaluation;
import org.rafclip.photos.PhotoSplits;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Text ↔ image retrieval: the paper's Table 2. */
@Command(
        name = "retrieval",
        description = {
            "Measure text-image retrieval and print it beside the paper's Table 2.",
            "Each photo's text is by the run's prompts, else a photo of {color} {attributes} {category}. Instance"
                    + " level: only the photo a text came from is right; label level: every photo with the same labels is."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip eval retrieval --run runs/raf --data DIR",
            "  ./rafclip eval retrieval --run runs/clip --data DIR --split test --texts captions",
            "  ./rafclip eval retrieval --model models/vit-b-32 --data DIR --split test --blend-with runs/raf",
            "  ./rafclip eval retrieval --run runs/raf --data DIR --split test --json runs/raf/retrieval.json"
        })
final class EvalRetrieval implements Callable<Integer> {

    @Mixin
    private PhotoOptions options;

    @Option(
            names = "--images",
            paramLabel = "FORM",
            description =
                    "Which image of a garment is searched: ${COMPLETION-CANDIDATES}. Default: regions; for captions"
                            + " crops, which they are trained with.")
    private PhotoEvaluation.Images asked;

    @Option(
            names = "--texts",
            defaultValue = "labels",
            paramLabel = "FORM",
            description =
                    "What is searched with: ${COMPLETION-CANDIDATES}. Captions are the photos' own, all of them; at"
                            + " label level an equal caption is right. Default: ${DEFAULT-VALUE}.")
    private RetrievalEvaluation.Texts texts;

    @ArgGroup(exclusive = false)
    private BlendOptions blending;

    @Override
    public Integer call() throws IOException, InterruptedException {
        options.check();
        PhotoEvaluation.Images images =
                asked != null ? asked : texts == RetrievalEvaluation.Texts.CAPTIONS ? CROPS : REGIONS;
        if (blending != null) {
            return measureBlends(images);
        }
        try (JobStages stages = new JobStages();
                PhotoOptions.Opened subject = options.open(new PhotoSplits());
                EncoderEvaluator evaluator = EncoderEvaluator.of(subject.encoder(), subject.photos(), stages)) {
            RetrievalEvaluation ours = evaluator.retrieval(images, texts);
            FigureConfig figures = options.figures(subject.encoder().seed());
            if (figures != null && texts == RetrievalEvaluation.Texts.LABELS) {
                ours = ours.with(new EncoderFigures(figures, MeasureOptions::name)
                        .textToImage("Retrieval", ours.measured().method(), evaluator, images));
            }
            options.predictions(out -> {
                if (texts == RetrievalEvaluation.Texts.CAPTIONS) {
                    evaluator.predictCaptions(out, images, MeasureOptions.KEPT);
                } else {
                    evaluator.predictRetrieval(out, images, MeasureOptions.KEPT);
                }
            });
            stages.end();
            options.show(
                    List.of(ours.measured().novelty()),
                    RetrievalTable.of(
                            List.of(ours.row(ours.measured().method())),
                            PaperTables.load().table(2)));
            options.write(ours, subject);
        }
        return 0;
    }

    private int measureBlends(PhotoEvaluation.Images images) throws IOException, InterruptedException {
        blending.requireTableAlone(options, false);
        try (JobStages stages = new JobStages()) {
            BlendOptions.Blends<RetrievalEvaluation> blends =
                    blending.measure(options, stages, evaluator -> evaluator.retrieval(images, texts));
            stages.end();
            options.show(
                    blends.above(),
                    RetrievalTable.of(
                            blends.rows().stream()
                                    .map(blend -> blend.figures().row(blend.row()))
                                    .toList(),
                            PaperTables.load().table(2)));
        }
        return 0;
    }
}
