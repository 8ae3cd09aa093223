package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.rafclip.data.check.DataCheck;
import org.rafclip.data.check.FashionIqCheck;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.image.ImageReader;
import org.rafclip.io.Sha256;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import org.rafclip.run.ReportFormat;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Looks through every line and photo of a data folder. */
@Command(
        name = "check",
        description = {
            "Read every annotation line and decode every photo of a folder in DeepFashion's or FashionIQ's layout.",
            "Prints counts, label distribution and what is wrong, with file and line. Exit code 1 if there are"
                    + " problems that would stop a training."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip data check ../data/deepfashion-fine",
            "  ./rafclip data check ../data/deepfashion-fine --json check.json"
        })
final class DataCheckCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "DIR",
            description = "The folder in which Anno_fine and the photos lie, or captions, image_splits and images.")
    private Path dir;

    @Option(
            names = "--show",
            paramLabel = "N",
            defaultValue = "10",
            description = "Problems of a kind that are listed; the others are counted. Default: ${DEFAULT-VALUE}.")
    private int show;

    @Option(
            names = "--threads",
            paramLabel = "N",
            defaultValue = "2",
            description = "Photos decoded side by side. Default: ${DEFAULT-VALUE}.")
    private int threads;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write counts, label distributions and every problem, with provenance.")
    private Path json;

    /**
     * What {@code --json} writes.
     *
     * @param usable whether a training on it would not stop with an error
     */
    private record Findings(
            String dir, boolean usable, List<DataCheck.SplitReport> splits, List<DataCheck.Duplicate> duplicates) {}

    /** What the findings depend on. */
    private record Checked(Path dir) {}

    @Override
    public Integer call() throws IOException, InterruptedException {
        CommandLines.atLeast(spec, "--show", show, 0);
        CommandLines.atLeast(spec, "--threads", threads, 1);
        // OpenCV would load a BLAS of its own.
        Map<String, String> libraries = json == null ? Map.of() : Machine.libraries();
        if (Files.isDirectory(dir.resolve("captions")) && !Files.isDirectory(dir.resolve(FashionSplit.FOLDER))) {
            return fashionIq(libraries);
        }
        DataCheck.Report report;
        try (JobProgress progress = new JobProgress("checking", "photos")) {
            report = DataCheck.run(dir, new ImageReader(), threads, progress);
        }
        PrintWriter out = spec.commandLine().getOut();
        out.print(report.render(show));
        out.flush();
        if (json != null) {
            Provenance provenance =
                    CommandLines.provenance(spec, new Checked(dir), 0, annotations(), libraries, threads);
            new JsonReport<>(
                            new Findings(dir.toString(), report.usable(), report.splits(), report.duplicates()),
                            provenance)
                    .write(json);
        }
        return report.usable() ? 0 : 1;
    }

    /** What {@code --json} writes of a folder in FashionIQ's layout. */
    @ReportFormat(kind = "fashioniq-check", version = 1)
    private record FashionIqFindings(String dir, boolean usable, List<FashionIqCheck.Split> splits) {}

    private int fashionIq(Map<String, String> libraries) throws IOException, InterruptedException {
        FashionIqCheck check;
        try (JobProgress progress = new JobProgress("checking", "images")) {
            check = FashionIqCheck.run(FashionIq.open(dir), new ImageReader(), threads, progress);
        }
        PrintWriter out = spec.commandLine().getOut();
        out.print(check.render(show));
        out.flush();
        if (json != null) {
            Provenance provenance = CommandLines.provenance(
                    spec, new Settings(dir), 0, Sha256.of(check.splits().toString()), libraries, threads);
            new JsonReport<>(new FashionIqFindings(dir.toString(), check.usable(), check.splits()), provenance)
                    .write(json);
        }
        return check.usable() ? 0 : 1;
    }

    /** A name for the annotation files, right or wrong. */
    private String annotations() throws IOException {
        List<Path> files;
        try (Stream<Path> entries = Files.list(dir.resolve(FashionSplit.FOLDER))) {
            files = entries.filter(Files::isRegularFile).sorted().toList();
        }
        StringBuilder text = new StringBuilder();
        for (Path file : files) {
            text.append(Sha256.of(file)).append("  ").append(file.getFileName()).append('\n');
        }
        return Sha256.of(text.toString());
    }
}
