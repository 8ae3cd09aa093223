package org.rafclip.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.rafclip.data.drawn.DrawnData;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Draws a data set. */
@Command(
        name = "generate",
        description = {
            "Draw photos of garments with exact labels, boxes and masks, in DeepFashion's and FashionIQ's layouts.",
            "The same seed draws the same pictures. A run that was interrupted (Ctrl-C) goes on where it stopped when it is"
                    + " started again with the same settings."
        },
        footer = {"", "Example:", "  ./rafclip data generate --out runs/generated --images 2000 --seed 7"})
final class DataGenerateCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "DIR",
            description = "The folder to fill: a new or empty one, or one of an interrupted run.")
    private Path dir;

    @Option(
            names = "--images",
            defaultValue = "2000",
            paramLabel = "N",
            description = "Photos in all splits together. Default: ${DEFAULT-VALUE}.")
    private int images;

    @Option(
            names = "--size",
            defaultValue = "256",
            paramLabel = "PIXELS",
            description = "A photo's longer side. Default: ${DEFAULT-VALUE}.")
    private int size;

    @Option(names = "--seed", defaultValue = "1", paramLabel = "N", description = "Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--threads",
            defaultValue = "2",
            paramLabel = "N",
            description = "Photos drawn side by side. Default: ${DEFAULT-VALUE}.")
    private int threads;

    @Override
    public Integer call() throws InterruptedException {
        CommandLines.atLeast(spec, "--threads", threads, 1);
        DrawnData.Drawing drawing;
        try {
            drawing = new DrawnData.Drawing(images, size, seed);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage());
        }
        Provenance provenance = CommandLines.provenance(spec, drawing, seed, "", Map.of(), threads);
        DrawnData.Report report;
        try (JobProgress progress = new JobProgress("drawing", "photos")) {
            report = DrawnData.write(dir, drawing, threads, progress);
        }
        new JsonReport<>(report, provenance).write(dir.resolve("provenance.json"));
        PrintWriter out = spec.commandLine().getOut();
        out.printf("%s: %s%n", dir, counts(report.images()));
        out.printf(
                "%d photos drawn%s, %d there already%n",
                report.drawn(),
                report.redrawn() > 0 ? " (" + report.redrawn() + " more than once, for their color or visibility)" : "",
                images - report.drawn());
        out.printf("triplets of relative captions: %s%n", counts(report.triplets()));
        List<String> without = report.withoutTriplets();
        if (!without.isEmpty()) {
            out.printf("too few photos for triplets: %s%n", String.join(", ", without));
        }
        out.printf("look at %s%n", dir.resolve("contact-sheet.png"));
        out.flush();
        return 0;
    }

    private static String counts(Map<String, Integer> counts) {
        return counts.entrySet().stream()
                .map(entry -> entry.getKey() + " " + entry.getValue())
                .collect(Collectors.joining(", "));
    }
}
