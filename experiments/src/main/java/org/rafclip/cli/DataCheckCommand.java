package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.rafclip.data.Progress;
import org.rafclip.data.check.DataCheck;
import org.rafclip.data.check.FashionIqCheck;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.table.ColumnUse;
import org.rafclip.data.table.PhotoTable;
import org.rafclip.data.table.TableSettings;
import org.rafclip.io.Sha256;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import org.rafclip.run.ReportFormat;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Looks through every line and photo of a data folder. */
@Command(
        name = "check",
        description = {
            "Read every annotation line and decode every photo of a folder in DeepFashion's or FashionIQ's layout, or of"
                    + " a table with a row a garment (.csv, .tsv, .jsonl, .parquet).",
            "Prints counts, label distribution and what is wrong, with file and line. Exit code 1 if there are"
                    + " problems that would stop a training."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip data check DIR",
            "  ./rafclip data check DIR --json check.json",
            "  ./rafclip data check photos.csv --images photos --groups fit,neck --column category=label"
        })
final class DataCheckCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "PHOTOS",
            description = "The folder in which Anno_fine and the photos lie, or captions, image_splits and images; or a"
                    + " table of photos.")
    private Path dir;

    @Option(names = "--images", paramLabel = "DIR", description = "Where the table's images lie. Default: beside it.")
    private Path images;

    @Option(
            names = "--groups",
            split = ",",
            paramLabel = "COLUMN",
            description = "The table's columns that hold attributes. Default: every one that looks like it.")
    private List<String> groups = List.of();

    @Option(
            names = "--column",
            paramLabel = "NAME=COLUMN",
            description = "What the table calls a column: category=label.")
    private Map<String, String> columns = Map.of();

    @Option(names = "--no-photos", description = "Read the table alone; do not look for its photos.")
    private boolean noPhotos;

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
    @ReportFormat(kind = "data-check", version = 1)
    private record Findings(
            String dir,
            boolean usable,
            List<ColumnUse> columns,
            List<DataCheck.Problem> problems,
            List<DataCheck.SplitReport> splits,
            List<DataCheck.Duplicate> duplicates,
            List<String> lookAlikes) {}

    /** What the findings depend on. */
    private record Checked(Path photos, TableSettings table) {}

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
            report = check(progress);
        }
        PrintWriter out = spec.commandLine().getOut();
        out.print(report.render(show));
        out.flush();
        if (json != null) {
            Provenance provenance =
                    CommandLines.provenance(spec, new Checked(dir, table()), 0, annotations(), libraries, threads);
            new JsonReport<>(
                            new Findings(
                                    dir.toString(),
                                    report.usable(),
                                    report.columns(),
                                    report.problems(),
                                    report.splits(),
                                    report.duplicates(),
                                    report.lookAlikes()),
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
                    spec, new Checked(dir, table()), 0, Sha256.of(check.splits().toString()), libraries, threads);
            new JsonReport<>(new FashionIqFindings(dir.toString(), check.usable(), check.splits()), provenance)
                    .write(json);
        }
        return check.usable() ? 0 : 1;
    }

    private TableSettings table() {
        return new TableSettings(images, groups, columns);
    }

    private DataCheck.Report check(Progress progress) throws InterruptedException {
        if (PhotoTable.isTable(dir)) {
            return DataCheck.table(
                    dir, table(), noPhotos ? Optional.empty() : Optional.of(new ImageReader()), threads, progress);
        }
        if (noPhotos || !table().equals(TableSettings.DEFAULT)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--images, --groups, --column and --no-photos are for a table, but " + dir + " is a folder");
        }
        return DataCheck.run(dir, new ImageReader(), threads, progress);
    }

    /** A name for the annotation files, right or wrong. */
    private String annotations() throws IOException {
        if (PhotoTable.isTable(dir)) {
            return Sha256.of(dir);
        }
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
