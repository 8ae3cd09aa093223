package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.rafclip.experiment.SuiteConfig;
import org.rafclip.run.Configs;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The paper on drawn photos, with nothing to prepare. */
@Command(
        name = "demo",
        description = {
            "Draw photos of garments, train RaF-CLIP and AGCN on them, and make the paper's tables and figures from that:"
                    + " sized for ten minutes on two cores.",
            "Started again it goes on where it stopped, or shows what is there. The same seed gives the same tables."
        },
        footer = {"", "Example:", "  ./rafclip demo --out runs/demo"})
final class DemoCommand implements Callable<Integer> {

    @Mixin
    private SuiteRun run;

    @Option(
            names = "--out",
            defaultValue = "runs/demo",
            paramLabel = "DIR",
            description = "Where everything goes. Default: ${DEFAULT-VALUE}.")
    private Path out;

    @Option(
            names = "--seed",
            defaultValue = "1",
            paramLabel = "N",
            description = "Of all trainings. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--suite",
            defaultValue = "${sys:rafclip.home}/experiments/configs/suite-demo.yaml",
            paramLabel = "FILE",
            description = "What is done. Default: experiments/configs/suite-demo.yaml of this project.")
    private Path suite;

    @Override
    public Integer call() throws IOException, InterruptedException {
        SuiteConfig config = Configs.load(suite, List.of(), SuiteConfig.class);
        return run.run(config.with(seed, out), suite, false, Optional.empty());
    }
}
