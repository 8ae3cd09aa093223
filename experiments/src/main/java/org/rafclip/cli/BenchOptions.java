package org.rafclip.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.rafclip.bench.BenchModel;
import org.rafclip.bench.Yardstick;
import org.rafclip.launch.ProgressLine;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.Precision;
import org.rafclip.ops.Processor;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What all measurements take, and how they show and write their results. */
final class BenchOptions {

    static final String VIT = "vit-b-32";
    static final String COMPOSER = "experiments/configs/agcn-fashioniq.yaml";
    static final String SMALL = "experiments/configs/rafclip-deepfashion-small.yaml";

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

    long seed() {
        return seed;
    }

    /** Adapters of what is measured. */
    static final class Adapters {

        @Spec(Spec.Target.MIXEE)
        private CommandSpec spec;

        @Option(
                names = "--lora",
                paramLabel = "RANK",
                description =
                        "Train adapters of this rank in place of the parameters. Default: what the YAML file says, or none.")
        private Integer rank;

        BenchModel in(BenchModel subject) {
            if (rank == null) {
                return subject;
            }
            if (rank < 1) {
                throw new ParameterException(spec.commandLine(), "--lora must be at least 1, not " + rank);
            }
            return subject.adapted(rank);
        }
    }

    /** @return to be thrown */
    ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    PrintWriter out() {
        return spec.commandLine().getOut();
    }

    int positive(String option, int value) {
        if (value < 1) {
            throw wrong(option + " must be at least 1, not " + value);
        }
        return value;
    }

    int within(String option, int value, int most) {
        if (value < 1 || value > most) {
            throw wrong(option + " must be between 1 and " + most + ", not " + value);
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

    /** What the speed of all threads in a precision is held against. */
    static Yardstick yardstick(Precision wanted) {
        return Yardstick.of(
                () -> Machine.measure(wanted),
                Processor.here(),
                Parallel.standard().threads(),
                wanted);
    }

    /** Shows what is being measured while a measurement runs. */
    static <T, E extends Exception> T watched(String label, Measurement<T, E> measurement) throws E {
        try (ProgressLine progress = new ProgressLine(ProgressLine.View.standardError(), label, "measurements", 0, 0)) {
            return measurement.run(what -> progress.advance(1, what));
        }
    }

    interface Measurement<T, E extends Exception> {
        T run(Consumer<String> progress) throws E;
    }

    /** What was measured, for the provenance. */
    record Measured(List<BenchModel> subjects) {}
}
