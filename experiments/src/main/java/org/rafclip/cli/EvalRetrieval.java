package org.rafclip.cli;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.rafclip.eval.PaperTables;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.eval.RetrievalResult;
import org.rafclip.eval.RetrievalTable;
import org.rafclip.photos.PhotoConfig;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Text ↔ image retrieval: the paper's Table 2. */
@Command(
        name = "retrieval",
        description = {
            "Measure text-image retrieval and print it beside the paper's Table 2.",
            "Each photo's text is a photo of {color} {attributes} {category}. Instance level: only the photo a text came"
                    + " from is right; label level: every photo with the same labels is."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip eval retrieval --run runs/raf --data DIR --split train --held-out",
            "  ./rafclip eval retrieval --run runs/raf --data DIR --split test --json runs/raf/retrieval.json"
        })
final class EvalRetrieval implements Callable<Integer> {

    @Mixin
    private PhotoOptions options;

    @Option(
            names = "--images",
            defaultValue = "regions",
            paramLabel = "FORM",
            description = "Which image of a garment is searched: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private PhotoEvaluation.Images images;

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
            String images,
            int photos,
            Integer trainedOn,
            int distinctTexts,
            int distinctLabels,
            RetrievalResult.Direction textToImage,
            RetrievalResult.Direction imageToText) {}

    @Override
    public Integer call() throws IOException, InterruptedException {
        try (PhotoSubject subject = options.open()) {
            boolean mirror = options.mirror(subject);
            PhotoEvaluation photos = subject.prepare();
            RetrievalResult result;
            try (JobProgress progress = new JobProgress("encoding", "photos")) {
                result = photos.retrieval(subject.model(), images, mirror, progress);
            }
            PhotoConfig.Branches branches = subject.settings().data().evaluation();
            String protocol = RetrievalTable.protocol(
                    images == PhotoEvaluation.Images.CROPS ? branches.crop() : branches.region(), mirror);
            options.show(
                    List.of(subject.novelty(options.heldOut())),
                    RetrievalTable.of(
                            List.of(new RetrievalTable.Ours(
                                    subject.method(), result, subject.setting(protocol, options.heldOut()))),
                            PaperTables.load().table(2)));
            options.write(
                    new Figures(
                            subject.name().toString(),
                            subject.checkpoint(),
                            subject.settings().data().dir().toString(),
                            subject.split().name(),
                            options.heldOut(),
                            mirror,
                            images.name().toLowerCase(Locale.ROOT),
                            subject.items().size(),
                            subject.photosTrainedOn(),
                            result.distinctTexts(),
                            result.distinctLabels(),
                            result.textToImage(),
                            result.imageToText()),
                    subject);
        }
        return 0;
    }
}
