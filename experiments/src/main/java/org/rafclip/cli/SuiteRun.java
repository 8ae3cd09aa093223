package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.experiment.Experiment;
import org.rafclip.experiment.ExperimentResult;
import org.rafclip.experiment.Experiments;
import org.rafclip.experiment.Lab;
import org.rafclip.experiment.Results;
import org.rafclip.experiment.Suite;
import org.rafclip.experiment.SuiteConfig;
import org.rafclip.experiment.SuiteHelper;
import org.rafclip.launch.Training;
import org.rafclip.report.Report;
import org.rafclip.run.Machines;
import org.rafclip.run.TaskCluster;
import org.rafclip.search.SuiteModels;
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

    /**
     * @param machines that help, empty for this process alone
     * @return the exit code: 1 where an experiment failed
     */
    int run(SuiteConfig config, Path file, boolean planOnly, Optional<Machines> machines)
            throws IOException, InterruptedException {
        Optional<TaskCluster> cluster = machines.map(any -> Machines.service(TaskCluster.class));
        PrintWriter out = spec.commandLine().getOut();
        out.println(config.title());
        out.flush();
        List<Experiment> experiments = Experiments.named(only.isEmpty() ? config.experiments() : only);
        Machine.loadNd4j();
        Lab.Origin origin =
                new Lab.Origin(Machine.libraries(), CommandLines.arguments(spec), Clock.systemUTC(), Machine.code());
        try (Console console = new Console(out);
                Suite suite = planOnly
                        ? Suite.planning(config, file, origin, console)
                        : new Suite(config, file, origin, console)) {
            Suite.Plan plan = suite.plan(experiments);
            console.end();
            plan.models().forEach(planned -> out.println("  " + planned.line()));
            plan.problems().forEach((id, problem) -> out.println("  " + id + " CANNOT BE DONE: " + problem));
            long toMake =
                    plan.models().stream().filter(planned -> !planned.done()).count();
            out.printf(
                    Locale.ROOT,
                    "%d experiments, %s%n",
                    experiments.size(),
                    toMake == 0
                            ? "all models are there"
                            : String.format(
                                    Locale.ROOT,
                                    "%d models to make in about %.0f min while nothing else runs here",
                                    toMake,
                                    Math.ceil(plan.seconds() / 60)));
            out.flush();
            if (planOnly) {
                return plan.problems().isEmpty() ? 0 : 1;
            }
            if (cluster.isPresent()) {
                List<TaskCluster.Task> tasks = suite.tasks(experiments);
                if (!tasks.isEmpty()) {
                    Map<String, String> failures = cluster.get()
                            .run(
                                    machines.get(),
                                    SuiteHelper.class,
                                    SuiteHelper.settings(config, file, experiments, origin),
                                    tasks,
                                    new TaskProgress(tasks.size(), console::say));
                    suite.failedElsewhere(experiments, failures);
                }
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
                out.println("Report:  "
                        + (suite.made() || !stands(dir) ? Report.write(dir, dir).html() : dir.resolve(Report.HTML)));
            } catch (DataException | IOException e) {
                out.println("The report could not be written (" + e.getMessage() + "); ./rafclip report " + dir
                        + " tries again");
                out.flush();
                failures(results);
                return 1;
            }
            models.ifPresent(trained -> next(dir, suite.photos(), out));
            out.flush();
            return failures(results);
        }
    }

    /** Whether the report is there, and no result is later than it. */
    private static boolean stands(Path dir) throws IOException {
        Path report = dir.resolve(Report.HTML);
        if (!Files.isRegularFile(report)) {
            return false;
        }
        FileTime written = Files.getLastModifiedTime(report);
        for (Path result : new Results(dir).files()) {
            if (Files.getLastModifiedTime(result).compareTo(written) > 0) {
                return false;
            }
        }
        return true;
    }

    /** Commands that can be pasted: what the models know of a photo, and a search among those that they were measured on. */
    private static void next(Path dir, Path photos, PrintWriter out) {
        out.println("On photos, such as those in " + photos + " or your own:");
        out.println("  ./rafclip recognise --run " + dir + " PHOTO");
        Training.search(dir, photos).forEach(command -> out.println("  " + Examples.COMMAND + command));
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

        void end() {
            stages.end();
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
