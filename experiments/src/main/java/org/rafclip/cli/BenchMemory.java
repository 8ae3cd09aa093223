package org.rafclip.cli;

import java.util.List;
import java.util.concurrent.Callable;
import org.rafclip.bench.BenchModel;
import org.rafclip.bench.MemoryBench;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Watches the memory of a training. */
@Command(
        name = "memory",
        description = {
            "Watch the memory of a training whose batches have ever other texts.",
            "For example, that of 500 steps of a small model, or the peak of one large step."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip bench memory --steps 500",
            "  ./rafclip bench memory --model vit-b-32 --batch 256 --micro-batch 16 --steps 1"
        })
final class BenchMemory implements Callable<Integer> {

    @Mixin
    private BenchOptions common;

    @Option(
            names = "--model",
            paramLabel = "NAME|CONFIG",
            defaultValue = BenchOptions.SMALL,
            description = "A built-in model or a run's YAML file; default: ${DEFAULT-VALUE}.")
    private String model;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "16",
            description = "Garments a step, each with two images; default: ${DEFAULT-VALUE}.")
    private int batch;

    @Option(
            names = "--micro-batch",
            paramLabel = "N",
            defaultValue = "256",
            description =
                    "Images, and texts, that go through in one pass; more are cut into chunks of this size, of 64 at most."
                            + " Default: ${DEFAULT-VALUE}.")
    private int microBatch;

    @Mixin
    private BenchOptions.Adapters adapters;

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "500",
            description = "How many; default: ${DEFAULT-VALUE}.")
    private int steps;

    @Override
    public Integer call() {
        BenchModel subject = adapters.in(BenchOptions.subject(model));
        MemoryBench.Work work = new MemoryBench.Work(
                common.positive("--batch", batch),
                common.positive("--micro-batch", microBatch),
                common.positive("--steps", steps),
                50,
                common.seed());
        Machine.loadNd4j();
        MemoryBench.Result result =
                BenchOptions.watched(subject.name(), progress -> new MemoryBench(subject, work, progress).run());
        common.out().println(result.table().toText());
        common.out().flush();
        common.write(result, new BenchOptions.Measured(List.of(subject)));
        return 0;
    }
}
