package org.rafclip.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.webdataset.WebDataset;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Makes a table of photos of WebDataset's shards. */
@Command(
        name = "unpack",
        description = {
            "Unpack tar shards in WebDataset's layout, as img2dataset writes them: of each sample its image, and its"
                    + " caption (.txt) and the fields of its .json as a line of a table of photos.",
            "Shards that are unpacked already are not unpacked again, so a run that was interrupted (Ctrl-C) goes on with"
                    + " the shard it was at, and shards can be added later. Exit code 1 if there is no photo in them, or if some of them cannot be read."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip data unpack shards/ --out ../data/mine",
            "  ./rafclip data unpack 00000.tar 00001.tar --out ../data/mine"
        })
final class DataUnpackCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "SHARD", arity = "1..*", description = "Tar files, or folders of them.")
    private List<Path> shards;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "DIR",
            description = "The folder to fill: a new or empty one, or one that shards were unpacked to.")
    private Path dir;

    @Option(
            names = "--show",
            paramLabel = "N",
            defaultValue = "10",
            description = "Problems of a kind that are listed; the others are counted. Default: ${DEFAULT-VALUE}.")
    private int show;

    @Override
    public Integer call() {
        CommandLines.atLeast(spec, "--show", show, 0);
        WebDataset.Report report;
        try (JobProgress progress = new JobProgress("unpacking", "MB")) {
            report = new WebDataset(dir, new ImageReader()).unpack(shards, progress);
        }
        print(report);
        boolean whole = report.badShards().isEmpty()
                && report.unreadable().isEmpty()
                && report.refused().isEmpty();
        return report.rows() > 0 && whole ? 0 : 1;
    }

    private void print(WebDataset.Report report) {
        PrintWriter out = spec.commandLine().getOut();
        out.printf(
                "%s: %d photos of %d samples in %d shards, %d of them unpacked before%n",
                report.rows() > 0 ? report.table() : dir,
                report.rows(),
                report.samples(),
                report.shards(),
                report.already());
        list(out, "shards that cannot be read, left out", report.badShards());
        count(out, "samples that were never fetched", report.failed());
        list(out, "samples without an image", report.withoutImage());
        list(out, "samples with an unreadable image, text or JSON, left out", report.unreadable());
        list(out, "entries refused", report.refused());
        count(out, "files of other kinds, not taken", report.otherFiles());
        count(out, "fields that can be no column, left out", report.otherFields());
        out.println(
                report.rows() > 0 ? "next: ./rafclip data check " + report.table() : "There is no photo to train on.");
        out.flush();
    }

    private void list(PrintWriter out, String what, List<String> entries) {
        if (entries.isEmpty()) {
            return;
        }
        out.printf("%s: %d%n", what, entries.size());
        entries.stream().limit(show).forEach(entry -> out.println("    " + entry));
        if (entries.size() > show) {
            out.printf("    ... and %d more%n", entries.size() - show);
        }
    }

    private static void count(PrintWriter out, String what, Map<String, Integer> counts) {
        if (!counts.isEmpty()) {
            out.printf(
                    "%s: %s%n",
                    what,
                    counts.entrySet().stream()
                            .map(entry -> entry.getKey() + " " + entry.getValue())
                            .collect(Collectors.joining(", ")));
        }
    }
}
