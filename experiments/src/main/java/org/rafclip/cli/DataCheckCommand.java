package org.rafclip.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.rafclip.data.check.DataCheck;
import org.rafclip.data.image.ImageReader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Looks through every line and photo of a data folder. */
@Command(
        name = "check",
        description = {
            "Read every annotation line and decode every photo of a DeepFashion folder.",
            "Prints counts, label distribution and what is wrong, with file and line. Exit code 1 if there are"
                    + " problems that would stop a training."
        },
        footer = {"", "Example:", "  ./rafclip data check ../data/deepfashion-fine"})
final class DataCheckCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "DIR", description = "The folder in which Anno_fine and the photos lie.")
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

    @Override
    public Integer call() throws InterruptedException {
        CommandLines.atLeast(spec, "--show", show, 0);
        CommandLines.atLeast(spec, "--threads", threads, 1);
        DataCheck.Report report;
        try (JobProgress progress = new JobProgress("checking", "photos")) {
            report = DataCheck.run(dir, new ImageReader(), threads, progress);
        }
        PrintWriter out = spec.commandLine().getOut();
        out.print(report.render(show));
        out.flush();
        return report.usable() ? 0 : 1;
    }
}
