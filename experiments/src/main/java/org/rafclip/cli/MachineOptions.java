package org.rafclip.cli;

import java.util.Optional;
import org.rafclip.run.Machines;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Machines that are asked for help. */
final class MachineOptions {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--master",
            paramLabel = "URL",
            description =
                    "Spark's master: spark://HOST:7077, or local[N] for N threads of this machine. Everything that is"
                            + " read and written, the program too, lies in folders that all machines share.")
    private String master;

    @Option(
            names = "--executor-cores",
            paramLabel = "N",
            description = "Cores of a process on Spark's machines; each has one model. Default: 1.")
    private Integer cores;

    @Option(
            names = "--executor-memory",
            paramLabel = "SIZE",
            description = "Java heap of such a process, beside which it needs room for its model. Default: 1g.")
    private String memory;

    /** Empty where everything is to be done here. */
    Optional<Machines> machines() {
        if (master == null) {
            if (cores != null || memory != null) {
                throw new ParameterException(
                        spec.commandLine(),
                        (cores != null ? "--executor-cores" : "--executor-memory") + " belongs to --master");
            }
            return Optional.empty();
        }
        if (cores != null) {
            CommandLines.atLeast(spec, "--executor-cores", cores, 1);
        }
        try {
            return Optional.of(new Machines(master, cores == null ? 1 : cores, memory == null ? "1g" : memory));
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--executor-memory: " + e.getMessage());
        }
    }
}
