package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
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
            "Write what a folder holds as one HTML page and as Markdown: what was found, pictures, tables beside the paper's,"
                    + " curves, confusion matrices, provenance.",
            "Two or more runs, or two or more suites, stand side by side: what differs in their configuration, their curves"
                    + " together, their tables with differences and the spread of seeds.",
            "Examples and the weights of AGCN's branches are those that ./rafclip eval kept by --json in a run's folder.",
            "The page holds its pictures and needs no network. What is missing or damaged is named on it."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip report runs/raf",
            "  ./rafclip report runs --out pages/runs",
            "  ./rafclip report runs/raf runs/raf-alpha --out pages/alpha"
        })
final class ReportCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "DIR",
            arity = "1..*",
            description = "A training run's output.dir, a folder of runs, or a suite's folder; several runs or several"
                    + " suites are compared.")
    private List<Path> dirs;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Where to write. Default: into DIR itself; of several, into report-NAME-NAME here.")
    private Path out;

    @Override
    public Integer call() throws IOException {
        Report.Written written = Report.write(dirs, out == null ? place() : out);
        PrintWriter print = spec.commandLine().getOut();
        written.notes().forEach(print::println);
        print.println(written.html());
        print.println(written.markdown());
        print.flush();
        return 0;
    }

    private Path place() {
        return dirs.size() == 1
                ? dirs.get(0)
                : Path.of(dirs.stream()
                        .map(dir -> dir.toAbsolutePath().normalize().getFileName())
                        .map(name -> name == null ? "root" : name.toString())
                        .collect(Collectors.joining("-", "report-", "")));
    }
}
