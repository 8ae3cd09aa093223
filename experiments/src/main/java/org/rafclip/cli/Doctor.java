package org.rafclip.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Prints what this machine offers, measures its matrix products, and says what to change where that is little. */
@Command(
        name = "doctor",
        description = "Show what this machine can do, and what to change when it is slow.",
        footer = {"", "Example:", "  ./rafclip doctor"})
final class Doctor implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        Machine machine = Machine.examine();
        out.println(machine.describe());
        out.flush();
        Machine.Speed speed = Machine.Speed.measure();
        out.println(machine.describe(speed));
        List<String> advice = machine.advice(speed);
        out.println();
        if (advice.isEmpty()) {
            out.println("Nothing to change.");
        } else {
            out.println("To change:");
            advice.forEach(line -> out.println("- " + line));
        }
        out.flush();
        return 0;
    }
}
