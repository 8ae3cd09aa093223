package org.rafclip.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.region.RegionLoader;
import org.rafclip.data.segment.MaskCache;
import org.rafclip.data.segment.Segmenter;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.photos.SegmenterChoice;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Computes the masks of a split ahead of training. */
@Command(
        name = "masks",
        description = {
            "Compute the garment masks of a split and keep them for train and eval.",
            "Masks that are there already are not computed again, so a run that was interrupted (Ctrl-C) goes on where"
                    + " it stopped. Exit code 1 if a photo could not be read."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip data masks --data photos.csv",
            "  ./rafclip data masks --data DIR --split test",
            "  ./rafclip data masks --data DIR --split train --segmenter sam --sam-encoder sam/encoder.onnx --sam-decoder sam/decoder.onnx"
        })
final class DataMasksCommand implements Callable<Integer> {

    private static final int SHOWN = 10;

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--data",
            required = true,
            paramLabel = "DIR",
            description = "The folder in which Anno_fine and the photos lie, or a table of photos.")
    private Path dir;

    @Option(
            names = "--split",
            defaultValue = "train",
            paramLabel = "NAME",
            description = "The list, train for train.txt, or a table's split. Default: ${DEFAULT-VALUE}.")
    private String split;

    @Option(
            names = "--segmenter",
            defaultValue = "grabcut",
            paramLabel = "NAME",
            description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private SegmenterChoice segmenter;

    @Mixin
    private SamOptions sam;

    @Option(
            names = "--cache",
            defaultValue = "runs/cache/masks",
            paramLabel = "DIR",
            description = "Where masks are kept; a run's data.cache. Default: ${DEFAULT-VALUE}.")
    private Path cache;

    @Option(
            names = "--threads",
            defaultValue = "2",
            paramLabel = "N",
            description = "Masks computed side by side. Default: ${DEFAULT-VALUE}.")
    private int threads;

    @Override
    public Integer call() throws Exception {
        CommandLines.atLeast(spec, "--threads", threads, 1);
        FashionSplit photos = new PhotoSplits().split(dir, split).annotations();
        Segmenter chosen = PhotoData.segmenter(segmenter, dir, sam.settings(spec, List.of(segmenter)));
        MaskCache masks = new MaskCache(cache, chosen);
        MaskCache.FillReport report;
        try (JobProgress progress = new JobProgress("masks", "masks")) {
            report = CommandLines.stoppable(
                    () -> masks.fill(RegionLoader.maskRequests(photos, new ImageReader()), threads, progress),
                    () -> "the masks computed so far are kept, the same command goes on");
        }
        print(report);
        sam.printCost(spec.commandLine().getOut(), chosen);
        return report.failures().isEmpty() ? 0 : 1;
    }

    private void print(MaskCache.FillReport report) {
        PrintWriter out = spec.commandLine().getOut();
        int failed = report.failures().size();
        out.printf(
                "%d masks in %s: %d computed%s, %d there already%n",
                report.requested() - failed,
                cache,
                report.computed(),
                report.repaired() > 0 ? " (" + report.repaired() + " of them had a damaged file)" : "",
                report.requested() - failed - report.computed());
        out.printf(
                "%d are the plain box, because the segmenter found no garment in it%n",
                report.fallbacks().size());
        list(out, report.fallbacks());
        if (failed > 0) {
            out.printf("%d photos without a mask; ./rafclip data check %s tells more%n", failed, dir);
            list(
                    out,
                    report.failures().stream()
                            .map(failure -> failure.id() + ": " + failure.message())
                            .toList());
        }
        out.flush();
    }

    private static void list(PrintWriter out, List<String> entries) {
        entries.stream().limit(SHOWN).forEach(entry -> out.println("    " + entry));
        if (entries.size() > SHOWN) {
            out.printf("    ... and %d more%n", entries.size() - SHOWN);
        }
    }
}
