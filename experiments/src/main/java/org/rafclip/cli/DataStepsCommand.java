package org.rafclip.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import org.rafclip.data.prepare.Preparation;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Lists the words of preparation pipelines. */
@Command(
        name = "steps",
        description = "List the steps that image preparations are made of, with their arguments.",
        footer = {"", "Example:", "  ./rafclip data steps"})
final class DataStepsCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        List<Preparation.StepForm> forms = Preparation.stepForms();
        PrintWriter out = spec.commandLine().getOut();
        forms.forEach(step -> out.printf("%s%n    %s%n", step.form(), step.does()));
        out.println();
        out.println("A preparation runs steps one after the other, written with |, for example");
        out.println("    mask(mean) | crop | resize(224) | center-crop(224) | normalize(clip)");
        out.println("Arguments go by position or by name; those with a value after = may be left out.");
        out.println("Sizes are 224 or WIDTHxHEIGHT, ranges 0.08..1, fills mean, black, white or #rrggbb.");
        out.flush();
        return 0;
    }
}
