package org.rafclip.cli;

import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import org.rafclip.data.DataException;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Provenance;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;

/**
 * The {@code rafclip} command.
 *
 * <p>Exit codes: 0 done; 1 it could not be done (bad data, a full disk, a failed check); 2 the command line itself is
 * wrong. What a user can mend is said in one line, {@code --stacktrace} shows where it came from; anything else is a
 * fault of the program and always comes with its trace.
 *
 * <p>A command is a {@code Callable<Integer>} that returns the exit code, with picocli's {@link Command} and a footer
 * that gives an example. Its class goes into the list of subcommands here or in its group.
 */
@Command(
        name = "rafclip",
        description = "Region-aware fashion contrastive learning: train, evaluate, measure.",
        footer = {
            "",
            "Example:",
            "  ./rafclip train experiments/configs/rafclip-deepfashion-small.yaml \\",
            "      data.dir=DIR output.dir=runs/raf"
        },
        subcommands = {
            Doctor.class,
            DataCommand.class,
            ModelCommand.class,
            TrainCommand.class,
            SweepCommand.class,
            EvalCommand.class,
            SearchCommand.class,
            ReportCommand.class,
            DemoCommand.class,
            AblateCommand.class,
            BenchCommand.class,
            OnnxCommand.class,
            HelpCommand.class
        },
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        versionProvider = Main.Version.class)
public final class Main {

    private static final int FAILED = 1;
    private static final int WRONG_COMMAND_LINE = 2;

    /** Exceptions whose message is written for the user. */
    private static final List<Class<? extends Exception>> FOR_THE_USER =
            List.of(DataException.class, ConfigException.class);

    /** The build that runs and the JVM it runs on. */
    static final class Version implements IVersionProvider {

        @Override
        public String[] getVersion() {
            Provenance.Code code = Provenance.Code.current();
            String state = Boolean.TRUE.equals(code.dirty()) ? ", with changes" : "";
            return new String[] {
                "rafclip " + code.version() + " (commit " + code.commit() + state + ")",
                "JVM ${java.version} (${java.vendor} ${java.vm.name} ${java.vm.version})",
                "${os.name} ${os.version} ${os.arch}"
            };
        }
    }

    @Option(
            names = "--stacktrace",
            scope = ScopeType.INHERIT,
            description = "When something goes wrong, show where in the program.")
    private boolean stacktrace;

    public static void main(String[] args) {
        int exitCode = FAILED;
        try {
            exitCode = commandLine().execute(args);
        } catch (OutOfMemoryError e) {
            System.err.println("rafclip: out of memory (" + e.getMessage() + "). Lower the micro-batch, or see"
                    + " ./rafclip doctor for the limits and how to raise them.");
        }
        System.exit(exitCode);
    }

    /** The command with its subcommands, ready to {@link CommandLine#execute}. */
    static CommandLine commandLine() {
        return configure(new CommandLine(new Main()));
    }

    /** What holds for every command of ours, whoever builds its {@link CommandLine}. */
    static CommandLine configure(CommandLine commandLine) {
        return commandLine
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(true)
                .setParameterExceptionHandler(Main::wrongCommandLine)
                .setExecutionExceptionHandler(Main::failed);
    }

    private static int wrongCommandLine(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        PrintWriter err = command.getErr();
        err.println("rafclip: " + e.getMessage());
        if (!CommandLine.UnmatchedArgumentException.printSuggestions(e, err)) {
            err.println("See: ./" + command.getCommandSpec().qualifiedName() + " --help");
        }
        return WRONG_COMMAND_LINE;
    }

    private static int failed(Exception e, CommandLine command, ParseResult arguments) {
        PrintWriter err = command.getErr();
        Main main = (Main) command.getCommandSpec().root().userObject();
        String message = forTheUser(e);
        if (message != null) {
            err.println("rafclip: " + message);
            if (main.stacktrace) {
                e.printStackTrace(err);
            }
        } else {
            err.println("rafclip: this should not have happened; it is a fault of the program, please report it.");
            e.printStackTrace(err);
        }
        return FAILED;
    }

    /** One line that says what is wrong, or null for a fault of the program. */
    static String forTheUser(Throwable e) {
        if (FOR_THE_USER.stream().anyMatch(type -> type.isInstance(e))) {
            return e.getMessage();
        }
        Throwable cause = e instanceof UncheckedIOException ? e.getCause() : e;
        if (cause instanceof NoSuchFileException missing) {
            return missing.getReason() != null
                    ? missing.getMessage()
                    : missing.getFile() + ": there is no such file or folder.";
        } else if (cause instanceof FileAlreadyExistsException exists) {
            return exists.getFile() + ": exists already.";
        } else if (cause instanceof AccessDeniedException denied) {
            return denied.getFile() + ": the file's permissions do not allow this.";
        } else if (cause instanceof FileSystemException file) {
            return file.getMessage();
        }
        return null;
    }
}
