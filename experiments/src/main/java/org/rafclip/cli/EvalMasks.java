package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.rafclip.data.coparsing.CoParsing;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.segment.Segmenter;
import org.rafclip.io.Sha256;
import org.rafclip.measure.MaskEvaluation;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.SamConfig;
import org.rafclip.photos.SegmenterChoice;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Measures segmenters on drawn masks. */
@Command(
        name = "masks",
        description = {
            "Measure how well segmenters find garments from their boxes, beside masks that people have drawn.",
            "Prints the mean intersection over union, over all garments and by label, on the co-parsing photos."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip eval masks --data DIR",
            "  ./rafclip eval masks --data DIR --segmenter grabcut --limit 100 --json masks.json"
        })
final class EvalMasks implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--data",
            required = true,
            paramLabel = "DIR",
            description = "The folder with photos, masks and labels.txt.")
    private Path dir;

    @Option(
            names = "--segmenter",
            split = ",",
            defaultValue = "grabcut,box,ellipse",
            paramLabel = "NAME",
            description = "${COMPLETION-CANDIDATES}; several with commas. Default: ${DEFAULT-VALUE}.")
    private List<SegmenterChoice> segmenters;

    @Mixin
    private SamOptions sam;

    @Option(names = "--limit", paramLabel = "N", description = "Only the first photos. Default: all.")
    private int limit = Integer.MAX_VALUE;

    @Option(
            names = "--threads",
            defaultValue = "2",
            paramLabel = "N",
            description = "Photos measured side by side. Default: ${DEFAULT-VALUE}.")
    private int threads;

    @Option(names = "--json", paramLabel = "FILE", description = "Write every figure, with provenance.")
    private Path json;

    /** What the figures depend on besides the data. */
    private record Inputs(List<String> segmenters, int photos) {}

    @Override
    public Integer call() throws IOException, InterruptedException {
        CommandLines.atLeast(spec, "--limit", limit, 1);
        CommandLines.atLeast(spec, "--threads", threads, 1);
        // OpenCV would load a BLAS of its own.
        Map<String, String> libraries = Machine.libraries();
        CoParsing data = CoParsing.open(dir);
        SamConfig networks = sam.settings(spec, segmenters);
        List<Segmenter> measured = segmenters.stream()
                .map(choice -> PhotoData.segmenter(choice, dir, networks))
                .toList();
        MaskEvaluation result;
        try (JobProgress progress = new JobProgress("measuring masks", "photos")) {
            result = MaskEvaluation.run(data, new ImageReader(), measured, limit, threads, progress);
        }
        PrintWriter out = spec.commandLine().getOut();
        out.print(result.render());
        out.flush();
        measured.forEach(segmenter -> sam.printCost(out, segmenter));
        if (json != null) {
            Provenance provenance = CommandLines.provenance(
                    spec,
                    new Inputs(
                            result.scores().stream()
                                    .map(MaskEvaluation.Score::segmenter)
                                    .toList(),
                            result.photos()),
                    0,
                    fingerprint(data, result.photos()),
                    libraries,
                    threads);
            new JsonReport<>(result, provenance).write(json);
        }
        return 0;
    }

    private static String fingerprint(CoParsing data, int photos) throws IOException {
        StringBuilder text = new StringBuilder(new TreeMap<>(data.labels()).toString());
        for (String name : data.photos().subList(0, photos)) {
            text.append('\n').append(Sha256.of(data.dir().resolve(data.photo(name))));
            text.append(' ').append(Sha256.of(data.dir().resolve("masks").resolve(name + ".png")));
        }
        return Sha256.of(text.toString());
    }
}
