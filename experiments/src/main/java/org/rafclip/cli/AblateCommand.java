package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.rafclip.experiment.SuiteConfig;
import org.rafclip.run.Configs;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Runs a suite of experiments. */
@Command(
        name = "ablate",
        description = {
            "Run the experiments of a suite: the paper's tables and figures and further ablations.",
            "What a suite has computed is reused where its inputs are the same, also after a kill: start it again and it"
                    + " goes on. An experiment that fails is recorded, and the others go on.",
            "With --master, trainings and measurements are done side by side, each by a process of Spark's machines; what comes"
                    + " out is the same."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip ablate experiments/configs/suite-generated.yaml",
            "  ./rafclip ablate experiments/configs/suite-deepfashion.yaml data.dir=DIR --plan",
            "  ./rafclip ablate experiments/configs/suite-deepfashion.yaml data.dir=DIR --only table5,figure6",
            "  ./rafclip ablate experiments/configs/suite-generated.yaml --master spark://HOST:7077 --executor-cores 4"
        })
final class AblateCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Mixin
    private SuiteRun run;

    @Mixin
    private MachineOptions machines;

    @Parameters(index = "0", paramLabel = "FILE", description = "The suite's YAML file.")
    private Path file;

    @Parameters(
            index = "1..*",
            paramLabel = "KEY=VALUE",
            description = "Overrides such as data.dir=DIR or seeds=[1,2].")
    private List<String> overrides = List.of();

    @Option(names = "--plan", description = "Only say what would be done, and write nothing into the suite's folder.")
    private boolean planOnly;

    @Override
    public Integer call() throws IOException, InterruptedException {
        return run.run(Configs.load(file, overrides, SuiteConfig.class), file, planOnly, machines.machines());
    }
}
