package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.rafclip.run.Machines;
import org.rafclip.run.TaskCluster;
import org.rafclip.sweep.SweepHelper;
import org.rafclip.sweep.SweepPlan;
import org.rafclip.sweep.SweepResult;
import org.rafclip.sweep.SweepRun;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Searches hyperparameters. */
@Command(
        name = "sweep",
        description = {
            "Search hyperparameters: runs of one configuration whose keys take random values or those of a grid.",
            "The YAML file names the configuration (base), the spaces of its keys and the metric. Further arguments"
                    + " override its keys (trials, seed, output.dir, ...); keys that it does not have are the base's"
                    + " (data.dir, train.epochs, ...). The same command goes on after an interruption: trials that"
                    + " ended are kept, one that was under way goes on from its last checkpoint. More trials of a"
                    + " random search are further ones.",
            "With --master, trials are done side by side, each by a process of Spark's machines; what comes out is the same.",
            "Exit code 1 if no trial has a score."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip sweep experiments/configs/sweep-agcn.yaml data.dir=DIR rafclip.run=runs/raf output.dir=runs/sweep --plan",
            "  ./rafclip sweep experiments/configs/sweep-agcn.yaml data.dir=DIR rafclip.run=runs/raf output.dir=runs/sweep",
            "  ./rafclip sweep experiments/configs/sweep-rafclip.yaml data.dir=DIR output.dir=runs/sweep --master spark://HOST:7077"
        })
final class SweepCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Mixin
    private MachineOptions machines;

    @Parameters(index = "0", paramLabel = "SWEEP", description = "The sweep's YAML file.")
    private Path file;

    @Parameters(
            index = "1..*",
            paramLabel = "KEY=VALUE",
            description = "Overrides such as trials=40 or train.epochs=5.")
    private List<String> overrides = List.of();

    @Option(names = "--plan", description = "Print the trials and what has become of them; run nothing.")
    private boolean planOnly;

    @Option(names = "--retry-failed", description = "Try again what failed earlier.")
    private boolean retryFailed;

    private SweepRun.Elsewhere elsewhere(Machines asked) {
        TaskCluster cluster = Machines.service(TaskCluster.class);
        return trials -> cluster.run(
                asked,
                SweepHelper.class,
                SweepHelper.settings(file, overrides, Machine.libraries(), CommandLines.arguments(spec)),
                trials,
                new TaskProgress(trials.size(), System.err::println));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        SweepPlan plan = SweepPlan.load(file, overrides);
        if (planOnly) {
            out.print(plan.toTable().toText());
            out.flush();
            return 0;
        }
        Machine.loadNd4j();
        SweepRun run =
                new SweepRun(plan, retryFailed, Machine.libraries(), CommandLines.arguments(spec), System.err::println);
        SweepResult result = run.run(machines.machines().map(this::elsewhere).orElse(null));
        out.print(result.toTable().toText());
        out.printf("%nFiles: results.json, results.csv, scatter.png, parallel.png in %s%n", plan.dir());
        if (result.scored().isEmpty()) {
            return 1;
        }
        out.printf("Best: %s%n", result.scored().get(0).folder());
        out.flush();
        return 0;
    }
}
