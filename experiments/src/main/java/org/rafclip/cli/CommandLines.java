package org.rafclip.cli;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** What a command refuses beyond what picocli can be told. */
final class CommandLines {

    private CommandLines() {}

    /** @throws ParameterException if an option's number is too small */
    static void atLeast(CommandSpec spec, String option, int value, int least) {
        if (value < least) {
            throw new ParameterException(
                    spec.commandLine(), "Invalid value for option '" + option + "': " + value + " is below " + least);
        }
    }
}
