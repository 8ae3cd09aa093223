package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.rafclip.report.Report;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes results as a page. */
@Command(
        name = "report",
        description = {
            "Write what a folder holds as one HTML page and as Markdown: tables beside the paper's, curves, confusion"
                    + " matrices, examples, provenance.",
            "Examples and the weights of AGCN's branches are those that ./rafclip eval kept by --json in a run's folder.",
            "The page holds its pictures and needs no network. What is missing or damaged is named on it."
        },
        footer = {"", "Examples:", "  ./rafclip report runs/raf", "  ./rafclip report runs --out pages/runs"})
final class ReportCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "DIR", description = "A training run's output.dir, a folder of runs, or a suite's folder.")
    private Path dir;

    @Option(names = "--out", paramLabel = "DIR", description = "Where to write. Default: into DIR itself.")
    private Path out;

    @Override
    public Integer call() throws IOException {
        Report.Written written = Report.write(dir, out == null ? dir : out);
        PrintWriter print = spec.commandLine().getOut();
        written.notes().forEach(print::println);
        print.println(written.html());
        print.println(written.markdown());
        print.flush();
        return 0;
    }
}
