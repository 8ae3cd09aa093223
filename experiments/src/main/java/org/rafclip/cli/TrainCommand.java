package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.rafclip.launch.Training;
import org.rafclip.train.TrainingLoop;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Trains from one YAML file. */
@Command(
        name = "train",
        description = {
            "Train from a YAML file; further arguments override its keys.",
            "A file with a section composer trains AGCN or another composer on features of a finished RaF-CLIP run, any"
                    + " other file RaF-CLIP."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip train experiments/configs/rafclip-deepfashion-small.yaml data.dir=DIR output.dir=runs/raf",
            "  ./rafclip train experiments/configs/rafclip-deepfashion-small.yaml data.dir=DIR output.dir=runs/raf --resume",
            "  ./rafclip train experiments/configs/agcn-deepfashion-small.yaml data.dir=DIR rafclip.run=runs/raf output.dir=runs/agcn"
        })
final class TrainCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "CONFIG", description = "The run's YAML file.")
    private Path file;

    @Parameters(index = "1..*", paramLabel = "KEY=VALUE", description = "Overrides such as train.batch-size=64.")
    private List<String> overrides = List.of();

    @Option(
            names = "--resume",
            description = "Go on with the run in output.dir from its last checkpoint; with"
                    + " a larger train.epochs, beyond the end that it was to have.")
    private boolean resume;

    @Override
    public Integer call() throws IOException, InterruptedException {
        Training training = Training.load(file, overrides);
        Machine.loadNd4j();
        TrainingLoop.Outcome outcome =
                training.train(resume, training.provenance(Machine.libraries(), CommandLines.arguments(spec)));
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
}
