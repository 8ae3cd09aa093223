package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.rafclip.launch.RafClipTraining;
import org.rafclip.launch.SharedTraining;
import org.rafclip.launch.Training;
import org.rafclip.run.Machines;
import org.rafclip.run.SharedCluster;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RunFolder;
import org.rafclip.train.TrainingLoop;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Trains from one YAML file. */
@Command(
        name = "train",
        description = {
            "Train from a YAML file; further arguments override its keys.",
            "A file with a section composer trains AGCN or another composer on features of a finished RaF-CLIP run, any"
                    + " other file RaF-CLIP.",
            "With --master, processes of Spark's machines share every batch of RaF-CLIP: each embeds a part of it, the loss is"
                    + " taken on all of it, and all take the same step. Where one is lost, all go on from the last checkpoint."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip train experiments/configs/rafclip-deepfashion-small.yaml data.dir=DIR output.dir=runs/raf",
            "  ./rafclip train experiments/configs/rafclip-deepfashion-small.yaml data.dir=DIR output.dir=runs/raf --resume",
            "  ./rafclip train runs/raf --resume train.epochs=200",
            "  ./rafclip train experiments/configs/agcn-deepfashion-small.yaml data.dir=DIR rafclip.run=runs/raf output.dir=runs/agcn",
            "  ./rafclip train experiments/configs/rafclip-deepfashion.yaml data.dir=DIR output.dir=runs/raf --master spark://HOST:7077"
                    + " --workers 8 --executor-cores 16"
        })
final class TrainCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Parameters(
            index = "0",
            paramLabel = "CONFIG",
            description = "The run's YAML file; with --resume also the folder of a run, which has it.")
    private Path config;

    @Parameters(index = "1..*", paramLabel = "KEY=VALUE", description = "Overrides such as train.batch-size=64.")
    private List<String> overrides = List.of();

    @Option(
            names = "--resume",
            description =
                    "Go on with the run in output.dir, or in the folder given as CONFIG, from its last checkpoint; with"
                            + " a larger train.epochs, beyond the end that it was to have.")
    private boolean resume;

    @Mixin
    private MachineOptions machineOptions;

    @Option(
            names = "--workers",
            paramLabel = "N",
            defaultValue = "2",
            description = "With --master: processes that share every batch. Default: ${DEFAULT-VALUE}.")
    private int workers;

    @Override
    public Integer call() throws Exception {
        CommandLines.atLeast(spec, "--workers", workers, 1);
        boolean folder = Files.isDirectory(config);
        Path file = folder ? resumed(config) : config;
        List<String> settings = new ArrayList<>();
        if (folder) {
            // It may have been moved since it began.
            settings.add("output.dir='" + config.toString().replace("'", "''") + "'");
        }
        settings.addAll(overrides);
        Training training = Training.load(file, settings);
        Optional<Machines> machines = machineOptions.machines();
        Machine.loadNd4j();
        TrainingLoop.Outcome outcome = machines.isPresent()
                ? shared(training, file, settings, machines.get())
                : CommandLines.stoppable(
                        () -> training.train(
                                resume, training.provenance(Machine.libraries(), CommandLines.arguments(spec))),
                        () -> training.folder().checkpoints().isEmpty()
                                ? "nothing was kept before the first checkpoint, the same command starts again"
                                : "the same command with --resume goes on from the last checkpoint");
        PrintWriter out = spec.commandLine().getOut();
        out.printf(
                Locale.ROOT,
                "%d steps done%s; %s%n",
                outcome.steps(),
                outcome.stoppedEarly() ? " (stopped early)" : "",
                outcome.bestScore()
                        .map(best -> String.format(
                                Locale.ROOT,
                                "best %s on photos kept out of the training: %.2f %%",
                                training.score(),
                                100 * best))
                        .orElse("no validation"));
        out.println("Next:");
        training.next().forEach(command -> out.println("  " + Examples.COMMAND + command));
        return 0;
    }

    /** The file of a run's own configuration. */
    private Path resumed(Path folder) {
        if (!resume) {
            throw new ParameterException(
                    spec.commandLine(),
                    folder + " is a folder: give a run's YAML file, or go on with the run in that folder by --resume");
        }
        return RunFolder.open(folder).configFile();
    }

    private TrainingLoop.Outcome shared(Training training, Path file, List<String> settings, Machines machines)
            throws IOException {
        if (!(training instanceof RafClipTraining)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--master shares the training of RaF-CLIP; a composer's takes minutes on one machine, and sweep --master"
                            + " does many of them side by side");
        }
        if (!resume) {
            // A group that was lost resumes its own run.
            training.folder().requireFree();
        }
        SharedCluster cluster = Machines.service(SharedCluster.class);
        PrintWriter err = spec.commandLine().getErr();
        FollowedSteps steps = new FollowedSteps(training.folder().metricsFile(), err::println);
        try {
            cluster.run(
                    machines,
                    workers,
                    SharedTraining.class,
                    SharedTraining.settings(file, settings, resume, Machine.libraries(), CommandLines.arguments(spec)),
                    line -> err.println("rafclip: " + line));
        } finally {
            steps.close();
        }
        Path last = training.folder().checkpoints().find(Checkpoints.Which.LAST).orElseThrow();
        Checkpoints.State state = Checkpoints.verify(last).state();
        return new TrainingLoop.Outcome(
                state.step(),
                false,
                Optional.ofNullable(state.bestScore()),
                training.folder().dir());
    }
}
