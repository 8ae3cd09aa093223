package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.bench.BenchModel;
import org.rafclip.bench.ComposeBench;
import org.rafclip.bench.EncodeBench;
import org.rafclip.bench.EncodeComparison;
import org.rafclip.bench.MemoryBench;
import org.rafclip.bench.Peer;
import org.rafclip.bench.TrainBench;
import org.rafclip.eval.Table;
import org.rafclip.launch.ProgressLine;
import org.rafclip.ops.Parallel;
import org.rafclip.run.Configs;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Measures what training and encoding cost on this machine. */
@Command(
        name = "bench",
        description = "Measure what training and encoding cost on this machine.",
        footer = {"", "Example:", "  ./rafclip bench train --model vit-b-32"},
        subcommands = {
            BenchCommand.Train.class,
            BenchCommand.Compose.class,
            BenchCommand.Memory.class,
            BenchCommand.Encode.class,
            HelpCommand.class
        })
final class BenchCommand {

    private static final String VIT = "vit-b-32";
    private static final String COMPOSER = "experiments/configs/agcn-fashioniq.yaml";
    private static final String SMALL = "experiments/configs/rafclip-deepfashion-small.yaml";

    /** What all measurements take, and how they show and write their results. */
    static final class Common {

        @Spec(Spec.Target.MIXEE)
        private CommandSpec spec;

        @Option(
                names = "--json",
                paramLabel = "FILE",
                description = "Write every figure, with its provenance, to this file.")
        private Path json;

        @Option(
                names = "--seed",
                defaultValue = "1",
                description = "Of pixels, labels and weights; default: ${DEFAULT-VALUE}.")
        private long seed;

        PrintWriter out() {
            return spec.commandLine().getOut();
        }

        int positive(String option, int value) {
            if (value < 1) {
                throw new ParameterException(spec.commandLine(), option + " must be at least 1, not " + value);
            }
            return value;
        }

        int within(String option, int value, int most) {
            if (value < 1 || value > most) {
                throw new ParameterException(
                        spec.commandLine(), option + " must be between 1 and " + most + ", not " + value);
            }
            return value;
        }

        void write(Record result, Record settings) {
            if (json != null) {
                Provenance provenance = CommandLines.provenance(spec, settings, seed, "random pixels and labels");
                new JsonReport<>(result, provenance).write(json);
            }
        }

        /** A model by name or file; without one the project's own small configuration is found wherever one starts. */
        static BenchModel subject(String nameOrFile) {
            return BenchModel.of(nameOrFile.equals(SMALL) ? shipped(SMALL).toString() : nameOrFile);
        }

        /** A configuration that comes with the project. */
        static Path shipped(String file) {
            return Path.of(System.getProperty("rafclip.home", ".")).resolve(file);
        }
    }

    private static double gemm() {
        return Machine.measure().allThreads();
    }

    /** Shows what is being measured while a measurement runs. */
    private static <T, E extends Exception> T watched(String label, Measurement<T, E> measurement) throws E {
        try (ProgressLine progress = new ProgressLine(ProgressLine.View.standardError(), label, "measurements", 0, 0)) {
            return measurement.run(what -> progress.advance(1, what));
        }
    }

