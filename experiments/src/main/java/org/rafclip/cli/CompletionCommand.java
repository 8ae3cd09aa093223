package org.rafclip.cli;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What a shell needs to complete the command line. */
@Command(
        name = "completion",
        description = {
            "Print a script by which a shell completes commands, options and their values at a press of the tab key.",
            "For every new shell, put the line of the example into ~/.bashrc or ~/.zshrc, with the whole path."
        },
        footer = {"", "Examples:", "  source <(./rafclip completion bash)", "  source <(./rafclip completion zsh)"})
final class CompletionCommand implements Callable<Integer> {

    private enum Shell {
        BASH,
        ZSH
    }

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "SHELL", description = "${COMPLETION-CANDIDATES}.")
    private Shell shell;

    @Override
    public Integer call() {
        // One script for both: it turns zsh's own completion of bash scripts on.
        spec.commandLine()
                .getOut()
                .println(AutoComplete.bash(spec.root().name(), spec.root().commandLine()));
        spec.commandLine().getOut().flush();
        return 0;
    }
}
