package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.rafclip.data.DataException;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.eval.AttributeResult;
import org.rafclip.eval.AttributeTable;
import org.rafclip.eval.PaperTables;
import org.rafclip.eval.PhotoEvaluation;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Attribute recognition: the paper's Tables 1 and 4. */
@Command(
        name = "attributes",
        description = {
            "Measure attribute recognition and print it beside the paper's Table 1.",
            "The answer in a group of attributes is the one whose text, a photo of {attribute} {category}, is nearest to"
                    + " the garment's image. With --compare-run the table is the paper's Table 4."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip eval attributes --run runs/raf --data DIR --split train --held-out",
            "  ./rafclip eval attributes --run runs/raf --data DIR --split test --json runs/raf/attributes.json",
            "  ./rafclip eval attributes --run runs/raf --compare-run runs/complete --held-out --markdown table4.md",
            "  ./rafclip eval attributes --model models/vit-b-32 --data DIR --split test"
        })
final class EvalAttributes implements Callable<Integer> {

    @Mixin
    private PhotoOptions options;

    @Option(
            names = "--compare-run",
            paramLabel = "DIR",
            description = "A run trained on whole photos, for Table 4's row Complete; measured on the same photos.")
    private Path compareRun;

    /**
     * The figures of one model.
     *
     * @param model its run or model folder
     * @param trainedOn how many of the photos it was trained on, null where nobody knows
     */
    private record Figures(
            String model,
            String checkpoint,
            String data,
            String split,
            boolean heldOut,
            boolean mirror,
            int photos,
            Integer trainedOn,
            double meanAccuracy,
            double meanBalancedAccuracy,
            double meanMacroF1,
            double meanMajorityAccuracy,
            double meanChance,
            List<AttributeResult.Group> groups,
            Figures complete) {}

    private record Measured(AttributeTable.Ours row, Figures figures) {}

    @Override
    public Integer call() throws IOException, InterruptedException {
        try (PhotoSubject subject = options.open()) {
            List<String> above = new ArrayList<>(List.of(subject.novelty(options.heldOut())));
            List<AttributeTable.Ours> rows = new ArrayList<>();
            Figures complete = null;
            if (compareRun != null) {
                try (PhotoSubject other = options.openBeside(compareRun, subject)) {
                    requireWholePhotos(other);
                    above.add(other.novelty(options.heldOut()));
                    Measured measured = measure("Complete", other, null);
                    rows.add(measured.row());
                    complete = measured.figures();
                }
            }
            Measured measured = measure(subject.method(), subject, complete);
            rows.add(measured.row());
            PaperTables.PaperTable paper = PaperTables.load().table(compareRun == null ? 1 : 4);
            options.show(above, AttributeTable.of(rows, paper));
            options.write(measured.figures(), subject);
        }
        return 0;
    }

    private static void requireWholePhotos(PhotoSubject other) {
        Preparation preparation =
                Preparation.parse(other.settings().data().evaluation().region());
        if (preparation.needsBox() || preparation.needsMask()) {
            throw new DataException(other.name() + " sees crops or masks ('" + preparation
                    + "'); --compare-run takes a run on whole photos, such as one of"
                    + " experiments/configs/rafclip-deepfashion-small-complete.yaml");
        }
    }

    private Measured measure(String method, PhotoSubject subject, Figures complete) throws InterruptedException {
        PhotoEvaluation photos = subject.prepare();
        boolean mirror = options.mirror(subject);
        AttributeResult result;
        try (JobProgress progress = new JobProgress("encoding", "photos")) {
            result = photos.attributes(subject.model(), mirror, progress);
        }
        String protocol =
                AttributeTable.protocol(subject.settings().data().evaluation().region(), mirror);
        return new Measured(
                new AttributeTable.Ours(method, result, subject.setting(protocol, options.heldOut())),
                new Figures(
                        subject.name().toString(),
                        subject.checkpoint(),
                        subject.settings().data().dir().toString(),
                        subject.split().name(),
                        options.heldOut(),
                        mirror,
                        subject.items().size(),
                        subject.photosTrainedOn(),
                        result.meanAccuracy(),
                        result.meanBalancedAccuracy(),
                        result.meanMacroF1(),
                        result.meanMajorityAccuracy(),
                        result.meanChance(),
                        result.groups(),
                        complete));
    }
}
