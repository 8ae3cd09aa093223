package org.rafclip.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.rafclip.bench.BenchModel;
import org.rafclip.bench.Peer;
import org.rafclip.bench.TrainBench;
import org.rafclip.ops.Parallel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Times RaF-CLIP's training step. */
@Command(
        name = "train",
        description = {
            "Time RaF-CLIP's training step on random pixels and labels.",
            "A garment gives two images (crop and region), a category text and six attribute texts,"
                    + " and a sentence where the configuration has them. Counted are the matrix products that are"
                    + " done, two operations for a multiplication and an addition; a gradient counts twice its"
                    + " forward pass."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip bench train",
            "  ./rafclip bench train --model vit-b-32 --steps 5 --peer --json bench.json"
        })
final class BenchTrain implements Callable<Integer> {

    @Mixin
    private BenchOptions common;

    @Mixin
    private PrecisionOption.OfTraining precision;

    @Option(
            names = "--model",
            paramLabel = "NAME|CONFIG",
            description = "A built-in model or a run's YAML file, several times for several; default: "
                    + BenchOptions.VIT + " and " + BenchOptions.SMALL + ".")
    private List<String> models = List.of(BenchOptions.VIT, BenchOptions.SMALL);

    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "Garments a step; default: 32, or what the YAML file says.")
    private Integer batch;

    @Mixin
    private BenchOptions.Adapters adapters;

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "9",
            description = "Measured steps, after warm-up; default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(
            names = "--categories",
            paramLabel = "N",
            defaultValue = "50",
            description = "Clothing categories, 1 to 50; fewer share more texts; default: ${DEFAULT-VALUE}.")
    private int categories;

    @Option(names = "--no-naive", description = "Leave out other ways to handle texts, which take long.")
    private boolean withoutNaive;

    @Option(names = "--peer", description = "Time the same step in PyTorch too, in turns with ours.")
    private boolean peer;

    @Override
    public Integer call() {
        common.positive("--steps", steps);
        common.within("--categories", categories, 50);
        Machine.loadNd4j();
        List<TrainBench.Result> results = new ArrayList<>();
        List<BenchModel> subjects =
                models.stream().map(BenchOptions::subject).map(adapters::in).toList();
        if (peer && subjects.stream().anyMatch(subject -> subject.train().lora() != null)) {
            throw common.wrong("--peer trains whole models: leave it or the adapters (--lora, train.lora) away");
        }
        for (BenchModel subject : subjects) {
            int garments = batch == null ? subject.train().batchSize() : common.positive("--batch", batch);
            TrainBench.Work work = new TrainBench.Work(garments, steps, categories, !withoutNaive, common.seed());
            Peer other = peer ? Peer.pytorch() : null;
            TrainBench.Result result = BenchOptions.watched(
                    subject.name(),
                    progress -> new TrainBench(
                                    subject,
                                    work,
                                    BenchOptions.yardstick(precision.precision(subject.train())),
                                    progress)
                            .run(other, Parallel.standard().threads()));
            result.tables().forEach(table -> common.out().println(table.toText()));
            common.out().flush();
            results.add(result);
        }
        common.write(new Results(results), new BenchOptions.Measured(subjects));
        return 0;
    }

    /** Several models' results. */
    private record Results(List<TrainBench.Result> models) {}
}
