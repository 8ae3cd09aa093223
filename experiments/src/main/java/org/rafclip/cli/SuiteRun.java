package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.experiment.Experiment;
import org.rafclip.experiment.ExperimentResult;
import org.rafclip.experiment.Experiments;
import org.rafclip.experiment.Lab;
import org.rafclip.experiment.Suite;
import org.rafclip.experiment.SuiteConfig;
import org.rafclip.experiment.SuiteModels;
import org.rafclip.report.Report;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Runs a suite for a command: plan, progress, tables. */
final class SuiteRun {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--only",
            split = ",",
            paramLabel = "ID",
            description = "Only these experiments of the suite, or others: table1 … table5, figure3 … figure6,"
                    + " ablation-alpha, …")
    private List<String> only = List.of();

    /** @return the exit code: 1 where an experiment failed */
    int run(SuiteConfig config, Path file, boolean planOnly) throws IOException, InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        List<Experiment> experiments = Experiments.named(only.isEmpty() ? config.experiments() : only);
        Lab.Origin origin =
                new Lab.Origin(Machine.libraries(), CommandLines.arguments(spec), Clock.systemUTC(), Machine.code());
        try (Console console = new Console(out);
                Suite suite = new Suite(config, file, origin, console)) {
            Suite.Plan plan = suite.plan(experiments);
            out.println(config.title());
            plan.models().forEach(planned -> out.println("  " + planned.line()));
            plan.problems().forEach((id, problem) -> out.println("  " + id + " CANNOT BE DONE: " + problem));
            out.printf(
                    Locale.ROOT,
                    "%d experiments, %d models to make in about %.0f min at the speed that this machine has now%n",
                    experiments.size(),
                    plan.models().stream().filter(planned -> !planned.done()).count(),
                    Math.ceil(plan.seconds() / 60));
            out.flush();
            if (planOnly) {
                return plan.problems().isEmpty() ? 0 : 1;
            }
            List<ExperimentResult> results = suite.run(experiments);
            results.stream().flatMap(result -> result.tables().stream()).forEach(table -> {
                out.println();
                out.print(table.toText());
            });
            out.println();
            Path dir = config.output().dir();
            out.println("Results: " + dir.resolve("results"));
            Optional<SuiteModels> models = suite.models();
            models.ifPresent(trained -> out.println("Models:  " + trained.rafclip()
                    + (trained.agcn() == null ? "" : System.lineSeparator() + "         " + trained.agcn())));
            try {
                out.println("Report:  " + Report.write(dir, dir).html());
            } catch (DataException | IOException e) {
                out.println("The report could not be written (" + e.getMessage() + "); ./rafclip report " + dir
                        + " tries again");
                out.flush();
                failures(results);
                return 1;
            }
            models.ifPresent(
                    trained -> out.println("On a photo of your own: ./rafclip recognise --run " + dir + " PHOTO"));
            out.flush();
            return failures(results);
        }
    }

    private int failures(List<ExperimentResult> results) {
        List<ExperimentResult> failed =
                results.stream().filter(result -> result.error() != null).toList();
        PrintWriter err = spec.commandLine().getErr();
        failed.forEach(result -> err.println("rafclip: " + result.id() + " failed: " + result.error()));
        return failed.isEmpty() ? 0 : 1;
    }

    private static final class Console implements Lab.Watcher, AutoCloseable {

        private final PrintWriter out;
        private final JobStages stages = new JobStages();

        Console(PrintWriter out) {
            this.out = out;
        }

        @Override
        public Progress stage(String name, int total) {
            return stages.stage(name, total);
        }

        @Override
        public void say(String line) {
            stages.end();
            out.println(line);
            out.flush();
        }

        @Override
        public void failed(String experiment, Throwable error) {
            stages.end();
            if (Complaint.of(error) == null) {
                out.println(experiment + ": a fault of the program, please report it:");
                error.printStackTrace(out);
            }
        }

        @Override
        public void close() {
            stages.close();
        }
    }
}