    private interface Measurement<T, E extends Exception> {
        T run(Consumer<String> progress) throws E;
    }

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
                "  ./rafclip bench compose --steps 5 --json compose.json",
                "  ./rafclip bench compose --config experiments/configs/agcn-deepfashion-small.yaml"
                        + " --model experiments/configs/rafclip-deepfashion-small.yaml"
            })
    static final class Compose implements Callable<Integer> {

        @Mixin
        private Common common;

        @Option(
                names = "--config",
                paramLabel = "FILE",
                description = "A composer's YAML file; default: " + COMPOSER + ".")
        private Path config;

        @ArgGroup
        private Encoder encoder = new Encoder();

        private static final class Encoder {

            @Option(
                    names = "--model",
                    paramLabel = "NAME|CONFIG",
                    description = "The encoder: a built-in model or a run's YAML file; default: " + VIT + ".")
            private String model;

            @Option(names = "--run", paramLabel = "DIR", description = "The encoder of a RaF-CLIP run.")
            private Path run;
        }

        @Option(
                names = "--batch",
                paramLabel = "N",
                description = "Queries a step; default: what the YAML file says, 128.")
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

        @Override
        public Integer call() throws IOException {
            Path file = config == null ? Common.shipped(COMPOSER) : config;
            AgcnConfig run = Configs.load(
                    file,
                    List.of("rafclip.run=.", "data.dir=.", "data.fashioniq=null", "output.dir=."),
                    AgcnConfig.class);
            int queries = batch == null ? run.train().batchSize() : common.positive("--batch", batch);
            ComposeBench.Settings settings = new ComposeBench.Settings(
                    common.positive("--triplets", triplets), queries, common.positive("--steps", steps), common.seed);
            if (triplets < queries) {
                throw new ParameterException(
                        common.spec.commandLine(),
                        "--triplets must be at least the batch, " + queries + ", not " + triplets);
            }
            BenchModel subject = encoder.run != null
                    ? BenchModel.ofRun(encoder.run)
                    : Common.subject(encoder.model == null ? VIT : encoder.model);
            ComposeBench.ComposerSetup composing = new ComposeBench.ComposerSetup(
                    file.getFileName().toString().replaceFirst("\\.ya?ml$", ""),
                    run.composer(),
                    run.loss(),
                    run.train().microBatch(),
                    run.data().storage());
            ComposeBench.Result result;
            try (ProgressLine progress =
                    new ProgressLine(ProgressLine.View.standardError(), composing.name(), "measurements", 0, 0)) {
                result = new ComposeBench(
                                composing, subject, settings, BenchCommand::gemm, what -> progress.advance(1, what))
                        .run(Parallel.standard().threads());
            }
            result.tables().forEach(table -> common.out().println(table.toText()));
            common.out().flush();
            common.write(result, new Composed(composing, subject, settings));
            return 0;
        }
    }

    /** What was measured, for the provenance. */
    record Composed(ComposeBench.ComposerSetup composing, BenchModel encoder, ComposeBench.Settings settings) {}

    @Command(
            name = "train",
            description = {
                "Time RaF-CLIP's training step on random pixels and labels.",
                "A garment gives two images (crop and region), a category text and six attribute texts. Counted are the"
                        + " matrix products that are done, two operations for a multiplication and an addition; a"
                        + " gradient counts twice its forward pass."
            },
            footer = {
                "",
                "Examples:",
                "  ./rafclip bench train",
                "  ./rafclip bench train --model vit-b-32 --steps 5 --peer --json bench.json"
            })
    static final class Train implements Callable<Integer> {

        @Mixin
        private Common common;

        @Option(
                names = "--model",
                paramLabel = "NAME|CONFIG",
                description = "A built-in model or a run's YAML file, several times for several; default: " + VIT
                        + " and " + SMALL + ".")
        private List<String> models = List.of(VIT, SMALL);

        @Option(
                names = "--batch",
                paramLabel = "N",
                description = "Garments a step; default: 32, or what the YAML file says.")
        private Integer batch;

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
            List<TrainBench.Result> results = new ArrayList<>();
            List<BenchModel> subjects = models.stream().map(Common::subject).toList();
            for (BenchModel subject : subjects) {
                int garments = batch == null ? subject.train().batchSize() : common.positive("--batch", batch);
                TrainBench.Settings settings =
                        new TrainBench.Settings(garments, steps, categories, !withoutNaive, common.seed);
                Peer other = peer ? Peer.pytorch() : null;
                TrainBench.Result result = watched(
                        subject.name(),
                        progress -> new TrainBench(subject, settings, BenchCommand::gemm, progress)
                                .run(other, Parallel.standard().threads()));
                result.tables().forEach(table -> common.out().println(table.toText()));
                common.out().flush();
                results.add(result);
            }
            common.write(new Results(results), new Measured(subjects));
            return 0;
        }
    }

    /** Several models' results. */
    record Results(List<TrainBench.Result> models) {}

    /** What was measured, for the provenance. */
    record Measured(List<BenchModel> subjects) {}

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
    static final class Memory implements Callable<Integer> {

        @Mixin
        private Common common;

        @Option(
                names = "--model",
                paramLabel = "NAME|CONFIG",
                defaultValue = SMALL,
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
                        "Images, and texts, in memory with their activations at a time; default: ${DEFAULT-VALUE}.")
        private int microBatch;

        @Option(
                names = "--steps",
                paramLabel = "N",
                defaultValue = "500",
                description = "How many; default: ${DEFAULT-VALUE}.")
        private int steps;

        @Override
        public Integer call() {
            BenchModel subject = Common.subject(model);
            MemoryBench.Settings settings = new MemoryBench.Settings(
                    common.positive("--batch", batch),
                    common.positive("--micro-batch", microBatch),
                    common.positive("--steps", steps),
                    50,
                    common.seed);
            MemoryBench.Result result =
                    watched(subject.name(), progress -> new MemoryBench(subject, settings, progress).run());
            common.out().println(result.table().toText());
            common.out().flush();
            common.write(result, new Measured(List.of(subject)));
            return 0;
        }
    }

    @Command(
            name = "encode",
            description = {
                "Time the encoding of images and texts, and what cutting texts at the longest saves.",
                "With --onnx: beside ONNX Runtime, in turns on the same inputs, and beside the imported graphs."
            },
            footer = {
                "",
                "Examples:",
                "  ./rafclip bench encode --model vit-b-32 --batch 64",
                "  python3 onnx/export/export_openclip.py --random vit-b-32 --out exported/random",
                "  ./rafclip bench encode --onnx exported/random --json encode.json"
            })
    static final class Encode implements Callable<Integer> {

        @Mixin
        private Common common;

        @Option(
                names = "--model",
                paramLabel = "NAME|CONFIG",
                defaultValue = VIT,
                description = "A built-in model or a run's YAML file; default: ${DEFAULT-VALUE}.")
        private String model;

        @Option(
                names = "--batch",
                paramLabel = "N",
                defaultValue = "32",
                description = "Images, and texts, at a time; default: ${DEFAULT-VALUE}.")
        private int batch;

        @Option(
                names = "--repeats",
                paramLabel = "N",
                defaultValue = "10",
                description = "Measured batches, after the first; default: ${DEFAULT-VALUE}.")
        private int repeats;

        @Option(
                names = "--onnx",
                paramLabel = "DIR",
                description = "Folder of image.onnx and text.onnx, exported from the same architecture.")
        private Path onnx;

        @Override
        public Integer call() throws IOException {
            BenchModel subject = Common.subject(model);
            EncodeBench.Settings settings = new EncodeBench.Settings(
                    common.positive("--batch", batch), common.positive("--repeats", repeats), common.seed);
            if (onnx == null) {
                EncodeBench.Result result = watched(
                        subject.name(),
                        progress -> new EncodeBench(subject, settings, BenchCommand::gemm, progress).run());
                show(result.table(), result, subject);
            } else {
                EncodeComparison.Result result = watched(
                        subject.name(),
                        progress -> new EncodeComparison(subject, onnx, settings, BenchCommand::gemm, progress).run());
                show(result.table(), result, subject);
            }
            return 0;
        }

        private void show(Table table, Record result, BenchModel subject) {
            common.out().println(table.toText());
            common.out().flush();
            common.write(result, new Measured(List.of(subject)));
        }
    }
}
