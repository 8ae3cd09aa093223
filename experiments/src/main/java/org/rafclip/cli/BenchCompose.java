package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.bench.BenchModel;
import org.rafclip.bench.ComposeBench;
import org.rafclip.bench.ComposerPeer;
import org.rafclip.launch.ProgressLine;
import org.rafclip.ops.Parallel;
import org.rafclip.run.Configs;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Times the training of a composer. */
@Command(
        name = "compose",
        description = {
            "Time a composer's training on cached features, and what the cache saves.",
            "Features are random numbers on disk; captions have as many words as FashionIQ's. A step waits for its"
                    + " batch, computes loss and gradient, and updates. The epoch on the cache stands beside one that"
                    + " encodes every batch anew. Counted are the matrix products that are done, two operations for a"
                    + " multiplication and an addition."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip bench compose --steps 5 --peer --json compose.json",
            "  ./rafclip bench compose --config experiments/configs/agcn-deepfashion-small.yaml"
                    + " --model experiments/configs/rafclip-deepfashion-small.yaml"
        })
final class BenchCompose implements Callable<Integer> {

    @Mixin
    private BenchOptions common;

    @Mixin
    private PrecisionOption.OfTraining precision;

    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "A composer's YAML file; default: " + BenchOptions.COMPOSER + ".")
    private Path config;

    @ArgGroup
    private Encoder encoder = new Encoder();

    private static final class Encoder {

        @Option(
                names = "--model",
                paramLabel = "NAME|CONFIG",
                description = "The encoder: a built-in model or a run's YAML file; default: " + BenchOptions.VIT + ".")
        private String model;

        @Option(names = "--run", paramLabel = "DIR", description = "The encoder of a RaF-CLIP run.")
        private Path run;
    }

    @Option(names = "--batch", paramLabel = "N", description = "Queries a step; default: what the YAML file says, 128.")
    private Integer batch;

    @Option(
            names = "--triplets",
            paramLabel = "N",
            defaultValue = "18000",
            description = "Triplets of an epoch; default: ${DEFAULT-VALUE}, as FashionIQ has.")
    private int triplets;

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "6",
            description = "Measured steps, after warm-up; default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(names = "--peer", description = "Time the same step in PyTorch too, in turns with ours.")
    private boolean peer;

    @Override
    public Integer call() throws IOException {
        Path file = config == null ? BenchOptions.shipped(BenchOptions.COMPOSER) : config;
        AgcnConfig run = Configs.load(
                file, List.of("rafclip.run=.", "data.dir=.", "data.fashioniq=null", "output.dir=."), AgcnConfig.class);
        int queries = batch == null ? run.train().batchSize() : common.positive("--batch", batch);
        ComposeBench.Work work = new ComposeBench.Work(
                common.positive("--triplets", triplets), queries, common.positive("--steps", steps), common.seed());
        if (triplets < queries) {
            throw common.wrong("--triplets must be at least the batch, " + queries + ", not " + triplets);
        }
        Machine.loadNd4j();
        BenchModel subject = encoder.run != null
                ? BenchModel.ofRun(encoder.run)
                : BenchOptions.subject(encoder.model == null ? BenchOptions.VIT : encoder.model);
        ComposeBench.ComposerSetup composing = new ComposeBench.ComposerSetup(
                file.getFileName().toString().replaceFirst("\\.ya?ml$", ""),
                run.composer(),
                run.loss(),
                run.train(),
                run.data().storage());
        ComposerPeer other = peer ? ComposerPeer.pytorch() : null;
        ComposeBench.Result result;
        try (ProgressLine progress =
                new ProgressLine(ProgressLine.View.standardError(), composing.name(), "measurements", 0, 0)) {
            result = new ComposeBench(
                            composing,
                            subject,
                            work,
                            BenchOptions.yardstick(precision.precision(run.train())),
                            what -> progress.advance(1, what))
                    .run(other, Parallel.standard().threads());
        }
        result.tables().forEach(table -> common.out().println(table.toText()));
        common.out().flush();
        common.write(result, new Composed(composing, subject, work));
        return 0;
    }

    /** What was measured, for the provenance. */
    private record Composed(ComposeBench.ComposerSetup composing, BenchModel encoder, ComposeBench.Work settings) {}
}
